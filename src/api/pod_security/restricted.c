/* What is restricted beyond the baseline: pods are hardened as best practice has it. */
#include "api/pod_security/checks.h"

static void escalation(struct pod_check *c)
{
    struct pod_names bad = {0};
    for (size_t i = 0; i < c->n; i++) {
        const struct security_context *s = c->containers[i]->security_context;
        if (!s || !s->allow_privilege_escalation || *s->allow_privilege_escalation)
            pod_names_add(c, &bad, c->containers[i]->name);
    }
    if (!bad.n)
        return;
    buf_add_lit(&c->reason, "allowPrivilegeEscalation != false");
    pod_names_say_containers(&c->detail, &bad);
    buf_add_lit(&c->detail, " must set securityContext.allowPrivilegeEscalation=false");
}

static bool drops_all(const struct capabilities *k)
{
    return k && str_vec_has(&k->drop, STR("ALL"));
}

static void capabilities(struct pod_check *c)
{
    struct pod_names keeping = {0}, adding = {0}, added = {0};
    for (size_t i = 0; i < c->n; i++) {
        const struct security_context *s = c->containers[i]->security_context;
        const struct capabilities *k = s ? s->capabilities : NULL;
        bool adds = false;
        if (!drops_all(k))
            pod_names_add(c, &keeping, c->containers[i]->name);
        for (size_t n = 0; k && n < k->add.n; n++)
            if (!str_is(k->add.at[n], "NET_BIND_SERVICE")) {
                pod_names_add_once(c, &added, k->add.at[n]);
                adds = true;
            }
        if (adds)
            pod_names_add(c, &adding, c->containers[i]->name);
    }
    if (keeping.n) {
        pod_names_say_containers(&c->detail, &keeping);
        buf_add_lit(&c->detail, " must set securityContext.capabilities.drop=[\"ALL\"]");
    }
    if (adding.n) {
        if (c->detail.n)
            buf_add_lit(&c->detail, "; ");
        pod_names_say_containers(&c->detail, &adding);
        buf_add_lit(&c->detail, " must not include ");
        pod_names_say(&c->detail, &added);
        buf_add_lit(&c->detail, " in securityContext.capabilities.add");
    }
    if (c->detail.n)
        buf_add_lit(&c->reason, "unrestricted capabilities");
}

/* --- who it runs as --- */

static void non_root(struct pod_check *c)
{
    const struct pod_security_context *p = c->spec->security_context;
    bool pod_bad = p && p->run_as_non_root && !*p->run_as_non_root;
    bool pod_good = p && is_true(p->run_as_non_root);
    struct pod_names bad = {0}, silent = {0};
    for (size_t i = 0; i < c->n; i++) {
        const struct security_context *s = c->containers[i]->security_context;
        if (s && s->run_as_non_root) {
            if (!*s->run_as_non_root)
                pod_names_add(c, &bad, c->containers[i]->name);
        } else if (!pod_good)
            pod_names_add(c, &silent, c->containers[i]->name);
    }
    if (pod_bad || bad.n) {
        pod_names_say_setters(&c->detail, pod_bad, &bad);
        buf_add_lit(&c->detail, " must not set securityContext.runAsNonRoot=false");
    } else if (silent.n) {
        buf_add_lit(&c->detail, "pod or ");
        pod_names_say_containers(&c->detail, &silent);
        buf_add_lit(&c->detail, " must set securityContext.runAsNonRoot=true");
    }
    if (c->detail.n)
        buf_add_lit(&c->reason, "runAsNonRoot != true");
}

static void user(struct pod_check *c)
{
    const struct pod_security_context *p = c->spec->security_context;
    bool pod = p && p->run_as_user && *p->run_as_user == 0;
    struct pod_names bad = {0};
    for (size_t i = 0; i < c->n; i++) {
        const struct security_context *s = c->containers[i]->security_context;
        if (s && s->run_as_user && *s->run_as_user == 0)
            pod_names_add(c, &bad, c->containers[i]->name);
    }
    if (!pod && !bad.n)
        return;
    buf_add_lit(&c->reason, "runAsUser=0");
    pod_names_say_setters(&c->detail, pod, &bad);
    buf_add_lit(&c->detail, " must not set runAsUser=0");
}

static void seccomp(struct pod_check *c)
{
    const struct pod_security_context *p = c->spec->security_context;
    struct pod_names silent = {0};
    if (pod_check_seccomp(c))
        return;
    if (p && p->seccomp_profile)
        return;
    for (size_t i = 0; i < c->n; i++) {
        const struct security_context *s = c->containers[i]->security_context;
        if (!s || !s->seccomp_profile)
            pod_names_add(c, &silent, c->containers[i]->name);
    }
    if (!silent.n)
        return;
    buf_add_lit(&c->reason, "seccompProfile");
    buf_add_lit(&c->detail, "pod or ");
    pod_names_say_containers(&c->detail, &silent);
    buf_add_lit(&c->detail,
                " must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"");
}

/* --- volumes --- */

/* The kind of a volume's source, as its field is called; NULL: one that anyone may use. */
static const char *volume_kind(const struct volume *v)
{
    if (v->config_map || v->csi || v->downward_api || v->empty_dir || v->ephemeral ||
        v->persistent_volume_claim || v->projected || v->secret)
        return NULL;
    const struct {
        const void *source;
        const char *name;
    } kinds[] = {
        {v->host_path, "hostPath"},
        {v->gce_persistent_disk, "gcePersistentDisk"},
        {v->aws_elastic_block_store, "awsElasticBlockStore"},
        {v->git_repo, "gitRepo"},
        {v->nfs, "nfs"},
        {v->iscsi, "iscsi"},
        {v->glusterfs, "glusterfs"},
        {v->rbd, "rbd"},
        {v->flex_volume, "flexVolume"},
        {v->cinder, "cinder"},
        {v->cephfs, "cephfs"},
        {v->flocker, "flocker"},
        {v->fc, "fc"},
        {v->azure_file, "azureFile"},
        {v->vsphere_volume, "vsphereVolume"},
        {v->quobyte, "quobyte"},
        {v->azure_disk, "azureDisk"},
        {v->photon_persistent_disk, "photonPersistentDisk"},
        {v->portworx_volume, "portworxVolume"},
        {v->scale_io, "scaleIO"},
        {v->storageos, "storageos"},
        {v->image, "image"},
    };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (kinds[i].source)
            return kinds[i].name;
    return "unknown";
}

static void volumes(struct pod_check *c)
{
    struct pod_names bad = {0}, kinds = {0};
    each (c->spec->volumes, i) {
        const char *kind = volume_kind(&c->spec->volumes.at[i]);
        if (!kind)
            continue;
        pod_names_add(c, &bad, c->spec->volumes.at[i].name);
        pod_names_add_once(c, &kinds, str_from(kind));
    }
    if (!bad.n)
        return;
    buf_add_lit(&c->reason, "restricted volume types");
    buf_addf(&c->detail, "volume%s ", bad.n == 1 ? "" : "s");
    pod_names_say(&c->detail, &bad);
    buf_addf(&c->detail, " %s restricted volume type%s ", bad.n == 1 ? "uses" : "use",
             kinds.n == 1 ? "" : "s");
    pod_names_say(&c->detail, &kinds);
}

/* --- later versions ask less of pods that it makes no sense for --- */

#define UNLESS(name_, exempt_, run_)                                                                         \
    static void name_(struct pod_check *c)                                                                   \
    {                                                                                                        \
        if (!exempt_(c))                                                                                     \
            run_(c);                                                                                         \
    }
UNLESS(escalation_1_25, pod_is_windows, escalation)
UNLESS(capabilities_1_25, pod_is_windows, capabilities)
UNLESS(seccomp_1_25, pod_is_windows, seccomp)
UNLESS(non_root_1_35, pod_in_user_namespace, non_root)
UNLESS(user_1_35, pod_in_user_namespace, user)

const struct pod_security_check pod_security_restricted[] = {
    {"allowPrivilegeEscalation", 8, escalation, NULL},
    {"allowPrivilegeEscalation", 25, escalation_1_25, NULL},
    {"capabilities_restricted", 22, capabilities, "capabilities_baseline"},
    {"capabilities_restricted", 25, capabilities_1_25, "capabilities_baseline"},
    {"procMount_restricted", 35, pod_check_proc_mount, "procMount_baseline"},
    {"restrictedVolumes", 0, volumes, "hostPathVolumes"},
    {"runAsNonRoot", 0, non_root, NULL},
    {"runAsNonRoot", 35, non_root_1_35, NULL},
    {"runAsUser", 23, user, NULL},
    {"runAsUser", 35, user_1_35, NULL},
    {"seccompProfile_restricted", 19, seccomp, "seccompProfile_baseline"},
    {"seccompProfile_restricted", 25, seccomp_1_25, "seccompProfile_baseline"},
};
const size_t n_pod_security_restricted = ARRAY_LEN(pod_security_restricted);
