#include "api/managed.h"

#include "api/convert.h"
#include "kinds/apiextensions_v1.h"
#include "kinds/apiregistration_v1.h"
#include "kinds/apps_v1.h"
#include "kinds/certificates_v1.h"
#include "schema/custom/custom.h"
#include "schema/json.h"
#include "schema/timestamp.h"

/* --- what a request cannot change --- */

#define NAME(text_) .link = {FIELD_LINK_NAME, STR_INIT(text_)}
#define MEMBER(text_)                                                                                        \
    {                                                                                                        \
        NAME(text_), .member = true                                                                          \
    }
#define SET(nodes_)                                                                                          \
    {                                                                                                        \
        (struct field_node *)(uintptr_t)(nodes_), ARRAY_LEN(nodes_), 0                                       \
    }

/* Always: the server's own. Sorted, as sets are. */
#define OWN_BEFORE_LABELS MEMBER("creationTimestamp")
#define OWN_AFTER_LABELS  MEMBER("managedFields"), MEMBER("name"), MEMBER("namespace")
#define OWN_LAST          MEMBER("resourceVersion"), MEMBER("selfLink"), MEMBER("uid")

static const struct field_node own[] = {OWN_BEFORE_LABELS, MEMBER("generation"), OWN_AFTER_LABELS, OWN_LAST};
static const struct field_node own_and_labels[] = {OWN_BEFORE_LABELS, MEMBER("generation"), MEMBER("labels"),
                                                   OWN_AFTER_LABELS, OWN_LAST};
static const struct field_node own_and_owners[] = {OWN_BEFORE_LABELS,         MEMBER("deletionTimestamp"),
                                                   MEMBER("generation"),      OWN_AFTER_LABELS,
                                                   MEMBER("ownerReferences"), OWN_LAST};

#define TYPE_NAMES MEMBER("apiVersion"), MEMBER("kind")
static const struct field_node nodes_plain[] = {TYPE_NAMES, {NAME("metadata"), .below = SET(own)}};
static const struct field_node nodes_main[] = {
    TYPE_NAMES, {NAME("metadata"), .below = SET(own)}, MEMBER("status")};
static const struct field_node nodes_status[] = {
    TYPE_NAMES, {NAME("metadata"), .below = SET(own)}, MEMBER("spec")};
static const struct field_node nodes_pod_status[] = {
    TYPE_NAMES, {NAME("metadata"), .below = SET(own_and_owners)}, MEMBER("spec")};
static const struct field_node nodes_deployment_status[] = {
    TYPE_NAMES, {NAME("metadata"), .below = SET(own_and_labels)}, MEMBER("spec")};
static const struct field_node nodes_status_alone[] = {TYPE_NAMES, MEMBER("metadata"), MEMBER("spec")};

static const struct field_set set_plain = SET(nodes_plain), set_main = SET(nodes_main),
                              set_status = SET(nodes_status), set_pod_status = SET(nodes_pod_status),
                              set_deployment_status = SET(nodes_deployment_status),
                              set_status_alone = SET(nodes_status_alone);

/* Where a status subresource leaves more alone than the spec. */
static const struct {
    const struct resource *resource;
    const struct field_set *ignored;
} status_more[] = {
    {&pod_resource, &set_pod_status},
    {&deployment_resource, &set_deployment_status},
    {&custom_resource_definition_resource, &set_status_alone},
    {&api_service_resource, &set_status_alone},
    {&certificate_signing_request_resource, &set_status_alone},
};

/* Custom kinds may have anything beside their status. */
static const struct field_set *all_but_status(const struct road *d)
{
    struct field_set *out = arena_new(d->r->arena, struct field_set);
    const struct type *t = d->resource->type;
    for (unsigned i = 0; i < t->index->n; i++) {
        uint32_t base;
        struct str name = type_field_at(t, t->index->by_name[i], &base)->name;
        if (name.n && !str_is(name, "status"))
            field_set_append(d->r->arena, out, field_link_name(name))->member = true;
    }
    return out;
}

const struct field_set *managed_ignored(const struct road *d)
{
    const struct resource *r = d->resource;
    if (!d->r->subresource.n || str_is(d->r->subresource, "finalize"))
        return r->flags & RESOURCE_STATUS ? &set_main : &set_plain;
    if (!str_is(d->r->subresource, "status") && !str_is(d->r->subresource, "approval"))
        return &set_main;
    for (size_t i = 0; i < ARRAY_LEN(status_more); i++)
        if (status_more[i].resource == r)
            return status_more[i].ignored;
    return r->flags & RESOURCE_CUSTOM ? all_but_status(d) : &set_status;
}

/* --- owners --- */

struct owner managed_owner(const struct road *d, bool applied)
{
    const struct api_request *r = d->r;
    struct str manager = r->field_manager.n ? r->field_manager : r->agent;
    return (struct owner){manager.n ? manager : STR("kube-apiserver"), r->resource->api_version,
                          r->subresource, applied};
}

bool managed_same(const struct managed_fields_entry_vec *x, const struct managed_fields_entry_vec *y)
{
    if (x->n != y->n)
        return false;
    for (size_t i = 0; x->at != y->at && i < x->n; i++) {
        const struct managed_fields_entry *p = &x->at[i], *q = &y->at[i];
        if (!str_eq(p->manager, q->manager) || !str_eq(p->operation, q->operation) ||
            !str_eq(p->api_version, q->api_version) || !str_eq(p->subresource, q->subresource) ||
            !str_eq(p->fields_type, q->fields_type) || !p->fields_v_1 != !q->fields_v_1 ||
            (p->fields_v_1 && !str_eq(*p->fields_v_1, *q->fields_v_1)))
            return false;
    }
    return true;
}

void managed_restore(struct road *d, const struct managed_fields_entry_vec *before)
{
    struct object_meta *m = resource_meta(d->resource, d->object);
    struct managed ignored;
    _cleanup_err_ struct err why = {0};
    if (managed_same(&m->managed_fields, before) ||
        managed_read(d->r->arena, &m->managed_fields, &ignored, &why) == 0)
        return;
    m->managed_fields = *before;
    strategy_warn(
        &d->context,
        ".metadata.managedFields was in an invalid state after admission; this could be caused by an "
        "outdated mutating admission controller; please fix your requests: " STR_FMT,
        STR_ARG(why.message));
}

/* --- versions --- */

/* The request's kind in another version; NULL when it is not served. */
static const struct resource *version_of(const struct road *d, struct str api_version)
{
    if (str_eq(d->r->resource->api_version, api_version))
        return d->r->resource;
    if (str_eq(d->resource->api_version, api_version))
        return d->resource;
    if (d->resource->custom) {
        struct str group = {0}, version = api_version;
        str_cut(&version, '/', &group);
        const struct custom_version *v = custom_version(d->resource->custom, version);
        return v && v->declared->served && str_eq(group, d->resource->group) ? &v->resource : NULL;
    }
    const struct resource *r = resource_find_kind(api_version, d->resource->kind);
    return r && stored_form(r) == d->resource ? r : NULL;
}

/* By the definition's webhook, for which this waits; NULL when it cannot be asked. */
static const void *ask_webhook(const struct road *d, const struct resource *from, const struct resource *to,
                               const void *typed)
{
    _cleanup_object_ struct object *o = object_new(from, typed);
    return convert_objects(d->api, &o, 1, to, NULL) < 0 ? NULL : object_copy(o, d->r->arena);
}

/* One of the two is the stored form, or the way leads over it. */
static const void *in_version(const struct road *d, const struct resource *from, const struct resource *to,
                              const void *typed)
{
    if (from == to)
        return typed;
    if (from->custom)
        return custom_has_webhook(from->custom) ? ask_webhook(d, from, to, typed)
                                                : convert(d->r->arena, from, to, typed);

    if (from != to && from != d->resource)
        typed = convert(d->r->arena, from, d->resource, typed);
    return from == to || to == d->resource ? typed : convert(d->r->arena, d->resource, to, typed);
}

static const struct type *version_type(void *arg, struct str api_version)
{
    const struct resource *r = version_of(arg, api_version);
    return r ? r->type : NULL;
}

static int version_convert(void *arg, struct str from, struct str to, const struct value *v,
                           struct value *out)
{
    const struct road *d = arg;
    struct arena *a = d->r->arena;
    const struct resource *r = version_of(d, from), *s = version_of(d, to);
    void *typed = arena_alloc(a, r->type->size);
    _cleanup_buf_ struct buf json = {0};
    if (json_decode(a, r->type, value_json(a, v), JSON_BORROW, typed, NULL, NULL) < 0)
        return -1;
    const void *converted = in_version(d, r, s, typed);
    if (!converted)
        return -1;
    json_encode(&json, s->type, converted);
    return value_parse(a, arena_str(a, buf_str(&json)), out, NULL);
}

const struct apply_versions managed_versions = {.type = version_type, .convert = version_convert};

/* --- tracking --- */

struct change_of {
    const struct road *d;
    const void *before, *after; /* as stored */
};

static int compare_in(const struct change_of *c, const struct resource *r, struct comparison *out)
{
    const struct road *d = c->d;
    const void *after = in_version(d, d->resource, r, c->after),
               *before = c->before ? in_version(d, d->resource, r, c->before)
                                   : arena_alloc(d->r->arena, r->type->size);
    if (!after || !before)
        return -1;
    field_compare(d->r->arena, r->type, before, after, managed_ignored(d), out);
    return 0;
}

static int compare_version(void *arg, struct str api_version, struct comparison *out)
{
    const struct change_of *c = arg;
    const struct resource *r = version_of(c->d, api_version);
    return r && compare_in(c, r, out) == 0 ? 0 : 1;
}

void managed_track(struct road *d)
{
    struct arena *a = d->r->arena;
    static const struct managed_fields_entry_vec none = {0};
    struct object_meta *m = resource_meta(d->resource, d->object);
    const struct managed_fields_entry_vec *live =
        d->old ? &resource_meta(d->resource, d->old)->managed_fields : &none;
    struct managed_fields_entry_vec given = m->managed_fields;
    struct managed managed = {0};
    bool resets = !d->r->subresource.n && managed_resets(&given);
    /* Clients that do not know of managedFields do not lose them; nor may a subresource change them. */
    bool from_live = !resets && (d->r->subresource.n || !given.n || managed_same(&given, live));
    m->managed_fields = (struct managed_fields_entry_vec){0};
    if (d->old && (resets || (from_live && !live->n))) /* nobody keeps the books of this one */
        return;
    struct change_of change = {d, d->old, d->object};
    struct comparison c;
    if (compare_in(&change, d->r->resource, &c) < 0)
        return;
    if (from_live && comparison_same(&c)) {
        m->managed_fields = *live;
        return;
    }
    if (!resets && (from_live || managed_read(a, &given, &managed, NULL) < 0 || !managed.n) &&
        managed_read_folded(a, live, &managed, NULL) < 0)
        managed = (struct managed){0};
    if (d->old && !managed.n)
        return;
    struct owner self = managed_owner(d, false);
    managed_update(a, &managed, &self, &c, &(struct versions){compare_version, &change}, time_now());
    m->managed_fields = managed_write(a, &managed);
}
