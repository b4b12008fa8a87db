/* The revisions of a template: ControllerRevisions, which daemon sets and stateful sets keep so that `kubectl
 * rollout` can show and undo them (pkg/controller/history). */
#pragma once
#include "controllers/controller.h"
#include "controllers/meta.h"
#include "kinds/apps_v1.h"

struct history {
    const struct controller_revision *current; /* of the present template */
    struct str hash;                           /* the end of its name */
    const struct controller_revision **all;    /* by revision */
    size_t n;
    struct objects held; /* what they point into */
};
void history_clear(struct history *h);
#define _cleanup_history_ _cleanup_(history_clear)

/* Finds the revision of the template, or makes it; one of an older number gets the newest. `label` is set to
 * the hash on new ones. */
int history_sync(struct work *w, struct object *owner, const struct selector *selector,
                 const struct pod_template_spec *template, struct str label, struct history *out);
/* Deletes the oldest beyond `limit` that neither is current nor has its name in `live`. */
int history_clean_up(struct work *w, const struct history *h, int32_t limit, const struct str_vec *live);
/* The template that a revision keeps, defaults and all; NULL when it cannot be read. */
const struct pod_template_spec *history_template(struct arena *a, const struct controller_revision *r);
