/* What the downward API tells a container about its pod and resources. */
#pragma once
#include "base/err.h"
#include "kinds/core_v1.h"

/* What is known of the pod beyond its object. */
struct field_context {
    struct str_vec pod_ips, host_ips;
    struct str node_name;
    struct str_map allocatable; /* of the node */
};

/* "metadata.name", "metadata.annotations['a']", "metadata.labels", "status.podIP" ... */
int field_ref(const struct pod *pod, struct str path, const struct field_context *x, struct arena *a,
              struct str *out, struct err *err);
/* "limits.cpu" divided by the divisor, rounded up; what the node can give where there is no limit. `self`:
 * when the selector names no container. */
int resource_field_ref(const struct pod *pod, const struct container *self,
                       const struct resource_field_selector *s, const struct field_context *x,
                       struct arena *a, struct str *out, struct err *err);
/* Replaces $(NAME) by a variable's value; $$ is $; unknown ones stay. `vars`: "NAME=value". */
struct str expand_variables(struct str text, const struct str_vec *vars, struct arena *a);
/* The same for a subPathExpr, where each variable must be there and have a value. */
int expand_sub_path(struct str text, const struct str_vec *vars, struct arena *a, struct str *out,
                    struct err *err);
