/* The rules of metadata (apimachinery/pkg/api/validation/objectmeta.go). */
#include "api/valid.h"

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

static void valid_owners(struct field_errors *e, const struct path *at,
                         const struct owner_reference_vec *owners)
{
    const struct owner_reference *controller = NULL;
    each (*owners, i) {
        const struct owner_reference *o = &owners->at[i];
        const struct path *item = PATH_AT(at, i);
        const struct {
            struct path field;
            struct str value;
            const char *detail;
        } needed[] = {
            {path_child(item, STR("apiVersion")), o->api_version, "version must not be empty"},
            {path_child(item, STR("kind")), o->kind, "must not be empty"},
            {path_child(item, STR("name")), o->name, "must not be empty"},
            {path_child(item, STR("uid")), o->uid, "must not be empty"},
        };
        for (size_t k = 0; k < ARRAY_LEN(needed); k++)
            if (!needed[k].value.n)
                field_invalid(e, &needed[k].field, needed[k].value, "%s", needed[k].detail);
        if (str_is(o->kind, "Event") &&
            (str_is(o->api_version, "v1") || str_is(o->api_version, "events.k8s.io/v1")))
            field_error(e, FIELD_ERROR_INVALID, item, BAD_NONE, "%s is disallowed from being an owner",
                        str_is(o->api_version, "v1") ? "/v1, Kind=Event" : "events.k8s.io/v1, Kind=Event");
        if (!o->controller || !*o->controller)
            continue;
        if (controller)
            field_error(e, FIELD_ERROR_INVALID, at, BAD_NONE,
                        "Only one reference can have Controller set to true. Found \"true\" in references "
                        "for " STR_FMT " and " STR_FMT,
                        STR_ARG(controller->name), STR_ARG(o->name));
        else
            controller = o;
    }
}

static void valid_finalizers(struct field_errors *e, const struct path *at, const struct str_vec *finalizers)
{
    bool orphan = false, foreground = false;
    each (*finalizers, i) {
        struct str f = finalizers->at[i];
        bool standard = false;
        for (size_t k = 0; k < ARRAY_LEN(standard_finalizers); k++)
            standard |= str_eq(f, standard_finalizers[k]);
        valid_qualified(e, at, f);
        if (!standard && str_index(f, '/') < 0)
            field_invalid(e, PATH_AT(at, i), f,
                          "name is neither a standard finalizer name nor is it fully qualified");
        orphan |= str_is(f, "orphan");
        foreground |= str_is(f, "foregroundDeletion");
    }
    if (orphan && foreground)
        field_error(e, FIELD_ERROR_INVALID, at, BAD_NONE,
                    "finalizer orphan and foregroundDeletion cannot be both set");
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
}

static bool same_time(struct time a, struct time b)
{
    return a.s == b.s;
}

void valid_meta_update(struct field_errors *e, const struct path *at, struct object_meta *m,
                       const struct object_meta *old)
{
    if (!m->uid.n)
        m->uid = old->uid;
    if (!m->creation_timestamp.s)
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
    valid_immutable(e, PATH(at, "creationTimestamp"),
                    same_time(m->creation_timestamp, old->creation_timestamp), BAD_NONE);
    bool same = !m->deletion_timestamp == !old->deletion_timestamp &&
                (!m->deletion_timestamp || same_time(*m->deletion_timestamp, *old->deletion_timestamp));
    valid_immutable(e, PATH(at, "deletionTimestamp"), same, BAD_NONE);
    valid_labels(e, PATH(at, "labels"), &m->labels);
    valid_annotations(e, PATH(at, "annotations"), &m->annotations);
    valid_owners(e, PATH(at, "ownerReferences"), &m->owner_references);
}
