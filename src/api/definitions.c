#define LOG_PART "definitions"
#include "api/definitions.h"

#include <stdlib.h>

#include "api/road.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "schema/custom/custom.h"
#include "schema/timestamp.h"

/* How often a definition that waits for its objects to go is looked at. */
#define PENDING_PERIOD (200 * CLOCK_MS)
#define RETRY_PERIOD   CLOCK_S

struct definitions {
    struct api *api;
    struct table *table;
    struct watch *watch;
    pthread_mutex_t mutex;
    pthread_cond_t woken;
    bool awake, stop; /* guarded by mutex */
    pthread_t thread;
};

typedef struct custom_resource_definition definition;
typedef struct custom_resource_definition_names names;
typedef struct custom_resource_definition_condition condition;

/* --- conditions --- */

static void set_condition(definition *d, struct arena *a, const char *type, struct str status,
                          struct str reason, struct str message)
{
    condition now = {.type = str_from(type),
                     .status = status,
                     .reason = reason,
                     .message = message,
                     .last_transition_time = time_now()};
    each (d->status.conditions, i) {
        condition *c = &d->status.conditions.at[i];
        if (!str_is(c->type, type))
            continue;
        if (str_eq(c->status, status))
            now.last_transition_time = c->last_transition_time;
        *c = now;
        return;
    }
    condition *more = arena_new_n(a, condition, d->status.conditions.n + 1);
    if (d->status.conditions.n)
        memcpy(more, d->status.conditions.at, d->status.conditions.n * sizeof *more);
    more[d->status.conditions.n++] = now;
    d->status.conditions.at = more;
}

static void drop_condition(definition *d, const char *type)
{
    size_t n = 0;
    each (d->status.conditions, i)
        if (!str_is(d->status.conditions.at[i].type, type))
            d->status.conditions.at[n++] = d->status.conditions.at[i];
    d->status.conditions.n = n;
}

/* --- names --- */

/* The names that other definitions of the group hold, each with its definition. */
struct taken {
    struct map resources, kinds;
};

static void take_names(struct taken *t, const definition *d)
{
    const names *n = &d->status.accepted_names;
    map_put(&t->resources, n->plural, (void *)d);
    map_put(&t->resources, n->singular, (void *)d);
    each (n->short_names, i)
        map_put(&t->resources, n->short_names.at[i], (void *)d);
    map_put(&t->kinds, n->kind, (void *)d);
    map_put(&t->kinds, n->list_kind, (void *)d);
}

struct naming {
    definition *d;
    struct arena *a;
    struct taken *taken;
    const char *reason; /* of the last conflict; NULL: none */
    struct str message;
};

/* A name is taken over when nobody else has it. */
static void accept(struct naming *n, const struct map *taken, struct str wanted, struct str *accepted,
                   const char *reason)
{
    if (str_eq(wanted, *accepted) || !map_get(taken, wanted)) {
        *accepted = wanted;
        return;
    }
    n->reason = reason;
    n->message = arena_printf(n->a, "\"" STR_FMT "\" is already in use", STR_ARG(wanted));
}

static void accept_short(struct naming *n, const struct str_vec *wanted, struct str_vec *accepted)
{
    _cleanup_buf_ struct buf conflicts = {0};
    size_t count = 0;
    each (*wanted, i) {
        if (str_vec_has(accepted, wanted->at[i]) || !map_get(&n->taken->resources, wanted->at[i]))
            continue;
        buf_addf(&conflicts, "%s\"" STR_FMT "\" is already in use", count++ ? ", " : "",
                 STR_ARG(wanted->at[i]));
    }
    if (!count) {
        *accepted = *wanted;
        return;
    }
    n->reason = "ShortNamesConflict";
    n->message = arena_printf(n->a, count > 1 ? "[" STR_FMT "]" : STR_FMT, STR_ARG(buf_str(&conflicts)));
}

static void settle_names(definition *d, struct arena *a, struct taken *taken)
{
    struct naming n = {d, a, taken, NULL, {0}};
    const names *wanted = &d->spec.names;
    names *accepted = &d->status.accepted_names;
    accept(&n, &taken->resources, wanted->plural, &accepted->plural, "PluralConflict");
    accept(&n, &taken->resources, wanted->singular, &accepted->singular, "SingularConflict");
    accept_short(&n, &wanted->short_names, &accepted->short_names);
    accept(&n, &taken->kinds, wanted->kind, &accepted->kind, "KindConflict");
    accept(&n, &taken->kinds, wanted->list_kind, &accepted->list_kind, "ListKindConflict");
    accepted->categories = wanted->categories;
    if (n.reason)
        set_condition(d, a, "NamesAccepted", STR("False"), str_from(n.reason), n.message);
    else
        set_condition(d, a, "NamesAccepted", STR("True"), STR("NoConflicts"), STR("no conflicts found"));
    if (custom_condition_is(d, "Established", "True"))
        return;
    if (n.reason)
        set_condition(d, a, "Established", STR("False"), STR("NotAccepted"),
                      STR("not all names are accepted"));
    else
        set_condition(d, a, "Established", STR("True"), STR("InitialNamesAccepted"),
                      STR("the initial names have been accepted"));
}

/* --- approval of the community's groups (KEP-1111) --- */

#define APPROVAL_HELP "see https://github.com/kubernetes/enhancements/pull/1111"

bool definition_is_protected(struct str group)
{
    return str_is(group, "k8s.io") || str_ends(group, STR(".k8s.io")) || str_is(group, "kubernetes.io") ||
           str_ends(group, STR(".kubernetes.io"));
}

enum definition_approval definition_approval(const definition *d, struct arena *a, struct str *why)
{
    const struct str *says = str_map_get(&d->metadata.annotations, APPROVAL_ANNOTATION);
    if (!says || !says->n) {
        *why = STR(
            "protected groups must have approval annotation \"api-approved.kubernetes.io\", " APPROVAL_HELP);
        return APPROVAL_MISSING;
    }
    if (str_starts(*says, STR("unapproved"))) {
        *why = arena_printf(a, "not approved: \"" STR_FMT "\"", STR_ARG(*says));
        return APPROVAL_BYPASSED;
    }
    ptrdiff_t scheme = str_find(*says, STR("://"));
    struct str host = str_from_at(*says, (size_t)(scheme + 3));
    if (scheme > 0 && host.n && host.p[0] != '/') {
        *why = arena_printf(a, "approved in " STR_FMT, STR_ARG(*says));
        return APPROVED;
    }
    *why = STR(
        "protected groups must have approval annotation \"api-approved.kubernetes.io\" with either a URL or "
        "a reason starting with \"unapproved\", " APPROVAL_HELP);
    return APPROVAL_INVALID;
}

static void settle_approval(definition *d, struct arena *a)
{
    static const char type[] = "KubernetesAPIApprovalPolicyConformant";
    static const struct {
        struct str status, reason;
    } says[] = {
        [APPROVAL_MISSING] = {STR_INIT("False"), STR_INIT("MissingAnnotation")},
        [APPROVAL_INVALID] = {STR_INIT("False"), STR_INIT("InvalidAnnotation")},
        [APPROVAL_BYPASSED] = {STR_INIT("False"), STR_INIT("UnapprovedAnnotation")},
        [APPROVED] = {STR_INIT("True"), STR_INIT("ApprovedAnnotation")},
    };
    struct str why;
    if (!definition_is_protected(d->spec.group)) {
        drop_condition(d, type);
        return;
    }
    enum definition_approval approval = definition_approval(d, a, &why);
    set_condition(d, a, type, says[approval].status, says[approval].reason, why);
}

/* --- writing --- */

static int write_definition(struct definitions *w, definition *d, const char *subresource)
{
    _cleanup_arena_ struct arena a = {0};
    struct api_request r = {.arena = &a,
                            .verb = API_UPDATE,
                            .resource = &custom_resource_definition_resource,
                            .name = d->metadata.name,
                            .subresource = str_from(subresource),
                            .typed = d};
    int rc = api_call(w->api, &r);
    if (rc < 0 && r.err.reason != ERR_CONFLICT && r.err.reason != ERR_NOT_FOUND)
        log_warn("definition " STR_FMT ": " STR_FMT, STR_ARG(d->metadata.name), STR_ARG(r.err.message));
    api_finish(w->api, &r);
    return rc;
}

enum outcome { SETTLED, WRITTEN, PENDING, FAILED };

static enum outcome write_status(struct definitions *w, const definition *before, definition *d)
{
    if (struct_eq(&custom_resource_definition_status_type, &before->status, &d->status))
        return SETTLED;
    return write_definition(w, d, "status") < 0 ? FAILED : WRITTEN;
}

/* --- the end --- */

void definition_mark_deleted(definition *d, struct arena *a)
{
    if (!str_vec_has(&d->metadata.finalizers, DEFINITION_FINALIZER))
        str_vec_add(&d->metadata.finalizers, a, DEFINITION_FINALIZER);
    /* The list of conditions may be another object's. */
    d->status.conditions.at =
        arena_dup(a, d->status.conditions.at, d->status.conditions.n * sizeof(condition));
    set_condition(
        d, a, "Terminating", STR("True"), STR("InstanceDeletionPending"),
        STR("CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"));
}

/* How many objects there are; what cannot be read may not be forgotten, and counts as one. */
static size_t count_objects(struct store *s, const struct resource *r)
{
    struct table *table = store_table(s, r);
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(s);
    return store_table_check(s, table, NULL) < 0 ? 1 : snapshot_count(snap, table, STR(""));
}

/* Asks all objects to go; how many are there still. */
static size_t delete_objects(struct definitions *w, const definition *d)
{
    if (!d->status.accepted_names.plural.n)
        return 0;
    struct custom *c = custom_new(d);
    const struct resource *r = &c->storage->resource;
    _cleanup_arena_ struct arena a = {0};
    size_t left = count_objects(w->api->store, r);
    if (left) {
        struct api_request q = {.arena = &a, .verb = API_DELETE_COLLECTION, .resource = r};
        if (api_call(w->api, &q) < 0)
            log_warn("deleting " STR_FMT ": " STR_FMT, STR_ARG(r->qualified), STR_ARG(q.err.message));
        api_finish(w->api, &q);
        left = count_objects(w->api->store, r);
    }
    custom_unref(c);
    return left;
}

static enum outcome finalize(struct definitions *w, const definition *before, definition *d, struct arena *a)
{
    if (!str_vec_has(&d->metadata.finalizers, DEFINITION_FINALIZER))
        return SETTLED;
    set_condition(d, a, "Terminating", STR("True"), STR("InstanceDeletionInProgress"),
                  STR("CustomResource deletion is in progress"));
    enum outcome said = write_status(w, before, d);
    if (said != SETTLED)
        return said;
    if (delete_objects(w, d))
        return PENDING;
    str_vec_del(&d->metadata.finalizers, DEFINITION_FINALIZER);
    return write_definition(w, d, "") < 0 ? FAILED : WRITTEN;
}

/* --- following --- */

static enum outcome settle(struct definitions *w, struct object *o, struct taken *taken)
{
    _cleanup_arena_ struct arena a = {0};
    definition *d = object_copy(o, &a);
    if (d->metadata.deletion_timestamp)
        return finalize(w, object_typed(o), d, &a);
    if (!struct_eq(&custom_resource_definition_names_type, &d->spec.names, &d->status.accepted_names) ||
        !custom_condition_is(d, "NamesAccepted", "True") || !custom_condition_is(d, "Established", "True"))
        settle_names(d, &a, taken);
    settle_approval(d, &a);
    return write_status(w, object_typed(o), d);
}

/* Goes through all definitions, until one was written: names that this frees, or takes, count for the others.
 */
static enum outcome round_once(struct definitions *w)
{
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(w->api->store);
    enum outcome worst = SETTLED;
    struct cursor c, others;
    struct object *o, *other;
    cursor_open(&c, snap, w->table, STR(""), STR(""), STR(""));
    while ((o = cursor_next(&c))) {
        struct taken taken = {0};
        const definition *d = object_typed(o);
        cursor_open(&others, snap, w->table, STR(""), STR(""), STR(""));
        while (!custom_condition_is(d, "Established", "True") && (other = cursor_next(&others))) {
            const definition *t = object_typed(other);
            if (t != d && str_eq(t->spec.group, d->spec.group))
                take_names(&taken, t);
        }
        enum outcome outcome = settle(w, o, &taken);
        map_free(&taken.resources);
        map_free(&taken.kinds);
        if (outcome == WRITTEN)
            return WRITTEN;
        worst = outcome > worst ? outcome : worst;
    }
    return worst;
}

static void woken(void *arg)
{
    struct definitions *w = arg;
    _lock_(&w->mutex);
    w->awake = true;
    pthread_cond_signal(&w->woken);
}

static int watch_anew(struct definitions *w, struct err *err)
{
    const struct watch_selector sel = {.table = w->table};
    if (w->watch)
        watch_close(w->watch);
    w->watch = NULL;
    return store_watch(w->api->store, &sel, store_revision(w->api->store), woken, w, &w->watch, err);
}

/* What happened does not matter: all are looked at. */
static void drain(struct definitions *w)
{
    struct watch_event ev;
    bool gone = !w->watch;
    while (w->watch && watch_next(w->watch, &ev)) {
        gone |= ev.type == WATCH_GONE;
        watch_event_clear(&ev);
    }
    _cleanup_err_ struct err err = {0};
    if (gone && watch_anew(w, &err) < 0)
        log_warn("following the definitions: " STR_FMT, STR_ARG(err.message));
}

static void definitions_run(void *arg)
{
    struct definitions *w = arg;
    int64_t next = 0;
    pthread_mutex_lock(&w->mutex);
    while (!w->stop) {
        if (!w->awake && thread_cond_wait(&w->woken, &w->mutex, next))
            continue;
        w->awake = false;
        pthread_mutex_unlock(&w->mutex);
        drain(w);
        enum outcome outcome = round_once(w);
        next = outcome == PENDING  ? clock_mono() + PENDING_PERIOD
               : outcome == FAILED ? clock_mono() + RETRY_PERIOD
                                   : INT64_MAX;
        pthread_mutex_lock(&w->mutex);
        w->awake |= outcome == WRITTEN;
    }
    pthread_mutex_unlock(&w->mutex);
}

int definitions_start(struct api *a, struct definitions **out, struct err *err)
{
    struct definitions *w = mem_zalloc(sizeof *w);
    w->api = a;
    w->table = store_table(a->store, &custom_resource_definition_resource);
    w->awake = true;
    pthread_mutex_init(&w->mutex, NULL);
    thread_cond_init(&w->woken);
    if (watch_anew(w, err) < 0) {
        pthread_mutex_destroy(&w->mutex);
        pthread_cond_destroy(&w->woken);
        free(w);
        return -1;
    }
    w->thread = thread_start("definitions", definitions_run, w);
    *out = w;
    return 0;
}

void definitions_stop(struct definitions *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->mutex);
    w->stop = true;
    pthread_cond_signal(&w->woken);
    pthread_mutex_unlock(&w->mutex);
    thread_join(w->thread);
    if (w->watch)
        watch_close(w->watch);
    pthread_mutex_destroy(&w->mutex);
    pthread_cond_destroy(&w->woken);
    free(w);
}
