#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/regex.h"

#include <pcre2.h>
#include <stdlib.h>

#include "base/mem.h"

enum { PATTERN_MAX = 64 * 1024, REPEAT_MAX = 1000, STEPS_MAX = 1000 * 1000, WORKSPACE = 1000 };

struct regex {
    pcre2_code *code;
    pcre2_match_context *context;
};

static int refuse(struct err *err, const char *why, struct str part)
{
    return err_set(err, ERR_INVALID, "error parsing regexp: %s: `" STR_FMT "`", why, STR_ARG(part));
}

/* "{1001}" and "{2,1001}" are more than RE2 repeats. */
static int check_repeat(struct str p, size_t i, struct err *err)
{
    size_t n = 0, end = i + 1;
    bool digits = false;
    for (; end < p.n && ((p.p[end] >= '0' && p.p[end] <= '9') || p.p[end] == ','); end++) {
        n = p.p[end] == ',' ? 0 : n < 100000 ? n * 10 + (size_t)(p.p[end] - '0') : n;
        digits |= p.p[end] != ',';
        if (n > REPEAT_MAX)
            break;
    }
    if (n <= REPEAT_MAX || !digits)
        return 0;
    ptrdiff_t close = str_index(str_from_at(p, i), '}');
    return close < 0 ? 0 : refuse(err, "invalid repeat count", str_slice(p.p + i, (size_t)close + 1));
}

/* What PCRE2 takes and RE2 does not. */
static int check_dialect(struct str p, struct err *err)
{
    bool in_class = false;
    for (size_t i = 0; i < p.n; i++) {
        struct str rest = str_from_at(p, i);
        if (p.p[i] == '\\') {
            char next = rest.n > 1 ? rest.p[1] : 0;
            if ((next >= '1' && next <= '9') || (next && strchr("gGKkXRNhHVZuUlLcEe", next)))
                return refuse(err, "invalid escape sequence", str_slice(rest.p, 2));
            i++;
        } else if (in_class) {
            in_class = p.p[i] != ']';
        } else if (p.p[i] == '[') {
            in_class = true;
            if (rest.n > 1 && rest.p[1] == '^')
                i++;
            if (i + 1 < p.n && p.p[i + 1] == ']')
                i++;
        } else if (p.p[i] == '(' && rest.n > 1 && rest.p[1] == '*') {
            return refuse(err, "missing argument to repetition operator", STR("*"));
        } else if (str_starts(rest, STR("(?")) && rest.n > 2 && strchr("=!>|#&+'0123456789RC(", rest.p[2])) {
            return refuse(err, "invalid or unsupported Perl syntax", str_slice(rest.p, 3));
        } else if (str_starts(rest, STR("(?<=")) || str_starts(rest, STR("(?<!"))) {
            return refuse(err, "invalid or unsupported Perl syntax", str_slice(rest.p, 4));
        } else if (strchr("*+?}", p.p[i]) && rest.n > 1 && rest.p[1] == '+') {
            return refuse(err, "invalid nested repetition operator", str_slice(rest.p, 2));
        } else if (p.p[i] == '{' && check_repeat(p, i, err) < 0) {
            return -1;
        }
    }
    return 0;
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
    char text[200];
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
    if (pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text) < 0)
        text[0] = 0;
    return refuse(err, text, pattern);
}

int regex_new(struct str pattern, struct regex **out, struct err *err)
{
    if (pattern.n > PATTERN_MAX)
        return err_set(err, ERR_INVALID, "error parsing regexp: expression too large");
    if (!str_is_utf8(pattern))
        return err_set(err, ERR_INVALID, "error parsing regexp: invalid UTF-8");
    if (check_dialect(pattern, err) < 0)
        return -1;
    int code;
    PCRE2_SIZE at = 0;
    pcre2_code *compiled = pcre2_compile(
        (PCRE2_SPTR)(pattern.p ? pattern.p : ""), pattern.n,
        PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY | PCRE2_NO_AUTO_CAPTURE, &code, &at, NULL);
    if (!compiled)
        return complain(code, pattern, at, err);
    struct regex *r = mem_zalloc(sizeof *r);
    r->code = compiled;
    r->context = pcre2_match_context_create(NULL);
    ensure(r->context);
    pcre2_set_match_limit(r->context, STEPS_MAX);
    *out = r;
    return 0;
}

void regex_free(struct regex *r)
{
    if (!r)
        return;
    pcre2_code_free(r->code);
    pcre2_match_context_free(r->context);
    free(r);
}

bool regex_matches(const struct regex *r, struct str text)
{
    int workspace[WORKSPACE];
    if (!str_is_utf8(text))
        return false;
    PCRE2_SPTR at = (PCRE2_SPTR)(text.p ? text.p : "");
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    ensure(data);
    int rc = pcre2_match(r->code, at, text.n, 0, PCRE2_NO_UTF_CHECK, data, r->context);
    if (rc == PCRE2_ERROR_MATCHLIMIT)
        rc = pcre2_dfa_match(r->code, at, text.n, 0, PCRE2_NO_UTF_CHECK | PCRE2_DFA_SHORTEST, data,
                             r->context, workspace, WORKSPACE);
    pcre2_match_data_free(data);
    return rc >= 0;
}
