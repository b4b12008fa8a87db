/* How pods are spread over topologies (validateTopologySpreadConstraints). */
#include "api/kind/container.h"
#include "api/kind/label_keys.h"

static void valid_policy(struct field_errors *e, const struct path *at, const struct str *policy)
{
    if (policy)
        valid_supported(e, at, *policy, (const struct str[]){STR("Honor"), STR("Ignore")}, 2);
}

static void valid_min_domains(struct field_errors *e, const struct path *at, int32_t n, struct str when)
{
    if (n <= 0)
        field_invalid_int(e, at, n, "must be greater than zero");
    if (!str_is(when, "DoNotSchedule"))
        field_invalid_int(e, at, n,
                          "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not " STR_FMT,
                          STR_ARG(when));
}

static void valid_constraint(struct field_errors *e, const struct path *at,
                             const struct topology_spread_constraint *c)
{
    if (c->max_skew <= 0)
        field_invalid_int(e, PATH(at, "maxSkew"), c->max_skew, "must be greater than zero");
    if (!c->topology_key.n)
        field_required(e, PATH(at, "topologyKey"), "can not be empty");
    valid_supported(e, PATH(at, "whenUnsatisfiable"), c->when_unsatisfiable,
                    (const struct str[]){STR("DoNotSchedule"), STR("ScheduleAnyway")}, 2);
}

void valid_spread(struct field_errors *e, const struct path *at, const struct pod_spec *pod)
{
    const struct topology_spread_constraint_vec *v = &pod->topology_spread_constraints;
    each (*v, i) {
        const struct topology_spread_constraint *c = &v->at[i];
        const struct path *item = PATH_AT(at, i);
        valid_constraint(e, item, c);
        for (size_t k = i + 1; k < v->n; k++)
            if (str_eq(v->at[k].topology_key, c->topology_key) &&
                str_eq(v->at[k].when_unsatisfiable, c->when_unsatisfiable)) {
                field_duplicate(e, PATH(item, "{topologyKey, whenUnsatisfiable}"),
                                arena_printf(&e->arena, "{" STR_FMT ", " STR_FMT "}",
                                             STR_ARG(c->topology_key), STR_ARG(c->when_unsatisfiable)));
                break;
            }
        if (c->min_domains)
            valid_min_domains(e, PATH(item, "minDomains"), *c->min_domains, c->when_unsatisfiable);
        valid_policy(e, PATH(item, "nodeAffinityPolicy"), c->node_affinity_policy);
        valid_policy(e, PATH(item, "nodeTaintsPolicy"), c->node_taints_policy);
        valid_label_keys(e, item, &c->match_label_keys, NULL, c->label_selector);
        valid_selector(e, PATH(item, "labelSelector"), c->label_selector);
    }
}
