#define PCRE2_CODE_UNIT_WIDTH 8
#include "cel/regex.h"

#include <stdlib.h>

#include <pcre2.h>

#include "cel/eval.h"

enum { PATTERN_MAX = 64 * 1024, STEPS_MAX = 1000000, HEAP_KIB = 8192, DFA_WORKSPACE = 8192 };

struct regex {
    pcre2_code *code;
};

/* --- what RE2 does not know --- */

static bool is_any(char c, const char *set)
{
    return c && strchr(set, c);
}

/* Behind a backslash, outside of a class or in it. */
static const char *check_escape(char c, bool in_class)
{
    if (c >= '1' && c <= '9')
        return "invalid escape sequence";
    if (is_any(c, in_class ? "aftnrvxdDsSwWpPQE0" : "aftnrvxAbBzdDsSwWpPQE0"))
        return NULL;
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter ? "invalid escape sequence" : NULL;
}

/* "(?" and what follows. */
static const char *check_group(struct str rest)
{
    if (str_starts(rest, STR("P<")))
        return NULL;
    if (str_starts(rest, STR("<")))
        return rest.n > 1 && is_any(rest.p[1], "=!") ? "invalid or unsupported Perl syntax" : NULL;
    size_t i = 0;
    while (i < rest.n && is_any(rest.p[i], "imsU-"))
        i++;
    return i < rest.n && is_any(rest.p[i], ":)") ? NULL : "invalid or unsupported Perl syntax";
}

/* "{2,5}" at the start: its bytes, 0 when it is none. `*most` is the larger number. */
static size_t repeat(struct str s, long *most)
{
    size_t i = 1;
    long n = 0, digits = 0;
    *most = 0;
    for (; i < s.n && s.p[i] != '}'; i++) {
        if (s.p[i] >= '0' && s.p[i] <= '9') {
            n = n < 100000 ? n * 10 + (s.p[i] - '0') : n;
            digits++;
        } else if (s.p[i] == ',' && digits) {
            n = 0;
        } else {
            return 0;
        }
        *most = n > *most ? n : *most;
    }
    return i < s.n && digits ? i + 1 : 0;
}

/* NULL: it is in RE2's syntax, as far as PCRE2 would take more. */
static const char *check_syntax(struct str p)
{
    bool in_class = false, quoted = false;
    for (size_t i = 0; i < p.n; i++) {
        char c = p.p[i], next = i + 1 < p.n ? p.p[i + 1] : '\0';
        struct str rest = str_from_at(p, i);
        long most;
        const char *wrong = NULL;
        if (quoted) {
            quoted = !str_starts(rest, STR("\\E"));
            i += !quoted;
        } else if (c == '\\') {
            quoted = next == 'Q';
            wrong = check_escape(next, in_class);
            i++;
        } else if (in_class) {
            in_class = c != ']';
            if (str_starts(rest, STR("[:"))) { /* a class by name has a bracket of its own */
                ptrdiff_t end = str_find(rest, STR(":]"));
                i += end > 0 ? (size_t)end + 1 : 0;
            }
        } else if (c == '[') {
            in_class = true;
            i += next == '^';
            i += i + 1 < p.n && p.p[i + 1] == ']'; /* the first is a plain one */
        } else if (c == '(' && next == '*') {
            wrong = "missing argument to repetition operator";
        } else if (c == '(' && next == '?') {
            wrong = check_group(str_from_at(p, i + 2));
        } else if (is_any(c, "*+?") || (c == '{' && repeat(rest, &most))) {
            size_t length = c == '{' ? repeat(rest, &most) : 1;
            char then = i + length < p.n ? p.p[i + length] : '\0';
            if (c == '{' && most > 1000)
                wrong = "invalid repeat count";
            else if (is_any(then, "*+"))
                wrong = "invalid nested repetition operator";
            i += length - 1;
        }
        if (wrong)
            return wrong;
    }
    return NULL;
}

int regex_new(struct str pattern, struct regex **out, struct err *err)
{
    const char *wrong = pattern.n > PATTERN_MAX ? "expression too large" : check_syntax(pattern);
    if (wrong)
        return err_set(err, ERR_INVALID, "error parsing regexp: %s: `" STR_FMT "`", wrong, STR_ARG(pattern));
    int code;
    PCRE2_SIZE at;
    pcre2_code *re = pcre2_compile(
        (PCRE2_SPTR)(pattern.p ? pattern.p : ""), pattern.n,
        PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_AUTO_CAPTURE, &code, &at, NULL);
    if (!re) {
        PCRE2_UCHAR text[120];
        pcre2_get_error_message(code, text, sizeof(text));
        return err_set(err, ERR_INVALID, "error parsing regexp: %s: `" STR_FMT "`", (char *)text,
                       STR_ARG(pattern));
    }
    *out = mem_zalloc(sizeof(**out));
    (*out)->code = re;
    return 0;
}

void regex_free(struct regex *re)
{
    if (!re)
        return;
    pcre2_code_free(re->code);
    free(re);
}

static int run_match(const struct regex *re, struct str text, size_t from, pcre2_match_data *data)
{
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(limits, STEPS_MAX);
    pcre2_set_heap_limit(limits, HEAP_KIB);
    int rc = pcre2_match(re->code, (PCRE2_SPTR)(text.p ? text.p : ""), text.n, from, 0, data, limits);
    pcre2_match_context_free(limits);
    return rc;
}

int regex_find(const struct regex *re, struct str text, size_t from, size_t *start, size_t *end)
{
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    int rc = run_match(re, text, from, data);
    if (rc >= 0) {
        *start = pcre2_get_ovector_pointer(data)[0];
        *end = pcre2_get_ovector_pointer(data)[1];
    }
    pcre2_match_data_free(data);
    return rc >= 0 ? 1 : rc == PCRE2_ERROR_NOMATCH ? 0 : -1;
}

int regex_matches(const struct regex *re, struct str text)
{
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    int rc = run_match(re, text, 0, data);
    if (rc < 0 && rc != PCRE2_ERROR_NOMATCH) {
        /* Backtracking went too far: the other algorithm follows all ways at once. */
        int *workspace = mem_alloc(DFA_WORKSPACE * sizeof(int));
        rc = pcre2_dfa_match(re->code, (PCRE2_SPTR)(text.p ? text.p : ""), text.n, 0, PCRE2_DFA_SHORTEST,
                             data, NULL, workspace, DFA_WORKSPACE);
        free(workspace);
    }
    pcre2_match_data_free(data);
    return rc >= 0 ? 1 : rc == PCRE2_ERROR_NOMATCH ? 0 : -1;
}

/* --- the library --- */

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
