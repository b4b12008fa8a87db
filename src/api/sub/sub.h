/* Subresources: one step each, for the verbs they take. */
#pragma once
#include "api/road.h"

int sub_status(struct road *d);
int sub_scale(struct road *d);
int sub_binding(struct road *d);
int sub_eviction(struct road *d);
int sub_token(struct road *d);
int sub_finalize(struct road *d);
int sub_ephemeral_containers(struct road *d);
int sub_resize(struct road *d);
int sub_approval(struct road *d);
