#include "server/request.h"

#include <stdlib.h>

#include "base/clock.h"
#include "schema/json.h"
#include "schema/proto.h"
#include "schema/yaml.h"
#include "server/audit/audit.h"
#include "server/gzip.h"
#include "server/internal.h"
#include "server/measure.h"
#include "server/pretty.h"
#include "server/status.h"

enum { MAX_HEADERS = 160, MAX_WARNINGS = 128 };
/* Characters of all warnings; past it, of each (upstream: endpoints/filters/warning.go). */
enum { WARNINGS_ALL = 4 * 1024, WARNINGS_EACH = 256 };

/* --- headers --- */

struct headers {
    struct http_header at[MAX_HEADERS];
    size_t n;
};

static void add_header(struct headers *h, struct str name, struct str value)
{
    if (h->n < MAX_HEADERS)
        h->at[h->n++] = (struct http_header){name, value};
}

/* 299 - "text", quotes and backslashes escaped (RFC 7234 5.5); control characters cannot stand in a header.
 */
static struct str warning_text(struct arena *a, struct str text)
{
    _cleanup_buf_ struct buf b = {0};
    buf_add_lit(&b, "299 - \"");
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c == '"' || c == '\\')
            buf_add_c(&b, '\\');
        buf_add_c(&b, c < 0x20 || c == 0x7f ? ' ' : (char)c);
    }
    buf_add_c(&b, '"');
    return arena_str(a, buf_str(&b));
}

/* The bytes of the first `most` characters; *n: how many there are of them. */
static struct str first_runes(struct str s, size_t most, size_t *n)
{
    size_t i = 0;
    for (*n = 0; i < s.n; i++)
        if (((unsigned char)s.p[i] & 0xc0) != 0x80 && ++*n > most) {
            *n = most;
            break;
        }
    return str_slice(s.p, i);
}

static void add_warnings(struct request *q, struct headers *h)
{
    size_t all = 0, n, added = 0;
    for (size_t i = 0; i < q->warnings.n; i++) {
        first_runes(q->warnings.at[i], SIZE_MAX, &n);
        all += n;
    }
    size_t each = all > WARNINGS_ALL ? WARNINGS_EACH : SIZE_MAX;
    for (size_t i = 0; i < q->warnings.n && i < MAX_WARNINGS; i++) {
        struct str text = first_runes(q->warnings.at[i], each, &n);
        if (added + n > WARNINGS_ALL)
            continue;
        added += n;
        add_header(h, STR("warning"), warning_text(q->arena, text));
    }
}

/* What browsers are told. */
static void add_browsers(struct request *q, struct headers *h)
{
    struct http_header cors[CORS_HEADERS];
    size_t n = cors_headers(q->server->cors, q->http, cors);
    for (size_t i = 0; i < n; i++)
        add_header(h, cors[i].name, cors[i].value);
    if (q->server->transport_security.n)
        add_header(h, STR("strict-transport-security"), q->server->transport_security);
}

static void add_common(struct request *q, struct headers *h)
{
    add_browsers(q, h);
    add_header(h, STR("audit-id"), q->audit_id);
    add_header(h, STR("cache-control"), STR("no-cache, private"));
    if (q->ticket.schema_uid.n) {
        add_header(h, STR("x-kubernetes-pf-flowschema-uid"), q->ticket.schema_uid);
        add_header(h, STR("x-kubernetes-pf-prioritylevel-uid"), q->ticket.level_uid);
    }
    add_warnings(q, h);
}

void request_warn(struct request *q, struct str text)
{
    for (size_t i = 0; i < q->warnings.n; i++)
        if (str_eq(q->warnings.at[i], text))
            return;
    if (!text.n)
        return;
    struct str *at = arena_new_n(q->arena, struct str, q->warnings.n + 1);
    if (q->warnings.n)
        memcpy(at, q->warnings.at, q->warnings.n * sizeof *at);
    at[q->warnings.n] = text;
    q->warnings = (struct str_vec){at, q->warnings.n + 1};
}

/* --- ends --- */

/* As upstream's metrics call what was asked. */
static const char *shown_verb(const struct request *q)
{
    static const struct {
        struct str verb;
        const char *shown;
    } verbs[] = {
        {STR_INIT("get"), "GET"},       {STR_INIT("list"), "LIST"},
        {STR_INIT("watch"), "WATCH"},   {STR_INIT("create"), "POST"},
        {STR_INIT("update"), "PUT"},    {STR_INIT("patch"), "PATCH"},
        {STR_INIT("delete"), "DELETE"}, {STR_INIT("deletecollection"), "DELETECOLLECTION"},
        {STR_INIT("post"), "POST"},     {STR_INIT("put"), "PUT"},
        {STR_INIT("head"), "HEAD"},     {STR_INIT("options"), "OPTIONS"},
    };
    const struct route *r = &q->route;
    if (route_connects(r))
        return "CONNECT";
    if (str_is(r->verb, "patch") && q->api.verb == API_PATCH && q->api.patch_type == API_PATCH_APPLY)
        return "APPLY";
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (str_eq(r->verb, verbs[i].verb))
            return verbs[i].shown;
    return "other";
}

void request_stays(struct request *q)
{
    q->stays = true;
    measure_long_running(&q->route, shown_verb(q), 1);
}

/* Counts the request as over; `late`: see audit_complete. */
static bool done(struct request *q, int code, struct loop_task *late)
{
    struct server *s = q->server;
    if (q->counted) {
        q->counted = false;
        atomic_fetch_sub(route_read_only(&q->route) ? &s->reading : &s->mutating, 1);
        if (s->flow)
            flow_leave(s->flow, &q->ticket);
    }
    bool dry_run = str_is(query_get(&q->query, "dryRun"), "All");
    const char *verb = shown_verb(q);
    metrics_count(s->metrics, &q->route, verb, code, dry_run, clock_mono() - q->began);
    if (q->sent && q->resource && (str_is(str_from(verb), "GET") || str_is(str_from(verb), "LIST")))
        measure_response(&q->route, verb, q->sent);
    if (q->stays)
        measure_long_running(&q->route, verb, -1);
    q->stays = false;
    resource_unref(q->resource);
    q->resource = NULL;
    return audit_complete(q, code, late);
}

void request_done(struct request *q, int code)
{
    done(q, code, NULL);
}

/* An answer that waits until it has been noted. */
struct late {
    struct loop_task task;
    struct http_request *http;
    int code;
    struct headers headers;
    struct http_part part;
    bool has_part;
};

static void respond_late(struct loop_task *task)
{
    struct late *l = container_of(task, struct late, task);
    http_respond(l->http, l->code, l->headers.at, l->headers.n, &l->part, l->has_part);
}

static void respond(struct request *q, int code, struct headers *h, const struct http_part *part)
{
    q->sent += part ? part->bytes.n : 0;
    if (!audit_holds(q)) {
        request_done(q, code);
        http_respond(q->http, code, h->at, h->n, part, part ? 1 : 0);
        return;
    }
    struct late *l = arena_new(q->arena, struct late);
    *l = (struct late){{.run = respond_late}, q->http, code, *h, .has_part = part};
    if (part)
        l->part = *part;
    if (part && !part->release) {
        l->part.bytes = arena_str(q->arena, part->bytes);
        l->part.release = nothing_release;
    }
    if (!done(q, code, &l->task))
        respond_late(&l->task);
}

bool request_preflight(struct request *q)
{
    struct http_header cors[CORS_HEADERS];
    if (!str_is(http_method(q->http), "OPTIONS") || !cors_headers(q->server->cors, q->http, cors))
        return false;
    struct headers h = {0};
    add_browsers(q, &h);
    respond(q, 204, &h, NULL);
    return true;
}

static bool is_head(const struct request *q)
{
    return str_is(http_method(q->http), "HEAD");
}

static void drop(const struct http_part *part)
{
    if (part->release)
        part->release(part->owner);
}

void request_bytes(struct request *q, int code, struct str content_type, const struct http_part *part)
{
    struct headers h = {0};
    add_common(q, &h);
    add_header(&h, STR("content-type"), content_type);
    bool compress =
        part->bytes.n > GZIP_FROM && accept_gzip(http_header_get(q->http, STR("accept-encoding")));
    if (!compress || is_head(q)) {
        respond(q, code, &h, part);
        return;
    }
    add_header(&h, STR("content-encoding"), STR("gzip"));
    add_header(&h, STR("vary"), STR("Accept-Encoding"));
    struct buf *z = mem_zalloc(sizeof *z);
    gzip_all(part->bytes, z);
    drop(part);
    struct http_part packed = {.bytes = buf_str(z), .release = buf_release, .owner = z};
    respond(q, code, &h, &packed);
}

void request_cacheable(struct request *q, struct str content_type, struct str etag, bool packed,
                       const struct http_part *part)
{
    struct headers h = {0};
    add_browsers(q, &h);
    add_header(&h, STR("audit-id"), q->audit_id);
    add_header(&h, STR("cache-control"),
               query_has(&q->query, "hash") ? STR("public, immutable") : STR("public"));
    add_header(&h, STR("content-type"), content_type);
    add_header(&h, STR("etag"), etag);
    add_header(&h, STR("vary"), STR("Accept"));
    if (packed)
        add_header(&h, STR("content-encoding"), STR("gzip"));
    struct str known = http_header_get(q->http, STR("if-none-match"));
    if (!str_empty(known) && str_find(known, etag) >= 0) {
        drop(part);
        respond(q, 304, &h, NULL);
        return;
    }
    respond(q, 200, &h, part);
}

void request_text(struct request *q, int code, struct str text)
{
    struct headers h = {0};
    add_common(q, &h);
    add_header(&h, STR("content-type"), STR("text/plain; charset=utf-8"));
    add_header(&h, STR("x-content-type-options"), STR("nosniff"));
    respond(q, code, &h, &(struct http_part){.bytes = text});
}

void request_begin(struct request *q, int code, struct str content_type, bool gzip, void (*closed)(void *arg),
                   void (*drained)(void *arg), void *arg)
{
    struct headers h = {0};
    add_common(q, &h);
    add_header(&h, STR("content-type"), content_type);
    if (gzip) {
        add_header(&h, STR("content-encoding"), STR("gzip"));
        add_header(&h, STR("vary"), STR("Accept-Encoding"));
    }
    if (route_long_running(&q->route))
        audit_started(q, code);
    http_begin(q->http, code, h.at, h.n, closed, drained, arg);
}

/* --- what is encoded here --- */

void buf_release(void *owner)
{
    struct buf *b = owner;
    buf_free(b);
    free(b);
}

void object_release(void *object)
{
    object_unref(object);
}

void nothing_release(void *owner)
{
    (void)owner;
}

/* People with curl get JSON they can read, as upstream decides it. */
bool request_pretty(const struct request *q)
{
    if (query_has(&q->query, "pretty"))
        return query_bool(&q->query, "pretty");
    if (q->accept.pretty)
        return true;
    struct str agent = http_header_get(q->http, STR("user-agent"));
    return str_starts(agent, STR("curl")) || str_starts(agent, STR("Wget")) ||
           str_starts(agent, STR("Mozilla/5.0"));
}

struct buf *request_render_json(struct request *q, struct str json)
{
    struct buf *out = mem_zalloc(sizeof *out);
    if (q->accept.media == MEDIA_YAML) {
        yaml_from_json(json, out, NULL);
        return out;
    }
    if (request_pretty(q))
        json_indent(json, out);
    else
        buf_add_str(out, json);
    buf_add_c(out, '\n');
    return out;
}

static void respond_buf(struct request *q, int code, enum media_type media, struct buf *out)
{
    request_bytes(q, code, media_type_name(media, false),
                  &(struct http_part){.bytes = buf_str(out), .release = buf_release, .owner = out});
}

void request_json(struct request *q, int code, const struct type *type, const void *typed)
{
    _cleanup_buf_ struct buf json = {0};
    json_encode(&json, type, typed);
    audit_response(q, buf_str(&json));
    respond_buf(q, code, q->accept.media == MEDIA_YAML ? MEDIA_YAML : MEDIA_JSON,
                request_render_json(q, buf_str(&json)));
}

void request_typed(struct request *q, int code, const struct resource *r, const void *typed)
{
    if (q->accept.media != MEDIA_PROTOBUF) {
        request_json(q, code, r->type, typed);
        return;
    }
    if (audit_wants_response(q)) {
        _cleanup_buf_ struct buf json = {0};
        json_encode(&json, r->type, typed);
        audit_response(q, buf_str(&json));
    }
    struct buf *out = mem_zalloc(sizeof *out);
    proto_seal(out, r->api_version, r->kind, r->type, typed);
    respond_buf(q, code, MEDIA_PROTOBUF, out);
}

void request_error(struct request *q, const struct err *err)
{
    request_expired(q, err, (struct str){0});
}

void request_expired(struct request *q, const struct err *err, struct str token)
{
    struct status status;
    audit_failure(q, err);
    status_of_err(q->arena, err, &status);
    status.metadata.continue_ = token;
    struct headers h = {0};
    add_common(q, &h);
    if (err->details.retry_after_s)
        add_header(&h, STR("retry-after"), arena_printf(q->arena, "%d", err->details.retry_after_s));
    add_header(&h, STR("content-type"), media_type_name(q->accept.media, false));
    struct buf *out;
    if (q->accept.media == MEDIA_PROTOBUF) {
        out = mem_zalloc(sizeof *out);
        proto_seal(out, STR("v1"), STR("Status"), &status_type, &status);
    } else {
        _cleanup_buf_ struct buf json = {0};
        json_encode(&json, &status_type, &status);
        out = request_render_json(q, buf_str(&json));
    }
    respond(q, err->code, &h,
            &(struct http_part){.bytes = buf_str(out), .release = buf_release, .owner = out});
}
