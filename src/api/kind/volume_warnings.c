/* Warnings about volumes, and about the amounts that go with them. */
#include "api/kind/warn.h"

#include "schema/layout.h"
#include "schema/quantity.h"

void warn_fraction(const struct path *at, const struct str_map *amounts, struct str name,
                   const struct strategy_context *c)
{
    const struct str *amount = str_map_get(amounts, name);
    if (amount && quantity_milli_of(*amount) % 1000)
        WARN(PATH_OF(at, name), "fractional byte value \"" STR_FMT "\" is invalid, must be an integer",
             STR_ARG(*amount));
}

void warn_beta_class(const struct object_meta *m, const struct strategy_context *c)
{
    struct str key = STR("volume.beta.kubernetes.io/storage-class");
    if (str_map_get(&m->annotations, key))
        WARN(PATH_OF(PATH(PATH(NULL, "metadata"), "annotations"), key),
             "deprecated since v1.8; use \"storageClassName\" attribute instead");
}

void warn_volume_source(const struct path *at, const struct type *t, const void *holder,
                        const struct strategy_context *c)
{
    static const struct {
        const char *name, *text;
        const char *shown; /* where upstream spells it otherwise */
    } gone[] = {
        {"photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+", NULL},
        {"gitRepo", "deprecated in v1.11, and disabled by default in v1.33+", NULL},
        {"scaleIO", "deprecated in v1.16, non-functional in v1.22+", NULL},
        {"flocker", "deprecated in v1.22, non-functional in v1.25+", NULL},
        {"storageos", "deprecated in v1.22, non-functional in v1.25+", "storageOS"},
        {"quobyte", "deprecated in v1.22, non-functional in v1.25+", NULL},
        {"glusterfs", "deprecated in v1.25, non-functional in v1.26+", NULL},
        {"cephfs", "deprecated in v1.28, non-functional in v1.31+", NULL},
        {"rbd", "deprecated in v1.28, non-functional in v1.31+", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(gone); i++) {
        uint32_t base = 0;
        const struct field *f = type_field(t, str_from(gone[i].name), &base);
        struct path source = path_child(at, str_from(gone[i].shown ? gone[i].shown : gone[i].name));
        if (f && layout_optional(f, (const char *)holder + base))
            WARN(&source, "%s", gone[i].text);
    }
}

/* --- files that stand in each other's way --- */

static struct str without_slashes(struct str path)
{
    while (path.n && path.p[path.n - 1] == '/')
        path.n--;
    return path;
}

/* Whether the one begins with the other, or with it as a directory. */
static bool overlaps(struct str x, struct str y)
{
    return x.n && y.n &&
           (str_starts(x, y) ? x.n == y.n || x.p[y.n] == '/' || y.p[y.n - 1] == '/'
                             : str_starts(y, x) && (y.p[x.n] == '/' || x.p[x.n - 1] == '/'));
}

/* Each path against those before it. `what` is the volume, as the warning names it. */
/* What puts files there, as warnings name it: volume "V" (Secret "name"). Most volumes warn of nothing. */
struct file_source {
    struct str volume;
    const char *kind;
    const struct str *name; /* NULL: it has none */
};

static struct str source_text(struct arena *a, const struct file_source *s)
{
    struct str name = s->name ? arena_printf(a, " \"" STR_FMT "\"", STR_ARG(*s->name)) : STR("");
    return arena_printf(a, "volume \"" STR_FMT "\" (%s" STR_FMT ")", STR_ARG(s->volume), s->kind,
                        STR_ARG(name));
}

static void warn_paths(struct str_vec *seen, const struct str_vec *paths, const struct file_source *what,
                       const struct strategy_context *c)
{
    each (*paths, i) {
        struct str path = without_slashes(paths->at[i]);
        each (*seen, k)
            if (overlaps(path, seen->at[k])) {
                strategy_warn(c, STR_FMT ": overlapping paths: \"" STR_FMT "\" with \"" STR_FMT "\"",
                              STR_ARG(source_text(c->arena, what)), STR_ARG(path), STR_ARG(seen->at[k]));
                break;
            }
        str_vec_add(seen, c->arena, path);
    }
}

static struct str_vec item_paths(const struct key_to_path_vec *items, struct arena *a)
{
    struct str_vec v = {0};
    each (*items, i)
        str_vec_add(&v, a, items->at[i].path);
    return v;
}

static struct str_vec downward_paths(const struct downward_api_volume_file_vec *items, struct arena *a)
{
    struct str_vec v = {0};
    each (*items, i)
        str_vec_add(&v, a, items->at[i].path);
    return v;
}

static void warn_projected(struct str volume, const struct projected_volume_source *p,
                           const struct strategy_context *c)
{
    struct str_vec seen = {0};
    each (p->sources, i) {
        const struct volume_projection *s = &p->sources.at[i];
        struct str_vec paths = {0};
        struct file_source what;
        if (s->config_map) {
            paths = item_paths(&s->config_map->items, c->arena);
            what = (struct file_source){volume, "Projected ConfigMap", &s->config_map->name};
        } else if (s->secret) {
            paths = item_paths(&s->secret->items, c->arena);
            what = (struct file_source){volume, "Projected Secret", &s->secret->name};
        } else if (s->downward_api) {
            paths = downward_paths(&s->downward_api->items, c->arena);
            what = (struct file_source){volume, "Projected DownwardAPI", NULL};
        } else if (s->service_account_token) {
            str_vec_add(&paths, c->arena, s->service_account_token->path);
            what = (struct file_source){volume, "Projected ServiceAccountToken", NULL};
        } else {
            strategy_warn(c, "volume \"" STR_FMT "\" (Projected) has no sources provided", STR_ARG(volume));
            continue;
        }
        warn_paths(&seen, &paths, &what, c);
    }
}

void warn_overlapping_paths(const struct volume_vec *volumes, const struct strategy_context *c)
{
    each (*volumes, i) {
        const struct volume *v = &volumes->at[i];
        struct str_vec seen = {0}, paths = {0};
        struct file_source what = {0};
        if (v->projected) {
            warn_projected(v->name, v->projected, c);
            continue;
        }
        if (v->config_map) {
            paths = item_paths(&v->config_map->items, c->arena);
            what = (struct file_source){v->name, "ConfigMap", &v->config_map->name};
        } else if (v->secret) {
            paths = item_paths(&v->secret->items, c->arena);
            what = (struct file_source){v->name, "Secret", &v->secret->secret_name};
        } else if (v->downward_api) {
            paths = downward_paths(&v->downward_api->items, c->arena);
            what = (struct file_source){v->name, "DownwardAPI", NULL};
        }
        warn_paths(&seen, &paths, &what, c);
    }
}
