/* Turning a request for a stream into one: which protocol both sides speak. */
#pragma once
#include "http/pipe.h"

/* The subprotocol that both know, the first of the client's. False: the request was answered, with what is
 * wrong with it. */
bool upgrade_choose_spdy(struct http_request *r, const struct str *known, size_t n, struct str *out);
bool upgrade_choose_websocket(struct http_request *r, const struct str *known, size_t n, struct str *out);
/* Answers 101 for SPDY/3.1. */
struct http_pipe *upgrade_accept_spdy(struct http_request *r, struct str protocol,
                                      const struct http_pipe_events *events, void *arg);
/* A plain text answer. */
void respond_text(struct http_request *r, int status, struct str text);
