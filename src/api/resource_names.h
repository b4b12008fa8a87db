/* What is known of resources by their names: cpu, memory, requests.storage, hugepages-2Mi, example.com/gpu
 * (upstream: pkg/apis/core/helper). */
#pragma once
#include "base/str.h"

enum resource_use {
    RESOURCE_STANDARD = 1 << 0,     /* Kubernetes' own: needs no domain */
    RESOURCE_OF_CONTAINER = 1 << 1, /* containers may ask for it */
    RESOURCE_OF_QUOTA = 1 << 2,     /* quotas may bound it */
    RESOURCE_COUNTED = 1 << 3,      /* whole numbers only */
    RESOURCE_EXTENDED = 1 << 4,     /* of a domain of its own */
    RESOURCE_HUGE_PAGES = 1 << 5,   /* hugepages-SIZE */
    RESOURCE_NATIVE = 1 << 6,       /* without a domain, or in kubernetes.io */
    RESOURCE_OVERCOMMITS = 1 << 7,  /* its limits may be more than its requests */
};

/* The uses that a name has. */
unsigned resource_uses(struct str name);
/* Whether the quantity is a number of whole huge pages of the size that the name says. */
bool huge_pages_divide(struct str name, struct str quantity);
