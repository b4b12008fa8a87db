/* Devices: what claims of them, their classes and the slices that offer them have in common of their rules.
 */
#pragma once
#include "api/valid.h"
#include "kinds/resource_v1.h"

enum {
    DEVICE_REQUESTS_MAX = 32,
    DEVICE_CONFIGS_MAX = 32,
    DEVICE_TOLERATIONS_MAX = 16,
    DEVICE_DATA_MAX = 10 * 1024, /* bytes of what is meant for or comes from drivers */
};

/* Whether there are no more than that many; else they are complained of, and not looked at. */
bool valid_most(struct field_errors *e, const struct path *at, size_t n, size_t most);
/* Conditions on devices; `stored`: they have been let in already. */
void valid_device_selectors(struct field_errors *e, const struct path *at,
                            const struct device_selector_vec *v);
void valid_device_configuration(struct field_errors *e, const struct path *at,
                                const struct opaque_device_configuration *o);
/* A JSON object, not too long. */
void valid_device_data(struct field_errors *e, const struct path *at, struct str json);
void valid_pool_name(struct field_errors *e, const struct path *at, struct str name);
/* "name" or "domain/name"; `full`: the domain is needed. */
void valid_device_qualified(struct field_errors *e, const struct path *at, struct str name, bool full);
/* Conditions to wait for, and those that end the waiting: both or neither, none in both. */
void valid_binding_conditions(struct field_errors *e, const struct path *at, const struct str_vec *conditions,
                              const struct str_vec *failures);
bool device_taint_effect_ok(struct str effect);
