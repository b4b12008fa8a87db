#include "api/sub/sub.h"

#include "kinds/certificates_v1.h"

enum {
    VERB_GET = 1 << API_GET,
    VERB_CREATE = 1 << API_CREATE,
    VERB_WRITE = 1 << API_UPDATE | 1 << API_PATCH
};

static const struct subresource {
    const char *name;
    const struct resource *of; /* NULL: of every kind that declares it */
    unsigned verbs;
    road_step step;
} subresources[] = {
    {"status", NULL, VERB_GET | VERB_WRITE, sub_status},
    {"scale", NULL, VERB_GET | VERB_WRITE, sub_scale},
    {"binding", &pod_resource, VERB_CREATE, sub_binding},
    {"eviction", &pod_resource, VERB_CREATE, sub_eviction},
    {"ephemeralcontainers", &pod_resource, VERB_GET | VERB_WRITE, sub_ephemeral_containers},
    {"resize", &pod_resource, VERB_GET | VERB_WRITE, sub_resize},
    {"token", &service_account_resource, VERB_CREATE, sub_token},
    {"finalize", &namespace_resource, 1 << API_UPDATE, sub_finalize},
    {"approval", &certificate_signing_request_resource, VERB_GET | VERB_WRITE, sub_approval},
};

static bool declares(const struct resource *r, struct str subresource)
{
    for (size_t i = 0; i < r->n_subresources; i++)
        if (str_eq(r->subresources[i], subresource))
            return true;
    return false;
}

road_step sub_find(const struct road *d)
{
    for (size_t i = 0; i < ARRAY_LEN(subresources); i++) {
        const struct subresource *s = &subresources[i];
        if (str_is(d->r->subresource, s->name) &&
            (s->of ? s->of == d->resource : declares(d->resource, d->r->subresource)))
            return s->verbs & 1u << d->r->verb ? s->step : NULL;
    }
    return NULL;
}

int sub_status(struct road *d)
{
    return d->r->verb == API_GET ? verb_get(d) : d->r->verb == API_UPDATE ? verb_update(d) : verb_patch(d);
}
