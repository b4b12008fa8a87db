/* The system calls that a container may use unless it says otherwise (seccompProfile RuntimeDefault): what
 * containerd and Docker allow by default, as the OCI runtime specification's linux.seccomp. */
#pragma once
#include "schema/desc.h"

/* JSON. `capabilities` are those that the container has: some calls go with one. */
struct str seccomp_default(const struct str_vec *capabilities, struct arena *a);
