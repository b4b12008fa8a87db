/* One request on its way through the server. It lives in the HTTP request's arena, on its connection's loop.
 */
#pragma once
#include "http/http.h"
#include "server/accept.h"
#include "server/flow/flow.h"
#include "server/query.h"
#include "server/route.h"
#include "server/waiter.h"

struct server;

struct request {
    struct server *server;
    struct http_request *http;
    struct arena *arena;
    struct loop *loop;
    struct route route;
    struct query query;
    struct user user;
    struct accept accept;
    const struct resource *resource; /* of resource requests: what is served there */
    struct str_vec warnings;         /* for Warning headers (RFC 7234 5.5), upstream's 299 */
    int64_t began;                   /* clock_mono */
    struct str audit_id;
    /* server/audit/audit.h */
    struct audit_note *audit; /* NULL: it is not noted */
    bool audit_decided;
    struct str decision, decision_reason; /* of authorization; empty: it did not come to that */
    bool counted;                         /* is among the requests in flight */
    struct flow_ticket ticket;            /* its seat among them */
    struct api_request api;
    struct loop_task task; /* to come back to the loop */
    struct waiter waiter;  /* for who it is, and what they may */
    /* Of one that waits for the API (server/deadline.h). */
    struct waiting *waiting;
    struct request *next, **prev;
    struct str proxy_host; /* of one that is proxied: the host it goes to */
    size_t sent;           /* bytes of its body */
    bool stays;            /* is measured as one that stays open */
    bool known, allowed;   /* who it is, and that they may, was measured */
    bool answered;         /* its time was over: the API's own answer is dropped */
};

/* --- answers; after one of these the request is over --- */

void request_error(struct request *q, const struct err *err);
/* Answers a browser that asks whether another origin may send a request; anyone may ask. False: it is none.
 */
bool request_preflight(struct request *q);
/* The same for a list whose continue token has expired: `token` goes on from where it was, at the present. */
void request_expired(struct request *q, const struct err *err, struct str token);
/* Plain text. */
void request_text(struct request *q, int code, struct str text);
/* A struct of `r` as the client accepts it; kind and apiVersion are r's. */
void request_typed(struct request *q, int code, const struct resource *r, const void *typed);
/* The same for what has no kind: JSON or YAML. */
void request_json(struct request *q, int code, const struct type *type, const void *typed);
/* Bytes of a media type. Large ones are compressed where the client takes that. Copied, unless `release` is
 * given. */
void request_bytes(struct request *q, int code, struct str content_type, const struct http_part *part);
/* The same with an ETag; 304 when the client has it already. `packed`: the bytes are compressed. */
void request_cacheable(struct request *q, struct str content_type, struct str etag, bool packed,
                       const struct http_part *part);
/* An object, in the rendering that the client asked for. */
void request_object(struct request *q, int code, struct object *o);

/* --- streams --- */

/* Headers and all that request_* do at the start; `closed` must call request_done. */
void request_begin(struct request *q, int code, struct str content_type, bool gzip, void (*closed)(void *arg),
                   void (*drained)(void *arg), void *arg);
/* It may stay open for long: it is measured as such. */
void request_stays(struct request *q);
/* Counts the request as over. request_error and its like do that themselves. */
void request_done(struct request *q, int code);

/* Said once, however often; upstream bounds them. */
void request_warn(struct request *q, struct str text);

/* JSON as the client wants to see it: as it is, indented, or as YAML. The caller owns the buffer. */
struct buf *request_render_json(struct request *q, struct str json);
bool request_pretty(const struct request *q);

/* For http_part.release: a heap-allocated buffer; an object; what nobody owns and nobody need copy. */
void buf_release(void *buf);
void object_release(void *object);
void nothing_release(void *owner);
