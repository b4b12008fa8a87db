/* The cells of what runs pods: deployments and their like, jobs, autoscalers. */
#include "kinds/apps_v1.h"
#include "kinds/autoscaling_v1.h"
#include "kinds/autoscaling_v2.h"
#include "kinds/batch_v1.h"
#include "kinds/core_v1.h"
#include "schema/table/cells.h"
#include "schema/timestamp.h"

static int32_t or_zero(const int32_t *i)
{
    return i ? *i : 0;
}

static void deployment_cell_ready(struct cell *c)
{
    const struct deployment *d = c->typed;
    cell_strf(c, "%d/%d", d->status.ready_replicas, or_zero(d->spec.replicas));
}

static void stateful_set_cell_ready(struct cell *c)
{
    const struct stateful_set *s = c->typed;
    cell_strf(c, "%d/%d", s->status.ready_replicas, or_zero(s->spec.replicas));
}

static void cell_int32(struct cell *c)
{
    cell_int(c, or_zero(c->at));
}

/* "daemonset.apps/web": whom a revision belongs to. */
static void revision_cell_controller(struct cell *c)
{
    const struct controller_revision *r = c->typed;
    for (size_t i = 0; i < r->metadata.owner_references.n; i++) {
        const struct owner_reference *o = &r->metadata.owner_references.at[i];
        ptrdiff_t slash = str_index(o->api_version, '/');
        _cleanup_buf_ struct buf b = {0};
        if (!o->controller || !*o->controller)
            continue;
        for (size_t k = 0; k < o->kind.n; k++)
            buf_add_c(&b, o->kind.p[k] >= 'A' && o->kind.p[k] <= 'Z' ? (char)(o->kind.p[k] | 0x20)
                                                                     : o->kind.p[k]);
        if (slash > 0)
            buf_addf(&b, ".%.*s", (int)slash, o->api_version.p);
        buf_addf(&b, "/" STR_FMT, STR_ARG(o->name));
        cell_buf(c, &b);
        return;
    }
    cell_str(c, STR("<none>"));
}

/* --- jobs --- */

static bool job_is(const struct job *j, const char *condition)
{
    for (size_t i = 0; i < j->status.conditions.n; i++)
        if (str_is(j->status.conditions.at[i].type, condition))
            return str_is(j->status.conditions.at[i].status, "True");
    return false;
}

static void job_cell_status(struct cell *c)
{
    static const char *const after[] = {"Suspended", "FailureTarget", "SuccessCriteriaMet"};
    const struct job *j = c->typed;
    const char *status = job_is(j, "Complete")            ? "Complete"
                         : job_is(j, "Failed")            ? "Failed"
                         : j->metadata.deletion_timestamp ? "Terminating"
                                                          : NULL;
    for (size_t i = 0; !status && i < ARRAY_LEN(after); i++)
        if (job_is(j, after[i]))
            status = after[i];
    cell_str(c, str_from(status ? status : "Running"));
}

static void job_cell_completions(struct cell *c)
{
    const struct job *j = c->typed;
    if (j->spec.completions)
        cell_strf(c, "%d/%d", j->status.succeeded, *j->spec.completions);
    else if (or_zero(j->spec.parallelism) > 1)
        cell_strf(c, "%d/1 of %d", j->status.succeeded, *j->spec.parallelism);
    else
        cell_strf(c, "%d/1", j->status.succeeded);
}

static void job_cell_duration(struct cell *c)
{
    const struct job *j = c->typed;
    _cleanup_buf_ struct buf b = {0};
    if (j->status.start_time) {
        int64_t end = j->status.completion_time ? time_to_ns(*j->status.completion_time) : c->now;
        duration_write_human(&b, end - time_to_ns(*j->status.start_time));
    }
    cell_buf(c, &b);
}

static void cron_job_cell_suspend(struct cell *c)
{
    const bool *suspend = c->at;
    cell_str(c, !suspend ? STR("<unset>") : *suspend ? STR("True") : STR("False"));
}

static void cron_job_cell_last(struct cell *c)
{
    if (c->at)
        cell_age(c, *(const struct time *)c->at);
    else
        cell_str(c, STR("<none>"));
}

/* --- autoscalers --- */

static void autoscaler_add(struct buf *b, struct str name, struct str current, struct str target,
                           bool average)
{
    if (name.n)
        buf_addf(b, STR_FMT ": ", STR_ARG(name));
    buf_addf(b, STR_FMT "/" STR_FMT "%s", STR_ARG(current.n ? current : STR("<unknown>")), STR_ARG(target),
             average ? " (avg)" : "");
}

/* A resource's metric, of the pods or of one container in them: an amount each, or a share of what they ask
 * for. */
static void autoscaler_add_resource(struct buf *b, struct arena *a, struct str name,
                                    const struct metric_target *target,
                                    const struct metric_value_status *current)
{
    struct str now = {0}, wanted = STR("<auto>");
    if (target->average_value) {
        autoscaler_add(b, name, current && current->average_value ? *current->average_value : now,
                       *target->average_value, false);
        return;
    }
    if (current && current->average_utilization)
        now = arena_printf(a, "%d%%", *current->average_utilization);
    if (target->average_utilization)
        wanted = arena_printf(a, "%d%%", *target->average_utilization);
    autoscaler_add(b, name, now, wanted, false);
}

static void autoscaler_add_amount(struct buf *b, const struct metric_target *target,
                                  const struct metric_value_status *current, bool says_average)
{
    bool average = target->average_value;
    const struct str *now = !current ? NULL : average ? current->average_value : current->value;
    const struct str *wanted = average ? target->average_value : target->value;
    autoscaler_add(b, STR(""), now ? *now : STR(""), wanted ? *wanted : STR(""), average && says_average);
}

static void autoscaler_add_metric(struct buf *b, struct arena *a, const struct autoscaling_v2_metric_spec *m,
                                  const struct autoscaling_v2_metric_status *s)
{
    if (m->external)
        autoscaler_add_amount(b, &m->external->target, s && s->external ? &s->external->current : NULL, true);
    else if (m->object)
        autoscaler_add_amount(b, &m->object->target, s && s->object ? &s->object->current : NULL, true);
    else if (m->pods)
        autoscaler_add_amount(b, &m->pods->target, s && s->pods ? &s->pods->current : NULL, false);
    else if (m->resource)
        autoscaler_add_resource(b, a, m->resource->name, &m->resource->target,
                                s && s->resource ? &s->resource->current : NULL);
    else if (m->container_resource)
        autoscaler_add_resource(b, a, m->container_resource->name, &m->container_resource->target,
                                s && s->container_resource ? &s->container_resource->current : NULL);
    else
        buf_add_lit(b, "<unknown type>");
}

static void autoscaler_cell_targets(struct cell *c)
{
    const struct autoscaling_v2_horizontal_pod_autoscaler *h = c->typed;
    const size_t most = 2, n = h->spec.metrics.n;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; i < n && i < most; i++) {
        if (i)
            buf_add_lit(&b, ", ");
        autoscaler_add_metric(&b, &a, &h->spec.metrics.at[i],
                              i < h->status.current_metrics.n ? &h->status.current_metrics.at[i] : NULL);
    }
    if (n > most)
        buf_addf(&b, " + %zu more...", n - most);
    cell_or(c, buf_str(&b), "<none>");
}

static void autoscaler_cell_targets_v1(struct cell *c)
{
    const struct autoscaling_v1_horizontal_pod_autoscaler *h = c->typed;
    const int32_t *current = h->status.current_cpu_utilization_percentage,
                  *target = h->spec.target_cpu_utilization_percentage;
    if (!target)
        cell_str(c, STR("<none>"));
    else if (current)
        cell_strf(c, "cpu: %d%%/%d%%", *current, *target);
    else
        cell_strf(c, "cpu: <unknown>/%d%%", *target);
}

static void autoscaler_cell_reference(struct cell *c)
{
    const struct autoscaling_v2_horizontal_pod_autoscaler *h = c->typed;
    cell_strf(c, STR_FMT "/" STR_FMT, STR_ARG(h->spec.scale_target_ref.kind),
              STR_ARG(h->spec.scale_target_ref.name));
}

static void autoscaler_cell_reference_v1(struct cell *c)
{
    const struct autoscaling_v1_horizontal_pod_autoscaler *h = c->typed;
    cell_strf(c, STR_FMT "/" STR_FMT, STR_ARG(h->spec.scale_target_ref.kind),
              STR_ARG(h->spec.scale_target_ref.name));
}

static void autoscaler_cell_min(struct cell *c)
{
    if (c->at)
        cell_strf(c, "%d", *(const int32_t *)c->at);
    else
        cell_str(c, STR("<unset>"));
}

#define CONTAINER_CELLS(type, path)                                                                          \
    {type, "Containers", cell_container_names, path},                                                        \
    {                                                                                                        \
        type, "Images", cell_container_images, path                                                          \
    }
#define TEMPLATE "spec.template.spec.containers"

static const struct cell_maker makers[] = {
    {&deployment_type, "Ready", deployment_cell_ready, NULL},
    CONTAINER_CELLS(&deployment_type, TEMPLATE),
    {&deployment_type, "Selector", cell_selector, "spec.selector"},
    {&stateful_set_type, "Ready", stateful_set_cell_ready, NULL},
    CONTAINER_CELLS(&stateful_set_type, TEMPLATE),
    {&daemon_set_type, "Node Selector", cell_labels, "spec.template.spec.nodeSelector"},
    CONTAINER_CELLS(&daemon_set_type, TEMPLATE),
    {&daemon_set_type, "Selector", cell_selector, "spec.selector"},
    {&replica_set_type, "Desired", cell_int32, "spec.replicas"},
    CONTAINER_CELLS(&replica_set_type, TEMPLATE),
    {&replica_set_type, "Selector", cell_selector, "spec.selector"},
    {&replication_controller_type, "Desired", cell_int32, "spec.replicas"},
    CONTAINER_CELLS(&replication_controller_type, TEMPLATE),
    {&replication_controller_type, "Selector", cell_labels, "spec.selector"},
    {&controller_revision_type, "Controller", revision_cell_controller, NULL},
    CONTAINER_CELLS(&pod_template_type, "template.spec.containers"),
    {&pod_template_type, "Pod Labels", cell_labels, "template.metadata.labels"},
    {&job_type, "Status", job_cell_status, NULL},
    {&job_type, "Completions", job_cell_completions, NULL},
    {&job_type, "Duration", job_cell_duration, NULL},
    CONTAINER_CELLS(&job_type, TEMPLATE),
    {&job_type, "Selector", cell_selector, "spec.selector"},
    {&cron_job_type, "Timezone", cell_or_none, "spec.timeZone"},
    {&cron_job_type, "Suspend", cron_job_cell_suspend, "spec.suspend"},
    {&cron_job_type, "Active", cell_count, "status.active"},
    {&cron_job_type, "Last Schedule", cron_job_cell_last, "status.lastScheduleTime"},
    CONTAINER_CELLS(&cron_job_type, "spec.jobTemplate.spec.template.spec.containers"),
    {&cron_job_type, "Selector", cell_selector, "spec.jobTemplate.spec.selector"},
    {&autoscaling_v2_horizontal_pod_autoscaler_type, "Reference", autoscaler_cell_reference, NULL},
    {&autoscaling_v2_horizontal_pod_autoscaler_type, "Targets", autoscaler_cell_targets, NULL},
    {&autoscaling_v2_horizontal_pod_autoscaler_type, "MinPods", autoscaler_cell_min, "spec.minReplicas"},
    {&autoscaling_v1_horizontal_pod_autoscaler_type, "Reference", autoscaler_cell_reference_v1, NULL},
    {&autoscaling_v1_horizontal_pod_autoscaler_type, "Targets", autoscaler_cell_targets_v1, NULL},
    {&autoscaling_v1_horizontal_pod_autoscaler_type, "MinPods", autoscaler_cell_min, "spec.minReplicas"},
};
const struct cell_makers cells_workloads = {makers, ARRAY_LEN(makers)};
