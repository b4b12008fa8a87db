/* From the endpoints that should be to the EndpointSlices that hold them, changed as little as possible: what
 * both slice controllers share. A slice holds endpoints of one address family and one set of ports. */
#pragma once
#include "controllers/endpoints/service_pods.h"
#include "kinds/discovery_v1.h"

#define SLICE_SERVICE_LABEL STR("kubernetes.io/service-name")
#define SLICE_MANAGER_LABEL STR("endpointslice.kubernetes.io/managed-by")

struct slice_group;

/* The slices of one owner and one address family. */
struct slicing {
    struct work *w;
    struct object *owner;               /* theirs: the Service, or the Endpoints they mirror */
    struct str_map labels, annotations; /* of all slices */
    struct str address_type;
    size_t most;      /* endpoints in a slice */
    bool placeholder; /* without endpoints there is still one empty slice, which says so */
    /* Its own. */
    struct slice_group *groups;
    size_t n_groups, cap_groups;
};

/* An endpoint that should be. `most`: how many may still come, itself included. */
void slicing_want(struct slicing *s, const struct discovery_endpoint_port_vec *ports,
                  const struct endpoint *e, size_t most);
/* Brings those of `slices` that are of the address family to what should be: 0 or -1 with w->err. */
int slicing_run(struct slicing *s, const struct objects *slices);
/* Deletes a slice; that it is gone already is fine. */
int slice_delete(struct work *w, struct object *slice);
/* The slices that a manager has made for this owner, with references; not those being deleted. */
void slices_of_owner(struct work *w, struct str owner_uid, struct str manager, struct objects *out);
