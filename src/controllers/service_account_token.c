/* Tokens in Secrets (upstream's tokens controller). A Secret of type kubernetes.io/service-account-token that
 * names a service account gets that account's token, the cluster's certificate and the namespace; it goes
 * when the account goes. Where --legacy-service-account-tokens asks for it, every account gets such a Secret,
 * as in clusters before 1.24 (KEP-2799). */
#include <stdlib.h>

#include "auth/service_account.h"
#include "base/random.h"
#include "controllers/meta.h"
#include "controllers/table.h"

#define ACCOUNT_NAME STR("kubernetes.io/service-account.name")
#define ACCOUNT_UID  STR("kubernetes.io/service-account.uid")

enum { SUFFIX = 5 };

static bool is_token(struct object *o)
{
    return str_eq(((const struct secret *)object_typed(o))->type, SECRET_TYPE_SERVICE_ACCOUNT_TOKEN);
}

/* Does the Secret hold this account's token? */
static bool is_token_of(struct object *secret, struct object *account)
{
    const struct str_map *said = &object_meta(secret)->annotations;
    struct str uid = labels_get(said, ACCOUNT_UID);
    return is_token(secret) && str_eq(labels_get(said, ACCOUNT_NAME), object_name(account)) &&
           (str_empty(uid) || str_eq(uid, object_meta(account)->uid));
}

/* --- the key --- */

static int key_start(struct controller *k, struct err *err)
{
    struct jwt_key *key = NULL;
    if (!str_empty(k->options->token_key_pem) && jwt_key_parse(k->options->token_key_pem, &key, err) < 0)
        return -1;
    k->state = key;
    return 0;
}

static void key_stop(struct controller *k)
{
    if (k->state)
        jwt_key_free(k->state);
}

/* --- what a Secret holds --- */

/* Fills in what is missing; true when something was. */
static int token_fill(struct work *w, struct object *account, struct secret *s, bool *changed)
{
    struct service_account_claims claims = {.ns = object_namespace(account),
                                            .account = {object_name(account), object_meta(account)->uid},
                                            .secret = {.name = s->metadata.name}};
    *changed = labels_set(w->a, &s->metadata.annotations, ACCOUNT_UID, claims.account.uid);
    *changed |= labels_set(w->a, &s->metadata.annotations, ACCOUNT_NAME, claims.account.name);
    if (!str_empty(w->options->ca_pem))
        *changed |= labels_set(w->a, &s->data, STR("ca.crt"), w->options->ca_pem);
    if (str_empty(labels_get(&s->data, STR("namespace"))))
        *changed |= labels_set(w->a, &s->data, STR("namespace"), claims.ns);
    if (!str_empty(labels_get(&s->data, STR("token"))) || !w->controller->state)
        return 0;
    _cleanup_buf_ struct buf token = {0};
    if (service_account_issue_legacy(w->controller->state, &claims, &token, w->err) < 0)
        return -1;
    *changed |= labels_set(w->a, &s->data, STR("token"), arena_str(w->a, buf_str(&token)));
    return 0;
}

/* A Secret that has gone is no account's any more. */
static int forget_secret(struct work *w)
{
    _cleanup_objects_ struct objects accounts = {0};
    informer_list(informer_of(w, service_account), w->ns, &accounts);
    for (size_t i = 0; i < accounts.n; i++) {
        struct service_account *copy = object_copy(accounts.at[i], w->a);
        size_t kept = 0;
        for (size_t k = 0; k < copy->secrets.n; k++)
            if (!str_eq(copy->secrets.at[k].name, w->name))
                copy->secrets.at[kept++] = copy->secrets.at[k];
        if (kept == copy->secrets.n)
            continue;
        copy->secrets.n = kept;
        if (client_update(w->client, &service_account_resource, (struct str){0}, copy, NULL, w->err) < 0)
            return -1;
    }
    return 0;
}

static int token_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o = informer_get(informer_of(w, secret), w->ns, w->name);
    if (!o)
        return forget_secret(w);
    if (!is_token(o) || object_meta(o)->deletion_timestamp)
        return 0;
    struct str name = labels_get(&object_meta(o)->annotations, ACCOUNT_NAME);
    _cleanup_object_ struct object *account = NULL;
    /* Not from the informer, which may not have seen yet what the Secret's author has. */
    if (!str_empty(name) &&
        work_forgive(w, client_get(w->client, &service_account_resource, w->ns, name, &account, w->err),
                     ERR_NOT_FOUND) < 0)
        return -1;
    if (!account || !is_token_of(o, account)) {
        struct client_delete_options just_this = {.uid = object_meta(o)->uid, .grace_s = -1};
        return work_forgive(w, client_delete(w->client, &secret_resource, w->ns, w->name, &just_this, w->err),
                            ERR_NOT_FOUND);
    }
    struct secret *copy = object_copy(o, w->a);
    bool changed;
    if (token_fill(w, account, copy, &changed) < 0)
        return -1;
    return changed ? client_update(w->client, &secret_resource, (struct str){0}, copy, NULL, w->err) : 0;
}

static void on_token(struct controller *k, struct object *before, struct object *after)
{
    struct object *o = after ? after : before;
    if (is_token(o))
        controller_add(k, object_namespace(o), object_name(o));
}

/* The tokens of an account that is gone, or that is another of the same name. */
static void on_account(struct controller *k, struct object *before, struct object *after)
{
    if (!before || (after && str_eq(object_meta(before)->uid, object_meta(after)->uid)))
        return;
    _cleanup_objects_ struct objects secrets = {0};
    informer_list(informer_of(k, secret), object_namespace(before), &secrets);
    for (size_t i = 0; i < secrets.n; i++)
        if (is_token_of(secrets.at[i], before))
            controller_add(k, object_namespace(before), object_name(secrets.at[i]));
}

const struct controller_def service_account_token_controller = {
    .name = "serviceaccount-token",
    .component = "tokens-controller",
    .kind = &secret_resource,
    .reconcile = token_reconcile,
    .start = key_start,
    .stop = key_stop,
    .watches = {{&secret_resource, on_token}, {&service_account_resource, on_account}},
};

/* --- a Secret for each account --- */

static bool has_token(struct work *w, struct object *o)
{
    const struct service_account *account = object_typed(o);
    for (size_t i = 0; i < account->secrets.n; i++) {
        _cleanup_object_ struct object *secret =
            informer_get(informer_of(w, secret), w->ns, account->secrets.at[i].name);
        if (secret && is_token_of(secret, o))
            return true;
    }
    return false;
}

static int legacy_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o = informer_get(informer_of(w, service_account), w->ns, w->name);
    if (!w->options->legacy_tokens || !o || has_token(w, o))
        return 0;
    char suffix[SUFFIX + 1];
    random_name_suffix(suffix, SUFFIX);
    struct secret s = {
        .metadata = {.namespace = w->ns,
                     .name = arena_printf(w->a, STR_FMT "-token-%s", STR_ARG(w->name), suffix)},
        .type = SECRET_TYPE_SERVICE_ACCOUNT_TOKEN,
    };
    bool changed;
    if (token_fill(w, o, &s, &changed) < 0)
        return -1;
    if (client_create(w->client, &secret_resource, w->ns, &s, NULL, w->err) < 0) {
        if (!namespace_is_ending(w->err))
            return -1;
        err_clear(w->err);
        return 0;
    }
    struct service_account *copy = object_copy(o, w->a);
    struct object_reference *refs = arena_new_n(w->a, struct object_reference, copy->secrets.n + 1);
    if (copy->secrets.n)
        memcpy(refs, copy->secrets.at, copy->secrets.n * sizeof *refs);
    refs[copy->secrets.n] = (struct object_reference){.name = s.metadata.name};
    copy->secrets = (struct object_reference_vec){refs, copy->secrets.n + 1};
    if (client_update(w->client, &service_account_resource, (struct str){0}, copy, NULL, w->err) == 0)
        return 0;
    /* The account has changed meanwhile, or is gone: the next attempt makes another. */
    _cleanup_err_ struct err ignored = {0};
    client_delete(w->client, &secret_resource, w->ns, s.metadata.name, &DELETE_OPTIONS_DEFAULT, &ignored);
    return -1;
}

const struct controller_def legacy_token_controller = {
    .name = "legacy-serviceaccount-token",
    .component = "tokens-controller",
    .kind = &service_account_resource,
    .reconcile = legacy_reconcile,
    .start = key_start,
    .stop = key_stop,
    .watches = {{&service_account_resource, controller_on_self}},
};
