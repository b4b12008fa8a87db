#include "server/access/authn.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "auth/identity.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/thread.h"
#include "kinds/core_v1.h"
#include "server/access/legacy_tokens.h"
#include "server/access/oidc.h"
#include "server/access/webhook_authn.h"

#define LOG_PART "server"
#include "base/log.h"

/* Credentials found good, by their bytes: checking a signature takes a hundred times as long as finding it
 * here. */
enum { CACHE_MAX = 4096 };
#define CACHE_NS (10 * CLOCK_S) /* as upstream's token cache */

struct known {
    struct str credential;
    struct user user;                     /* of a certificate */
    struct service_account_claims claims; /* of a token */
    int64_t until;                        /* clock_mono */
    struct arena arena;                   /* owns all of it, but not this struct */
};

struct authn {
    struct authn_options options;
    struct token_file *tokens;
    struct oidc *oidc;             /* NULL: no other issuers */
    struct webhook_authn *webhook; /* NULL: none */
    struct table *accounts, *pods, *secrets, *nodes;
    pthread_rwlock_t lock;
    struct map known; /* guarded by lock */
};

int authn_new(const struct authn_options *o, struct authn **out, struct err *err)
{
    struct authn *n = mem_zalloc(sizeof *n);
    n->options = *o;
    n->options.token_csv = (struct str){0};
    n->options.token_webhook = NULL;
    pthread_rwlock_init(&n->lock, NULL);
    n->accounts = store_table(o->store, &service_account_resource);
    n->pods = store_table(o->store, &pod_resource);
    n->secrets = store_table(o->store, &secret_resource);
    n->nodes = store_table(o->store, &node_resource);
    struct str own = o->service_accounts.n_issuers ? o->service_accounts.issuers[0] : (struct str){0};
    if ((!str_empty(o->token_csv) && token_file_parse(o->token_csv, &n->tokens, err) < 0) ||
        (o->config && o->config->jwt.n && oidc_new(&o->config->jwt, own, &n->oidc, err) < 0) ||
        (o->token_webhook && webhook_authn_new(o->token_webhook, &n->webhook, err) < 0)) {
        authn_free(n);
        return -1;
    }
    *out = n;
    return 0;
}

static void known_free(struct known *k)
{
    if (!k)
        return;
    arena_free(&k->arena);
    free(k);
}

static void forget_all(struct authn *n)
{
    map_each (&n->known, slot)
        known_free(slot->value);
    map_free(&n->known);
}

void authn_free(struct authn *n)
{
    if (!n)
        return;
    oidc_free(n->oidc);
    webhook_authn_free(n->webhook);
    forget_all(n);
    if (n->tokens)
        token_file_free(n->tokens);
    pthread_rwlock_destroy(&n->lock);
    free(n);
}

/* --- users --- */

void user_add_group(struct arena *a, struct user *u, struct str group)
{
    for (size_t i = 0; i < u->groups.n; i++)
        if (str_eq(u->groups.at[i], group))
            return;
    struct str *at = arena_new_n(a, struct str, u->groups.n + 1);
    if (u->groups.n)
        memcpy(at, u->groups.at, u->groups.n * sizeof *at);
    at[u->groups.n] = group;
    u->groups = (struct str_vec){at, u->groups.n + 1};
}

void user_add_extra(struct arena *a, struct user *u, struct str key, struct str value)
{
    struct user_extra *e = NULL;
    for (size_t i = 0; i < u->n_extra && !e; i++)
        if (str_eq(u->extra[i].key, key))
            e = &u->extra[i];
    if (!e) {
        struct user_extra *at = arena_new_n(a, struct user_extra, u->n_extra + 1);
        if (u->n_extra)
            memcpy(at, u->extra, u->n_extra * sizeof *at);
        u->extra = at;
        e = &u->extra[u->n_extra++];
        e->key = key;
    }
    struct str *values = arena_new_n(a, struct str, e->values.n + 1);
    if (e->values.n)
        memcpy(values, e->values.at, e->values.n * sizeof *values);
    values[e->values.n] = value;
    e->values = (struct str_vec){values, e->values.n + 1};
}

/* A copy in `a`, of what may belong to someone else. */
static void user_copy(struct arena *a, const struct user *from, struct user *to)
{
    *to = (struct user){.name = arena_str(a, from->name), .uid = arena_str(a, from->uid)};
    to->groups = (struct str_vec){arena_new_n(a, struct str, from->groups.n), from->groups.n};
    for (size_t i = 0; i < from->groups.n; i++)
        to->groups.at[i] = arena_str(a, from->groups.at[i]);
    to->extra = arena_new_n(a, struct user_extra, from->n_extra);
    to->n_extra = from->n_extra;
    for (size_t i = 0; i < from->n_extra; i++) {
        const struct str_vec *values = &from->extra[i].values;
        to->extra[i].key = arena_str(a, from->extra[i].key);
        to->extra[i].values = (struct str_vec){arena_new_n(a, struct str, values->n), values->n};
        for (size_t k = 0; k < values->n; k++)
            to->extra[i].values.at[k] = arena_str(a, values->at[k]);
    }
}

/* Slices stay the identity's. */
static void user_of_identity(struct arena *a, const struct identity *who, struct user *out)
{
    *out = (struct user){.name = who->name, .uid = who->uid, .groups = {who->groups, who->n_groups}};
    out->extra = arena_new_n(a, struct user_extra, who->n_extra);
    out->n_extra = who->n_extra;
    for (size_t i = 0; i < who->n_extra; i++)
        out->extra[i] =
            (struct user_extra){who->extra[i].key, {who->extra[i].values, who->extra[i].n_values}};
    user_add_group(a, out, STR("system:authenticated"));
}

static int unauthorized(struct err *why, struct err *err)
{
    if (why)
        log_debug("unauthenticated: " STR_FMT, STR_ARG(why->message));
    return err_set(err, ERR_UNAUTHORIZED, "Unauthorized");
}

int authn_anonymous(struct authn *n, struct str path, struct user *out, struct err *err)
{
    static struct str group = STR_INIT("system:unauthenticated");
    const struct anonymous_auth_config *c = n->options.config ? n->options.config->anonymous : NULL;
    bool here = !c || (c->enabled && !c->conditions.n);
    for (size_t i = 0; c && c->enabled && i < c->conditions.n; i++)
        here = here || str_eq(c->conditions.at[i].path, path);
    if (!here)
        return unauthorized(NULL, err);
    *out = (struct user){.name = STR("system:anonymous"), .groups = {&group, 1}};
    return 0;
}

/* --- the cache --- */

/* Read-locks and finds what is known of a credential; unlock afterwards whatever it returns. */
static struct known *known_enter(struct authn *n, struct str credential)
{
    pthread_rwlock_rdlock(&n->lock);
    struct known *k = map_get(&n->known, credential);
    return k && k->until > clock_mono() ? k : NULL;
}

/* `fresh` is taken over. */
static void known_put(struct authn *n, struct known *fresh)
{
    pthread_rwlock_wrlock(&n->lock);
    if (n->known.n >= CACHE_MAX)
        forget_all(n);
    known_free(map_put(&n->known, fresh->credential, fresh));
    pthread_rwlock_unlock(&n->lock);
}

static struct known *known_new(struct str credential)
{
    struct known *k = mem_zalloc(sizeof *k);
    k->credential = arena_str(&k->arena, credential);
    k->until = clock_mono() + CACHE_NS;
    return k;
}

/* --- certificates --- */

int authn_certificate(struct authn *n, struct arena *a, struct str der, struct user *out, struct err *err)
{
    struct known *k = known_enter(n, der);
    if (k)
        user_copy(a, &k->user, out);
    pthread_rwlock_unlock(&n->lock);
    if (k)
        return 0;
    struct identity who = {0};
    _cleanup_err_ struct err why = {0};
    struct known *fresh = known_new(der);
    if (identity_of_certificate(&fresh->arena, der, &who, &why) < 0) {
        known_free(fresh);
        return unauthorized(&why, err);
    }
    user_of_identity(&fresh->arena, &who, &fresh->user);
    user_copy(a, &fresh->user, out);
    known_put(n, fresh);
    return 0;
}

/* --- service accounts --- */

/* Is the object there with that uid, and not being deleted for longer than its grace? */
static int check_ref(struct snapshot *snap, struct table *t, const char *what, struct str ns,
                     const struct object_ref *ref, struct err *err)
{
    if (str_empty(ref->name))
        return 0;
    struct object *o = snapshot_get(snap, t, ns, ref->name);
    const struct object_meta *meta = o ? object_meta(o) : NULL;
    if (!meta)
        return err_set(err, ERR_UNAUTHORIZED, "%s " STR_FMT "/" STR_FMT " is not there", what, STR_ARG(ns),
                       STR_ARG(ref->name));
    if (!str_eq(meta->uid, ref->uid))
        return err_set(err, ERR_UNAUTHORIZED, "%s " STR_FMT "/" STR_FMT " has another uid than the token",
                       what, STR_ARG(ns), STR_ARG(ref->name));
    /* Upstream allows a minute past the end of the grace period. */
    if (meta->deletion_timestamp && meta->deletion_timestamp->s + 60 < clock_wall() / CLOCK_S)
        return err_set(err, ERR_UNAUTHORIZED, "%s " STR_FMT "/" STR_FMT " has been deleted", what,
                       STR_ARG(ns), STR_ARG(ref->name));
    return 0;
}

static struct str secret_value(const struct secret *s, const char *key)
{
    for (size_t i = 0; i < s->data.n; i++)
        if (str_is(s->data.at[i].key, key))
            return s->data.at[i].value;
    return (struct str){0};
}

/* A legacy token serves while its Secret holds it, and nobody has marked that as invalid (KEP-2799). */
static int check_legacy(struct authn *n, struct snapshot *snap, const struct service_account_claims *c,
                        struct str token, struct err *err)
{
    struct object *o = snapshot_get(snap, n->secrets, c->ns, c->secret.name);
    const struct secret *s = o ? object_typed(o) : NULL;
    if (!s || s->metadata.deletion_timestamp || !token_equal(secret_value(s, "token"), token))
        return err_set(err, ERR_UNAUTHORIZED, "Token has been invalidated");
    for (size_t i = 0; i < s->metadata.labels.n; i++)
        if (str_is(s->metadata.labels.at[i].key, LEGACY_INVALID))
            return err_set(err, ERR_UNAUTHORIZED,
                           "Token has been marked as invalid since " STR_FMT ", and is no longer accepted",
                           STR_ARG(s->metadata.labels.at[i].value));
    legacy_tokens_used(n->options.legacy, o);
    return 0;
}

static int check_claims(struct authn *n, const struct service_account_claims *c, struct str token,
                        struct err *err)
{
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(n->options.store);
    if (c->legacy)
        return check_ref(snap, n->accounts, "service account", c->ns, &c->account, err) < 0
                   ? -1
                   : check_legacy(n, snap, c, token, err);
    if (check_ref(snap, n->accounts, "service account", c->ns, &c->account, err) < 0 ||
        check_ref(snap, n->pods, "pod", c->ns, &c->pod, err) < 0 ||
        check_ref(snap, n->secrets, "secret", c->ns, &c->secret, err) < 0)
        return -1;
    /* The node of a pod is only said; a token bound to the node itself ends with it. */
    return str_empty(c->pod.name) ? check_ref(snap, n->nodes, "node", (struct str){0}, &c->node, err) : 0;
}

static int service_account_user(struct authn *n, struct arena *a, const struct service_account_claims *c,
                                struct str token, struct user *out, struct err *err)
{
    if (check_claims(n, c, token, err) < 0)
        return -1;
    struct identity who = {0};
    service_account_identity(a, c, &who);
    struct user u;
    user_of_identity(a, &who, &u);
    user_copy(a, &u, out);
    return 0;
}

/* 1: the token is not known from before. */
static int known_token(struct authn *n, struct arena *a, struct str token, struct user *out, struct err *err)
{
    struct known *k = known_enter(n, token);
    int result = k ? service_account_user(n, a, &k->claims, token, out, err) : 1;
    pthread_rwlock_unlock(&n->lock);
    return result;
}

static int service_account_token(struct authn *n, struct arena *a, struct str token, struct user *out,
                                 struct err *err)
{
    struct known *fresh = known_new(token);
    if (service_account_verify(&n->options.service_accounts, &fresh->arena, token, &fresh->claims, err) < 0) {
        known_free(fresh);
        return -1;
    }
    int result = service_account_user(n, a, &fresh->claims, token, out, err);
    known_put(n, fresh);
    return result;
}

/* --- bootstrap tokens --- */

/* "2026-11-21T11:04:34Z", in UTC as kubeadm writes it. -1: not a time. */
static int parse_expiration(struct str text, int64_t *s)
{
    struct tm tm = {0};
    char c[32] = {0};
    if (text.n >= sizeof c)
        return -1;
    memcpy(c, text.p, text.n);
    char *end = strptime(c, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!end || *end != 'Z')
        return -1;
    *s = timegm(&tm);
    return 0;
}

static int bootstrap_token(struct authn *n, struct arena *a, struct str token, struct user *out,
                           struct err *err)
{
    struct str id, secret_text;
    if (!bootstrap_token_split(token, &id, &secret_text))
        return err_set(err, ERR_UNAUTHORIZED, "the token has no form that is known");
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(n->options.store);
    struct str name = arena_printf(a, "bootstrap-token-" STR_FMT, STR_ARG(id));
    struct object *o = snapshot_get(snap, n->secrets, STR("kube-system"), name);
    const struct secret *s = o ? object_typed(o) : NULL;
    if (!s || s->metadata.deletion_timestamp || !str_is(s->type, "bootstrap.kubernetes.io/token") ||
        !str_eq(secret_value(s, "token-id"), id) ||
        !token_equal(secret_value(s, "token-secret"), secret_text) ||
        !str_is(secret_value(s, "usage-bootstrap-authentication"), "true"))
        return err_set(err, ERR_UNAUTHORIZED, "bootstrap token " STR_FMT " is not valid", STR_ARG(id));
    struct str expiration = secret_value(s, "expiration");
    int64_t until;
    if (!str_empty(expiration) &&
        (parse_expiration(expiration, &until) < 0 || until <= clock_wall() / CLOCK_S))
        return err_set(err, ERR_UNAUTHORIZED, "bootstrap token " STR_FMT " has expired", STR_ARG(id));
    struct identity who = {0};
    bootstrap_token_identity(a, id, secret_value(s, "auth-extra-groups"), &who);
    struct user u;
    user_of_identity(a, &who, &u);
    user_copy(a, &u, out);
    return 0;
}

/* --- tokens --- */

/* 1: `w` is woken when it can be told. *matched: of the audiences, those that the token is for. */
static int find_token(struct authn *n, struct arena *a, struct str token, const struct str_vec *audiences,
                      struct user *out, struct str_vec *matched, struct waiter *w, struct err *err)
{
    int rc = known_token(n, a, token, out, err);
    if (rc <= 0)
        return rc;
    const struct identity *who = n->tokens ? token_file_find(n->tokens, token) : NULL;
    struct str id, secret;
    *matched = *audiences;
    if (who) {
        struct user u;
        user_of_identity(a, who, &u);
        user_copy(a, &u, out);
        return 0;
    }
    if (service_account_is_token(&n->options.service_accounts, token))
        return service_account_token(n, a, token, out, err);
    if (bootstrap_token_split(token, &id, &secret))
        return bootstrap_token(n, a, token, out, err);
    if (oidc_is_token(n->oidc, token))
        rc = oidc_user(n->oidc, token, a, out, w, err);
    else if (n->webhook)
        rc = webhook_authn_user(n->webhook, token, audiences, a, out, matched, w, err);
    else
        return err_set(err, ERR_UNAUTHORIZED, "the token has no form that is known");
    if (rc == 0)
        user_add_group(a, out, STR("system:authenticated"));
    return rc;
}

static struct str_vec own_audiences(const struct authn *n)
{
    const struct service_account_verifier *own = &n->options.service_accounts;
    return (struct str_vec){(struct str *)own->audiences, own->n_audiences};
}

int authn_token(struct authn *n, struct arena *a, struct str token, struct user *out, struct waiter *w,
                struct err *err)
{
    _cleanup_err_ struct err why = {0};
    struct str_vec audiences = own_audiences(n), matched;
    int rc = find_token(n, a, token, &audiences, out, &matched, w, &why);
    return rc < 0 ? unauthorized(&why, err) : rc;
}

int authn_review(struct authn *n, struct arena *a, struct str token, const struct str_vec *audiences,
                 struct user *out, struct str_vec *matched, struct waiter *w, struct err *err)
{
    *matched = (struct str_vec){0};
    struct str_vec own = own_audiences(n);
    struct service_account_verifier v = n->options.service_accounts;
    if (audiences->n) {
        v.audiences = audiences->at;
        v.n_audiences = audiences->n;
    }
    if (!service_account_is_token(&v, token))
        return find_token(n, a, token, audiences->n ? audiences : &own, out, matched, w, err);
    struct service_account_claims c;
    if (service_account_verify(&v, a, token, &c, err) < 0)
        return -1;
    if (c.legacy) { /* for whom it is meant it does not say: for the API server */
        c.audiences = own.at;
        c.n_audiences = own.n;
    }
    matched->at = arena_new_n(a, struct str, v.n_audiences);
    for (size_t i = 0; i < v.n_audiences; i++)
        for (size_t k = 0; k < c.n_audiences; k++)
            if (str_eq(v.audiences[i], c.audiences[k])) {
                matched->at[matched->n++] = v.audiences[i];
                break;
            }
    if (!matched->n)
        return err_set(err, ERR_UNAUTHORIZED, "token audiences are invalid for the target audiences");
    return service_account_user(n, a, &c, token, out, err);
}
