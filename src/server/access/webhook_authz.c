#include "server/access/webhook_authz.h"

#include <stdlib.h>

#include "base/clock.h"
#include "cel/cel.h"
#include "kinds/authorization_v1.h"
#include "schema/json.h"
#include "schema/value.h"
#include "server/access/review_webhook.h"

#define AUTHORIZED_TTL   (300 * CLOCK_S) /* upstream's defaults */
#define UNAUTHORIZED_TTL (30 * CLOCK_S)

struct webhook_authz {
    const struct webhook_configuration *config;
    struct review_webhook *webhook;
    struct arena arena;
    struct cel_var request; /* what conditions see: the review's spec */
    struct cel_program **conditions;
};

static bool value_true(const struct value *v)
{
    return v && v->kind == JSON_BOOL && v->b;
}

static int64_t ttl(const bool *cached, int64_t said, int64_t unless_said)
{
    return cached && !*cached ? 0 : said ? said : unless_said;
}

static int64_t good_for(void *arg, struct str answer)
{
    const struct webhook_configuration *c = arg;
    _cleanup_arena_ struct arena a = {0};
    struct value review;
    if (value_parse(&a, answer, &review, NULL) < 0)
        return 0;
    return value_true(value_get(value_get(&review, STR("status")), STR("allowed")))
               ? ttl(c->cache_authorized_requests, c->authorized_ttl, AUTHORIZED_TTL)
               : ttl(c->cache_unauthorized_requests, c->unauthorized_ttl, UNAUTHORIZED_TTL);
}

static int compile_conditions(struct webhook_authz *h, struct err *err)
{
    static const struct cel_type *const truth[] = {&cel_bool};
    const struct webhook_match_condition_vec *all = &h->config->match_conditions;
    h->request = (struct cel_var){STR("request"),
                                  cel_type_described(&h->arena, &subject_access_review_spec_type, false)};
    h->conditions = arena_new_n(&h->arena, struct cel_program *, all->n);
    struct cel_env env = {.vars = &h->request, .n_vars = 1, .results = truth, .n_results = 1};
    for (size_t i = 0; i < all->n; i++)
        if (cel_compile(&env, all->at[i].expression, &h->conditions[i], err) < 0)
            return err_wrap(err, "matchConditions[%zu].expression", i);
    return 0;
}

int webhook_authz_new(const struct webhook_configuration *c, struct webhook_authz **out, struct err *err)
{
    struct webhook_authz *h = mem_zalloc(sizeof *h);
    _cleanup_arena_ struct arena a = {0};
    struct review_webhook_options o = {
        .kubeconfig = arena_c(&a, *c->connection_info.kube_config_file),
        .timeout_ns = c->timeout,
        .good_for = good_for,
        .arg = (void *)c,
    };
    h->config = c;
    if (compile_conditions(h, err) < 0 || review_webhook_new(&o, &h->webhook, err) < 0) {
        webhook_authz_free(h);
        return -1;
    }
    *out = h;
    return 0;
}

void webhook_authz_free(struct webhook_authz *h)
{
    if (!h)
        return;
    review_webhook_free(h->webhook);
    for (size_t i = 0; i < h->config->match_conditions.n; i++)
        cel_program_free(h->conditions[i]);
    arena_free(&h->arena);
    free(h);
}

/* 1: all conditions hold. 0: one does not. -1: none is false, but one could not be told. */
static int conditions_hold(const struct webhook_authz *h, const struct subject_access_review_spec *spec,
                           struct arena *a, struct err *err)
{
    struct cel_value request = cel_from_struct(&subject_access_review_spec_type, spec), v;
    int rc = 1;
    for (size_t i = 0; i < h->config->match_conditions.n; i++) {
        struct cel_run run = {.arena = a, .vars = &request, .cost_limit = CEL_COST_CONDITIONS};
        if (cel_eval(h->conditions[i], &run, &v, err) < 0)
            rc = -1;
        else if (v.kind != CEL_BOOL || !v.b)
            return 0;
    }
    return rc;
}

/* The question, as a SubjectAccessReview. 0: nobody is to be asked. */
static int make_question(const struct webhook_authz *h, const struct attributes *at, struct arena *a,
                         struct buf *body, struct err *err)
{
    const struct resource *kind = &subject_access_review_resource;
    struct label_selector_attributes labels = {.raw_selector = at->label_selector};
    struct field_selector_attributes fields = {.raw_selector = at->field_selector};
    struct resource_attributes resource = {
        .namespace = at->ns,
        .verb = at->verb,
        .group = at->group,
        .version = at->version,
        .resource = at->resource,
        .subresource = at->subresource,
        .name = at->name,
        .label_selector = at->label_selector.n ? &labels : NULL,
        .field_selector = at->field_selector.n ? &fields : NULL,
    };
    struct non_resource_attributes path = {.path = at->path, .verb = at->verb};
    struct subject_access_review review = {
        .kind = kind->kind,
        .api_version = kind->api_version,
        .spec = {.resource_attributes = at->is_resource ? &resource : NULL,
                 .non_resource_attributes = at->is_resource ? NULL : &path,
                 .user = at->user->name,
                 .groups = at->user->groups,
                 .uid = at->user->uid},
    };
    review.spec.extra.at = arena_new_n(a, struct authorization_extra_value_entry, at->user->n_extra);
    review.spec.extra.n = at->user->n_extra;
    for (size_t i = 0; i < at->user->n_extra; i++)
        review.spec.extra.at[i] =
            (struct authorization_extra_value_entry){at->user->extra[i].key, {at->user->extra[i].values}};
    int rc = conditions_hold(h, &review.spec, a, err);
    if (rc > 0)
        json_encode(body, kind->type, &review);
    return rc;
}

static void explain(struct buf *reason, struct str text)
{
    if (reason && text.n)
        buf_addf(reason, "%s" STR_FMT, reason->n ? "\n" : "", STR_ARG(text));
}

enum authz_decision webhook_authz_decide(struct webhook_authz *h, const struct attributes *at,
                                         struct buf *reason, struct waiter *w)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf body = {0};
    _cleanup_err_ struct err err = {0};
    struct subject_access_review answer = {0};
    struct str text;
    int rc = make_question(h, at, &a, &body, &err);
    if (rc == 0)
        return AUTHZ_NO_OPINION;
    if (rc > 0)
        rc = review_webhook_ask(h->webhook, buf_str(&body), &a, &text, w, &err);
    if (rc > 0)
        return AUTHZ_WAIT;
    if (rc == 0)
        rc = json_decode(&a, subject_access_review_resource.type, text, JSON_BORROW, &answer, NULL, &err);
    if (rc < 0) {
        explain(reason, err.message);
        return str_is(h->config->failure_policy, "Deny") ? AUTHZ_DENY : AUTHZ_NO_OPINION;
    }
    const struct subject_access_review_status *status = &answer.status;
    if (status->allowed && status->denied) {
        explain(reason, STR("webhook subject access review returned both allow and deny response"));
        return AUTHZ_DENY;
    }
    explain(reason, status->reason);
    return status->denied ? AUTHZ_DENY : status->allowed ? AUTHZ_ALLOW : AUTHZ_NO_OPINION;
}
