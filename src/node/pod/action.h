/* What hooks and probes do: run a command in the container, GET over HTTP, open a TCP connection, ask a gRPC
 * health service, sleep. Blocks. */
#pragma once
#include "node/pod/pod_state.h"

/* Everything it needs, so that it can outlive the reconcile that began it; made by action_make in an arena.
 */
struct action {
    enum { ACTION_NONE, ACTION_EXEC, ACTION_HTTP, ACTION_TCP, ACTION_GRPC, ACTION_SLEEP } kind;
    struct str_vec command;
    struct str url;         /* http */
    struct str_vec headers; /* "Name: value" */
    struct str host;        /* tcp, grpc */
    int port;
    struct str service; /* grpc */
    int64_t seconds;
    int64_t timeout_ns;
    struct runtime *runtime;
    struct runtime_container container; /* a copy: what exec needs */
};

/* One of the handlers is set. A port's name is looked up among the container's. Copies everything into `a`.
 */
int action_make(struct pod_state *p, const struct container *c, const struct runtime_container *in,
                const struct exec_action *exec, const struct http_get_action *http,
                const struct tcp_socket_action *tcp, const struct grpc_action *grpc,
                const struct sleep_action *sleep, int64_t timeout_ns, struct arena *a, struct action *out,
                struct err *err);
/* 0: it worked. -1: `err` says why it did not, in the kubelet's words. */
int action_run(const struct action *action, struct err *err);
