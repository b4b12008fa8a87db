/* The time that a request may take (60 s, as upstream): who waits longer for the store or for admission is
 * answered with 504, while what was asked goes on and its answer is dropped. */
#pragma once
#include "server/request.h"

struct deadlines;

/* After the loops have ended, deadlines_free. */
struct deadlines *deadlines_new(struct loop **loops, size_t n_loops, int64_t timeout_ns);
void deadlines_free(struct deadlines *d);

/* On the request's loop: it waits from now on, or no more. Where the time came before, q->answered is set,
 * and the request is gone for everyone but whoever holds it: http_release. */
void deadline_start(struct deadlines *d, struct request *q);
void deadline_end(struct request *q);
