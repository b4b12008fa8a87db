#include "node/runtime/record.h"

#include "base/file.h"
#include "node/oci/declare.h"
#include "node/oci/json.h"

static const struct field container_fields[] = {
    ONE(container, id, "id", STRING),
    ONE(container, pod_uid, "podUID", STRING),
    ONE(container, pod_namespace, "podNamespace", STRING),
    ONE(container, pod_name, "podName", STRING),
    ONE(container, name, "name", STRING),
    ONE(container, image, "image", STRING),
    ONE(container, image_id, "imageID", STRING),
    ONE(container, spec_hash, "specHash", STRING),
    ONE(container, log_path, "logPath", STRING),
    ONE(container, cgroup_path, "cgroupPath", STRING),
    ONE(container, stop_signal, "stopSignal", STRING),
    ONE(container, attempt, "attempt", INT64),
    ONE(container, pid, "pid", INT64),
    ONE(container, pid_start, "pidStart", INT64),
    ONE(container, conmon_pid, "conmonPID", INT64),
    ONE(container, conmon_start, "conmonStart", INT64),
    ONE(container, created_ns, "createdNs", INT64),
    ONE(container, started_ns, "startedNs", INT64),
    ONE(container, finished_ns, "finishedNs", INT64),
    ONE(container, exit_code, "exitCode", INT64),
    ONE(container, oom_killed, "oomKilled", BOOL),
    ONE(container, lost, "lost", BOOL),
};
static DECLARE(container);

enum { RECORD_MAX = 64 << 10 };

int record_write(const struct container *c, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf b = {0};
    oci_json_write(&container_type, c, &b);
    return file_replace(arena_printf(&a, STR_FMT "/record.json", STR_ARG(c->dir)).p, buf_str(&b), 0600, err);
}

int record_read(const char *dir, struct container **out, struct err *err)
{
    _cleanup_buf_ struct buf b = {0};
    struct arena a = {0};
    if (file_read(arena_printf(&a, "%s/record.json", dir).p, RECORD_MAX, &b, err) < 0) {
        arena_free(&a);
        return -1;
    }
    struct container *c = arena_new(&a, struct container);
    if (oci_json_read(&container_type, arena_str(&a, buf_str(&b)), &a, c, err) < 0) {
        arena_free(&a);
        return -1;
    }
    c->dir = arena_str(&a, str_from(dir));
    c->arena = mem_dup(&a, sizeof a);
    *out = c;
    return 0;
}
