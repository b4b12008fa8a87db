/* TaintNodesByCondition: nothing is scheduled to a new node until it has said that it is ready. */
#include "api/admission.h"
#include "api/valid.h"

#define NOT_READY STR("node.kubernetes.io/not-ready")

static int nodes_mutate(struct api *api, struct api_attributes *at, struct err *err)
{
    (void)api;
    (void)err;
    if (!admission_creates(at, &node_resource))
        return 0;
    struct node *node = at->object;
    struct taint_vec *taints = &node->spec.taints;
    each (*taints, i)
        if (str_eq(taints->at[i].key, NOT_READY) && str_is(taints->at[i].effect, "NoSchedule"))
            return 0;
    struct taint *more = arena_new_n(at->request->arena, struct taint, taints->n + 1);
    if (taints->n)
        memcpy(more, taints->at, taints->n * sizeof *more);
    more[taints->n++] = (struct taint){.key = NOT_READY, .effect = STR("NoSchedule")};
    taints->at = more;
    return 0;
}

const struct admission_plugin taint_nodes = {.name = "TaintNodesByCondition", .mutate = nodes_mutate};
