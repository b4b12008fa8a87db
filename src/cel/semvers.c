/* Semantic versions (semver.org, 2.0.0). */
#include <stdio.h>

#include "cel/eval.h"
#include "cel/opaque.h"
#include "schema/quote.h"

struct semver {
    uint64_t numbers[3]; /* major, minor, patch */
    struct str pre, build;
};

static const struct semver *at(const struct cel_value *v)
{
    return v->opaque;
}

static bool is_number(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n;
}

static bool wrong(struct buf *why, const char *what, struct str s)
{
    if (why) {
        buf_add_str(why, str_from(what));
        quote_go(why, s);
    }
    return false;
}

static bool parse_u64(struct str s, uint64_t *out, struct buf *why)
{
    if (str_to_u64(s, out))
        return true;
    wrong(why, "strconv.ParseUint: parsing ", s);
    return why && (buf_addf(why, ": %s", s.n ? "value out of range" : "invalid syntax"), false);
}

static bool is_zeroed(struct str s)
{
    return s.n > 1 && *s.p == '0';
}

static bool parse_number(struct str s, const char *which, uint64_t *out, struct buf *why)
{
    char text[64];
    if (s.n && !is_number(s)) {
        snprintf(text, sizeof(text), "Invalid character(s) found in %s number ", which);
        return wrong(why, text, s);
    }
    if (is_zeroed(s)) {
        snprintf(text, sizeof(text), "%c%s number must not contain leading zeroes ", *which - 'a' + 'A',
                 which + 1);
        return wrong(why, text, s);
    }
    return parse_u64(s, out, why);
}

static bool is_identifier(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i], lower = (char)(c | 32);
        if (!((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return true;
}

/* Dot-separated identifiers. */
static bool check_identifiers(struct str rest, bool preview, struct buf *why)
{
    struct str part;
    uint64_t number;
    while (str_cut(&rest, '.', &part)) {
        if (!part.n)
            return why && (buf_addf(why, "%s is empty", preview ? "Prerelease" : "Build meta data"), false);
        if (preview && is_zeroed(part) && is_number(part))
            return wrong(why, "Numeric PreRelease version must not contain leading zeroes ", part);
        if (preview && is_number(part) && !parse_u64(part, &number, why))
            return false;
        if (!is_identifier(part))
            return wrong(why,
                         preview ? "Invalid character(s) found in prerelease "
                                 : "Invalid character(s) found in build meta data ",
                         part);
    }
    return true;
}

/* Moves what stands behind the first `sep` from *s to *rest; false: there is none. */
static bool cut_off(struct str *s, char sep, struct str *rest)
{
    ptrdiff_t at = str_index(*s, sep);
    if (at < 0)
        return false;
    *rest = str_slice(s->p + at + 1, s->n - (size_t)at - 1);
    s->n = (size_t)at;
    return true;
}

/* As blang/semver's Parse, which Kubernetes uses. */
static bool parse(struct str s, struct semver *v, struct buf *why)
{
    static const char *const names[] = {"major", "minor", "patch"};
    *v = (struct semver){0};
    struct str parts[3] = {{0}};
    if (!s.n)
        return why && (buf_add_lit(why, "Version string empty"), false);
    if (!str_cut(&s, '.', &parts[0]) || !str_cut(&s, '.', &parts[1]) || !s.p)
        return why && (buf_add_lit(why, "No Major.Minor.Patch elements found"), false);
    parts[2] = s;
    bool build = cut_off(&parts[2], '+', &v->build), preview = cut_off(&parts[2], '-', &v->pre);
    for (unsigned i = 0; i < 3; i++)
        if (!parse_number(parts[i], names[i], &v->numbers[i], why))
            return false;
    return (!preview || check_identifiers(v->pre, true, why)) &&
           (!build || check_identifiers(v->build, false, why));
}

/* The text without a "v" in front and zeros before numbers, with all three numbers; empty: that cannot be. */
static struct str normal(struct arena *a, struct str s, struct buf *why)
{
    _cleanup_buf_ struct buf out = {0};
    if (s.n && *s.p == 'v')
        s = str_from_at(s, 1);
    struct str part, last = {0};
    unsigned n = 0;
    for (bool more = true; more && n < 3; n++) {
        part = s;
        if (n < 2)
            more = str_cut(&s, '.', &part) && s.p;
        last = part;
        size_t zeros = 0;
        while (part.n > 1 && zeros < part.n && part.p[zeros] == '0')
            zeros++;
        struct str rest = str_from_at(part, zeros);
        bool digit = rest.n && *rest.p >= '0' && *rest.p <= '9';
        buf_addf(&out, "%s%s" STR_FMT, n ? "." : "", part.n > 1 && !digit ? "0" : "", STR_ARG(rest));
    }
    bool more_said = str_index(last, '+') >= 0 || str_index(last, '-') >= 0;
    if (n < 3 && more_said && why)
        buf_add_lit(why, "short version cannot contain PreRelease/Build meta data");
    if (n < 3 && more_said)
        return STR("");
    for (; n < 3; n++)
        buf_add_lit(&out, ".0");
    return arena_str(a, buf_str(&out));
}

static bool parse_either(struct arena *a, struct str s, bool loose, struct semver *v, struct buf *why)
{
    if (!loose)
        return parse(s, v, why);
    struct str text = normal(a, s, why);
    return text.n && parse(text, v, why);
}

static int compare_pre(struct str x, struct str y)
{
    if (!x.n || !y.n) /* a release comes after its previews */
        return (x.n == 0) - (y.n == 0);
    struct str px, py;
    for (;;) {
        bool more_x = str_cut(&x, '.', &px), more_y = str_cut(&y, '.', &py);
        if (!more_x || !more_y)
            return more_x - more_y;
        bool nx = is_number(px), ny = is_number(py);
        int c = nx != ny ? ny - nx : nx && px.n != py.n ? (px.n > py.n) - (px.n < py.n) : str_cmp(px, py);
        if (c)
            return c > 0 ? 1 : -1;
    }
}

static int compare(const struct semver *x, const struct semver *y)
{
    for (unsigned i = 0; i < 3; i++)
        if (x->numbers[i] != y->numbers[i])
            return x->numbers[i] > y->numbers[i] ? 1 : -1;
    return compare_pre(x->pre, y->pre);
}

int semver_order(const void *x, const void *y)
{
    return compare(x, y);
}

static int make(struct run *r, struct str s, bool loose, struct cel_value *out)
{
    _cleanup_buf_ struct buf why = {0};
    struct semver v;
    if (!parse_either(r->arena, s, loose, &v, &why))
        return run_error(r, STR_FMT, STR_ARG(buf_str(&why)));
    *out = (struct cel_value){
        .kind = CEL_OPAQUE, .opaque = arena_dup(r->arena, &v, sizeof(v)), .type = &cel_semver};
    return 0;
}

static int semver_new(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return make(r, args[0].s, false, out);
}

static int semver_loose(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return make(r, args[0].s, args[1].b, out);
}

static int is_semver(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct semver v;
    *out = cel_from_bool(parse_either(r->arena, args[0].s, false, &v, NULL));
    return 0;
}

static int is_semver_loose(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct semver v;
    *out = cel_from_bool(parse_either(r->arena, args[0].s, args[1].b, &v, NULL));
    return 0;
}

/* What is larger than an int wraps around. */
static int number(struct run *r, const struct cel_value *args, unsigned i, struct cel_value *out)
{
    (void)r;
    *out = cel_from_int((int64_t)at(&args[0])->numbers[i]);
    return 0;
}

static int major_of(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return number(r, args, 0, out);
}

static int minor_of(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return number(r, args, 1, out);
}

static int patch_of(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return number(r, args, 2, out);
}

static const struct function table[] = {
    {"semver(string) Semver", semver_new, COST_FIRST_TENTH},
    {"semver(string, bool) Semver", semver_loose, COST_FIRST_TENTH},
    {"isSemver(string) bool", is_semver, COST_FIRST_TENTH},
    {"isSemver(string, bool) bool", is_semver_loose, COST_FIRST_TENTH},
    {"Semver:major() int", major_of},
    {"Semver:minor() int", minor_of},
    {"Semver:patch() int", patch_of},
};
LIBRARY(cel_semvers, table);
