/* Kinds that are served in several forms and stored in one: events.k8s.io/v1 Events as core Events,
 * autoscaling/v1 HorizontalPodAutoscalers as those of v2. Strings and lists are shared between the two, not
 * copied. */
#pragma once
#include "schema/field_selector.h"
#include "schema/object.h"

/* The form that a resource is stored in: itself, mostly. */
static inline const struct resource *stored_form(const struct resource *r)
{
    return r->stored_as ? r->stored_as : r;
}

/* A struct of `from` as one of `to`, in `a`. One of the two is the stored form of the other. */
void *convert(struct arena *a, const struct resource *from, const struct resource *to, const void *typed);
/* Makes a selector over the served form's fields one over those of the stored form. */
void convert_fields(struct field_selector *s, const struct resource *stored);
/* An object as `to` shows it, at the same revision: takes a reference and gives one. */
struct object *convert_object(struct object *o, const struct resource *to);
