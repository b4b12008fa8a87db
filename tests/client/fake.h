/* A transport for tests: calls are written down and answered by the test, informers are told what the test
 * says. */
#pragma once
#include "client/transport.h"
#include "kinds/core_v1.h"

enum { FAKE_CALLS = 64 };

struct fake {
    struct client client;
    pthread_mutex_t mutex;
    struct arena arena;
    size_t n;
    struct {
        enum call_verb verb;
        const struct resource *resource;
        struct str name, sub;
        struct object *body; /* of creates and updates */
    } calls[FAKE_CALLS];
    enum err_reason refuse; /* the next call */
    int64_t revision;       /* of the last write */
};

struct fake *fake_new(void);
/* Frees the client too. */
void fake_free(struct fake *f);
/* A config map at a revision; `owner` is the uid of its controller, NULL for none. */
struct object *fake_map(const char *ns, const char *name, int64_t revision, const char *owner);
