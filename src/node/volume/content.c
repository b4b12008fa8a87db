#include "node/volume/content.h"

#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "kinds/authentication_v1.h"
#include "node/pod/source.h"
#include "node/volume/writer.h"
#include "schema/timestamp.h"

enum { CONTENT_MODE = 0644, TOKEN_MODE_OF_GROUP = 0640, TOKEN_MAX = 64 << 10 };

/* What one volume's sources add to. */
struct content {
    struct pod_state *p;
    const struct pod *pod;
    const struct field_context *x;
    const char *dir;
    int mode; /* of files that do not say */
    int64_t gid;
    struct arena arena;
    struct volume_files files;
};

bool volume_has_content(const struct volume *v)
{
    return v->config_map || v->secret || v->downward_api || v->projected;
}

static int mode_of(const struct content *c, const int32_t *mode)
{
    int m = mode ? *mode : c->mode;
    return c->gid >= 0 ? m | ((m & 0400) >> 3) : m; /* the group reads what the owner reads */
}

/* Keys of a config map or secret: all, or those that `items` name. */
static int add_keys(struct content *c, const struct str_map *data, const struct key_to_path_vec *items,
                    bool optional, const char *kind, struct err *err)
{
    struct arena *a = &c->arena;
    for (size_t i = 0; i < data->n && !items->n; i++)
        volume_files_add(&c->files, a, arena_str(a, data->at[i].key), arena_str(a, data->at[i].value),
                         mode_of(c, NULL));
    for (size_t i = 0; i < items->n; i++) {
        size_t k = 0;
        while (k < data->n && !str_eq(data->at[k].key, items->at[i].key))
            k++;
        if (k < data->n)
            volume_files_add(&c->files, a, items->at[i].path, arena_str(a, data->at[k].value),
                             mode_of(c, items->at[i].mode));
        else if (!optional)
            return err_set(err, ERR_NOT_FOUND, "references non-existent %s key: " STR_FMT, kind,
                           STR_ARG(items->at[i].key));
    }
    return 0;
}

static int add_object(struct content *c, const struct resource *r, struct str name,
                      const struct key_to_path_vec *items, const bool *optional, struct err *err)
{
    _cleanup_object_ struct object *o = NULL;
    bool may_miss = optional && *optional, secret = r == &secret_resource;
    if (pod_source_get(c->p, r, name, optional, &o, err) < 0)
        return -1;
    if (!o)
        return 0;
    if (secret)
        return add_keys(c, &((const struct secret *)object_typed(o))->data, items, may_miss, "secret", err);
    const struct config_map *m = object_typed(o);
    struct str_map all = {arena_new_n(&c->arena, struct str_entry, m->data.n + m->binary_data.n), 0};
    for (size_t i = 0; i < m->data.n; i++)
        all.at[all.n++] = m->data.at[i];
    for (size_t i = 0; i < m->binary_data.n; i++)
        all.at[all.n++] = m->binary_data.at[i];
    return add_keys(c, &all, items, may_miss, "config", err);
}

static int add_downward(struct content *c, const struct downward_api_volume_file_vec *items, struct err *err)
{
    for (size_t i = 0; i < items->n; i++) {
        const struct downward_api_volume_file *f = &items->at[i];
        struct str value = {0};
        if (f->field_ref && field_ref(c->pod, f->field_ref->field_path, c->x, &c->arena, &value, err) < 0)
            return -1;
        if (f->resource_field_ref &&
            resource_field_ref(c->pod, NULL, f->resource_field_ref, c->x, &c->arena, &value, err) < 0)
            return -1;
        volume_files_add(&c->files, &c->arena, f->path, value, mode_of(c, f->mode));
    }
    return 0;
}

/* --- service account tokens --- */

/* The token that is there, while it is young: it is renewed after four fifths of its life (or a day), as
 * upstream does. When it was made is the file's time. */
static bool token_is_young(struct content *c, struct str path, int64_t lifetime_s, struct str *out)
{
    _cleanup_buf_ struct buf b = {0};
    struct stat st;
    const char *file = arena_printf(&c->arena, "%s/" STR_FMT, c->dir, STR_ARG(path)).p;
    if (stat(file, &st) < 0 || file_read(file, TOKEN_MAX, &b, NULL) < 0 || !b.n)
        return false;
    int64_t age = clock_wall() / CLOCK_S - st.st_mtim.tv_sec, limit = lifetime_s / 5 * 4;
    if (age > (limit < 86400 ? limit : 86400))
        return false;
    *out = arena_str(&c->arena, buf_str(&b));
    return true;
}

static int add_token(struct content *c, const struct service_account_token_projection *t, struct err *err)
{
    int64_t lifetime = t->expiration_seconds ? *t->expiration_seconds : 3600;
    struct str account =
        c->pod->spec.service_account_name.n ? c->pod->spec.service_account_name : STR("default");
    struct str token;
    bool shared = c->gid >= 0;
    const struct pod_security_context *s = c->pod->spec.security_context;
    if (!token_is_young(c, t->path, lifetime, &token)) {
        struct str audience = t->audience;
        struct bound_object_reference bound = {STR("Pod"), STR("v1"), c->pod->metadata.name,
                                               c->pod->metadata.uid};
        struct authentication_token_request q = {.spec = {.audiences = {&audience, audience.n ? 1 : 0},
                                                          .expiration_seconds = &lifetime,
                                                          .bound_object_ref = &bound}};
        _cleanup_object_ struct object *o = NULL;
        if (client_create_sub(c->p->node->client, &service_account_resource, c->p->ns, account, STR("token"),
                              &authentication_token_request_resource, &q, &o, err) < 0)
            return err_wrap(err, "failed to fetch token");
        token = o ? arena_str(&c->arena,
                              ((const struct authentication_token_request *)object_typed(o))->status.token)
                  : STR("");
        if (!token.n)
            return err_set(err, ERR_INTERNAL, "failed to fetch token: the server gave none");
    }
    /* Readable by whom the pod's processes run as. */
    int mode = shared                                   ? TOKEN_MODE_OF_GROUP
               : s && s->run_as_user && *s->run_as_user ? CONTENT_MODE
                                                        : mode_of(c, NULL);
    volume_files_add(&c->files, &c->arena, t->path, token, mode);
    return 0;
}

static int add_projection(struct content *c, const struct volume_projection *s, struct err *err)
{
    if (s->config_map)
        return add_object(c, &config_map_resource, s->config_map->name, &s->config_map->items,
                          s->config_map->optional, err);
    if (s->secret)
        return add_object(c, &secret_resource, s->secret->name, &s->secret->items, s->secret->optional, err);
    if (s->downward_api)
        return add_downward(c, &s->downward_api->items, err);
    if (s->service_account_token)
        return add_token(c, s->service_account_token, err);
    return err_set(err, ERR_INVALID, "projected volume source is not supported");
}

static int gather(struct content *c, const struct volume *v, struct err *err)
{
    const int32_t *mode = v->config_map     ? v->config_map->default_mode
                          : v->secret       ? v->secret->default_mode
                          : v->downward_api ? v->downward_api->default_mode
                                            : v->projected->default_mode;
    if (mode)
        c->mode = *mode;
    if (v->config_map)
        return add_object(c, &config_map_resource, v->config_map->name, &v->config_map->items,
                          v->config_map->optional, err);
    if (v->secret)
        return add_object(c, &secret_resource, v->secret->secret_name, &v->secret->items, v->secret->optional,
                          err);
    if (v->downward_api)
        return add_downward(c, &v->downward_api->items, err);
    for (size_t i = 0; i < v->projected->sources.n; i++)
        if (add_projection(c, &v->projected->sources.at[i], err) < 0)
            return -1;
    return 0;
}

int volume_write_content(struct pod_state *p, const struct pod *pod, const struct volume *v,
                         const struct field_context *x, const char *dir, int64_t gid, struct err *err)
{
    struct content c = {.p = p, .pod = pod, .x = x, .dir = dir, .mode = CONTENT_MODE, .gid = gid};
    int r = gather(&c, v, err);
    if (r == 0)
        r = volume_write(dir, &c.files, gid, err);
    arena_free(&c.arena);
    return r;
}
