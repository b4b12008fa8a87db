/* Text as Go's %q prints it: upstream's messages quote so, and clients match them. */
#pragma once
#include "base/buf.h"

/* Adds `s` in double quotes, with control characters, quotes, backslashes, invalid UTF-8 and characters that
 * do not print escaped. */
void quote_go(struct buf *out, struct str s);
/* The same as a string of the arena. */
struct str quote_go_str(struct arena *a, struct str s);
