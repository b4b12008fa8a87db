/* resolv.conf(5): where a machine asks for names. */
#pragma once
#include "schema/desc.h"

#include "base/err.h"

struct resolv_conf {
    struct str_vec nameservers, searches, options;
};

/* Reads what it understands and passes over the rest; of several search or options lines the last counts.
 * Strings are slices of `text`. */
void resolv_conf_parse(struct str text, struct arena *a, struct resolv_conf *out);
/* The same of a file; one that is not there says nothing. Strings are in `a`. */
int resolv_conf_read(const char *path, struct arena *a, struct resolv_conf *out, struct err *err);
