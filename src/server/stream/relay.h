/* Passing a request on to another server (a node's agent, a pod, a service), and its answer back as it comes,
 * held back where the client is slow; where both agree on an upgrade, they are joined byte by byte. */
#pragma once
#include "http/client.h"
#include "server/request.h"

struct relay_options {
    struct http_client *client;
    struct str url;
    struct str server_name;       /* whom the certificate must name; empty: the URL's host */
    struct str node_url, address; /* node_url not empty: `address` is reached through that agent (tunnel.h) */
    bool plain;                   /* do not ask for a compressed answer */
    bool must_upgrade;            /* a request that asks for no upgrade, or cannot have one, is refused */
    int64_t idle_ns;              /* of an upgraded connection */
    /* The client's own headers are passed on, but for those about its connection and who it is; these are
     * added. */
    const struct http_header *headers;
    size_t n_headers;
    bool identifies; /* they say who the user is (X-Remote-*): what the client says of that is dropped */
    /* Changes the answer on its way; may be NULL. `headers` (in an arena) may be changed in place. True: the
     * body is gathered (up to 4 MiB, encoded as the client takes it) and given to `body`, which makes another
     * one of it. */
    bool (*answer)(struct request *q, int status, struct http_header *headers, size_t *n_headers);
    void (*body)(struct request *q, struct str body, struct buf *out);
    /* What is said when nobody answers, before the reason. */
    enum err_reason unreachable;
    const char *unreachable_text;
};

/* The request is answered, now or later. Slices must live in q's arena. */
void relay_start(struct request *q, const struct relay_options *o);
