#include "api/apply.h"

#include "api/convert.h"
#include "api/managed.h"
#include "api/patch.h"
#include "api/valid.h"
#include "schema/json.h"
#include "schema/patch/excerpt.h"
#include "schema/timestamp.h"
#include "schema/yaml.h"

static const struct str last_applied = STR_INIT("kubectl.kubernetes.io/last-applied-configuration");

/* --- what the client sends --- */

static int bad_request(struct err *err, const char *what, struct str why)
{
    return err_set(err, ERR_BAD_REQUEST, "%s: " STR_FMT, what, STR_ARG(why));
}

/* An error of the server's own code, as upstream answers what nobody foresaw: 500 without a reason. */
static int failed(struct err *err, struct str message)
{
    return err_set(err, ERR_UNKNOWN, STR_FMT, STR_ARG(message));
}

/* "apps/v1, Kind=Deployment": what the configuration says it is. */
static struct str kind_text(struct arena *a, const struct value *config)
{
    struct str version = value_get_str(config, STR("apiVersion")), kind = value_get_str(config, STR("kind"));
    bool group = str_index(version, '/') >= 0;
    return arena_printf(a, "%s" STR_FMT ", Kind=" STR_FMT, group ? "" : "/", STR_ARG(version), STR_ARG(kind));
}

/* The object that an error is about. */
static struct str object_text(struct arena *a, const struct value *config)
{
    const struct value *m = value_get(config, STR("metadata"));
    return arena_printf(a, STR_FMT "/" STR_FMT "; " STR_FMT, STR_ARG(value_get_str(m, STR("namespace"))),
                        STR_ARG(value_get_str(m, STR("name"))), STR_ARG(kind_text(a, config)));
}

/* JSON is YAML too, and read much quicker: plain letters that say nothing twice mean the same in both. */
static int parse_config(struct arena *a, struct str body, struct value *config, struct strict_errors *strict,
                        struct err *err)
{
    struct strict_errors twice = {0};
    bool plain = true;
    for (size_t i = 0; plain && i < body.n; i++)
        plain = (body.p[i] >= ' ' && body.p[i] < 0x7f) || body.p[i] == '\n';
    if (plain && value_parse_strict(a, body, config, &twice, NULL) == 0 && !twice.n)
        return 0;
    return yaml_parse_strict(a, body, config, strict, err);
}

static int read_config(struct application *x, struct value *config, struct strict_errors *strict)
{
    struct api_request *r = x->road->r;
    struct err *err = &r->err;
    _cleanup_err_ struct err why = {0};
    if (r->body.n > PATCH_BODY_MAX)
        return err_set(err, ERR_TOO_LARGE, "Request entity too large: limit is %d", PATCH_BODY_MAX);
    if (parse_config(r->arena, r->body, config, strict, &why) < 0)
        return bad_request(err, "error decoding YAML", why.message);
    if (config->kind == JSON_NULL)
        *config = VALUE_OBJECT;
    if (config->kind != JSON_OBJECT)
        return err_set(err, ERR_BAD_REQUEST,
                       "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot "
                       "unmarshal %s into Go value of type map[string]interface {}",
                       value_kind_name(config));
    if (!str_eq(value_get_str(config, STR("apiVersion")), x->resource->api_version) ||
        !str_eq(value_get_str(config, STR("kind")), x->resource->kind))
        return bad_request(err, "invalid object type", kind_text(r->arena, config));
    const struct value *managed = value_get(value_get(config, STR("metadata")), STR("managedFields"));
    if (managed && managed->kind == JSON_ARRAY)
        return err_set(err, ERR_BAD_REQUEST, "metadata.managedFields must be nil");
    if (typed_tree_check(x->resource->type, config, false, &why) < 0)
        return failed(err,
                      arena_printf(r->arena, "failed to create typed patch object (" STR_FMT "): " STR_FMT,
                                   STR_ARG(object_text(r->arena, config)), STR_ARG(why.message)));
    return 0;
}

/* Keys that stand there twice. */
static int check_strict(struct application *x, const struct strict_errors *strict)
{
    struct api_request *r = x->road->r;
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; i < strict->n; i++) {
        if (str_is(r->field_validation, "Warn") || !r->field_validation.n)
            strategy_warn(&x->road->context, STR_FMT, STR_ARG(strict->at[i]));
        buf_addf(&b, "%s" STR_FMT, i ? ", " : "", STR_ARG(strict->at[i]));
    }
    return strict->n && str_is(r->field_validation, "Strict")
               ? bad_request(&r->err, "error strict decoding YAML", buf_str(&b))
               : 0;
}

/* What is reached of a struct as a tree, without its managedFields. */
static struct value tree_of(struct arena *a, const struct type *t, const void *typed,
                            const struct value *reach)
{
    struct value v = VALUE_OBJECT;
    _cleanup_buf_ struct buf json = {0};
    excerpt_write(&json, t, typed, reach);
    int result = value_parse(a, arena_str(a, buf_str(&json)), &v, NULL);
    ensure(result == 0);
    struct value *m = value_get(&v, STR("metadata"));
    if (m && m->kind == JSON_OBJECT)
        value_del(m, STR("managedFields"));
    return v;
}

/* --- kubectl's annotation --- */

static struct value *annotation_of(const struct value *v)
{
    return value_get(value_get(value_get(v, STR("metadata")), STR("annotations")), last_applied);
}

/* The fields that kubectl has applied itself before, and that have not changed since: no manager stands in
 * the way of kubectl's going over to server-side apply. */
static struct field_set applied_before(const struct apply *x, const struct resource *r)
{
    struct arena *a = x->arena;
    const struct value *text = annotation_of(&x->live);
    struct field_set none = {0};
    struct value before;
    struct comparison c;
    if (!text || text->kind != JSON_STRING || value_parse(a, text->s, &before, NULL) < 0 ||
        before.kind != JSON_OBJECT || !str_eq(value_get_str(&before, STR("apiVersion")), r->api_version) ||
        typed_tree_check(x->type, &before, false, NULL) < 0)
        return none;
    struct field_set set = typed_tree_fields(a, x->type, &before);
    typed_tree_compare(a, x->type, &before, &x->live, &c);
    set = field_set_difference(a, &set, &c.modified);
    set = field_set_difference(a, &set, &c.added);
    return field_set_difference(a, &set, &c.removed);
}

/* What of the conflicts is left. */
static void allow(struct apply *x, const struct field_set *allowed)
{
    size_t n = 0;
    for (size_t i = 0; i < x->conflicts.n; i++) {
        struct conflict c = x->conflicts.at[i];
        c.set = field_set_difference(x->arena, &c.set, allowed);
        if (!field_set_empty(&c.set))
            x->conflicts.at[n++] = c;
    }
    x->conflicts.n = n;
}

/* An object that kubectl goes on to apply on the client's side too finds there what was applied last. */
static void update_annotation(struct apply *x)
{
    struct arena *a = x->arena;
    if (!annotation_of(&x->result))
        return;
    struct value applied = value_copy(a, &x->config);
    struct value *m = value_get(&applied, STR("metadata")), *annotations = value_get(m, STR("annotations"));
    if (m && m->kind == JSON_OBJECT)
        value_del(m, STR("managedFields"));
    if (annotations && annotations->kind == JSON_OBJECT)
        value_del(annotations, last_applied);
    struct str text = arena_concat(a, value_json(a, &applied), STR("\n"));
    x->result = value_copy(a, &x->result);
    annotations = value_get(value_get(&x->result, STR("metadata")), STR("annotations"));
    size_t total = last_applied.n + text.n;
    for (size_t i = 0; i < annotations->members.n; i++)
        if (!str_eq(annotations->members.at[i].key, last_applied))
            total += annotations->members.at[i].key.n + annotations->members.at[i].value.s.n;
    if (total > VALID_ANNOTATIONS_MAX)
        value_del(annotations, last_applied);
    else
        value_set(a, annotations, last_applied, VALUE_STR(text));
}

/* --- the application --- */

static int run(struct application *x, struct apply *apply)
{
    struct managed before = apply->managed;
    before.at = arena_dup(apply->arena, before.at, before.n * sizeof *before.at);
    bool kubectl = str_is(apply->owner.manager, "kubectl");
    _cleanup_err_ struct err why = {0};
    if (apply_run(apply, &why) < 0) {
        if (!apply->conflicts.n)
            return failed(&x->road->r->err, why.message);
        struct field_set allowed = kubectl ? applied_before(apply, x->resource) : (struct field_set){0};
        allow(apply, &allowed);
        if (apply->conflicts.n)
            return managed_conflict_error(&apply->conflicts, &x->road->r->err);
        apply->managed = before;
        apply->force = true;
        if (apply_run(apply, &why) < 0)
            return failed(&x->road->r->err, why.message);
    }
    if (kubectl)
        update_annotation(apply);
    return 0;
}

/* What an application can reach: what it says, and what its owner has said before. All, where other owners
 * name fields in other versions, or nobody owns anything yet. */
static struct value reach_of(struct apply *x)
{
    struct arena *a = x->arena;
    struct value reach = reach_of_merge(a, x->type, &x->config);
    struct managed_entry *mine = managed_find(&x->managed, &x->owner);
    bool all = !x->managed.n;
    for (size_t i = 0; i < x->managed.n; i++)
        all |= !str_eq(x->managed.at[i].owner.api_version, x->owner.api_version);
    if (all)
        return VALUE_NULL;
    if (mine)
        reach_add_fields(a, x->type, &reach, managed_unfold(a, mine));
    struct value *m = value_get(&reach, STR("metadata"));
    if (m && m->kind == JSON_OBJECT) /* kubectl's may stand there */
        value_set(a, m, STR("annotations"), VALUE_NULL);
    return reach;
}

/* Whether a struct of which only a part is reached shows none of it, before or after: then whether it is
 * empty, which counts as something of its own, cannot be told. */
static bool unclear(const struct value *reach, const struct value *live, const struct value *result)
{
    if (reach->kind != JSON_OBJECT)
        return false;
    if (!live || live->kind != JSON_OBJECT || !live->members.n || !result || result->kind != JSON_OBJECT ||
        !result->members.n)
        return true;
    for (size_t i = 0; i < reach->members.n; i++) {
        struct str name = reach->members.at[i].key;
        if (unclear(&reach->members.at[i].value, value_get(live, name), value_get(result, name)))
            return true;
    }
    return false;
}

/* Applies to as much of the object as the configuration reaches, or to the `whole`. 1: that much does not
 * tell. */
static int apply_part(struct application *x, struct apply apply, bool whole, struct err *err)
{
    struct arena *a = apply.arena;
    const struct type *t = apply.type;
    _cleanup_err_ struct err why = {0};
    if (managed_read_folded(a, x->managed, &apply.managed, &why) < 0)
        return failed(err,
                      arena_printf(a, "failed to decode managed fields: " STR_FMT, STR_ARG(why.message)));
    struct value reach = whole ? VALUE_NULL : reach_of(&apply);
    if (!whole && reach.kind != JSON_OBJECT)
        return 1;
    apply.live = tree_of(a, t, x->live, &reach);
    apply.empty = apply.managed.n ? VALUE_OBJECT : tree_of(a, t, arena_alloc(a, t->size), &VALUE_NULL);
    if (run(x, &apply) < 0)
        return -1;
    if (unclear(&reach, &apply.live, &apply.result))
        return 1;
    void *fresh = arena_alloc(a, t->size);
    if (json_decode(a, t, value_json(a, &apply.result), JSON_BORROW, fresh, NULL, &why) < 0)
        return failed(err,
                      arena_printf(a, "failed to convert new typed object (" STR_FMT ") to object: " STR_FMT,
                                   STR_ARG(object_text(a, &apply.config)), STR_ARG(why.message)));
    x->object = excerpt_put_back(a, t, x->live, fresh, &reach);
    x->names_version = value_get(value_get(&apply.config, STR("metadata")), STR("resourceVersion"));
    strategy_defaults(x->resource, x->object, a);
    resource_meta(x->resource, x->object)->managed_fields = managed_write(a, &apply.managed);
    return 0;
}

int apply_body(struct application *x)
{
    struct api_request *r = x->road->r;
    struct strict_errors strict = {0};
    struct apply apply = {
        .arena = r->arena,
        .type = x->resource->type,
        .owner = managed_owner(x->road, true),
        .manager_of_old = STR("before-first-apply"),
        .ignored = x->ignored,
        .versions = x->versions,
        .now = time_now(),
        .force = r->force,
    };
    apply.owner.api_version = x->resource->api_version;
    if (read_config(x, &apply.config, &strict) < 0)
        return -1;
    /* What goes wrong is told of the whole object. */
    if (apply_part(x, apply, false, &r->err) != 0) {
        err_clear(&r->err);
        if (apply_part(x, apply, true, &r->err) < 0)
            return -1;
    }
    return check_strict(x, &strict);
}

/* An object that is to be: its name must be said, and it can be no other one. */
static int check_new(struct road *d, const struct object_meta *m)
{
    if (!m->name.n)
        return err_set(&d->r->err, ERR_BAD_REQUEST,
                       "the name of the object (" STR_FMT
                       " based on URL) was undeterminable: name must be provided",
                       STR_ARG(d->name));
    if (m->uid.n)
        return answer_conflict(&d->r->err, d->resource, d->name,
                               "uid mismatch: the provided object specified uid " STR_FMT
                               ", and no existing object was found",
                               STR_ARG(m->uid));
    return 0;
}

int apply_make(struct road *d)
{
    struct arena *a = d->r->arena;
    static const struct managed_fields_entry_vec none = {0};
    const struct resource *shown = d->r->resource;
    struct application x = {
        .road = d,
        .resource = shown,
        .live = !d->old                ? arena_alloc(a, shown->type->size)
                : shown == d->resource ? d->old
                                       : convert(a, d->resource, shown, d->old),
        .managed = d->old ? &resource_meta(d->resource, d->old)->managed_fields : &none,
        .ignored = managed_ignored(d),
        .versions = &(struct apply_versions){managed_versions.type, managed_versions.convert, d},
    };
    if (apply_body(&x) < 0)
        return -1;
    d->object = x.object;
    if (shown != d->resource) {
        struct managed_fields_entry_vec managed = resource_meta(shown, x.object)->managed_fields;
        d->object = convert(a, shown, d->resource, x.object);
        strategy_defaults(d->resource, d->object, a);
        resource_meta(d->resource, d->object)->managed_fields = managed;
    }
    struct object_meta *m = resource_meta(d->resource, d->object);
    if (!d->old)
        return check_new(d, m);
    if (!x.names_version) /* any version will do */
        m->resource_version = STR("");
    return 0;
}
