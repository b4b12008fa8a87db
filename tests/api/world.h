/* A cluster's API over a store in memory, for the tests of the road: each test has a world of its own.
 * Requests are kept until the world ends, so that tests may look at answers as long as they like. */
#pragma once
#include "api/api.h"
#include "kinds/apps_v1.h"
#include "kinds/core_v1.h"
#include "schema/value.h"
#include "test.h"

struct world;

/* cmocka's setup and teardown. */
int world_open(void **state);
int world_close(void **state);
/* With these ranges of services (the second may be NULL); the server's address is of the first one's family.
 */
int world_open_cidrs(void **state, const char *first, const char *second);
struct api *world_api(struct world *w);
struct store *world_store(struct world *w);
/* The API stopped and begun anew over the same store, as a restart does. */
void world_restart(struct world *w);
void world_restart_cidrs(struct world *w, const char *first, const char *second);

/* A request, not run yet, in the world's arena. */
struct api_request *ask(struct world *w, enum api_verb verb, const struct resource *r, const char *ns,
                        const char *name);
/* Runs it; returns it. */
struct api_request *run(struct world *w, struct api_request *r);

/* The common ones. `json` may use ' for ". */
struct api_request *create(struct world *w, const struct resource *r, const char *ns, const char *json);
struct api_request *update(struct world *w, const struct resource *r, const char *ns, const char *name,
                           const char *json);
struct api_request *get(struct world *w, const struct resource *r, const char *ns, const char *name);
struct api_request *del(struct world *w, const struct resource *r, const char *ns, const char *name,
                        const char *options);
struct api_request *patch(struct world *w, const struct resource *r, const char *ns, const char *name,
                          enum api_patch_type type, const char *json);
struct api_request *list(struct world *w, const struct resource *r, const char *ns, const char *labels,
                         const char *fields);
struct api_request *sub(struct world *w, enum api_verb verb, const struct resource *r, const char *ns,
                        const char *name, const char *subresource, const char *json);
/* `json` with " for '. */
struct str quoted(struct world *w, const char *json);

/* A field of the answer's object by path ("spec.ports.0.nodePort"), as text; "" when absent. */
struct str field(struct world *w, const struct api_request *r, const char *path);
/* The answer as JSON. */
struct str shown(struct world *w, const struct api_request *r);

/* It worked, with this code; else the error is shown. */
#define assert_code(r, expected)                                                                             \
    do {                                                                                                     \
        const struct api_request *r_ = (r);                                                                  \
        if (r_->code != (expected))                                                                          \
            fail_msg("answered %d, not %d: " STR_FMT, r_->code, (expected), STR_ARG(r_->err.message));       \
    } while (0)
/* It failed so. */
#define assert_fails(r, code_, message_)                                                                     \
    do {                                                                                                     \
        const struct api_request *f_ = (r);                                                                  \
        assert_code(f_, code_);                                                                              \
        assert_str(f_->err.message, message_);                                                               \
    } while (0)
#define assert_field(w, r, path, expected) assert_str(field(w, r, path), expected)

/* A small pod; world_open has made the service account that it runs as. */
#define POD(name) "{'metadata':{'name':'" name "'},'spec':{'containers':[{'name':'c','image':'busybox'}]}}"
