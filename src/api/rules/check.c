/* Rules as a definition brings them: do they compile, may they look at the past, what can they cost
 * (apiextensions-apiserver's validation of x-kubernetes-validations). */
#include "api/rules/rules.h"
#include "schema/json.h"

typedef struct json_schema_props schema;

enum { WORST = 4 };

struct checking {
    struct field_errors *e;
    struct arena a;
    uint64_t total;
    /* The most expensive, the worst first. */
    struct {
        struct str at;
        uint64_t cost;
    } worst[WORST];
};

/* Where the schema stands: how many values of it an object can have (0: no bound is said), and the first
 * place on the way whose old values cannot be told from new ones (NULL: none). */
struct standing {
    uint64_t times;
    const struct path *uncorrelatable;
    bool root;
};

static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static struct bad_value bad_rule(struct checking *c, const struct validation_rule *r)
{
    _cleanup_buf_ struct buf json = {0};
    json_encode(&json, &validation_rule_type, r);
    return BAD_RAW(arena_str(&c->a, buf_str(&json)));
}

/* --- costs --- */

static struct str too_much(struct checking *c, const char *what, uint64_t cost, uint64_t limit)
{
    double factor = (double)cost / (double)limit;
    struct str text = factor > 100   ? STR("more than 100x")
                      : factor < 1.5 ? arena_printf(&c->a, "%fx", factor)
                                     : arena_printf(&c->a, "%.1fx", factor);
    return arena_printf(&c->a,
                        "%s exceeds budget by factor of " STR_FMT
                        " (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where "
                        "arrays, maps, and strings are declared)",
                        what, STR_ARG(text));
}

static void observe(struct checking *c, const struct path *at, uint64_t cost)
{
    c->total = __builtin_add_overflow(c->total, cost, &c->total) ? UINT64_MAX : c->total;
    size_t i = WORST;
    while (i > 0 && c->worst[i - 1].cost < cost)
        i--;
    if (i == WORST)
        return;
    memmove(&c->worst[i + 1], &c->worst[i], (WORST - 1 - i) * sizeof *c->worst);
    c->worst[i].at = path_text(&c->a, at);
    c->worst[i].cost = cost;
}

static void check_cost(struct checking *c, const struct path *at, const char *what,
                       const struct cel_program *p, uint64_t values)
{
    uint64_t cost = times(cel_program_cost(p).max, values);
    if (cost > CEL_COST_ESTIMATE) {
        struct str why = too_much(c, what, cost, CEL_COST_ESTIMATE);
        field_forbidden(c->e, at, STR_FMT, STR_ARG(why));
    }
    observe(c, at, cost);
}

static void check_total(struct checking *c, const struct path *at)
{
    if (c->total <= CEL_COST_ESTIMATE_CRD)
        return;
    for (size_t i = 0; i < WORST && c->worst[i].cost; i++) {
        struct path p = path_child(NULL, c->worst[i].at);
        field_forbidden(c->e, &p,
                        "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 "
                        "schema");
    }
    struct str why =
        too_much(c, "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema",
                 c->total, CEL_COST_ESTIMATE_CRD);
    field_forbidden(c->e, at, STR_FMT, STR_ARG(why));
}

/* --- rules --- */

static void check_rule(struct checking *c, const struct path *at, const schema *s,
                       const struct cel_type *self, const struct validation_rule *said,
                       const struct standing *here)
{
    _cleanup_err_ struct err err = {0}, message_err = {0};
    struct rule r;
    uint64_t values = here->times ? here->times : cel_schema_most(s);
    rule_compile(&c->a, self, said, &r, &err, &message_err);
    if (err.reason)
        field_error(c->e, FIELD_ERROR_INVALID, PATH(at, "rule"), bad_rule(c, said), STR_FMT,
                    STR_ARG(err.message));
    else
        check_cost(c, PATH(at, "rule"), "estimated rule cost", r.program, values);
    if (message_err.reason)
        field_error(c->e, FIELD_ERROR_INVALID, PATH(at, "messageExpression"), bad_rule(c, said), STR_FMT,
                    STR_ARG(message_err.message));
    else if (r.message)
        check_cost(c, PATH(at, "messageExpression"), "estimated messageExpression cost", r.message, values);
    if (r.uses_old && here->uncorrelatable) {
        struct str where = path_text(&c->a, here->uncorrelatable);
        field_invalid(c->e, PATH(at, "rule"), said->rule,
                      "oldSelf cannot be used on the uncorrelatable portion of the schema within " STR_FMT,
                      STR_ARG(where));
    }
    if (!err.reason && !r.uses_old && said->optional_old_self)
        field_error(c->e, FIELD_ERROR_INVALID, PATH(at, "optionalOldSelf"),
                    BAD_RAW(*said->optional_old_self ? STR("true") : STR("false")),
                    "may not be set if oldSelf is not used in rule");
    rule_clear(&r);
}

static uint64_t within(uint64_t times_here, const int64_t *most)
{
    return times_here && most ? times(times_here, *most > 0 ? (uint64_t)*most : 0) : 0;
}

static void check(struct checking *c, const struct path *at, const schema *s, struct standing here)
{
    const struct json_schema_props_or_bool *more = s->additional_properties;
    const struct str *list = s->x_kubernetes_list_type, *map = s->x_kubernetes_map_type;
    struct standing below = {here.times, here.uncorrelatable, false};
    if (more && more->schema) {
        struct standing values = below;
        values.times = within(here.times, s->max_properties);
        check(c, PATH(at, "additionalProperties"), more->schema, values);
    }
    if (map && str_is(*map, "atomic") && !below.uncorrelatable)
        below.uncorrelatable = at;
    for (size_t i = 0; i < s->properties.n; i++) {
        struct path p = path_key(PATH(at, "properties"), s->properties.at[i].key);
        check(c, &p, &s->properties.at[i].value, below);
    }
    if (s->items && s->items->schema) {
        struct standing items = {within(here.times, s->max_items), here.uncorrelatable, false};
        if (!(list && str_is(*list, "map")) && !items.uncorrelatable)
            items.uncorrelatable = at;
        check(c, PATH(at, "items"), s->items->schema, items);
    }
    if (!s->x_kubernetes_validations.n)
        return;
    const struct cel_type *self = cel_schema_type(&c->a, s, here.root);
    for (size_t i = 0; i < s->x_kubernetes_validations.n; i++)
        check_rule(c, PATH_AT(PATH(at, "x-kubernetes-validations"), i), s, self ? self : &cel_dyn,
                   &s->x_kubernetes_validations.at[i], &here);
}

void rules_check(struct field_errors *e, const struct path *at, const schema *s)
{
    struct checking c = {.e = e};
    check(&c, at, s, (struct standing){.times = 1, .root = true});
    check_total(&c, at);
    arena_free(&c.a);
}
