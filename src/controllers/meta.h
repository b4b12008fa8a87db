/* Small things that every controller does to objects: labels, owners, conditions, times, names. */
#pragma once
#include "kinds/core_v1.h"
#include "kinds/meta_v1.h"
#include "schema/object.h"
#include "schema/selector.h"
#include "schema/str_map.h"
#include "schema/timestamp.h"

/* --- labels and annotations --- */

static inline struct str labels_get(const struct str_map *m, struct str key) /* empty when absent */
{
    return str_map_text(m, key);
}
static inline bool labels_has(const struct str_map *m, struct str key)
{
    return str_map_get(m, key);
}
/* As str_map_put. */
static inline bool labels_set(struct arena *a, struct str_map *m, struct str key, struct str value)
{
    return str_map_put(m, a, key, value);
}
bool labels_unset(struct str_map *m, struct str key);
bool labels_eq(const struct str_map *x, const struct str_map *y);

bool strs_has(const struct str_vec *v, struct str s);
void strs_add(struct arena *a, struct str_vec *v, struct str s);
bool strs_drop(struct str_vec *v, struct str s); /* true when it was there */

/* --- owners --- */

/* The controller among an object's owners, or NULL. */
const struct owner_reference *meta_controller(const struct object_meta *meta);
bool meta_controlled_by(const struct object_meta *meta, struct str uid);
/* A reference that makes `owner` the controller (metav1.NewControllerRef). */
struct owner_reference owner_reference_to(struct arena *a, struct object *owner);
void meta_add_owner(struct arena *a, struct object_meta *meta, struct owner_reference ref);
bool meta_drop_owner(struct object_meta *meta, struct str uid);

/* --- refusals --- */

/* A create was refused because its namespace is being deleted: trying again is of no use. */
bool namespace_is_ending(const struct err *err);

/* --- time --- */

/* How long ago, in ns of clock_wall(). */
int64_t time_since(struct time t);

/* --- conditions --- */

/* All kinds of condition are of one shape: type, status, reason, message, lastTransitionTime, and in some the
 * time of the last update, probe or heartbeat. So these take any list, with the descriptor of its items:
 * condition_find(&deployment_condition_type, &status->conditions, ...). */
struct verdict {
    struct str type, status, reason, message;
};
enum condition_set {
    CONDITION_UNLESS_SAME_REASON, /* nothing happens where status and reason are the same already */
    CONDITION_ANY_CHANGE,         /* nor where the message is the same too */
};
/* The item, or NULL. */
void *condition_find_any(const struct type *t, const struct any_vec *list, struct str type);
#define condition_find(t, list, cond_type)                                                                   \
    condition_find_any((t), (const struct any_vec *)(const void *)(list), (cond_type))
/* Replaces or appends; lastTransitionTime moves only with the status. True when something changed. */
bool condition_set_any(struct arena *a, const struct type *t, struct any_vec *list, enum condition_set when,
                       const struct verdict *c);
#define condition_set(a, t, list, when, ...)                                                                 \
    condition_set_any((a), (t), (struct any_vec *)(void *)(list), (when),                                    \
                      &(const struct verdict){__VA_ARGS__})
bool condition_drop_any(const struct type *t, struct any_vec *list, struct str type);
#define condition_drop(t, list, cond_type)                                                                   \
    condition_drop_any((t), (struct any_vec *)(void *)(list), (cond_type))

/* --- numbers and names --- */

/* An int or a percentage of `total`, rounded up or down; 0 for what is neither. */
int32_t int_or_percent(const struct int_or_str *v, int32_t total, bool round_up);
/* A 32-bit FNV-1a. */
uint32_t fnv32a(uint32_t h, struct str s);
#define FNV32_START 2166136261u
/* A number as a suffix of names: its decimal digits out of the alphabet of generated names
 * (rand.SafeEncodeString). */
struct str safe_encode(struct arena *a, uint32_t n);
