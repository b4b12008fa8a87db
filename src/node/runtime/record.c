#include "node/runtime/record.h"

#include "base/file.h"
#include "node/oci/declare.h"
#include "schema/json.h"

static const struct field runtime_container_fields[] = {
    ONE(runtime_container, id, "id", STRING),
    ONE(runtime_container, pod_uid, "podUID", STRING),
    ONE(runtime_container, pod_namespace, "podNamespace", STRING),
    ONE(runtime_container, pod_name, "podName", STRING),
    ONE(runtime_container, name, "name", STRING),
    ONE(runtime_container, image, "image", STRING),
    ONE(runtime_container, image_id, "imageID", STRING),
    ONE(runtime_container, spec_hash, "specHash", STRING),
    ONE(runtime_container, log_path, "logPath", STRING),
    ONE(runtime_container, cgroup_path, "cgroupPath", STRING),
    ONE(runtime_container, stop_signal, "stopSignal", STRING),
    ONE(runtime_container, attempt, "attempt", INT64),
    ONE(runtime_container, pid, "pid", INT64),
    ONE(runtime_container, pid_start, "pidStart", INT64),
    ONE(runtime_container, conmon_pid, "conmonPID", INT64),
    ONE(runtime_container, conmon_start, "conmonStart", INT64),
    ONE(runtime_container, created_ns, "createdNs", INT64),
    ONE(runtime_container, started_ns, "startedNs", INT64),
    ONE(runtime_container, finished_ns, "finishedNs", INT64),
    ONE(runtime_container, exit_code, "exitCode", INT64),
    ONE(runtime_container, oom_killed, "oomKilled", BOOL),
    ONE(runtime_container, lost, "lost", BOOL),
    ONE(runtime_container, start_error, "startError", STRING),
};
DECLARE(static, runtime_container)

enum { RECORD_MAX = 64 << 10 };

int record_write(const struct runtime_container *c, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf b = {0};
    json_encode(&b, &runtime_container_type, c);
    return file_replace(arena_printf(&a, STR_FMT "/record.json", STR_ARG(c->dir)).p, buf_str(&b), 0600, err);
}

int record_read(const char *dir, struct runtime_container **out, struct err *err)
{
    _cleanup_buf_ struct buf b = {0};
    struct arena a = {0};
    if (file_read(arena_printf(&a, "%s/record.json", dir).p, RECORD_MAX, &b, err) < 0) {
        arena_free(&a);
        return -1;
    }
    struct runtime_container *c = arena_new(&a, struct runtime_container);
    if (json_decode(&a, &runtime_container_type, arena_str(&a, buf_str(&b)), 0, c, NULL, err) < 0) {
        arena_free(&a);
        return -1;
    }
    c->dir = arena_str(&a, str_from(dir));
    c->arena = mem_dup(&a, sizeof a);
    *out = c;
    return 0;
}
