/* What becomes of a container that ends or whose resources change (validateContainerRestartPolicy,
 * validateResizePolicy). */
#include "api/kind/container.h"

enum { RULES_MAX = 20, EXIT_CODES_MAX = 255 };

static void valid_rule(struct field_errors *e, const struct path *at, const struct container_restart_rule *r)
{
    const struct path *codes = PATH(at, "exitCodes");
    valid_supported(e, PATH(at, "action"), r->action,
                    (const struct str[]){STR("Restart"), STR("RestartAllContainers")}, 2);
    if (!r->exit_codes) {
        field_required(e, codes, "must be specified");
        return;
    }
    valid_supported(e, PATH(codes, "operator"),
                    r->exit_codes->operator,(const struct str[]){STR("In"), STR("NotIn")}, 2);
    if (r->exit_codes->values.n > EXIT_CODES_MAX)
        field_too_many(e, PATH(codes, "values"), r->exit_codes->values.n, EXIT_CODES_MAX);
}

static void valid_restart_policy(struct field_errors *e, const struct path *at, const struct container *c)
{
    const struct path *policy = PATH(at, "restartPolicy"), *rules = PATH(at, "restartPolicyRules");
    if (!c->restart_policy && !c->restart_policy_rules.n)
        return;
    if (!c->restart_policy)
        field_required(e, policy, "must specify restartPolicy when restart rules are used");
    else
        valid_supported(e, policy, *c->restart_policy,
                        (const struct str[]){STR("Always"), STR("Never"), STR("OnFailure")}, 3);
    if (c->restart_policy_rules.n > RULES_MAX)
        field_too_many(e, rules, c->restart_policy_rules.n, RULES_MAX);
    each (c->restart_policy_rules, i)
        valid_rule(e, PATH_AT(rules, i), &c->restart_policy_rules.at[i]);
}

static void valid_resize_policies(struct field_errors *e, const struct path *at, const struct container *c,
                                  const struct pod_spec *pod)
{
    each (c->resize_policy, i) {
        const struct container_resize_policy *p = &c->resize_policy.at[i];
        for (size_t k = 0; k < i; k++)
            if (str_eq(c->resize_policy.at[k].resource_name, p->resource_name)) {
                field_duplicate(e, PATH_AT(at, i), p->resource_name);
                break;
            }
        VALID_ONE_OF(e, at, p->resource_name, true, STR("cpu"), STR("memory"));
        VALID_ONE_OF(e, at, p->restart_policy, true, STR("NotRequired"), STR("RestartContainer"));
        if (str_is(pod->restart_policy, "Never") && !str_is(p->restart_policy, "NotRequired"))
            field_invalid(e, at, p->restart_policy,
                          "must be 'NotRequired' when pod `restartPolicy` is 'Never'");
    }
}

void valid_container_restart(struct field_errors *e, const struct path *at, const struct container *c,
                             const struct pod_spec *pod, enum container_role role)
{
    const struct path *resize = PATH(at, "resizePolicy");
    valid_resize_policies(e, resize, c, pod);
    if (role == CONTAINER_EPHEMERAL)
        return; /* refused altogether by the caller */
    valid_restart_policy(e, at, c);
    if (role == CONTAINER_INIT && !container_is_sidecar(c))
        each (c->resize_policy, i)
            if (str_is(c->resize_policy.at[i].restart_policy, "RestartContainer"))
                field_invalid(e, PATH(PATH_AT(resize, i), "restartPolicy"),
                              c->resize_policy.at[i].restart_policy,
                              "must not be set to 'RestartContainer' for non-sidecar initContainers");
}
