#define LOG_PART "controllers"
#include "controllers/controllers.h"

#include <stdlib.h>

#include "base/log.h"
#include "controllers/kinds.h"
#include "controllers/meta.h"
#include "controllers/table.h"

static const struct controller_def *const defs[] = {
    &admission_policy_controller,
    &certificate_controller,
    &cluster_role_aggregation_controller,
    &namespace_controller,
    &service_account_controller,
    &default_service_cidr_controller,
    &service_cidr_controller,
    &service_ip_address_controller,
    &service_account_token_controller,
    &legacy_token_cleaner_controller,
    &legacy_token_controller,
    &root_ca_publisher_controller,
    &daemon_set_controller,
    &deployment_controller,
    &stateful_set_controller,
    &job_controller,
    &cron_job_controller,
    &disruption_controller,
    &flow_schema_controller,
    &resource_quota_controller,
    &replica_set_controller,
    &replication_controller_controller,
    &cluster_dns_controller,
    &claim_binder_controller,
    &volume_controller,
    &claim_protection_controller,
    &volume_protection_controller,
    &ephemeral_volume_controller,
    &endpoint_slice_controller,
    &endpoint_slice_mirroring_controller,
    &endpoints_controller,
    &node_ipam_controller,
    &node_lifecycle_controller,
    &taint_eviction_controller,
    &pod_garbage_collector_controller,
    &garbage_collector_controller,
};

enum { WORKERS = 4 };
#define SYNC_WAIT (10 * CLOCK_S)

struct controllers {
    struct controllers_options options;
    struct arena arena; /* of its strings */
    struct worker_pool *pool;
    struct kinds *kinds;
    struct controller at[ARRAY_LEN(defs)];
    size_t n;
};

/* --- running one --- */

/* The i-th informer that it watches, NULL behind the last. */
static struct informer *controller_informer(struct controller *k, size_t i)
{
    size_t own = 0;
    while (k->def->watches[own].resource)
        own++;
    const struct resource *r = i < own          ? k->def->watches[i].resource
                               : k->def->on_any ? kind_stored(i - own)
                                                : NULL;
    return r ? client_informer(k->client, r, NULL) : NULL;
}

/* A controller that has not seen all there is yet would take what it has not seen for absent. */
static bool controller_synced(struct controller *k)
{
    if (__atomic_load_n(&k->synced, __ATOMIC_RELAXED))
        return true;
    struct informer *v;
    for (size_t i = 0; (v = controller_informer(k, i)); i++)
        if (!informer_synced(v, clock_mono() + SYNC_WAIT))
            return false;
    __atomic_store_n(&k->synced, true, __ATOMIC_RELAXED);
    return true;
}

/* What was reconciled went meanwhile: nothing to do any more, and nothing went wrong. */
static bool key_is_gone(struct controller *k, struct str ns, struct str name)
{
    if (!k->def->kind)
        return false;
    _cleanup_object_ struct object *o =
        informer_get(client_informer(k->client, k->def->kind, NULL), ns, name);
    return !o;
}

static int controller_run(void *arg, struct str ns, struct str name, struct arena *a, int64_t *again_ns,
                          struct err *err)
{
    struct controller *k = arg;
    if (!controller_synced(k))
        return err_set(err, ERR_TIMEOUT, "the informers are not synced yet");
    struct work w = {
        .controller = k,
        .client = k->client,
        .recorder = k->recorder,
        .options = k->options,
        .ns = ns,
        .name = name,
        .a = a,
        .err = err,
    };
    int failed = k->def->reconcile(&w);
    *again_ns = w.again_ns;
    if (!failed || namespace_is_ending(err)) /* then all that it makes there is refused, to the end */
        return 0;
    return err->reason == ERR_NOT_FOUND && key_is_gone(k, ns, name) ? 0 : failed;
}

int work_forgive(struct work *w, int failed, enum err_reason harmless)
{
    if (!failed || w->err->reason != harmless)
        return failed;
    err_clear(w->err);
    return 0;
}

/* --- from changes to keys --- */

void controller_on_self(struct controller *k, struct object *before, struct object *after)
{
    reconciler_on_object(k->reconciler, before, after);
}

static void add_controller_of(struct controller *k, struct object *o)
{
    const struct owner_reference *ref = o ? meta_controller(object_meta(o)) : NULL;
    if (!ref || !str_eq(ref->kind, k->def->kind->kind))
        return;
    struct str group = {0}, rest = ref->api_version;
    if (str_index(rest, '/') >= 0)
        str_cut(&rest, '/', &group);
    if (str_eq(group, k->def->kind->group))
        controller_add(k, object_namespace(o), ref->name);
}

void controller_on_owned(struct controller *k, struct object *before, struct object *after)
{
    add_controller_of(k, after);
    if (!before || !after || !meta_controller(object_meta(before)))
        return add_controller_of(k, after ? NULL : before);
    const struct owner_reference *now = meta_controller(object_meta(after));
    if (!now || !str_eq(now->uid, meta_controller(object_meta(before))->uid))
        add_controller_of(k, before);
}

/* spec.selector, which is a LabelSelector in most kinds and a plain map in the oldest. */
static bool object_selects(struct arena *a, struct object *o, const struct str_map *labels)
{
    const struct resource *r = object_resource(o);
    const struct field *f = type_field(r->spec->type, STR("selector"), &(uint32_t){0});
    const void *at = field_at(f, field_at(r->spec, object_typed(o)));
    struct selector s;
    if (f->shape == SHAPE_MAP)
        selector_from_map(a, at, &s);
    else if (selector_from(a, *(const struct label_selector *const *)at, &s, NULL) < 0)
        return false;
    return !selector_empty(&s) && selector_matches(&s, labels);
}

void controller_on_orphan(struct controller *k, struct object *orphan)
{
    const struct str_map *labels = &object_meta(orphan)->labels;
    if (labels->n == 0)
        return;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_objects_ struct objects all = {0};
    informer_list(client_informer(k->client, k->def->kind, NULL), object_namespace(orphan), &all);
    for (size_t i = 0; i < all.n; i++)
        if (object_selects(&a, all.at[i], labels))
            controller_on_self(k, NULL, all.at[i]);
}

/* A handler's argument is its controller; which of the watches it is, the object says. */
static void controller_on_change(void *arg, struct object *before, struct object *after)
{
    struct controller *k = arg;
    const struct resource *r = object_resource(after ? after : before);
    for (const struct controller_watch *v = k->def->watches; v->resource; v++)
        if (v->resource == r)
            return v->on ? v->on(k, before, after) : (void)0;
    k->def->on_any(k, before, after);
}

/* --- all of them --- */

/* A custom kind has come: those who want to hear of all kinds hear of it too. */
static void controllers_found(void *arg, const struct resource *r)
{
    struct controllers *all = arg;
    for (size_t i = 0; i < all->n; i++)
        if (all->at[i].def->on_any)
            informer_handle(client_informer(all->at[i].client, r, NULL), controller_on_change, &all->at[i]);
}

static void controllers_forget(struct controllers *all)
{
    const struct resource *r;
    for (size_t i = 0; (r = kinds_known(all->kinds, i)); i++)
        for (size_t k = 0; r->custom && k < all->n; k++)
            if (all->at[k].def->on_any)
                informer_unhandle(client_informer(all->at[k].client, r, NULL), controller_on_change,
                                  &all->at[k]);
}

static int controller_start(struct controllers *all, const struct controller_def *def, struct client *c,
                            struct err *err)
{
    struct controller *k = &all->at[all->n++];
    *k = (struct controller){
        .def = def,
        .client = def->account ? client_as(c, STR("kube-system"), str_from(def->account)) : c,
        .options = &all->options,
        .kinds = all->kinds,
        .pool = all->pool,
        .recorder = recorder_new(c, def->component, (struct str){0}),
    };
    k->reconciler =
        reconciler_new_in(all->pool, def->name, def->workers ? def->workers : 1, controller_run, k);
    if (def->start && def->start(k, err) < 0)
        return err_wrap(err, "%s", def->name);
    struct informer *v;
    for (size_t i = 0; (v = controller_informer(k, i)); i++)
        informer_handle(v, controller_on_change, k);
    reconciler_start(k->reconciler);
    return 0;
}

static struct str_vec strs_copy(struct arena *a, const struct str_vec *from)
{
    struct str_vec v = {arena_new_n(a, struct str, from->n), from->n};
    for (size_t i = 0; i < v.n; i++)
        v.at[i] = arena_str(a, from->at[i]);
    return v;
}

int controllers_start(struct client *c, const struct controllers_options *o, struct controllers **out,
                      struct err *err)
{
    struct controllers *all = mem_zalloc(sizeof *all);
    all->options = *o;
    all->options.ca_pem = arena_str(&all->arena, o->ca_pem);
    all->options.ca_key_pem = arena_str(&all->arena, o->ca_key_pem);
    all->options.token_key_pem = arena_str(&all->arena, o->token_key_pem);
    all->options.cluster_cidrs = strs_copy(&all->arena, &o->cluster_cidrs);
    all->options.service_cidrs = strs_copy(&all->arena, &o->service_cidrs);
    all->pool = worker_pool_new("controllers", o->workers ? o->workers : WORKERS);
    all->kinds = kinds_new(c, controllers_found, all);
    for (size_t i = 0; i < ARRAY_LEN(defs); i++)
        if (controller_start(all, defs[i], c, err) < 0) {
            controllers_stop(all);
            return -1;
        }
    kinds_start(all->kinds);
    log_info("%zu controllers started", all->n);
    *out = all;
    return 0;
}

void controllers_stop(struct controllers *all)
{
    if (!all)
        return;
    kinds_stop(all->kinds);
    controllers_forget(all);
    for (size_t i = 0; i < all->n; i++) {
        struct informer *v;
        for (size_t n = 0; (v = controller_informer(&all->at[i], n)); n++)
            informer_unhandle(v, controller_on_change, &all->at[i]);
    }
    for (size_t i = 0; i < all->n; i++) {
        struct controller *k = &all->at[i];
        reconciler_stop(k->reconciler);
        if (k->def->stop)
            k->def->stop(k);
        reconciler_free(k->reconciler);
        recorder_free(k->recorder);
    }
    worker_pool_free(all->pool);
    kinds_free(all->kinds);
    arena_free(&all->arena);
    free(all);
}
