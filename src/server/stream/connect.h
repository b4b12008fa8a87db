/* CONNECT: requests that stream to somebody else (exec, attach, portforward, proxy) pass admission first,
 * with their options as the object. */
#pragma once
#include "server/request.h"

/* Asks admission, then goes on with `then` on q's loop, or answers with the refusal. q->resource is set, and
 * the subresource one that it has. */
void connect_ask(struct request *q, void (*then)(struct request *q));
