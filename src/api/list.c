/* GET: one object, or a list: selected, in pages of one revision. */
#include "api/list.h"

#include "api/convert.h"
#include "api/options.h"
#include "api/road.h"
#include "base/encode.h"
#include "schema/value.h"

enum { LIST_MAX = 1 << 24 };

/* A reader asks for what is yet to come: upstream waits a while, then says this. */
int list_too_new(struct err *err, int64_t asked, int64_t current)
{
    err_set(err, ERR_TIMEOUT, "Too large resource version: %lld, current: %lld", (long long)asked,
            (long long)current);
    err->details.retry_after_s = 1;
    err_add_cause(err, "ResourceVersionTooLarge", STR(""), "Too large resource version");
    return -1;
}

int verb_get(struct road *d)
{
    int64_t wanted;
    if (options_revision(d->r->resource_version, &wanted, &d->r->err) < 0)
        return -1;
    if (wanted > store_revision(d->api->store))
        return list_too_new(&d->r->err, wanted, store_revision(d->api->store));
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(d->api->store);
    struct object *o = snapshot_get(snap, d->table, d->ns, d->name);
    if (!o)
        return answer_not_found(&d->r->err, d->resource, d->name);
    return road_reply(d, 200, object_ref(o));
}

/* --- selectors --- */

int list_selection(struct list_selection *s, const struct api_request *r, const struct resource *resource,
                   struct err *err)
{
    *s = (struct list_selection){0};
    if (r->label_selector.n && selector_parse(r->arena, r->label_selector, &s->labels, err) < 0)
        return -1;
    if (r->field_selector.n &&
        field_selector_parse(r->arena, r->resource, r->field_selector, &s->fields, err) < 0)
        return -1;
    if (resource != r->resource)
        convert_fields(&s->fields, resource);
    s->all = selector_empty(&s->labels) && !s->fields.n;
    return 0;
}

bool list_selects(const struct list_selection *s, struct object *o)
{
    if (s->all)
        return true;
    return selector_matches(&s->labels, &object_meta(o)->labels) &&
           (!s->fields.n || field_selector_matches(&s->fields, object_typed(o)));
}

bool list_selects_unseen(const struct list_selection *s, struct object *o)
{
    return object_resource(o)->custom ? selector_matches(&s->labels, &object_meta(o)->labels)
                                      : list_selects(s, o);
}

/* --- continue tokens: upstream's, so that its clients may look into them --- */

struct page {
    int64_t revision; /* -1: whatever is newest (an inconsistent continuation) */
    struct str ns, name;
};

static struct str page_token(struct arena *a, int64_t revision, const struct page *p, bool namespaced)
{
    _cleanup_buf_ struct buf json = {0}, text = {0};
    buf_addf(&json, "{\"v\":\"meta.k8s.io/v1\",\"rv\":%lld,\"start\":\"" STR_FMT "%s" STR_FMT "\\u0000\"}\n",
             (long long)revision, STR_ARG(p->ns), namespaced ? "/" : "", STR_ARG(p->name));
    encode_base64url(&text, buf_str(&json));
    return arena_str(a, buf_str(&text));
}

static int page_parse(struct arena *a, struct str token, bool namespaced, struct page *out, struct err *err)
{
    _cleanup_buf_ struct buf json = {0};
    struct value v;
    while (token.n && token.p[token.n - 1] == '=')
        token.n--;
    if (decode_base64url(&json, token) < 0 || value_parse(a, arena_str(a, buf_str(&json)), &v, NULL) < 0 ||
        v.kind != JSON_OBJECT)
        return err_set(err, ERR_BAD_REQUEST, "continue key is not valid: illegal base64 data or JSON");
    if (!str_is(value_get_str(&v, STR("v")), "meta.k8s.io/v1"))
        return err_set(err, ERR_BAD_REQUEST,
                       "continue key is not valid: server does not recognize this encoded version "
                       "\"" STR_FMT "\"",
                       STR_ARG(value_get_str(&v, STR("v"))));
    const struct value *rv = value_get(&v, STR("rv"));
    struct str start = value_get_str(&v, STR("start"));
    if (!rv || rv->kind != JSON_INT || rv->i == 0)
        return err_set(err, ERR_BAD_REQUEST,
                       "continue key is not valid: incorrect encoded start resourceVersion "
                       "(version meta.k8s.io/v1)");
    if (start.n && start.p[start.n - 1] == 0)
        start.n--;
    ptrdiff_t slash = namespaced ? str_index(start, '/') : -1;
    if (!start.n || (namespaced && slash < 0))
        return err_set(err, ERR_BAD_REQUEST,
                       "continue key is not valid: encoded start key empty (version meta.k8s.io/v1)");
    *out = (struct page){rv->i, slash < 0 ? STR("") : str_slice(start.p, (size_t)slash),
                         str_from_at(start, (size_t)(slash + 1))};
    return 0;
}

/* --- the snapshot --- */

static int list_expired(struct road *d, const struct page *p)
{
    d->r->expired_continue = page_token(d->r->arena, -1, p, d->resource->flags & RESOURCE_NAMESPACED);
    return err_set(
        &d->r->err, ERR_EXPIRED,
        "The provided continue parameter is too old to display a consistent list result. You can start a new "
        "list without the continue parameter, or use the continue token in this response to retrieve the "
        "remainder of the results. Continuing with the provided token results in an inconsistent list - "
        "objects that were created, modified, or deleted between the time the first chunk was returned and "
        "now may show up in the list.");
}

static int list_snapshot(struct road *d, struct page *p, struct snapshot **out)
{
    struct api_request *r = d->r;
    struct store *s = d->api->store;
    if (r->continue_token.n) {
        if (r->resource_version.n && !str_is(r->resource_version, "0"))
            return err_set(&r->err, ERR_BAD_REQUEST,
                           "specifying resource version is not allowed when using continue");
        if (page_parse(r->arena, r->continue_token, d->resource->flags & RESOURCE_NAMESPACED, p, &r->err) < 0)
            return -1;
        if (p->revision > 0 && store_snapshot_at(s, p->revision, out, &r->err) < 0)
            return list_expired(d, p);
        if (p->revision < 0)
            *out = store_snapshot(s);
        return 0;
    }
    int64_t wanted;
    if (options_revision(r->resource_version, &wanted, &r->err) < 0)
        return -1;
    if (wanted > store_revision(s))
        return list_too_new(&r->err, wanted, store_revision(s));
    bool exact = str_is(r->resource_version_match, "Exact") ||
                 (r->limit > 0 && wanted > 0 && !r->resource_version_match.n);
    if (exact && wanted != store_revision(s)) {
        if (store_snapshot_at(s, wanted, out, &r->err) == 0)
            return 0;
        return err_set(&r->err, ERR_EXPIRED, "The resourceVersion for the provided list is too old.");
    }
    *out = store_snapshot(s);
    return 0;
}

/* Shows the list as the client asked, and takes out what it then does not select. */
static int list_show(struct road *d, const struct list_selection *s)
{
    struct api_list *list = d->r->list;
    bool selects = d->resource->custom && s->fields.n;
    if (convert_objects(d->api, list->at, list->n, d->r->resource, &d->r->err) < 0) {
        each (*list, i)
            object_unref(list->at[i]);
        d->r->list = NULL;
        return -1;
    }
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++) {
        struct object *o = list->at[i];
        if (selects && !field_selector_matches(&s->fields, object_typed(o)))
            object_unref(o);
        else
            list->at[n++] = o;
    }
    list->n = n;
    return ROAD_DONE;
}

/* Adds what is selected until the page is full; true when there may be more. */
static bool list_fill(struct api_list *list, struct cursor *c, const struct list_selection *s, int64_t limit,
                      struct arena *a)
{
    size_t cap = 0;
    struct object *o;
    while ((o = cursor_next(c))) {
        if (!list_selects_unseen(s, o))
            continue;
        if (limit > 0 && (int64_t)list->n == limit)
            return true;
        if (list->n == cap) {
            size_t more = cap ? cap * 2 : limit > 0 && limit < 512 ? (size_t)limit : 64;
            struct object **at = arena_new_n(a, struct object *, more);
            if (cap)
                memcpy(at, list->at, cap * sizeof(struct object *));
            list->at = at;
            cap = more;
        }
        list->at[list->n++] = object_ref(o);
    }
    return false;
}

static int list_walk(struct road *d, struct list_selection *s)
{
    struct api_request *r = d->r;
    struct page page = {0};
    _cleanup_snapshot_ struct snapshot *snap = NULL;
    bool namespaced = d->resource->flags & RESOURCE_NAMESPACED;
    if (list_selection(s, r, d->resource, &r->err) < 0 || list_snapshot(d, &page, &snap) < 0)
        return -1;
    struct api_list *list = arena_new(r->arena, struct api_list);
    r->list = list;
    list->revision = snapshot_revision(snap);
    list->remaining = -1;
    r->code = 200;

    const struct str *name = field_selector_exact(&s->fields, STR("metadata.name"));
    if (name && (d->ns.n || !namespaced)) { /* one object at most: no walk */
        struct object *o = snapshot_get(snap, d->table, d->ns, *name);
        if (o && list_selects_unseen(s, o)) {
            list->at = arena_new(r->arena, struct object *);
            list->at[list->n++] = object_ref(o);
        }
        return ROAD_DONE;
    }
    struct cursor c;
    cursor_open(&c, snap, d->table, d->ns, page.ns, page.name);
    if (list_fill(list, &c, s, r->limit, r->arena)) {
        const struct object *last = list->at[list->n - 1];
        list->continue_token =
            page_token(r->arena, list->revision, &(struct page){0, object_namespace(last), object_name(last)},
                       namespaced);
        snapshot_keep(snap);
        if (s->all) /* the one that the page had no room for, and those behind it */
            list->remaining = (int64_t)c.left + 1;
    }
    return ROAD_DONE;
}

int verb_list(struct road *d)
{
    struct list_selection selection;
    return list_walk(d, &selection) < 0 ? -1 : list_show(d, &selection);
}
