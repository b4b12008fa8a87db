#include "schema/field_selector.h"

#include <stdlib.h>

#include "schema/quote.h"

enum { FIELD_SELECTOR_TERMS = 256 };

/* Names in selectors that are not the field's own path. */
static const struct {
    const char *kind, *key, *path, *otherwise;
} field_aliases[] = {
    {"Event", "source", "source.component", "reportingComponent"},
    {"Job", "status.successful", "status.succeeded", ""},
    {"Pod", "spec.host", "spec.nodeName", ""}, /* as it was called before v1 */
};

static bool field_known(const struct resource *r, struct str key)
{
    if (str_is(key, "metadata.name") || (str_is(key, "metadata.namespace")))
        return true;
    for (size_t i = 0; i < r->n_selectables; i++)
        if (str_eq(r->selectables[i].path, key))
            return true;
    return false;
}

static int field_unknown(const struct resource *r, struct str key, struct arena *a, struct err *err)
{
    if (str_is(r->kind, "Job"))
        return err_set(err, ERR_BAD_REQUEST, "field label " STR_FMT " not supported for Job",
                       STR_ARG(quote_go_str(a, key)));
    if (r->n_selectables)
        return err_set(err, ERR_BAD_REQUEST, "field label not supported: " STR_FMT, STR_ARG(key));
    return err_set(err, ERR_BAD_REQUEST,
                   STR_FMT " is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
                   STR_ARG(quote_go_str(a, key)));
}

static int field_resolve(struct arena *a, const struct resource *r, struct field_term *t, struct err *err)
{
    struct str path = t->key, otherwise = {0};
    for (size_t i = 0; i < ARRAY_LEN(field_aliases); i++)
        if (str_is(r->kind, field_aliases[i].kind) && str_is(t->key, field_aliases[i].key)) {
            path = str_from(field_aliases[i].path);
            otherwise = str_from(field_aliases[i].otherwise);
        }
    if (!field_known(r, t->key) && !field_known(r, path))
        return field_unknown(r, t->key, a, err);
    field_ref_resolve(r->type, path, &t->ref);
    field_ref_resolve(r->type, otherwise, &t->otherwise);
    return 0;
}

/* "\\", "\," and "\=" in values stand for the second character; ',' and '=' must be written so. */
static int field_unescape(struct arena *a, struct str in, struct str *out, struct err *err)
{
    *out = in;
    if (str_index(in, '\\') < 0 && str_index(in, '=') < 0)
        return 0;
    char *to = arena_alloc(a, in.n);
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        if (c == '=' || c == ',')
            return err_set(err, ERR_BAD_REQUEST, "invalid field selector: unescaped character in value: %d",
                           c);
        if (c == '\\') {
            char next = i + 1 < in.n ? in.p[i + 1] : 0;
            if (next != '\\' && next != ',' && next != '=')
                return err_set(err, ERR_BAD_REQUEST,
                               "invalid field selector: invalid escape sequence: " STR_FMT,
                               STR_ARG(str_slice(in.p + i, next ? 2 : 1)));
            c = next;
            i++;
        }
        to[n++] = c;
    }
    *out = str_slice(to, n);
    return 0;
}

/* The next term, up to a ',' without '\' before it. */
static bool field_next(struct str *rest, struct str *term)
{
    size_t n = 0;
    if (!rest->p)
        return false;
    while (n < rest->n && rest->p[n] != ',')
        n += rest->p[n] == '\\' && n + 1 < rest->n ? 2 : 1;
    *term = str_slice(rest->p, n);
    *rest = n < rest->n ? str_slice(rest->p + n + 1, rest->n - n - 1) : (struct str){0};
    return true;
}

static int field_parse_term(struct arena *a, struct str all, struct str term, struct field_term *t,
                            struct err *err)
{
    for (size_t i = 0; i < term.n; i++) {
        struct str rest = str_from_at(term, i);
        size_t op = str_starts(rest, STR("!=")) || str_starts(rest, STR("==")) ? 2 : rest.p[0] == '=' ? 1 : 0;
        if (!op)
            continue;
        *t = (struct field_term){.key = str_slice(term.p, i), .not_equal = rest.p[0] == '!'};
        return field_unescape(a, str_from_at(rest, op), &t->value, err);
    }
    return err_set(err, ERR_BAD_REQUEST, "invalid selector: '" STR_FMT "'; can't understand '" STR_FMT "'",
                   STR_ARG(all), STR_ARG(term));
}

int field_selector_parse(struct arena *a, const struct resource *r, struct str text,
                         struct field_selector *out, struct err *err)
{
    struct str terms[FIELD_SELECTOR_TERMS], rest = text, term;
    size_t n = 0;
    *out = (struct field_selector){0};
    while (field_next(&rest, &term)) {
        if (term.n == 0)
            continue;
        if (n == FIELD_SELECTOR_TERMS)
            return err_set(err, ERR_BAD_REQUEST, "invalid field selector: more than %d terms",
                           FIELD_SELECTOR_TERMS);
        terms[n++] = term;
    }
    qsort(terms, n, sizeof *terms, str_qsort);
    out->at = arena_new_n(a, struct field_term, n);
    for (; out->n < n; out->n++) {
        struct field_term *t = &out->at[out->n];
        if (field_parse_term(a, text, terms[out->n], t, err) < 0 || field_resolve(a, r, t, err) < 0)
            return -1;
    }
    return 0;
}

bool field_selector_matches(const struct field_selector *s, const void *typed)
{
    _cleanup_arena_ struct arena a = {0};
    for (size_t i = 0; i < s->n; i++) {
        const struct field_term *t = &s->at[i];
        struct str value = field_ref_text(&t->ref, typed, &a);
        if (value.n == 0 && t->otherwise.leaf)
            value = field_ref_text(&t->otherwise, typed, &a);
        if (str_eq(value, t->value) == t->not_equal)
            return false;
    }
    return true;
}

const struct str *field_selector_exact(const struct field_selector *s, struct str key)
{
    for (size_t i = 0; i < s->n; i++)
        if (!s->at[i].not_equal && str_eq(s->at[i].key, key))
            return &s->at[i].value;
    return NULL;
}

void field_selector_write(struct buf *out, const struct field_selector *s)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct field_term *t = &s->at[i];
        if (i)
            buf_add_c(out, ',');
        buf_add_str(out, t->key);
        buf_add_str(out, t->not_equal ? STR("!=") : STR("="));
        for (size_t c = 0; c < t->value.n; c++) {
            if (strchr("\\,=", t->value.p[c]) && t->value.p[c])
                buf_add_c(out, '\\');
            buf_add_c(out, t->value.p[c]);
        }
    }
}
