/* API priority and fairness (KEP-1040): FlowSchemas say which priority level a request belongs to, and
 * PriorityLevelConfigurations how many requests of a level run at a time, how many may wait, and who is
 * refused. Both are objects of the API; changes count at once. Any thread. */
#pragma once
#include "server/access/rbac.h"
#include "server/flow/flow_level.h"
#include "server/measure.h"
#include "server/waiter.h"

struct flow;

/* `seats`: how many requests run at a time, all levels together. */
int flow_new(struct store *s, uint32_t seats, struct flow **out, struct err *err);
void flow_free(struct flow *f); /* waiters are woken; NULL is fine */

/* A request's way through. Zeroed at first. */
struct flow_ticket {
    enum { FLOW_OUTSIDE, FLOW_WAITING, FLOW_SEATED, FLOW_REFUSED } state;
    struct flow_place place;
    struct flow_level_named *level;
    struct waiter *waiter;
    struct str schema_uid, level_uid; /* for headers; in the request's arena */
    struct measured_flow measured;    /* likewise */
    int64_t since;                    /* clock_mono: when it came */
    bool executing;                   /* it is measured as that */
};

/* 0: go on; flow_leave is due at the end. 1: `w` is woken when it is its turn, to ask again. -1: 429. */
int flow_enter(struct flow *f, struct flow_ticket *t, const struct attributes *at, struct arena *a,
               struct waiter *w, struct err *err);
/* Gives the seat to the next one. Harmless where there is none. */
void flow_leave(struct flow *f, struct flow_ticket *t);

/* For /metrics: one line a level. */
void flow_metrics(struct flow *f, struct buf *out);
