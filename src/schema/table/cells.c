#include "schema/table/cells.h"

#include "kinds/core_v1.h"
#include "schema/json.h"
#include "schema/selector.h"
#include "schema/timestamp.h"

const struct cell_maker *cell_find(const struct type *t, struct str column)
{
    static const struct cell_makers *const all[] = {&cells_pods, &cells_workloads, &cells_network,
                                                    &cells_storage, &cells_policy};
    for (size_t f = 0; f < ARRAY_LEN(all); f++)
        for (size_t i = 0; i < all[f]->n; i++)
            if (all[f]->at[i].type == t && str_is(column, all[f]->at[i].column))
                return &all[f]->at[i];
    return NULL;
}

void cell_str(struct cell *c, struct str s)
{
    json_encode_string(c->out, s);
}

void cell_strf(struct cell *c, const char *fmt, ...)
{
    _cleanup_arena_ struct arena a = {0};
    va_list args;
    va_start(args, fmt);
    cell_str(c, arena_vprintf(&a, fmt, args));
    va_end(args);
}

void cell_int(struct cell *c, int64_t i)
{
    buf_add_i64(c->out, i);
}

void cell_bool(struct cell *c, bool b)
{
    buf_add_str(c->out, b ? STR("true") : STR("false"));
}

void cell_buf(struct cell *c, const struct buf *text)
{
    cell_str(c, buf_str(text));
}

void cell_or(struct cell *c, struct str s, const char *otherwise)
{
    cell_str(c, s.n ? s : str_from(otherwise));
}

void cell_add_age(struct buf *out, struct time t, int64_t now)
{
    if (time_is_zero(t))
        buf_add_lit(out, "<unknown>");
    else
        duration_write_human(out, now - time_to_ns(t));
}

void cell_class_name(struct cell *c, struct str name, const struct str_map *annotations,
                     const char *const *defaults, size_t n)
{
    bool marked = false;
    for (size_t i = 0; i < annotations->n; i++)
        for (size_t k = 0; k < n; k++)
            marked |= str_is(annotations->at[i].key, defaults[k]) && str_is(annotations->at[i].value, "true");
    cell_strf(c, STR_FMT "%s", STR_ARG(name), marked ? " (default)" : "");
}

void cell_age(struct cell *c, struct time t)
{
    _cleanup_buf_ struct buf b = {0};
    cell_add_age(&b, t, c->now);
    cell_buf(c, &b);
}

void cell_count(struct cell *c)
{
    cell_int(c, c->at ? (int64_t)((const struct any_vec *)c->at)->n : 0);
}

void cell_joined(struct cell *c)
{
    _cleanup_buf_ struct buf b = {0};
    const struct str_vec *v = c->at;
    for (size_t i = 0; v && i < v->n; i++) {
        buf_add_str(&b, i ? STR(",") : STR(""));
        buf_add_str(&b, v->at[i]);
    }
    cell_buf(c, &b);
}

static void cell_containers(struct cell *c, size_t offset)
{
    _cleanup_buf_ struct buf b = {0};
    const struct container_vec *v = c->at;
    for (size_t i = 0; v && i < v->n; i++) {
        buf_add_str(&b, i ? STR(",") : STR(""));
        buf_add_str(&b, *(const struct str *)(const void *)((const char *)&v->at[i] + offset));
    }
    cell_buf(c, &b);
}

void cell_container_names(struct cell *c)
{
    cell_containers(c, offsetof(struct container, name));
}

void cell_container_images(struct cell *c)
{
    cell_containers(c, offsetof(struct container, image));
}

void cell_selector(struct cell *c)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf b = {0};
    struct selector s;
    if (selector_from(&a, c->at, &s, NULL) < 0) {
        cell_str(c, STR("<error>"));
        return;
    }
    selector_write(&b, &s);
    cell_or(c, buf_str(&b), "<none>");
}

void cell_labels(struct cell *c)
{
    _cleanup_buf_ struct buf b = {0};
    const struct str_map *m = c->at;
    for (size_t i = 0; m && i < m->n; i++)
        buf_addf(&b, "%s" STR_FMT "=" STR_FMT, i ? "," : "", STR_ARG(m->at[i].key), STR_ARG(m->at[i].value));
    cell_or(c, buf_str(&b), "<none>");
}

static struct str cell_text(const struct cell *c)
{
    return c->at ? *(const struct str *)c->at : (struct str){0};
}

void cell_or_none(struct cell *c)
{
    cell_or(c, cell_text(c), "<none>");
}

void cell_or_unset(struct cell *c)
{
    cell_or(c, cell_text(c), "<unset>");
}

void cell_or_unknown(struct cell *c)
{
    cell_or(c, cell_text(c), "<unknown>");
}

void cell_or_empty(struct cell *c)
{
    cell_str(c, cell_text(c));
}
