#include "server/flow/flow_defaults.h"

const struct level_default level_defaults[] = {
    {"exempt", .mandatory = true, .exempt = true},
    {"catch-all", .mandatory = true, .shares = 5},
    {"system", .shares = 30, .lendable_percent = 33, .queues = 64, .hand = 6, .most_in_queue = 50},
    {"node-high", .shares = 40, .lendable_percent = 25, .queues = 64, .hand = 6, .most_in_queue = 50},
    {"leader-election", .shares = 10, .queues = 16, .hand = 4, .most_in_queue = 50},
    {"workload-high", .shares = 40, .lendable_percent = 50, .queues = 128, .hand = 6, .most_in_queue = 50},
    {"workload-low", .shares = 100, .lendable_percent = 90, .queues = 128, .hand = 6, .most_in_queue = 50},
    {"global-default", .shares = 20, .lendable_percent = 50, .queues = 128, .hand = 6, .most_in_queue = 50},
};
const size_t n_level_defaults = ARRAY_LEN(level_defaults);

#define EVERYONE "group:system:unauthenticated group:system:authenticated"
#define BY_USER  "ByUser"
#define BY_NS    "ByNamespace"
#define ENDPOINTS                                                                                            \
    "sa:kube-system:endpoint-controller sa:kube-system:endpointslice-controller "                            \
    "sa:kube-system:endpointslicemirroring-controller"

const struct schema_default schema_defaults[] = {
    {"exempt", "exempt", 1, true, NULL, "group:system:masters", {{0}}},
    {"probes", "exempt", 2, false, NULL, EVERYONE, {{.verbs = "get", .paths = "/healthz /readyz /livez"}}},
    {"system-leader-election",
     "leader-election",
     100,
     false,
     BY_USER,
     "user:system:kube-controller-manager user:system:kube-scheduler sa:kube-system:*",
     {{"get create update", "coordination.k8s.io", "leases"}}},
    {"endpoint-controller",
     "workload-high",
     150,
     false,
     BY_USER,
     "user:system:kube-controller-manager " ENDPOINTS,
     {{"get create update", "-", "endpoints"}, {"get create update", "discovery.k8s.io", "endpointslices"}}},
    {"workload-leader-election",
     "leader-election",
     200,
     false,
     BY_USER,
     "sa:kube-system:*",
     {{"get create update", "-", "endpoints configmaps"},
      {"get create update", "coordination.k8s.io", "leases"}}},
    {"system-node-high",
     "node-high",
     400,
     false,
     BY_USER,
     "group:system:nodes",
     {{"*", "-", "nodes nodes/status", .cluster_scope = true}, {"*", "coordination.k8s.io", "leases"}}},
    {"system-nodes", "system", 500, false, BY_USER, "group:system:nodes", {{0}}},
    {"kube-controller-manager",
     "workload-high",
     800,
     false,
     BY_NS,
     "user:system:kube-controller-manager",
     {{0}}},
    {"kube-scheduler", "workload-high", 800, false, BY_NS, "user:system:kube-scheduler", {{0}}},
    {"kube-system-service-accounts", "workload-high", 900, false, BY_NS, "sa:kube-system:*", {{0}}},
    {"service-accounts", "workload-low", 9000, false, BY_USER, "group:system:serviceaccounts", {{0}}},
    {"global-default", "global-default", 9900, false, BY_USER, EVERYONE, {{0}}},
    {"catch-all", "catch-all", 10000, true, BY_USER, EVERYONE, {{0}}},
};
const size_t n_schema_defaults = ARRAY_LEN(schema_defaults);

static struct str_vec words(struct arena *a, const char *text)
{
    struct str rest = str_from(text), word;
    struct str_vec out = {.at = arena_new_n(a, struct str, rest.n + 1)};
    while (str_cut(&rest, ' ', &word))
        out.at[out.n++] = str_is(word, "-") ? STR("") : word;
    return out;
}

static int32_t *number(struct arena *a, int32_t n)
{
    return arena_dup(a, &n, sizeof n);
}

void level_default_make(const struct level_default *d, struct arena *a,
                        struct priority_level_configuration *out)
{
    out->metadata.name = str_from(d->name);
    out->spec =
        (struct priority_level_configuration_spec){.type = d->exempt ? STR("Exempt") : STR("Limited")};
    if (d->exempt) {
        out->spec.exempt = arena_new(a, struct exempt_priority_level_configuration);
        out->spec.exempt->nominal_concurrency_shares = number(a, 0);
        out->spec.exempt->lendable_percent = number(a, 0);
        return;
    }
    struct limited_priority_level_configuration *l = out->spec.limited =
        arena_new(a, struct limited_priority_level_configuration);
    l->nominal_concurrency_shares = number(a, d->shares);
    l->lendable_percent = number(a, d->lendable_percent);
    l->limit_response.type = d->queues ? STR("Queue") : STR("Reject");
    if (!d->queues)
        return;
    l->limit_response.queuing = arena_new(a, struct queuing_configuration);
    *l->limit_response.queuing = (struct queuing_configuration){
        .queues = d->queues, .hand_size = d->hand, .queue_length_limit = d->most_in_queue};
}

static struct flowcontrol_subject subject_make(struct arena *a, struct str word)
{
    struct flowcontrol_subject s = {0};
    struct str kind;
    str_cut(&word, ':', &kind);
    if (str_is(kind, "user")) {
        s.kind = STR("User");
        s.user = arena_new(a, struct user_subject);
        s.user->name = word;
    } else if (str_is(kind, "group")) {
        s.kind = STR("Group");
        s.group = arena_new(a, struct group_subject);
        s.group->name = word;
    } else {
        s.kind = STR("ServiceAccount");
        s.service_account = arena_new(a, struct service_account_subject);
        str_cut(&word, ':', &s.service_account->namespace);
        s.service_account->name = word;
    }
    return s;
}

/* Rules of resources and of paths; a default without any is for everything. */
static void rules_make(const struct schema_default *d, struct arena *a,
                       struct policy_rules_with_subjects *out)
{
    static const struct schema_rule everything[] = {{"*", "*", "*", .cluster_scope = true},
                                                    {.verbs = "*", .paths = "*"}};
    const struct schema_rule *rules = d->rules[0].verbs ? d->rules : everything;
    out->resource_rules.at = arena_new_n(a, struct resource_policy_rule, 2);
    out->non_resource_rules.at = arena_new_n(a, struct non_resource_policy_rule, 2);
    for (size_t i = 0; i < 2 && rules[i].verbs; i++)
        if (rules[i].paths)
            out->non_resource_rules.at[out->non_resource_rules.n++] =
                (struct non_resource_policy_rule){words(a, rules[i].verbs), words(a, rules[i].paths)};
        else
            out->resource_rules.at[out->resource_rules.n++] =
                (struct resource_policy_rule){.verbs = words(a, rules[i].verbs),
                                              .api_groups = words(a, rules[i].groups),
                                              .resources = words(a, rules[i].resources),
                                              .cluster_scope = rules[i].cluster_scope,
                                              .namespaces = words(a, "*")};
    if (!out->resource_rules.n)
        out->resource_rules.at = NULL;
    if (!out->non_resource_rules.n)
        out->non_resource_rules.at = NULL;
}

void schema_default_make(const struct schema_default *d, struct arena *a, struct flow_schema *out)
{
    struct str_vec subjects = words(a, d->subjects);
    struct policy_rules_with_subjects *rule = arena_new(a, struct policy_rules_with_subjects);
    rule->subjects =
        (struct flowcontrol_subject_vec){arena_new_n(a, struct flowcontrol_subject, subjects.n), subjects.n};
    for (size_t i = 0; i < subjects.n; i++)
        rule->subjects.at[i] = subject_make(a, subjects.at[i]);
    rules_make(d, a, rule);
    out->metadata.name = str_from(d->name);
    out->spec = (struct flow_schema_spec){.priority_level_configuration = {.name = str_from(d->level)},
                                          .matching_precedence = d->precedence,
                                          .rules = {rule, 1}};
    if (d->distinguisher) {
        out->spec.distinguisher_method = arena_new(a, struct flow_distinguisher_method);
        out->spec.distinguisher_method->type = str_from(d->distinguisher);
    }
}
