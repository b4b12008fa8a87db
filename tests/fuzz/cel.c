/* Expressions from outside: parsing, checking, estimating, running. None may crash, hang, or cost more than
 * its limit allows. */
#include <stdlib.h>

#include "cel/cel.h"
#include "schema/json.h"

static struct arena lasting;
static struct value json;
static struct cel_var vars[3];
static struct cel_env env = {.vars = vars, .n_vars = 3};

static void setup(void)
{
    const struct cel_field fields[] = {
        {.name = STR("i"), .type = &cel_int},
        {.name = STR("s"), .type = cel_type_bound(&lasting, &cel_string, 20)},
        {.name = STR("l"), .type = cel_type_list(&lasting, &cel_int, 10)},
        {.name = STR("m"), .type = cel_type_map(&lasting, &cel_string, &cel_double, 10)},
        {.name = STR("t"), .type = &cel_timestamp},
    };
    vars[0] = (struct cel_var){STR("self"), cel_type_object(&lasting, STR("Thing"), fields, 5)};
    vars[1] = (struct cel_var){STR("object"), &cel_dyn};
    vars[2] = (struct cel_var){STR("authorizer"), &cel_authorizer};
    if (value_parse(&lasting,
                    STR("{\"i\":1,\"s\":\"text\",\"l\":[1,2,3],\"m\":{\"a\":1,\"b\":2.5},\"t\":\"2026-01-"
                        "01T00:00:00Z\"}"),
                    &json, NULL) < 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_slice((const char *)data, size);
    if (!vars[0].type)
        setup();
    if (size > 4096 || !str_is_utf8(text))
        return 0;
    struct cel_program *p = NULL;
    if (cel_compile(&env, text, &p, NULL) < 0)
        return 0;
    _cleanup_arena_ struct arena a = {0};
    const struct cel_value values[] = {cel_from_json(&a, &json, vars[0].type), cel_from_json(&a, &json, NULL),
                                       cel_from_authorizer()};
    struct cel_run run = {.arena = &a, .vars = values, .cost_limit = 20000};
    struct cel_value v;
    struct value out;
    if (cel_eval(p, &run, &v, NULL) == 0)
        cel_to_json(&a, &v, &out, NULL);
    cel_program_free(p);
    return 0;
}
