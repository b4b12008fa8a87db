/* Leader election by a Lease (coordination.k8s.io), as client-go's: of several programs with the same lease
 * one leads, and another takes over when it has not renewed for the lease's duration. Clocks of different
 * machines are never compared: a lease is over when it has not changed for so long by one's own clock. */
#pragma once
#include "client/client.h"

struct leader_lease;

struct lease_options {
    struct str ns, name;
    struct str identity; /* of this candidate, unique */
    /* Zero: client-go's. A leader that could not renew for renew_ns stops leading, which must be before
     * others may take over. */
    int64_t duration_ns; /* 15 s */
    int64_t renew_ns;    /* 10 s */
    int64_t retry_ns;    /* 2 s */
    /* Called on the lease's thread; both return soon. `lost` follows each `won`, also at lease_stop. */
    void (*won)(void *arg);
    void (*lost)(void *arg);
    void *arg;
};

/* Competes from now on. Strings are copied. */
struct leader_lease *lease_start(struct client *c, const struct lease_options *o);
/* Stops competing, and gives the lease back when it is held, so that others need not wait. Frees it. */
void lease_stop(struct leader_lease *l);
bool lease_held(struct leader_lease *l);
