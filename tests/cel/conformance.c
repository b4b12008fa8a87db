/* The conformance cases of CEL's specification, a line of JSON each, from standard input (conformance.mjs
 * makes them). Each is compiled and run as the specification has the language: lists may hold values of
 * several types, and what is not to be checked fails only when it runs. Says what differs and how many ran.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/encode.h"
#include "cel/text.h"
#include "schema/timestamp.h"
#include "schema/value.h"

/* --- types and values, as the cases write them --- */

static const struct value *member(const struct value *of, const char *name)
{
    return value_get(of, str_from(name));
}

static const struct cel_type *type_read(struct arena *a, const struct value *json)
{
    static const struct {
        const char *name;
        const struct cel_type *type;
    } names[] = {{"BOOL", &cel_bool},
                 {"INT64", &cel_int},
                 {"UINT64", &cel_uint},
                 {"DOUBLE", &cel_double},
                 {"STRING", &cel_string},
                 {"BYTES", &cel_bytes},
                 {"TIMESTAMP", &cel_timestamp},
                 {"DURATION", &cel_duration},
                 {"google.protobuf.Duration", &cel_duration},
                 {"google.protobuf.Timestamp", &cel_timestamp},
                 {"google.protobuf.ListValue", &cel_list},
                 {"google.protobuf.Struct", &cel_map},
                 {"google.protobuf.Value", &cel_dyn}};
    struct str wrapped = value_get_str(json, STR("wrapper"));
    const struct value *list = member(json, "listType"), *map = member(json, "mapType"),
                       *abstract = member(json, "abstractType"),
                       *parameters = member(abstract, "parameterTypes");
    if (list)
        return cel_type_list(a, type_read(a, member(list, "elemType")), CEL_UNBOUNDED);
    if (map)
        return cel_type_map(a, type_read(a, member(map, "keyType")), type_read(a, member(map, "valueType")),
                            CEL_UNBOUNDED);
    if (parameters && str_is(value_get_str(abstract, STR("name")), "optional_type"))
        return cel_type_optional(a, type_read(a, parameters->list.at));
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_is(wrapped, names[i].name)) {
            struct cel_type *t = arena_dup(a, names[i].type, sizeof(*t));
            t->nullable = true;
            return t;
        }
    if (member(json, "null"))
        return &cel_null;
    for (size_t i = 0; json && i < json->members.n; i++)
        for (size_t j = 0; j < ARRAY_LEN(names); j++)
            if (json->members.at[i].value.kind == JSON_STRING &&
                str_is(json->members.at[i].value.s, names[j].name))
                return names[j].type;
    struct str message = value_get_str(json, STR("messageType"));
    const struct cel_type *known = message.n ? type_named(message) : NULL;
    return known ? known : &cel_dyn;
}

static int64_t number(struct str s, bool is_unsigned)
{
    const char *digits = s.p;
    return is_unsigned ? (int64_t)strtoull(digits, NULL, 10) : strtoll(digits, NULL, 10);
}

static struct cel_value value_read(struct arena *a, const struct value *json)
{
    struct cel_value v = CEL_NULL_VALUE;
    _cleanup_buf_ struct buf bytes = {0};
    const struct value_member *m = json && json->members.n ? json->members.at : NULL;
    const struct value *items = NULL;
    if (!m)
        return v;
    if (str_is(m->key, "int64Value")) {
        v = cel_from_int(number(str_from(arena_c(a, m->value.s)), false));
    } else if (str_is(m->key, "uint64Value")) {
        v = (struct cel_value){.kind = CEL_UINT,
                               .u = (uint64_t)number(str_from(arena_c(a, m->value.s)), true)};
    } else if (str_is(m->key, "doubleValue")) {
        v.kind = CEL_DOUBLE;
        v.d = m->value.kind == JSON_INT      ? (double)m->value.i
              : m->value.kind == JSON_DOUBLE ? m->value.d
                                             : strtod(arena_c(a, m->value.s), NULL);
    } else if (str_is(m->key, "stringValue")) {
        v = cel_from_str(m->value.s);
    } else if (str_is(m->key, "bytesValue")) {
        decode_base64(&bytes, m->value.s);
        v = (struct cel_value){.kind = CEL_BYTES, .s = arena_str(a, buf_str(&bytes))};
    } else if (str_is(m->key, "boolValue")) {
        v = cel_from_bool(m->value.b);
    } else if (str_is(m->key, "typeValue")) {
        v = (struct cel_value){.kind = CEL_TYPE, .of = type_named(m->value.s)};
    } else if (str_is(m->key, "duration")) {
        v.kind = CEL_DURATION;
        duration_parse(m->value.s, &v.i, NULL);
    } else if (str_is(m->key, "timestamp")) {
        v.kind = CEL_TIMESTAMP;
        value_time_parse(m->value.s, &v.time, NULL);
    } else if (str_is(m->key, "listValue")) {
        items = member(&m->value, "values");
        v.kind = CEL_LIST;
        v.list.n = items ? items->list.n : 0;
        struct cel_value *at = arena_new_n(a, struct cel_value, v.list.n + 1);
        for (size_t i = 0; i < v.list.n; i++)
            at[i] = value_read(a, &items->list.at[i]);
        v.list.at = at;
    } else if (str_is(m->key, "mapValue")) {
        struct cel_pairs *pairs = arena_new(a, struct cel_pairs);
        items = member(&m->value, "entries");
        for (size_t i = 0; items && i < items->list.n; i++)
            pairs_put(a, pairs, value_read(a, member(&items->list.at[i], "key")),
                      value_read(a, member(&items->list.at[i], "value")));
        v.kind = CEL_MAP;
        v.map = pairs;
    }
    return v;
}

/* Equal, of the same kinds, and NaN is NaN. */
static bool same(struct arena *a, const struct cel_value *x, const struct cel_value *y)
{
    if (x->kind != y->kind)
        return false;
    if (x->kind == CEL_DOUBLE)
        return x->d == y->d || (isnan(x->d) && isnan(y->d));
    if (x->kind != CEL_LIST && x->kind != CEL_MAP)
        return value_equal(a, x, y);
    if (value_count(x) != value_count(y))
        return false;
    for (size_t i = 0; x->kind == CEL_LIST && i < value_count(x); i++) {
        struct cel_value vx = value_list_item(a, x, i), vy = value_list_item(a, y, i);
        if (!same(a, &vx, &vy))
            return false;
    }
    struct cel_value key, vx, vy;
    for (size_t cursor = 0; x->kind == CEL_MAP && value_next(a, x, &cursor, &key, &vx);)
        if (!value_find(a, y, &key, &vy) || !same(a, &vx, &vy))
            return false;
    return true;
}

/* --- one case --- */

static struct str shown(struct arena *a, const struct cel_value *v)
{
    _cleanup_buf_ struct buf out = {0};
    struct value json;
    buf_addf(&out, STR_FMT " ", STR_ARG(value_type(v)->name));
    if (!text_write(&out, v) && cel_to_json(a, v, &json, NULL) == 0)
        value_write(&out, &json);
    return arena_str(a, buf_str(&out));
}

/* What the compiler says of an expression, or the type that it deduces. */
static struct str check_case(struct arena *a, const struct value *test, const struct cel_env *env)
{
    _cleanup_err_ struct err err = {0};
    struct cel_program *p = NULL;
    struct str says = value_get_str(test, STR("says")), type = value_get_str(test, STR("type")), line;
    if (cel_compile(env, value_get_str(test, STR("expr")), &p, &err) == 0) {
        struct str got = cel_type_str(a, cel_program_type(p));
        cel_program_free(p);
        return says.n ? arena_printf(a, "is of type " STR_FMT ", not: " STR_FMT, STR_ARG(got), STR_ARG(says))
               : str_eq(got, type)
                   ? (struct str){0}
                   : arena_printf(a, "is of type " STR_FMT ", not " STR_FMT, STR_ARG(got), STR_ARG(type));
    }
    struct str got = arena_str(a, str_from_at(err.message, sizeof("compilation failed: ") - 1));
    if (member(test, "first") && member(test, "first")->b) {
        got = str_cut(&got, '\n', &line) ? line : got;
        says = str_cut(&says, '\n', &line) ? line : says;
    }
    return str_eq(got, says)
               ? (struct str){0}
               : arena_printf(a, "is told: " STR_FMT "\n  not: " STR_FMT, STR_ARG(got), STR_ARG(says));
}

/* What is wrong; empty: nothing. */
static struct str run_case(struct arena *a, const struct value *test)
{
    _cleanup_err_ struct err err = {0};
    const struct value *declared = member(test, "typeEnv"), *bindings = member(test, "bindings"),
                       *typed = member(test, "typedResult"),
                       *result = member(typed ? typed : test, typed ? "result" : "value"),
                       *type = member(typed, "deducedType"), *unchecked = member(test, "disableCheck");
    bool fails = member(test, "evalError");
    size_t n = declared ? declared->list.n : 0;
    struct cel_var *vars = arena_new_n(a, struct cel_var, n + (bindings ? bindings->members.n : 0) + 1);
    struct cel_value *values = arena_new_n(a, struct cel_value, n + (bindings ? bindings->members.n : 0) + 1);
    struct cel_env env = {.vars = vars, .devices = true, .mixed = true, .unchecked = unchecked};
    for (size_t i = 0; i < n; i++)
        vars[env.n_vars++] =
            (struct cel_var){value_get_str(&declared->list.at[i], STR("name")),
                             type_read(a, member(member(&declared->list.at[i], "ident"), "type"))};
    for (size_t i = 0; bindings && i < bindings->members.n; i++) {
        const struct value_member *b = &bindings->members.at[i];
        size_t slot = 0;
        while (slot < env.n_vars && !str_eq(vars[slot].name, b->key))
            slot++;
        if (slot == env.n_vars)
            vars[env.n_vars++] = (struct cel_var){b->key, &cel_dyn};
        values[slot] = value_read(a, member(&b->value, "value"));
    }
    struct cel_program *p = NULL;
    if (str_starts(value_get_str(test, STR("path")), STR("cel-go/")))
        return check_case(a, test, &env);
    if (cel_compile(&env, value_get_str(test, STR("expr")), &p, &err) < 0)
        return fails ? (struct str){0} : arena_printf(a, STR_FMT, STR_ARG(err.message));
    _cleanup_buf_ struct buf wrong = {0};
    if (type && !type_same(type_read(a, type), cel_program_type(p)))
        buf_addf(&wrong, "is of type " STR_FMT, STR_ARG(cel_type_str(a, cel_program_type(p))));
    struct cel_value got, want = result ? value_read(a, result) : cel_from_bool(true);
    struct cel_run run = {.arena = a, .vars = values};
    if (!member(test, "checkOnly")) {
        int rc = cel_eval(p, &run, &got, &err);
        if (rc < 0 && !fails)
            buf_addf(&wrong, "fails: " STR_FMT, STR_ARG(err.message));
        else if (rc == 0 && (fails || !same(a, &want, &got)))
            buf_addf(&wrong, "yields " STR_FMT ", not " STR_FMT, STR_ARG(shown(a, &got)),
                     STR_ARG(fails ? STR("an error") : shown(a, &want)));
    }
    cel_program_free(p);
    return arena_str(a, buf_str(&wrong));
}

/* --- all --- */

struct reason {
    struct str text;
    unsigned n;
};

static void count(struct arena *a, struct reason *reasons, size_t n, struct str text)
{
    for (size_t i = 0; i < n; i++) {
        if (!reasons[i].text.n)
            reasons[i].text = arena_str(a, text);
        if (!str_eq(reasons[i].text, text))
            continue;
        reasons[i].n++;
        return;
    }
}

int main(void)
{
    _cleanup_arena_ struct arena names = {0};
    struct reason reasons[16] = {0};
    unsigned ran = 0, failed = 0;
    char *line = NULL;
    size_t cap = 0;
    for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0;) {
        _cleanup_arena_ struct arena a = {0};
        _cleanup_err_ struct err err = {0};
        struct value test;
        if (value_parse(&a, str_slice(line, (size_t)n), &test, &err) < 0) {
            printf("no case: " STR_FMT "\n", STR_ARG(err.message));
            return 1;
        }
        struct str why = value_get_str(&test, STR("why"));
        if (why.n) {
            count(&names, reasons, ARRAY_LEN(reasons), why);
            continue;
        }
        struct str wrong = run_case(&a, &test);
        ran++;
        failed += wrong.n > 0;
        if (wrong.n)
            printf(STR_FMT "\n  " STR_FMT "\n  " STR_FMT "\n", STR_ARG(value_get_str(&test, STR("path"))),
                   STR_ARG(value_get_str(&test, STR("expr"))), STR_ARG(wrong));
    }
    free(line);
    printf("ran %u, passed %u; does not apply:\n", ran, ran - failed);
    for (size_t i = 0; i < ARRAY_LEN(reasons) && reasons[i].n; i++)
        printf("%6u  " STR_FMT "\n", reasons[i].n, STR_ARG(reasons[i].text));
    return failed || !ran;
}
