/* The road for every change, behind authentication and authorization: decode, default, admit, validate, check the
 * precondition, commit, publish. Reads go the same way, shorter. The server and the in-process client both come here.
 *
 * A call runs on its caller's thread until it must wait for the store; then api_run returns API_PENDING, and once the
 * wait is over `wake` is called (on another thread, must not block); the caller then calls api_run again, on a thread
 * of its choice, until API_DONE. */
#pragma once
#include "schema/desc.h"
#include "schema/object.h"
#include "store/store.h"

struct api;

/* Who asks. Strings live as long as the request. */
struct user {
    struct str name, uid;
    struct str_vec groups;
    /* extra: key and values, as in UserInfo */
    struct user_extra {
        struct str key;
        struct str_vec values;
    } *extra;
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
};

enum media_type { MEDIA_JSON, MEDIA_YAML, MEDIA_PROTOBUF, MEDIA_CBOR };
enum api_patch_type { API_PATCH_JSON, API_PATCH_MERGE, API_PATCH_STRATEGIC, API_PATCH_APPLY };

/* A request. The caller fills the first part and owns all of it, in `arena`; the rest is the road's. */
struct api_request {
    struct arena *arena;
    const struct user *user;
    enum api_verb verb;
    const struct resource *resource;
    struct str ns, name, subresource;

    /* The body: bytes in a media type, or (in process) a struct of body_resource->type. */
    struct str body;
    enum media_type media;
    enum api_patch_type patch_type;
    const void *typed;
    const struct resource *typed_resource;

    /* Options, from the query string or the DeleteOptions body. */
    struct str label_selector, field_selector, resource_version, resource_version_match, continue_token;
    struct str field_manager, field_validation; /* "", "Ignore", "Warn", "Strict" */
    int64_t limit;
    bool dry_run, force;
    bool allow_bookmarks, send_initial_events;
    int64_t timeout_s; /* of watches; 0: a random half hour to an hour, as upstream */
    /* DeleteOptions given in process; the body's own win. grace_s -1: not said. */
    int64_t grace_s;
    struct str propagation_policy, precondition_uid, precondition_resource_version;

    void (*wake)(struct api_request *r);
    void *caller;

    /* The result, once API_DONE: an object (referenced), or a list, or a Status. */
    int code;              /* HTTP status */
    struct object *object; /* of single-object verbs */
    const void *virtual_typed; /* the answer of RESOURCE_VIRTUAL kinds and subresources with a type of their own */
    const struct resource *virtual_resource;
    struct api_list *list; /* of API_LIST */
    struct err err;        /* code >= 400 */
    struct str_vec warnings; /* Warning headers */
    bool status_success;   /* answer with a Status "Success" with details (upstream does for some deletes) */

    /* The road's own. */
    int step;
    struct change change;
    void *state;
};

/* A list: objects borrowed from a snapshot that it holds. */
struct api_list {
    struct snapshot *snapshot;
    struct object **at;
    size_t n;
    int64_t revision;
    struct str continue_token; /* empty at the end */
    int64_t remaining;         /* -1: not said */
};

enum api_state { API_PENDING, API_DONE };

struct api_options {
    struct store *store;
    struct str service_cidr;   /* "10.96.0.0/12" */
    struct str node_port_range; /* "30000-32767" */
};

int api_new(const struct api_options *o, struct api **out, struct err *err);
void api_free(struct api *a);
struct store *api_store(struct api *a);

enum api_state api_run(struct api *a, struct api_request *r);
/* Drops what the result holds: call once done with it (also when given up while pending: waits for the store). */
void api_finish(struct api *a, struct api_request *r);

/* API_WATCH: subscribes by the request's selectors and options. `wake` as store_watch. */
struct api_watch;
int api_watch_open(struct api *a, struct api_request *r, void (*wake)(void *arg), void *arg, struct api_watch **out,
                   struct err *err);
/* The next event, already filtered and turned by the selectors (an update that leaves the selection is DELETED). */
bool api_watch_next(struct api_watch *w, struct watch_event *ev);
int64_t api_watch_revision(struct api_watch *w);
void api_watch_close(struct api_watch *w);
