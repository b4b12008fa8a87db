/* Kinds that are served in several forms and stored in one: events.k8s.io/v1 Events as core Events,
 * autoscaling/v1 HorizontalPodAutoscalers as those of v2 (strings and lists are shared between the two, not
 * copied), and the versions of custom resources. Of these an object may also be of an older state of its
 * definition: it is shown as today's says, pruned and defaulted. */
#pragma once
#include "api/api.h"
#include "schema/field_selector.h"

/* The form that a resource is stored in: itself, mostly. */
static inline const struct resource *stored_form(const struct resource *r)
{
    return r->stored_as ? r->stored_as : r;
}

/* The form that objects are written in: of custom resources the version that is marked for storage. */
const struct resource *storage_form(const struct resource *r);

/* A struct of `from` as one of `to`, in `a`. One of the two is the stored form of the other. */
void *convert(struct arena *a, const struct resource *from, const struct resource *to, const void *typed);
/* Makes a selector over the served form's fields one over those of the stored form. */
void convert_fields(struct field_selector *s, const struct resource *stored);
/* An object as `to` shows it, at the same revision: takes a reference and gives one. */
struct object *convert_object(struct object *o, const struct resource *to);
/* The same of many, in place. Versions of a custom resource whose definition says so are converted by its
 * webhook, for which this waits: -1 when that fails, with all of them as they were. */
int convert_objects(struct api *a, struct object **at, size_t n, const struct resource *to, struct err *err);
/* A struct as another version shows it, in `a`: as convert, and by the webhook where the definition says so.
 * -1: that failed. */
int convert_struct(struct api *api, struct arena *a, const struct resource *from, const struct resource *to,
                   const void *typed, void **out, struct err *err);
/* Whether requests for the resource may wait for a webhook: not on a thread that must not block. */
bool convert_waits(const struct resource *r);
