/* Decides what becomes of an event, by client-go's rules (tools/record, EventCorrelator):
 *
 *  - spam: one source may say 25 things about one object at once, and then one every five minutes;
 *  - combining: the tenth different message of the same kind within ten minutes, and those that follow,
 * become one event,
 *    "(combined from similar events): ...";
 *  - counting: the same event again raises the count of the first.
 *
 * Not thread-safe. */
#pragma once
#include "base/buf.h"

struct correlator;

struct correlator *correlator_new(void);
void correlator_free(struct correlator *c);

/* What is known of an event that was seen before. The correlator's own; live until the next call. */
struct correlated {
    struct str ns, name; /* of the Event object written for it; empty: none yet */
    int64_t first;       /* clock_wall() */
    int32_t count;       /* this time included */
    bool combined;       /* say so in the message */
    void *memory;        /* for correlator_written */
};

/* `source` names component, host and object; `kind` type and reason; `now` is clock_wall(). False: drop it.
 */
bool correlator_see(struct correlator *c, struct str source, struct str kind, struct str message, int64_t now,
                    struct correlated *out);
/* The Event object that now stands for it. */
void correlator_written(struct correlator *c, const struct correlated *seen, struct str ns, struct str name);
