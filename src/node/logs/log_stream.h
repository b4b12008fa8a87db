/* Sends a container's log as an answer: GET /containerLogs/NS/POD/CONTAINER. Everything happens on the
 * request's loop; what is new is learned from inotify. */
#pragma once
#include "http/http.h"

struct log_options {
    bool follow, timestamps;
    int64_t tail_lines;  /* -1: all */
    int64_t limit_bytes; /* -1: none */
    struct str since;    /* RFC 3339 in UTC, as far as log lines say it; empty: all */
    struct str stream;   /* "stdout", "stderr"; empty: both */
};

/* `path`: the newest file, CONTAINER/ATTEMPT.log; `exit_path`: a file that is there once the container has
 * ended. */
void log_stream_start(struct http_request *r, const char *path, const char *exit_path,
                      const struct log_options *o);
