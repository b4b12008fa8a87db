/* Pods and pod templates: defaults and strategies (pkg/apis/core/v1/defaults.go, pkg/registry/core/pod). */
#include "api/kind/pod.h"

#include "api/kind/container.h"
#include "api/kind/label_keys.h"
#include "schema/quantity.h"

/* "repo:latest" and what has no tag are pulled anew each time. A digest is a version. */
static struct str image_pull_policy(struct str image)
{
    if (!image.n)
        return STR("IfNotPresent");
    ptrdiff_t slash = str_last_index(image, '/');
    struct str last = slash < 0 ? image : str_from_at(image, (size_t)slash + 1);
    if (str_index(last, '@') >= 0)
        return STR("IfNotPresent");
    ptrdiff_t colon = str_index(last, ':');
    return colon < 0 || str_is(str_from_at(last, (size_t)colon + 1), "latest") ? STR("Always")
                                                                               : STR("IfNotPresent");
}

/* What is limited and not requested is requested as limited. */
static void request_limits(struct resource_requirements *r, struct arena *a)
{
    each (r->limits, i)
        if (!str_map_get(&r->requests, r->limits.at[i].key))
            str_map_put(&r->requests, a, r->limits.at[i].key, r->limits.at[i].value);
}

static void container_defaults(struct container *c)
{
    if (!c->image_pull_policy.n)
        c->image_pull_policy = image_pull_policy(c->image);
}

static bool has_source(const struct volume_source *v)
{
    const void *const *p = (const void *const *)(const void *)v; /* a struct of pointers only */
    for (size_t i = 0; i < sizeof *v / sizeof *p; i++)
        if (p[i])
            return true;
    return false;
}

void pod_spec_defaults(struct pod_spec *s, struct arena *a)
{
    each (s->containers, i)
        container_defaults(&s->containers.at[i]);
    each (s->init_containers, i)
        container_defaults(&s->init_containers.at[i]);
    each (s->ephemeral_containers, i)
        container_defaults((struct container *)(void *)&s->ephemeral_containers.at[i]);
    each (s->volumes, i) {
        struct volume *v = &s->volumes.at[i];
        if (!has_source((const struct volume_source *)(const void *)&v->host_path))
            v->empty_dir = arena_new(a, struct empty_dir_volume_source);
        if (v->image && !v->image->pull_policy.n)
            v->image->pull_policy = image_pull_policy(v->image->reference);
    }
    /* Two names of one field. */
    if (!s->service_account_name.n)
        s->service_account_name = s->service_account;
    s->service_account = s->service_account_name;
}

static void host_ports(struct container_vec *containers)
{
    each (*containers, i)
        each (containers->at[i].ports, k) {
            struct container_port *p = &containers->at[i].ports.at[k];
            if (!p->host_port)
                p->host_port = p->container_port;
        }
}

static void pod_defaults(void *o, struct arena *a)
{
    struct pod *pod = o;
    pod_spec_defaults(&pod->spec, a);
    each (pod->spec.containers, i)
        request_limits(&pod->spec.containers.at[i].resources, a);
    each (pod->spec.init_containers, i)
        request_limits(&pod->spec.init_containers.at[i].resources, a);
    pod_resources_defaults(&pod->spec, a);
    if (!pod->spec.enable_service_links)
        pod->spec.enable_service_links = arena_dup(a, &(bool){true}, sizeof(bool));
    if (pod->spec.host_network) {
        host_ports(&pod->spec.containers);
        host_ports(&pod->spec.init_containers);
    }
}

/* --- quality of service (pkg/apis/core/helper/qos) --- */

struct qos {
    bool any, all; /* a request or limit for cpu or memory; every container limits both, as it requests */
};

static void qos_add(struct qos *q, const struct resource_requirements *r)
{
    static const struct str names[] = {STR_INIT("cpu"), STR_INIT("memory")};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct str *limit = str_map_get(&r->limits, names[i]),
                         *request = str_map_get(&r->requests, names[i]);
        bool limited = limit && quantity_sign(quantity_of(*limit)) > 0,
             requested = request && quantity_sign(quantity_of(*request)) > 0;
        q->any |= limited || requested;
        q->all &= limited && (!requested || quantity_cmp_str(*limit, *request) == 0);
    }
}

struct str pod_spec_qos(const struct pod_spec *s)
{
    struct qos q = {false, true};
    if (s->resources)
        qos_add(&q, s->resources);
    else {
        each (s->containers, i)
            qos_add(&q, &s->containers.at[i].resources);
        each (s->init_containers, i)
            qos_add(&q, &s->init_containers.at[i].resources);
    }
    return !q.any ? STR("BestEffort") : q.all ? STR("Guaranteed") : STR("Burstable");
}

/* --- the strategy --- */

static void pod_prepare_create(void *o, const struct strategy_context *c)
{
    struct pod *pod = o;
    pod->metadata.generation = 1;
    pod->status = (struct pod_status){.phase = STR("Pending"), .qos_class = pod_spec_qos(&pod->spec)};
    if (pod->spec.scheduling_gates.n) {
        struct pod_condition *gated = arena_new(c->arena, struct pod_condition);
        *gated =
            (struct pod_condition){.type = STR("PodScheduled"),
                                   .status = STR("False"),
                                   .reason = STR("SchedulingGated"),
                                   .message = STR("Scheduling is blocked due to non-empty scheduling gates")};
        pod->status.conditions.at = gated;
        pod->status.conditions.n = 1;
    }
    pod_merge_label_keys(&pod->spec, &pod->metadata.labels, c->arena);
    pod_sync_app_armor(pod, c);
}

static void pod_prepare_update(void *o, const void *old, const struct strategy_context *c)
{
    (void)c;
    ((struct pod *)o)->status = ((const struct pod *)old)->status;
}

static void pod_validate(const void *o, struct field_errors *e)
{
    valid_pod(e, o);
}

static void pod_validate_create(const void *o, struct field_errors *e)
{
    const struct pod *pod = o;
    struct path spec = path_child(NULL, STR("spec"));
    if (pod->spec.ephemeral_containers.n)
        field_forbidden(e, PATH(&spec, "ephemeralContainers"), "cannot be set on create");
    if (pod->spec.node_name.n && pod->spec.scheduling_gates.n)
        field_forbidden(e, PATH(&spec, "nodeName"),
                        "cannot be set until all schedulingGates have been cleared");
    valid_annotations_match(e, &spec, &pod->metadata, &pod->spec);
}

static void pod_warn(const void *o, const void *old, const struct strategy_context *c)
{
    const struct pod *pod = o;
    if (!old)
        pod_warnings(&pod->spec, &pod->metadata, NULL, c);
}

const struct strategy pod_strategy = {
    .resource = &pod_resource,
    .flags = STRATEGY_RETURNS_DELETED,
    .defaults = pod_defaults,
    .prepare_create = pod_prepare_create,
    .prepare_update = pod_prepare_update,
    .prepare_status = pod_prepare_status,
    .validate = pod_validate,
    .validate_create = pod_validate_create,
    .validate_update = valid_pod_update,
    .validate_status = valid_pod_status,
    .warn = pod_warn,
};

static void pod_template_defaults(void *o, struct arena *a)
{
    pod_spec_defaults(&((struct pod_template *)o)->template.spec, a);
}

static void pod_template_validate(const void *o, struct field_errors *e)
{
    struct path at = path_child(NULL, STR("template"));
    valid_pod_template(e, &at, &((const struct pod_template *)o)->template);
}

static void pod_template_warn(const void *o, const void *old, const struct strategy_context *c)
{
    const struct pod_template_spec *t = &((const struct pod_template *)o)->template;
    struct path at = path_child(NULL, STR("template"));
    if (!old || !same(&pod_template_spec_type, t, &((const struct pod_template *)old)->template))
        pod_warnings(&t->spec, &t->metadata, &at, c);
}

const struct strategy pod_template_strategy = {
    .resource = &pod_template_resource,
    .flags = STRATEGY_RETURNS_DELETED,
    .defaults = pod_template_defaults,
    .validate = pod_template_validate,
    .warn = pod_template_warn,
};
