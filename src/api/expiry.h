/* Events do not stay: each goes an hour after it was last written, as upstream's leases in etcd have it. */
#pragma once
#include "api/api.h"

struct expiry;

/* Looks each minute, on a thread of its own. */
struct expiry *expiry_start(struct api *a);
void expiry_stop(struct expiry *e); /* NULL is fine */
/* Looks once; how many went. */
size_t expiry_sweep(struct api *a);
