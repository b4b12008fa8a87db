/* StorageObjectInUseProtection: claims and volumes are born with the finalizer that keeps them while they are
 * in use. */
#include "api/admission.h"
#include "api/road.h"
#include "kinds/core_v1.h"

static void add_finalizer(struct object_meta *m, struct str name, struct arena *a)
{
    for (size_t i = 0; i < m->finalizers.n; i++)
        if (str_eq(m->finalizers.at[i], name))
            return;
    struct str *all = arena_new_n(a, struct str, m->finalizers.n + 1);
    if (m->finalizers.n)
        memcpy(all, m->finalizers.at, m->finalizers.n * sizeof *all);
    all[m->finalizers.n++] = name;
    m->finalizers.at = all;
}

static int protection_mutate(struct api *a, struct api_attributes *at, struct err *err)
{
    (void)a, (void)err;
    if (admission_creates(at, &persistent_volume_claim_resource))
        add_finalizer(&((struct persistent_volume_claim *)at->object)->metadata,
                      STR("kubernetes.io/pvc-protection"), at->request->arena);
    else if (admission_creates(at, &persistent_volume_resource))
        add_finalizer(&((struct persistent_volume *)at->object)->metadata, STR("kubernetes.io/pv-protection"),
                      at->request->arena);
    return 0;
}

const struct admission_plugin storage_protection = {.name = "StorageObjectInUseProtection",
                                                    .mutate = protection_mutate};
