/* ServiceAccount: a pod runs as someone, and finds a token, the cluster's CA and its namespace in a volume
 * (plugin/pkg/admission/serviceaccount). */
#include "api/admission.h"
#include "api/road.h"
#include "base/random.h"

#define MOUNT_PATH  STR("/var/run/secrets/kubernetes.io/serviceaccount")
#define VOLUME_NAME "kube-api-access-"
enum { TOKEN_LIFE_S = 3607 };

static struct volume_projection *projections(struct arena *a)
{
    struct volume_projection *p = arena_new_n(a, struct volume_projection, 3);
    struct service_account_token_projection *token = arena_new(a, struct service_account_token_projection);
    token->path = STR("token");
    token->expiration_seconds = arena_dup(a, &(int64_t){TOKEN_LIFE_S}, sizeof(int64_t));
    struct config_map_projection *ca = arena_new(a, struct config_map_projection);
    ca->name = STR("kube-root-ca.crt");
    ca->items.at = arena_new(a, struct key_to_path);
    ca->items.at[0] = (struct key_to_path){.key = STR("ca.crt"), .path = STR("ca.crt")};
    ca->items.n = 1;
    struct downward_api_projection *ns = arena_new(a, struct downward_api_projection);
    ns->items.at = arena_new(a, struct downward_api_volume_file);
    ns->items.n = 1;
    ns->items.at[0].path = STR("namespace");
    ns->items.at[0].field_ref = arena_new(a, struct object_field_selector);
    *ns->items.at[0].field_ref =
        (struct object_field_selector){.api_version = STR("v1"), .field_path = STR("metadata.namespace")};
    p[0].service_account_token = token;
    p[1].config_map = ca;
    p[2].downward_api = ns;
    return p;
}

static bool mounts_already(const struct container *c)
{
    each (c->volume_mounts, i)
        if (str_eq(c->volume_mounts.at[i].mount_path, MOUNT_PATH))
            return true;
    return false;
}

/* Mounts the volume where nothing is mounted yet; how many did. */
static size_t mount_into(struct container_vec *containers, struct str volume, struct arena *a)
{
    size_t n = 0;
    each (*containers, i) {
        struct container *c = &containers->at[i];
        if (mounts_already(c))
            continue;
        struct volume_mount *more = arena_new_n(a, struct volume_mount, c->volume_mounts.n + 1);
        if (c->volume_mounts.n)
            memcpy(more, c->volume_mounts.at, c->volume_mounts.n * sizeof *more);
        more[c->volume_mounts.n++] =
            (struct volume_mount){.name = volume, .read_only = true, .mount_path = MOUNT_PATH};
        c->volume_mounts.at = more;
        n++;
    }
    return n;
}

static void mount_token(struct pod *pod, struct arena *a)
{
    struct str name = STR("");
    each (pod->spec.volumes, i)
        if (str_starts(pod->spec.volumes.at[i].name, STR(VOLUME_NAME)))
            name = pod->spec.volumes.at[i].name;
    bool present = name.n;
    if (!present) {
        char suffix[6];
        random_name_suffix(suffix, 5);
        name = arena_printf(a, VOLUME_NAME "%s", suffix);
    }
    size_t n = mount_into(&pod->spec.init_containers, name, a) + mount_into(&pod->spec.containers, name, a);
    if (present || !n)
        return;
    struct volume *more = arena_new_n(a, struct volume, pod->spec.volumes.n + 1);
    if (pod->spec.volumes.n)
        memcpy(more, pod->spec.volumes.at, pod->spec.volumes.n * sizeof *more);
    struct projected_volume_source *p = arena_new(a, struct projected_volume_source);
    p->default_mode = arena_dup(a, &(int32_t){0644}, sizeof(int32_t));
    p->sources.at = projections(a);
    p->sources.n = 3;
    more[pod->spec.volumes.n].name = name;
    more[pod->spec.volumes.n++].projected = p;
    pod->spec.volumes.at = more;
}

static int refuse_mirror(struct api_attributes *at, const struct pod *pod, struct err *err)
{
    if (pod->spec.service_account_name.n)
        return admission_forbid(at, err, "a mirror pod may not reference service accounts");
    each (pod->spec.volumes, i)
        if (pod->spec.volumes.at[i].secret)
            return admission_forbid(at, err, "a mirror pod may not reference secrets");
    return 0;
}

static int service_account_mutate(struct api *api, struct api_attributes *at, struct err *err)
{
    if (!admission_creates(at, &pod_resource))
        return 0;
    struct pod *pod = at->object;
    struct arena *a = at->request->arena;
    if (str_map_get(&pod->metadata.annotations, STR("kubernetes.io/config.mirror")))
        return refuse_mirror(at, pod, err);
    if (!pod->spec.service_account_name.n)
        pod->spec.service_account_name = STR("default");
    pod->spec.service_account = pod->spec.service_account_name;
    _cleanup_object_ struct object *o =
        road_find(api, &service_account_resource, at->request->ns, pod->spec.service_account_name);
    if (!o)
        return admission_forbid(at, err,
                                "error looking up service account " STR_FMT "/" STR_FMT
                                ": serviceaccount \"" STR_FMT "\" not found",
                                STR_ARG(at->request->ns), STR_ARG(pod->spec.service_account_name),
                                STR_ARG(pod->spec.service_account_name));
    const struct service_account *sa = object_typed(o);
    const bool *automount = pod->spec.automount_service_account_token;
    if (!automount)
        automount = sa->automount_service_account_token;
    if (!automount || *automount)
        mount_token(pod, a);
    if (!pod->spec.image_pull_secrets.n && sa->image_pull_secrets.n) {
        struct local_object_reference *list =
            arena_new_n(a, struct local_object_reference, sa->image_pull_secrets.n);
        each (sa->image_pull_secrets, i)
            list[i].name = arena_str(a, sa->image_pull_secrets.at[i].name);
        pod->spec.image_pull_secrets.at = list;
        pod->spec.image_pull_secrets.n = sa->image_pull_secrets.n;
    }
    return 0;
}

const struct admission_plugin service_account_admission = {.name = "ServiceAccount",
                                                           .mutate = service_account_mutate};
