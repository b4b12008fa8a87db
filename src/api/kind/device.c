/* Devices: what their kinds have in common, and DeviceClass (pkg/apis/resource/validation). */
#include "api/kind/device.h"

#include "api/kind/device_condition.h"
#include "api/kind/kinds.h"
#include "schema/json.h"

enum { SELECTORS_MAX = 32, EXPRESSION_MAX = 10 * 1024, POOL_NAME_MAX = 253, ID_MAX = 32, CONDITIONS_MAX = 4 };

bool valid_most(struct field_errors *e, const struct path *at, size_t n, size_t most)
{
    if (n > most)
        field_too_many(e, at, n, most);
    return n <= most;
}

void valid_device_selectors(struct field_errors *e, const struct path *at,
                            const struct device_selector_vec *v)
{
    if (!valid_most(e, at, v->n, SELECTORS_MAX))
        return;
    each (*v, i) {
        const struct path *cel = PATH(PATH_AT(at, i), "cel"), *expression = PATH(cel, "expression");
        if (!v->at[i].cel)
            field_required(e, cel, "%s", "");
        else if (!v->at[i].cel->expression.n)
            field_required(e, expression, "%s", "");
        else if (v->at[i].cel->expression.n > EXPRESSION_MAX)
            field_too_long(e, expression, EXPRESSION_MAX);
        else
            valid_device_condition(e, expression, v->at[i].cel->expression);
    }
}

void valid_device_data(struct field_errors *e, const struct path *at, struct str json)
{
    _cleanup_err_ struct err err = {0};
    if (!json.n || str_is(json, "null"))
        field_required(e, at, "%s", "");
    else if (json.n > DEVICE_DATA_MAX)
        field_too_long(e, at, DEVICE_DATA_MAX);
    else if (json_check(json, &err) < 0)
        field_invalid(e, at, STR("<value omitted>"), "error parsing data as JSON: " STR_FMT,
                      STR_ARG(err.message));
    else if (json.p[0] != '{')
        field_invalid(e, at, STR("<value omitted>"), "must be a valid JSON object");
}

void valid_device_configuration(struct field_errors *e, const struct path *at,
                                const struct opaque_device_configuration *o)
{
    const struct path *opaque = PATH(at, "opaque");
    if (!o) {
        field_required(e, opaque, "%s", "");
        return;
    }
    valid_driver_name(e, PATH(opaque, "driver"), o->driver);
    valid_device_data(e, PATH(opaque, "parameters"), o->parameters);
}

void valid_pool_name(struct field_errors *e, const struct path *at, struct str name)
{
    if (!name.n) {
        field_required(e, at, "%s", "");
        return;
    }
    if (name.n > POOL_NAME_MAX)
        field_too_long(e, at, POOL_NAME_MAX);
    for (struct str part, rest = name; str_cut(&rest, '/', &part);)
        format_validate(e, at, FORMAT_DNS1123_SUBDOMAIN, part);
}

static void valid_identifier(struct field_errors *e, const struct path *at, struct str id)
{
    if (id.n > ID_MAX)
        field_too_long(e, at, ID_MAX);
    format_validate(e, at, FORMAT_C_IDENTIFIER, id);
}

void valid_device_qualified(struct field_errors *e, const struct path *at, struct str name, bool full)
{
    struct str id = name, domain = {0};
    str_cut(&id, '/', &domain);
    if (!id.p) {
        valid_identifier(e, at, name);
        if (full)
            field_invalid(e, at, name,
                          "a fully qualified name must be a domain and a name separated by a slash");
        return;
    }
    if (!domain.n)
        field_invalid(e, at, STR(""), "the domain must not be empty");
    else
        valid_driver_name(e, at, domain);
    if (!id.n)
        field_invalid(e, at, STR(""), "the name must not be empty");
    else
        valid_identifier(e, at, id);
}

static void valid_condition_names(struct field_errors *e, const struct path *at, const struct str_vec *names)
{
    if (!valid_most(e, at, names->n, CONDITIONS_MAX))
        return;
    each (*names, i) {
        struct str_vec before = {names->at, i};
        valid_qualified(e, PATH_AT(at, i), names->at[i]);
        if (str_vec_has(&before, names->at[i]))
            field_duplicate(e, PATH_AT(at, i), names->at[i]);
    }
}

void valid_binding_conditions(struct field_errors *e, const struct path *at, const struct str_vec *conditions,
                              const struct str_vec *failures)
{
    const struct path *waits = PATH(at, "bindingConditions"), *ends = PATH(at, "bindingFailureConditions");
    valid_condition_names(e, waits, conditions);
    valid_condition_names(e, ends, failures);
    each (*failures, i)
        if (str_vec_has(conditions, failures->at[i]))
            field_invalid(e, PATH_AT(ends, i), failures->at[i],
                          "bindingFailureConditions must not overlap with bindingConditions");
    if (!conditions->n && failures->n)
        field_error(e, FIELD_ERROR_INVALID, waits, valid_bad_list(e, conditions),
                    "bindingConditions are required to use bindingFailureConditions");
    if (conditions->n && !failures->n)
        field_error(e, FIELD_ERROR_INVALID, ends, valid_bad_list(e, failures),
                    "bindingFailureConditions are required to use bindingConditions");
}

bool device_taint_effect_ok(struct str effect)
{
    return str_is(effect, "NoExecute") || str_is(effect, "NoSchedule") || str_is(effect, "None");
}

/* --- DeviceClass --- */

/* "example.com/gpu": not of Kubernetes' own domains, and not too long for a quota. */
static bool is_extended(struct str name)
{
    _cleanup_arena_ struct arena a = {0};
    return str_index(name, '/') >= 0 && str_find(name, STR("kubernetes.io/")) < 0 &&
           !str_starts(name, STR("requests.")) &&
           format_ok(FORMAT_LABEL_KEY, arena_concat(&a, STR("requests."), name));
}

static void device_class_validate(const void *o, struct field_errors *e)
{
    const struct device_class_spec *s = &((const struct device_class *)o)->spec;
    struct path spec = path_child(NULL, STR("spec")), config = path_child(&spec, STR("config"));
    valid_device_selectors(e, PATH(&spec, "selectors"), &s->selectors);
    if (valid_most(e, &config, s->config.n, DEVICE_CONFIGS_MAX))
        each (s->config, i)
            valid_device_configuration(e, PATH_AT(&config, i), s->config.at[i].opaque);
    if (s->extended_resource_name && !is_extended(*s->extended_resource_name))
        field_invalid(e, PATH(&spec, "extendedResourceName"), *s->extended_resource_name,
                      "must be a valid extended resource name");
}

const struct strategy device_class_strategy = {
    .resource = &device_class_resource,
    .validate = device_class_validate,
};
