/* A command in a container that runs already, with its streams in the caller's hands (`kubectl exec`), and
 * the streams of the container's own first process (`kubectl attach`). */
#pragma once
#include "node/runtime/container.h"

struct exec_options {
    struct str_vec command;
    bool tty, in, out, err; /* with a terminal there are no pipes */
};

/* What began. Descriptors are the caller's to close; -1: not asked for. */
struct exec_process {
    int pidfd; /* readable once it has ended: exec_end */
    int terminal, in, out, err;
    int complaints; /* the runtime's own words */
};

/* Blocks for as long as crun takes to begin (milliseconds). `dir` and `id` are the container's,
 * `crun_root` is runtime_crun_root. */
int container_exec_start(const char *crun_root, struct str dir, struct str id, const struct exec_options *o,
                         struct exec_process *out, struct err *err);
/* Once it has ended: reaps it. The command's exit code, or -1 with why it never ran. */
int container_exec_end(struct exec_process *p, struct err *err);
void exec_process_close(struct exec_process *p);

/* A socket of records, at most 8 KiB each. From it: a byte (2: output, 3: errors) and what was written. To
 * it: input. It ends with the container. */
int container_attach(struct str dir, struct err *err);
/* Says how large the container's terminal is. */
int container_resize(struct str dir, uint16_t columns, uint16_t rows, struct err *err);
