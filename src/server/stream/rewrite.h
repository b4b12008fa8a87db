/* Links that a proxied server gives, changed so that they lead through the proxy (upstream:
 * apimachinery/pkg/util/proxy's Transport). */
#pragma once
#include "base/buf.h"

struct rewrite {
    struct str prefix;   /* the path at which the proxied server's root is: "/api/v1/.../proxy" */
    struct str host;     /* the proxied server's own, as it may say it: "10.244.1.7:80" */
    struct str own_host; /* this server's, as the client says it */
};

/* A URL with an absolute path on the proxied server; others stay as they are. */
struct str rewrite_url(const struct rewrite *w, struct arena *a, struct str url);
/* A page, with the links in its tags' attributes rewritten; text, scripts and comments stay as they are. */
void rewrite_html(const struct rewrite *w, struct str page, struct buf *out);
