/* The library of regular expressions: matches, find, findAll. */
#include "base/regex.h"

#include "cel/eval.h"

/* The pattern of the call: compiled ahead, or now (then `*own` is to be freed). */
static const struct regex *regex_of(struct run *r, struct str pattern, struct regex **own)
{
    _cleanup_err_ struct err err = {0};
    if (r->regex)
        return r->regex;
    if (regex_new(pattern, own, &err) < 0) {
        run_error(r, STR_FMT, STR_ARG(err.message));
        return NULL;
    }
    return *own;
}

static void regex_freep(struct regex **re)
{
    regex_free(*re);
}
#define _cleanup_regex_ _cleanup_(regex_freep)

static int too_long(struct run *r)
{
    return run_error(r, "regular expression took too long to match");
}

static int matches(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    _cleanup_regex_ struct regex *own = NULL;
    const struct regex *re = regex_of(r, args[1].s, &own);
    int rc = re ? regex_matches(re, args[0].s) : -1;
    *out = cel_from_bool(rc > 0);
    return rc >= 0 ? 0 : re ? too_long(r) : -1;
}

static int find(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    _cleanup_regex_ struct regex *own = NULL;
    const struct regex *re = regex_of(r, args[1].s, &own);
    size_t start = 0, end = 0;
    int rc = re ? regex_find(re, args[0].s, 0, &start, &end) : -1;
    *out = cel_from_str(rc > 0 ? str_slice(args[0].s.p + start, end - start) : STR(""));
    return rc >= 0 ? 0 : re ? too_long(r) : -1;
}

static int find_some(struct run *r, const struct cel_value *args, int64_t limit, struct cel_value *out)
{
    _cleanup_regex_ struct regex *own = NULL;
    const struct regex *re = regex_of(r, args[1].s, &own);
    struct values all = {0};
    struct str text = args[0].s;
    size_t from = 0, start, end, last_end = SIZE_MAX;
    if (!re)
        return -1;
    while (from <= text.n && (limit < 0 || (int64_t)all.n < limit)) {
        int rc = regex_find(re, text, from, &start, &end);
        if (rc < 0)
            return too_long(r);
        if (rc == 0)
            break;
        /* An empty match where the one before ended does not count (Go's FindAll). */
        if (end > start || start != last_end)
            values_add(r, &all, cel_from_str(str_slice(text.p + start, end - start)));
        last_end = end;
        from = end;
        if (end == start) /* by a whole character */
            do
                from++;
            while (from < text.n && ((unsigned char)text.p[from] & 0xc0) == 0x80);
    }
    *out = values_list(&all);
    return 0;
}

static int find_all(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return find_some(r, args, -1, out);
}

static int find_limit(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return find_some(r, args, args[2].i, out);
}

static const struct function table[] = {
    {"string:matches(string) bool", matches, COST_MATCHES},
    {"matches(string, string) bool", matches, COST_MATCHES},
    {"string:find(string) string", find, COST_FIND},
    {"string:findAll(string) list(string)", find_all, COST_FIND},
    {"string:findAll(string, int) list(string)", find_limit, COST_FIND},
};
LIBRARY(cel_regex, table);
