#define LOG_PART "kms"
#include "store/kms.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/seal.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/random.h"
#include "base/thread.h"
#include "http/grpc.h"
#include "schema/timestamp.h"
#include "store/envelope.h"
#include "store/kms_metrics.h"

enum {
    SEED_BYTES = 32,
    SEED_MOST = 1024, /* of what a service decrypts to */
    ANSWER_MOST = 256 * 1024,
    SEEDS_MOST = 4096, /* remembered */
};
static const struct kms_timing upstream = {.poll_ns = 60 * CLOCK_S,
                                           .retry_ns = 10 * CLOCK_S,
                                           .expire_ns = 180 * CLOCK_S,
                                           .good_ns = 20 * CLOCK_S,
                                           .bad_ns = 3 * CLOCK_S};
static const int64_t SEED_TTL = INT64_C(24) * 3600 * CLOCK_S;

/* A seed that was decrypted, by everything that its encryption shows. */
struct seed {
    struct str key;   /* of the map; owned */
    struct str bytes; /* owned */
    int64_t until;    /* clock_mono */
};

struct kms {
    struct arena arena;
    struct str name, socket;
    int64_t timeout_ns;
    struct kms_timing timing;
    pthread_t thread;
    pthread_mutex_t asking; /* held while the service is asked how it is; before `mutex` */
    pthread_mutex_t mutex;  /* guards what follows */
    pthread_cond_t cond;
    bool stop, look; /* end; ask now */
    /* What values are sealed with; `id` 0: nothing yet. */
    uint64_t id;
    unsigned char seed[SEED_BYTES];
    struct buf key_id, head; /* the envelope but for its data */
    int64_t expires;         /* clock_wall */
    struct map seeds;
    /* What the service said last. */
    int64_t checked; /* clock_mono */
    bool well;
    struct str version; /* that it said first; owned */
    struct err problem;
    struct kms_counts counts;
};

/* --- asking --- */

/* Blocks; not under the mutex. */
static int call(struct kms *k, struct arena *a, enum kms_method method, struct kms_shape asked,
                const struct kms_message *message, struct kms_shape answered, struct kms_message *out,
                struct err *err)
{
    _cleanup_buf_ struct buf text = {0};
    struct grpc_answer answer;
    kms_message_write(&text, asked, message);
    struct grpc_call q = {.socket = k->socket,
                          .method = str_from(kms_method_names[method]),
                          .message = buf_str(&text),
                          .timeout_ns = k->timeout_ns,
                          .max_answer = ANSWER_MOST};
    int64_t start = clock_mono();
    int rc = grpc_do(&q, a, &answer, err);
    pthread_mutex_lock(&k->mutex);
    kms_count_call(&k->counts, method, answer.code, clock_mono() - start);
    pthread_mutex_unlock(&k->mutex);
    if (text.n)
        explicit_bzero(text.p, text.n);
    return rc < 0 ? -1 : kms_message_read(a, answered, answer.message, out, err);
}

static struct str new_uid(struct arena *a)
{
    char *uid = arena_alloc(a, 37);
    random_uuid(uid);
    return str_from(uid);
}

/* --- seeds that are remembered --- */

/* All that says which seed it is. Arena-owned. */
static struct str seed_name(struct arena *a, const struct envelope *e)
{
    _cleanup_buf_ struct buf b = {0};
    struct envelope head = *e;
    head.data = (struct str){0};
    envelope_write(&b, &head);
    return arena_str(a, buf_str(&b));
}

static void seed_free(struct seed *s)
{
    explicit_bzero((char *)s->bytes.p, s->bytes.n);
    free((char *)s->bytes.p);
    free((char *)s->key.p);
    free(s);
}

static void forget_all(struct kms *k)
{
    map_each (&k->seeds, slot)
        seed_free(slot->value);
    map_free(&k->seeds);
}

static void remember(struct kms *k, struct str name, struct str bytes)
{
    if (k->seeds.n >= SEEDS_MOST)
        forget_all(k); /* the service will be asked for them again */
    struct seed *s = mem_zalloc(sizeof *s), *old;
    *s = (struct seed){str_slice(str_dup_c(name), name.n), str_slice(str_dup_c(bytes), bytes.n),
                       clock_mono() + SEED_TTL};
    if ((old = map_put(&k->seeds, s->key, s)))
        seed_free(old);
}

/* Copies the seed to `a`. */
static bool recall(struct kms *k, struct arena *a, struct str name, struct str *bytes)
{
    _lock_(&k->mutex);
    struct seed *s = map_get(&k->seeds, name);
    if (s && s->until <= clock_mono()) {
        seed_free(map_del(&k->seeds, name));
        s = NULL;
    }
    if (s)
        *bytes = arena_str(a, s->bytes);
    return s;
}

/* --- how the service is --- */

static uint64_t id_of(struct str key_id)
{
    return str_hash(key_id) | 1;
}

/* Asks for a new seed of the key that the status names. */
static int new_seed(struct kms *k, struct str key_id, int64_t expires, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    unsigned char seed[SEED_BYTES];
    struct kms_message asked = {0}, said = {0};
    random_bytes(seed, sizeof seed);
    asked.fields[ENCRYPT_PLAINTEXT] = str_slice((char *)seed, sizeof seed);
    asked.fields[ENCRYPT_UID] = new_uid(&a);
    if (call(k, &a, KMS_ENCRYPT, (struct kms_shape){0}, &asked,
             (struct kms_shape){.annotations = ENCRYPTED_ANNOTATIONS}, &said, err) < 0)
        return err_wrap(err, "failed to encrypt DEK, error");
    struct envelope e = {.key_id = said.fields[ENCRYPTED_KEY_ID],
                         .source = said.fields[ENCRYPTED_CIPHERTEXT],
                         .annotations = said.annotations,
                         .source_type = ENVELOPE_SEED};
    if (envelope_check(&e, err) < 0)
        return -1;
    if (!str_eq(e.key_id, key_id))
        return err_set(err, ERR_INTERNAL, "the key that encrypts is not the one that the status names");
    struct str name = seed_name(&a, &e);
    _lock_(&k->mutex);
    memcpy(k->seed, seed, sizeof seed);
    k->id = id_of(key_id);
    k->expires = expires;
    k->key_id.n = k->head.n = 0;
    buf_add_str(&k->key_id, key_id);
    envelope_write(&k->head, &e);
    remember(k, name, str_slice((char *)seed, sizeof seed));
    explicit_bzero(seed, sizeof seed);
    return 0;
}

/* The present seed serves on when the key is still the same. */
static int follow_key(struct kms *k, struct str key_id, int64_t expires, struct err *err)
{
    char said[72], ours[72];
    pthread_mutex_lock(&k->mutex);
    bool same = k->id && str_eq(buf_str(&k->key_id), key_id);
    if (same)
        k->expires = expires;
    kms_hash(buf_str(&k->key_id), ours);
    pthread_mutex_unlock(&k->mutex);
    if (same)
        return 0;
    kms_hash(key_id, said);
    if (new_seed(k, key_id, expires, err) < 0)
        return err_wrap(err, "failed to rotate DEK, statusKeyIDHash=\"%s\", stateKeyIDHash=\"%s\"", said,
                        ours);
    log_info("\"" STR_FMT "\" encrypts with the key of hash %s now", STR_ARG(k->name), said);
    return 0;
}

static void complain(struct buf *all, const char *fmt, ...) _printf_(2, 3);
static void complain(struct buf *all, const char *fmt, ...)
{
    va_list args;
    _cleanup_arena_ struct arena a = {0};
    va_start(args, fmt);
    if (all->n)
        buf_add_lit(all, ", ");
    buf_add_str(all, arena_vprintf(&a, fmt, args));
    va_end(args);
}

/* What the status's own words are worth; its key is followed whatever else it says. */
static int judge(struct kms *k, const struct kms_message *status, int64_t expires, struct err *err)
{
    struct str version = status->fields[STATUS_VERSION], healthz = status->fields[STATUS_HEALTHZ],
               key_id = status->fields[STATUS_KEY_ID];
    _cleanup_buf_ struct buf all = {0};
    _cleanup_err_ struct err why = {0};
    if (!str_is(healthz, "ok"))
        complain(&all, "got unexpected healthz status: " STR_FMT, STR_ARG(healthz));
    if (!str_is(version, "v2") && !str_is(version, "v2beta1"))
        complain(&all, "expected KMSv2 API version v2, got " STR_FMT, STR_ARG(version));
    else if (!k->version.n)
        k->version = arena_str(&k->arena, version);
    else if (!str_eq(version, k->version))
        complain(&all,
                 "KMSv2 API version should not change after the initial status response version " STR_FMT
                 ", got " STR_FMT,
                 STR_ARG(k->version), STR_ARG(version));
    if (envelope_check_key_id(key_id, &why) < 0) {
        char hash[72];
        kms_hash(key_id, hash);
        complain(&all, "got invalid KMSv2 KeyID hash \"%s\": " STR_FMT, hash, STR_ARG(why.message));
        _lock_(&k->mutex);
        *(key_id.n ? &k->counts.long_key_ids : &k->counts.empty_key_ids) += 1;
    } else {
        pthread_mutex_lock(&k->mutex);
        kms_count_seen(&k->counts, key_id);
        pthread_mutex_unlock(&k->mutex);
        if (follow_key(k, key_id, expires, &why) < 0)
            complain(&all, STR_FMT, STR_ARG(why.message));
    }
    return all.n ? err_set(err, ERR_UNAVAILABLE, "kmsv2 Provider " STR_FMT " is not healthy, error: " STR_FMT,
                           STR_ARG(k->name), STR_ARG(buf_str(&all)))
                 : 0;
}

static int ask_status(struct kms *k, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    struct kms_message status;
    int64_t expires = clock_wall() + k->timing.expire_ns; /* counted from before the answer */
    if (call(k, &a, KMS_STATUS, (struct kms_shape){0}, &(struct kms_message){0}, (struct kms_shape){0},
             &status, err) < 0)
        return err_wrap(
            err, "failed to perform status section of the healthz check for KMS Provider " STR_FMT ", error",
            STR_ARG(k->name));
    return judge(k, &status, expires, err);
}

int kms_check_now(struct kms *k, struct err *err)
{
    _cleanup_err_ struct err why = {0};
    _lock_(&k->asking);
    int rc = ask_status(k, &why);
    _lock_(&k->mutex);
    if (rc < 0 && (k->well || !k->checked))
        log_warn(STR_FMT, STR_ARG(why.message));
    else if (rc == 0 && k->checked && !k->well)
        log_info("\"" STR_FMT "\" is well again", STR_ARG(k->name));
    k->well = rc == 0;
    k->checked = clock_mono();
    err_clear(&k->problem);
    if (rc < 0) {
        err_set(&k->problem, ERR_UNAVAILABLE, STR_FMT, STR_ARG(why.message));
        err_set(err, ERR_UNAVAILABLE, STR_FMT, STR_ARG(why.message));
    }
    return rc;
}

int kms_check(struct kms *k, struct err *err)
{
    _lock_(&k->mutex);
    if (clock_mono() - k->checked >= (k->well ? k->timing.good_ns : k->timing.bad_ns)) {
        k->look = true;
        pthread_cond_signal(&k->cond);
    }
    return k->well ? 0 : err_set(err, ERR_UNAVAILABLE, STR_FMT, STR_ARG(k->problem.message));
}

static void poll_main(void *arg)
{
    struct kms *k = arg;
    pthread_mutex_lock(&k->mutex);
    while (!k->stop) {
        int64_t due = k->checked + (k->well ? k->timing.poll_ns : k->timing.retry_ns);
        if (!k->look && thread_cond_wait(&k->cond, &k->mutex, due))
            continue;
        k->look = false;
        pthread_mutex_unlock(&k->mutex);
        kms_check_now(k, NULL);
        pthread_mutex_lock(&k->mutex);
    }
    pthread_mutex_unlock(&k->mutex);
}

/* --- sealing and opening --- */

int kms_seal(struct kms *k, struct str place, struct str plain, struct buf *out, uint64_t *id,
             struct err *err)
{
    unsigned char seed[SEED_BYTES];
    _cleanup_buf_ struct buf sealed = {0};
    {
        _lock_(&k->mutex);
        if (!k->id)
            return err_set(err, ERR_INTERNAL, "Internal error occurred: got unexpected nil transformer");
        int64_t now = clock_wall();
        if (now > k->expires) {
            _cleanup_arena_ struct arena a = {0};
            char hash[72];
            kms_hash(buf_str(&k->key_id), hash);
            return err_set(
                err, ERR_INTERNAL,
                "Internal error occurred: encryptedDEKSource with keyID hash \"%s\" expired at " STR_FMT
                " (current time is " STR_FMT ")",
                hash, STR_ARG(time_str(&a, time_from_ns(k->expires))),
                STR_ARG(time_str(&a, time_from_ns(now))));
        }
        memcpy(seed, k->seed, sizeof seed);
        *id = k->id;
        kms_count_use(&k->counts, KMS_TO_STORAGE, buf_str(&k->key_id));
        buf_add_str(out, buf_str(&k->head));
    }
    seal_add(SEAL_SEED, str_slice((char *)seed, sizeof seed), place, plain, &sealed);
    explicit_bzero(seed, sizeof seed);
    envelope_write(out, &(struct envelope){.data = buf_str(&sealed)});
    return 0;
}

static int decrypt(struct kms *k, struct arena *a, const struct envelope *e, struct str *seed,
                   struct err *err)
{
    struct str name = seed_name(a, e);
    if (recall(k, a, name, seed))
        return 0;
    struct kms_message asked = {.annotations = e->annotations}, said;
    asked.fields[DECRYPT_CIPHERTEXT] = e->source;
    asked.fields[DECRYPT_UID] = new_uid(a);
    asked.fields[DECRYPT_KEY_ID] = e->key_id;
    if (call(k, a, KMS_DECRYPT, (struct kms_shape){.annotations = DECRYPT_ANNOTATIONS}, &asked,
             (struct kms_shape){0}, &said, err) < 0)
        return err_wrap(err, "failed to decrypt DEK, error");
    *seed = said.fields[DECRYPTED_PLAINTEXT];
    if (seed->n > SEED_MOST ||
        !seal_key_fits(e->source_type == ENVELOPE_SEED ? SEAL_SEED : SEAL_AESGCM, seed->n))
        return err_set(err, ERR_INTERNAL, "invalid seed length %zu used for key generation", seed->n);
    _lock_(&k->mutex);
    remember(k, name, *seed);
    return 0;
}

int kms_open(struct kms *k, struct str place, struct str sealed, struct buf *out, uint64_t *id,
             struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    struct envelope e;
    struct str seed;
    if (envelope_read(&a, sealed, &e, err) < 0 || decrypt(k, &a, &e, &seed, err) < 0)
        return -1;
    int rc =
        seal_open(e.source_type == ENVELOPE_SEED ? SEAL_SEED : SEAL_AESGCM, seed, place, e.data, out, err);
    explicit_bzero((char *)seed.p, seed.n);
    *id = e.source_type == ENVELOPE_SEED ? id_of(e.key_id) : 0;
    _lock_(&k->mutex);
    kms_count_use(&k->counts, KMS_FROM_STORAGE, e.key_id);
    return rc;
}

uint64_t kms_id(struct kms *k)
{
    _lock_(&k->mutex);
    return k->id;
}

int64_t kms_timeout(const struct kms *k)
{
    return k->timeout_ns;
}

void kms_metrics(struct kms *k, enum kms_family f, struct buf *out)
{
    _lock_(&k->mutex);
    kms_counts_render(&k->counts, f, k->name, out);
}

/* --- its life --- */

static void choose(int64_t *to, int64_t said, int64_t otherwise)
{
    *to = said ? said : otherwise;
}

struct kms *kms_new(struct str name, struct str socket, int64_t timeout_ns, const struct kms_timing *timing)
{
    static const struct kms_timing none;
    struct kms *k = mem_zalloc(sizeof *k);
    const struct kms_timing *t = timing ? timing : &none;
    k->name = arena_str(&k->arena, name);
    k->socket = arena_str(&k->arena, socket);
    k->timeout_ns = timeout_ns;
    choose(&k->timing.poll_ns, t->poll_ns, upstream.poll_ns);
    choose(&k->timing.retry_ns, t->retry_ns, upstream.retry_ns);
    choose(&k->timing.expire_ns, t->expire_ns, upstream.expire_ns);
    choose(&k->timing.good_ns, t->good_ns, upstream.good_ns);
    choose(&k->timing.bad_ns, t->bad_ns, upstream.bad_ns);
    pthread_mutex_init(&k->asking, NULL);
    pthread_mutex_init(&k->mutex, NULL);
    thread_cond_init(&k->cond);
    kms_check_now(k, NULL);
    k->thread = thread_start("kms", poll_main, k);
    return k;
}

void kms_free(struct kms *k)
{
    if (!k)
        return;
    pthread_mutex_lock(&k->mutex);
    k->stop = true;
    pthread_cond_signal(&k->cond);
    pthread_mutex_unlock(&k->mutex);
    thread_join(k->thread);
    forget_all(k);
    explicit_bzero(k->seed, sizeof k->seed);
    buf_free(&k->key_id);
    buf_free(&k->head);
    err_clear(&k->problem);
    pthread_cond_destroy(&k->cond);
    pthread_mutex_destroy(&k->mutex);
    pthread_mutex_destroy(&k->asking);
    arena_free(&k->arena);
    free(k);
}
