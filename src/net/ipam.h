/* Which pod has which address of this node's range. An address is a file, named after it, that holds the
 * pod's uid: nothing is lost when the agent is killed. The range's first address is the node's own, its last
 * (IPv4's broadcast) unused; of a large IPv6 range the first 65,536 are enough. Ranges of both families may
 * share a directory. */
#pragma once
#include "base/err.h"
#include "base/ip.h"

struct ipam;

/* Reads what is allocated in `dir` (made when absent). Files outside the range are removed: they are of an
 * older one. */
int ipam_open(const char *dir, struct ip_prefix range, struct ipam **out, struct err *err);
void ipam_close(struct ipam *m);
/* The address of the owner: the one it has, or the next free one after the last given. Locks; any thread. */
int ipam_allocate(struct ipam *m, struct str owner, struct ip *ip, struct err *err);
/* The address the owner has; false when it has none. */
bool ipam_find(struct ipam *m, struct str owner, struct ip *ip);
/* Gives back what the owner has; nothing when it has none. */
int ipam_release(struct ipam *m, struct str owner, struct err *err);
