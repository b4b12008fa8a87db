/* Discovery: which groups, versions and resources there are. /api and /apis in the aggregated form (KEP-3352)
 * or the old one, and the documents of each group and version. Documents are made once for each set of
 * resources, and shared. */
#pragma once
#include "server/request.h"

struct discovery;

struct discovery *discovery_new(struct api *api);
void discovery_free(struct discovery *d);

/* /api, /apis, /api/VERSION, /apis/GROUP, /apis/GROUP/VERSION. False: the path is none of these, or names
 * what is not there; nothing has been answered. */
bool discovery_handle(struct discovery *d, struct request *q);
