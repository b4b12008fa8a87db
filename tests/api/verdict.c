#include "verdict.h"

#define GONE "{'gracePeriodSeconds':0,'propagationPolicy':'Background'}"

static const char *ns_of(const struct resource *r)
{
    return r->flags & RESOURCE_NAMESPACED ? "default" : "";
}

static void judge(const struct api_request *r, const char *json, const char *wrong, int fine)
{
    if (!wrong) {
        if (r->code != fine)
            fail_msg("%s\n  answered %d: " STR_FMT, json, r->code, STR_ARG(r->err.message));
        return;
    }
    struct str rest = str_from(wrong), part;
    while (str_cut(&rest, '|', &part))
        if (r->code != 422 || str_find(r->err.message, part) < 0)
            fail_msg("%s\n  answered %d: " STR_FMT "\n  wanted: " STR_FMT, json, r->code,
                     STR_ARG(r->err.message), STR_ARG(part));
}

static const char *name_of(struct world *w, const struct api_request *r)
{
    return arena_c(r->arena, field(w, r, "metadata.name"));
}

void judge_all(struct world *w, const struct verdict *verdicts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct verdict *v = &verdicts[i];
        struct api_request *r = create(w, v->resource, ns_of(v->resource), v->json);
        judge(r, v->json, v->wrong, 201);
        if (!v->wrong)
            del(w, v->resource, ns_of(v->resource), name_of(w, r), GONE);
    }
}

void judge_changes(struct world *w, const struct change_verdict *verdicts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct change_verdict *v = &verdicts[i];
        const char *ns = ns_of(v->resource);
        struct api_request *r = create(w, v->resource, ns, v->json);
        judge(r, v->json, NULL, 201);
        const char *name = name_of(w, r);
        for (int step = 0; step < 2; step++) {
            const char *change = step ? v->change : v->before;
            if (!change)
                continue;
            struct api_request *p = ask(w, API_PATCH, v->resource, ns, name);
            p->subresource = !step || v->status ? STR("status") : STR("");
            p->patch_type = API_PATCH_MERGE;
            p->body = quoted(w, change);
            judge(run(w, p), change, step ? v->wrong : NULL, 200);
        }
        del(w, v->resource, ns, name, GONE);
    }
}
