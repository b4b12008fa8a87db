#include "server/audit/audit.h"

#include <stdlib.h>

#include "base/clock.h"
#include "kinds/authentication_v1.h"
#include "kinds/meta_v1.h"
#include "schema/json.h"
#include "schema/proto.h"
#include "schema/timestamp.h"
#include "schema/yaml.h"
#include "server/status.h"

struct audit {
    struct arena arena;
    const struct policy *policy; /* in it */
    struct audit_log *log;
};

/* A request that is noted; in its arena. */
struct audit_note {
    struct audit *audit;
    struct audit_decision decision;
    const struct user *user; /* who came, whoever he acts as */
    struct time received;
    struct str response;         /* JSON */
    const struct status *status; /* of a failure */
    bool over;
};

int audit_new(struct str policy, const struct audit_log_options *log, struct audit **out, struct err *err)
{
    struct audit *a = mem_zalloc(sizeof *a);
    if (audit_policy_parse(&a->arena, policy, &a->policy, err) < 0 || audit_log_open(log, &a->log, err) < 0) {
        audit_free(a);
        return -1;
    }
    *out = a;
    return 0;
}

void audit_free(struct audit *a)
{
    if (!a)
        return;
    arena_free(&a->arena);
    audit_log_close(a->log);
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

static struct audit_object_reference *object_of(struct arena *a, const struct route *r)
{
    if (!r->is_resource)
        return NULL;
    struct audit_object_reference *o = arena_new(a, struct audit_object_reference);
    *o = (struct audit_object_reference){.resource = r->resource,
                                         .namespace = r->ns,
                                         .name = r->name,
                                         .api_group = r->group,
                                         .api_version = r->version,
                                         .subresource = r->subresource};
    return o;
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

/* What authorization and admission have noted. */
static struct str_map annotations_of(struct arena *a, const struct request *q)
{
    const struct str_map *noted = &q->api.audit_annotations;
    struct str_map m = {arena_new_n(a, struct str_entry, noted->n + 2), 0};
    if (!str_empty(q->decision)) {
        m.at[m.n++] = (struct str_entry){STR("authorization.k8s.io/decision"), q->decision};
        m.at[m.n++] = (struct str_entry){STR("authorization.k8s.io/reason"), q->decision_reason};
    }
    for (size_t i = 0; i < noted->n; i++)
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

static bool is_same_user(const struct user *a, const struct user *b)
{
    return str_eq(a->name, b->name) && str_eq(a->uid, b->uid) && a->groups.at == b->groups.at;
}

static void write_event(const struct request *q, struct str stage, int code)
{
    struct audit_note *n = q->audit;
    if (audit_omits_stage(&n->decision, stage))
        return;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf b = {0};
    struct str query = http_query(q->http), from = http_peer_address(q->http);
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
        .object_ref = object_of(&a, &q->route),
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
    if (!str_eq(stage, STAGE_REQUEST_RECEIVED)) {
        e.response_status = status_of(&a, n, code);
        e.annotations = annotations_of(&a, q);
        if (n->decision.level >= AUDIT_REQUEST)
            e.request_object = object_or_none(&a, n, body_object(&a, q));
        if (n->decision.level >= AUDIT_REQUEST_RESPONSE)
            e.response_object = object_or_none(&a, n, n->response);
    }
    json_encode(&b, &audit_event_type, &e);
    audit_log_write(n->audit->log, buf_str(&b));
}

/* --- a request's stages --- */

static void begin(struct audit *a, struct request *q, const struct user *user)
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
    if (d.level == AUDIT_NONE)
        return;
    struct audit_note *n = arena_new(q->arena, struct audit_note);
    *n = (struct audit_note){.audit = a,
                             .decision = d,
                             .user = arena_dup(q->arena, user, sizeof *user),
                             .received = time_from_ns(clock_wall() - (clock_mono() - q->began))};
    q->audit = n;
    write_event(q, STAGE_REQUEST_RECEIVED, 0);
}

void audit_begin(struct audit *a, struct request *q)
{
    if (!a || q->audit_decided)
        return;
    q->audit_decided = true;
    begin(a, q, &q->user);
}

void audit_unauthenticated(struct audit *a, struct request *q)
{
    static const struct user nobody;
    if (!a || q->audit_decided)
        return;
    q->audit_decided = true;
    begin(a, q, &nobody);
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
        write_event(q, STAGE_RESPONSE_STARTED, code);
}

void audit_complete(struct request *q, int code)
{
    if (!q->audit || q->audit->over)
        return;
    q->audit->over = true;
    write_event(q, STAGE_RESPONSE_COMPLETE, code);
}
