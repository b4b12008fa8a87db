/* The rules of metadata (apimachinery/pkg/api/validation/objectmeta.go). */
#include "api/valid.h"
#include "schema/timestamp.h"

/* What upstream calls standard: the only finalizers that need no domain. */
static const struct str standard_finalizers[] = {STR_INIT("orphan"), STR_INIT("foregroundDeletion"),
                                                 STR_INIT("kubernetes")};

void valid_labels(struct field_errors *e, const struct path *at, const struct str_map *labels)
{
    each (*labels, i) {
        valid_qualified(e, at, labels->at[i].key);
        valid_label_value(e, at, labels->at[i].value);
    }
}

void valid_annotations(struct field_errors *e, const struct path *at, const struct str_map *annotations)
{
    size_t total = 0;
    each (*annotations, i) {
        format_validate(e, at, FORMAT_ANNOTATION_KEY, annotations->at[i].key);
        total += annotations->at[i].key.n + annotations->at[i].value.n;
    }
    if (total > VALID_ANNOTATIONS_MAX)
        field_too_long(e, at, VALID_ANNOTATIONS_MAX);
}

/* "v1", "GROUP/VERSION". */
static bool has_version(struct str api_version)
{
    struct str rest = api_version, group = {0}, version = {0};
    bool parts = str_cut(&rest, '/', &group) && str_cut(&rest, '/', &version);
    return parts ? version.n && !rest.n : group.n > 0;
}

static void valid_owner(struct field_errors *e, const struct path *at, const struct owner_reference *o)
{
    if (!has_version(o->api_version))
        field_invalid(e, PATH(at, "apiVersion"), o->api_version, "version must not be empty");
    const struct {
        struct path field;
        struct str value;
    } needed[] = {
        {path_child(at, STR("kind")), o->kind},
        {path_child(at, STR("name")), o->name},
        {path_child(at, STR("uid")), o->uid},
    };
    for (size_t k = 0; k < ARRAY_LEN(needed); k++)
        if (!needed[k].value.n)
            field_invalid(e, &needed[k].field, needed[k].value, "must not be empty");
    if (str_is(o->kind, "Event") && str_is(o->api_version, "v1"))
        field_error(e, FIELD_ERROR_INVALID, at, valid_bad(e, &owner_reference_type, o),
                    "/v1, Kind=Event is disallowed from being an owner");
}

/* Upstream does not say which of the owners it complains of. */
static void valid_owners(struct field_errors *e, const struct path *at,
                         const struct owner_reference_vec *owners)
{
    const struct owner_reference *controller = NULL;
    const struct object_meta shown = {.owner_references = *owners};
    each (*owners, i) {
        const struct owner_reference *o = &owners->at[i];
        valid_owner(e, at, o);
        if (!o->controller || !*o->controller)
            continue;
        if (controller)
            field_error(
                e, FIELD_ERROR_INVALID, at, valid_bad_member(e, &object_meta_type, "ownerReferences", &shown),
                "Only one reference can have Controller set to true. Found \"true\" in references "
                "for " STR_FMT "/" STR_FMT " and " STR_FMT "/" STR_FMT,
                STR_ARG(controller->kind), STR_ARG(controller->name), STR_ARG(o->kind), STR_ARG(o->name));
        else
            controller = o;
    }
}

static void valid_finalizers(struct field_errors *e, const struct path *at, const struct str_vec *finalizers)
{
    each (*finalizers, i)
        valid_qualified(e, at, finalizers->at[i]);
    if (str_vec_has(finalizers, STR("orphan")) && str_vec_has(finalizers, STR("foregroundDeletion")))
        field_error(e, FIELD_ERROR_INVALID, at, valid_bad_list(e, finalizers),
                    "finalizer orphan and foregroundDeletion cannot be both set");
}

bool finalizer_is_standard(struct str finalizer)
{
    for (size_t i = 0; i < ARRAY_LEN(standard_finalizers); i++)
        if (str_eq(finalizer, standard_finalizers[i]))
            return true;
    return str_index(finalizer, '/') >= 0;
}

void valid_standard_finalizer(struct field_errors *e, const struct path *at, struct str finalizer)
{
    if (!finalizer_is_standard(finalizer))
        field_invalid(e, at, finalizer,
                      "name is neither a standard finalizer name nor is it fully qualified");
}

enum { MANAGER_MAX = 128, SUBRESOURCE_MAX = 256 };

static void valid_managed(struct field_errors *e, const struct path *at,
                          const struct managed_fields_entry_vec *entries)
{
    each (*entries, i) {
        const struct managed_fields_entry *m = &entries->at[i];
        const struct path *item = PATH_AT(at, i);
        if (!str_is(m->operation, "Apply") && !str_is(m->operation, "Update"))
            field_invalid(e, PATH(item, "operation"), m->operation, "must be `Apply` or `Update`");
        if (m->fields_type.n && !str_is(m->fields_type, "FieldsV1"))
            field_invalid(e, PATH(item, "fieldsType"), m->fields_type, "must be `FieldsV1`");
        if (m->manager.n > MANAGER_MAX)
            field_too_long(e, PATH(item, "manager"), MANAGER_MAX);
        if (m->subresource.n > SUBRESOURCE_MAX)
            field_too_long(e, PATH(item, "subresource"), SUBRESOURCE_MAX);
    }
}

/* A prefix may end in what a name may not: the suffix follows. */
static void valid_prefix(struct field_errors *e, const struct path *at, enum format f, struct str prefix)
{
    if (prefix.n > 1 && prefix.p[prefix.n - 1] == '-') {
        char *masked = arena_c(&e->arena, prefix);
        masked[prefix.n - 1] = 'a';
        prefix.p = masked;
    }
    format_validate(e, at, f, prefix);
}

void valid_meta(struct field_errors *e, const struct path *at, const struct object_meta *m, bool namespaced,
                enum format names)
{
    if (m->generate_name.n)
        valid_prefix(e, PATH(at, "generateName"), names, m->generate_name);
    if (!m->name.n)
        field_required(e, PATH(at, "name"), "name or generateName is required");
    else
        format_validate(e, PATH(at, "name"), names, m->name);
    if (namespaced)
        valid_format(e, PATH(at, "namespace"), FORMAT_DNS1123_LABEL, m->namespace);
    else if (m->namespace.n)
        field_forbidden(e, PATH(at, "namespace"), "not allowed on this type");
    valid_not_negative(e, PATH(at, "generation"), m->generation);
    valid_labels(e, PATH(at, "labels"), &m->labels);
    valid_annotations(e, PATH(at, "annotations"), &m->annotations);
    valid_owners(e, PATH(at, "ownerReferences"), &m->owner_references);
    valid_finalizers(e, PATH(at, "finalizers"), &m->finalizers);
    valid_managed(e, PATH(at, "managedFields"), &m->managed_fields);
}

/* Like valid_fixed, of a time in whole seconds that may be absent. */
static void valid_same_time(struct field_errors *e, const struct path *at, const struct time *now,
                            const struct time *old)
{
    bool same = now && old ? now->s == old->s : !now && !old;
    valid_immutable(e, at, same, now ? BAD(time_str(&e->arena, *now)) : BAD_RAW(STR("null")));
}

void valid_meta_update(struct field_errors *e, const struct path *at, struct object_meta *m,
                       const struct object_meta *old)
{
    if (!m->uid.n)
        m->uid = old->uid;
    m->creation_timestamp = old->creation_timestamp;
    if (old->deletion_timestamp) /* once set, it stays */
        m->deletion_timestamp = old->deletion_timestamp;
    if (old->deletion_grace_period_seconds && !m->deletion_grace_period_seconds)
        m->deletion_grace_period_seconds = old->deletion_grace_period_seconds;

    if (m->deletion_timestamp) {
        struct str_vec added = {0};
        each (m->finalizers, i)
            if (!str_vec_has(&old->finalizers, m->finalizers.at[i]))
                str_vec_add(&added, &e->arena, m->finalizers.at[i]);
        _cleanup_buf_ struct buf b = {0};
        each (added, i)
            buf_addf(&b, "%s\"" STR_FMT "\"", i ? ", " : "", STR_ARG(added.at[i]));
        if (added.n)
            field_forbidden(
                e, PATH(at, "finalizers"),
                "no new finalizers can be added if the object is being deleted, found new finalizers "
                "[]string{" STR_FMT "}",
                STR_ARG(buf_str(&b)));
    }
    if (m->generation < old->generation)
        field_invalid_int(e, PATH(at, "generation"), m->generation, "must not be decremented");
    valid_immutable_str(e, PATH(at, "name"), m->name, old->name);
    valid_immutable_str(e, PATH(at, "namespace"), m->namespace, old->namespace);
    valid_immutable_str(e, PATH(at, "uid"), m->uid, old->uid);
    valid_same_time(e, PATH(at, "deletionTimestamp"), m->deletion_timestamp, old->deletion_timestamp);
    const int64_t *grace = m->deletion_grace_period_seconds, *had = old->deletion_grace_period_seconds;
    if (grace && (!had || *grace != *had))
        valid_immutable(e, PATH(at, "deletionGracePeriodSeconds"), false, BAD_INT(*grace));
    valid_labels(e, PATH(at, "labels"), &m->labels);
    valid_annotations(e, PATH(at, "annotations"), &m->annotations);
    valid_owners(e, PATH(at, "ownerReferences"), &m->owner_references);
    valid_managed(e, PATH(at, "managedFields"), &m->managed_fields);
}
