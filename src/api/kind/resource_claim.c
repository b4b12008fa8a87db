/* Claims of devices, their templates, and what they have been given (pkg/apis/resource/validation). */
#include "api/kind/container.h"
#include "api/kind/device.h"
#include "api/kind/device_access.h"
#include "api/kind/kinds.h"

enum {
    ALTERNATIVES_MAX = 8,
    CONSTRAINTS_MAX = 32,
    CONSUMERS_MAX = 256,
    RESULTS_MAX = 32,
    CONDITIONS_MAX = 8,
    INTERFACE_MAX = 256,
    HARDWARE_MAX = 128,
    ADDRESSES_MAX = 16,
};

/* --- defaults --- */

static void one_by_default(struct str mode, int64_t *count)
{
    if (str_is(mode, "ExactCount") && !*count)
        *count = 1;
}

static void spec_defaults(struct resource_claim_spec *s)
{
    each (s->devices.requests, i) {
        struct device_request *r = &s->devices.requests.at[i];
        if (r->exactly)
            one_by_default(r->exactly->allocation_mode, &r->exactly->count);
        each (r->first_available, k)
            one_by_default(r->first_available.at[k].allocation_mode, &r->first_available.at[k].count);
    }
}

static void claim_defaults(void *o, struct arena *a)
{
    (void)a;
    spec_defaults(&((struct resource_resource_claim *)o)->spec);
}

static void claim_template_defaults(void *o, struct arena *a)
{
    (void)a;
    spec_defaults(&((struct resource_claim_template *)o)->spec.spec);
}

/* --- what is asked for --- */

static void valid_tolerations_of(struct field_errors *e, const struct path *at,
                                 const struct device_toleration_vec *v)
{
    if (!valid_most(e, at, v->n, DEVICE_TOLERATIONS_MAX))
        return;
    each (*v, i) {
        const struct device_toleration *t = &v->at[i];
        const struct path *one = PATH_AT(at, i);
        if (t->key.n)
            valid_qualified(e, PATH(one, "key"), t->key);
        if (str_is(t->operator, "Exists") && t->value.n)
            field_invalid(e, PATH(one, "value"), t->value, "must be empty for operator `Exists`");
        if (str_is(t->operator, "Equal"))
            valid_label_value(e, PATH(one, "value"), t->value);
        VALID_ONE_OF(e, PATH(one, "operator"), t->operator, true, STR("Equal"), STR("Exists"));
        if (t->effect.n && !device_taint_effect_ok(t->effect))
            VALID_ONE_OF(e, PATH(one, "effect"), t->effect, false, STR("NoExecute"), STR("NoSchedule"),
                         STR("None"));
    }
}

/* What requests and their alternatives have in common. */
static void valid_wanted(struct field_errors *e, const struct path *at, struct str class,
                         const struct device_selector_vec *selectors, struct str mode, int64_t count,
                         const struct device_toleration_vec *tolerations)
{
    valid_subdomain(e, PATH(at, "deviceClassName"), class);
    valid_device_selectors(e, PATH(at, "selectors"), selectors);
    if (str_is(mode, "All") && count)
        field_invalid_int(e, PATH(at, "count"), count, "must not be specified when allocationMode is 'All'");
    else if (str_is(mode, "ExactCount") && count <= 0)
        field_invalid_int(e, PATH(at, "count"), count, "must be greater than zero");
    else
        VALID_ONE_OF(e, PATH(at, "allocationMode"), mode, false, STR("All"), STR("ExactCount"));
    valid_tolerations_of(e, PATH(at, "tolerations"), tolerations);
}

static void valid_alternatives(struct field_errors *e, const struct path *at,
                               const struct device_sub_request_vec *v)
{
    if (!valid_most(e, at, v->n, ALTERNATIVES_MAX))
        return;
    each (*v, i) {
        const struct device_sub_request *s = &v->at[i];
        const struct path *one = PATH_AT(at, i);
        valid_label_name(e, PATH(one, "name"), s->name);
        valid_wanted(e, one, s->device_class_name, &s->selectors, s->allocation_mode, s->count,
                     &s->tolerations);
        for (size_t k = 0; k < i; k++)
            if (str_eq(v->at[k].name, s->name)) {
                field_duplicate(e, one, s->name);
                break;
            }
    }
}

static void valid_request(struct field_errors *e, const struct path *at, const struct device_request *r)
{
    valid_label_name(e, PATH(at, "name"), r->name);
    if (!r->exactly && !r->first_available.n)
        field_required(e, at, "exactly one of `exactly` or `firstAvailable` is required");
    else if (r->exactly && r->first_available.n)
        field_error(e, FIELD_ERROR_INVALID, at, BAD_RAW(STR("null")),
                    "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set");
    else if (r->exactly)
        valid_wanted(e, PATH(at, "exactly"), r->exactly->device_class_name, &r->exactly->selectors,
                     r->exactly->allocation_mode, r->exactly->count, &r->exactly->tolerations);
    else
        valid_alternatives(e, PATH(at, "firstAvailable"), &r->first_available);
}

/* NAME, or NAME/ALTERNATIVE, of one of the claim's requests. */
static bool is_requested(struct str name, const struct device_request_vec *requests)
{
    struct str alternative = name, request;
    str_cut(&alternative, '/', &request);
    each (*requests, k) {
        const struct device_request *r = &requests->at[k];
        if (!str_eq(r->name, request))
            continue;
        bool found = !alternative.p;
        each (r->first_available, m)
            found = found || str_eq(r->first_available.at[m].name, alternative);
        return found;
    }
    return false;
}

static void valid_reference(struct field_errors *e, const struct path *at, struct str name,
                            const struct device_request_vec *requests)
{
    static const char unknown[] = "must be the name of a request in the claim or the name of a request and a "
                                  "subrequest separated by '/'";
    size_t parts = 0;
    for (struct str part, rest = name; str_cut(&rest, '/', &part);)
        parts++;
    if (parts <= 2)
        for (struct str part, rest = name; str_cut(&rest, '/', &part);)
            valid_label_name(e, at, part);
    if (parts > 2 || !is_requested(name, requests))
        field_invalid(e, at, name, "%s", unknown);
}

static void valid_references(struct field_errors *e, const struct path *at, const struct str_vec *names,
                             const struct device_request_vec *requests)
{
    if (!valid_most(e, at, names->n, DEVICE_REQUESTS_MAX))
        return;
    each (*names, i) {
        struct str_vec before = {names->at, i};
        valid_reference(e, PATH_AT(at, i), names->at[i], requests);
        if (str_vec_has(&before, names->at[i]))
            field_duplicate(e, PATH_AT(at, i), names->at[i]);
    }
}

static void valid_constraint(struct field_errors *e, const struct path *at, const struct device_constraint *c,
                             const struct device_request_vec *requests)
{
    valid_references(e, PATH(at, "requests"), &c->requests, requests);
    if (c->match_attribute)
        valid_device_qualified(e, PATH(at, "matchAttribute"), *c->match_attribute, true);
    else if (c->distinct_attribute)
        valid_device_qualified(e, PATH(at, "distinctAttribute"), *c->distinct_attribute, true);
    else
        field_required(e, at,
                       "exactly one of \"matchAttribute\" or \"distinctAttribute\" is required, but multiple "
                       "fields are set");
}

static void valid_claim(struct field_errors *e, const struct path *spec, const struct resource_claim_spec *s)
{
    const struct device_claim *d = &s->devices;
    const struct path *devices = PATH(spec, "devices"), *requests = PATH(devices, "requests"),
                      *constraints = PATH(devices, "constraints"), *config = PATH(devices, "config");
    if (valid_most(e, requests, d->requests.n, DEVICE_REQUESTS_MAX))
        each (d->requests, i) {
            valid_request(e, PATH_AT(requests, i), &d->requests.at[i]);
            for (size_t k = 0; k < i; k++)
                if (str_eq(d->requests.at[k].name, d->requests.at[i].name)) {
                    field_duplicate(e, PATH_AT(requests, i), d->requests.at[i].name);
                    break;
                }
        }
    if (valid_most(e, constraints, d->constraints.n, CONSTRAINTS_MAX))
        each (d->constraints, i)
            valid_constraint(e, PATH_AT(constraints, i), &d->constraints.at[i], &d->requests);
    if (valid_most(e, config, d->config.n, DEVICE_CONFIGS_MAX))
        each (d->config, i) {
            valid_references(e, PATH(PATH_AT(config, i), "requests"), &d->config.at[i].requests,
                             &d->requests);
            valid_device_configuration(e, PATH_AT(config, i), d->config.at[i].opaque);
        }
}

/* The spec stays as it is, so that it needs to be right only once. */
static void claim_validate_create(const void *o, struct field_errors *e)
{
    struct path spec = path_child(NULL, STR("spec"));
    valid_claim(e, &spec, &((const struct resource_resource_claim *)o)->spec);
}

/* --- what has been given --- */

static void valid_uid(struct field_errors *e, const struct path *at, const struct str *uid)
{
    if (uid && !format_ok(FORMAT_UUID, *uid))
        field_invalid(e, at, *uid,
                      "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with "
                      "lowercase hexadecimal characters");
}

static void valid_result(struct field_errors *e, const struct path *at,
                         const struct device_request_allocation_result *r,
                         const struct device_request_vec *requests)
{
    valid_reference(e, PATH(at, "request"), r->request, requests);
    valid_driver_name(e, PATH(at, "driver"), r->driver);
    valid_pool_name(e, PATH(at, "pool"), r->pool);
    valid_label_name(e, PATH(at, "device"), r->device);
    valid_binding_conditions(e, at, &r->binding_conditions, &r->binding_failure_conditions);
    valid_uid(e, PATH(at, "shareID"), r->share_id);
}

static void valid_allocation(struct field_errors *e, const struct path *at, const struct allocation_result *a,
                             const struct device_request_vec *requests)
{
    const struct path *devices = PATH(at, "devices"), *results = PATH(devices, "results"),
                      *config = PATH(devices, "config");
    if (valid_most(e, results, a->devices.results.n, RESULTS_MAX))
        each (a->devices.results, i)
            valid_result(e, PATH_AT(results, i), &a->devices.results.at[i], requests);
    if (valid_most(e, config, a->devices.config.n, 2 * DEVICE_CONFIGS_MAX))
        each (a->devices.config, i) {
            const struct device_allocation_configuration *c = &a->devices.config.at[i];
            const struct path *one = PATH_AT(config, i);
            VALID_ONE_OF(e, PATH(one, "source"), c->source, true, STR("FromClaim"), STR("FromClass"));
            valid_references(e, PATH(one, "requests"), &c->requests, requests);
            valid_device_configuration(e, one, c->opaque);
        }
    if (a->node_selector)
        valid_node_selector(e, PATH(at, "nodeSelector"), a->node_selector);
}

static void valid_consumers(struct field_errors *e, const struct path *at,
                            const struct resource_claim_consumer_reference_vec *v)
{
    if (!valid_most(e, at, v->n, CONSUMERS_MAX))
        return;
    each (*v, i) {
        const struct resource_claim_consumer_reference *r = &v->at[i];
        valid_required(e, PATH(PATH_AT(at, i), "resource"), r->resource);
        valid_required(e, PATH(PATH_AT(at, i), "name"), r->name);
        valid_required(e, PATH(PATH_AT(at, i), "uid"), r->uid);
        for (size_t k = 0; k < i; k++)
            if (str_eq(v->at[k].uid, r->uid)) {
                field_duplicate(e, PATH_AT(at, i), r->uid);
                break;
            }
    }
}

static bool same_share(const struct str *x, const struct str *y)
{
    return !x == !y && (!x || str_eq(*x, *y));
}

static bool is_allocated(const struct allocated_device_status *d, const struct allocation_result *a)
{
    for (size_t i = 0; a && i < a->devices.results.n; i++) {
        const struct device_request_allocation_result *r = &a->devices.results.at[i];
        if (str_eq(r->driver, d->driver) && str_eq(r->pool, d->pool) && str_eq(r->device, d->device) &&
            same_share(r->share_id, d->share_id))
            return true;
    }
    return false;
}

static void valid_network(struct field_errors *e, const struct path *at, const struct network_device_data *n)
{
    if (n->interface_name.n > INTERFACE_MAX)
        field_too_long(e, PATH(at, "interfaceName"), INTERFACE_MAX);
    if (n->hardware_address.n > HARDWARE_MAX)
        field_too_long(e, PATH(at, "hardwareAddress"), HARDWARE_MAX);
    if (!valid_most(e, PATH(at, "ips"), n->ips.n, ADDRESSES_MAX))
        return;
    each (n->ips, i) {
        struct str_vec before = {n->ips.at, i};
        valid_interface_address(e, PATH_AT(PATH(at, "ips"), i), n->ips.at[i]);
        if (str_vec_has(&before, n->ips.at[i]))
            field_duplicate(e, PATH_AT(PATH(at, "ips"), i), n->ips.at[i]);
    }
}

static void valid_device_status(struct field_errors *e, const struct path *at,
                                const struct allocated_device_status *d, const struct allocation_result *a)
{
    valid_driver_name(e, PATH(at, "driver"), d->driver);
    valid_pool_name(e, PATH(at, "pool"), d->pool);
    valid_label_name(e, PATH(at, "device"), d->device);
    valid_uid(e, PATH(at, "shareID"), d->share_id);
    if (!is_allocated(d, a))
        field_invalid(e, at,
                      arena_printf(&e->arena, STR_FMT "/" STR_FMT "/" STR_FMT, STR_ARG(d->driver),
                                   STR_ARG(d->pool), STR_ARG(d->device)),
                      "must be an allocated device in the claim");
    valid_most(e, PATH(at, "conditions"), d->conditions.n, CONDITIONS_MAX);
    if (d->data && d->data->n)
        valid_device_data(e, PATH(at, "data"), *d->data);
    if (d->network_data)
        valid_network(e, PATH(at, "networkData"), d->network_data);
}

static bool has_consumer(const struct resource_claim_consumer_reference_vec *v,
                         const struct resource_claim_consumer_reference *r)
{
    each (*v, i)
        if (same(&resource_claim_consumer_reference_type, &v->at[i], r))
            return true;
    return false;
}

/* What is allocated stays, until it is given back as a whole. */
static void claim_validate_status(const void *o, const void *before, struct field_errors *e)
{
    const struct resource_resource_claim *claim = o;
    const struct resource_claim_status *now = &claim->status,
                                       *old = &((const struct resource_resource_claim *)before)->status;
    struct path root = path_child(NULL, STR("status"));
    const struct path *status = &root, *reserved = PATH(status, "reservedFor");
    valid_consumers(e, reserved, &now->reserved_for);
    each (now->devices, i)
        valid_device_status(e, PATH_AT(PATH(status, "devices"), i), &now->devices.at[i], now->allocation);
    if (now->reserved_for.n && !now->allocation)
        field_forbidden(e, reserved, "may not be specified when `allocated` is not set");
    bool more = false;
    each (now->reserved_for, i)
        more |= !has_consumer(&old->reserved_for, &now->reserved_for.at[i]);
    if (more && now->allocation && claim->metadata.deletion_timestamp)
        field_forbidden(
            e, reserved,
            "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set");
    if (now->allocation && old->allocation)
        valid_immutable(e, PATH(status, "allocation"),
                        same(&allocation_result_type, now->allocation, old->allocation),
                        valid_bad(e, &allocation_result_type, now->allocation));
    else if (now->allocation)
        valid_allocation(e, PATH(status, "allocation"), now->allocation, &claim->spec.devices.requests);
}

static void claim_validate_around(const void *o, const void *before, const struct strategy_context *c,
                                  struct field_errors *e)
{
    const struct resource_resource_claim *now = o, *old = before;
    if (str_is(c->subresource, "status"))
        valid_admin_results(c, now->status.allocation, old ? old->status.allocation : NULL, e);
    else if (!old)
        valid_admin_requests(c, &now->spec.devices.requests, e);
}

const struct strategy resource_claim_strategy = {
    .resource = &resource_resource_claim_resource,
    .defaults = claim_defaults,
    .validate_create = claim_validate_create,
    .validate_status = claim_validate_status,
    .validate_around = claim_validate_around,
};

/* --- templates --- */

static void claim_template_validate_create(const void *o, struct field_errors *e)
{
    const struct resource_claim_template_spec *t = &((const struct resource_claim_template *)o)->spec;
    struct path spec = path_child(NULL, STR("spec")), meta = path_child(&spec, STR("metadata"));
    valid_annotations(e, PATH(&meta, "annotations"), &t->metadata.annotations);
    valid_labels(e, PATH(&meta, "labels"), &t->metadata.labels);
    valid_claim(e, PATH(&spec, "spec"), &t->spec);
}

static void claim_template_validate_around(const void *o, const void *old, const struct strategy_context *c,
                                           struct field_errors *e)
{
    if (!old)
        valid_admin_requests(c, &((const struct resource_claim_template *)o)->spec.spec.devices.requests, e);
}

const struct strategy resource_claim_template_strategy = {
    .resource = &resource_claim_template_resource,
    .defaults = claim_template_defaults,
    .validate_create = claim_template_validate_create,
    .validate_around = claim_template_validate_around,
};
