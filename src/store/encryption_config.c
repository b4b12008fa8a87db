#include "store/encryption_config.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/encode.h"
#include "kinds/apiserver_v1.h"
#include "schema/config.h"
#include "schema/errors.h"

static const int64_t KMS_TIMEOUT_NS = 3 * CLOCK_S; /* unless said */
static const char *const seal_names[SEALS] = {
    [SEAL_AESGCM] = "aesgcm", [SEAL_AESCBC] = "aescbc", [SEAL_SECRETBOX] = "secretbox"};

/* --- which resources --- */

/* "secrets" is of the core group, as "*." says for all of it. */
static struct str group_of(struct str spec, struct str *plural)
{
    struct str group = spec;
    str_cut(&group, '.', plural);
    return group;
}

static bool covers(struct str wide, struct str narrow)
{
    struct str wide_plural, narrow_plural, wide_group = group_of(wide, &wide_plural),
                                           narrow_group = group_of(narrow, &narrow_plural);
    return str_is(wide, "*.*") || (str_is(wide_plural, "*") && str_eq(wide_group, narrow_group));
}

static const char *resource_problem(struct str spec)
{
    static const char *const not_stored[] = {"apiserveripinfo", "serviceipallocations",
                                             "servicenodeportallocations"};
    struct str plural, group = group_of(spec, &plural);
    for (size_t i = 0; i < spec.n; i++)
        if (spec.p[i] >= 'A' && spec.p[i] <= 'Z')
            return "resource name should not contain capital letters";
    for (size_t i = 0; i < ARRAY_LEN(not_stored); i++)
        if (str_is(spec, not_stored[i]))
            return "resources which do not have REST API/s cannot be encrypted";
    if (str_is(spec, "*"))
        return "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources";
    if (str_is(group, "events.k8s.io"))
        return "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' "
               "instead "
               "in the config file";
    if (str_is(group, "extensions"))
        return "'extensions' group has been removed and cannot be used for encryption";
    if (str_is(group, "*") && !str_is(plural, "*"))
        return "encrypting the same resource across groups is not supported";
    return NULL;
}

/* As upstream prints a list of words. */
static struct bad_value words(struct arena *a, struct str_vec v)
{
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; i < v.n; i++)
        buf_addf(&b, "%s\"" STR_FMT "\"", i ? "," : "[", STR_ARG(v.at[i]));
    buf_add_c(&b, ']');
    return BAD_RAW(arena_str(a, buf_str(&b)));
}

static void check_overlap(struct arena *a, struct str_vec v, const struct path *at,
                          struct field_errors *errors)
{
    bool twice = false, overlap = false;
    for (size_t i = 0; i < v.n; i++)
        for (size_t k = 0; k < v.n; k++) {
            twice |= i < k && str_eq(v.at[i], v.at[k]);
            overlap |= i != k && !str_eq(v.at[i], v.at[k]) && covers(v.at[i], v.at[k]);
        }
    if (twice)
        field_error(errors, FIELD_ERROR_INVALID, at, words(a, v),
                    "the same resource cannot be specified multiple times");
    if (overlap)
        field_error(errors, FIELD_ERROR_INVALID, at, words(a, v),
                    "using overlapping resources such as 'secrets' and '*.' in the same resource list is not "
                    "allowed as they will be masked");
}

/* What an earlier entry has for a whole group cannot be had otherwise later. */
static int check_masks(const struct encryption_config *c, struct err *err)
{
    for (size_t i = 0; i < c->n; i++)
        for (size_t k = 0; k < c->at[i].resources.n; k++)
            for (size_t earlier = 0; earlier < i; earlier++)
                for (size_t e = 0; e < c->at[earlier].resources.n; e++) {
                    struct str wide = c->at[earlier].resources.at[e], narrow = c->at[i].resources.at[k];
                    if (covers(wide, narrow))
                        return err_set(err, ERR_INVALID,
                                       "resource \"" STR_FMT "\" is masked by earlier rule \"" STR_FMT "\"",
                                       STR_ARG(narrow), STR_ARG(wide));
                }
    return 0;
}

/* --- who seals them --- */

static struct sealer *add_sealer(struct encryption_config *c, struct sealed_group *g, struct sealer s)
{
    struct sealer *more = arena_new_n(&c->arena, struct sealer, g->n + 1);
    if (g->n)
        memcpy(more, g->at, g->n * sizeof *more);
    more[g->n++] = s;
    g->at = more;
    return &more[g->n - 1];
}

static void add_keys(struct encryption_config *c, struct sealed_group *g, enum seal seal,
                     const struct encryption_keys *keys, const struct path *at, struct field_errors *errors)
{
    const struct path *list = PATH(at, "keys");
    if (!keys->keys.n)
        field_required(errors, list, "at least one key is required");
    for (size_t i = 0; i < keys->keys.n; i++) {
        const struct encryption_key *k = &keys->keys.at[i];
        _cleanup_buf_ struct buf secret = {0};
        struct path item = path_index(list, i);
        if (!k->name.n || str_index(k->name, ':') >= 0)
            field_invalid(errors, PATH(&item, "name"), k->name, "a key needs a name without colons");
        if (decode_base64(&secret, k->secret) < 0)
            field_error(errors, FIELD_ERROR_INVALID, PATH(&item, "secret"), BAD_RAW(STR("REDACTED")),
                        "secrets must be base64 encoded");
        else if (!seal_key_fits(seal, secret.n))
            field_error(errors, FIELD_ERROR_INVALID, PATH(&item, "secret"), BAD_RAW(STR("REDACTED")),
                        seal == SEAL_SECRETBOX
                            ? "secret is not of the expected length, got %zu, expected one of [32]"
                            : "secret is not of the expected length, got %zu, expected one of [16 24 32]",
                        secret.n);
        struct sealer *s =
            add_sealer(c, g,
                       (struct sealer){.seal = seal,
                                       .prefix = arena_printf(&c->arena, SEALED_PREFIX "%s:v1:" STR_FMT ":",
                                                              seal_names[seal], STR_ARG(k->name)),
                                       .key = arena_str(&c->arena, buf_str(&secret))});
        s->id = (str_hash(s->prefix) ^ str_hash(s->key)) | 1;
        if (secret.n)
            explicit_bzero(secret.p, secret.n);
    }
}

/* unix:///run/kms.sock, and unix:///@name for an abstract one. Empty when it is neither. */
static struct str socket_of(struct str endpoint)
{
    struct str path = str_from_at(endpoint, sizeof "unix://" - 1);
    if (!str_starts(endpoint, STR("unix://")) || path.n < 2 || path.p[0] != '/')
        return (struct str){0};
    return path.p[1] == '@' ? str_from_at(path, 1) : path;
}

static void check_kms(const struct encryption_config *c, const struct kms_configuration *k,
                      const struct path *at, struct field_errors *errors)
{
    struct str scheme, rest = k->endpoint;
    struct str prefix = STR(SEALED_PREFIX "kms:v2:");
    if (!k->name.n)
        field_required(errors, PATH(at, "name"), "name is a mandatory field for a provider");
    else if (str_index(k->name, ':') >= 0)
        field_invalid(errors, PATH(at, "name"), k->name,
                      "invalid KMS provider name " STR_FMT ", must not contain ':'", STR_ARG(k->name));
    each_sealer(c, s) if (str_starts(s->prefix, prefix) &&
                          str_eq(str_slice(s->prefix.p + prefix.n, s->prefix.n - prefix.n - 1), k->name))
        field_invalid(errors, PATH(at, "name"), k->name,
                      "duplicate KMS provider name " STR_FMT ", names must be unique", STR_ARG(k->name));
    if (k->timeout && *k->timeout <= 0)
        field_invalid_int(errors, PATH(at, "timeout"), *k->timeout, "timeout should be a positive value");
    if (!k->endpoint.n)
        field_invalid(errors, PATH(at, "endpoint"), k->endpoint, "endpoint is a mandatory field for a kms");
    else if (!str_cut(&rest, ':', &scheme) || !str_is(scheme, "unix"))
        field_invalid(errors, PATH(at, "endpoint"), k->endpoint,
                      "unsupported scheme \"" STR_FMT "\" for KMS provider, only unix is supported",
                      STR_ARG(scheme));
    else if (!socket_of(k->endpoint).n)
        field_invalid(errors, PATH(at, "endpoint"), k->endpoint,
                      "invalid endpoint for kms provider, error: it has no path");
    if (!k->api_version.n || str_is(k->api_version, "v1"))
        field_invalid(errors, PATH(at, "apiVersion"), k->api_version,
                      "KMSv1 is deprecated and not supported. Use KMSv2 instead: apiVersion: v2");
    else if (!str_is(k->api_version, "v2"))
        field_invalid(errors, PATH(at, "apiVersion"), k->api_version,
                      "unsupported apiVersion " STR_FMT " for KMS provider, only v2 is supported",
                      STR_ARG(k->api_version));
    else if (k->cachesize)
        field_invalid_int(errors, PATH(at, "cachesize"), *k->cachesize, "cachesize is not supported in v2");
}

static void add_provider(struct encryption_config *c, struct sealed_group *g,
                         const struct provider_configuration *p, const struct path *at,
                         struct field_errors *errors)
{
    int said = !!p->aesgcm + !!p->aescbc + !!p->secretbox + !!p->identity + !!p->kms;
    if (said != 1)
        field_error(errors, FIELD_ERROR_INVALID, at, BAD_NONE,
                    said
                        ? "more than one provider specified in a single element, should split into different "
                          "list elements"
                        : "provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, "
                          "Secretbox, Identity");
    else if (p->identity)
        add_sealer(c, g, (struct sealer){.identity = true});
    if (p->kms) {
        check_kms(c, p->kms, PATH(at, "kms"), errors);
        add_sealer(c, g,
                   (struct sealer){.prefix = arena_printf(&c->arena, SEALED_PREFIX "kms:v2:" STR_FMT ":",
                                                          STR_ARG(p->kms->name))});
    }
    if (p->aesgcm)
        add_keys(c, g, SEAL_AESGCM, p->aesgcm, PATH(at, "aesgcm"), errors);
    if (p->aescbc)
        add_keys(c, g, SEAL_AESCBC, p->aescbc, PATH(at, "aescbc"), errors);
    if (p->secretbox)
        add_keys(c, g, SEAL_SECRETBOX, p->secretbox, PATH(at, "secretbox"), errors);
}

static void add_groups(struct encryption_config *c, const struct encryption_configuration *from,
                       struct field_errors *errors)
{
    struct path list = path_child(NULL, STR("resources"));
    c->at = arena_new_n(&c->arena, struct sealed_group, from->resources.n);
    if (!from->resources.n)
        field_required(errors, &list, "at least one resource is required");
    for (size_t i = 0; i < from->resources.n; i++) {
        const struct encrypted_resources *r = &from->resources.at[i];
        struct sealed_group *g = &c->at[c->n++];
        struct path item = path_index(&list, i);
        g->resources = r->resources;
        if (!r->resources.n)
            field_required(errors, PATH(&item, "resources"), "at least one resource is required");
        check_overlap(&c->arena, r->resources, PATH(&item, "resources"), errors);
        for (size_t k = 0; k < r->resources.n; k++) {
            const char *problem = resource_problem(r->resources.at[k]);
            if (problem)
                field_invalid(errors, PATH_AT(PATH(&item, "resources"), k), r->resources.at[k], "%s",
                              problem);
        }
        if (!r->providers.n)
            field_required(errors, PATH(&item, "providers"), "at least one provider is required");
        for (size_t p = 0; p < r->providers.n; p++)
            add_provider(c, g, &r->providers.at[p], PATH_AT(PATH(&item, "providers"), p), errors);
    }
}

/* Once all of it is known to be right. */
static void start_services(struct encryption_config *c, const struct encryption_configuration *from,
                           const struct kms_timing *timing)
{
    for (size_t i = 0; i < c->n; i++)
        for (size_t p = 0, at = 0; p < from->resources.at[i].providers.n; p++) {
            const struct provider_configuration *said = &from->resources.at[i].providers.at[p];
            if (said->kms)
                c->at[i].at[at].kms =
                    kms_new(said->kms->name, socket_of(said->kms->endpoint),
                            said->kms->timeout ? *said->kms->timeout : KMS_TIMEOUT_NS, timing);
            at += said->aesgcm      ? said->aesgcm->keys.n
                  : said->aescbc    ? said->aescbc->keys.n
                  : said->secretbox ? said->secretbox->keys.n
                                    : 1;
        }
}

int encryption_config_read(struct str text, const struct kms_timing *timing, struct encryption_config **out,
                           struct err *err)
{
    static const char *const earlier[] = {"v1", NULL}; /* as old files have it */
    _cleanup_field_errors_ struct field_errors errors = {0};
    struct encryption_config *c = mem_zalloc(sizeof *c);
    void *typed;
    int rc = config_decode(&c->arena, &encryption_configuration_resource, earlier, text, &typed, err);
    if (rc == 0) {
        add_groups(c, typed, &errors);
        rc = field_errors_status(&errors, encryption_configuration_resource.group,
                                 encryption_configuration_resource.kind, STR(""), err);
    }
    if (rc == 0)
        rc = check_masks(c, err);
    if (rc < 0) {
        encryption_config_free(c);
        return -1;
    }
    start_services(c, typed, timing);
    *out = c;
    return 0;
}

void encryption_config_free(struct encryption_config *c)
{
    if (!c)
        return;
    each_sealer(c, s)
    {
        kms_free(s->kms);
        if (s->key.n)
            explicit_bzero((char *)s->key.p, s->key.n);
    }
    arena_free(&c->arena);
    free(c);
}
