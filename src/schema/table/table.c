#include "schema/table/table.h"

#include <pthread.h>

#include "kinds/core_v1.h"
#include "schema/field_ref.h"
#include "schema/json.h"
#include "schema/table/cells.h"
#include "schema/table/jsonpath.h"
#include "schema/timestamp.h"

struct table_column {
    const struct column *declared;
    const struct cell_maker *maker;
    struct field_ref ref; /* of the declared path, or of the maker's */
    struct jsonpath path; /* where the path is more than names (custom resources) */
};

/* The columns of kinds that declare none. */
static const struct column table_default[] = {
    {.name = STR_INIT("Name"),
     .type = STR_INIT("string"),
     .format = STR_INIT("name"),
     .doc = STR_INIT("Name must be unique within a namespace."),
     .path = STR_INIT(".metadata.name")},
    {.name = STR_INIT("Created At"),
     .type = STR_INIT("date"),
     .doc = STR_INIT("When the object was created, by the server's clock."),
     .path = STR_INIT(".metadata.creationTimestamp")},
};

/* A resource's columns, resolved. */
struct table_columns {
    const struct resource *resource;
    struct table_column *at;
    size_t n;
};

static void table_resolve(struct arena *a, const struct resource *r, struct table_columns *out)
{
    const struct column *declared = r->n_columns ? r->columns : table_default;
    size_t n = r->n_columns ? r->n_columns : ARRAY_LEN(table_default);
    *out = (struct table_columns){r, arena_new_n(a, struct table_column, n), n};
    for (size_t i = 0; i < n; i++) {
        struct table_column *c = &out->at[i];
        c->declared = &declared[i];
        c->maker = cell_find(r->type, declared[i].name);
        struct str path = c->maker ? str_from(c->maker->path) : declared[i].path;
        if (path.n && !field_ref_resolve(r->type, path, &c->ref) && !c->maker)
            jsonpath_compile(a, path, &c->path, NULL);
    }
}

/* Those of the built-in kinds are resolved once, for good. */
static struct table_columns *table_builtin;
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void table_resolve_builtin(void)
{
    static struct arena a; /* reachable, never given back */
    table_builtin = arena_new_n(&a, struct table_columns, n_builtin_resources);
    for (size_t i = 0; i < n_builtin_resources; i++)
        table_resolve(&a, builtin_resources[i], &table_builtin[i]);
}

static struct table_columns table_columns(struct arena *a, const struct resource *r)
{
    struct table_columns own;
    pthread_once(&table_once, table_resolve_builtin);
    for (size_t i = 0; i < n_builtin_resources; i++)
        if (table_builtin[i].resource == r)
            return table_builtin[i];
    table_resolve(a, r, &own);
    return own;
}

static void table_add_member(struct buf *out, const char *name, struct str value)
{
    buf_addf(out, "\"%s\":", name);
    json_encode_string(out, value);
    buf_add_c(out, ',');
}

void table_write_columns(struct buf *out, const struct resource *r)
{
    _cleanup_arena_ struct arena a = {0};
    struct table_columns columns = table_columns(&a, r);
    for (size_t i = 0; i < columns.n; i++) {
        const struct column *c = columns.at[i].declared;
        buf_add_str(out, i ? STR(",{") : STR("[{"));
        table_add_member(out, "name", c->name);
        table_add_member(out, "type", c->type);
        table_add_member(out, "format", c->format);
        const struct field *leaf = columns.at[i].ref.leaf;
        table_add_member(out, "description", c->doc.n || !leaf ? c->doc : leaf->doc);
        buf_addf(out, "\"priority\":%d}", c->priority);
    }
    buf_add_c(out, ']');
}

/* A time: how long ago under "Age" and in columns of dates, in full elsewhere ("Created At" of built-in
 * kinds). */
static void table_add_time(struct cell *c, const struct column *column, struct time t)
{
    if (str_is(column->name, "Age") || (str_is(column->type, "date") && column != &table_default[1])) {
        cell_age(c, t);
        return;
    }
    buf_add_c(c->out, '"');
    time_write(c->out, t);
    buf_add_c(c->out, '"');
}

/* A field as it is: numbers and booleans as such where the column says so, else as text. */
static void table_add_field(struct cell *c, const struct table_column *column)
{
    const struct field *f = column->ref.leaf;
    struct str type = column->declared->type;
    if (!c->at) {
        if (str_is(type, "string"))
            cell_str(c, STR(""));
        else
            buf_add_lit(c->out, "null");
        return;
    }
    if (f->kind == VALUE_TIME || f->kind == VALUE_MICRO_TIME) {
        table_add_time(c, column->declared, *(const struct time *)c->at);
        return;
    }
    bool plain = f->shape == SHAPE_ONE || f->shape == SHAPE_OPTIONAL;
    if (plain && f->kind == VALUE_INT32)
        cell_int(c, *(const int32_t *)c->at);
    else if (plain && f->kind == VALUE_INT64)
        cell_int(c, *(const int64_t *)c->at);
    else if (plain && f->kind == VALUE_BOOL)
        cell_bool(c, *(const bool *)c->at);
    else if (plain && (f->kind == VALUE_STRING || f->kind == VALUE_QUANTITY))
        cell_str(c, *(const struct str *)c->at);
    else {
        _cleanup_buf_ struct buf json = {0};
        struct field value = *f;
        if (value.shape == SHAPE_OPTIONAL)
            value.shape = SHAPE_ONE;
        json_encode_field(&json, &value, c->at);
        cell_buf(c, &json);
    }
}

/* What a path found in the object's JSON: as the column's type has it, null where it does not fit. */
static void table_add_found(struct cell *c, const struct column *column, const struct value *v)
{
    struct str type = column->type;
    struct time t;
    _cleanup_buf_ struct buf json = {0};
    bool number = v->kind == JSON_INT || v->kind == JSON_DOUBLE;
    if (str_is(type, "date") && v->kind == JSON_STRING) {
        if (time_parse(v->s, &t, NULL) < 0)
            cell_str(c, STR("<invalid>"));
        else
            cell_age(c, t);
        return;
    }
    value_write(&json, v);
    if (str_is(type, "string") && v->kind != JSON_STRING)
        cell_buf(c, &json);
    else if (str_is(type, "string") || (number && (str_is(type, "integer") || str_is(type, "number"))) ||
             (v->kind == JSON_BOOL && str_is(type, "boolean")))
        buf_add_str(c->out, buf_str(&json));
    else
        buf_add_lit(c->out, "null");
}

/* What a field without more below it holds, as a JSON value; false: it is not one of these. */
static bool table_value(const struct field *f, const void *at, struct value *v)
{
    if (f->shape != SHAPE_ONE && f->shape != SHAPE_OPTIONAL)
        return false;
    if (f->kind == VALUE_STRING)
        *v = (struct value){.kind = JSON_STRING, .s = *(const struct str *)at};
    else if (f->kind == VALUE_INT64)
        *v = (struct value){.kind = JSON_INT, .i = *(const int64_t *)at};
    else if (f->kind == VALUE_BOOL)
        *v = (struct value){.kind = JSON_BOOL, .b = *(const bool *)at};
    else
        return false;
    return true;
}

static void table_add_by_path(struct cell *c, const struct table_column *column, const struct type *t)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf json = {0};
    struct value doc;
    const struct value *found;
    json_encode(&json, t, c->typed);
    if (column->path.n && value_parse(&a, buf_str(&json), &doc, NULL) == 0 &&
        jsonpath_find(&column->path, &doc, &found, 1))
        table_add_found(c, column->declared, found);
    else
        buf_add_lit(c->out, "null");
}

static void table_add_cell(struct buf *out, const struct table_column *column, const struct resource *r,
                           const void *typed, int64_t now)
{
    void *at = field_ref_at(&column->ref, typed);
    if (at && column->ref.leaf->shape == SHAPE_OPTIONAL)
        at = *(void **)at;
    struct cell c = {out, typed, at, now};
    struct value plain;
    if (column->maker)
        column->maker->make(&c);
    else if (!column->ref.leaf)
        table_add_by_path(&c, column, r->type);
    else if (!at && r->flags & RESOURCE_CUSTOM)
        buf_add_lit(out, "null");
    else if (r->flags & RESOURCE_CUSTOM && table_value(column->ref.leaf, at, &plain))
        table_add_found(&c, column->declared, &plain);
    else
        table_add_field(&c, column);
}

/* Pods that are done say so beside their row. */
static void table_add_conditions(struct buf *out, const struct pod *pod)
{
    bool failed = str_is(pod->status.phase, "Failed");
    if (failed || str_is(pod->status.phase, "Succeeded"))
        buf_addf(out,
                 ",\"conditions\":[{\"type\":\"Completed\",\"status\":\"True\",\"reason\":\"%s\",\"message\":"
                 "\"%s\"}]",
                 failed ? "Failed" : "Succeeded",
                 failed ? "The pod failed." : "The pod has completed successfully.");
}

void table_write_cells_of(struct buf *out, const struct resource *r, const void *typed, int64_t now)
{
    _cleanup_arena_ struct arena a = {0};
    struct table_columns columns = table_columns(&a, r);
    for (size_t i = 0; i < columns.n; i++) {
        buf_add_c(out, i ? ',' : '[');
        table_add_cell(out, &columns.at[i], r, typed, now);
    }
    buf_add_c(out, ']');
    if (r->type == &pod_type)
        table_add_conditions(out, typed);
}
