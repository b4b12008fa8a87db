#include "api/kind/device_condition.h"

#include "base/thread.h"
#include "cel/cel.h"

enum { ATTRIBUTES_MAX = 32, DRIVER_MAX = 63, DOMAIN_MAX = 63, ID_MAX = 32, VALUE_MAX = 64 };
#define CONDITION_COST UINT64_C(1000000)

/* Made once and never freed. */
static struct {
    struct arena arena;
    struct cel_var device;
    pthread_once_t once;
} made = {.once = PTHREAD_ONCE_INIT};

/* From domains to names to what a device says of itself under them. */
static const struct cel_type *said_type(const struct cel_type *value)
{
    struct arena *a = &made.arena;
    const struct cel_type *names =
        cel_type_map(a, cel_type_bound(a, &cel_string, ID_MAX), value, ATTRIBUTES_MAX);
    return cel_type_map(a, cel_type_bound(a, &cel_string, DOMAIN_MAX), names, ATTRIBUTES_MAX);
}

static void make_device(void)
{
    const struct cel_field fields[] = {
        {.name = STR("driver"), .type = cel_type_bound(&made.arena, &cel_string, DRIVER_MAX)},
        {.name = STR("attributes"), .type = said_type(cel_type_bound(&made.arena, &cel_dyn, VALUE_MAX))},
        {.name = STR("capacity"), .type = said_type(&cel_quantity)},
        {.name = STR("allowMultipleAllocations"), .type = &cel_bool},
    };
    made.device = (struct cel_var){
        STR("device"), cel_type_record(&made.arena, STR("kubernetes.DRADevice"), fields, ARRAY_LEN(fields))};
}

void valid_device_condition(struct field_errors *e, const struct path *at, struct str text)
{
    const struct cel_env env = {.vars = &made.device, .n_vars = 1, .devices = true};
    _cleanup_err_ struct err err = {0};
    struct cel_program *p = NULL;
    pthread_once(&made.once, make_device);
    if (cel_compile(&env, text, &p, &err) < 0) {
        field_invalid(e, at, text, STR_FMT, STR_ARG(err.message));
        return;
    }
    const struct cel_type *t = cel_program_type(p);
    if (t->kind != CEL_BOOL && t->kind != CEL_DYN)
        field_invalid(e, at, text, "must evaluate to bool or the unknown type, not " STR_FMT,
                      STR_ARG(cel_type_str(&e->arena, t)));
    else if (cel_program_cost(p).max > CONDITION_COST)
        field_forbidden(e, at, "too complex, exceeds cost limit");
    cel_program_free(p);
}
