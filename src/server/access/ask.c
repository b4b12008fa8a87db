#include "server/access/ask.h"

/* An answer, by its question; in the request's arena. */
struct asked {
    struct str question, reason;
    enum authz_decision decision;
    struct asked *next;
};

struct asking {
    struct waiter waiter;
    struct api_request *request;
};

static void answered(struct waiter *w)
{
    struct api_request *r = container_of(w, struct asking, waiter)->request;
    r->wake(r);
}

/* All that tells questions of one request apart. */
static struct str question_of(struct arena *a, const struct attributes *what)
{
    const struct str parts[] = {what->user->name,     what->verb, what->group,         what->version,
                                what->resource,       what->ns,   what->name,          what->subresource,
                                what->field_selector, what->path, what->label_selector};
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        buf_addf(&b, "%zu:" STR_FMT, parts[i].n, STR_ARG(parts[i]));
    return arena_str(a, buf_str(&b));
}

enum authz_decision authz_ask(struct authz *z, struct api_request *r, const struct attributes *a,
                              struct str *reason)
{
    struct str question = question_of(r->arena, a);
    for (const struct asked *q = r->asked; q; q = q->next)
        if (str_eq(q->question, question)) {
            if (reason)
                *reason = q->reason;
            return q->decision;
        }
    struct asking *wait = NULL;
    if (!r->asking) {
        wait = arena_new(r->arena, struct asking);
        *wait = (struct asking){{.wake = answered}, r};
    }
    _cleanup_buf_ struct buf why = {0};
    enum authz_decision d = authz_decide(z, a, &why, wait ? &wait->waiter : NULL);
    if (d == AUTHZ_WAIT) {
        r->asking = true;
        return d;
    }
    struct asked *q = arena_new(r->arena, struct asked);
    *q = (struct asked){question, arena_str(r->arena, buf_str(&why)), d, r->asked};
    r->asked = q;
    if (reason)
        *reason = q->reason;
    return d;
}
