/* Slices of the devices that a driver offers (pkg/apis/resource/validation). */
#include "api/kind/container.h"
#include "api/kind/device.h"
#include "api/kind/kinds.h"
#include "schema/quantity.h"
#include "schema/timestamp.h"

enum {
    DEVICES_MAX = 128,
    DEVICES_SPECIAL_MAX = 64, /* where some are tainted or use up counters */
    ATTRIBUTES_MAX = 32,
    VALUE_MAX = 64,
    TAINTS_MAX = 16,
    COUNTER_SETS_MAX = 8,
    COUNTERS_MAX = 32,
    CONSUMPTIONS_MAX = 2,
    OPTIONS_MAX = 10,
};

static void slice_defaults(void *o, struct arena *a)
{
    struct device_vec *devices = &((struct resource_slice *)o)->spec.devices;
    each (*devices, i)
        each (devices->at[i].taints, k)
            if (!devices->at[i].taints.at[k].time_added) {
                struct time now = time_now();
                devices->at[i].taints.at[k].time_added = arena_dup(a, &now, sizeof now);
            }
}

/* --- attributes --- */

/* "0", "12", but not "012". */
static bool is_numeric(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n && (s.n == 1 || s.p[0] != '0');
}

/* Dot-separated parts of letters, digits and hyphens; `numbers`: no leading zeros in those of digits alone.
 */
static bool are_identifiers(struct str s, bool numbers)
{
    for (struct str part, rest = s; str_cut(&rest, '.', &part);) {
        bool digits = true;
        for (size_t i = 0; i < part.n; i++) {
            char c = part.p[i];
            bool digit = c >= '0' && c <= '9';
            digits &= digit;
            if (!digit && !((c | 32) >= 'a' && (c | 32) <= 'z') && c != '-')
                return false;
        }
        if (!part.n || (numbers && digits && !is_numeric(part)))
            return false;
    }
    return s.n && s.p[s.n - 1] != '.';
}

/* semver.org 2.0.0: 1.2.3-pre.release+build. */
static bool is_semver(struct str v)
{
    struct str build = v, core;
    str_cut(&build, '+', &core);
    struct str pre = core, version;
    str_cut(&pre, '-', &version);
    size_t n = 0;
    for (struct str part, rest = version; str_cut(&rest, '.', &part); n++)
        if (!is_numeric(part))
            return false;
    return n == 3 && (!pre.p || are_identifiers(pre, true)) && (!build.p || are_identifiers(build, false));
}

static void valid_text(struct field_errors *e, const struct path *at, struct str v)
{
    if (v.n > VALUE_MAX)
        field_too_long(e, at, VALUE_MAX);
}

static void valid_version(struct field_errors *e, const struct path *at, struct str v)
{
    if (!is_semver(v))
        field_invalid(e, at, v, "must be a string compatible with semver.org spec 2.0.0");
    valid_text(e, at, v);
}

static void valid_attribute(struct field_errors *e, const struct path *at, const struct device_attribute *a)
{
    int set = !!a->int_ + !!a->bool_ + !!a->string + !!a->version + !!a->ints.n + !!a->bools.n +
              !!a->strings.n + !!a->versions.n;
    if (a->string)
        valid_text(e, PATH(at, "string"), *a->string);
    if (a->version)
        valid_version(e, PATH(at, "version"), *a->version);
    each (a->strings, i)
        valid_text(e, PATH_AT(PATH(at, "strings"), i), a->strings.at[i]);
    each (a->versions, i)
        valid_version(e, PATH_AT(PATH(at, "versions"), i), a->versions.at[i]);
    if (set != 1)
        field_error(e, FIELD_ERROR_INVALID, at, set ? valid_bad(e, &device_attribute_type, a) : BAD(STR("")),
                    "exactly one value must be specified");
}

/* --- capacities that are given out in parts --- */

static void valid_options(struct field_errors *e, const struct path *at, struct str capacity,
                          const struct capacity_request_policy *p)
{
    const struct str_vec *v = &p->valid_values;
    bool found = false;
    for (size_t i = 1; i < v->n; i++)
        if (quantity_cmp_str(v->at[i - 1], v->at[i]) > 0)
            field_invalid(e, PATH_AT(at, i), v->at[i], "values must be sorted in ascending order");
    if (valid_most(e, at, v->n, OPTIONS_MAX))
        each (*v, i) {
            if (quantity_cmp_str(v->at[i], capacity) > 0)
                field_invalid(e, PATH_AT(at, i), v->at[i], "option is larger than capacity value: " STR_FMT,
                              STR_ARG(capacity));
            found |= quantity_cmp_str(v->at[i], *p->default_) == 0;
        }
    if (!found)
        field_invalid(e, at, *p->default_, "default value is not valid according to the requestPolicy");
}

static void valid_step(struct field_errors *e, const struct path *at, struct str value, struct str min,
                       struct str step)
{
    int64_t by = quantity_value_of(step);
    if (by <= 0 || (quantity_value_of(value) - quantity_value_of(min)) % by)
        field_invalid(e, at, value,
                      "value is not a multiple of a given step (" STR_FMT ") from (" STR_FMT ")",
                      STR_ARG(step), STR_ARG(min));
}

static void valid_range(struct field_errors *e, const struct path *at, struct str capacity,
                        const struct capacity_request_policy *p)
{
    const struct capacity_request_policy_range *r = p->valid_range;
    const struct path *min = PATH(at, "min"), *max = PATH(at, "max"), *step = PATH(at, "step");
    if (!r->min) {
        field_required(e, min, "required when validRange is defined");
        return;
    }
    if (quantity_cmp_str(*r->min, capacity) > 0)
        field_invalid(e, min, *r->min, "min is larger than capacity value: " STR_FMT, STR_ARG(capacity));
    if (quantity_cmp_str(*p->default_, *r->min) < 0)
        field_invalid(e, min, *p->default_, "default is less than min: " STR_FMT, STR_ARG(*r->min));
    if (r->max) {
        if (quantity_cmp_str(*r->min, *r->max) > 0)
            field_invalid(e, max, *r->min, "min is larger than max: " STR_FMT, STR_ARG(*r->max));
        if (quantity_cmp_str(*r->max, capacity) > 0)
            field_invalid(e, max, *r->max, "max is larger than capacity value: " STR_FMT, STR_ARG(capacity));
        if (quantity_cmp_str(*p->default_, *r->max) > 0)
            field_invalid(e, max, *p->default_, "default is more than max: " STR_FMT, STR_ARG(*r->max));
    }
    if (!r->step)
        return;
    struct str once = quantity_str(&e->arena, quantity_add(quantity_of(*r->min), quantity_of(*r->step)));
    if (quantity_cmp_str(once, capacity) > 0)
        field_invalid(e, step, *r->step, "one step " STR_FMT " is larger than capacity value: " STR_FMT,
                      STR_ARG(once), STR_ARG(capacity));
    valid_step(e, step, *p->default_, *r->min, *r->step);
    if (r->max)
        valid_step(e, step, *r->max, *r->min, *r->step);
}

static void valid_capacity(struct field_errors *e, const struct path *at, const struct device_capacity *c,
                           bool shared)
{
    const struct capacity_request_policy *p = c->request_policy;
    const struct path *policy = PATH(at, "requestPolicy");
    if (!p)
        return;
    if (!shared)
        field_forbidden(e, policy, "allowMultipleAllocations must be true");
    else if (p->valid_values.n && p->valid_range)
        field_forbidden(e, policy,
                        "exactly one policy can be specified, cannot specify \"validValues\" and "
                        "\"validRange\" at the same time");
    else if ((p->valid_values.n || p->valid_range) && !p->default_)
        field_required(e, PATH(policy, "default"), "required when %s is defined",
                       p->valid_range ? "validRange" : "validValues");
    else if (p->valid_values.n)
        valid_options(e, PATH(policy, "validValues"), c->value, p);
    else if (p->valid_range)
        valid_range(e, PATH(policy, "validRange"), c->value, p);
}

/* --- counters and taints --- */

static void valid_counters(struct field_errors *e, const struct path *at, const struct counter_map *m)
{
    if (!m->n)
        field_required(e, at, "%s", "");
    else if (valid_most(e, at, m->n, COUNTERS_MAX))
        each (*m, i)
            valid_label_name(e, PATH_OF(at, m->at[i].key), m->at[i].key);
}

static void valid_taints(struct field_errors *e, const struct path *at, const struct device_taint_vec *v)
{
    if (!valid_most(e, at, v->n, TAINTS_MAX))
        return;
    each (*v, i) {
        const struct device_taint *t = &v->at[i];
        const struct path *one = PATH_AT(at, i);
        valid_qualified(e, PATH(one, "key"), t->key);
        if (t->value.n)
            valid_label_value(e, PATH(one, "value"), t->value);
        VALID_ONE_OF(e, PATH(one, "effect"), t->effect, true, STR("NoExecute"), STR("NoSchedule"),
                     STR("None"));
    }
}

/* --- where devices are --- */

struct place {
    const struct str *node;
    const struct node_selector *nodes;
    const bool *all, *each;
};

/* How many of them say where, and which, as text. */
static int valid_place(struct field_errors *e, const struct path *at, const struct place *p,
                       const char *no_node, struct buf *said)
{
    const struct {
        const char *name;
        const bool *flag;
    } flags[] = {{"allNodes", p->all}, {"perDeviceNodeSelection", p->each}};
    int n = 0;
    if (p->node && p->node->n) {
        buf_addf(said, "%s`nodeName`", n++ ? ", " : "");
        format_validate(e, PATH(at, "nodeName"), FORMAT_DNS1123_SUBDOMAIN, *p->node);
    } else if (p->node)
        field_invalid(e, PATH(at, "nodeName"), *p->node, "%s", no_node);
    if (p->nodes) {
        buf_addf(said, "%s`nodeSelector`", n++ ? ", " : "");
        valid_node_selector(e, PATH(at, "nodeSelector"), p->nodes);
    }
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        struct path flag = path_child(at, str_from(flags[i].name));
        if (flags[i].flag && *flags[i].flag)
            buf_addf(said, "%s`%s`", n++ ? ", " : "", flags[i].name);
        else if (flags[i].flag)
            field_error(e, FIELD_ERROR_INVALID, &flag, BAD_RAW(STR("false")),
                        "must be either unset or set to true");
    }
    return n;
}

static void valid_own_place(struct field_errors *e, const struct path *at, const struct device *d, bool may)
{
    static const char one[] = "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when "
                              "`perDeviceNodeSelection` is set to true in the ResourceSlice spec";
    _cleanup_buf_ struct buf said = {0};
    if (!may) {
        if (d->node_name || d->node_selector || d->all_nodes)
            field_error(
                e, FIELD_ERROR_INVALID, at, BAD_RAW(STR("null")),
                "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is "
                "set to true in the ResourceSlice spec");
        return;
    }
    const struct place place = {d->node_name, d->node_selector, d->all_nodes, NULL};
    int n = valid_place(e, at, &place, "must not be empty", &said);
    if (!n)
        field_required(e, at, "%s", one);
    else if (n > 1)
        field_invalid(e, at, arena_printf(&e->arena, "{" STR_FMT "}", STR_ARG(buf_str(&said))), "%s", one);
}

/* --- the whole --- */

static void valid_device(struct field_errors *e, const struct path *at, const struct device *d,
                         bool own_place)
{
    const struct path *attributes = PATH(at, "attributes"), *capacity = PATH(at, "capacity"),
                      *consumes = PATH(at, "consumesCounters");
    bool shared = d->allow_multiple_allocations && *d->allow_multiple_allocations;
    valid_label_name(e, PATH(at, "name"), d->name);
    if (d->attributes.n + d->capacity.n > ATTRIBUTES_MAX)
        field_error(e, FIELD_ERROR_INVALID, at, BAD_INT((int64_t)(d->attributes.n + d->capacity.n)),
                    "the total number of attributes and capacities must not exceed %d", ATTRIBUTES_MAX);
    each (d->attributes, i) {
        const struct path *one = PATH_OF(attributes, d->attributes.at[i].key);
        valid_device_qualified(e, one, d->attributes.at[i].key, false);
        valid_attribute(e, one, &d->attributes.at[i].value);
    }
    each (d->capacity, i) {
        const struct path *one = PATH_OF(capacity, d->capacity.at[i].key);
        valid_device_qualified(e, one, d->capacity.at[i].key, false);
        valid_capacity(e, one, &d->capacity.at[i].value, shared);
    }
    valid_taints(e, PATH(at, "taints"), &d->taints);
    if (valid_most(e, consumes, d->consumes_counters.n, CONSUMPTIONS_MAX))
        each (d->consumes_counters, i) {
            const struct device_counter_consumption *c = &d->consumes_counters.at[i];
            valid_label_name(e, PATH(PATH_AT(consumes, i), "counterSet"), c->counter_set);
            valid_counters(e, PATH(PATH_AT(consumes, i), "counters"), &c->counters);
            if (i && str_eq(d->consumes_counters.at[0].counter_set, c->counter_set))
                field_duplicate(e, PATH_AT(consumes, i), c->counter_set);
        }
    valid_own_place(e, at, d, own_place);
    valid_binding_conditions(e, at, &d->binding_conditions, &d->binding_failure_conditions);
}

static void valid_devices(struct field_errors *e, const struct path *at, const struct resource_slice_spec *s)
{
    bool special = false;
    each (s->devices, i)
        special |= s->devices.at[i].taints.n || s->devices.at[i].consumes_counters.n;
    if (!valid_most(e, at, s->devices.n, special ? DEVICES_SPECIAL_MAX : DEVICES_MAX))
        return;
    each (s->devices, i) {
        valid_device(e, PATH_AT(at, i), &s->devices.at[i],
                     s->per_device_node_selection && *s->per_device_node_selection);
        for (size_t k = 0; k < i; k++)
            if (str_eq(s->devices.at[k].name, s->devices.at[i].name)) {
                field_duplicate(e, PATH_AT(at, i), s->devices.at[i].name);
                break;
            }
    }
}

static void valid_shared_counters(struct field_errors *e, const struct path *at,
                                  const struct counter_set_vec *v)
{
    if (!valid_most(e, at, v->n, COUNTER_SETS_MAX))
        return;
    each (*v, i) {
        valid_label_name(e, PATH(PATH_AT(at, i), "name"), v->at[i].name);
        valid_counters(e, PATH(PATH_AT(at, i), "counters"), &v->at[i].counters);
        for (size_t k = 0; k < i; k++)
            if (str_eq(v->at[k].name, v->at[i].name)) {
                field_duplicate(e, PATH_AT(at, i), v->at[i].name);
                break;
            }
    }
}

static void slice_validate(const void *o, struct field_errors *e)
{
    static const char one[] =
        "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
    const struct resource_slice_spec *s = &((const struct resource_slice *)o)->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *pool = PATH(spec, "pool");
    _cleanup_buf_ struct buf said = {0};
    valid_driver_name(e, PATH(spec, "driver"), s->driver);
    valid_pool_name(e, PATH(pool, "name"), s->pool.name);
    if (s->pool.resource_slice_count <= 0)
        field_invalid_int(e, PATH(pool, "resourceSliceCount"), s->pool.resource_slice_count,
                          "must be greater than zero");
    if (s->pool.generation < 0)
        field_invalid_int(e, PATH(pool, "generation"), s->pool.generation,
                          "must be greater than or equal to zero");
    const struct place place = {s->node_name, s->node_selector, s->all_nodes, s->per_device_node_selection};
    int n = valid_place(e, spec, &place, "must be either unset or set to a non-empty string", &said);
    if (s->node_selector && s->node_selector->node_selector_terms.n != 1)
        field_error(e, FIELD_ERROR_INVALID, PATH(PATH(spec, "nodeSelector"), "nodeSelectorTerms"),
                    valid_bad(e, &node_selector_type, s->node_selector),
                    "must have exactly one node selector term");
    if (!n)
        field_required(e, spec, "%s", one);
    else if (n > 1)
        field_invalid(e, spec, arena_printf(&e->arena, "{" STR_FMT "}", STR_ARG(buf_str(&said))),
                      "%s, but multiple fields are set", one);
    if (s->shared_counters.at && s->devices.at)
        field_invalid(e, spec, STR(""), "only one of `sharedCounters` or `devices` is allowed");
    valid_devices(e, PATH(spec, "devices"), s);
    valid_shared_counters(e, PATH(spec, "sharedCounters"), &s->shared_counters);
}

static void slice_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct resource_slice_spec *now = &((const struct resource_slice *)o)->spec,
                                     *old = &((const struct resource_slice *)before)->spec;
    struct path spec = path_child(NULL, STR("spec")), pool = path_child(&spec, STR("pool"));
    valid_fixed(e, &pool, &resource_pool_type, STR("name"), &now->pool, &old->pool);
    valid_fixed(e, &spec, &resource_slice_spec_type, STR("driver"), now, old);
    valid_fixed(e, &spec, &resource_slice_spec_type, STR("nodeName"), now, old);
}

const struct strategy resource_slice_strategy = {
    .resource = &resource_slice_resource,
    .defaults = slice_defaults,
    .validate = slice_validate,
    .validate_update = slice_validate_update,
};
