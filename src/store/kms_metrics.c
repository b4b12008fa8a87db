#include "store/kms_metrics.h"

#include "auth/crypto.h"
#include "base/clock.h"
#include "base/encode.h"
#include "http/grpc.h"

const char *const kms_method_names[KMS_METHODS] = {
    "/v2.KeyManagementService/Status",
    "/v2.KeyManagementService/Encrypt",
    "/v2.KeyManagementService/Decrypt",
};

void kms_hash(struct str key_id, char out[72])
{
    unsigned char digest[32];
    _cleanup_buf_ struct buf text = {0};
    if (key_id.n) {
        crypto_sha256(key_id.p, key_id.n, digest);
        buf_add_lit(&text, "sha256:");
        encode_hex(&text, str_slice((char *)digest, sizeof digest));
        memcpy(out, text.p, text.n);
    }
    out[text.n] = 0;
}

/* --- counting --- */

/* 0.1 ms, and twice as much each time. */
static double bound_of(int bucket)
{
    return 0.0001 * (double)(1u << bucket);
}

void kms_count_call(struct kms_counts *c, enum kms_method method, int64_t code, int64_t ns)
{
    struct kms_latency *l = &c->latency[method][code >= 0 && code < KMS_CODES - 1 ? code : KMS_CODES - 1];
    double s = (double)ns / (double)CLOCK_S;
    l->count++;
    l->sum_s += s;
    for (int i = 0; i < KMS_BUCKETS; i++)
        l->buckets[i] += s <= bound_of(i);
}

static int64_t last_of(const struct kms_key *k)
{
    int64_t last = k->seen_at;
    for (int i = 0; i < KMS_USES; i++)
        last = k->used_at[i] > last ? k->used_at[i] : last;
    return last;
}

static struct kms_key *key_of(struct kms_counts *c, struct str key_id)
{
    char hash[72];
    struct kms_key *oldest = &c->keys[0];
    kms_hash(key_id, hash);
    for (struct kms_key *k = c->keys; k < c->keys + KMS_KEYS_SHOWN; k++) {
        if (strcmp(k->hash, hash) == 0)
            return k;
        oldest = last_of(k) < last_of(oldest) ? k : oldest;
    }
    *oldest = (struct kms_key){0};
    memcpy(oldest->hash, hash, sizeof hash);
    return oldest;
}

void kms_count_use(struct kms_counts *c, enum kms_use use, struct str key_id)
{
    struct kms_key *k = key_of(c, key_id);
    k->uses[use]++;
    k->used_at[use] = clock_wall();
}

void kms_count_seen(struct kms_counts *c, struct str key_id)
{
    key_of(c, key_id)->seen_at = clock_wall();
}

/* --- showing --- */

#define FAMILY "apiserver_envelope_encryption_"

void kms_metrics_head(enum kms_family f, struct buf *out)
{
    static const struct {
        const char *name, *help, *type;
    } heads[KMS_FAMILIES] = {
        [KMS_LATENCY] = {"kms_operations_latency_seconds",
                         "How long calls of key services took, by their outcome.", "histogram"},
        [KMS_KEY_USES] = {"key_id_hash_total", "How often a key was used, by way and provider.", "counter"},
        [KMS_KEY_USED_AT] = {"key_id_hash_last_timestamp_seconds", "When a key was last used.", "gauge"},
        [KMS_KEY_SEEN_AT] = {"key_id_hash_status_last_timestamp_seconds",
                             "When the service last named a key in its status.", "gauge"},
        [KMS_KEY_INVALID] = {"invalid_key_id_from_status_total",
                             "How often a service's status named no key, or one too long.", "counter"},
    };
    buf_addf(out, "# HELP " FAMILY "%s %s\n# TYPE " FAMILY "%s %s\n", heads[f].name, heads[f].help,
             heads[f].name, heads[f].type);
}

static void render_latency(const struct kms_latency *l, const char *labels, struct buf *out)
{
    for (int i = 0; i < KMS_BUCKETS; i++)
        buf_addf(out, FAMILY "kms_operations_latency_seconds_bucket{%s,le=\"%g\"} %llu\n", labels,
                 bound_of(i), (unsigned long long)l->buckets[i]);
    buf_addf(out,
             FAMILY "kms_operations_latency_seconds_bucket{%s,le=\"+Inf\"} %llu\n" FAMILY
                    "kms_operations_latency_seconds_sum{%s} %.9g\n" FAMILY
                    "kms_operations_latency_seconds_count{%s} %llu\n",
             labels, (unsigned long long)l->count, labels, l->sum_s, labels, (unsigned long long)l->count);
}

static void render_calls(const struct kms_counts *c, struct str provider, struct buf *out)
{
    _cleanup_arena_ struct arena a = {0};
    for (int m = 0; m < KMS_METHODS; m++)
        for (int code = 0; code < KMS_CODES; code++)
            if (c->latency[m][code].count)
                render_latency(
                    &c->latency[m][code],
                    arena_printf(&a,
                                 "grpc_status_code=\"%s\",method_name=\"%s\",provider_name=\"" STR_FMT "\"",
                                 grpc_code_name(code), kms_method_names[m], STR_ARG(provider))
                        .p,
                    out);
}

static void render_keys(const struct kms_counts *c, enum kms_family f, struct str provider, struct buf *out)
{
    static const char *const ways[KMS_USES] = {"from_storage", "to_storage"};
    for (const struct kms_key *k = c->keys; k < c->keys + KMS_KEYS_SHOWN; k++) {
        for (int u = 0; u < KMS_USES && f != KMS_KEY_SEEN_AT; u++) {
            if (!k->uses[u])
                continue;
            buf_addf(out,
                     FAMILY "%s{key_id_hash=\"%s\",provider_name=\"" STR_FMT
                            "\",transformation_type=\"%s\"} ",
                     f == KMS_KEY_USES ? "key_id_hash_total" : "key_id_hash_last_timestamp_seconds", k->hash,
                     STR_ARG(provider), ways[u]);
            if (f == KMS_KEY_USES)
                buf_addf(out, "%llu\n", (unsigned long long)k->uses[u]);
            else
                buf_addf(out, "%.6f\n", (double)k->used_at[u] / (double)CLOCK_S);
        }
        if (f == KMS_KEY_SEEN_AT && k->seen_at)
            buf_addf(out,
                     FAMILY
                     "key_id_hash_status_last_timestamp_seconds{key_id_hash=\"%s\",provider_name=\"" STR_FMT
                     "\"} %.6f\n",
                     k->hash, STR_ARG(provider), (double)k->seen_at / (double)CLOCK_S);
    }
}

static void render_invalid(const char *what, uint64_t n, struct str provider, struct buf *out)
{
    if (n)
        buf_addf(out,
                 FAMILY "invalid_key_id_from_status_total{error=\"%s\",provider_name=\"" STR_FMT "\"} %llu\n",
                 what, STR_ARG(provider), (unsigned long long)n);
}

void kms_counts_render(const struct kms_counts *c, enum kms_family f, struct str provider, struct buf *out)
{
    if (f == KMS_LATENCY) {
        render_calls(c, provider, out);
    } else if (f == KMS_KEY_INVALID) {
        render_invalid("empty", c->empty_key_ids, provider, out);
        render_invalid("too_long", c->long_key_ids, provider, out);
    } else {
        render_keys(c, f, provider, out);
    }
}
