/* Pods, as the controllers that make and delete them see them (pkg/controller/controller_utils.go). */
#pragma once
#include "controllers/controller.h"
#include "controllers/meta.h"

static inline const struct pod *pod_of(struct object *o)
{
    return object_typed(o);
}

/* Neither finished nor being deleted. */
bool pod_is_active(const struct pod *p);
bool pod_is_terminal(const struct pod *p); /* Succeeded or Failed */
bool pod_is_ready(const struct pod *p);
/* Ready for at least `min_ready_s`. */
bool pod_is_available(const struct pod *p, int32_t min_ready_s);
/* In how many ns a ready pod becomes available; -1: it is already, or is not ready. */
int64_t pod_available_in(const struct pod *p, int32_t min_ready_s);
const struct pod_condition *pod_condition_get(const struct pod *p, struct str type);

/* A pod out of a template, owned and controlled by `owner`; its name will begin with the owner's. */
struct pod *pod_from_template(struct arena *a, const struct pod_template_spec *t, struct object *owner);
/* Creates them all at once, and tells of each in an event of the owner. Returns how many could not be
 * created; *first is then why the first could not. */
size_t pods_create(struct work *w, struct object *owner, struct pod *const *pods, size_t n,
                   struct err *first);
/* The same with deleting; those that are gone already count as deleted. */
size_t pods_delete(struct work *w, struct object *owner, struct object *const *pods, size_t n,
                   struct err *first);

/* Orders pods so that those to delete first come first (ActivePodsWithRanks). `related` are the active pods
 * of everything that the same owner owns: a pod on a node that has many of them goes before one on a node
 * that has few. */
void pods_sort_for_deletion(struct objects *pods, const struct objects *related);
