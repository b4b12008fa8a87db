/* The road for every change, behind authentication and authorization: decode, default, admit, validate, check
 * the precondition, commit, publish. Reads go the same way, shorter. The server and the in-process client
 * both come here.
 *
 * A call runs on its caller's thread until it must wait for the store; then api_run returns API_PENDING, and
 * once the wait is over `wake` is called (on another thread, must not block); the caller then calls api_run
 * again, on a thread of its choice, until API_DONE. Callers that may block use api_call. */
#pragma once
#include "schema/desc.h"
#include "schema/object.h"
#include "store/store.h"

struct api;
struct cel_authz_check;
struct cel_authz_answer;

/* Who asks. Strings live as long as the request. */
struct user {
    struct str name, uid;
    struct str_vec groups;
    /* extra: key and values, as in UserInfo */
    struct user_extra {
        struct str key;
        struct str_vec values;
    } * extra;
    size_t n_extra;
};

enum api_verb {
    API_GET,
    API_LIST,
    API_WATCH,
    API_CREATE,
    API_UPDATE,
    API_PATCH,
    API_DELETE,
    API_DELETE_COLLECTION,
    API_CONNECT, /* to a subresource that streams: only admission is asked; `typed` are its options */
};

enum media_type { MEDIA_JSON, MEDIA_YAML, MEDIA_PROTOBUF, MEDIA_CBOR };
/* API_PATCH_OTHER: a content type that is none of upstream's patches, answered with 415. */
enum api_patch_type {
    API_PATCH_JSON,
    API_PATCH_MERGE,
    API_PATCH_STRATEGIC,
    API_PATCH_APPLY,
    API_PATCH_OTHER
};

/* A request. The caller zeroes it, fills the first part and owns all of it, in `arena`; the rest is the
 * road's. */
struct api_request {
    struct arena *arena;
    const struct user *user; /* NULL: the API itself ("system:apiserver") */
    bool authorize;          /* first of all: the server has, but who calls in process has not */
    enum api_verb verb;
    const struct resource *resource;
    struct str ns, name, subresource;

    /* The body: bytes in a media type, or (in process) a struct that typed_resource->type describes (NULL:
     * that is `resource`). The struct is only read, and must live until the result is finished with. */
    struct str body;
    enum media_type media;
    enum api_patch_type patch_type;
    const void *typed;
    const struct resource *typed_resource;

    /* Options, from the query string or the DeleteOptions body. */
    struct str label_selector, field_selector, resource_version, resource_version_match, continue_token;
    struct str field_manager, field_validation; /* "", "Ignore", "Warn", "Strict" */
    struct str agent; /* what the client calls itself: the field manager where it names none */
    int64_t limit;
    bool dry_run, force;
    struct str dry_run_text; /* the query parameter as it came, checked here: "" or "All"; sets dry_run */
    bool allow_bookmarks, send_initial_events;
    bool send_initial_events_said; /* the query had sendInitialEvents at all */
    int64_t timeout_s;             /* of watches; 0: a random half hour to an hour, as upstream */
    /* DeleteOptions from the query or in process; the body's own win. grace_said tells grace_s 0 from
     * silence. */
    bool grace_said;
    int64_t grace_s;
    struct str propagation_policy, precondition_uid, precondition_resource_version;

    void (*wake)(struct api_request *r); /* for api_run; api_call needs none */
    void *caller;

    /* The result, once API_DONE: an object (referenced), or a struct, or a list, or a Status. */
    int code;              /* HTTP status: 200, 201, 202, or >= 400 with err */
    struct object *object; /* of single-object verbs */
    const void
        *virtual_typed; /* the answer of RESOURCE_VIRTUAL kinds and subresources with a type of their own */
    const struct resource *virtual_resource;
    struct api_list *list;            /* of API_LIST; of API_DELETE_COLLECTION: what was deleted */
    struct err err;                   /* code >= 400 */
    struct str expired_continue;      /* with ERR_EXPIRED of a list: the Status' metadata.continue */
    struct str_map audit_annotations; /* what admission leaves for the audit log */
    struct str_vec warnings;          /* Warning headers: the text alone, agent and quotes are the server's */
    /* Answer with a Status "Success" whose details are these (upstream does for deletes that are complete,
     * bindings and evictions). */
    bool status_success;
    struct str success_name, success_uid;

    /* The road's own. */
    void *state;
    /* The hooks' own, where they authorize: what they were told already; and that the request is to be woken
     * when more is known, which each run begins without. */
    void *asked;
    bool asking;
};

/* A list. Each object is referenced until api_finish. */
struct api_list {
    struct object **at;
    size_t n;
    int64_t revision;
    struct str continue_token; /* empty at the end */
    int64_t remaining;         /* remainingItemCount; -1: not said */
};

enum api_state { API_PENDING, API_DONE };

/* What a change looks like to those who may alter or refuse it, in upstream's words (admission.Attributes).
 */
enum api_operation { API_OP_CREATE, API_OP_UPDATE, API_OP_DELETE, API_OP_CONNECT };
struct api_attributes {
    struct api_request
        *request; /* its user, resource, ns, subresource; name may still be empty (generateName) */
    enum api_operation operation;
    const struct resource *resource; /* of `object`: the request's own but for subresources of another type */
    void *object;    /* create, update: the new struct; mutators change it in request->arena */
    const void *old; /* update, delete: the present one */
    bool dry_run;
    const struct delete_options *options; /* delete */
    void *state; /* the hook's own while it is pending: zero at the first call of each attempt */
    /* Mutators run a second time, all of them, when one of the first time asked for it: then `again` is set.
     * `kept` is the hook's own between the two. */
    bool reinvoke, again;
    void *kept;
    void *policies; /* what mutating policies keep between the two */
};

/* Joins the chain behind the built-in plugins. Return 0 to let the change pass, -1 with err to refuse it, 1
 * when it must wait: then call request->wake later, and the hook is called again with the same attributes.
 * Either function may be NULL. `mutate` is run (in order of registration) before any `validate`. */
struct api_admission {
    const char *name;
    bool webhooks; /* it is what upstream calls MutatingAdmissionWebhook and ValidatingAdmissionWebhook */
    int (*mutate)(void *arg, struct api_attributes *at, struct err *err);
    int (*validate)(void *arg, struct api_attributes *at, struct err *err);
    void *arg;
};

/* What a service account token says (serviceaccounts/token). */
struct api_token_claims {
    struct str ns, service_account, uid;
    struct str_vec audiences;
    struct str bound_kind, bound_name, bound_uid; /* "Pod", "Secret", "Node"; empty: not bound */
    struct str node_name, node_uid;               /* of a bound pod that has a node */
    int64_t issued_s, expires_s, warn_after_s;    /* since 1970; warn_after_s 0: no such claim */
};

struct api_options {
    struct store *store;
    /* One range, or one of each family, of which the first is the main one; empty: "10.96.0.0/12". */
    struct str_vec service_cidrs;
    struct str node_port_range; /* empty: "30000-32767" */
    /* Where services default/kubernetes lead: an address, of the main family, and the secure port. Empty:
     * neither it nor its endpoints are made. */
    struct str advertise_address;
    uint16_t advertise_port;
    struct str_vec api_audiences; /* of tokens that ask for none */
    int64_t token_most_s;         /* how long a token may live; 0: 2^32 seconds */
    bool token_exact;             /* tokens of kube-api-access volumes do not outlive what they say */
    const struct admission_settings *admission; /* NULL: the usual. They outlive the API */
};

int api_new(const struct api_options *o, struct api **out, struct err *err);
void api_free(struct api *a);

/* A call to a webhook: JSON that is posted to a URL, or to a service of the cluster. */
struct api_webhook {
    struct str url; /* empty: a service */
    struct str service_namespace, service_name, service_path;
    int32_t service_port;
    struct str ca_bundle; /* PEM; empty: the system's authorities */
    struct str body;
    int64_t timeout_s;
};

/* What the floor above lends to the road, as only it knows keys and permissions. Each is called on the thread
 * that runs the request, and must not block. Set before the first request; without them nothing is asked. */
struct api_hooks {
    void *arg;
    /* May this write be? Asked behind what alters the object and before validation, for create, update, patch
     * and apply, of subresources too; `before` is NULL for a create. RBAC refuses escalation here. -1: err
     * says why not. 1: it waits; then it calls r->wake later, and is called again. */
    int (*guard)(void *arg, struct api_request *r, struct object *before, const void *typed, struct err *err);
    /* Answers the create of a RESOURCE_VIRTUAL kind that needs keys or permissions (TokenReview,
     * SubjectAccessReview and its like): fills in the status of the decoded, defaulted, valid `typed` (of
     * `type`), with memory of r->arena. 1: it waits; then it calls r->wake later, and is called again. NULL:
     * they are not found. */
    int (*answer)(void *arg, struct api_request *r, const struct resource *type, void *typed,
                  struct err *err);
    /* Signs what serviceaccounts/token has looked up and checked. NULL: that is not found. */
    int (*sign_token)(void *arg, const struct api_token_claims *claims, struct arena *a, struct str *token,
                      struct err *err);
    /* Calls a webhook and waits for its answer, which is added to `answer`; the one that does block. NULL: no
     * webhook can be called. */
    int (*call_webhook)(void *arg, const struct api_webhook *w, struct buf *answer, struct err *err);
    /* May the request's user (or the service account that the check names) do that, whatever it is? For the
     * authorizer of CEL expressions (cel/cel.h), and for what one request implies of another (create by
     * update); strings of the answer in r->arena. Where the answer `waits`, r->wake is called later, once.
     * NULL: an error to expressions, and a yes else. */
    void (*authorize)(void *arg, struct api_request *r, const struct cel_authz_check *check,
                      struct cel_authz_answer *answer);
};
void api_set_hooks(struct api *a, const struct api_hooks *hooks);
struct store *api_store(struct api *a);
/* Before the first request that it is to see; no other may be under way. The struct is copied. */
void api_add_admission(struct api *a, const struct api_admission *admission);
/* Takes one out again, by its `arg`, likewise. */
void api_drop_admission(struct api *a, const void *arg);
/* Makes what every cluster has, through the road itself: namespaces, priority classes, service
 * default/kubernetes and its endpoints. From then on events go an hour after their last change. Idempotent;
 * blocks. */
int api_bootstrap(struct api *a, struct err *err);

/* Whether requests for the resource may block, as conversions by a webhook do: then not on an event loop. */
bool api_waits(const struct resource *r);
enum api_state api_run(struct api *a, struct api_request *r);
/* The same, waiting. Returns 0, or -1 when code >= 400 (the error stays in r->err). */
int api_call(struct api *a, struct api_request *r);
/* Drops what the result holds: call once done with it (also when given up while pending: waits for the
 * store). */
void api_finish(struct api *a, struct api_request *r);

/* What admission says to the client and to the audit log. Of two annotations of one key the first stays. */
void api_warn(struct api_request *r, struct str text);
void api_annotate(struct api_request *r, struct str key, struct str value);

/* API_WATCH: subscribes by the request's selectors and options. `wake` as store_watch. ERR_EXPIRED: the
 * revision is too old (upstream says so in the stream: 200 with one ERROR event that holds the Status). The
 * request's strings must live until the watch is closed. */
struct api_watch;
int api_watch_open(struct api *a, struct api_request *r, void (*wake)(void *arg), void *arg,
                   struct api_watch **out, struct err *err);
/* The next event, already filtered and turned by the selectors (an update that leaves the selection is
 * DELETED). A bookmark comes by itself only once: behind the initial events of a streaming list, with
 * ev->initial_end set. */
bool api_watch_next(struct api_watch *w, struct watch_event *ev);
/* For periodic bookmarks (upstream: about once a minute where allow_bookmarks is set): what they may say. */
int64_t api_watch_revision(struct api_watch *w);
/* The definition of what it watches is gone: it ends. */
bool api_watch_over(const struct api_watch *w);
/* How long it may last, in seconds, by the request's timeout_s. */
int64_t api_watch_timeout_s(const struct api_watch *w);
void api_watch_close(struct api_watch *w);
