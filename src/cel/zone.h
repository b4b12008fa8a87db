/* Time zones: "UTC", "+02:00", "-7:30", and the names of the system's time zone database. */
#pragma once
#include <stdint.h>

#include "base/str.h"

/* How many seconds the zone's clocks are ahead of UTC at that second since 1970. -1: there is no such zone.
 */
int cel_zone_offset(struct str name, int64_t at, int32_t *seconds);
