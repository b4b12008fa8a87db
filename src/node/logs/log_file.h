/* Container logs: lines "TIME STREAM P|F TEXT" (the CRI's format, which conmon writes), in ATTEMPT.log and,
 * older ones, ATTEMPT.log.STAMP. */
#pragma once
#include "base/err.h"

/* One line, taken apart. Its text has no newline; `partial`: the next line of the stream goes on with it. */
struct log_line {
    struct str time, stream, text;
    bool partial;
};
bool log_line_parse(struct str line, struct log_line *out);
/* The text of the last lines: at most `lines` and `bytes`. Empty when there is no log. */
struct str log_file_end(const char *path, int lines, size_t bytes, struct arena *a);
