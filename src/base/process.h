/* Running other programs. */
#pragma once
#include <sys/types.h>

#include "base/err.h"

struct process_options {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
    struct str input;        /* its standard input; empty: /dev/null */
    struct buf *output;      /* gets standard output, up to `limit` bytes; NULL: /dev/null */
    size_t limit;            /* 0: 1 MiB */
    int64_t timeout;         /* nanoseconds, then it is killed; 0: one minute */
    int *exit_code;          /* NULL: anything but 0 is an error, with what it said on standard error */
};

/* Runs to the end; blocks. A signal counts as exit code 128 + signal. */
int process_run(const struct process_options *o, struct err *err);
