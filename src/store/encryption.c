#include "store/encryption.h"

#include <stdlib.h>

#include "auth/seal.h"
#include "base/encode.h"
#include "kinds/apiserver_v1.h"
#include "schema/config.h"
#include "schema/errors.h"

#define SEALED "k8s:enc:"

/* One key of one provider; identity has none. */
struct sealer {
    enum seal seal;
    bool identity;
    struct str prefix; /* "k8s:enc:aesgcm:v1:NAME:" */
    struct str key;
};

struct group {
    struct str_vec resources;
    struct sealer *at; /* the first seals */
    size_t n, cap;
};

struct encryption {
    struct arena arena;
    struct group *at;
    size_t n;
};

/* --- reading the configuration --- */

static const char *const seal_names[SEALS] = {
    [SEAL_AESGCM] = "aesgcm", [SEAL_AESCBC] = "aescbc", [SEAL_SECRETBOX] = "secretbox"};

static void add_sealer(struct encryption *e, struct group *g, struct sealer s)
{
    struct sealer *more = arena_new_n(&e->arena, struct sealer, g->n + 1);
    if (g->n)
        memcpy(more, g->at, g->n * sizeof *more);
    more[g->n++] = s;
    g->at = more;
}

static void add_keys(struct encryption *e, struct group *g, enum seal seal,
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
        add_sealer(e, g,
                   (struct sealer){.seal = seal,
                                   .prefix = arena_printf(&e->arena, SEALED "%s:v1:" STR_FMT ":",
                                                          seal_names[seal], STR_ARG(k->name)),
                                   .key = arena_str(&e->arena, buf_str(&secret))});
        if (secret.n)
            explicit_bzero(secret.p, secret.n);
    }
}

static void add_provider(struct encryption *e, struct group *g, const struct provider_configuration *p,
                         const struct path *at, struct field_errors *errors)
{
    int said = !!p->aesgcm + !!p->aescbc + !!p->secretbox + !!p->identity + !!p->kms;
    if (said != 1)
        field_error(errors, FIELD_ERROR_INVALID, at, BAD_NONE,
                    said
                        ? "more than one provider specified in a single element, should split into different "
                          "list elements"
                        : "provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, "
                          "Secretbox, Identity");
    else if (p->kms)
        field_error(errors, FIELD_ERROR_NOT_SUPPORTED, PATH(at, "kms"), BAD_NONE,
                    "key services are not supported");
    else if (p->identity)
        add_sealer(e, g, (struct sealer){.identity = true});
    if (p->aesgcm)
        add_keys(e, g, SEAL_AESGCM, p->aesgcm, PATH(at, "aesgcm"), errors);
    if (p->aescbc)
        add_keys(e, g, SEAL_AESCBC, p->aescbc, PATH(at, "aescbc"), errors);
    if (p->secretbox)
        add_keys(e, g, SEAL_SECRETBOX, p->secretbox, PATH(at, "secretbox"), errors);
}

static void add_groups(struct encryption *e, const struct encryption_configuration *c,
                       struct field_errors *errors)
{
    struct path list = path_child(NULL, STR("resources"));
    e->at = arena_new_n(&e->arena, struct group, c->resources.n);
    if (!c->resources.n)
        field_required(errors, &list, "at least one resource is required");
    for (size_t i = 0; i < c->resources.n; i++) {
        const struct encrypted_resources *from = &c->resources.at[i];
        struct group *g = &e->at[e->n++];
        struct path item = path_index(&list, i);
        g->resources = from->resources;
        if (!from->resources.n)
            field_required(errors, PATH(&item, "resources"), "at least one resource is required");
        if (!from->providers.n)
            field_required(errors, PATH(&item, "providers"), "at least one provider is required");
        for (size_t p = 0; p < from->providers.n; p++)
            add_provider(e, g, &from->providers.at[p], PATH_AT(PATH(&item, "providers"), p), errors);
    }
}

int encryption_parse(struct str text, struct encryption **out, struct err *err)
{
    static const char *const earlier[] = {"v1", NULL}; /* as old files have it */
    _cleanup_field_errors_ struct field_errors errors = {0};
    struct encryption *e = mem_zalloc(sizeof *e);
    void *typed;
    int rc = config_decode(&e->arena, &encryption_configuration_resource, earlier, text, &typed, err);
    if (rc == 0) {
        add_groups(e, typed, &errors);
        rc = field_errors_status(&errors, encryption_configuration_resource.group,
                                 encryption_configuration_resource.kind, STR(""), err);
    }
    if (rc < 0)
        encryption_free(e);
    else
        *out = e;
    return rc;
}

void encryption_free(struct encryption *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->n; i++)
        for (size_t k = 0; k < e->at[i].n; k++)
            if (e->at[i].at[k].key.n)
                explicit_bzero((char *)e->at[i].at[k].key.p, e->at[i].at[k].key.n);
    arena_free(&e->arena);
    free(e);
}

/* --- sealing and opening --- */

/* "secrets", "deployments.apps", "*." for the core group, "*.apps", "*.*" */
static bool names(struct str spec, const struct resource *r)
{
    struct str group = spec, plural;
    if (str_is(spec, "*.*"))
        return true;
    bool grouped = str_index(spec, '.') >= 0;
    str_cut(&group, '.', &plural);
    return (str_is(plural, "*") || str_eq(plural, r->plural)) &&
           (grouped ? str_eq(group, r->group) : !r->group.n);
}

static const struct group *group_of(const struct encryption *e, const struct resource *r)
{
    for (size_t i = 0; e && i < e->n; i++)
        for (size_t k = 0; k < e->at[i].resources.n; k++)
            if (names(e->at[i].resources.at[k], r))
                return &e->at[i];
    return NULL;
}

void encryption_seal(const struct encryption *e, const struct resource *r, struct str place,
                     struct buf *value, size_t from)
{
    const struct group *g = group_of(e, r);
    if (!g || g->at[0].identity)
        return;
    struct buf sealed = {0};
    buf_add(&sealed, value->p, from);
    buf_add_str(&sealed, g->at[0].prefix);
    seal_add(g->at[0].seal, g->at[0].key, place, str_from_at(buf_str(value), from), &sealed);
    buf_free(value);
    *value = sealed;
}

int encryption_open(const struct encryption *e, const struct resource *r, struct str place, struct str stored,
                    struct buf *room, struct str *plain, bool *stale, struct err *err)
{
    const struct group *g = group_of(e, r);
    bool sealed = str_starts(stored, STR(SEALED));
    *plain = stored;
    *stale = g && !g->at[0].identity;
    if (!sealed)
        return 0;
    for (size_t i = 0; g && i < g->n; i++) {
        const struct sealer *s = &g->at[i];
        if (s->identity || !str_starts(stored, s->prefix))
            continue;
        room->n = 0;
        if (seal_open(s->seal, s->key, place, str_from_at(stored, s->prefix.n), room, err) < 0)
            return err_wrap(err, STR_FMT, STR_ARG(place));
        *plain = buf_str(room);
        *stale = i > 0;
        return 0;
    }
    return err_set(err, ERR_INTERNAL, STR_FMT " is encrypted, and no provider has its key", STR_ARG(place));
}
