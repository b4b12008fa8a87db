#include "node/pod/container_config.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "node/pod/env.h"
#include "node/pod/files.h"
#include "node/pod/resize.h"
#include "node/pod/resources.h"
#include "node/runtime/user.h"
#include "node/volume/volume.h"
#include "schema/json.h"

enum { SECCOMP_PROFILE_MAX = 1 << 20 };

struct field_context pod_field_context(const struct pod_state *p, struct arena *a)
{
    struct field_context x = {
        .pod_ips = p->ips, .host_ips = p->node->options.addresses, .node_name = p->node->name};
    _cleanup_object_ struct object *node = informer_get(p->node->node_informer, STR(""), p->node->name);
    if (node)
        x.allocatable = ((const struct node *)object_copy(node, a))->status.allocatable;
    return x;
}

/* --- who it runs as --- */

static const struct security_context no_security = {0};
static const struct pod_security_context no_pod_security = {0};

static int config_user(const struct pod *pod, const struct container *c, const struct image *image,
                       const char *rootfs, struct arena *a, struct container_config *out, struct err *err)
{
    const struct security_context *s = c->security_context ? c->security_context : &no_security;
    const struct pod_security_context *ps =
        pod->spec.security_context ? pod->spec.security_context : &no_pod_security;
    const int64_t *uid = s->run_as_user ? s->run_as_user : ps->run_as_user;
    const int64_t *gid = s->run_as_group ? s->run_as_group : ps->run_as_group;
    const bool *non_root = s->run_as_non_root ? s->run_as_non_root : ps->run_as_non_root;
    struct str spec = uid ? arena_printf(a, "%lld", (long long)*uid) : image->config.config.user;
    struct image_user user;
    if (user_find(rootfs, spec, a, &user, err) < 0)
        return -1;
    if (non_root && *non_root) { /* upstream asks before the image's names are known */
        if (uid && *uid == 0)
            return err_set(err, ERR_INVALID,
                           "container's runAsUser breaks non-root policy (pod: \"" STR_FMT "_" STR_FMT
                           "(" STR_FMT ")\", container: " STR_FMT ")",
                           STR_ARG(pod->metadata.name), STR_ARG(pod->metadata.namespace),
                           STR_ARG(pod->metadata.uid), STR_ARG(c->name));
        if (!uid && user.named)
            return err_set(err, ERR_INVALID,
                           "container has runAsNonRoot and image has non-numeric user (" STR_FMT
                           "), cannot verify user is non-root (pod: \"" STR_FMT "_" STR_FMT "(" STR_FMT
                           ")\", container: " STR_FMT ")",
                           STR_ARG(spec), STR_ARG(pod->metadata.name), STR_ARG(pod->metadata.namespace),
                           STR_ARG(pod->metadata.uid), STR_ARG(c->name));
        if (!uid && user.uid == 0)
            return err_set(err, ERR_INVALID,
                           "container has runAsNonRoot and image will run as root (pod: \"" STR_FMT
                           "_" STR_FMT "(" STR_FMT ")\", container: " STR_FMT ")",
                           STR_ARG(pod->metadata.name), STR_ARG(pod->metadata.namespace),
                           STR_ARG(pod->metadata.uid), STR_ARG(c->name));
    }
    out->uid = user.uid;
    out->gid = gid ? *gid : user.gid;
    bool strict = ps->supplemental_groups_policy && str_is(*ps->supplemental_groups_policy, "Strict");
    size_t n = (strict ? 0 : user.groups.n) + ps->supplemental_groups.n + 1;
    out->groups = (struct int64_vec){arena_new_n(a, int64_t, n), 0};
    for (size_t i = 0; i < user.groups.n && !strict; i++)
        out->groups.at[out->groups.n++] = user.groups.at[i];
    for (size_t i = 0; i < ps->supplemental_groups.n; i++)
        out->groups.at[out->groups.n++] = ps->supplemental_groups.at[i];
    if (ps->fs_group)
        out->groups.at[out->groups.n++] = *ps->fs_group;
    return 0;
}

static void config_security(const struct container *c, struct container_config *out)
{
    const struct security_context *s = c->security_context ? c->security_context : &no_security;
    out->privileged = s->privileged && *s->privileged;
    out->readonly_root = s->read_only_root_filesystem && *s->read_only_root_filesystem;
    out->no_new_privileges =
        s->allow_privilege_escalation && !*s->allow_privilege_escalation && !out->privileged;
    out->unmasked_proc = s->proc_mount && str_is(*s->proc_mount, "Unmasked");
    if (s->capabilities) {
        out->add_capabilities = s->capabilities->add;
        out->drop_capabilities = s->capabilities->drop;
    }
}

int container_config_seccomp(struct pod_state *p, const struct pod *pod, const struct container *c,
                             struct arena *a, struct container_config *out, struct err *err)
{
    const struct seccomp_profile *own = c->security_context ? c->security_context->seccomp_profile : NULL;
    const struct seccomp_profile *of_pod =
        pod->spec.security_context ? pod->spec.security_context->seccomp_profile : NULL;
    const struct seccomp_profile *profile = own ? own : of_pod;
    if (!profile || out->privileged)
        return 0;
    out->seccomp_default = str_is(profile->type, "RuntimeDefault");
    if (!str_is(profile->type, "Localhost") || !profile->localhost_profile)
        return 0;
    _cleanup_buf_ struct buf text = {0};
    const char *path = arena_printf(a, "%s/seccomp/" STR_FMT, p->node->options.data_dir,
                                    STR_ARG(*profile->localhost_profile))
                           .p;
    if (file_read(path, SECCOMP_PROFILE_MAX, &text, err) < 0)
        return err_wrap(err, "cannot load seccomp profile \"%s\"", path);
    out->seccomp = arena_str(a, buf_str(&text));
    return json_check(out->seccomp, err) < 0 ? err_wrap(err, "cannot load seccomp profile \"%s\"", path) : 0;
}

/* The container whose processes an ephemeral one is to see; NULL: none. */
static const struct str *target_of(const struct pod *pod, const struct container *c)
{
    for (size_t i = 0; i < pod->spec.ephemeral_containers.n; i++)
        if (c == pod_ephemeral(pod, i) && pod->spec.ephemeral_containers.at[i].target_container_name.n)
            return &pod->spec.ephemeral_containers.at[i].target_container_name;
    return NULL;
}

static int config_namespaces(struct pod_state *p, const struct pod *pod, const struct container *c,
                             struct arena *a, struct container_config *out, struct err *err)
{
    const struct pod_spec *s = &pod->spec;
    out->network = s->host_network ? STR("host") : arena_printf(a, "%s/net", p->sandbox);
    out->uts = s->host_network ? STR("host") : arena_printf(a, "%s/uts", p->sandbox);
    out->ipc = s->host_ipc ? STR("host") : arena_printf(a, "%s/ipc", p->sandbox);
    if (s->host_pid)
        out->pid = STR("host");
    else if (s->share_process_namespace && *s->share_process_namespace)
        out->pid = arena_printf(a, "%s/pid", p->sandbox);
    out->shm_path = s->host_ipc ? STR("/dev/shm") : str_from(p->shm);
    const struct str *target = out->pid.n ? NULL : target_of(pod, c);
    if (!target)
        return 0;
    const struct runtime_container *of = pod_control(p, *target)->current;
    if (!of || of->state != CONTAINER_RUNNING)
        return err_set(err, ERR_INVALID, "unable to find target container \"" STR_FMT "\"", STR_ARG(*target));
    out->pid = arena_printf(a, "/proc/%lld/ns/pid", (long long)of->pid);
    return 0;
}

/* --- mounts --- */

static struct str_vec mount_options(struct arena *a, bool read_only, struct str propagation)
{
    struct str_vec v = {arena_new_n(a, struct str, 3), 0};
    v.at[v.n++] = STR("rbind");
    v.at[v.n++] = str_is(propagation, "Bidirectional")     ? STR("rshared")
                  : str_is(propagation, "HostToContainer") ? STR("rslave")
                                                           : STR("rprivate");
    v.at[v.n++] = read_only ? STR("ro") : STR("rw");
    return v;
}

static bool mounts_have(const struct oci_mount_vec *m, struct str destination)
{
    for (size_t i = 0; i < m->n; i++)
        if (str_eq(m->at[i].destination, destination))
            return true;
    return false;
}

static size_t path_depth(struct str path)
{
    size_t depth = 0;
    for (size_t i = 0; i + 1 < path.n; i++)
        depth += path.p[i] == '/' && path.p[i + 1] != '/';
    return depth;
}

/* What lies deeper is mounted later, on top of what it lies in. */
static void sort_mounts(struct oci_mount_vec *m)
{
    for (size_t i = 1; i < m->n; i++) {
        struct oci_mount one = m->at[i];
        size_t k = i;
        for (; k > 0 && path_depth(m->at[k - 1].destination) > path_depth(one.destination); k--)
            m->at[k] = m->at[k - 1];
        m->at[k] = one;
    }
}

static int config_mounts(struct pod_state *p, const struct pod *pod, const struct container *c,
                         const struct str_vec *vars, struct arena *a, struct container_config *out,
                         struct err *err)
{
    static const struct {
        const char *file, *destination;
    } own[] = {{"hosts", "/etc/hosts"}, {"hostname", "/etc/hostname"}, {"resolv.conf", "/etc/resolv.conf"}};
    struct oci_mount_vec m = {arena_new_n(a, struct oci_mount, c->volume_mounts.n + ARRAY_LEN(own) + 1), 0};
    for (size_t i = 0; i < c->volume_mounts.n; i++) {
        const struct volume_mount *v = &c->volume_mounts.at[i];
        struct oci_mount *to = &m.at[m.n++];
        *to = (struct oci_mount){
            .destination =
                v->mount_path.p[0] == '/' ? v->mount_path : arena_concat(a, STR("/"), v->mount_path),
            .type = STR("bind"),
            .options =
                mount_options(a, v->read_only, v->mount_propagation ? *v->mount_propagation : STR("None"))};
        if (volume_mount_source(p, pod, c, i, out->id, vars, a, &to->source, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        if (!mounts_have(&m, str_from(own[i].destination)))
            m.at[m.n++] = (struct oci_mount){str_from(own[i].destination), STR("bind"),
                                             arena_printf(a, "%s/%s", p->dir, own[i].file),
                                             mount_options(a, out->readonly_root, STR("None"))};
    if (c->termination_message_path.n) {
        const char *path = arena_printf(a, "%s/termination-" STR_FMT, p->dir, STR_ARG(out->id)).p;
        if (file_replace(path, STR(""), 0666, err) < 0)
            return -1;
        m.at[m.n++] = (struct oci_mount){c->termination_message_path, STR("bind"), str_from(path),
                                         mount_options(a, false, STR("None"))};
    }
    sort_mounts(&m);
    out->mounts = m;
    return 0;
}

static void config_command(const struct container *c, const struct image *image, const struct str_vec *vars,
                           struct arena *a, struct container_config *out)
{
    const struct oci_image_config *i = &image->config.config;
    const struct str_vec *command = c->command.n ? &c->command : &i->entrypoint;
    /* The image's arguments belong to the image's command. */
    const struct str_vec *args = c->args.n ? &c->args : c->command.n ? &c->args : &i->cmd;
    out->args = (struct str_vec){arena_new_n(a, struct str, command->n + args->n), 0};
    for (size_t k = 0; k < command->n; k++)
        out->args.at[out->args.n++] =
            c->command.n ? expand_variables(command->at[k], vars, a) : command->at[k];
    for (size_t k = 0; k < args->n; k++)
        out->args.at[out->args.n++] = c->args.n ? expand_variables(args->at[k], vars, a) : args->at[k];
    out->cwd = c->working_dir.n ? c->working_dir : i->working_dir;
}

int container_config_make(struct pod_state *p, const struct pod *pod, const struct container *c,
                          const struct image *image, int64_t attempt, const char *rootfs, struct arena *a,
                          struct container_config *out, struct err *err)
{
    struct field_context x = pod_field_context(p, a);
    struct pod_names names;
    struct str_vec vars;
    out->pod_uid = p->uid;
    out->pod_namespace = p->ns;
    out->pod_name = p->name;
    out->name = c->name;
    out->attempt = attempt;
    out->image = c->image;
    out->image_id = image->id;
    out->layers = image->layers;
    out->tty = c->tty;
    out->stdin_open = c->stdin;
    out->stdin_once = c->stdin_once;
    out->stop_signal = c->lifecycle && c->lifecycle->stop_signal ? *c->lifecycle->stop_signal
                                                                 : image->config.config.stop_signal;
    struct container sized = *c;
    sized.resources = *container_resources(p, pod_control(p, c->name), c);
    out->limits = container_limits(&sized);
    out->oom_score_adj = container_oom_score_adj(pod, &sized, node_memory_bytes());
    out->cgroup_path = arena_printf(a, "%s/" STR_FMT, p->cgroup, STR_ARG(out->id));
    const char *logs = arena_printf(a, "%s/" STR_FMT, p->log_dir, STR_ARG(c->name)).p;
    out->log_path = arena_printf(a, "%s/%lld.log", logs, (long long)attempt);
    config_security(c, out);
    if (config_namespaces(p, pod, c, a, out, err) < 0 || file_mkdirs(logs, 0755, err) < 0 ||
        config_user(pod, c, image, rootfs, a, out, err) < 0 || pod_names_make(p, pod, a, &names, err) < 0 ||
        container_env(p, pod, c, &x, a, &vars, err) < 0 || config_mounts(p, pod, c, &vars, a, out, err) < 0)
        return -1;
    out->env = env_with_image(&vars, &image->config.config.env, names.kernel, c->tty, a);
    config_command(c, image, &vars, a, out);
    return out->args.n ? 0 : err_set(err, ERR_INVALID, "no command specified");
}
