#include "server/bootstrap.h"
#include "schema/json.h"

#include "base/thread.h"
#include "kinds/core_v1.h"
#include "kinds/storage_v1.h"
#include "schema/copy.h"
#include "server/access/roles.h"
#include "server/access/rules.h"
#include "server/flow/flow_defaults.h"

#define LOG_PART "server"
#include "base/log.h"

static struct str masters[] = {STR_INIT("system:masters")};
static const struct user self = {.name = STR_INIT("system:apiserver"), .groups = {masters, 1}};

/* --- many requests at a time --- */

struct batch;

struct item {
    struct api_request request;
    struct batch *batch;
    bool woken; /* guarded by the batch's mutex */
    bool pending;
};

struct batch {
    struct arena arena;
    struct api *api;
    struct item **items;
    size_t n, cap;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
};

static void item_woken(struct api_request *r)
{
    struct item *it = r->caller;
    struct batch *b = it->batch;
    pthread_mutex_lock(&b->mutex);
    it->woken = true;
    pthread_cond_signal(&b->cond);
    pthread_mutex_unlock(&b->mutex);
}

static void batch_write(struct batch *b, const struct resource *r, struct str ns, struct str name,
                        const void *typed, bool update)
{
    struct item *it = arena_new(&b->arena, struct item);
    it->batch = b;
    it->request = (struct api_request){
        .arena = &b->arena,
        .user = &self,
        .verb = update ? API_UPDATE : API_CREATE,
        .resource = r,
        .ns = ns,
        .name = update ? name : (struct str){0},
        .typed = typed,
        .wake = item_woken,
        .caller = it,
    };
    mem_grow((void **)&b->items, &b->cap, b->n + 1, sizeof(struct item *));
    b->items[b->n++] = it;
}

/* Runs those that were woken (at first all) until each is done. */
static void batch_run(struct batch *b)
{
    size_t left = b->n;
    for (size_t i = 0; i < b->n; i++)
        b->items[i]->woken = b->items[i]->pending = true;
    while (left) {
        bool progress = false;
        for (size_t i = 0; i < b->n; i++) {
            struct item *it = b->items[i];
            pthread_mutex_lock(&b->mutex);
            bool run = it->pending && it->woken;
            it->woken = it->woken && !run;
            pthread_mutex_unlock(&b->mutex);
            if (!run)
                continue;
            progress = true;
            if (api_run(b->api, &it->request) == API_DONE) {
                it->pending = false;
                left--;
            }
        }
        if (progress || !left)
            continue;
        pthread_mutex_lock(&b->mutex);
        bool any = false;
        for (size_t i = 0; i < b->n && !any; i++)
            any = b->items[i]->pending && b->items[i]->woken;
        if (!any)
            thread_cond_wait(&b->cond, &b->mutex, INT64_MAX);
        pthread_mutex_unlock(&b->mutex);
    }
}

/* The first failure, if any. Someone else may have been faster (another server): that is none. */
static int batch_finish(struct batch *b, struct err *err)
{
    int result = 0;
    for (size_t i = 0; i < b->n; i++) {
        struct api_request *r = &b->items[i]->request;
        if (r->code >= 400 && r->err.reason != ERR_ALREADY_EXISTS && r->err.reason != ERR_CONFLICT &&
            result == 0) {
            result = -1;
            if (err)
                err_move(err, &r->err);
        }
        api_finish(b->api, r);
        err_clear(&r->err);
    }
    return result;
}

/* --- roles and bindings --- */

#define BOOTSTRAPPING_LABEL "kubernetes.io/bootstrapping"
#define AUTOUPDATE          "rbac.authorization.kubernetes.io/autoupdate"
#define AGGREGATE           "rbac.authorization.k8s.io/aggregate-to-"

static struct str map_get_str(const struct str_map *m, const char *key)
{
    for (size_t i = 0; i < m->n; i++)
        if (str_is(m->at[i].key, key))
            return m->at[i].value;
    return (struct str){0};
}

/* Sets a key of a sorted map; false when it had that value already. */
static bool map_set(struct arena *a, struct str_map *m, struct str key, struct str value)
{
    size_t at = 0;
    while (at < m->n && str_cmp(m->at[at].key, key) < 0)
        at++;
    bool there = at < m->n && str_eq(m->at[at].key, key);
    if (there && str_eq(m->at[at].value, value))
        return false;
    struct str_entry *fresh = arena_new_n(a, struct str_entry, m->n + 1);
    if (at)
        memcpy(fresh, m->at, at * sizeof *fresh);
    fresh[at] = (struct str_entry){key, value};
    size_t from = at + there;
    if (m->n > from)
        memcpy(fresh + at + 1, m->at + from, (m->n - from) * sizeof *fresh);
    *m = (struct str_map){fresh, m->n + !there};
    return true;
}

/* The labels and annotations of everything made here; true when one was missing. */
static bool mark(struct arena *a, struct object_meta *meta)
{
    bool changed = map_set(a, &meta->labels, STR(BOOTSTRAPPING_LABEL), STR("rbac-defaults"));
    return map_set(a, &meta->annotations, STR(AUTOUPDATE), STR("true")) || changed;
}

static bool protected(const struct object_meta *meta)
{
    return str_is(map_get_str(&meta->annotations, AUTOUPDATE), "false");
}

/* Adds what is missing to `rules`; true when something was. */
static bool add_rules(struct arena *a, struct policy_rule_vec *rules, const struct policy_rule_vec *wanted)
{
    struct policy_rule_vec missing;
    rules_missing(rules, wanted, a, &missing);
    if (!missing.n)
        return false;
    rules_compact(&missing, a);
    struct policy_rule *at = arena_new_n(a, struct policy_rule, rules->n + missing.n);
    if (rules->n)
        memcpy(at, rules->at, rules->n * sizeof *at);
    memcpy(at + rules->n, missing.at, missing.n * sizeof *at);
    *rules = (struct policy_rule_vec){at, rules->n + missing.n};
    return true;
}

static struct aggregation_rule *aggregation_of(struct arena *a, const char *label)
{
    struct aggregation_rule *rule = arena_new(a, struct aggregation_rule);
    struct label_selector *selector = arena_new(a, struct label_selector);
    map_set(a, &selector->match_labels, arena_printf(a, AGGREGATE "%s", label), STR("true"));
    rule->cluster_role_selectors.at = selector;
    rule->cluster_role_selectors.n = 1;
    return rule;
}

static void ensure_cluster_role(struct batch *b, const struct role_default *d, struct object *now)
{
    struct arena *a = &b->arena;
    struct cluster_role *role = now ? object_copy(now, a) : arena_new(a, struct cluster_role);
    struct policy_rule_vec rules;
    role_default_rules(d, a, &rules);
    role->metadata.name = str_from(d->name);
    bool changed = mark(a, &role->metadata);
    if (d->labels)
        changed |=
            map_set(a, &role->metadata.labels, arena_printf(a, AGGREGATE "%s", d->labels), STR("true"));
    if (d->aggregate && !role->aggregation_rule) {
        role->aggregation_rule = aggregation_of(a, d->aggregate);
        changed = true;
    }
    if (!now)
        role->rules = rules;
    else
        changed |= add_rules(a, &role->rules, &rules);
    if (changed)
        batch_write(b, &cluster_role_resource, (struct str){0}, role->metadata.name, role, now != NULL);
}

static void ensure_role(struct batch *b, const struct role_default *d, struct object *now)
{
    struct arena *a = &b->arena;
    struct role *role = now ? object_copy(now, a) : arena_new(a, struct role);
    struct policy_rule_vec rules;
    role_default_rules(d, a, &rules);
    role->metadata.name = str_from(d->name);
    role->metadata.namespace = str_from(d->ns);
    bool changed = mark(a, &role->metadata);
    if (!now)
        role->rules = rules;
    else
        changed |= add_rules(a, &role->rules, &rules);
    if (changed)
        batch_write(b, &role_resource, role->metadata.namespace, role->metadata.name, role, now != NULL);
}

/* "user:NAME", "group:NAME", "sa:NAMESPACE:NAME" */
static struct rbac_subject subject_parse(struct str word)
{
    struct rbac_subject s = {0};
    struct str kind = {0};
    str_cut(&word, ':', &kind);
    if (str_is(kind, "sa")) {
        s.kind = STR("ServiceAccount");
        str_cut(&word, ':', &s.namespace);
    } else {
        s.kind = str_is(kind, "group") ? STR("Group") : STR("User");
        s.api_group = STR("rbac.authorization.k8s.io");
    }
    s.name = word;
    return s;
}

static bool add_subjects(struct arena *a, struct rbac_subject_vec *subjects, const char *text)
{
    bool changed = false;
    struct str rest = str_from(text), word;
    while (rest.n && str_cut(&rest, ' ', &word)) {
        struct rbac_subject s = subject_parse(word);
        bool there = false;
        for (size_t i = 0; i < subjects->n && !there; i++)
            there = str_eq(subjects->at[i].kind, s.kind) && str_eq(subjects->at[i].name, s.name) &&
                    str_eq(subjects->at[i].namespace, s.namespace);
        if (there)
            continue;
        struct rbac_subject *at = arena_new_n(a, struct rbac_subject, subjects->n + 1);
        if (subjects->n)
            memcpy(at, subjects->at, subjects->n * sizeof *at);
        at[subjects->n] = s;
        *subjects = (struct rbac_subject_vec){at, subjects->n + 1};
        changed = true;
    }
    return changed;
}

static void ensure_binding(struct batch *b, const struct binding_default *d, struct object *now)
{
    struct arena *a = &b->arena;
    struct role_ref ref = {.api_group = STR("rbac.authorization.k8s.io"),
                           .kind = d->ns ? STR("Role") : STR("ClusterRole"),
                           .name = str_from(d->role)};
    if (d->ns) {
        struct role_binding *binding = now ? object_copy(now, a) : arena_new(a, struct role_binding);
        binding->metadata.name = str_from(d->name);
        binding->metadata.namespace = str_from(d->ns);
        binding->role_ref = ref;
        bool changed = mark(a, &binding->metadata);
        changed |= add_subjects(a, &binding->subjects, d->subjects);
        if (changed)
            batch_write(b, &role_binding_resource, binding->metadata.namespace, binding->metadata.name,
                        binding, now != NULL);
        return;
    }
    struct cluster_role_binding *binding =
        now ? object_copy(now, a) : arena_new(a, struct cluster_role_binding);
    binding->metadata.name = str_from(d->name);
    binding->role_ref = ref;
    bool changed = mark(a, &binding->metadata);
    changed |= add_subjects(a, &binding->subjects, d->subjects);
    if (changed)
        batch_write(b, &cluster_role_binding_resource, (struct str){0}, binding->metadata.name, binding,
                    now != NULL);
}

static struct object *find(struct batch *b, struct snapshot *snap, const struct resource *r, const char *ns,
                           const char *name)
{
    return snapshot_get(snap, store_table(api_store(b->api), r), str_from(ns), str_from(name));
}

static void ensure_roles(struct batch *b, struct snapshot *snap)
{
    for (size_t i = 0; i < n_role_defaults; i++) {
        const struct role_default *d = &role_defaults[i];
        struct object *now = find(b, snap, d->ns ? &role_resource : &cluster_role_resource, d->ns, d->name);
        if (now && protected(object_meta(now)))
            continue;
        if (d->ns)
            ensure_role(b, d, now);
        else
            ensure_cluster_role(b, d, now);
    }
}

static void ensure_bindings(struct batch *b, struct snapshot *snap)
{
    const char *prefix = "system:controller:";
    for (size_t i = 0; i < n_binding_defaults + n_role_defaults; i++) {
        struct binding_default made, *d = &made;
        if (i < n_binding_defaults) {
            made = binding_defaults[i];
        } else {
            const struct role_default *role = &role_defaults[i - n_binding_defaults];
            if (role->ns || strncmp(role->name, prefix, strlen(prefix)) != 0)
                continue;
            made = (struct binding_default){
                .name = role->name,
                .role = role->name,
                .subjects = arena_printf(&b->arena, "sa:kube-system:%s", role->name + strlen(prefix)).p,
            };
        }
        struct object *now =
            find(b, snap, d->ns ? &role_binding_resource : &cluster_role_binding_resource, d->ns, d->name);
        if (!now || !protected(object_meta(now)))
            ensure_binding(b, d, now);
    }
}

/* --- priority and fairness --- */

#define FLOW_AUTOUPDATE "apf.kubernetes.io/autoupdate-spec"

/* Writes a default whose spec is missing or another; an administrator keeps his own by the annotation. */
static void ensure_flow(struct batch *b, const struct resource *r, void *made, struct object *now,
                        bool mandatory)
{
    struct object_meta *meta = resource_meta(r, made);
    map_set(&b->arena, &meta->annotations, STR(FLOW_AUTOUPDATE), STR("true"));
    if (!now) {
        batch_write(b, r, (struct str){0}, meta->name, made, false);
        return;
    }
    char *fresh = object_copy(now, &b->arena);
    if (field_eq(r->spec, fresh + r->spec_offset, (char *)made + r->spec_offset) ||
        !(mandatory || str_is(map_get_str(&object_meta(now)->annotations, FLOW_AUTOUPDATE), "true")))
        return;
    field_copy(&b->arena, r->spec, fresh, made);
    batch_write(b, r, (struct str){0}, meta->name, fresh, true);
}

static void ensure_flows(struct batch *b, struct snapshot *snap)
{
    for (size_t i = 0; i < n_level_defaults; i++) {
        const struct level_default *d = &level_defaults[i];
        struct priority_level_configuration *made = arena_new(&b->arena, struct priority_level_configuration);
        level_default_make(d, &b->arena, made);
        ensure_flow(b, &priority_level_configuration_resource, made,
                    find(b, snap, &priority_level_configuration_resource, NULL, d->name), d->mandatory);
    }
    for (size_t i = 0; i < n_schema_defaults; i++) {
        const struct schema_default *d = &schema_defaults[i];
        struct flow_schema *made = arena_new(&b->arena, struct flow_schema);
        schema_default_make(d, &b->arena, made);
        ensure_flow(b, &flow_schema_resource, made, find(b, snap, &flow_schema_resource, NULL, d->name),
                    d->mandatory);
    }
}

/* --- what extension servers read --- */

static const char authentication_config[] = "extension-apiserver-authentication";

static struct str json_list(struct arena *a, struct str_vec v)
{
    _cleanup_buf_ struct buf b = {0};
    buf_add_c(&b, '[');
    for (size_t i = 0; i < v.n; i++) {
        if (i)
            buf_add_c(&b, ',');
        json_encode_string(&b, v.at[i]);
    }
    buf_add_c(&b, ']');
    return arena_str(a, buf_str(&b));
}

static void ensure_authentication_config(struct batch *b, struct snapshot *snap,
                                         const struct published_trust *t)
{
    const char *name = authentication_config;
    struct arena *a = &b->arena;
    struct object *now = find(b, snap, &config_map_resource, "kube-system", name);
    struct config_map *map = now ? object_copy(now, a) : arena_new(a, struct config_map);
    map->metadata.name = str_from(name);
    map->metadata.namespace = STR("kube-system");
    bool changed = map_set(a, &map->data, STR("client-ca-file"), t->client_ca_pem) || !now;
    const struct str_entry front_proxy[] = {
        {STR("requestheader-allowed-names"), json_list(a, t->allowed_names)},
        {STR("requestheader-client-ca-file"), t->front_proxy_ca_pem},
        {STR("requestheader-extra-headers-prefix"), json_list(a, t->extra_prefixes)},
        {STR("requestheader-group-headers"), json_list(a, t->group_headers)},
        {STR("requestheader-uid-headers"), json_list(a, t->uid_headers)},
        {STR("requestheader-username-headers"), json_list(a, t->username_headers)},
    };
    for (size_t i = 0; !str_empty(t->front_proxy_ca_pem) && i < ARRAY_LEN(front_proxy); i++)
        changed |= map_set(a, &map->data, front_proxy[i].key, front_proxy[i].value);
    if (changed)
        batch_write(b, &config_map_resource, STR("kube-system"), map->metadata.name, map, now != NULL);
}

/* --- storage --- */

/* Claims without a class get a directory of their pod's node. Made once, with the cluster: who deletes it
 * does not want it. */
static void ensure_storage_class(struct batch *b, struct snapshot *snap, struct str volumes_dir)
{
    struct arena *a = &b->arena;
    if (find(b, snap, &config_map_resource, "kube-system", authentication_config))
        return;
    struct storage_class *class = arena_new(a, struct storage_class);
    struct str mode = STR("WaitForFirstConsumer");
    class->metadata.name = STR("local");
    map_set(a, &class->metadata.annotations, STR("storageclass.kubernetes.io/is-default-class"), STR("true"));
    map_set(a, &class->parameters, STR("path"), volumes_dir);
    class->provisioner = STR("sagong.io/local");
    class->allow_volume_expansion = arena_dup(a, &(bool){true}, sizeof(bool));
    class->volume_binding_mode = arena_dup(a, &mode, sizeof mode);
    batch_write(b, &storage_class_resource, (struct str){0}, class->metadata.name, class, false);
}

static void batch_begin(struct batch *b, struct api *api)
{
    *b = (struct batch){.api = api};
    pthread_mutex_init(&b->mutex, NULL);
    thread_cond_init(&b->cond);
}

static int batch_end(struct batch *b, struct err *err)
{
    batch_run(b);
    log_debug("bootstrap wrote %zu objects", b->n);
    int result = batch_finish(b, err);
    pthread_cond_destroy(&b->cond);
    pthread_mutex_destroy(&b->mutex);
    mem_freep(&b->items);
    arena_free(&b->arena);
    return result;
}

int bootstrap_run(struct api *api, const struct bootstrap_options *o, struct err *err)
{
    struct batch b;
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(api_store(api));
    batch_begin(&b, api);
    ensure_roles(&b, snap);
    ensure_bindings(&b, snap);
    ensure_flows(&b, snap);
    if (!str_empty(o->volumes_dir))
        ensure_storage_class(&b, snap, o->volumes_dir);
    if (!str_empty(o->trust.client_ca_pem))
        ensure_authentication_config(&b, snap, &o->trust);
    return batch_end(&b, err);
}

int bootstrap_publish(struct api *api, const struct published_trust *t, struct err *err)
{
    struct batch b;
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(api_store(api));
    if (str_empty(t->client_ca_pem))
        return 0;
    batch_begin(&b, api);
    ensure_authentication_config(&b, snap, t);
    return batch_end(&b, err);
}
