/* `kubectl exec` and `kubectl attach` at the node: a remote command's streams joined to a process. */
#pragma once
#include "http/http.h"
#include "node/runtime/exec.h"
#include "node/stream/remote.h"

/* Both take the request over; strings are copied. `dir` and `id` are the container's. */
void exec_serve(struct http_request *r, struct runtime *runtime, struct str dir, struct str id,
                const struct exec_options *o);
void attach_serve(struct http_request *r, struct str dir, const struct remote_options *o);
