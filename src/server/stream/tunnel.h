/* Connections into the pods' network. This server need not be part of that network: it reaches the agents of
 * the nodes, and has the agent of the node that an address is on make the connection (GET /dial at the agent,
 * an upgrade to "tcp"). What comes of it is an ordinary socket. */
#pragma once
#include "http/client.h"

struct tunnel;

/* `address`: "10.244.1.7:80". `done` is called once, on the loop and never from within this call: with the
 * socket, which is the owner's, or -1 and why not. Slices must live until then. */
struct tunnel *tunnel_open(struct http_client *agents, struct loop *l, struct str node_url,
                           struct str address, void (*done)(void *arg, int fd, const struct err *err),
                           void *arg);
/* Gives up: `done` is not called. */
void tunnel_abort(struct tunnel *t);
