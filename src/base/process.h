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

/* Starts a program, argv[0] looked up in PATH, with every signal as by default and none blocked. fds[i]
 * becomes its descriptor i; where it is negative, /dev/null. `dir`: where it runs; `env`: its environment;
 * NULL: ours. Returns 0, or an errno. */
int process_start(const char *const *argv, const int *fds, int n_fds, const char *dir, char *const *env,
                  pid_t *pid);

/* Runs to the end; blocks. A signal counts as exit code 128 + signal. */
int process_run(const struct process_options *o, struct err *err);
