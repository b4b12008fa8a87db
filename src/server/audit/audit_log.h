/* A log file of lines that grows to a size, is then set aside under a name with the time, and of which only
 * so many, and only so old ones, are kept (as lumberjack does it for upstream). Any thread. */
#pragma once
#include "base/err.h"

struct audit_log;

struct audit_log_options {
    const char *path; /* "-": standard output */
    int max_size_mb;  /* 0: 100 */
    int max_backups;  /* 0: all */
    int max_age_days; /* 0: for ever */
};

int audit_log_open(const struct audit_log_options *o, struct audit_log **out, struct err *err);
void audit_log_close(struct audit_log *l);
/* Adds `line` and a line feed, in one write. What cannot be written is lost, and said once in our own log. */
void audit_log_write(struct audit_log *l, struct str line);
