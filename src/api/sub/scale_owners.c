#include "api/sub/scale_owners.h"

#include "api/managed.h"
#include "schema/timestamp.h"

static const struct str replicas_of_scale[] = {STR_INIT("spec"), STR_INIT("replicas")};

enum { PATH_MAX_NAMES = 16 };

struct names {
    struct str at[PATH_MAX_NAMES];
    size_t n;
};

/* Where the object keeps its number of replicas: ".spec.replicas". */
static struct names path_of(const struct road *d)
{
    struct names names = {0};
    struct str path = d->resource->scale_replicas_path, name;
    if (str_starts(path, STR(".")))
        path = str_from_at(path, 1);
    while (names.n < PATH_MAX_NAMES && str_cut(&path, '.', &name))
        names.at[names.n++] = name;
    return names;
}

static struct field_set set_of(const struct road *d, const struct str *names, size_t n)
{
    struct field_set set = {0};
    field_set_insert_names(d->r->arena, &set, names, n);
    return set;
}

struct managed_fields_entry_vec scale_owners(const struct road *d,
                                             const struct managed_fields_entry_vec *parent)
{
    struct arena *a = d->r->arena;
    struct managed all, scale = {0};
    struct names path = path_of(d);
    if (managed_read(a, parent, &all, NULL) < 0)
        return (struct managed_fields_entry_vec){0};
    for (size_t i = 0; i < all.n; i++) {
        const struct managed_entry *e = &all.at[i];
        if (!field_set_has(&e->set, path.at, path.n))
            continue;
        struct owner owner = e->owner;
        owner.api_version = scale_resource.api_version;
        managed_set(a, &scale, &owner, set_of(d, replicas_of_scale, 2))->time = e->time;
    }
    return managed_write(a, &scale);
}

struct managed_fields_entry_vec scale_owners_of_parent(const struct road *d,
                                                       const struct managed_fields_entry_vec *parent,
                                                       const struct managed_fields_entry_vec *scale)
{
    struct arena *a = d->r->arena;
    struct managed all, scaled, out = {0};
    struct names path = path_of(d);
    struct field_set replicas = set_of(d, path.at, path.n);
    if (managed_read(a, parent, &all, NULL) < 0 || managed_read(a, scale, &scaled, NULL) < 0)
        return *parent;
    for (size_t i = 0; i < all.n; i++) {
        const struct managed_entry *e = &all.at[i];
        struct managed_entry *kept = managed_find(&scaled, &e->owner);
        struct field_set set = e->set;
        if (field_set_has(&set, path.at, path.n) && !kept)
            set = field_set_difference(a, &set, &replicas);
        else if (kept && field_set_has(&set, path.at, path.n))
            managed_remove(&scaled, kept);
        struct managed_entry *to = managed_set(a, &out, &e->owner, set);
        if (to)
            to->time = e->time;
    }
    for (size_t i = 0; i < scaled.n; i++) {
        struct owner owner = scaled.at[i].owner;
        if (!field_set_has(&scaled.at[i].set, replicas_of_scale, 2))
            continue;
        owner.api_version = d->r->resource->api_version;
        struct managed_entry *to = managed_find(&out, &owner);
        struct field_set set = to ? field_set_union(a, &to->set, &replicas) : replicas;
        managed_set(a, &out, &owner, set); /* without a time, as upstream has it */
    }
    return managed_write(a, &out);
}

static const struct type *version_type(void *arg, struct str api_version)
{
    (void)arg;
    return str_eq(api_version, scale_resource.api_version) ? &scale_type : NULL;
}

static int version_convert(void *arg, struct str from, struct str to, const struct value *v,
                           struct value *out)
{
    (void)arg, (void)from, (void)to;
    *out = *v;
    return 0;
}

const struct apply_versions scale_versions = {.type = version_type, .convert = version_convert};

static int no_other_version(void *arg, struct str api_version, struct comparison *out)
{
    (void)arg, (void)api_version, (void)out;
    return 1;
}

void scale_track(const struct road *d, const struct managed_fields_entry_vec *owners,
                 const struct scale *before, struct scale *after)
{
    struct arena *a = d->r->arena;
    struct managed m;
    struct comparison c;
    struct owner self = managed_owner(d, false);
    self.api_version = scale_resource.api_version;
    after->metadata.managed_fields = *owners;
    field_compare(a, &scale_type, before, after, managed_ignored(d), &c);
    if (comparison_same(&c) || !resource_meta(d->resource, d->old)->managed_fields.n ||
        managed_read(a, owners, &m, NULL) < 0)
        return;
    managed_update(a, &m, &self, &c, &(struct versions){no_other_version, NULL}, time_now());
    after->metadata.managed_fields = managed_write(a, &m);
}
