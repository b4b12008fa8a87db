#include "server/access/rbac.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "auth/service_account.h"
#include "base/map.h"
#include "base/thread.h"
#include "schema/copy.h"

/* Of one subject in one namespace ("" for cluster role bindings): the bindings that name it. */
struct subject {
    struct str key; /* 'U' or 'G', namespace, NUL, name; owned */
    struct object **bindings;
    size_t n, cap;
};

enum source { ROLES, CLUSTER_ROLES, BINDINGS, CLUSTER_BINDINGS, SOURCES };

struct rbac {
    struct store *store;
    struct table *tables[SOURCES];
    struct watch *watches[SOURCES];
    _Atomic bool stale;    /* a watch has news */
    pthread_rwlock_t lock; /* guards the index */
    struct map subjects;   /* key -> struct subject */
    struct map roles;      /* "namespace/name", "/name" of cluster roles -> struct role_entry */
};

struct role_entry {
    struct str key; /* owned */
    struct object *object;
};

static const struct resource *const sources[SOURCES] = {
    &role_resource, &cluster_role_resource, &role_binding_resource, &cluster_role_binding_resource};

/* --- the index --- */

static struct str subject_key(struct buf *b, char kind, struct str ns, struct str name)
{
    b->n = 0;
    buf_add_c(b, kind);
    buf_add_str(b, ns);
    buf_add_c(b, 0);
    buf_add_str(b, name);
    return buf_str(b);
}

static void subject_add(struct rbac *r, struct str key, struct object *binding)
{
    struct subject *s = map_get(&r->subjects, key);
    if (!s) {
        s = mem_zalloc(sizeof *s);
        s->key = str_slice(mem_dup(key.p, key.n), key.n);
        map_put(&r->subjects, s->key, s);
    }
    mem_grow((void **)&s->bindings, &s->cap, s->n + 1, sizeof *s->bindings);
    s->bindings[s->n++] = object_ref(binding);
}

static void subject_free(struct subject *s)
{
    for (size_t i = 0; i < s->n; i++)
        object_unref(s->bindings[i]);
    free(s->bindings);
    free((char *)s->key.p);
    free(s);
}

static void subject_remove(struct rbac *r, struct str key, const struct object *binding)
{
    struct subject *s = map_get(&r->subjects, key);
    for (size_t i = 0; s && i < s->n; i++) {
        if (!str_eq(object_name(s->bindings[i]), object_name(binding)))
            continue;
        object_unref(s->bindings[i]);
        s->bindings[i] = s->bindings[--s->n];
        if (!s->n) {
            map_del(&r->subjects, key);
            subject_free(s);
        }
        return;
    }
}

static const struct rbac_subject_vec *binding_subjects(struct object *binding)
{
    const void *typed = object_typed(binding);
    return object_resource(binding) == &role_binding_resource
               ? &((const struct role_binding *)typed)->subjects
               : &((const struct cluster_role_binding *)typed)->subjects;
}

static const struct role_ref *binding_role(struct object *binding)
{
    const void *typed = object_typed(binding);
    return object_resource(binding) == &role_binding_resource
               ? &((const struct role_binding *)typed)->role_ref
               : &((const struct cluster_role_binding *)typed)->role_ref;
}

/* Enters a binding under each of its subjects, or takes it out. */
static void index_binding(struct rbac *r, struct object *binding, bool add)
{
    const struct rbac_subject_vec *subjects = binding_subjects(binding);
    struct str ns = object_namespace(binding);
    _cleanup_buf_ struct buf key = {0}, user = {0};
    for (size_t i = 0; i < subjects->n; i++) {
        const struct rbac_subject *s = &subjects->at[i];
        if (str_is(s->kind, "ServiceAccount")) {
            user.n = 0;
            buf_addf(&user, "system:serviceaccount:" STR_FMT ":" STR_FMT, STR_ARG(s->namespace),
                     STR_ARG(s->name));
            subject_key(&key, 'U', ns, buf_str(&user));
        } else {
            subject_key(&key, str_is(s->kind, "Group") ? 'G' : 'U', ns, s->name);
        }
        if (add)
            subject_add(r, buf_str(&key), binding);
        else
            subject_remove(r, buf_str(&key), binding);
    }
}

static void role_key(struct buf *b, struct str ns, struct str name)
{
    b->n = 0;
    buf_add_str(b, ns);
    buf_add_c(b, '/');
    buf_add_str(b, name);
}

static void role_entry_free(struct role_entry *e)
{
    if (!e)
        return;
    object_unref(e->object);
    free((char *)e->key.p);
    free(e);
}

static void index_role(struct rbac *r, struct object *role, bool add)
{
    _cleanup_buf_ struct buf key = {0};
    role_key(&key, object_namespace(role), object_name(role));
    role_entry_free(map_del(&r->roles, buf_str(&key)));
    if (!add)
        return;
    struct role_entry *e = mem_zalloc(sizeof *e);
    e->key = str_slice(mem_dup(key.p, key.n), key.n);
    e->object = object_ref(role);
    map_put(&r->roles, e->key, e);
}

static void index_object(struct rbac *r, enum source source, struct object *o, bool add)
{
    if (source == BINDINGS || source == CLUSTER_BINDINGS)
        index_binding(r, o, add);
    else
        index_role(r, o, add);
}

static void index_clear(struct rbac *r)
{
    map_each (&r->subjects, slot)
        subject_free(slot->value);
    map_each (&r->roles, slot)
        role_entry_free(slot->value);
    map_free(&r->subjects);
    map_free(&r->roles);
}

static void rbac_woken(void *arg)
{
    struct rbac *r = arg;
    atomic_store(&r->stale, true);
}

static void close_watches(struct rbac *r)
{
    for (int i = 0; i < SOURCES; i++) {
        if (r->watches[i])
            watch_close(r->watches[i]);
        r->watches[i] = NULL;
    }
}

/* Reads everything anew: at start, and when a watch fell behind. */
static int rbac_load(struct rbac *r, struct err *err)
{
    close_watches(r);
    index_clear(r);
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(r->store);
    for (int i = 0; i < SOURCES; i++) {
        struct cursor c;
        cursor_open(&c, snap, r->tables[i], (struct str){0}, (struct str){0}, (struct str){0});
        for (struct object *o; (o = cursor_next(&c));)
            index_object(r, (enum source)i, o, true);
        struct watch_selector sel = {.table = r->tables[i]};
        if (store_watch(r->store, &sel, snapshot_revision(snap), rbac_woken, r, &r->watches[i], err) < 0)
            return -1;
    }
    atomic_store(&r->stale, true);
    return 0;
}

/* Takes in what the watches have. False when one was cut off. */
static bool rbac_drain(struct rbac *r)
{
    bool whole = true;
    for (int i = 0; i < SOURCES; i++) {
        struct watch_event ev;
        while (r->watches[i] && watch_next(r->watches[i], &ev)) {
            if (ev.before)
                index_object(r, (enum source)i, ev.before, false);
            if (ev.type == WATCH_ADDED || ev.type == WATCH_MODIFIED)
                index_object(r, (enum source)i, ev.object, true);
            whole = whole && ev.type != WATCH_GONE;
            watch_event_clear(&ev);
        }
        whole = whole && r->watches[i];
    }
    return whole;
}

/* Read-locks an index that has seen every change committed before the call. */
static void rbac_enter(struct rbac *r)
{
    if (atomic_load(&r->stale)) {
        pthread_rwlock_wrlock(&r->lock);
        if (atomic_exchange(&r->stale, false) && !rbac_drain(r))
            rbac_load(r, NULL);
        pthread_rwlock_unlock(&r->lock);
    }
    pthread_rwlock_rdlock(&r->lock);
}

int rbac_new(struct store *s, struct rbac **out, struct err *err)
{
    struct rbac *r = mem_zalloc(sizeof *r);
    r->store = s;
    pthread_rwlock_init(&r->lock, NULL);
    for (int i = 0; i < SOURCES; i++)
        r->tables[i] = store_table(s, sources[i]);
    if (rbac_load(r, err) < 0) {
        rbac_free(r);
        return -1;
    }
    *out = r;
    return 0;
}

void rbac_free(struct rbac *r)
{
    if (!r)
        return;
    close_watches(r);
    index_clear(r);
    pthread_rwlock_destroy(&r->lock);
    free(r);
}

/* --- rules --- */

static bool has(const struct str_vec *v, struct str s)
{
    for (size_t i = 0; i < v->n; i++)
        if (str_is(v->at[i], "*") || str_eq(v->at[i], s))
            return true;
    return false;
}

/* "pods", "pods/log", "*" and "*" "/log" (upstream: rbac/v1 ResourceMatches). */
static bool resource_matches(const struct str_vec *resources, const struct attributes *a)
{
    for (size_t i = 0; i < resources->n; i++) {
        struct str r = resources->at[i], head = {0};
        if (str_is(r, "*"))
            return true;
        str_cut(&r, '/', &head);
        if (str_eq(r, a->subresource) &&
            (str_eq(head, a->resource) || (!str_empty(a->subresource) && str_is(head, "*"))))
            return true;
    }
    return false;
}

static bool path_matches(const struct str_vec *urls, struct str path)
{
    for (size_t i = 0; i < urls->n; i++) {
        struct str u = urls->at[i];
        if (str_eq(u, path))
            return true;
        if (str_ends(u, STR("*")) && str_starts(path, str_slice(u.p, u.n - 1)))
            return true;
    }
    return false;
}

bool rule_allows(const struct policy_rule *rule, const struct attributes *a)
{
    if (!has(&rule->verbs, a->verb))
        return false;
    if (!a->is_resource)
        return path_matches(&rule->non_resource_urls, a->path);
    if (!has(&rule->api_groups, a->group) || !resource_matches(&rule->resources, a))
        return false;
    for (size_t i = 0; i < rule->resource_names.n; i++)
        if (str_eq(rule->resource_names.at[i], a->name))
            return true;
    return rule->resource_names.n == 0;
}

static const struct policy_rule_vec *role_rules(struct object *role)
{
    const void *typed = object_typed(role);
    return object_resource(role) == &role_resource ? &((const struct role *)typed)->rules
                                                   : &((const struct cluster_role *)typed)->rules;
}

/* The role that a binding of a namespace ("" for the cluster's) refers to; the index is locked. */
static struct object *find_role(struct rbac *r, const struct role_ref *ref, struct str ns)
{
    _cleanup_buf_ struct buf key = {0};
    role_key(&key, str_is(ref->kind, "Role") ? ns : (struct str){0}, ref->name);
    struct role_entry *e = map_get(&r->roles, buf_str(&key));
    return e ? e->object : NULL;
}

static void add_missing(struct buf *missing, const struct role_ref *ref)
{
    if (!missing)
        return;
    if (missing->n)
        buf_add_lit(missing, ", ");
    buf_addf(missing, "%s.rbac.authorization.k8s.io \"" STR_FMT "\" not found",
             str_is(ref->kind, "Role") ? "role" : "clusterrole", STR_ARG(ref->name));
}

struct visit {
    bool (*fn)(void *arg, const struct policy_rule *rule, const struct grant *by);
    void *arg;
    struct buf *missing;
};

static bool visit_subject(struct rbac *r, struct buf *key, char kind, struct str ns, struct str name,
                          const struct visit *v)
{
    struct subject *s = map_get(&r->subjects, subject_key(key, kind, ns, name));
    for (size_t i = 0; s && i < s->n; i++) {
        const struct role_ref *ref = binding_role(s->bindings[i]);
        struct object *role = find_role(r, ref, ns);
        if (!role) {
            add_missing(v->missing, ref);
            continue;
        }
        const struct policy_rule_vec *rules = role_rules(role);
        struct grant by = {s->bindings[i], kind, name};
        for (size_t k = 0; k < rules->n; k++)
            if (!v->fn(v->arg, &rules->at[k], &by))
                return false;
    }
    return true;
}

static bool visit_user(struct rbac *r, struct buf *key, const struct user *u, struct str ns,
                       const struct visit *v)
{
    if (!visit_subject(r, key, 'U', ns, u->name, v))
        return false;
    for (size_t i = 0; i < u->groups.n; i++)
        if (!visit_subject(r, key, 'G', ns, u->groups.at[i], v))
            return false;
    return true;
}

void rbac_each_rule(struct rbac *r, const struct user *u, struct str ns,
                    bool (*visit)(void *arg, const struct policy_rule *rule, const struct grant *by),
                    void *arg, struct buf *missing)
{
    struct visit v = {visit, arg, missing};
    _cleanup_buf_ struct buf key = {0};
    rbac_enter(r);
    if (visit_user(r, &key, u, (struct str){0}, &v) && !str_empty(ns))
        visit_user(r, &key, u, ns, &v);
    pthread_rwlock_unlock(&r->lock);
}

struct question {
    const struct attributes *attributes;
    struct buf *reason;
    bool allowed;
};

/* RBAC: allowed by RoleBinding "readers/default" of Role "reader" to Group "dev" */
static void describe_grant(const struct grant *by, struct buf *out)
{
    const struct role_ref *ref = binding_role(by->binding);
    struct str ns = object_namespace(by->binding), account_ns, account;
    bool local = !str_empty(ns);
    buf_addf(out, "RBAC: allowed by %s \"" STR_FMT "%s" STR_FMT "\" of " STR_FMT " \"" STR_FMT "\" to ",
             local ? "RoleBinding" : "ClusterRoleBinding", STR_ARG(object_name(by->binding)),
             local ? "/" : "", STR_ARG(ns), STR_ARG(ref->kind), STR_ARG(ref->name));
    if (by->subject_kind == 'U' && service_account_split(by->subject, &account_ns, &account))
        buf_addf(out, "ServiceAccount \"" STR_FMT "/" STR_FMT "\"", STR_ARG(account), STR_ARG(account_ns));
    else
        buf_addf(out, "%s \"" STR_FMT "\"", by->subject_kind == 'U' ? "User" : "Group", STR_ARG(by->subject));
}

static bool ask_rule(void *arg, const struct policy_rule *rule, const struct grant *by)
{
    struct question *q = arg;
    q->allowed = rule_allows(rule, q->attributes);
    if (q->allowed && q->reason)
        describe_grant(by, q->reason);
    return !q->allowed;
}

bool rbac_allows(struct rbac *r, const struct attributes *a, struct buf *reason)
{
    struct question q = {.attributes = a, .reason = reason};
    _cleanup_buf_ struct buf missing = {0};
    rbac_each_rule(r, a->user, a->ns, ask_rule, &q, reason ? &missing : NULL);
    if (!q.allowed && missing.n)
        buf_addf(reason, "RBAC: " STR_FMT, STR_ARG(buf_str(&missing)));
    return q.allowed;
}

int rbac_role_rules(struct rbac *r, const struct role_ref *ref, struct str ns, struct arena *a,
                    struct policy_rule_vec *out, struct err *err)
{
    rbac_enter(r);
    struct object *role = find_role(r, ref, ns);
    if (role)
        object_ref(role);
    pthread_rwlock_unlock(&r->lock);
    if (!role)
        return err_set(err, ERR_NOT_FOUND, "%s.rbac.authorization.k8s.io \"" STR_FMT "\" not found",
                       str_is(ref->kind, "Role") ? "role" : "clusterrole", STR_ARG(ref->name));
    const struct policy_rule_vec *rules = role_rules(role);
    *out = (struct policy_rule_vec){.n = rules->n};
    out->at = arena_new_n(a, struct policy_rule, rules->n);
    for (size_t i = 0; i < rules->n; i++)
        struct_copy(a, &policy_rule_type, &out->at[i], &rules->at[i]);
    object_unref(role);
    return 0;
}
