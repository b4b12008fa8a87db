/* Two pipes made one: what comes out of either goes into the other, each held back by the other's pace, and
 * the end of one is the end of the other. */
#pragma once
#include "base/duplex.h"
#include "http/pipe.h"

/* Takes both, and resumes them. `idle_ns`: both are closed when nothing moves for that long; 0: never. */
void join_pipes(struct http_pipe *a, struct http_pipe *b, int64_t idle_ns);
/* The same for a pipe and a descriptor, which it takes over. */
void join_fd(struct loop *l, struct http_pipe *pipe, int fd, int64_t idle_ns);
