/* Writing JSON in a stream: the commas come by themselves. Only for schema/openapi*.c. */
#pragma once
#include "schema/json.h"

struct json_writer {
    struct buf *out;
    bool comma; /* something stands before, on this level */
    bool v3;    /* OpenAPI 3, else 2 */
};

/* The name of a member, where `key` is given, and the comma before. */
static inline void json_at(struct json_writer *w, const char *key)
{
    if (w->comma)
        buf_add_c(w->out, ',');
    w->comma = true;
    if (key)
        buf_addf(w->out, "\"%s\":", key);
}

static inline void json_at_str(struct json_writer *w, struct str key)
{
    json_at(w, NULL);
    json_encode_string(w->out, key);
    buf_add_c(w->out, ':');
}

/* `bracket` is '{' or '['. */
static inline void json_open(struct json_writer *w, const char *key, char bracket)
{
    json_at(w, key);
    buf_add_c(w->out, bracket);
    w->comma = false;
}

static inline void json_open_str(struct json_writer *w, struct str key, char bracket)
{
    json_at_str(w, key);
    buf_add_c(w->out, bracket);
    w->comma = false;
}

static inline void json_close(struct json_writer *w, char bracket)
{
    buf_add_c(w->out, bracket);
    w->comma = true;
}

static inline void json_str(struct json_writer *w, const char *key, struct str s)
{
    json_at(w, key);
    json_encode_string(w->out, s);
}

/* A value that is JSON already: true, 1, {}. */
static inline void json_raw(struct json_writer *w, const char *key, struct str s)
{
    json_at(w, key);
    buf_add_str(w->out, s);
}
