#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/regex.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

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

/* NULL: it is in RE2's syntax, as far as PCRE2 would take more. Else what is wrong, and with which part. */
static const char *check_syntax(struct str p, struct str *part)
{
    bool in_class = false, quoted = false;
    for (size_t i = 0; i < p.n; i++) {
        char c = p.p[i], next = i + 1 < p.n ? p.p[i + 1] : '\0';
        struct str rest = str_from_at(p, i);
        long most;
        const char *wrong = NULL;
        *part = str_slice(rest.p, rest.n < 2 ? rest.n : 2);
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
            *part = STR("*");
        } else if (c == '(' && next == '?') {
            wrong = check_group(str_from_at(p, i + 2));
            *part = str_slice(rest.p, rest.n < 3 ? rest.n : 3);
        } else if (is_any(c, "*+?") || (c == '{' && repeat(rest, &most))) {
            size_t length = c == '{' ? repeat(rest, &most) : 1;
            char then = i + length < p.n ? p.p[i + length] : '\0';
            *part = str_slice(rest.p, length + is_any(then, "*+"));
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

static int refuse(struct err *err, const char *why, struct str part)
{
    return err_set(err, ERR_INVALID, "error parsing regexp: %s: `" STR_FMT "`", why, STR_ARG(part));
}

/* PCRE2's complaints in Go's words, where it has some. */
static const struct {
    int code;
    const char *why;
} complaints[] = {
    {PCRE2_ERROR_MISSING_CLOSING_PARENTHESIS, "missing closing )"},
    {PCRE2_ERROR_UNMATCHED_CLOSING_PARENTHESIS, "unexpected )"},
    {PCRE2_ERROR_MISSING_SQUARE_BRACKET, "missing closing ]"},
    {PCRE2_ERROR_CLASS_RANGE_ORDER, "invalid character class range"},
    {PCRE2_ERROR_QUANTIFIER_INVALID, "missing argument to repetition operator"},
    {PCRE2_ERROR_QUANTIFIER_OUT_OF_ORDER, "invalid repeat count"},
    {PCRE2_ERROR_QUANTIFIER_TOO_BIG, "invalid repeat count"},
    {PCRE2_ERROR_END_BACKSLASH, "trailing backslash at end of expression"},
};

static int complain(int code, struct str pattern, size_t at, struct err *err)
{
    PCRE2_UCHAR text[120];
    struct str part = pattern;
    if (code == PCRE2_ERROR_MISSING_SQUARE_BRACKET) {
        ptrdiff_t open = str_last_index(pattern, '[');
        part = str_from_at(pattern, open < 0 ? 0 : (size_t)open);
    } else if (code == PCRE2_ERROR_QUANTIFIER_INVALID && at && at <= pattern.n) {
        part = str_slice(pattern.p + at - 1, 1);
    }
    for (size_t i = 0; i < ARRAY_LEN(complaints); i++)
        if (complaints[i].code == code)
            return refuse(err, complaints[i].why, part);
    pcre2_get_error_message(code, text, sizeof(text));
    return refuse(err, (char *)text, pattern);
}

int regex_new(struct str pattern, struct regex **out, struct err *err)
{
    struct str part = pattern;
    const char *wrong = pattern.n > PATTERN_MAX ? "expression too large" : check_syntax(pattern, &part);
    if (wrong)
        return refuse(err, wrong, part);
    int code;
    PCRE2_SIZE at;
    pcre2_code *re = pcre2_compile(
        (PCRE2_SPTR)(pattern.p ? pattern.p : ""), pattern.n,
        PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_AUTO_CAPTURE, &code, &at, NULL);
    if (!re)
        return complain(code, pattern, at, err);
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
