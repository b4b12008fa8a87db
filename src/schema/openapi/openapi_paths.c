#include "schema/openapi/openapi_paths.h"

#include "kinds/authentication_v1.h"
#include "kinds/autoscaling_v1.h"
#include "kinds/core_v1.h"
#include "kinds/meta_v1.h"
#include "kinds/policy_v1.h"

/* --- parameters --- */

enum param {
    PARAM_PRETTY = 1 << 0,
    PARAM_LIST = 1 << 1,
    PARAM_WRITE = 1 << 2,
    PARAM_FORCE = 1 << 3,
    PARAM_DELETE = 1 << 4,
    PARAM_DRY_RUN = 1 << 5,
    PARAM_LOG = 1 << 6,
};

static const struct {
    unsigned of;
    const char *name, *type, *doc;
} openapi_params[] = {
    {PARAM_LIST, "allowWatchBookmarks", "boolean", "Asks for events of type BOOKMARK."},
    {PARAM_LIST, "continue", "string", "Where a list that was given in parts goes on: as its metadata said."},
    {PARAM_DRY_RUN, "dryRun", "string", "All: everything is done but storing it."},
    {PARAM_WRITE, "fieldManager", "string", "Who makes the change, at most 128 printable characters."},
    {PARAM_LIST, "fieldSelector", "string",
     "Only objects whose fields match: metadata.name=a,status.phase!=Running."},
    {PARAM_WRITE, "fieldValidation", "string",
     "What becomes of fields that are unknown or given twice: Ignore, Warn (the default) or Strict."},
    {PARAM_FORCE, "force", "boolean", "An apply takes over fields that others manage."},
    {PARAM_DELETE, "gracePeriodSeconds", "integer",
     "How long the object may take to end; 0 ends it at once."},
    {PARAM_LIST, "labelSelector", "string", "Only objects whose labels match: app=web,tier in (a,b),!debug."},
    {PARAM_LIST, "limit", "integer", "At most so many objects in one answer."},
    {PARAM_DELETE, "orphanDependents", "boolean", "Of old: propagationPolicy says it better."},
    {PARAM_PRETTY, "pretty", "string", "true: the answer is indented for people."},
    {PARAM_DELETE, "propagationPolicy", "string",
     "What becomes of what the object owns: Orphan, Background or Foreground."},
    {PARAM_LIST, "resourceVersion", "string", "How old the data may be, or where a watch begins."},
    {PARAM_LIST, "resourceVersionMatch", "string", "How resourceVersion is meant: Exact or NotOlderThan."},
    {PARAM_LIST, "sendInitialEvents", "boolean", "A watch first tells of all objects there are."},
    {PARAM_LIST, "timeoutSeconds", "integer", "After how long the call ends, whatever happens."},
    {PARAM_LIST, "watch", "boolean", "Not a list, but a stream of changes."},
    {PARAM_LOG, "container", "string", "Which container; needed where the pod has several."},
    {PARAM_LOG, "follow", "boolean", "Goes on as the container writes."},
    {PARAM_LOG, "limitBytes", "integer", "At most so many bytes."},
    {PARAM_LOG, "previous", "boolean", "Of the container's previous run."},
    {PARAM_LOG, "sinceSeconds", "integer", "Only what is newer than so many seconds."},
    {PARAM_LOG, "tailLines", "integer", "Only the last lines."},
    {PARAM_LOG, "timestamps", "boolean", "Each line begins with its time."},
};

static void openapi_write_param(struct json_writer *w, const char *in, const char *name, const char *type,
                                const char *doc)
{
    bool path = in[0] == 'p';
    json_open(w, NULL, '{');
    json_str(w, "name", str_from(name));
    json_str(w, "in", str_from(in));
    json_str(w, "description", str_from(doc));
    if (path)
        json_raw(w, "required", STR("true"));
    if (w->v3)
        json_open(w, "schema", '{');
    json_str(w, "type", str_from(type));
    json_raw(w, "uniqueItems", STR("true"));
    if (w->v3)
        json_close(w, '}');
    json_close(w, '}');
}

static void openapi_write_query(struct json_writer *w, unsigned params)
{
    for (size_t i = 0; i < ARRAY_LEN(openapi_params); i++)
        if (openapi_params[i].of & params)
            openapi_write_param(w, "query", openapi_params[i].name, openapi_params[i].type,
                                openapi_params[i].doc);
}

/* --- operations --- */

/* What a method of a path does. */
struct operation {
    const char *method, *action, *verb; /* "get", x-kubernetes-action, and how its id begins */
    const char *needs;                  /* the resource's verb that must be there */
    unsigned params;
    bool body, answers_list, answers_status, creates;
};

static const struct operation op_list = {
    "get", "list", "list", "list", PARAM_PRETTY | PARAM_LIST, .answers_list = true};
static const struct operation op_create = {
    "post",       "post",         "create", "create", PARAM_PRETTY | PARAM_WRITE | PARAM_DRY_RUN,
    .body = true, .creates = true};
static const struct operation op_delete_all = {"delete",
                                               "deletecollection",
                                               "deleteCollection",
                                               "deletecollection",
                                               PARAM_PRETTY | PARAM_LIST | PARAM_DELETE | PARAM_DRY_RUN,
                                               .answers_status = true};
static const struct operation op_get = {"get", "get", "read", "get", PARAM_PRETTY};
static const struct operation op_update = {
    "put", "put", "replace", "update", PARAM_PRETTY | PARAM_WRITE | PARAM_DRY_RUN, .body = true};
static const struct operation op_patch = {
    "patch",     "patch", "patch", "patch", PARAM_PRETTY | PARAM_WRITE | PARAM_DRY_RUN | PARAM_FORCE,
    .body = true};
static const struct operation op_delete = {"delete",
                                           "delete",
                                           "delete",
                                           "delete",
                                           PARAM_PRETTY | PARAM_DELETE | PARAM_DRY_RUN,
                                           .answers_status = true};
static const struct operation op_log = {"get", "get", "read", NULL, PARAM_PRETTY | PARAM_LOG};
static const struct operation op_connect_get = {"get", "connect", "connectGet", NULL, 0};
static const struct operation op_connect_post = {"post", "connect", "connectPost", NULL, 0};

/* Where an operation stands. */
struct place {
    const struct resource *resource;
    const struct type *type; /* of bodies and answers; NULL: text */
    struct str group, version, kind;
    const char *subresource; /* "" for the object itself */
    bool namespaced, everywhere;
};

/* "Apps", "RbacAuthorization", or with a small first letter, for tags; "Core" for the first group. */
static void openapi_add_group(struct buf *out, struct str group, bool small)
{
    struct str part;
    if (str_ends(group, STR(".k8s.io")))
        group.n -= STR(".k8s.io").n;
    if (!group.n)
        group = STR("core");
    while (str_cut(&group, '.', &part)) {
        if (part.n && !small && part.p[0] >= 'a' && part.p[0] <= 'z')
            buf_add_c(out, (char)(part.p[0] - 0x20));
        else if (part.n)
            buf_add_c(out, part.p[0]);
        buf_add_str(out, str_from_at(part, 1));
        small = false;
    }
}

static void openapi_add_capital(struct buf *out, struct str s)
{
    if (s.n == 0)
        return;
    buf_add_c(out, s.p[0] >= 'a' && s.p[0] <= 'z' ? (char)(s.p[0] - 0x20) : s.p[0]);
    buf_add_str(out, str_from_at(s, 1));
}

/* "listCoreV1NamespacedPod", "replaceAppsV1NamespacedDeploymentStatus" */
static void openapi_write_id(struct json_writer *w, const struct operation *op, const struct place *p)
{
    const struct resource *r = p->resource;
    json_at(w, "operationId");
    buf_addf(w->out, "\"%s", op->verb);
    openapi_add_group(w->out, r->group, false);
    openapi_add_capital(w->out, r->version);
    buf_add_str(w->out, p->namespaced ? STR("Namespaced") : STR(""));
    buf_add_str(w->out, r->kind);
    openapi_add_capital(w->out, str_from(p->subresource));
    buf_add_str(w->out, p->everywhere ? STR("ForAllNamespaces\"") : STR("\""));
}

static const char *const openapi_media[] = {"application/json", "application/yaml",
                                            "application/vnd.kubernetes.protobuf"};
static const char *const openapi_list_media[] = {
    "application/json", "application/yaml", "application/vnd.kubernetes.protobuf",
    "application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch"};
static const char *const openapi_patch_media[] = {
    "application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json",
    "application/apply-patch+yaml"};
/* Custom resources have no Protobuf form, and nothing that says how to merge their lists strategically:
 * clients look here for what they may send. */
static const char *const openapi_custom_patch_media[] = {
    "application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"};
enum { OPENAPI_CUSTOM_MEDIA = 2 }; /* of the first list */
static const char *const openapi_any_media[] = {"*/*"};

struct media {
    const char *const *at;
    size_t n;
};

static struct media openapi_answer_media(const struct resource *r, bool list)
{
    return r->custom ? (struct media){openapi_media, OPENAPI_CUSTOM_MEDIA}
           : list    ? (struct media){openapi_list_media, ARRAY_LEN(openapi_list_media)}
                     : (struct media){openapi_media, ARRAY_LEN(openapi_media)};
}

static struct media openapi_body_media(const struct resource *r, const struct operation *op)
{
    return op != &op_patch ? (struct media){openapi_any_media, 1}
           : r->custom     ? (struct media){openapi_custom_patch_media, ARRAY_LEN(openapi_custom_patch_media)}
                           : (struct media){openapi_patch_media, ARRAY_LEN(openapi_patch_media)};
}

static void openapi_write_media(struct json_writer *w, const char *key, struct media media)
{
    json_open(w, key, '[');
    for (size_t i = 0; i < media.n; i++)
        json_str(w, NULL, str_from(media.at[i]));
    json_close(w, ']');
}

/* Version 3 says the schema once for each media type. */
static void openapi_write_content(struct json_writer *w, struct media media, const struct type *t)
{
    json_open(w, "content", '{');
    for (size_t i = 0; i < media.n; i++) {
        json_open_str(w, str_from(media.at[i]), '{');
        if (t)
            openapi_write_ref(w, "schema", t);
        else
            json_raw(w, "schema", STR("{\"type\":\"string\"}"));
        json_close(w, '}');
    }
    json_close(w, '}');
}

static void openapi_write_answer(struct json_writer *w, const char *code, const char *doc, struct media media,
                                 const struct type *t)
{
    json_open(w, code, '{');
    json_str(w, "description", str_from(doc));
    if (w->v3)
        openapi_write_content(w, media, t);
    else if (t)
        openapi_write_ref(w, "schema", t);
    else
        json_raw(w, "schema", STR("{\"type\":\"string\"}"));
    json_close(w, '}');
}

static void openapi_write_answers(struct json_writer *w, const struct operation *op, const struct place *p)
{
    const struct type *t = op->answers_status ? &status_type
                           : op->answers_list ? p->resource->list_type
                                              : p->type;
    const struct media one = openapi_answer_media(p->resource, false);
    json_open(w, "responses", '{');
    openapi_write_answer(w, "200", "OK", openapi_answer_media(p->resource, op->answers_list), t);
    if (op->creates || op->body)
        openapi_write_answer(w, "201", "Created", one, t);
    if (op->creates || op == &op_delete)
        openapi_write_answer(w, "202", "Accepted", one, t);
    json_raw(w, "401", STR("{\"description\":\"Unauthorized\"}"));
    json_close(w, '}');
}

static void openapi_write_body(struct json_writer *w, const struct operation *op, const struct resource *r,
                               const struct type *t)
{
    if (!w->v3) {
        json_open(w, NULL, '{');
        json_str(w, "name", STR("body"));
        json_str(w, "in", STR("body"));
        if (op->body)
            json_raw(w, "required", STR("true"));
        openapi_write_ref(w, "schema", t);
        json_close(w, '}');
        return;
    }
    json_open(w, "requestBody", '{');
    openapi_write_content(w, openapi_body_media(r, op), t);
    if (op->body)
        json_raw(w, "required", STR("true"));
    json_close(w, '}');
}

static void openapi_write_operation(struct json_writer *w, struct openapi_defs *d, const struct operation *op,
                                    const struct place *p)
{
    bool patch = op == &op_patch, deletes = op == &op_delete || op == &op_delete_all;
    const struct type *body = patch      ? &openapi_patch_type
                              : deletes  ? &delete_options_type
                              : op->body ? p->type
                                         : NULL;
    json_open(w, op->method, '{');
    json_open(w, "tags", '[');
    json_at(w, NULL);
    buf_add_c(w->out, '"');
    openapi_add_group(w->out, p->resource->group, true);
    buf_addf(w->out, "_" STR_FMT "\"", STR_ARG(p->resource->version));
    json_close(w, ']');
    openapi_write_id(w, op, p);
    if (!w->v3) {
        openapi_write_media(w, "consumes", openapi_body_media(p->resource, op));
        openapi_write_media(w, "produces", openapi_answer_media(p->resource, op->answers_list));
        json_raw(w, "schemes", STR("[\"https\"]"));
    }
    json_open(w, "parameters", '[');
    openapi_write_query(w, op->params);
    if (body && !w->v3)
        openapi_write_body(w, op, p->resource, body);
    json_close(w, ']');
    if (body && w->v3)
        openapi_write_body(w, op, p->resource, body);
    openapi_write_answers(w, op, p);
    json_str(w, "x-kubernetes-action", str_from(op->action));
    openapi_write_gvk(w, p->group, p->version, p->kind);
    json_close(w, '}');
    if (body)
        openapi_defs_add(d, body);
    if (op->answers_status || deletes)
        openapi_defs_add(d, &status_type);
}

/* --- paths --- */

static bool openapi_allows(const struct resource *r, const char *verb)
{
    for (size_t i = 0; verb && i < r->n_verbs; i++)
        if (str_is(r->verbs[i], verb))
            return true;
    return !verb;
}

/* A path with those of the operations that the resource allows; none: no path. */
static void openapi_write_path(struct json_writer *w, struct openapi_defs *d, const struct place *p,
                               bool named, const struct operation *const *ops, size_t n, bool checked)
{
    const struct resource *r = p->resource;
    size_t allowed = 0;
    for (size_t i = 0; i < n; i++)
        allowed += !checked || openapi_allows(r, ops[i]->needs);
    if (!allowed)
        return;
    json_at(w, NULL);
    buf_addf(w->out, r->group.n ? "\"/apis/" STR_FMT "%s" STR_FMT : "\"/api" STR_FMT "%s" STR_FMT,
             STR_ARG(r->group), "/", STR_ARG(r->version));
    buf_addf(w->out, "%s/" STR_FMT "%s%s%s\":{", p->namespaced ? "/namespaces/{namespace}" : "",
             STR_ARG(r->plural), named ? "/{name}" : "", *p->subresource ? "/" : "", p->subresource);
    w->comma = false;
    for (size_t i = 0; i < n; i++)
        if (!checked || openapi_allows(r, ops[i]->needs))
            openapi_write_operation(w, d, ops[i], p);
    if (named || p->namespaced) {
        json_open(w, "parameters", '[');
        if (named)
            openapi_write_param(w, "path", "name", "string", "The object's name.");
        if (p->namespaced)
            openapi_write_param(w, "path", "namespace", "string", "The namespace that the object is in.");
        json_close(w, ']');
    }
    json_close(w, '}');
}

static const struct operation *const ops_all[] = {&op_list, &op_create, &op_delete_all};
static const struct operation *const ops_one[] = {&op_get, &op_update, &op_patch, &op_delete};
static const struct operation *const ops_part[] = {&op_get, &op_update, &op_patch};
static const struct operation *const ops_put[] = {&op_update};
static const struct operation *const ops_post[] = {&op_create};
static const struct operation *const ops_log[] = {&op_log};
static const struct operation *const ops_connect[] = {&op_connect_get, &op_connect_post};

/* What is known of subresources by name; of others, that they are parts of the object. `kind` NULL: the
 * resource's own form. */
static const struct {
    const char *name;
    const struct operation *const *ops;
    size_t n;
    const struct resource *kind;
    bool text;
} openapi_subresources[] = {
    {"scale", ops_part, 3, &scale_resource, false},
    {"finalize", ops_put, 1, NULL, false},
    {"binding", ops_post, 1, &binding_resource, false},
    {"eviction", ops_post, 1, &eviction_resource, false},
    {"token", ops_post, 1, &authentication_token_request_resource, false},
    {"log", ops_log, 1, NULL, true},
    {"exec", ops_connect, 2, NULL, true},
    {"attach", ops_connect, 2, NULL, true},
    {"portforward", ops_connect, 2, NULL, true},
    {"proxy", ops_connect, 2, NULL, true},
};

static void openapi_write_subresource(struct json_writer *w, struct openapi_defs *d, struct place p,
                                      struct str name)
{
    const struct operation *const *ops = ops_part;
    char text[64] = {0};
    size_t n = ARRAY_LEN(ops_part);
    if (name.n >= sizeof text)
        return;
    memcpy(text, name.p, name.n);
    p.subresource = text;
    for (size_t i = 0; i < ARRAY_LEN(openapi_subresources); i++) {
        if (!str_is(name, openapi_subresources[i].name))
            continue;
        const struct resource *kind = openapi_subresources[i].kind;
        ops = openapi_subresources[i].ops;
        n = openapi_subresources[i].n;
        if (kind) {
            p.type = kind->type;
            p.group = kind->group;
            p.version = kind->version;
            p.kind = kind->kind;
        } else if (openapi_subresources[i].text) {
            p.type = NULL;
        }
    }
    if (p.type)
        openapi_defs_add(d, p.type);
    openapi_write_path(w, d, &p, true, ops, n, false);
}

void openapi_write_paths(struct json_writer *w, struct openapi_defs *d, const struct resource *r)
{
    bool namespaced = r->flags & RESOURCE_NAMESPACED;
    struct place p = {r, r->type, r->group, r->version, r->kind, "", namespaced, false};
    openapi_defs_add(d, r->type);
    if (r->list_type && openapi_allows(r, "list"))
        openapi_defs_add(d, r->list_type);
    openapi_write_path(w, d, &p, false, ops_all, ARRAY_LEN(ops_all), true);
    openapi_write_path(w, d, &p, true, ops_one, ARRAY_LEN(ops_one), true);
    for (size_t i = 0; i < r->n_subresources; i++)
        openapi_write_subresource(w, d, p, r->subresources[i]);
    if (namespaced) {
        struct place all = p;
        all.namespaced = false;
        all.everywhere = true;
        openapi_write_path(w, d, &all, false, ops_all, 1, true);
    }
}
