/* Unary gRPC calls over plain HTTP/2, to a TCP port or a Unix socket: how probes and key services are asked.
 * They block. One client serves the process, as it carries no credentials. */
#pragma once
#include "base/err.h"

/* The codes of google.golang.org/grpc/codes; any other number is shown as it is. */
enum grpc_code {
    GRPC_OK = 0,
    GRPC_UNKNOWN = 2,
    GRPC_DEADLINE_EXCEEDED = 4,
    GRPC_RESOURCE_EXHAUSTED = 8,
    GRPC_UNIMPLEMENTED = 12,
    GRPC_INTERNAL = 13,
    GRPC_UNAVAILABLE = 14,
};

struct grpc_call {
    struct str address;    /* "10.0.0.7:8080", "[fd00::7]:8080" */
    struct str socket;     /* instead of it: "/run/kms.sock"; "@name" is an abstract one */
    struct str method;     /* "/v2.KeyManagementService/Status" */
    struct str message;    /* the request, in Protobuf */
    struct str user_agent; /* empty: "sagong" */
    int64_t timeout_ns;
    size_t max_answer; /* bytes of the response */
};

struct grpc_answer {
    int64_t code;       /* enum grpc_code */
    struct str message; /* of GRPC_OK */
    struct str why;     /* else: what the server says, or the connection */
    bool reached;       /* a server spoke HTTP to us */
    int status;         /* HTTP's, when it did */
};

/* 0: *out has the message. -1: ERR_UNAVAILABLE, "rpc error: code = Unavailable desc = ...", and what *out
 * says about it. Strings are in `a`. */
int grpc_do(const struct grpc_call *q, struct arena *a, struct grpc_answer *out, struct err *err);
/* "OK", "DeadlineExceeded", ... */
const char *grpc_code_name(int64_t code);

/* The one message of a response's body: a byte that says "not compressed", four of length, itself. False when
 * it is not that. */
bool grpc_unframe(struct str body, struct str *message);
