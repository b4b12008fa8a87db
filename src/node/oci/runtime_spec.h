/* config.json of a container: the part of the OCI runtime specification that Sagong writes, as structs with
 * descriptors. */
#pragma once
#include "schema/desc.h"

struct oci_user {
    int64_t *uid, *gid; /* pointers, as 0 has to be written */
    struct int64_vec additional_gids;
    int64_t *umask;
};
struct oci_capabilities {
    struct str_vec bounding, effective, inheritable, permitted, ambient;
};
struct oci_process {
    bool terminal;
    struct oci_user user;
    struct str_vec args, env;
    struct str cwd;
    struct oci_capabilities capabilities;
    bool no_new_privileges;
    int64_t *oom_score_adj;
};
extern const struct type oci_process_type; /* also what `crun exec --process` takes */

struct oci_root {
    struct str path;
    bool readonly;
};
struct oci_mount {
    struct str destination, type, source;
    struct str_vec options;
};
struct oci_mount_vec {
    struct oci_mount *at;
    size_t n;
};
struct oci_namespace {
    struct str type, path;
};
struct oci_namespace_vec {
    struct oci_namespace *at;
    size_t n;
};
struct oci_device {
    struct str path, type;
    int64_t major, minor;
    int64_t file_mode, uid, gid;
};
struct oci_device_vec {
    struct oci_device *at;
    size_t n;
};
struct oci_device_rule {
    bool *allow;
    struct str type;
    int64_t *major, *minor;
    struct str access;
};
struct oci_device_rule_vec {
    struct oci_device_rule *at;
    size_t n;
};
struct oci_memory {
    int64_t limit, swap;
};
struct oci_cpu {
    int64_t shares, quota, period;
};
struct oci_pids {
    int64_t limit;
};
struct oci_resources {
    struct oci_device_rule_vec devices;
    struct oci_memory *memory;
    struct oci_cpu *cpu;
    struct oci_pids *pids;
    struct str_map unified;
};
struct oci_linux {
    struct oci_namespace_vec namespaces;
    struct str_map sysctl;
    struct oci_device_vec devices;
    struct str cgroups_path, rootfs_propagation;
    struct oci_resources resources;
    struct str_vec masked_paths, readonly_paths;
    struct str seccomp; /* JSON */
};
struct oci_spec {
    struct str oci_version;
    struct oci_process process;
    struct oci_root root;
    struct str hostname;
    struct oci_mount_vec mounts;
    struct oci_linux linux_; /* "linux" is a macro of GCC's */
    struct str_map annotations;
};
extern const struct type oci_spec_type;

/* What conmon says through its sync pipe when the container is made, or is not (data < 0). */
struct conmon_report {
    int64_t data;
    struct str message;
};
extern const struct type conmon_report_type;
