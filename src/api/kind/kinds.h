/* Every kind that has a strategy of its own. */
#pragma once
#include "api/strategy.h"

extern const struct strategy *const strategies[];
extern const size_t n_strategies;

/* kind/service.c, endpoints.c, config.c, namespace.c, node.c, event.c, cluster.c, network.c, claim.c,
 * persistent_volume.c, storage.c, policy.c, resource_quota.c, limit_range.c, access.c,
 * job.c, cron_job.c */
extern const struct strategy service_strategy, endpoints_strategy, endpoint_slice_strategy;
extern const struct strategy config_map_strategy, secret_strategy, service_account_strategy;
extern const struct strategy namespace_strategy, node_strategy, event_strategy, new_event_strategy,
    lease_strategy, priority_class_strategy, runtime_class_strategy;
extern const struct strategy ingress_strategy, ingress_class_strategy, network_policy_strategy,
    service_cidr_strategy, ip_address_strategy;
extern const struct strategy persistent_volume_strategy, persistent_volume_claim_strategy,
    storage_class_strategy;
extern const struct strategy pod_disruption_budget_strategy, autoscaler_strategy, resource_quota_strategy,
    limit_range_strategy;
extern const struct strategy role_strategy, cluster_role_strategy, role_binding_strategy,
    cluster_role_binding_strategy, signing_request_strategy, custom_resource_definition_strategy;
extern const struct strategy job_strategy, cron_job_strategy;
/* kind/webhook.c */
extern const struct strategy mutating_webhook_configuration_strategy,
    validating_webhook_configuration_strategy, validating_admission_policy_strategy,
    validating_admission_policy_binding_strategy, mutating_admission_policy_strategy,
    mutating_admission_policy_binding_strategy, api_service_strategy;
/* kind/workload.c, daemon_set.c, stateful_set.c */
extern const struct strategy deployment_strategy, replica_set_strategy, daemon_set_strategy,
    stateful_set_strategy, replication_controller_strategy, controller_revision_strategy;
/* kind/flow_control.c, driver.c, device.c */
extern const struct strategy flow_schema_strategy, priority_level_configuration_strategy;
extern const struct strategy csi_driver_strategy, csi_node_strategy, volume_attachment_strategy,
    csi_storage_capacity_strategy, volume_attributes_class_strategy;
extern const struct strategy resource_claim_strategy, resource_claim_template_strategy, device_class_strategy,
    resource_slice_strategy;
/* kind/review.c */
extern const struct strategy subject_access_review_strategy, self_subject_access_review_strategy,
    local_subject_access_review_strategy;
