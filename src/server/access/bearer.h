/* The token that a request brings along: in its Authorization header, or, as browsers cannot set that for a
 * WebSocket, in a subprotocol "base64url.bearer.authorization.k8s.io.TOKEN" beside another one (upstream:
 * authentication/request/bearertoken and websocket). */
#pragma once
#include "http/http.h"

/* 0 with the token, empty where there is none; -1: what there is is none (ERR_UNAUTHORIZED). In `a`. */
int bearer_token(struct arena *a, const struct http_request *r, struct str *out, struct err *err);
/* The value of a Sec-WebSocket-Protocol header but for tokens, which are nobody else's business. */
struct str bearer_without_tokens(struct arena *a, struct str protocols);
