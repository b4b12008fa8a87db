/* Strings: the standard functions, and cel-go's extensions in the version that Kubernetes has. Positions
 * count characters. */
#include "cel/eval.h"
#include "cel/utf8.h"
#include "schema/quote.h"

static int contains(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_bool(!args[1].s.n || str_find(args[0].s, args[1].s) >= 0);
    return 0;
}

static int starts_with(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_bool(str_starts(args[0].s, args[1].s));
    return 0;
}

static int ends_with(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_bool(str_ends(args[0].s, args[1].s));
    return 0;
}

static const struct function standard[] = {
    {"string:contains(string) bool", contains, COST_CONTAINS},
    {"string:startsWith(string) bool", starts_with, COST_SECOND_TENTH},
    {"string:endsWith(string) bool", ends_with, COST_SECOND_TENTH},
};
LIBRARY(cel_strings, standard);

/* --- extensions --- */

/* Where character `i` stands, in bytes; SIZE_MAX when there is none such. */
static size_t place(struct str s, int64_t i)
{
    return i < 0 ? SIZE_MAX : utf8_at(s, (size_t)i);
}

static int out_of_range(struct run *r, int64_t i)
{
    return run_error(r, "index out of range: %lld", (long long)i);
}

static int char_at(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    size_t at = place(args[0].s, args[1].i);
    uint32_t code;
    if (at == SIZE_MAX)
        return out_of_range(r, args[1].i);
    struct str rest = str_from_at(args[0].s, at);
    *out = cel_from_str(rest.n ? str_slice(rest.p, utf8_next(rest, &code)) : STR(""));
    return 0;
}

/* In characters, from the byte `from` on; -1: nowhere. */
static int64_t find(struct str s, struct str what, size_t from)
{
    ptrdiff_t at = what.n ? str_find(str_from_at(s, from), what) : 0;
    return at < 0 ? -1 : (int64_t)utf8_len(str_slice(s.p, from + (size_t)at));
}

static int index_of(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_int(find(args[0].s, args[1].s, 0));
    return 0;
}

static int index_of_from(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    size_t from = place(args[0].s, args[2].i);
    if (args[1].s.n == 0 && from == SIZE_MAX && args[2].i >= 0) {
        *out = cel_from_int(args[2].i);
        return 0;
    }
    if (from == SIZE_MAX)
        return out_of_range(r, args[2].i);
    *out = cel_from_int(find(args[0].s, args[1].s, from));
    return 0;
}

/* The last one that starts at byte `from` or before. */
static int64_t find_last(struct str s, struct str what, size_t from)
{
    if (what.n > s.n)
        return -1;
    from = from < s.n - what.n ? from : s.n - what.n;
    for (size_t at = from + 1; at--;)
        if (memcmp(s.p + at, what.p, what.n) == 0)
            return (int64_t)utf8_len(str_slice(s.p, at));
    return -1;
}

static int last_index_of(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_int(args[1].s.n ? find_last(args[0].s, args[1].s, args[0].s.n)
                                    : (int64_t)utf8_len(args[0].s));
    return 0;
}

static int last_index_of_from(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    size_t from = place(args[0].s, args[2].i);
    if (from == SIZE_MAX)
        return out_of_range(r, args[2].i);
    *out = cel_from_int(args[1].s.n ? find_last(args[0].s, args[1].s, from) : args[2].i);
    return 0;
}

static int change_case(struct run *r, const struct cel_value *args, char first, char last,
                       struct cel_value *out)
{
    char *p = arena_c(r->arena, args[0].s);
    for (size_t i = 0; i < args[0].s.n; i++)
        if (p[i] >= first && p[i] <= last)
            p[i] ^= 0x20;
    *out = cel_from_str(str_slice(p, args[0].s.n));
    return 0;
}

static int lower_ascii(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return change_case(r, args, 'A', 'Z', out);
}

static int upper_ascii(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return change_case(r, args, 'a', 'z', out);
}

/* At most `limit` times; negative: all. An empty `from` stands before every character and at the end. */
static int replace_n(struct run *r, const struct cel_value *args, int64_t limit, struct cel_value *out)
{
    struct str rest = args[0].s, from = args[1].s, to = args[2].s;
    _cleanup_buf_ struct buf made = {0};
    for (int64_t n = 0; limit < 0 || n < limit; n++) {
        ptrdiff_t at = from.n ? str_find(rest, from) : 0;
        if (at < 0)
            break;
        buf_add_str(&made, str_slice(rest.p, (size_t)at));
        buf_add_str(&made, to);
        /* What replacement builds is paid for as it is built. */
        if (made.n > (r->limit + 1) * 10) {
            r->fatal = r->io->over_cost = true;
            return run_error(r, "operation cancelled: actual cost limit exceeded");
        }
        rest = str_from_at(rest, (size_t)at + from.n);
        if (from.n)
            continue;
        if (!rest.n)
            break;
        uint32_t code;
        size_t step = utf8_next(rest, &code);
        buf_add(&made, rest.p, step);
        rest = str_from_at(rest, step);
    }
    buf_add_str(&made, rest);
    *out = cel_from_str(arena_str(r->arena, buf_str(&made)));
    return 0;
}

static int replace(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return replace_n(r, args, -1, out);
}

static int replace_some(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return replace_n(r, args, args[3].i, out);
}

static int split_n(struct run *r, const struct cel_value *args, int64_t limit, struct cel_value *out)
{
    struct values parts = {0};
    struct str rest = args[0].s, by = args[1].s;
    uint32_t code;
    while (limit != 0 && (limit < 0 || (int64_t)parts.n < limit - 1)) {
        ptrdiff_t at = by.n ? str_find(rest, by) : rest.n ? (ptrdiff_t)utf8_next(rest, &code) : -1;
        if (at < 0 || (!by.n && (size_t)at == rest.n))
            break;
        values_add(r, &parts, cel_from_str(str_slice(rest.p, (size_t)at)));
        rest = str_from_at(rest, (size_t)at + by.n);
    }
    if (limit != 0 && (by.n || rest.n))
        values_add(r, &parts, cel_from_str(rest));
    *out = values_list(&parts);
    return 0;
}

static int split(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return split_n(r, args, -1, out);
}

static int split_some(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return split_n(r, args, args[2].i, out);
}

static int substring_to(struct run *r, const struct cel_value *args, int64_t end, struct cel_value *out)
{
    size_t from = place(args[0].s, args[1].i), to = place(args[0].s, end);
    if (args[1].i > end)
        return run_error(r, "invalid substring range. start: %lld, end: %lld", (long long)args[1].i,
                         (long long)end);
    if (from == SIZE_MAX || to == SIZE_MAX)
        return out_of_range(r, from == SIZE_MAX ? args[1].i : end);
    *out = cel_from_str(str_slice(args[0].s.p + from, to - from));
    return 0;
}

static int substring(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    int64_t end = (int64_t)utf8_len(args[0].s);
    return args[1].i > end ? out_of_range(r, args[1].i) : substring_to(r, args, end, out);
}

static int substring_range(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return substring_to(r, args, args[2].i, out);
}

static bool is_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
           c == 0x3000;
}

static int trim(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    struct str s = args[0].s;
    uint32_t code;
    size_t from = 0, to = 0;
    bool begun = false;
    for (size_t at = 0; at < s.n;) {
        size_t step = utf8_next(str_from_at(s, at), &code);
        if (!is_space(code)) {
            from = begun ? from : at;
            begun = true;
            to = at + step;
        }
        at += step;
    }
    *out = cel_from_str(str_slice(s.p + from, to - from));
    return 0;
}

static int join_by(struct run *r, const struct cel_value *args, struct str by, struct cel_value *out)
{
    _cleanup_buf_ struct buf made = {0};
    for (size_t i = 0, n = value_count(&args[0]); i < n; i++) {
        struct cel_value item = value_list_item(r->arena, &args[0], i);
        if (item.kind != CEL_STRING)
            return run_no_overload(r);
        if (i)
            buf_add_str(&made, by);
        buf_add_str(&made, item.s);
        if (made.n > (r->limit + 1) * 10)
            return run_charge(r, r->limit + 1);
    }
    *out = cel_from_str(arena_str(r->arena, buf_str(&made)));
    return 0;
}

static int join(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return join_by(r, args, STR(""), out);
}

static int join_with(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    return join_by(r, args, args[1].s, out);
}

static int quote(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    *out = cel_from_str(quote_go_str(r->arena, args[0].s));
    return 0;
}

/* A key as it stands in a JSON pointer (RFC 6901). */
static int escape_key(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    _cleanup_buf_ struct buf made = {0};
    for (size_t i = 0; i < args[0].s.n; i++) {
        char c = args[0].s.p[i];
        if (c == '~' || c == '/')
            buf_add_str(&made, c == '~' ? STR("~0") : STR("~1"));
        else
            buf_add_c(&made, c);
    }
    *out = cel_from_str(arena_str(r->arena, buf_str(&made)));
    return 0;
}

int string_format(struct run *r, const struct cel_value *args, struct cel_value *out);

static const struct function extended[] = {
    {"string:charAt(int) string", char_at},
    {"string:indexOf(string) int", index_of, COST_STRING_INDEX},
    {"string:indexOf(string, int) int", index_of_from, COST_STRING_INDEX},
    {"string:lastIndexOf(string) int", last_index_of, COST_STRING_INDEX},
    {"string:lastIndexOf(string, int) int", last_index_of_from, COST_STRING_INDEX},
    {"string:lowerAscii() string", lower_ascii, COST_FIRST_TENTH},
    {"string:upperAscii() string", upper_ascii, COST_FIRST_TENTH},
    {"string:replace(string, string) string", replace, COST_REPLACE},
    {"string:replace(string, string, int) string", replace_some, COST_REPLACE},
    {"string:split(string) list(string)", split, COST_SPLIT},
    {"string:split(string, int) list(string)", split_some, COST_SPLIT},
    {"string:substring(int) string", substring, COST_FIRST_TENTH},
    {"string:substring(int, int) string", substring_range, COST_FIRST_TENTH},
    {"string:trim() string", trim, COST_FIRST_TENTH},
    {"list(string):join() string", join, COST_JOIN},
    {"list(string):join(string) string", join_with, COST_JOIN},
    {"strings.quote(string) string", quote, COST_QUOTE},
    {"string:format(list(dyn)) string", string_format, COST_FORMAT},
    {"jsonpatch.escapeKey(string) string", escape_key, COST_FIRST_TENTH},
};
LIBRARY(cel_strings_ext, extended);
