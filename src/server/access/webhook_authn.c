#include "server/access/webhook_authn.h"

#include <stdlib.h>

#include "base/clock.h"
#include "kinds/authentication_v1.h"
#include "schema/json.h"
#include "schema/value.h"
#include "server/access/review_webhook.h"

#define TIMEOUT  (30 * CLOCK_S)
#define GOOD_FOR (120 * CLOCK_S) /* upstream's --authentication-token-webhook-cache-ttl */

struct webhook_authn {
    struct review_webhook *webhook;
};

/* Only a yes is remembered: a token that is new to the webhook is known a moment later. */
static int64_t good_for(void *arg, struct str answer)
{
    (void)arg;
    _cleanup_arena_ struct arena a = {0};
    struct value review;
    if (value_parse(&a, answer, &review, NULL) < 0)
        return 0;
    const struct value *yes = value_get(value_get(&review, STR("status")), STR("authenticated"));
    return yes && yes->kind == JSON_BOOL && yes->b ? GOOD_FOR : 0;
}

int webhook_authn_new(const char *kubeconfig, struct webhook_authn **out, struct err *err)
{
    struct webhook_authn *h = mem_zalloc(sizeof *h);
    struct review_webhook_options o = {.kubeconfig = kubeconfig, .timeout_ns = TIMEOUT, .good_for = good_for};
    if (review_webhook_new(&o, &h->webhook, err) < 0) {
        free(h);
        return -1;
    }
    *out = h;
    return 0;
}

void webhook_authn_free(struct webhook_authn *h)
{
    if (h)
        review_webhook_free(h->webhook);
    free(h);
}

static void user_of(struct arena *a, const struct user_info *info, struct user *out)
{
    *out = (struct user){.name = info->username, .uid = info->uid, .groups = info->groups};
    out->extra = arena_new_n(a, struct user_extra, info->extra.n);
    out->n_extra = info->extra.n;
    for (size_t i = 0; i < info->extra.n; i++)
        out->extra[i] = (struct user_extra){info->extra.at[i].key, info->extra.at[i].value.items};
}

int webhook_authn_user(struct webhook_authn *h, struct str token, const struct str_vec *audiences,
                       struct arena *a, struct user *out, struct str_vec *matched, struct waiter *w,
                       struct err *err)
{
    _cleanup_buf_ struct buf body = {0};
    const struct resource *kind = &token_review_resource;
    struct token_review question = {.kind = kind->kind,
                                    .api_version = kind->api_version,
                                    .spec = {.token = token, .audiences = *audiences}},
                        answer = {0};
    struct str text;
    json_encode(&body, kind->type, &question);
    int rc = review_webhook_ask(h->webhook, buf_str(&body), a, &text, w, err);
    explicit_bzero(body.p, body.n);
    if (rc)
        return rc;
    if (json_decode(a, kind->type, text, JSON_BORROW, &answer, NULL, err) < 0)
        return -1;
    const struct token_review_status *status = &answer.status;
    if (!status->authenticated)
        return err_set(err, ERR_UNAUTHORIZED, "the webhook does not know the token%s" STR_FMT,
                       status->error.n ? ": " : "", STR_ARG(status->error));
    if (!status->user.username.n)
        return err_set(err, ERR_UNAUTHORIZED, "the webhook knows the token, but not whose it is");
    /* A webhook that says nothing of audiences is one that knows none: its tokens are the API server's. */
    *matched = (struct str_vec){arena_new_n(a, struct str, audiences->n), 0};
    for (size_t i = 0; i < audiences->n; i++)
        for (size_t k = 0; k < status->audiences.n; k++)
            if (str_eq(audiences->at[i], status->audiences.at[k]))
                matched->at[matched->n++] = audiences->at[i];
    if (status->audiences.n && !matched->n)
        return err_set(err, ERR_UNAUTHORIZED, "the token is for another audience");
    if (!status->audiences.n)
        *matched = *audiences;
    user_of(a, &status->user, out);
    return 0;
}
