/* All controllers there are: each is a definition in a file of its own. */
#pragma once
#include "controllers/controller.h"

extern const struct controller_def admission_policy_controller;
extern const struct controller_def certificate_controller;
extern const struct controller_def claim_binder_controller;
extern const struct controller_def claim_protection_controller;
extern const struct controller_def cluster_dns_controller;
extern const struct controller_def cluster_role_aggregation_controller;
extern const struct controller_def cron_job_controller;
extern const struct controller_def daemon_set_controller;
extern const struct controller_def deployment_controller;
extern const struct controller_def disruption_controller;
extern const struct controller_def endpoint_slice_controller;
extern const struct controller_def endpoint_slice_mirroring_controller;
extern const struct controller_def endpoints_controller;
extern const struct controller_def ephemeral_volume_controller;
extern const struct controller_def flow_schema_controller;
extern const struct controller_def garbage_collector_controller;
extern const struct controller_def job_controller;
extern const struct controller_def legacy_token_cleaner_controller;
extern const struct controller_def legacy_token_controller;
extern const struct controller_def namespace_controller;
extern const struct controller_def node_ipam_controller;
extern const struct controller_def node_lifecycle_controller;
extern const struct controller_def pod_garbage_collector_controller;
extern const struct controller_def replica_set_controller;
extern const struct controller_def replication_controller_controller;
extern const struct controller_def resource_quota_controller;
extern const struct controller_def root_ca_publisher_controller;
extern const struct controller_def service_account_controller;
extern const struct controller_def service_account_token_controller;
extern const struct controller_def default_service_cidr_controller;
extern const struct controller_def service_cidr_controller;
extern const struct controller_def service_ip_address_controller;
extern const struct controller_def stateful_set_controller;
extern const struct controller_def taint_eviction_controller;
extern const struct controller_def volume_controller;
extern const struct controller_def volume_protection_controller;
