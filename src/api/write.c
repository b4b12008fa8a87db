/* Writes: what create, update, patch and the writing subresources have in common. A try takes the present
 * object, makes the new one, sends it through admission and validation and hands it to the store; when
 * another change came first and the client named no resourceVersion, there is another try. */
#include "api/custom.h"
#include "api/managed.h"
#include "api/road.h"
#include "api/service/services.h"
#include "base/random.h"
#include "schema/default.h"
#include "schema/gates.h"
#include "schema/layout.h"
#include "schema/timestamp.h"
#include "schema/validate.h"

enum { TRIES_GENERATE = 8, TRIES_PATCH = 5, TRIES_UPDATE = 32 };
enum { SUFFIX = 5, NAME_MAX_BASE = 63 - SUFFIX };

static int write_try(struct road *d);
static int write_admitted(struct road *d);
static int write_guarded(struct road *d);
static int write_prepared(struct road *d);
static int write_checked(struct road *d);
static int write_done(struct road *d);

/* --- validation --- */

/* Whether a declared complaint counts. What the declarations call required is what OpenAPI says of the shape;
 * upstream's validation asks for less: of status for nothing, and of kinds with rules of their own for what
 * these say. */
static bool declared_counts(const struct field_error *f, const struct road *d)
{
    if (f->type != FIELD_ERROR_REQUIRED)
        return true;
    return !d->strategy->validate && !d->strategy->validate_create && !str_starts(f->field, STR("status."));
}

/* The declared rules complain only of what the written ones have not: those speak upstream's words, and may
 * call the field otherwise. */
static void merge_declared(struct field_errors *e, const struct field_errors *declared, const struct road *d)
{
    _cleanup_map_ struct map named = {0}, said = {0};
    for (size_t i = 0; i < e->n; i++) {
        map_put(&named, e->at[i].field, e);
        map_put(&said, e->at[i].body, e);
    }
    for (size_t i = 0; i < declared->n; i++)
        if (!map_get(&named, declared->at[i].field) && !map_get(&said, declared->at[i].body) &&
            declared_counts(&declared->at[i], d)) {
            mem_grow((void **)&e->at, &e->cap, e->n + 1, sizeof *e->at);
            e->at[e->n++] =
                (struct field_error){declared->at[i].type, arena_str(&e->arena, declared->at[i].field),
                                     arena_str(&e->arena, declared->at[i].body)};
        }
}

static void validate_operation(const struct strategy *s, const struct road *d, struct field_errors *e)
{
    if (!d->old && s->validate_create)
        s->validate_create(d->object, e);
    if (d->old && s->validate_update)
        s->validate_update(d->object, d->old, e);
}

int road_validate(struct road *d)
{
    _cleanup_field_errors_ struct field_errors e = {0}, declared = {0};
    const struct resource *r = d->resource;
    const struct strategy *s = d->strategy;
    struct object_meta *m = r->has_metadata ? resource_meta(r, d->object) : NULL;
    struct path meta = path_child(NULL, STR("metadata"));
    e.before = d->current;
    e.served = d->r->resource;
    bool raw = d->write && d->write->raw, status = d->write && d->write->status;
    if (m && d->old)
        valid_meta_update(&e, &meta, m, resource_meta(r, d->old));
    else if (m)
        valid_meta(&e, &meta, m, r->flags & RESOURCE_NAMESPACED, format_from(r->name_format));
    for (size_t i = 0; m && !d->old && !r->custom && i < m->finalizers.n; i++)
        valid_standard_finalizer(&e, PATH_AT(PATH(&meta, "finalizers"), i), m->finalizers.at[i]);
    if (raw) {
        if (d->write->validate)
            d->write->validate(d->object, d->old, &e);
    } else if (r->custom) {
        custom_check(d, &e);
    } else if (status) {
        if (s->validate_status)
            s->validate_status(d->object, d->old, &e);
    } else {
        if (s->validate)
            s->validate(d->object, &e);
        validate_operation(s, d, &e);
        if (d->r->resource != d->resource) /* what the form that was sent asks for beyond */
            validate_operation(strategy_of(d->r->resource), d, &e);
        validate_struct(&declared, NULL, r->type, d->object, 0);
        if (d->old)
            validate_update(&declared, NULL, r->type, d->object, d->old);
    }
    if (s->validate_around && !raw)
        s->validate_around(d->object, d->old, &d->context, &e);
    if (declared.n)
        merge_declared(&e, &declared, d);
    for (size_t i = 0; i < e.n_notes && !e.n; i++)
        strategy_warn(&d->context, STR_FMT, STR_ARG(e.notes[i]));
    return field_errors_status(&e, r->group, r->kind, m ? m->name : STR(""), &d->r->err);
}

/* --- preparing --- */

/* A field of the object made what it is in `from`, sharing its memory, or zero where that is NULL. */
static void take_field(struct road *d, const struct field *f, const void *from)
{
    void *to = field_at(f, d->object);
    if (f->shape == SHAPE_ONE && f->kind == VALUE_STRUCT) {
        if (from)
            memcpy(to, field_at(f, from), f->type->size);
        else {
            memset(to, 0, f->type->size);
            default_apply(d->r->arena, f->type, to);
        }
    } else if (from)
        field_copy(d->r->arena, f, d->object, from);
    else
        field_copy(d->r->arena, f, d->object, arena_alloc(d->r->arena, d->resource->type->size));
}

static bool owns_status(const struct road *d)
{
    return d->resource->status && (d->resource->flags & RESOURCE_STATUS) &&
           !(d->strategy->flags & STRATEGY_KEEPS_STATUS);
}

static void prepare_create(struct road *d)
{
    struct object_meta *m = resource_meta(d->resource, d->object);
    struct str uid = arena_str(d->r->arena, str_slice("00000000-0000-0000-0000-000000000000", 36));
    random_uuid((char *)uid.p);
    m->uid = uid;
    m->creation_timestamp = time_now();
    m->self_link = STR("");
    m->resource_version = STR("");
    m->deletion_timestamp = NULL;
    m->deletion_grace_period_seconds = NULL;
    m->generation = d->resource->flags & RESOURCE_GENERATION ? 1 : 0;
    if (m->generate_name.n && !m->name.n) {
        char suffix[SUFFIX + 1];
        random_name_suffix(suffix, SUFFIX);
        struct str base = m->generate_name;
        if (base.n > NAME_MAX_BASE)
            base.n = NAME_MAX_BASE;
        m->name = arena_printf(d->r->arena, STR_FMT "%s", STR_ARG(base), suffix);
    }
    d->name = m->name;
    if (owns_status(d))
        take_field(d, d->resource->status, NULL);
    gates_drop(d->resource->type, d->object, NULL);
    if (d->strategy->prepare_create)
        d->strategy->prepare_create(d->object, &d->context);
}

/* What is said again as it is becomes the present object's own, which makes it cheap to see later that
 * nothing changed. */
static void share_unchanged(struct road *d)
{
    const struct type *t = d->resource->type;
    for (unsigned i = 0; i < t->n_fields; i++) {
        const struct field *f = &t->fields[i];
        void *at = field_at(f, d->object);
        const void *old = field_at(f, d->old);
        bool metadata = d->resource->has_metadata && f->offset == d->resource->metadata_offset;
        if (!metadata && f->shape != SHAPE_INLINE && field_eq(f, at, old))
            memcpy(at, old, layout_extent(f));
    }
}

/* Whether what generation counts has changed: the spec, or without one everything but the metadata. */
static bool desired_changed(const struct road *d)
{
    const struct resource *r = d->resource;
    if (r->spec && !r->custom)
        return !field_eq(r->spec, field_at(r->spec, d->object), field_at(r->spec, d->old));
    static const struct str but[] = {STR_INIT("metadata"), STR_INIT("kind"), STR_INIT("apiVersion"),
                                     STR_INIT("status")};
    /* A custom resource's status counts as anything else where it has no subresource. */
    bool status = r->custom && !(r->flags & RESOURCE_STATUS);
    return !struct_eq_but(r->type, d->object, d->old, but, ARRAY_LEN(but) - status);
}

/* A status update of a custom resource changes nothing else, metadata neither. */
static void keep_all_but_status(struct road *d)
{
    const struct resource *r = d->resource;
    const void *said = d->object;
    d->object = arena_dup(d->r->arena, d->old, r->type->size);
    if (r->status)
        take_field(d, r->status, said);
    resource_meta(r, d->object)->managed_fields = resource_meta(r, said)->managed_fields;
    d->attributes.object = d->object;
}

static void prepare_update(struct road *d)
{
    const struct resource *r = d->resource;
    struct object_meta *m = resource_meta(r, d->object);
    const struct object_meta *old = resource_meta(r, d->old);
    m->generation = old->generation;
    m->self_link = STR("");
    gates_drop(r->type, d->object, d->old);
    if (d->write->status) {
        if (r->custom)
            keep_all_but_status(d);
        else if (r->spec)
            take_field(d, r->spec, d->old);
        if (d->strategy->prepare_status)
            d->strategy->prepare_status(d->object, d->old, &d->context);
    } else if (!d->write->raw) {
        if (owns_status(d))
            take_field(d, r->status, d->old);
        if (d->strategy->prepare_update)
            d->strategy->prepare_update(d->object, d->old, &d->context);
    }
    if ((r->flags & RESOURCE_GENERATION) && !d->write->status && !d->write->quiet && desired_changed(d))
        m->generation = old->generation + 1;
}

/* --- preconditions --- */

int road_check_namespace(struct road *d)
{
    struct object_meta *m = resource_meta(d->resource, d->object);
    if (!(d->resource->flags & RESOURCE_NAMESPACED))
        m->namespace = STR("");
    else if (!m->namespace.n)
        m->namespace = d->ns;
    else if (!str_eq(m->namespace, d->ns))
        return err_set(
            &d->r->err, ERR_BAD_REQUEST,
            "the namespace of the provided object does not match the namespace sent on the request");
    return 0;
}

static int check_names(struct road *d)
{
    struct object_meta *m = resource_meta(d->resource, d->object);
    struct err *err = &d->r->err;
    if (road_check_namespace(d) < 0)
        return -1;
    if (d->r->verb == API_CREATE || d->write->raw)
        return 0;
    if (!m->name.n)
        m->name = d->name;
    if (!str_eq(m->name, d->name))
        return err_set(err, ERR_BAD_REQUEST,
                       "the name of the object (" STR_FMT ") does not match the name on the URL (" STR_FMT
                       ")",
                       STR_ARG(m->name), STR_ARG(d->name));
    return 0;
}

/* The resourceVersion and uid that the client's object carries. */
static int check_precondition(struct road *d)
{
    struct object_meta *m = resource_meta(d->resource, d->object);
    const struct object_meta *old = resource_meta(d->resource, d->old);
    struct err *err = &d->r->err;
    if (m->uid.n && !str_eq(m->uid, old->uid))
        return answer_conflict(
            err, d->resource, d->name,
            "StorageError: invalid object, Code: 4, Key: " STR_FMT "%s" STR_FMT "/" STR_FMT
            ", ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: " STR_FMT
            ", UID in object meta: " STR_FMT,
            STR_ARG(d->resource->storage_prefix), d->ns.n ? "/" : "", STR_ARG(d->ns), STR_ARG(d->name),
            STR_ARG(m->uid), STR_ARG(old->uid));
    int64_t revision = 0;
    if (!m->resource_version.n || str_is(m->resource_version, "0")) {
        /* A patch applies to what is there, whatever that is. */
        if ((!(d->strategy->flags & STRATEGY_NEEDS_VERSION) && !(d->resource->flags & RESOURCE_CUSTOM)) ||
            d->r->verb == API_PATCH)
            return 0;
        _cleanup_field_errors_ struct field_errors e = {0};
        field_error(&e, FIELD_ERROR_INVALID, PATH(PATH(NULL, "metadata"), "resourceVersion"),
                    BAD_RAW(STR("0x0")), "must be specified for an update");
        return field_errors_status(&e, d->resource->group, d->resource->kind, d->name, err);
    }
    uint64_t given;
    if (!str_to_u64(m->resource_version, &given)) {
        _cleanup_field_errors_ struct field_errors e = {0};
        field_invalid(&e, PATH(PATH(NULL, "metadata"), "resourceVersion"), m->resource_version,
                      "strconv.ParseUint: parsing \"" STR_FMT "\": invalid syntax",
                      STR_ARG(m->resource_version));
        return field_errors_status(&e, d->resource->group, d->resource->kind, d->name, err);
    }
    revision = (int64_t)given;
    d->must_match = true;
    return revision == object_revision(d->current) ? 0 : answer_modified(err, d->resource, d->name);
}

/* Nothing has changed, or only when somebody last tried: no commit, the present object is the answer. */
static bool write_is_noop(const struct road *d)
{
    static const struct str but[] = {STR_INIT("metadata.resourceVersion"), STR_INIT("metadata.managedFields"),
                                     STR_INIT("kind"), STR_INIT("apiVersion")};
    return d->old && !store_is_stale(d->api->store, d->current) &&
           managed_same(&resource_meta(d->resource, d->object)->managed_fields,
                        &resource_meta(d->resource, d->old)->managed_fields) &&
           struct_eq_but(d->resource->type, d->object, d->old, but, ARRAY_LEN(but));
}

/* An update may be what a pending deletion has waited for: the last finalizer is gone. */
static bool update_deletes(const struct road *d)
{
    const struct object_meta *m = resource_meta(d->resource, d->object),
                             *old = resource_meta(d->resource, d->old);
    bool spec_waits =
        d->resource == &namespace_resource && ((const struct namespace *)d->object)->spec.finalizers.n;
    return old->deletion_timestamp && !m->finalizers.n && !spec_waits &&
           (!old->deletion_grace_period_seconds || *old->deletion_grace_period_seconds == 0);
}

/* --- a try --- */

int road_write(struct road *d, const struct write *w)
{
    d->write = w;
    d->creates = d->r->verb == API_CREATE && !w->raw;
    return write_try(d);
}

static int write_try(struct road *d)
{
    d->tries++;
    d->must_match = false;
    if (!d->creates) {
        if (d->write->create && (d->write->creates_any || (d->strategy->flags & STRATEGY_CREATE_ON_UPDATE))) {
            if (road_load_maybe(d) < 0)
                return -1;
        } else if (road_load(d) < 0)
            return -1;
    }
    if (d->write->make(d) < 0)
        return -1;
    if (d->old && !d->write->take) /* which may write into it */
        share_unchanged(d);
    if (check_names(d) < 0 || (d->old && check_precondition(d) < 0))
        return -1;
    if (!d->write->untracked)
        managed_track(d);
    d->owners = resource_meta(d->resource, d->object)->managed_fields;
    if (d->api->n_admissions && d->owners.n) /* they may write into the entries */
        d->owners.at = arena_dup(d->r->arena, d->owners.at, d->owners.n * sizeof *d->owners.at);
    const void *old = d->shown ? d->shown_old : d->old;
    road_judge(d, &(struct api_attributes){
                      .request = d->r,
                      .operation = old ? API_OP_UPDATE : API_OP_CREATE,
                      .resource = d->shown ? d->shown_resource : d->resource,
                      .object = d->shown ? d->shown : d->object,
                      .old = old,
                      .dry_run = d->r->dry_run,
                  });
    d->next = write_admitted;
    return write_admitted(d);
}

static int write_admitted(struct road *d)
{
    int rc = road_admit(d, true);
    if (rc != ROAD_DONE)
        return rc;
    if (d->write->take && d->write->take(d) < 0)
        return -1;
    if (d->api->n_admissions) { /* what webhooks have added gets its defaults */
        strategy_defaults(d->resource, d->object, d->r->arena);
        managed_restore(d, &d->owners);
    }
    d->next = write_guarded;
    return write_guarded(d);
}

static int write_guarded(struct road *d)
{
    const struct api_hooks *hooks = &d->api->hooks;
    int rc = hooks->guard ? hooks->guard(hooks->arg, d->r, d->current, d->object, &d->r->err) : 0;
    if (rc)
        return rc < 0 ? -1 : ROAD_WAIT;
    if (d->old)
        prepare_update(d);
    else
        prepare_create(d);
    if (services_begin(d->api->services, d) < 0 || road_validate(d) < 0) {
        services_end(d->api->services, d, false);
        return -1;
    }
    if (d->resource->custom)
        custom_warn(d);
    else if (d->strategy->warn && !d->write->status && !d->write->raw)
        d->strategy->warn(d->object, d->old, &d->context);
    d->next = write_prepared;
    return write_prepared(d);
}

static int write_prepared(struct road *d)
{
    /* What is created by an update needs the verb create too. */
    struct str reason;
    int rc = d->old || d->creates ? ROAD_DONE : road_ask_leave(d, STR("create"), STR(""), &reason);
    if (rc < 0)
        answer_forbidden(&d->r->err, d->resource, d->name, STR_FMT, STR_ARG(reason));
    if (rc < 0)
        services_end(d->api->services, d, false);
    if (rc != ROAD_DONE)
        return rc;
    d->next = write_checked;
    return write_checked(d);
}

static int write_answer(struct road *d, int code, struct object *o)
{
    quota_end(d); /* from now on the store has it */
    services_end(d->api->services, d, code < 400 && !d->r->dry_run);
    if (road_reply(d, code, o) < 0)
        return -1;
    return d->write->answer ? d->write->answer(d) : ROAD_DONE;
}

static int write_checked(struct road *d)
{
    int rc = road_admit(d, false);
    if (rc == ROAD_WAIT)
        return rc;
    struct api *a = d->api;
    if (rc < 0) {
        services_end(a->services, d, false);
        return -1;
    }
    if (write_is_noop(d))
        return write_answer(d, 200, object_ref(d->current));
    struct object *o = road_encode(d);
    if (!o) {
        services_end(a->services, d, false);
        return -1;
    }
    d->deletes = d->old && update_deletes(d);
    if (d->r->dry_run) {
        if (!d->old) {
            struct object *there = road_find(a, d->resource, d->ns, d->name);
            object_unref(there);
            if (there) {
                services_end(a->services, d, false);
                return answer_exists(&d->r->err, d->resource, d->name);
            }
        } else
            object_commit(o, object_revision(d->current));
        return write_answer(d, d->old ? 200 : 201, object_ref(o));
    }
    if (!d->old)
        return road_submit(d, CHANGE_CREATE, o, 0, write_done);
    return road_submit(d, d->deletes ? CHANGE_DELETE : CHANGE_UPDATE, o, object_revision(d->current),
                       write_done);
}

/* Another name, another try; another state, another try: unless the client insisted on one. */
static bool write_may_retry(const struct road *d)
{
    const struct object_meta *m = resource_meta(d->resource, d->object);
    if (d->change.result == CHANGE_EXISTS && !d->old)
        return d->creates ? m->generate_name.n && !d->r->name.n && d->tries < TRIES_GENERATE
                          : d->tries < TRIES_UPDATE;
    if (d->change.result != CHANGE_CONFLICT || d->must_match)
        return false;
    return d->tries < (d->r->verb == API_PATCH ? TRIES_PATCH : TRIES_UPDATE);
}

static int write_done(struct road *d)
{
    if (d->change.result == CHANGE_DONE) {
        if (d->deletes)
            services_release(d->api->services, d->resource, d->old);
        if (d->deletes && d->change.current)
            return write_answer(d, 200, object_ref(d->change.current));
        return write_answer(d, d->old ? 200 : 201, object_ref(d->fresh));
    }
    services_end(d->api->services, d, false);
    if (write_may_retry(d)) {
        if (d->creates)
            resource_meta(d->resource, d->object)->name = STR("");
        return write_try(d);
    }
    if (d->change.result == CHANGE_CONFLICT)
        return answer_modified(&d->r->err, d->resource, d->name);
    return road_change_result(d);
}
