#include "server/aggregation/remote_discovery.h"

#include "kinds/meta_v1.h"
#include "schema/json.h"

static struct group_version_kind *kind_of(struct arena *a, const struct remote_version *v,
                                          const struct api_resource *r)
{
    struct group_version_kind *k = arena_new(a, struct group_version_kind);
    *k = (struct group_version_kind){str_empty(r->group) ? v->group : r->group,
                                     str_empty(r->version) ? v->version : r->version, r->kind};
    return k;
}

static void add_resource(struct arena *a, const struct remote_version *v, const struct api_resource *r,
                         size_t most, struct api_resource_discovery *out)
{
    *out = (struct api_resource_discovery){
        .resource = r->name,
        .response_kind = kind_of(a, v, r),
        .scope = r->namespaced ? STR("Namespaced") : STR("Cluster"),
        .singular_resource = r->singular_name,
        .verbs = r->verbs.items,
        .short_names = r->short_names,
        .categories = r->categories,
    };
    out->subresources.at = arena_new_n(a, struct api_subresource_discovery, most);
}

/* Behind its resource, which is found by name. */
static void add_subresource(struct arena *a, const struct remote_version *v, const struct api_resource *r,
                            struct api_resource_discovery_vec *all)
{
    struct str sub = r->name, name;
    str_cut(&sub, '/', &name);
    for (size_t i = 0; i < all->n; i++)
        if (str_eq(all->at[i].resource, name))
            all->at[i].subresources.at[all->at[i].subresources.n++] = (struct api_subresource_discovery){
                .subresource = sub, .response_kind = kind_of(a, v, r), .verbs = r->verbs.items};
}

void remote_discovery_fill(struct arena *a, const struct remote_version *v,
                           struct api_resource_discovery_vec *out)
{
    struct api_resource_list list = {0};
    *out = (struct api_resource_discovery_vec){0};
    if (str_empty(v->resources) ||
        json_decode(a, &api_resource_list_type, v->resources, 0, &list, NULL, NULL) < 0)
        return;
    size_t n = list.resources.n, subs = 0;
    out->at = arena_new_n(a, struct api_resource_discovery, n);
    for (size_t i = 0; i < n; i++)
        subs += str_index(list.resources.at[i].name, '/') >= 0;
    for (size_t i = 0; i < n; i++)
        if (str_index(list.resources.at[i].name, '/') < 0)
            add_resource(a, v, &list.resources.at[i], subs, &out->at[out->n++]);
    for (size_t i = 0; i < n; i++)
        if (str_index(list.resources.at[i].name, '/') >= 0)
            add_subresource(a, v, &list.resources.at[i], out);
}
