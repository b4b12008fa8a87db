/* The FlowSchemas and PriorityLevelConfigurations that upstream (v1.36) has at start, as data. */
#pragma once
#include "kinds/flowcontrol_v1.h"

struct level_default {
    const char *name;
    bool mandatory; /* put right at every start, whatever an administrator wrote */
    bool exempt;
    int32_t shares, lendable_percent;
    int32_t queues, hand, most_in_queue; /* queues 0: who finds no seat is refused */
};
extern const struct level_default level_defaults[];
extern const size_t n_level_defaults;
void level_default_make(const struct level_default *d, struct arena *a,
                        struct priority_level_configuration *out);

/* Words are separated by spaces; "-" in `groups` is the core group. Without resources: everything there is.
 */
struct schema_rule {
    const char *verbs, *groups, *resources;
    bool cluster_scope;
    const char *paths; /* of no resource */
};
struct schema_default {
    const char *name, *level;
    int32_t precedence;
    bool mandatory;
    const char *distinguisher; /* NULL: all is one flow */
    const char *subjects;      /* "user:NAME", "group:NAME", "sa:NAMESPACE:NAME" */
    struct schema_rule rules[2];
};
extern const struct schema_default schema_defaults[];
extern const size_t n_schema_defaults;
void schema_default_make(const struct schema_default *d, struct arena *a, struct flow_schema *out);
