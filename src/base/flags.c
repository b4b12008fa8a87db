#include "base/flags.h"

#include <stdio.h>

#include "base/arena.h"

/* What flags were set to: it lives as long as the process. */
static struct arena flags_kept;

static struct flag *flags_find(const struct flags *f, struct str name)
{
    for (size_t i = 0; i < f->n; i++)
        if (str_is(name, f->at[i].name))
            return &f->at[i];
    return NULL;
}

bool flags_has(const struct flags *f, struct str name)
{
    return flags_find(f, name);
}

/* How many letters two words differ in, roughly: for "did you mean". */
static size_t flags_distance(struct str a, struct str b)
{
    size_t row[64];
    if (a.n >= 64 || b.n >= 64)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.n; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t best = corner + (a.p[i - 1] != b.p[j - 1]);
            corner = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b.n];
}

static int flags_unknown(const struct flags *f, struct str name, struct err *err)
{
    const char *near = NULL;
    size_t least = 4;
    for (size_t i = 0; i < f->n; i++) {
        size_t d = flags_distance(name, str_from(f->at[i].name));
        if (d < least) {
            least = d;
            near = f->at[i].name;
        }
    }
    return err_set(err, ERR_BAD_REQUEST, "unknown flag --" STR_FMT "%s%s%s; see --help", STR_ARG(name),
                   near ? "; did you mean --" : "", near ? near : "", near ? "?" : "");
}

static int flags_bool(struct str value, bool *out)
{
    bool yes = str_is(value, "true") || str_is(value, "yes") || str_is(value, "1");
    bool no = str_is(value, "false") || str_is(value, "no") || str_is(value, "0");
    *out = yes;
    return yes || no ? 0 : -1;
}

static int flag_take(struct flag *flag, struct str value, struct err *err)
{
    switch (flag->kind) {
    case FLAG_STR:
        *(const char **)flag->value = arena_c(&flags_kept, value);
        return 0;
    case FLAG_BOOL:
        if (flags_bool(value, flag->value) < 0)
            return err_set(err, ERR_BAD_REQUEST, "--%s is true or false, not \"" STR_FMT "\"", flag->name,
                           STR_ARG(value));
        return 0;
    case FLAG_INT:
        if (!str_to_i64(value, flag->value))
            return err_set(err, ERR_BAD_REQUEST, "--%s is a number, not \"" STR_FMT "\"", flag->name,
                           STR_ARG(value));
        return 0;
    case FLAG_LIST: {
        struct flag_list *list = flag->value;
        struct str one;
        while (str_cut(&value, ',', &one)) {
            const char **longer = arena_new_n(&flags_kept, const char *, list->n + 1);
            for (size_t i = 0; i < list->n; i++)
                longer[i] = list->at[i];
            longer[list->n++] = arena_c(&flags_kept, str_trim(one));
            list->at = longer;
        }
        return 0;
    }
    }
    return 0;
}

int flags_set(const struct flags *f, struct str name, struct str value, struct err *err)
{
    struct flag *flag = flags_find(f, name);
    if (!flag)
        return flags_unknown(f, name, err);
    return flag->given ? 0 : flag_take(flag, value, err);
}

/* One "--name[=value]"; `next` is the word behind it, or NULL. Returns how many words it took, or -1. */
static int flags_word(const struct flags *f, struct str word, const char *next, struct err *err)
{
    ptrdiff_t equals = str_index(word, '=');
    struct str name = equals < 0 ? word : str_slice(word.p, (size_t)equals);
    struct flag *flag = flags_find(f, name);
    struct flag *negated =
        !flag && equals < 0 && str_starts(name, STR("no-")) ? flags_find(f, str_from_at(name, 3)) : NULL;
    if (negated && negated->kind == FLAG_BOOL) {
        *(bool *)negated->value = false;
        negated->given = true;
        return 1;
    }
    if (!flag)
        return flags_unknown(f, name, err);
    flag->given = true;
    if (equals >= 0)
        return flag_take(flag, str_slice(word.p + equals + 1, word.n - (size_t)equals - 1), err) < 0 ? -1 : 1;
    if (flag->kind == FLAG_BOOL) {
        *(bool *)flag->value = true;
        return 1;
    }
    if (!next)
        return err_set(err, ERR_BAD_REQUEST, "--%s needs its %s behind it", flag->name, flag->argument);
    return flag_take(flag, str_from(next), err) < 0 ? -1 : 2;
}

int flags_parse(const struct flags *f, int *argc, char **argv, bool *help, struct err *err)
{
    int left = 1;
    *help = false;
    for (int i = 1; i < *argc;) {
        struct str word = str_from(argv[i]);
        if (str_is(word, "--")) { /* what follows is no flag */
            for (i++; i < *argc; i++)
                argv[left++] = argv[i];
        } else if (str_is(word, "--help") || str_is(word, "-h")) {
            *help = true;
            i++;
        } else if (str_starts(word, STR("--"))) {
            int took = flags_word(f, str_from_at(word, 2), i + 1 < *argc ? argv[i + 1] : NULL, err);
            if (took < 0)
                return -1;
            i += took;
        } else {
            argv[left++] = argv[i++];
        }
    }
    *argc = left;
    return 0;
}

static void flags_default(const struct flag *flag, struct buf *out)
{
    if (flag->kind == FLAG_STR && *(const char *const *)flag->value)
        buf_addf(out, " (%s)", *(const char *const *)flag->value);
    if (flag->kind == FLAG_BOOL && *(const bool *)flag->value)
        buf_addf(out, " (on; --no-%s)", flag->name);
    if (flag->kind == FLAG_INT && *(const int64_t *)flag->value)
        buf_addf(out, " (%lld)", (long long)*(const int64_t *)flag->value);
}

void flags_help(const struct flags *f, struct buf *out)
{
    size_t width = 0;
    for (size_t i = 0; i < f->n; i++) {
        size_t w = strlen(f->at[i].name) + (f->at[i].argument ? strlen(f->at[i].argument) + 1 : 0);
        width = w > width ? w : width;
    }
    buf_addf(out, "Usage: %s\n\n%s\n", f->usage, f->about);
    if (f->n)
        buf_add_lit(out, "\nFlags:\n");
    for (size_t i = 0; i < f->n; i++) {
        const struct flag *flag = &f->at[i];
        size_t start = out->n;
        buf_addf(out, "  --%s%s%s", flag->name, flag->argument ? " " : "",
                 flag->argument ? flag->argument : "");
        buf_addf(out, "%*s%s", (int)(width + 6 - (out->n - start)), "", flag->help);
        flags_default(flag, out);
        buf_add_c(out, '\n');
    }
}

int flags_begin(const struct flags *f, int *argc, char **argv, struct err *err)
{
    _cleanup_buf_ struct buf text = {0};
    bool help;
    if (flags_parse(f, argc, argv, &help, err) < 0)
        return -1;
    if (!help)
        return 0;
    flags_help(f, &text);
    fwrite(text.p, 1, text.n, stdout);
    return 1;
}
