/* The ServiceCIDR "kubernetes", which has the ranges that the server was started with: it is there again when
 * someone deletes it, and an event says when it differs from the flags (upstream's API server does this). */
#include "controllers/meta.h"
#include "controllers/table.h"
#include "kinds/networking_v1.h"
#include "schema/copy.h"

#define DEFAULT STR("kubernetes")

/* "[10.96.0.0/12 fd00::/112]", as Go writes a list. */
static struct str cidrs_text(struct arena *a, const struct str_vec *cidrs)
{
    struct str text = STR("[");
    for (size_t i = 0; i < cidrs->n; i++)
        text = arena_printf(a, STR_FMT "%s" STR_FMT, STR_ARG(text), i ? " " : "", STR_ARG(cidrs->at[i]));
    return arena_concat(a, text, STR("]"));
}

static int make_default(struct work *w)
{
    struct service_cidr c = {.metadata = {.name = DEFAULT}, .spec = {.cidrs = w->options->service_cidrs}};
    return work_forgive(w,
                        client_create(w->client, &service_cidr_resource, (struct str){0}, &c, NULL, w->err),
                        ERR_ALREADY_EXISTS);
}

static int default_service_cidr_reconcile(struct work *w)
{
    _cleanup_object_ struct object *o = informer_get(informer_of(w, service_cidr), (struct str){0}, w->name);
    const struct service_cidr_spec said = {.cidrs = w->options->service_cidrs};
    if (!said.cidrs.n)
        return 0;
    if (!o)
        return make_default(w);
    const struct service_cidr_spec *now = &((const struct service_cidr *)object_typed(o))->spec;
    if (!object_meta(o)->deletion_timestamp && !struct_eq(&service_cidr_spec_type, now, &said))
        recorder_event(w->recorder, o, "Warning", "KubernetesDefaultServiceCIDRInconsistent", (struct str){0},
                       "The default ServiceCIDR " STR_FMT
                       " does not match the controller flag configurations " STR_FMT,
                       STR_ARG(cidrs_text(w->a, &now->cidrs)), STR_ARG(cidrs_text(w->a, &said.cidrs)));
    return 0;
}

static void on_cidr(struct controller *k, struct object *before, struct object *after)
{
    struct object *o = after ? after : before;
    if (str_eq(object_name(o), DEFAULT) && (!before || !after)) /* the ranges of one that is there stay */
        controller_on_self(k, before, after);
}

const struct controller_def default_service_cidr_controller = {
    .name = "default-service-cidr",
    .component = "kubernetes-service-cidr-controller",
    .reconcile = default_service_cidr_reconcile,
    .watches = {{&service_cidr_resource, on_cidr}},
};
