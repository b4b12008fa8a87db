/* Takes tokens in Secrets out of service that nobody has used for a year (upstream's
 * legacy-serviceaccount-token-cleaner; KEP-2799): only those that were made by themselves for an account, and
 * that no pod mounts. First a label marks the token as invalid; after another year the Secret goes. What is
 * known of their use is what the API server notes on them, and since when it does. */
#include <time.h>

#include "controllers/meta.h"
#include "controllers/table.h"

#define TRACKING      STR("kube-apiserver-legacy-service-account-token-tracking")
#define LAST_USED     STR("kubernetes.io/legacy-token-last-used")
#define INVALID_SINCE STR("kubernetes.io/legacy-token-invalid-since")
#define YEAR_NS       (INT64_C(365) * 24 * 3600 * CLOCK_S)
#define SYNC_NS       (INT64_C(24) * 3600 * CLOCK_S)
#define SYNC_LEAST_NS (100 * CLOCK_MS)

/* "2006-01-02", its first moment in ns since 1970; false when it is no day. */
static bool day_parse(struct str s, int64_t *ns)
{
    char text[11] = {0};
    struct tm tm = {0};
    if (s.n != sizeof text - 1)
        return false;
    memcpy(text, s.p, s.n);
    const char *end = strptime(text, "%Y-%m-%d", &tm);
    *ns = (int64_t)timegm(&tm) * CLOCK_S;
    return end && !*end;
}

static bool env_uses(const struct container_vec *list, struct str name)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct container *c = &list->at[i];
        for (size_t k = 0; k < c->env.n; k++)
            if (c->env.at[k].value_from && c->env.at[k].value_from->secret_key_ref &&
                str_eq(c->env.at[k].value_from->secret_key_ref->name, name))
                return true;
        for (size_t k = 0; k < c->env_from.n; k++)
            if (c->env_from.at[k].secret_ref && str_eq(c->env_from.at[k].secret_ref->name, name))
                return true;
    }
    return false;
}

static bool pod_uses(const struct pod *pod, struct str name)
{
    const struct pod_spec *s = &pod->spec;
    for (size_t i = 0; i < s->image_pull_secrets.n; i++)
        if (str_eq(s->image_pull_secrets.at[i].name, name))
            return true;
    for (size_t i = 0; i < s->volumes.n; i++) {
        const struct volume *v = &s->volumes.at[i];
        if (v->secret && str_eq(v->secret->secret_name, name))
            return true;
        for (size_t k = 0; v->projected && k < v->projected->sources.n; k++)
            if (v->projected->sources.at[k].secret && str_eq(v->projected->sources.at[k].secret->name, name))
                return true;
    }
    return env_uses(&s->init_containers, name) || env_uses(&s->containers, name);
}

static bool is_mounted(struct work *w)
{
    _cleanup_objects_ struct objects pods = {0};
    informer_list(informer_of(w, pod), w->ns, &pods);
    for (size_t i = 0; i < pods.n; i++)
        if (pod_uses(object_typed(pods.at[i]), w->name))
            return true;
    return false;
}

/* Made by itself: its account lists it. */
static bool is_listed(struct work *w, struct object *secret)
{
    struct str account =
        labels_get(&object_meta(secret)->annotations, STR("kubernetes.io/service-account.name"));
    _cleanup_object_ struct object *o = informer_get(informer_of(w, service_account), w->ns, account);
    const struct service_account *sa = o ? object_typed(o) : NULL;
    for (size_t i = 0; sa && i < sa->secrets.n; i++)
        if (str_eq(sa->secrets.at[i].name, w->name))
            return true;
    return false;
}

/* Since when uses have been noted, if that is known. */
static bool tracked_since(struct work *w, int64_t *since)
{
    _cleanup_object_ struct object *o = NULL;
    if (client_get(w->client, &config_map_resource, STR("kube-system"), TRACKING, &o, w->err) < 0) {
        err_clear(w->err);
        return false;
    }
    return day_parse(labels_get(&((const struct config_map *)object_typed(o))->data, STR("since")), since);
}

static bool is_unused(struct work *w, struct object *o, int64_t before)
{
    const struct secret *s = object_typed(o);
    struct str used = labels_get(&s->metadata.labels, LAST_USED);
    int64_t since, last;
    return str_eq(s->type, SECRET_TYPE_SERVICE_ACCOUNT_TOKEN) && !s->metadata.deletion_timestamp &&
           time_to_ns(s->metadata.creation_timestamp) < before &&
           (str_empty(used) || (day_parse(used, &last) && last < before)) && is_listed(w, o) &&
           !is_mounted(w) && tracked_since(w, &since) && since < before;
}

static int mark(struct work *w, struct object *o, int64_t now)
{
    struct secret *copy = object_copy(o, w->a);
    time_t s = (time_t)(now / CLOCK_S);
    char day[11];
    struct tm tm;
    gmtime_r(&s, &tm);
    strftime(day, sizeof day, "%Y-%m-%d", &tm);
    labels_set(w->a, &copy->metadata.labels, INVALID_SINCE, str_from(day));
    return client_update(w->client, &secret_resource, (struct str){0}, copy, NULL, w->err);
}

static int clean(struct work *w)
{
    int64_t period = w->options->legacy_clean_up_ns ? w->options->legacy_clean_up_ns : YEAR_NS;
    int64_t now = clock_wall(), before = now - period, invalid;
    _cleanup_object_ struct object *o = informer_get(informer_of(w, secret), w->ns, w->name);
    if (!o || !str_eq(((const struct secret *)object_typed(o))->type, SECRET_TYPE_SERVICE_ACCOUNT_TOKEN))
        return 0;
    work_again(w, period < SYNC_LEAST_NS ? SYNC_LEAST_NS : period < SYNC_NS ? period : SYNC_NS);
    if (!is_unused(w, o, before))
        return 0;
    if (!day_parse(labels_get(&object_meta(o)->labels, INVALID_SINCE), &invalid))
        return mark(w, o, now);
    if (invalid >= before)
        return 0;
    struct client_delete_options just_this = {
        .uid = object_meta(o)->uid, .resource_version = object_meta(o)->resource_version, .grace_s = -1};
    return work_forgive(w, client_delete(w->client, &secret_resource, w->ns, w->name, &just_this, w->err),
                        ERR_NOT_FOUND);
}

const struct controller_def legacy_token_cleaner_controller = {
    .name = "legacy-serviceaccount-token-cleaner",
    .component = "legacy-service-account-token-cleaner",
    .kind = &secret_resource,
    .reconcile = clean,
    .watches = {{&secret_resource, controller_on_self},
                {&service_account_resource, NULL},
                {&pod_resource, NULL}},
};
