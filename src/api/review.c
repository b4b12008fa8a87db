#include "api/review.h"

#include "api/convert.h"
#include "api/metrics.h"
#include "api/road.h"
#include "api/strategy.h"
#include "schema/copy.h"
#include "schema/json.h"

const struct resource *review_shown(const struct api_attributes *at, const struct resource *as)
{
    return at->resource == stored_form(at->request->resource) ? as : at->resource;
}

/* Structs need not say their kind and apiVersion. */
static void say_kind(const struct resource *r, struct str api_version, void *shown)
{
    const struct {
        struct str name, value;
    } says[] = {{STR("kind"), r->kind}, {STR("apiVersion"), api_version}};
    for (size_t i = 0; i < ARRAY_LEN(says); i++) {
        uint32_t base;
        const struct field *f = type_field(r->type, says[i].name, &base);
        if (f)
            *(struct str *)field_at(f, (char *)shown + base) = says[i].value;
    }
}

/* Of what is judged for no request at all nothing has to be converted. */
static struct api *api_of(const struct api_attributes *at)
{
    const struct road *d = at->request ? at->request->state : NULL;
    return d ? d->api : NULL;
}

int review_object(struct arena *a, const struct api_attributes *at, const struct resource *shown,
                  const void *typed, void **out, struct err *err)
{
    *out = NULL;
    if (!typed)
        return 0;
    if (convert_struct(api_of(at), a, at->resource, shown, typed, out, err) < 0)
        return -1;
    say_kind(shown, shown->api_version, *out);
    return 0;
}

static struct str text_of(struct arena *a, const struct resource *r, void *shown)
{
    say_kind(r, STR("meta.k8s.io/v1"), shown); /* options go by a group of their own here */
    _cleanup_buf_ struct buf b = {0};
    json_encode(&b, r->type, shown);
    return arena_str(a, buf_str(&b));
}

static struct group_version_kind kind_of(const struct resource *r)
{
    return (struct group_version_kind){r->group, r->version, r->kind};
}

static struct group_version_resource resource_of(const struct resource *r)
{
    return (struct group_version_resource){r->group, r->version, r->plural};
}

static void say_user(struct arena *a, const struct user *u, struct user_info *out)
{
    *out = (struct user_info){.username = u->name, .uid = u->uid, .groups = u->groups};
    out->extra.n = u->n_extra;
    out->extra.at = arena_new_n(a, struct authentication_extra_value_entry, u->n_extra);
    for (size_t i = 0; i < u->n_extra; i++)
        out->extra.at[i] = (struct authentication_extra_value_entry){u->extra[i].key, {u->extra[i].values}};
}

/* The options of the call. */
static struct str options_text(struct arena *a, const struct api_attributes *at)
{
    const struct api_request *r = at->request;
    static struct str all = STR_INIT("All");
    const struct str_vec dry_run = {at->dry_run ? &all : NULL, at->dry_run ? 1 : 0};
    bool force = true;
    if (at->operation == API_OP_CONNECT)
        return (struct str){0};
    if (at->operation == API_OP_DELETE) {
        struct delete_options o = at->options ? *at->options : (struct delete_options){0};
        if (!o.dry_run.n)
            o.dry_run = dry_run;
        return text_of(a, &delete_options_resource, &o);
    }
    if (r->verb == API_CREATE) {
        struct create_options o = {
            .dry_run = dry_run, .field_manager = r->field_manager, .field_validation = r->field_validation};
        return text_of(a, &create_options_resource, &o);
    }
    if (r->verb == API_PATCH) {
        struct patch_options o = {.dry_run = dry_run,
                                  .force = r->force ? &force : NULL,
                                  .field_manager = r->field_manager,
                                  .field_validation = r->field_validation};
        return text_of(a, &patch_options_resource, &o);
    }
    struct update_options o = {
        .dry_run = dry_run, .field_manager = r->field_manager, .field_validation = r->field_validation};
    return text_of(a, &update_options_resource, &o);
}

void review_request(struct arena *a, const struct api_attributes *at, const struct resource *as,
                    struct admission_request *out)
{
    const struct api_request *r = at->request;
    struct group_version_kind own_kind = kind_of(review_shown(at, r->resource));
    struct group_version_resource own_resource = resource_of(r->resource);
    struct str name = r->name;
    if (str_empty(name) && at->object && at->resource->has_metadata)
        name = resource_meta(at->resource, at->object)->name;
    *out = (struct admission_request){
        .kind = kind_of(review_shown(at, as)),
        .resource = resource_of(as),
        .sub_resource = r->subresource,
        .request_kind = arena_dup(a, &own_kind, sizeof(own_kind)),
        .request_resource = arena_dup(a, &own_resource, sizeof(own_resource)),
        .request_sub_resource = r->subresource,
        .name = name,
        .namespace =
            str_is(r->resource->plural, "namespaces") && str_empty(r->resource->group) ? name : r->ns,
        .operation = api_operation_name(at->operation),
        .dry_run = arena_dup(a, &at->dry_run, sizeof(at->dry_run)),
        .options = options_text(a, at),
    };
    if (r->user)
        say_user(a, r->user, &out->user_info);
}

int review_alter(const struct api_attributes *at, const struct resource *shown, const struct value *doc,
                 bool *changed, struct err *err)
{
    struct arena *a = at->request->arena;
    void *fresh = arena_alloc(a, shown->type->size);
    if (json_decode(a, shown->type, value_json(a, doc), JSON_BORROW, fresh, NULL, err) < 0)
        return -1;
    strategy_defaults(shown, fresh, a);
    if (shown != at->resource) {
        if (convert_struct(api_of(at), a, shown, at->resource, fresh, &fresh, err) < 0)
            return -1;
        strategy_defaults(at->resource, fresh, a);
    }
    static const struct str but[] = {STR_INIT("kind"), STR_INIT("apiVersion")};
    *changed = !struct_eq_but(at->resource->type, at->object, fresh, but, ARRAY_LEN(but));
    memcpy(at->object, fresh, at->resource->type->size);
    return 0;
}
