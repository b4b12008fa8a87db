#include "server/access/reviews.h"

#include "kinds/authentication_v1.h"
#include "kinds/authorization_v1.h"
#include "schema/copy.h"
#include "server/access/rules.h"

/* --- who --- */

static void fill_user_info(struct arena *a, const struct user *u, struct user_info *out)
{
    *out = (struct user_info){.username = u->name, .uid = u->uid, .groups = u->groups};
    out->extra.at = arena_new_n(a, struct authentication_extra_value_entry, u->n_extra);
    out->extra.n = u->n_extra;
    for (size_t i = 0; i < u->n_extra; i++)
        out->extra.at[i] = (struct authentication_extra_value_entry){u->extra[i].key, {u->extra[i].values}};
}

/* A review that waits for someone else's answer. */
struct review_wait {
    struct waiter waiter;
    struct api_request *request;
};

static void review_woken(struct waiter *w)
{
    struct api_request *r = ((struct review_wait *)(void *)w)->request;
    r->wake(r);
}

static struct waiter *review_waiter(struct api_request *r)
{
    struct review_wait *w = arena_new(r->arena, struct review_wait);
    *w = (struct review_wait){{.wake = review_woken}, r};
    return &w->waiter;
}

static int review_token(struct authn *n, struct api_request *r, struct token_review *review, struct err *err)
{
    if (str_empty(review->spec.token))
        return err_set(err, ERR_BAD_REQUEST, "token is required for TokenReview in authentication");
    struct user user = {0};
    struct str_vec audiences;
    _cleanup_err_ struct err why = {0};
    review->status = (struct token_review_status){0};
    int rc = authn_review(n, r->arena, review->spec.token, &review->spec.audiences, &user, &audiences,
                          review_waiter(r), &why);
    if (rc > 0)
        return rc;
    if (rc < 0) {
        review->status.error = arena_str(r->arena, why.message);
        return 0;
    }
    review->status.authenticated = true;
    review->status.audiences = audiences;
    fill_user_info(r->arena, &user, &review->status.user);
    return 0;
}

/* --- may they --- */

static void fill_selectors(struct arena *a, const struct resource_attributes *ra, struct attributes *out)
{
    if (ra->label_selector)
        out->label_selector = ra->label_selector->raw_selector;
    if (!ra->field_selector)
        return;
    out->field_selector = ra->field_selector->raw_selector;
    _cleanup_buf_ struct buf text = {0};
    for (size_t i = 0; i < ra->field_selector->requirements.n; i++) {
        const struct field_selector_requirement *q = &ra->field_selector->requirements.at[i];
        if (str_is(q->operator, "In") && q->values.n == 1)
            buf_addf(&text, "%s" STR_FMT "=" STR_FMT, text.n ? "," : "", STR_ARG(q->key),
                     STR_ARG(q->values.at[0]));
    }
    if (text.n)
        out->field_selector = arena_str(a, buf_str(&text));
}

static void attributes_of(struct arena *a, const struct user *u, const struct resource_attributes *ra,
                          const struct non_resource_attributes *na, struct attributes *out)
{
    *out = (struct attributes){.user = u};
    if (na) {
        out->path = na->path;
        out->verb = na->verb;
        return;
    }
    out->is_resource = true;
    out->verb = ra->verb;
    out->group = ra->group;
    out->version = ra->version;
    out->resource = ra->resource;
    out->subresource = ra->subresource;
    out->ns = ra->namespace;
    out->name = ra->name;
    fill_selectors(a, ra, out);
}

static int decide(struct authz *z, struct api_request *r, const struct user *u,
                  const struct resource_attributes *ra, const struct non_resource_attributes *na,
                  struct subject_access_review_status *out)
{
    struct attributes what;
    attributes_of(r->arena, u, ra, na, &what);
    _cleanup_buf_ struct buf reason = {0};
    enum authz_decision d = authz_decide(z, &what, &reason, review_waiter(r));
    if (d == AUTHZ_WAIT)
        return 1;
    *out = (struct subject_access_review_status){.allowed = d == AUTHZ_ALLOW, .denied = d == AUTHZ_DENY};
    out->reason = arena_str(r->arena, buf_str(&reason));
    return 0;
}

static int review_subject(struct authz *z, struct api_request *r,
                          const struct subject_access_review_spec *spec,
                          struct subject_access_review_status *out)
{
    struct user u = {.name = spec->user, .uid = spec->uid, .groups = spec->groups};
    u.extra = arena_new_n(r->arena, struct user_extra, spec->extra.n);
    u.n_extra = spec->extra.n;
    for (size_t i = 0; i < spec->extra.n; i++)
        u.extra[i] = (struct user_extra){spec->extra.at[i].key, spec->extra.at[i].value.items};
    return decide(z, r, &u, spec->resource_attributes, spec->non_resource_attributes, out);
}

/* --- all that they may --- */

struct gathered {
    struct arena *arena;
    struct resource_rule_vec resources;
    struct non_resource_rule_vec paths;
    size_t cap_resources, cap_paths;
};

static void *room(struct arena *a, void *at, size_t n, size_t *cap, size_t item)
{
    if (n < *cap)
        return at;
    *cap = *cap ? *cap * 2 : 16;
    void *fresh = arena_array(a, *cap, item);
    return n ? memcpy(fresh, at, n * item) : fresh;
}

static bool gather(void *arg, const struct policy_rule *shared, const struct grant *by)
{
    (void)by;
    struct gathered *g = arg;
    const struct policy_rule *rule = struct_dup(g->arena, &policy_rule_type, shared);
    if (rule->non_resource_urls.n) {
        g->paths.at = room(g->arena, g->paths.at, g->paths.n, &g->cap_paths, sizeof *g->paths.at);
        g->paths.at[g->paths.n++] = (struct non_resource_rule){rule->verbs, rule->non_resource_urls};
    }
    if (rule->resources.n) {
        g->resources.at =
            room(g->arena, g->resources.at, g->resources.n, &g->cap_resources, sizeof *g->resources.at);
        g->resources.at[g->resources.n++] =
            (struct resource_rule){rule->verbs, rule->api_groups, rule->resources, rule->resource_names};
    }
    return true;
}

static int review_rules(struct authz *z, const struct api_request *r,
                        struct self_subject_rules_review *review, struct err *err)
{
    static struct str any = STR_INIT("*");
    if (str_empty(review->spec.namespace))
        return err_set(err, ERR_BAD_REQUEST, "no namespace on request");
    struct gathered g = {.arena = r->arena};
    if (user_in_group(r->user, STR("system:masters"))) {
        gather(&g, &(struct policy_rule){.verbs = {&any, 1}, .api_groups = {&any, 1}, .resources = {&any, 1}},
               NULL);
        gather(&g, &(struct policy_rule){.verbs = {&any, 1}, .non_resource_urls = {&any, 1}}, NULL);
    }
    rbac_each_rule(authz_rbac(z), r->user, review->spec.namespace, gather, &g, NULL);
    struct str why = authz_unlisted(z, r->user, r->arena);
    review->status = (struct subject_rules_review_status){.resource_rules = g.resources,
                                                          .non_resource_rules = g.paths,
                                                          .incomplete = why.n > 0,
                                                          .evaluation_error = why};
    return 0;
}

int reviews_answer(struct authn *n, struct authz *z, struct api_request *r, const struct resource *type,
                   void *typed, struct err *err)
{
    if (type == &token_review_resource)
        return review_token(n, r, typed, err);
    if (type == &self_subject_review_resource) {
        fill_user_info(r->arena, r->user, &((struct self_subject_review *)typed)->status.user_info);
        return 0;
    }
    if (type == &subject_access_review_resource) {
        struct subject_access_review *review = typed;
        return review_subject(z, r, &review->spec, &review->status);
    }
    if (type == &local_subject_access_review_resource) {
        struct local_subject_access_review *review = typed;
        return review_subject(z, r, &review->spec, &review->status);
    }
    if (type == &self_subject_access_review_resource) {
        struct self_subject_access_review *review = typed;
        return decide(z, r, r->user, review->spec.resource_attributes, review->spec.non_resource_attributes,
                      &review->status);
    }
    if (type == &self_subject_rules_review_resource)
        return review_rules(z, r, typed, err);
    return 0;
}
