#include "api/kind/kinds.h"

#include "api/kind/pod.h"
#include "api/kind/workload.h"

const struct strategy *const strategies[] = {
    &pod_strategy,
    &pod_template_strategy,
    &deployment_strategy,
    &replica_set_strategy,
    &daemon_set_strategy,
    &stateful_set_strategy,
    &replication_controller_strategy,
    &job_strategy,
    &cron_job_strategy,
    &service_strategy,
    &endpoints_strategy,
    &endpoint_slice_strategy,
    &config_map_strategy,
    &secret_strategy,
    &service_account_strategy,
    &namespace_strategy,
    &node_strategy,
    &event_strategy,
    &lease_strategy,
    &priority_class_strategy,
    &ingress_strategy,
    &ingress_class_strategy,
    &network_policy_strategy,
    &persistent_volume_strategy,
    &persistent_volume_claim_strategy,
    &storage_class_strategy,
    &pod_disruption_budget_strategy,
    &autoscaler_strategy,
    &resource_quota_strategy,
    &limit_range_strategy,
    &role_strategy,
    &cluster_role_strategy,
    &role_binding_strategy,
    &cluster_role_binding_strategy,
    &signing_request_strategy,
    &custom_resource_definition_strategy,
};
const size_t n_strategies = ARRAY_LEN(strategies);
