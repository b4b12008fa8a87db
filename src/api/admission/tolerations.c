/* DefaultTolerationSeconds: five minutes on a node that has gone quiet
 * (plugin/pkg/admission/defaulttolerationseconds). */
#include "api/admission.h"
#include "api/valid.h"

enum { TOLERATE_S = 300 };

static const struct str taints[] = {STR_INIT("node.kubernetes.io/not-ready"),
                                    STR_INIT("node.kubernetes.io/unreachable")};

static bool tolerates(const struct pod *pod, struct str taint)
{
    each (pod->spec.tolerations, i) {
        const struct toleration *t = &pod->spec.tolerations.at[i];
        if ((!t->key.n || str_eq(t->key, taint)) && (!t->effect.n || str_is(t->effect, "NoExecute")))
            return true;
    }
    return false;
}

static int tolerations_mutate(struct api *api, struct api_attributes *at, struct err *err)
{
    (void)api;
    (void)err;
    if (!admission_creates(at, &pod_resource) && !admission_updates(at, &pod_resource))
        return 0;
    struct pod *pod = at->object;
    struct arena *a = at->request->arena;
    for (size_t i = 0; i < ARRAY_LEN(taints); i++) {
        if (tolerates(pod, taints[i]))
            continue;
        struct toleration *more = arena_new_n(a, struct toleration, pod->spec.tolerations.n + 1);
        if (pod->spec.tolerations.n)
            memcpy(more, pod->spec.tolerations.at, pod->spec.tolerations.n * sizeof *more);
        more[pod->spec.tolerations.n++] =
            (struct toleration){.key = taints[i],
                                .operator= STR("Exists"),
                                .effect = STR("NoExecute"),
                                .toleration_seconds = arena_dup(a, &(int64_t){TOLERATE_S}, sizeof(int64_t))};
        pod->spec.tolerations.at = more;
    }
    return 0;
}

const struct admission_plugin default_tolerations = {.name = "DefaultTolerationSeconds",
                                                     .mutate = tolerations_mutate};
