/* The letters of JSON: what decoding, checking and the value tree share. All of it works on a cursor between
 * `p` and `end`, and accepts exactly what Go's encoding/json accepts. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

/* How deep anything may nest, as in Go. */
enum { JSON_DEPTH = 10000 };

struct json_cursor {
    const char *p, *end;
};

/* At the start of a text, which may be no memory at all. */
static inline struct json_cursor json_start(struct str json)
{
    const char *p = json.p ? json.p : "";
    return (struct json_cursor){p, p + json.n};
}

static inline void json_space(struct json_cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\t' || *c->p == '\r'))
        c->p++;
}

/* Takes `ch` (white space before it is skipped) if it is next. */
static inline bool json_take(struct json_cursor *c, char ch)
{
    json_space(c);
    if (c->p == c->end || *c->p != ch)
        return false;
    c->p++;
    return true;
}

/* Reads a string, cursor at its opening quote. `*raw` is what stands between the quotes; `*plain` says that
 * it is the text itself (no escapes, well-formed UTF-8). False on wrong syntax. */
bool json_scan_string(struct json_cursor *c, struct str *raw, bool *plain);
/* The text that a raw string stands for; wrong UTF-8 and lone surrogates become U+FFFD, as in Go. */
struct str json_unescape(struct arena *a, struct str raw);
/* Reads a number; `*integer` says that it has neither fraction nor exponent. */
bool json_scan_number(struct json_cursor *c, struct str *text, bool *integer);
/* Reads `true`, `false` or `null`, whichever `word` is. */
bool json_scan_word(struct json_cursor *c, const char *word, size_t n);
/* Skips one whole value, cursor at its first letter, whatever it is; the text is checked. */
bool json_skip(struct json_cursor *c);

/* The same where the text is known to be right: only its end is looked for. */
void json_pass(struct json_cursor *c);

/* Fills `err` with what Go says about a text that the functions above refused. Returns -1. */
int json_syntax_error(struct str json, struct err *err);
