/* Cluster IPs and node ports: defaulted and handed out before a service is validated, taken back when the
 * write fails or the service goes. What is taken is rebuilt from the store at start. */
#pragma once
#include "api/road.h"

struct services;

int services_new(struct api *a, struct services **out, struct err *err);
void services_free(struct services *s);
/* For a write of d->object; nothing to do for what is no service. -1: the answer is in the request's err. */
int services_begin(struct services *s, struct road *d);
/* What became of that write. To be called once for each services_begin, failed ones too. */
void services_end(struct services *s, struct road *d, bool ok);
/* An object is gone. */
void services_release(struct services *s, const struct resource *r, const void *typed);
/* The first address of the range: service default/kubernetes. Static text of the services. */
struct str services_first_address(const struct services *s);
