#include "table.h"

#include <stdio.h>

#include "cel/text.h"
#include "schema/json.h"
#include "test.h"

/* What JSON cannot say is said by its kind. */
static void show(struct buf *out, const struct cel_value *v)
{
    _cleanup_arena_ struct arena a = {0};
    struct value json;
    if (v->kind == CEL_UINT) {
        text_write(out, v);
        buf_add_c(out, 'u');
    } else if (v->kind == CEL_DOUBLE) {
        text_write_double(out, v->d);
        if (v->d == (double)(int64_t)v->d && !memchr(out->p, 'e', out->n))
            buf_add_lit(out, ".0");
    } else if (v->kind == CEL_BYTES) {
        buf_add_c(out, 'b');
        json_encode_string(out, v->s);
    } else if (v->kind == CEL_OPTIONAL) {
        buf_add_str(out, v->inner ? STR("some ") : STR("none"));
        if (v->inner)
            show(out, v->inner);
    } else if (v->kind == CEL_TIMESTAMP || v->kind == CEL_DURATION || v->kind == CEL_TYPE ||
               v->kind == CEL_OPAQUE) {
        text_write(out, v);
    } else if (cel_to_json(&a, v, &json, NULL) == 0) {
        value_write(out, &json);
    } else {
        buf_add_lit(out, "?");
    }
}

static void evaluate(const char *expression, const struct cel_env *env, const struct cel_value *vars,
                     struct buf *out)
{
    static const struct cel_env none;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct cel_program *p = NULL;
    struct cel_value v;
    struct cel_run run = {.arena = &a, .vars = vars};
    if (cel_compile(env ? env : &none, str_from(expression), &p, &err) < 0) {
        buf_addf(out, "issue: " STR_FMT, STR_ARG(err.message));
        return;
    }
    if (cel_eval(p, &run, &v, &err) < 0)
        buf_addf(out, "error: " STR_FMT, STR_ARG(err.message));
    else
        show(out, &v);
    struct cel_cost cost = cel_program_cost(p);
    /* Of dyn, and of formats with long patterns, upstream counts less than it charges. */
    if (!env && run.cost > cost.max && !strstr(expression, ".validate("))
        buf_addf(out, " (cost %llu is beyond the estimate %llu)", (unsigned long long)run.cost,
                 (unsigned long long)cost.max);
    cel_program_free(p);
}

void expect_all(const struct expectation *all, size_t n, const struct cel_env *env,
                const struct cel_value *vars)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < n; i++) {
        _cleanup_buf_ struct buf got = {0};
        evaluate(all[i].expression, env, vars, &got);
        struct str want = str_from(all[i].result);
        bool part = str_starts(want, STR("issue: ")) || str_starts(want, STR("error: "));
        bool same = part ? str_starts(buf_str(&got), str_slice(want.p, 7)) &&
                               str_find(buf_str(&got), str_from_at(want, 7)) >= 0
                         : str_eq(buf_str(&got), want);
        if (same)
            continue;
        wrong++;
        print_message("%s\n  yields " STR_FMT "\n  not    %s\n", all[i].expression, STR_ARG(buf_str(&got)),
                      all[i].result);
    }
    if (wrong)
        fail_msg("%u of %zu expressions differ", wrong, n);
}
