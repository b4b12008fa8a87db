/* Plugins that are off unless asked for: AlwaysPullImages, so that nobody uses an image that he may not pull
 * himself; DenyServiceExternalIPs, so that nobody draws traffic to addresses that are not his
 * (plugin/pkg/admission/alwayspullimages, network/denyserviceexternalips). */
#include "api/admission.h"
#include "api/kind/container.h"

static struct container *container_at(struct pod_spec *p, size_t i)
{
    size_t init = p->init_containers.n, all = init + p->containers.n;
    return i < init  ? &p->init_containers.at[i]
           : i < all ? &p->containers.at[i - init]
           : i < all + p->ephemeral_containers.n
               ? (struct container *)ephemeral_as_container(&p->ephemeral_containers.at[i - all])
               : NULL;
}

static bool has_image(const struct pod_spec *p, struct str image)
{
    const struct container *c;
    for (size_t i = 0; (c = container_at((struct pod_spec *)p, i)); i++)
        if (str_eq(c->image, image))
            return true;
    return false;
}

/* A pod that is new, or gets an image that it did not have. */
static bool brings_images(const struct api_attributes *at)
{
    if (at->resource != &pod_resource || (at->request->subresource.n) ||
        (at->operation != API_OP_CREATE && at->operation != API_OP_UPDATE))
        return false;
    const struct container *c;
    const struct pod *pod = at->object, *old = at->old;
    bool fresh = !old;
    for (size_t i = 0; !fresh && (c = container_at((struct pod_spec *)&pod->spec, i)); i++)
        fresh = !has_image(&old->spec, c->image);
    return fresh;
}

static int always_mutate(struct api *a, struct api_attributes *at, struct err *err)
{
    (void)a, (void)err;
    struct container *c;
    for (size_t i = 0; brings_images(at) && (c = container_at(&((struct pod *)at->object)->spec, i)); i++)
        c->image_pull_policy = PULL_POLICY_ALWAYS;
    return 0;
}

static int always_validate(struct api *a, struct api_attributes *at, struct err *err)
{
    (void)a;
    struct container *c;
    for (size_t i = 0; brings_images(at) && (c = container_at(&((struct pod *)at->object)->spec, i)); i++)
        if (!str_eq(c->image_pull_policy, PULL_POLICY_ALWAYS))
            return admission_forbid(at, err,
                                    "spec.containers.imagePullPolicy: Unsupported value: \"" STR_FMT
                                    "\": supported values: \"Always\"",
                                    STR_ARG(c->image_pull_policy));
    return 0;
}

const struct admission_plugin always_pull_images = {
    .name = "AlwaysPullImages", .mutate = always_mutate, .validate = always_validate};

static int external_ips_validate(struct api *a, struct api_attributes *at, struct err *err)
{
    (void)a;
    if (!admission_creates(at, &service_resource) && !admission_updates(at, &service_resource))
        return 0;
    const struct service *now = at->object, *old = at->old;
    for (size_t i = 0; i < now->spec.external_ips.n; i++)
        if (!old || !str_vec_has(&old->spec.external_ips, now->spec.external_ips.at[i]))
            return admission_forbid(at, err, "Use of external IPs is denied by admission control.");
    return 0;
}

const struct admission_plugin deny_external_ips = {.name = "DenyServiceExternalIPs",
                                                   .validate = external_ips_validate};
