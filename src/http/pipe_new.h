/* Making pipes, for the two sides of HTTP/1.1. */
#pragma once
#include "http/pipe.h"
#include "http/transport.h"

/* Takes the transport over, until it is closed: then the `closed` of its ops so far is called. `early` are
 * bytes that came already. */
struct http_pipe *pipe_new(struct transport *t, struct str early);
/* More of those; before http_pipe_resume. */
void pipe_add_early(struct http_pipe *p, struct str bytes);
