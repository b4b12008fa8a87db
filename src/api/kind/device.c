/* Devices: who offers them, and who claims them (upstream: pkg/apis/resource/validation). */
#include "api/kind/device_condition.h"
#include "api/kind/kinds.h"
#include "kinds/resource_v1.h"

enum {
    REQUESTS_MOST = 32,
    ALTERNATIVES_MOST = 8,
    SELECTORS_MOST = 32,
    CONSTRAINTS_MOST = 32,
    CONFIGS_MOST = 32,
    EXPRESSION_MOST = 10 * 1024,
    DEVICES_MOST = 128,
    ATTRIBUTES_MOST = 32,
    POOL_NAME_MOST = 253,
};

static void valid_most(struct field_errors *e, const struct path *at, size_t n, size_t most)
{
    if (n > most)
        field_too_many(e, at, n, most);
}

/* --- selectors and configurations, which claims and classes share --- */

static void valid_selectors(struct field_errors *e, const struct path *at,
                            const struct device_selector_vec *v)
{
    valid_most(e, at, v->n, SELECTORS_MOST);
    each (*v, i) {
        const struct path *cel = PATH(PATH_AT(at, i), "cel"), *expression = PATH(cel, "expression");
        if (!v->at[i].cel) {
            field_required(e, cel, "what selects");
            continue;
        }
        valid_required(e, expression, v->at[i].cel->expression);
        if (v->at[i].cel->expression.n > EXPRESSION_MOST)
            field_too_long(e, expression, EXPRESSION_MOST);
        else if (v->at[i].cel->expression.n)
            valid_device_condition(e, expression, v->at[i].cel->expression);
    }
}

static void valid_opaque(struct field_errors *e, const struct path *at,
                         const struct opaque_device_configuration *o)
{
    const struct path *opaque = PATH(at, "opaque");
    if (!o) {
        field_required(e, opaque, "how the device is set up");
        return;
    }
    valid_subdomain(e, PATH(opaque, "driver"), o->driver);
    valid_required(e, PATH(opaque, "parameters"), o->parameters);
    if (o->parameters.n && o->parameters.p[0] != '{')
        field_error(e, FIELD_ERROR_INVALID, PATH(opaque, "parameters"), BAD_NONE,
                    "must be a valid JSON object");
}

/* --- ResourceClaim --- */

static void valid_amount(struct field_errors *e, const struct path *at, struct str mode, int64_t count)
{
    if (str_is(mode, "ExactCount") && count <= 0)
        field_invalid_int(e, PATH(at, "count"), count, "must be greater than zero");
    if (str_is(mode, "All") && count)
        field_invalid_int(e, PATH(at, "count"), count, "must not be specified when allocationMode is 'All'");
}

static void valid_request(struct field_errors *e, const struct path *at, const struct device_request *r)
{
    const struct path *exactly = PATH(at, "exactly"), *first = PATH(at, "firstAvailable");
    valid_label_name(e, PATH(at, "name"), r->name);
    if (!r->exactly == !r->first_available.n)
        field_error(e, r->exactly ? FIELD_ERROR_INVALID : FIELD_ERROR_REQUIRED, at, BAD_NONE,
                    "exactly one of `exactly` or `firstAvailable` is required%s",
                    r->exactly ? ", but multiple fields are set" : "");
    if (r->exactly) {
        valid_subdomain(e, PATH(exactly, "deviceClassName"), r->exactly->device_class_name);
        valid_selectors(e, PATH(exactly, "selectors"), &r->exactly->selectors);
        valid_amount(e, exactly, r->exactly->allocation_mode, r->exactly->count);
    }
    valid_most(e, first, r->first_available.n, ALTERNATIVES_MOST);
    each (r->first_available, i) {
        const struct device_sub_request *s = &r->first_available.at[i];
        const struct path *one = PATH_AT(first, i);
        valid_label_name(e, PATH(one, "name"), s->name);
        for (size_t k = 0; k < i; k++)
            if (str_eq(r->first_available.at[k].name, s->name))
                field_duplicate(e, PATH(one, "name"), s->name);
        valid_subdomain(e, PATH(one, "deviceClassName"), s->device_class_name);
        valid_selectors(e, PATH(one, "selectors"), &s->selectors);
        valid_amount(e, one, s->allocation_mode, s->count);
    }
}

/* NAME, or NAME/ALTERNATIVE, of one of the claim's requests. */
static void valid_names(struct field_errors *e, const struct path *at, const struct str_vec *names,
                        const struct device_request_vec *requests)
{
    valid_most(e, at, names->n, REQUESTS_MOST);
    each (*names, i) {
        struct str rest = names->at[i], request;
        bool found = false;
        str_cut(&rest, '/', &request);
        each (*requests, k) {
            const struct device_request *r = &requests->at[k];
            if (!str_eq(r->name, request))
                continue;
            found = !rest.p;
            each (r->first_available, m)
                found = found || str_eq(r->first_available.at[m].name, rest);
        }
        if (!found)
            field_invalid(
                e, PATH_AT(at, i), names->at[i],
                "must be the name of a request in the claim or the name of a request and a subrequest "
                "separated by '/'");
        for (size_t k = 0; k < i; k++)
            if (str_eq(names->at[k], names->at[i]))
                field_duplicate(e, PATH_AT(at, i), names->at[i]);
    }
}

static void valid_claim(struct field_errors *e, const struct path *spec, const struct resource_claim_spec *s)
{
    const struct device_claim *d = &s->devices;
    const struct path *devices = PATH(spec, "devices"), *requests = PATH(devices, "requests"),
                      *constraints = PATH(devices, "constraints"), *config = PATH(devices, "config");
    valid_most(e, requests, d->requests.n, REQUESTS_MOST);
    each (d->requests, i) {
        valid_request(e, PATH_AT(requests, i), &d->requests.at[i]);
        for (size_t k = 0; k < i; k++)
            if (str_eq(d->requests.at[k].name, d->requests.at[i].name))
                field_duplicate(e, PATH(PATH_AT(requests, i), "name"), d->requests.at[i].name);
    }
    valid_most(e, constraints, d->constraints.n, CONSTRAINTS_MOST);
    each (d->constraints, i) {
        const struct device_constraint *c = &d->constraints.at[i];
        const struct path *at = PATH_AT(constraints, i);
        valid_names(e, PATH(at, "requests"), &c->requests, &d->requests);
        if (!c->match_attribute && !c->distinct_attribute)
            field_required(e, PATH(at, "matchAttribute"), "what the devices have in common");
        else if (c->match_attribute && str_index(*c->match_attribute, '/') < 0)
            field_invalid(e, PATH(at, "matchAttribute"), *c->match_attribute, "must include a domain");
    }
    valid_most(e, config, d->config.n, CONFIGS_MOST);
    each (d->config, i) {
        const struct path *at = PATH_AT(config, i);
        valid_names(e, PATH(at, "requests"), &d->config.at[i].requests, &d->requests);
        valid_opaque(e, at, d->config.at[i].opaque);
    }
}

static void claim_validate(const void *o, struct field_errors *e)
{
    struct path spec = path_child(NULL, STR("spec"));
    valid_claim(e, &spec, &((const struct resource_resource_claim *)o)->spec);
}

/* What is allocated stays, until it is given back as a whole. */
static void claim_validate_status(const void *o, const void *before, struct field_errors *e)
{
    const struct resource_claim_status *now = &((const struct resource_resource_claim *)o)->status,
                                       *old = &((const struct resource_resource_claim *)before)->status;
    struct path status = path_child(NULL, STR("status"));
    if (now->allocation && old->allocation)
        valid_immutable(e, PATH(&status, "allocation"),
                        same(&allocation_result_type, now->allocation, old->allocation), BAD_NONE);
    if (now->reserved_for.n && !now->allocation)
        field_forbidden(e, PATH(&status, "reservedFor"), "may not be specified when `allocated` is not set");
    each (now->devices, i) {
        const struct network_device_data *n = now->devices.at[i].network_data;
        const struct path *ips = PATH(PATH(PATH_AT(PATH(&status, "devices"), i), "networkData"), "ips");
        for (size_t k = 0; n && k < n->ips.n; k++)
            valid_interface_address(e, PATH_AT(ips, k), n->ips.at[k]);
    }
}

const struct strategy resource_claim_strategy = {
    .resource = &resource_resource_claim_resource,
    .validate = claim_validate,
    .validate_status = claim_validate_status,
};

static void claim_template_validate(const void *o, struct field_errors *e)
{
    struct path spec = path_child(NULL, STR("spec")), inner = path_child(&spec, STR("spec"));
    valid_claim(e, &inner, &((const struct resource_claim_template *)o)->spec.spec);
}

const struct strategy resource_claim_template_strategy = {
    .resource = &resource_claim_template_resource,
    .validate = claim_template_validate,
};

/* --- DeviceClass --- */

static void device_class_validate(const void *o, struct field_errors *e)
{
    const struct device_class_spec *s = &((const struct device_class *)o)->spec;
    struct path spec = path_child(NULL, STR("spec")), config = path_child(&spec, STR("config"));
    valid_selectors(e, PATH(&spec, "selectors"), &s->selectors);
    valid_most(e, &config, s->config.n, CONFIGS_MOST);
    each (s->config, i)
        valid_opaque(e, PATH_AT(&config, i), s->config.at[i].opaque);
}

const struct strategy device_class_strategy = {
    .resource = &device_class_resource,
    .validate = device_class_validate,
};

/* --- ResourceSlice --- */

static void valid_device(struct field_errors *e, const struct path *at, const struct device *d)
{
    const struct path *attributes = PATH(at, "attributes");
    valid_label_name(e, PATH(at, "name"), d->name);
    if (d->attributes.n + d->capacity.n > ATTRIBUTES_MOST)
        field_error(e, FIELD_ERROR_INVALID, at, BAD_INT((int64_t)(d->attributes.n + d->capacity.n)),
                    "the total number of attributes and capacities must not exceed %d", ATTRIBUTES_MOST);
    each (d->attributes, i) {
        const struct device_attribute *a = &d->attributes.at[i].value;
        int set = !!a->int_ + !!a->bool_ + !!a->string + !!a->version + !!a->ints.n + !!a->bools.n +
                  !!a->strings.n + !!a->versions.n;
        const struct path *one = PATH_OF(attributes, d->attributes.at[i].key);
        if (!set)
            field_required(e, one, "exactly one value must be specified");
        else if (set > 1)
            field_error(e, FIELD_ERROR_INVALID, one, BAD_NONE, "exactly one value must be specified");
    }
}

static void slice_validate(const void *o, struct field_errors *e)
{
    const struct resource_slice_spec *s = &((const struct resource_slice *)o)->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *pool = PATH(spec, "pool"), *devices = PATH(spec, "devices");
    int where = !!s->node_name + !!s->node_selector + (s->all_nodes && *s->all_nodes) +
                (s->per_device_node_selection && *s->per_device_node_selection);
    valid_subdomain(e, PATH(spec, "driver"), s->driver);
    valid_required(e, PATH(pool, "name"), s->pool.name);
    if (s->pool.name.n > POOL_NAME_MOST)
        field_too_long(e, PATH(pool, "name"), POOL_NAME_MOST);
    valid_not_negative(e, PATH(pool, "generation"), s->pool.generation);
    if (s->pool.resource_slice_count <= 0)
        field_invalid_int(e, PATH(pool, "resourceSliceCount"), s->pool.resource_slice_count,
                          "must be greater than zero");
    if (where != 1)
        field_error(
            e, where ? FIELD_ERROR_INVALID : FIELD_ERROR_REQUIRED, spec, BAD_NONE,
            "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required%s",
            where ? ", but multiple fields are set" : "");
    valid_most(e, devices, s->devices.n, DEVICES_MOST);
    each (s->devices, i) {
        valid_device(e, PATH_AT(devices, i), &s->devices.at[i]);
        for (size_t k = 0; k < i; k++)
            if (str_eq(s->devices.at[k].name, s->devices.at[i].name))
                field_duplicate(e, PATH(PATH_AT(devices, i), "name"), s->devices.at[i].name);
    }
}

static void slice_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct resource_slice_spec *now = &((const struct resource_slice *)o)->spec,
                                     *old = &((const struct resource_slice *)before)->spec;
    struct path spec = path_child(NULL, STR("spec"));
    valid_immutable_str(e, PATH(&spec, "driver"), now->driver, old->driver);
    valid_immutable_str(e, PATH(PATH(&spec, "pool"), "name"), now->pool.name, old->pool.name);
    valid_immutable_str(e, PATH(&spec, "nodeName"), now->node_name ? *now->node_name : (struct str){0},
                        old->node_name ? *old->node_name : (struct str){0});
}

const struct strategy resource_slice_strategy = {
    .resource = &resource_slice_resource,
    .validate = slice_validate,
    .validate_update = slice_validate_update,
};
