/* A request's query string, taken apart once. */
#pragma once
#include "base/err.h"

struct query {
    struct query_param {
        struct str key, value;
    } * at;
    size_t n;
};

/* Arena-owned. -1: malformed percent-encoding, or more than 4,096 parameters (a command to run is a parameter
 * a word). */
int query_parse(struct arena *a, struct str text, struct query *out);
/* The first value of a key, empty when absent. */
struct str query_get(const struct query *q, const char *key);
bool query_has(const struct query *q, const char *key);
/* As upstream converts: absent, "0" and "false" are false, anything else is true. */
bool query_bool(const struct query *q, const char *key);
/* Leaves *out as it is when the key is absent or empty. -1: not a number, ERR_BAD_REQUEST. */
int query_i64(const struct query *q, const char *key, int64_t *out, struct err *err);
