/* A log file of lines that grows to a size, is then set aside under a name with the time, and of which only
 * so many, and only so old ones, are kept, compressed where that is wanted (as lumberjack does it for
 * upstream). Any thread. */
#pragma once
#include "base/err.h"
#include "server/audit/audit_options.h"

struct audit_log;

int audit_log_open(const struct audit_log_options *o, struct audit_log **out, struct err *err);
void audit_log_close(struct audit_log *l);
/* Adds `line` and a line feed, in one write. False: it is lost, which is said once in our own log. */
bool audit_log_write(struct audit_log *l, struct str line);
