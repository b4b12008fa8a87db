/* Ranges of addresses as flags say them: one, or one of each family, of which the first is the cluster's
 * main one. */
#pragma once
#include "base/flags.h"
#include "base/ip.h"
#include "schema/desc.h"

/* Where nothing is said. */
#define SERVICE_CIDR "10.96.0.0/12"
#define CLUSTER_CIDR "10.244.0.0/16"

/* `flag` without its dashes, for the error; `otherwise` holds where nothing is said ("10.0.0.0/8"). Texts of
 * prefixes, in `a`. */
int ranges_from(const char *flag, const struct flag_list *said, const char *otherwise, struct arena *a,
                struct str_vec *out, struct err *err);
/* The address so far behind a range's base; empty when the range ends before it. */
struct str range_address(struct arena *a, struct str range, unsigned offset);
/* Into how many ranges with a mask of `bits` it can be parted; 0: it cannot, or those are too many
 * (upstream's limit: 65,536). */
unsigned range_parts(struct str range, int64_t bits);
/* Whether one of them is of this family. */
bool ranges_have(const struct str_vec *ranges, enum ip_family family);
