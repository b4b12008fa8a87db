#include "controllers/history.h"

#include <stdlib.h>

#include "controllers/claim.h"
#include "schema/copy.h"
#include "schema/json.h"
#include "schema/value.h"

void history_clear(struct history *h)
{
    objects_clear(&h->held);
}

/* The template as a strategic merge patch that replaces it as a whole; its keys are in order, as upstream's.
 */
static struct str template_patch(struct arena *a, const struct pod_template_spec *t)
{
    _cleanup_buf_ struct buf b = {0};
    struct value patch = VALUE_OBJECT, template;
    json_encode(&b, &pod_template_spec_type, t);
    ensure(value_parse(a, arena_str(a, buf_str(&b)), &template, NULL) == 0);
    value_set(a, &template, STR("$patch"), VALUE_STR(STR("replace")));
    value_set(a, value_set(a, &patch, STR("spec"), VALUE_OBJECT), STR("template"), template);
    return value_json(a, &patch);
}

const struct pod_template_spec *history_template(struct arena *a, const struct controller_revision *r)
{
    struct value patch;
    if (value_parse(a, r->data, &patch, NULL) < 0)
        return NULL;
    struct value *template = value_get(value_get(&patch, STR("spec")), STR("template"));
    if (!template || template->kind != JSON_OBJECT)
        return NULL;
    value_del(template, STR("$patch"));
    struct pod_template_spec *t = arena_new(a, struct pod_template_spec);
    return json_decode(a, &pod_template_spec_type, value_json(a, template), 0, t, NULL, NULL) < 0 ? NULL : t;
}

/* By what they mean: other releases wrote the same differently. */
static bool keeps(struct arena *a, const struct controller_revision *r, struct str data,
                  const struct pod_template_spec *template)
{
    if (str_eq(r->data, data))
        return true;
    const struct pod_template_spec *kept = history_template(a, r);
    return kept && struct_eq(&pod_template_spec_type, kept, template);
}

static int by_revision(const void *x, const void *y)
{
    const struct controller_revision *const *a = x, *const *b = y;
    if ((*a)->revision != (*b)->revision)
        return (*a)->revision < (*b)->revision ? -1 : 1;
    return str_cmp((*a)->metadata.name, (*b)->metadata.name);
}

static struct str hash_of_name(struct str name)
{
    return str_from_at(name, (size_t)(str_last_index(name, '-') + 1));
}

/* Another template may have the same hash: then the next one is tried. */
static int revision_create(struct work *w, struct object *owner, const struct pod_template_spec *template,
                           struct str data, int64_t revision, struct str label, struct object **out)
{
    for (int collision = 0; collision < 100; collision++) {
        uint32_t h = fnv32a(FNV32_START, data);
        if (collision)
            h = fnv32a(h, arena_printf(w->a, "%d", collision));
        struct str hash = safe_encode(w->a, h);
        struct controller_revision r = {
            .metadata = {.namespace = w->ns,
                         .name = arena_printf(w->a, STR_FMT "-" STR_FMT, STR_ARG(w->name), STR_ARG(hash)),
                         .labels = template->metadata.labels},
            .data = data,
            .revision = revision,
        };
        labels_set(w->a, &r.metadata.labels, label, hash);
        meta_add_owner(w->a, &r.metadata, owner_reference_to(w->a, owner));
        if (client_create(w->client, &controller_revision_resource, w->ns, &r, out, w->err) == 0)
            return 0;
        if (w->err->reason != ERR_ALREADY_EXISTS)
            return -1;
        err_clear(w->err);
    }
    return err_set(w->err, ERR_INTERNAL, "every hash of the template is taken");
}

static int revision_renew(struct work *w, struct object *o, int64_t revision, struct object **out)
{
    struct controller_revision *r = object_copy(o, w->a);
    r->revision = revision;
    return client_update(w->client, &controller_revision_resource, (struct str){0}, r, out, w->err);
}

static void hold(struct history *h, struct object *o)
{
    h->held.at = mem_realloc(h->held.at, (h->held.n + 1) * sizeof *h->held.at);
    h->held.at[h->held.n++] = o;
}

int history_sync(struct work *w, struct object *owner, const struct selector *selector,
                 const struct pod_template_spec *template, struct str label, struct history *out)
{
    *out = (struct history){0};
    if (claim_dependents(w, owner, selector, informer_of(w, controller_revision), &out->held) < 0)
        return -1;
    struct str data = template_patch(w->a, template);
    struct object *same = NULL;
    int64_t newest = 0, newest_same = 0;
    for (size_t i = 0; i < out->held.n; i++) {
        const struct controller_revision *r = object_typed(out->held.at[i]);
        if (r->revision > newest)
            newest = r->revision;
        if (r->revision >= newest_same && keeps(w->a, r, data, template)) {
            same = out->held.at[i];
            newest_same = r->revision;
        }
    }
    struct object *made = NULL;
    if (!same && revision_create(w, owner, template, data, newest + 1, label, &made) < 0)
        return -1;
    if (same && newest_same < newest && revision_renew(w, same, newest + 1, &made) < 0)
        return -1;
    if (made)
        hold(out, made);
    out->current = object_typed(made ? made : same);
    out->hash = hash_of_name(out->current->metadata.name);
    out->all = arena_new_n(w->a, const struct controller_revision *, out->held.n);
    for (size_t i = 0; i < out->held.n; i++)
        if (!(made && out->held.at[i] == same)) /* its former state */
            out->all[out->n++] = object_typed(out->held.at[i]);
    qsort(out->all, out->n, sizeof *out->all, by_revision);
    return 0;
}

int history_clean_up(struct work *w, const struct history *h, int32_t limit, const struct str_vec *live)
{
    size_t idle = 0;
    for (size_t i = 0; i < h->n; i++)
        idle += h->all[i] != h->current && !strs_has(live, h->all[i]->metadata.name);
    for (size_t i = 0; i < h->n && (int64_t)idle > limit; i++) {
        struct str name = h->all[i]->metadata.name;
        if (h->all[i] == h->current || strs_has(live, name))
            continue;
        int failed = client_delete(w->client, &controller_revision_resource, w->ns, name, NULL, w->err);
        if (work_forgive(w, failed, ERR_NOT_FOUND) < 0)
            return -1;
        idle--;
    }
    return 0;
}
