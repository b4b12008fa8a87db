/* Semantic versions (semver.org, 2.0.0). */
#include "cel/eval.h"

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

/* Dot-separated identifiers. */
static bool good_identifiers(struct str rest, bool numbers_plain)
{
    struct str part;
    while (str_cut(&rest, '.', &part)) {
        if (!part.n || (numbers_plain && part.n > 1 && *part.p == '0' && is_number(part)))
            return false;
        for (size_t i = 0; i < part.n; i++) {
            char c = part.p[i], lower = (char)(c | 32);
            if (!((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-'))
                return false;
        }
    }
    return true;
}

/* `loose`: a "v" may stand before, zeros too, and the last numbers may be missing. */
static bool parse(struct str s, bool loose, struct semver *v)
{
    *v = (struct semver){0};
    if (loose && s.n && *s.p == 'v')
        s = str_from_at(s, 1);
    ptrdiff_t plus = str_index(s, '+');
    if (plus >= 0) {
        v->build = str_from_at(s, (size_t)plus + 1);
        if (!v->build.n || !good_identifiers(v->build, false))
            return false;
        s.n = (size_t)plus;
    }
    ptrdiff_t dash = str_index(s, '-');
    if (dash >= 0) {
        v->pre = str_from_at(s, (size_t)dash + 1);
        if (!v->pre.n || !good_identifiers(v->pre, true))
            return false;
        s.n = (size_t)dash;
    }
    struct str part;
    unsigned n = 0;
    for (; str_cut(&s, '.', &part); n++)
        if (n == 3 || !is_number(part) || (!loose && part.n > 1 && *part.p == '0') ||
            !str_to_u64(part, &v->numbers[n]))
            return false;
    return n == 3 || (loose && n > 0);
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

bool semver_equal(const void *x, const void *y);
bool semver_equal(const void *x, const void *y)
{
    return compare(x, y) == 0;
}

static int make(struct run *r, struct str s, bool loose, struct cel_value *out)
{
    struct semver v;
    if (!parse(s, loose, &v))
        return run_error(r, "invalid semantic version \"" STR_FMT "\"", STR_ARG(s));
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
    (void)r;
    struct semver v;
    *out = cel_from_bool(parse(args[0].s, false, &v));
    return 0;
}

static int is_semver_loose(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    struct semver v;
    *out = cel_from_bool(parse(args[0].s, args[1].b, &v));
    return 0;
}

static int number(struct run *r, const struct cel_value *args, unsigned i, struct cel_value *out)
{
    if (at(&args[0])->numbers[i] > INT64_MAX)
        return run_error(r, "integer overflow");
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

static int compare_to(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_int(compare(at(&args[0]), at(&args[1])));
    return 0;
}

static int is_greater(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_bool(compare(at(&args[0]), at(&args[1])) > 0);
    return 0;
}

static int is_less(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_bool(compare(at(&args[0]), at(&args[1])) < 0);
    return 0;
}

static const struct function table[] = {
    {"semver(string) Semver", semver_new, COST_FIRST_TENTH},
    {"semver(string, bool) Semver", semver_loose, COST_FIRST_TENTH},
    {"isSemver(string) bool", is_semver, COST_FIRST_TENTH},
    {"isSemver(string, bool) bool", is_semver_loose, COST_FIRST_TENTH},
    {"Semver:major() int", major_of},
    {"Semver:minor() int", minor_of},
    {"Semver:patch() int", patch_of},
    {"Semver:compareTo(Semver) int", compare_to},
    {"Semver:isGreaterThan(Semver) bool", is_greater},
    {"Semver:isLessThan(Semver) bool", is_less},
};
LIBRARY(cel_semvers, table);
