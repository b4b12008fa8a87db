#include "schema/custom/custom.h"

#include <stdlib.h>

#include "base/buf.h"
#include "schema/copy.h"
#include "schema/custom/custom_type.h"
#include "schema/custom/custom_valid.h"

static const struct str custom_verbs[] = {
    STR_INIT("delete"), STR_INIT("deletecollection"), STR_INIT("get"),    STR_INIT("list"),
    STR_INIT("patch"),  STR_INIT("create"),           STR_INIT("update"), STR_INIT("watch"),
};

/* --- its life --- */

struct custom_attachment {
    void *what;
    void (*release)(void *what);
};

struct custom_fate {
    _Atomic uint32_t refs;
    _Atomic bool gone;
};

static void fate_unref(struct custom_fate *f)
{
    if (atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1)
        free(f);
}

struct custom *custom_ref(struct custom *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void custom_unref(struct custom *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < c->n; i++) {
        struct custom_attachment *more = atomic_load_explicit(&c->versions[i].attached, memory_order_acquire);
        custom_patterns_free(c->versions[i].patterns);
        if (more)
            more->release(more->what);
        free(more);
    }
    fate_unref(c->fate);
    arena_free(&c->arena);
    free(c);
}

void *custom_attached(const struct custom_version *v)
{
    struct custom_attachment *a = atomic_load_explicit(&v->attached, memory_order_acquire);
    return a ? a->what : NULL;
}

void *custom_attach(const struct custom_version *v, void *what, void (*release)(void *what))
{
    struct custom_attachment *mine = mem_alloc(sizeof *mine), *theirs = NULL;
    *mine = (struct custom_attachment){what, release};
    /* The one thing of a state that is not there from the beginning. */
    struct custom_version *open = (struct custom_version *)(uintptr_t)v;
    if (atomic_compare_exchange_strong(&open->attached, &theirs, mine))
        return what;
    release(what);
    free(mine);
    return theirs->what;
}

void custom_succeed(struct custom *now, const struct custom *before)
{
    fate_unref(now->fate);
    now->fate = before->fate;
    atomic_fetch_add_explicit(&now->fate->refs, 1, memory_order_relaxed);
}

void custom_end(struct custom *c)
{
    atomic_store(&c->fate->gone, true);
}

bool custom_is_gone(const struct custom *c)
{
    return atomic_load(&c->fate->gone);
}

void resource_ref(const struct resource *r)
{
    if (r->custom)
        custom_ref(r->custom);
}

void resource_unref(const struct resource *r)
{
    if (r)
        custom_unref(r->custom);
}

/* --- its versions --- */

/* "com.example.stable.v1.CronTab": the group's labels stand backwards (kube-openapi's friendly names). */
static struct str openapi_name(struct arena *a, struct str group, struct str version, struct str kind)
{
    _cleanup_buf_ struct buf b = {0};
    while (group.n) {
        ptrdiff_t dot = str_last_index(group, '.');
        buf_add_str(&b, str_from_at(group, (size_t)(dot + 1)));
        buf_add_c(&b, '.');
        group.n = dot < 0 ? 0 : (size_t)dot;
    }
    buf_addf(&b, STR_FMT "." STR_FMT, STR_ARG(version), STR_ARG(kind));
    return arena_str(a, buf_str(&b));
}

/* The name always, then what is declared, or the age. */
static void add_columns(struct arena *a, struct resource *r,
                        const struct custom_resource_column_definition_vec *declared)
{
    static const struct column name = {.name = STR_INIT("Name"),
                                       .type = STR_INIT("string"),
                                       .format = STR_INIT("name"),
                                       .doc = STR_INIT("Name must be unique within a namespace."),
                                       .path = STR_INIT(".metadata.name")},
                               age = {.name = STR_INIT("Age"),
                                      .type = STR_INIT("date"),
                                      .doc = STR_INIT("When the object was created, by the server's clock."),
                                      .path = STR_INIT(".metadata.creationTimestamp")};
    size_t n = declared->n < UINT16_MAX - 2 ? declared->n : UINT16_MAX - 2;
    struct column *columns = arena_new_n(a, struct column, n + 2);
    columns[0] = name;
    columns[1] = age;
    for (size_t i = 0; i < n; i++) {
        const struct custom_resource_column_definition *d = &declared->at[i];
        columns[1 + i] =
            (struct column){d->name, d->type, d->format, d->description, d->priority, d->json_path};
    }
    r->columns = columns;
    r->n_columns = (uint16_t)(1 + (n ? n : 1));
}

static void add_selectables(struct arena *a, struct resource *r, const struct selectable_field_vec *declared)
{
    size_t n = declared->n < UINT16_MAX ? declared->n : UINT16_MAX;
    struct selectable *s = arena_new_n(a, struct selectable, n);
    for (size_t i = 0; i < n; i++)
        s[i].path = str_from_at(declared->at[i].json_path, str_starts(declared->at[i].json_path, STR(".")));
    r->selectables = s;
    r->n_selectables = (uint16_t)n;
}

static void add_subresources(struct arena *a, struct resource *r,
                             const struct custom_resource_subresources *declared)
{
    struct str *names = arena_new_n(a, struct str, 2);
    r->subresources = names;
    if (declared && declared->status) {
        r->flags |= RESOURCE_STATUS;
        names[r->n_subresources++] = STR("status");
    }
    if (declared && declared->scale) {
        r->flags |= RESOURCE_SCALE;
        names[r->n_subresources++] = STR("scale");
        r->scale_replicas_path = declared->scale->spec_replicas_path;
        r->scale_status_path = declared->scale->status_replicas_path;
        if (declared->scale->label_selector_path)
            r->scale_selector_path = *declared->scale->label_selector_path;
    }
}

static const struct field *whole_field(const struct type *t, const char *name, uint32_t *offset)
{
    uint32_t base;
    const struct field *f = type_field(t, str_from(name), &base);
    *offset = f ? f->offset : 0;
    return f;
}

static uint8_t at_most_255(size_t n)
{
    return (uint8_t)(n < UINT8_MAX ? n : UINT8_MAX);
}

static void version_fill(struct custom *c, struct custom_version *v)
{
    struct arena *a = &c->arena;
    const struct custom_resource_definition_spec *spec = &c->definition->spec;
    const struct custom_resource_definition_names *names = &c->definition->status.accepted_names;
    const struct custom_resource_definition_version *d = v->declared;
    struct resource *r = &v->resource;
    *r = (struct resource){
        .group = spec->group,
        .version = d->name,
        .api_version = arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(spec->group), STR_ARG(d->name)),
        .kind = names->kind,
        .list_kind = names->list_kind,
        .plural = names->plural,
        .singular = names->singular,
        .qualified = arena_printf(a, STR_FMT "." STR_FMT, STR_ARG(names->plural), STR_ARG(spec->group)),
        .short_names = names->short_names.at,
        .n_short_names = at_most_255(names->short_names.n),
        .categories = names->categories.at,
        .n_categories = at_most_255(names->categories.n),
        .verbs = custom_verbs,
        .n_verbs = ARRAY_LEN(custom_verbs),
        .flags = RESOURCE_CUSTOM | RESOURCE_GENERATION |
                 (str_is(spec->scope, "Namespaced") ? RESOURCE_NAMESPACED : 0) |
                 (d->storage ? RESOURCE_PREFERRED : 0),
        .storage_prefix =
            arena_printf(a, "/registry/" STR_FMT "/" STR_FMT, STR_ARG(spec->group), STR_ARG(names->plural)),
        .name_format = STR("dns1123-subdomain"),
        .has_metadata = true,
        .custom = c,
    };
    v->schema = d->schema ? d->schema->open_apiv_3_schema : NULL;
    v->patterns = custom_patterns_new(v->schema);
    add_subresources(a, r, d->subresources);
    r->type = custom_type_make(a, v->schema, r->kind, openapi_name(a, r->group, r->version, r->kind),
                               r->flags & RESOURCE_STATUS);
    r->list_type =
        custom_type_make_list(a, r->type, r->list_kind, openapi_name(a, r->group, r->version, r->list_kind));
    whole_field(r->type, "metadata", &r->metadata_offset);
    r->spec = whole_field(r->type, "spec", &r->spec_offset);
    r->status = whole_field(r->type, "status", &r->status_offset);
    add_columns(a, r, &d->additional_printer_columns);
    add_selectables(a, r, &d->selectable_fields);
    if (d->deprecated)
        r->deprecated = d->deprecation_warning ? *d->deprecation_warning
                                               : arena_printf(a, STR_FMT " " STR_FMT " is deprecated",
                                                              STR_ARG(r->api_version), STR_ARG(r->kind));
}

struct custom *custom_new(const struct custom_resource_definition *definition)
{
    struct custom *c = mem_zalloc(sizeof *c);
    atomic_init(&c->refs, 1);
    c->fate = mem_zalloc(sizeof *c->fate);
    atomic_init(&c->fate->refs, 1);
    c->definition = struct_dup(&c->arena, &custom_resource_definition_type, definition);
    c->n = definition->spec.versions.n;
    c->versions = arena_new_n(&c->arena, struct custom_version, c->n);
    for (size_t i = 0; i < c->n; i++) {
        c->versions[i].declared = &c->definition->spec.versions.at[i];
        version_fill(c, &c->versions[i]);
        if (c->versions[i].declared->storage)
            c->storage = &c->versions[i];
    }
    return c;
}

const struct custom_version *custom_version(const struct custom *c, struct str name)
{
    for (size_t i = 0; i < c->n; i++)
        if (str_eq(c->versions[i].resource.version, name))
            return &c->versions[i];
    return NULL;
}

bool custom_has_webhook(const struct custom *c)
{
    const struct custom_resource_conversion *how = c->definition->spec.conversion;
    return how && str_is(how->strategy, "Webhook");
}

const struct custom_resource_definition_condition *
custom_condition(const struct custom_resource_definition *d, const char *type)
{
    for (size_t i = 0; i < d->status.conditions.n; i++)
        if (str_is(d->status.conditions.at[i].type, type))
            return &d->status.conditions.at[i];
    return NULL;
}

bool custom_condition_is(const struct custom_resource_definition *d, const char *type, const char *status)
{
    const struct custom_resource_definition_condition *c = custom_condition(d, type);
    return c && str_is(c->status, status);
}
