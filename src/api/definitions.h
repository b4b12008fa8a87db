/* What becomes of custom resource definitions: names are accepted, kinds are established, and a definition
 * that is deleted takes its objects with it. Upstream has a controller for each (apiextensions-apiserver's
 * naming, establishing, approval and finalizing controllers); here one thread follows the definitions in the
 * store. */
#pragma once
#include "api/api.h"

struct definitions;

#define DEFINITION_FINALIZER STR("customresourcecleanup.apiextensions.k8s.io")
#define APPROVAL_ANNOTATION  STR("api-approved.kubernetes.io")

int definitions_start(struct api *a, struct definitions **out, struct err *err);
void definitions_stop(struct definitions *d); /* NULL is fine */

struct custom_resource_definition;
/* A deletion has been asked for: the objects go first. */
void definition_mark_deleted(struct custom_resource_definition *d, struct arena *a);

/* Whether groups of that name belong to the Kubernetes community (*.k8s.io, *.kubernetes.io). */
bool definition_is_protected(struct str group);
enum definition_approval { APPROVAL_MISSING, APPROVAL_INVALID, APPROVAL_BYPASSED, APPROVED };
/* What the annotation says, and `why` in upstream's words. */
enum definition_approval definition_approval(const struct custom_resource_definition *d, struct arena *a,
                                             struct str *why);
