#include "node/oci/runtime_spec.h"

#include "node/oci/declare.h"

static const struct field oci_user_fields[] = {
    OPTIONAL(oci_user, uid, "uid", INT64),
    OPTIONAL(oci_user, gid, "gid", INT64),
    LIST(oci_user, additional_gids, "additionalGids", INT64),
    OPTIONAL(oci_user, umask, "umask", INT64),
};
DECLARE(static, oci_user)

static const struct field oci_capabilities_fields[] = {
    LIST(oci_capabilities, bounding, "bounding", STRING),
    LIST(oci_capabilities, effective, "effective", STRING),
    LIST(oci_capabilities, inheritable, "inheritable", STRING),
    LIST(oci_capabilities, permitted, "permitted", STRING),
    LIST(oci_capabilities, ambient, "ambient", STRING),
};
DECLARE(static, oci_capabilities)

static const struct field oci_process_fields[] = {
    ONE(oci_process, terminal, "terminal", BOOL),
    ONE_OF(oci_process, user, "user", oci_user),
    LIST(oci_process, args, "args", STRING),
    LIST(oci_process, env, "env", STRING),
    ONE(oci_process, cwd, "cwd", STRING),
    ONE_OF(oci_process, capabilities, "capabilities", oci_capabilities),
    ONE(oci_process, no_new_privileges, "noNewPrivileges", BOOL),
    OPTIONAL(oci_process, oom_score_adj, "oomScoreAdj", INT64),
};
DECLARE(, oci_process)

static const struct field oci_root_fields[] = {
    ONE(oci_root, path, "path", STRING),
    ONE(oci_root, readonly, "readonly", BOOL),
};
DECLARE(static, oci_root)

static const struct field oci_mount_fields[] = {
    ONE(oci_mount, destination, "destination", STRING),
    ONE(oci_mount, type, "type", STRING),
    ONE(oci_mount, source, "source", STRING),
    LIST(oci_mount, options, "options", STRING),
};
DECLARE(static, oci_mount)

static const struct field oci_namespace_fields[] = {
    ONE(oci_namespace, type, "type", STRING),
    ONE(oci_namespace, path, "path", STRING),
};
DECLARE(static, oci_namespace)

static const struct field oci_device_fields[] = {
    ONE(oci_device, path, "path", STRING),
    ONE(oci_device, type, "type", STRING),
    ONE(oci_device, major, "major", INT64),
    ONE(oci_device, minor, "minor", INT64),
    ONE(oci_device, file_mode, "fileMode", INT64),
    ONE(oci_device, uid, "uid", INT64),
    ONE(oci_device, gid, "gid", INT64),
};
DECLARE(static, oci_device)

static const struct field oci_device_rule_fields[] = {
    OPTIONAL(oci_device_rule, allow, "allow", BOOL),  ONE(oci_device_rule, type, "type", STRING),
    OPTIONAL(oci_device_rule, major, "major", INT64), OPTIONAL(oci_device_rule, minor, "minor", INT64),
    ONE(oci_device_rule, access, "access", STRING),
};
DECLARE(static, oci_device_rule)

static const struct field oci_memory_fields[] = {
    ONE(oci_memory, limit, "limit", INT64),
    ONE(oci_memory, swap, "swap", INT64),
};
DECLARE(static, oci_memory)

static const struct field oci_cpu_fields[] = {
    ONE(oci_cpu, shares, "shares", INT64),
    ONE(oci_cpu, quota, "quota", INT64),
    ONE(oci_cpu, period, "period", INT64),
};
DECLARE(static, oci_cpu)

static const struct field oci_pids_fields[] = {
    ONE(oci_pids, limit, "limit", INT64),
};
DECLARE(static, oci_pids)

static const struct field oci_resources_fields[] = {
    LIST_OF(oci_resources, devices, "devices", oci_device_rule),
    OPTIONAL_OF(oci_resources, memory, "memory", oci_memory),
    OPTIONAL_OF(oci_resources, cpu, "cpu", oci_cpu),
    OPTIONAL_OF(oci_resources, pids, "pids", oci_pids),
    MAP(oci_resources, unified, "unified", STRING),
};
DECLARE(static, oci_resources)

static const struct field oci_linux_fields[] = {
    LIST_OF(oci_linux, namespaces, "namespaces", oci_namespace),
    MAP(oci_linux, sysctl, "sysctl", STRING),
    LIST_OF(oci_linux, devices, "devices", oci_device),
    ONE(oci_linux, cgroups_path, "cgroupsPath", STRING),
    ONE(oci_linux, rootfs_propagation, "rootfsPropagation", STRING),
    ONE_OF(oci_linux, resources, "resources", oci_resources),
    LIST(oci_linux, masked_paths, "maskedPaths", STRING),
    LIST(oci_linux, readonly_paths, "readonlyPaths", STRING),
    ONE(oci_linux, seccomp, "seccomp", JSON),
};
DECLARE(static, oci_linux)

static const struct field oci_spec_fields[] = {
    ONE(oci_spec, oci_version, "ociVersion", STRING),  ONE_OF(oci_spec, process, "process", oci_process),
    ONE_OF(oci_spec, root, "root", oci_root),          ONE(oci_spec, hostname, "hostname", STRING),
    LIST_OF(oci_spec, mounts, "mounts", oci_mount),    ONE_OF(oci_spec, linux_, "linux", oci_linux),
    MAP(oci_spec, annotations, "annotations", STRING),
};
DECLARE(, oci_spec)

static const struct field conmon_report_fields[] = {
    ONE(conmon_report, data, "data", INT64),
    ONE(conmon_report, message, "message", STRING),
};
DECLARE(, conmon_report)
