/* Time zones by name ("Europe/Berlin"), out of the system's database (TZif, RFC 8536). */
#pragma once
#include "base/err.h"

struct zone;

/* ERR_NOT_FOUND: there is no such zone, in Go's words (unknown time zone X). Free it with zone_free. */
int zone_open(struct str name, struct zone **out, struct err *err);
/* The same from the bytes of a file. */
int zone_parse(struct str bytes, struct zone **out, struct err *err);
void zone_free(struct zone *z);
/* Seconds east of UTC at a time (seconds since 1970). */
int64_t zone_offset(const struct zone *z, int64_t t);
/* The first time after `after` at which clocks there show `local` (as if seconds since 1970 of UTC);
 * INT64_MIN: none, they jump over it. */
int64_t zone_when(const struct zone *z, int64_t local, int64_t after);
