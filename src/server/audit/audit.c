#include "server/audit/audit.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "kinds/authentication_v1.h"
#include "kinds/meta_v1.h"
#include "schema/json.h"
#include "schema/proto.h"
#include "schema/quote.h"
#include "schema/timestamp.h"
#include "schema/yaml.h"
#include "server/audit/audit_log.h"
#include "server/audit/audit_queue.h"
#include "server/audit/audit_webhook.h"
#include "server/status.h"

/* Where events go. */
struct backend {
    struct audit_backend_options o;
    struct audit_log *log;         /* written to at once, or ... */
    struct audit_queue *queue;     /* ... by this */
    struct audit_webhook *webhook; /* of the queue */
    _Atomic uint64_t lost;         /* beside those of the queue */
};
enum { LOG, WEBHOOK, BACKENDS };

struct audit {
    struct arena arena;
    const struct policy *policy; /* in it */
    bool legacy;
    struct backend backends[BACKENDS];
    _Atomic uint64_t events, rejected, levels[AUDIT_REQUEST_RESPONSE + 1];
};

/* A request that is noted; in its arena. */
struct audit_note {
    struct audit *audit;
    struct request *request;
    struct audit_decision decision;
    struct loop_task *delivered;
    struct audit_receipt receipt;
    enum { NOT_ASKED, BEGINNING, BEGUN, REFUSED, ENDING } wait;
    const struct user *user; /* who came, whoever he acts as */
    struct time received;
    struct str response;         /* JSON */
    const struct status *status; /* of a failure */
    bool over;
};

static int write_lines(void *log, const struct str *events, size_t n, struct err *err)
{
    bool good = true;
    for (size_t i = 0; i < n; i++)
        good = audit_log_write(log, events[i]) && good;
    return good ? 0 : err_set(err, ERR_INTERNAL, "the audit log cannot be written");
}

static int open_backends(struct audit *a, const struct audit_options *o, struct err *err)
{
    struct backend *log = &a->backends[LOG], *hook = &a->backends[WEBHOOK];
    log->o = o->log_backend;
    hook->o = o->webhook_backend;
    if (o->log.path && audit_log_open(&o->log, &log->log, err) < 0)
        return -1;
    if (o->log.path && log->o.mode == AUDIT_BATCH)
        log->queue = audit_queue_new("log", &log->o, write_lines, log->log);
    if (!o->webhook)
        return 0;
    if (audit_webhook_new(o->webhook, o->webhook_backoff_ns, &hook->webhook, err) < 0)
        return -1;
    hook->queue = audit_queue_new("webhook", &hook->o, audit_webhook_send, hook->webhook);
    return 0;
}

int audit_new(const struct audit_options *o, struct audit **out, struct err *err)
{
    struct audit *a = mem_zalloc(sizeof *a);
    a->legacy = o->log_legacy;
    if (audit_policy_parse(&a->arena, o->policy, &a->policy, err) < 0 || open_backends(a, o, err) < 0) {
        audit_free(a);
        return -1;
    }
    *out = a;
    return 0;
}

void audit_hurry(struct audit *a)
{
    if (a)
        audit_webhook_hurry(a->backends[WEBHOOK].webhook);
}

void audit_free(struct audit *a)
{
    if (!a)
        return;
    audit_hurry(a);
    for (struct backend *b = a->backends; b < a->backends + BACKENDS; b++) {
        audit_queue_free(b->queue);
        audit_log_close(b->log);
        audit_webhook_free(b->webhook);
    }
    arena_free(&a->arena);
    free(a);
}

/* --- an event --- */

static void fill_user(struct arena *a, const struct user *u, struct user_info *out)
{
    *out = (struct user_info){.username = u->name, .uid = u->uid, .groups = u->groups};
    out->extra.n = u->n_extra;
    out->extra.at = arena_new_n(a, struct authentication_extra_value_entry, u->n_extra);
    for (size_t i = 0; i < u->n_extra; i++)
        out->extra.at[i] = (struct authentication_extra_value_entry){u->extra[i].key, {u->extra[i].values}};
}

static struct status *status_of(struct arena *a, const struct audit_note *n, int code)
{
    struct status *s = arena_new(a, struct status);
    if (n->status)
        *s = *n->status;
    s->kind = s->api_version = (struct str){0};
    s->code = code;
    return s;
}

/* What authorization and admission have noted; what webhooks have changed is as much as the object. */
#define PATCH_NOTE "patch.webhook.admission.k8s.io/"
static struct str_map annotations_of(struct arena *a, const struct request *q)
{
    const struct str_map *noted = &q->api.audit_annotations;
    struct str_map m = {arena_new_n(a, struct str_entry, noted->n + 2), 0};
    if (!str_empty(q->decision)) {
        m.at[m.n++] = (struct str_entry){STR("authorization.k8s.io/decision"), q->decision};
        m.at[m.n++] = (struct str_entry){STR("authorization.k8s.io/reason"), q->decision_reason};
    }
    for (size_t i = 0; i < noted->n; i++)
        if (q->audit->decision.level >= AUDIT_REQUEST || !str_starts(noted->at[i].key, STR(PATCH_NOTE)))
            m.at[m.n++] = noted->at[i];
    qsort(m.at, m.n, sizeof *m.at, str_qsort);
    return m;
}

/* An object without what the policy wants left out. */
static struct str without_managed_fields(struct arena *a, const struct audit_note *n, struct str json)
{
    struct value v;
    if (!audit_omits_managed_fields(&n->decision) || value_parse(a, json, &v, NULL) < 0)
        return json;
    struct value *m = value_get(&v, STR("metadata"));
    if (m && m->kind == JSON_OBJECT)
        value_del(m, STR("managedFields"));
    struct value *items = value_get(&v, STR("items"));
    for (size_t i = 0; items && items->kind == JSON_ARRAY && i < items->list.n; i++) {
        m = value_get(&items->list.at[i], STR("metadata"));
        if (m && m->kind == JSON_OBJECT)
            value_del(m, STR("managedFields"));
    }
    return value_json(a, &v);
}

static struct str *object_or_none(struct arena *a, const struct audit_note *n, struct str json)
{
    struct str shown = without_managed_fields(a, n, json);
    return str_empty(json) ? NULL : arena_dup(a, &shown, sizeof shown);
}

/* The body as JSON, whatever it came as; empty when it is none. */
static struct str body_object(struct arena *a, const struct request *q)
{
    _cleanup_buf_ struct buf b = {0};
    struct str body = http_body(q->http);
    struct str type = http_header_get(q->http, STR("content-type"));
    struct proto_envelope envelope;
    if (str_empty(body))
        return body;
    if (str_find(type, STR("protobuf")) >= 0) {
        const struct resource *kind = proto_open(body, &envelope, NULL) == 0
                                          ? resource_find_kind(envelope.api_version, envelope.kind)
                                          : NULL;
        void *typed = kind ? arena_alloc(a, kind->type->size) : NULL;
        if (!kind || proto_decode(a, kind->type, envelope.raw, true, typed, NULL) < 0)
            return (struct str){0};
        json_encode(&b, kind->type, typed);
    } else if (str_find(type, STR("yaml")) >= 0) {
        if (yaml_to_json(&b, body, NULL, NULL) < 0)
            return (struct str){0};
    } else if (json_check(body, NULL) == 0) {
        json_compact(&b, body);
    }
    return arena_str(a, buf_str(&b));
}

/* What the body of a write says of the object, where the path does not. */
static void name_object(struct arena *a, struct str body, struct audit_object_reference *o)
{
    struct value v;
    const struct value *m;
    if (!body.n || value_parse(a, body, &v, NULL) < 0 || !(m = value_get(&v, STR("metadata"))) ||
        m->kind != JSON_OBJECT)
        return;
    if (!o->namespace.n)
        o->namespace = value_get_str(m, STR("namespace"));
    if (!o->name.n)
        o->name = value_get_str(m, STR("name"));
    o->uid = value_get_str(m, STR("uid"));
    o->resource_version = value_get_str(m, STR("resourceVersion"));
}

static struct audit_object_reference *object_of(struct arena *a, const struct request *q, struct str body)
{
    const struct route *r = &q->route;
    if (!r->is_resource)
        return NULL;
    struct audit_object_reference *o = arena_new(a, struct audit_object_reference);
    *o = (struct audit_object_reference){.resource = r->resource,
                                         .namespace = r->ns,
                                         .name = r->name,
                                         .api_group = r->group,
                                         .api_version = r->version,
                                         .subresource = r->subresource};
    if (str_is(r->verb, "create") || str_is(r->verb, "update"))
        name_object(a, body, o);
    return o;
}

static bool is_same_user(const struct user *a, const struct user *b)
{
    return str_eq(a->name, b->name) && str_eq(a->uid, b->uid) && a->groups.at == b->groups.at;
}

/* --- where it goes --- */

static struct str event_json(struct arena *a, const struct audit_event *e)
{
    _cleanup_buf_ struct buf b = {0};
    json_encode(&b, &audit_event_type, e);
    return arena_str(a, buf_str(&b));
}

/* The event as the backend takes it: without what was sent and answered where it is too large. Empty: too
 * large even so. */
static struct str fitted(struct arena *a, const struct backend *b, const struct audit_event *e,
                         struct str json)
{
    if (!b->o.event_most || json.n <= (size_t)b->o.event_most)
        return json;
    struct audit_event cut = *e;
    cut.request_object = cut.response_object = NULL;
    cut.annotations.at = arena_new_n(a, struct str_entry, e->annotations.n + 1);
    if (e->annotations.n)
        memcpy(cut.annotations.at, e->annotations.at, e->annotations.n * sizeof *cut.annotations.at);
    cut.annotations.at[cut.annotations.n++] = (struct str_entry){STR("audit.k8s.io/truncated"), STR("true")};
    qsort(cut.annotations.at, cut.annotations.n, sizeof *cut.annotations.at, str_qsort);
    json = event_json(a, &cut);
    return json.n <= (size_t)b->o.event_most ? json : (struct str){0};
}

static void add_quoted(struct buf *b, struct str_vec v)
{
    for (size_t i = 0; i < v.n; i++) {
        if (i)
            buf_add_c(b, ',');
        quote_go(b, v.at[i]);
    }
}

/* One line for people, as upstream's format "legacy" is. */
static struct str legacy_line(struct arena *a, const struct audit_event *e)
{
    _cleanup_buf_ struct buf b = {0};
    const struct user_info *as = e->impersonated_user;
    time_write_micro(&b, e->request_received_timestamp);
    const struct {
        const char *before;
        struct str text;
    } parts[] = {
        {" AUDIT: id=", e->audit_id},
        {" stage=", e->stage},
        {" ip=", e->source_ips.n ? e->source_ips.at[0] : STR("<unknown>")},
        {" method=", e->verb},
        {" user=", e->user.username.n ? e->user.username : STR("<none>")},
    };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        buf_add_str(&b, str_from(parts[i].before));
        quote_go(&b, parts[i].text);
    }
    buf_add_lit(&b, " groups=");
    if (e->user.groups.n)
        add_quoted(&b, e->user.groups);
    else
        buf_add_lit(&b, "<none>");
    buf_add_lit(&b, " as=");
    quote_go(&b, as ? as->username : STR("<self>"));
    buf_add_lit(&b, " asgroups=");
    if (as && as->groups.n)
        add_quoted(&b, as->groups);
    else
        buf_add_lit(&b, "<lookup>");
    buf_add_lit(&b, " namespace=");
    quote_go(&b, e->object_ref && e->object_ref->namespace.n ? e->object_ref->namespace : STR("<none>"));
    buf_add_lit(&b, " uri=");
    quote_go(&b, e->request_uri);
    if (e->response_status)
        buf_addf(&b, " response=\"%d\"", e->response_status->code);
    else
        buf_add_lit(&b, " response=\"<deferred>\"");
    return arena_str(a, buf_str(&b));
}

/* `receipt`: of who waits, where the backend makes requests wait; *waits: it is the queue's now. False: the
 * event is lost. */
static bool send_to(struct backend *b, struct str event, struct audit_receipt *receipt, bool *waits)
{
    if (!event.n) {
        atomic_fetch_add(&b->lost, 1);
        return false;
    }
    if (!b->queue) {
        bool good = audit_log_write(b->log, event);
        atomic_fetch_add(&b->lost, good ? 0 : 1);
        return good;
    }
    *waits = b->o.mode != AUDIT_BATCH && receipt;
    return audit_queue_add(b->queue, event, *waits ? receipt : NULL);
}

/* To all backends. 0; 1: the receipt is out; -1: lost where that counts. */
static int send_event(struct audit_note *n, struct arena *a, const struct audit_event *e, bool wait)
{
    struct str json = event_json(a, e);
    bool waits = false, refused = false;
    atomic_fetch_add(&n->audit->events, 1);
    for (int i = 0; i < BACKENDS; i++) {
        struct backend *b = &n->audit->backends[i];
        if (!b->log && !b->queue)
            continue;
        struct str text = fitted(a, b, e, json);
        if (text.n && i == LOG && n->audit->legacy)
            text = legacy_line(a, e);
        bool good = send_to(b, text, wait ? &n->receipt : NULL, &waits);
        refused |= !good && b->o.mode == AUDIT_BLOCKING_STRICT;
    }
    return waits ? 1 : refused ? -1 : 0;
}

static int write_event(struct request *q, struct str stage, int code, bool wait)
{
    struct audit_note *n = q->audit;
    if (audit_omits_stage(&n->decision, stage))
        return 0;
    _cleanup_arena_ struct arena a = {0};
    bool first = str_eq(stage, STAGE_REQUEST_RECEIVED);
    struct str query = http_query(q->http), from = http_peer_address(q->http);
    struct str body = first ? (struct str){0} : body_object(&a, q);
    struct user_info impersonated;
    struct audit_event e = {
        .level = n->decision.rule->level,
        .audit_id = q->audit_id,
        .stage = stage,
        .request_uri = arena_printf(&a, STR_FMT "%s" STR_FMT, STR_ARG(q->route.path), query.n ? "?" : "",
                                    STR_ARG(query)),
        .verb = q->route.verb,
        .source_ips = {&from, 1},
        .user_agent = http_header_get(q->http, STR("user-agent")),
        .object_ref = object_of(&a, q, body),
        .request_received_timestamp = n->received,
        .stage_timestamp = time_now_micro(),
    };
    e.kind = audit_event_resource.kind;
    e.api_version = audit_event_resource.api_version;
    fill_user(&a, n->user, &e.user);
    if (!is_same_user(n->user, &q->user)) {
        fill_user(&a, &q->user, &impersonated);
        e.impersonated_user = &impersonated;
    }
    if (!first) {
        e.response_status = status_of(&a, n, code);
        e.annotations = annotations_of(&a, q);
        if (n->decision.level >= AUDIT_REQUEST)
            e.request_object = object_or_none(&a, n, body);
        if (n->decision.level >= AUDIT_REQUEST_RESPONSE)
            e.response_object = object_or_none(&a, n, n->response);
    }
    return send_event(n, &a, &e, wait);
}

/* --- a request's stages --- */

/* On a thread of the queue. */
static void delivered(struct audit_receipt *r)
{
    struct audit_note *n = container_of(r, struct audit_note, receipt);
    struct request *q = n->request;
    if (n->wait == ENDING) {
        loop_post(q->loop, n->delivered);
        return;
    }
    bool strict = n->audit->backends[WEBHOOK].o.mode == AUDIT_BLOCKING_STRICT;
    n->wait = r->delivered || !strict ? BEGUN : REFUSED;
    q->waiter.wake(&q->waiter);
}

static int begin(struct audit *a, struct request *q, const struct user *user, bool wait)
{
    const struct route *r = &q->route;
    struct attributes at = {.user = user,
                            .verb = r->verb,
                            .is_resource = r->is_resource,
                            .group = r->group,
                            .version = r->version,
                            .resource = r->resource,
                            .subresource = r->subresource,
                            .ns = r->ns,
                            .name = r->name,
                            .path = r->path};
    struct audit_decision d = audit_policy_decide(a->policy, &at);
    atomic_fetch_add(&a->levels[d.level], 1);
    if (d.level == AUDIT_NONE)
        return 0;
    struct audit_note *n = arena_new(q->arena, struct audit_note);
    *n = (struct audit_note){.audit = a,
                             .request = q,
                             .decision = d,
                             .user = arena_dup(q->arena, user, sizeof *user),
                             .received = time_from_ns(clock_wall() - (clock_mono() - q->began)),
                             .receipt = {.done = delivered},
                             .wait = BEGINNING};
    q->audit = n;
    int rc = write_event(q, STAGE_REQUEST_RECEIVED, 0, wait);
    if (rc <= 0)
        n->wait = rc < 0 && wait ? REFUSED : BEGUN;
    return rc; /* else it may go on elsewhere by now */
}

int audit_begin(struct audit *a, struct request *q)
{
    if (!a)
        return 0;
    int rc = 0;
    if (!q->audit_decided) {
        q->audit_decided = true;
        if ((rc = begin(a, q, &q->user, true)) > 0)
            return 1;
    }
    if (!q->audit || q->audit->wait != REFUSED)
        return 0;
    atomic_fetch_add(&a->rejected, 1);
    return -1;
}

void audit_unauthenticated(struct audit *a, struct request *q)
{
    static const struct user nobody;
    if (!a || q->audit_decided)
        return;
    q->audit_decided = true;
    begin(a, q, &nobody, false);
}

bool audit_wants_response(const struct request *q)
{
    return q->audit && q->audit->decision.level >= AUDIT_REQUEST_RESPONSE;
}

void audit_response(struct request *q, struct str json)
{
    if (audit_wants_response(q))
        q->audit->response = arena_str(q->arena, json);
}

void audit_failure(struct request *q, const struct err *err)
{
    if (!q->audit)
        return;
    struct status s;
    status_of_err(q->arena, err, &s);
    _cleanup_buf_ struct buf b = {0};
    json_encode(&b, &status_type, &s);
    struct status *kept = arena_new(q->arena, struct status);
    json_decode(q->arena, &status_type, buf_str(&b), 0, kept, NULL, NULL);
    q->audit->status = kept;
    audit_response(q, buf_str(&b));
}

void audit_started(struct request *q, int code)
{
    if (q->audit)
        write_event(q, STAGE_RESPONSE_STARTED, code, false);
}

bool audit_holds(const struct request *q)
{
    const struct backend *hook = q->audit ? &q->audit->audit->backends[WEBHOOK] : NULL;
    return hook && hook->queue && hook->o.mode != AUDIT_BATCH;
}

bool audit_complete(struct request *q, int code, struct loop_task *task)
{
    struct audit_note *n = q->audit;
    if (!n || n->over)
        return false;
    n->over = true;
    n->wait = ENDING;
    n->delivered = task;
    return write_event(q, STAGE_RESPONSE_COMPLETE, code, task) > 0;
}

void audit_metrics(const struct audit *a, struct buf *out)
{
    static const char *const plugins[BACKENDS] = {"log", "webhook"};
    static const char *const levels[] = {"None", "Metadata", "Request", "RequestResponse"};
    if (!a)
        return;
    buf_addf(out,
             "# HELP apiserver_audit_event_total Audit events that were made.\n"
             "# TYPE apiserver_audit_event_total counter\napiserver_audit_event_total %llu\n"
             "# HELP apiserver_audit_requests_rejected_total Requests refused as they could not be noted.\n"
             "# TYPE apiserver_audit_requests_rejected_total counter\n"
             "apiserver_audit_requests_rejected_total %llu\n"
             "# HELP apiserver_audit_error_total Audit events that were lost.\n"
             "# TYPE apiserver_audit_error_total counter\n",
             (unsigned long long)atomic_load(&a->events), (unsigned long long)atomic_load(&a->rejected));
    for (int i = 0; i < BACKENDS; i++) {
        const struct backend *b = &a->backends[i];
        uint64_t lost = atomic_load(&b->lost) + (b->queue ? audit_queue_lost(b->queue) : 0);
        if (b->log || b->queue)
            buf_addf(out, "apiserver_audit_error_total{plugin=\"%s\"} %llu\n", plugins[i],
                     (unsigned long long)lost);
    }
    buf_add_lit(out, "# HELP apiserver_audit_level_total Requests by what the policy wants noted of them.\n"
                     "# TYPE apiserver_audit_level_total counter\n");
    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        buf_addf(out, "apiserver_audit_level_total{level=\"%s\"} %llu\n", levels[i],
                 (unsigned long long)atomic_load(&a->levels[i]));
}
