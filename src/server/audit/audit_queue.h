/* Events on their way to a backend: delivered by threads of its own, alone or in batches, at a limited pace;
 * lost where too many wait (upstream: apiserver/plugin/pkg/audit/buffered). Any thread. */
#pragma once
#include "base/err.h"
#include "server/audit/audit_options.h"

struct audit_queue;

/* Somebody who waits for the delivery of an event; `done` is called once, on a thread of the queue. */
struct audit_receipt {
    void (*done)(struct audit_receipt *r);
    bool delivered;
};

/* Delivers `n` events (JSON); blocks. -1: they are lost. */
typedef int audit_deliver(void *arg, const struct str *events, size_t n, struct err *err);

struct audit_queue *audit_queue_new(const char *plugin, const struct audit_backend_options *o,
                                    audit_deliver *deliver, void *arg);
/* Takes the event; false: it is lost. With a receipt it goes alone, before all others that wait. */
bool audit_queue_add(struct audit_queue *q, struct str event, struct audit_receipt *receipt);
/* Delivers what is there, without waiting for more, and ends. NULL is fine. */
void audit_queue_free(struct audit_queue *q);
/* Events that were lost. */
uint64_t audit_queue_lost(const struct audit_queue *q);
