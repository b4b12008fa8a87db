/* A change as those see it who judge or alter it from outside: webhooks and policies (upstream:
 * AdmissionRequest, admission.VersionedAttributes). */
#pragma once
#include "api/api.h"
#include "kinds/admission_v1.h"
#include "schema/value.h"

/* The kind of the objects: `as`, which their rules name, or what the subresource takes. */
const struct resource *review_shown(const struct api_attributes *at, const struct resource *as);
/* at->object or at->old as that kind shows it, with kind and apiVersion: a copy in `a` that shares what it
 * points at. NULL when there is none. -1: it cannot be converted to that, as its webhook says. */
int review_object(struct arena *a, const struct api_attributes *at, const struct resource *shown,
                  const void *typed, void **out, struct err *err);
/* What is asked, without uid and objects. In `a`. */
void review_request(struct arena *a, const struct api_attributes *at, const struct resource *as,
                    struct admission_request *out);
/* Makes at->object what `doc` says, in the form of `shown`, defaults and all. *changed: it makes a
 * difference. -1: it is no such object. */
int review_alter(const struct api_attributes *at, const struct resource *shown, const struct value *doc,
                 bool *changed, struct err *err);
