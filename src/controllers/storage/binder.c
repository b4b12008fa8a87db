/* Claims find their volumes: a claim is bound to a free volume that suits it, or one is made for it
 * (pkg/controller/volume/persistentvolume). One worker, so that no two claims are given the same volume. */
#include "controllers/storage/storage.h"
#include "controllers/table.h"
#include "schema/copy.h"
#include "schema/quantity.h"

static void tell(struct work *w, struct object *claim, const char *type, const char *reason, const char *text)
{
    recorder_event(w->recorder, claim, type, reason, (struct str){0}, "%s", text);
}

/* --- writing down what belongs together --- */

static int write_claim_status(struct work *w, struct object *o, const char *phase,
                              const struct persistent_volume *v)
{
    struct persistent_volume_claim *c = object_copy(o, w->a);
    c->status.phase = str_from(phase);
    c->status.access_modes = v ? v->spec.access_modes : (struct str_vec){0};
    if (!v)
        c->status.capacity = (struct str_map){0};
    else if (!str_is(claim_of(o)->status.phase, "Bound")) /* later it is for who resizes to say */
        c->status.capacity = v->spec.capacity;
    if (struct_eq(&persistent_volume_claim_status_type, &c->status, &claim_of(o)->status))
        return 0;
    return client_update(w->client, &persistent_volume_claim_resource, STR("status"), c, NULL, w->err);
}

static int write_volume_phase(struct work *w, struct object *o, const char *phase)
{
    struct persistent_volume *v = object_copy(o, w->a);
    if (str_is(v->status.phase, phase))
        return 0;
    struct time now = time_now();
    v->status.phase = str_from(phase);
    v->status.last_phase_transition_time = arena_dup(w->a, &now, sizeof now);
    v->status.message = v->status.reason = (struct str){0};
    return client_update(w->client, &persistent_volume_resource, STR("status"), v, NULL, w->err);
}

/* The volume names its claim. */
static int bind_volume(struct work *w, struct object *volume, struct object *claim, struct object **out)
{
    const struct object_reference *ref = volume_of(volume)->spec.claim_ref;
    if (ref && str_eq(ref->uid, object_meta(claim)->uid)) {
        *out = object_ref(volume);
        return 0;
    }
    struct persistent_volume *v = object_copy(volume, w->a);
    struct object_reference to = {.kind = persistent_volume_claim_resource.kind,
                                  .api_version = STR("v1"),
                                  .namespace = object_namespace(claim),
                                  .name = object_name(claim),
                                  .uid = object_meta(claim)->uid,
                                  .resource_version = object_meta(claim)->resource_version};
    if (!ref)
        labels_set(w->a, &v->metadata.annotations, VOLUME_BOUND_BY_CONTROLLER, STR("yes"));
    v->spec.claim_ref = &to;
    return client_update(w->client, &persistent_volume_resource, (struct str){0}, v, out, w->err);
}

/* The claim names its volume. */
static int bind_claim(struct work *w, struct object *claim, const struct persistent_volume *v,
                      struct object **out)
{
    struct persistent_volume_claim *c = object_copy(claim, w->a);
    bool changed = labels_set(w->a, &c->metadata.annotations, VOLUME_BIND_COMPLETED, STR("yes"));
    if (!str_eq(c->spec.volume_name, v->metadata.name)) {
        labels_set(w->a, &c->metadata.annotations, VOLUME_BOUND_BY_CONTROLLER, STR("yes"));
        c->spec.volume_name = v->metadata.name;
        changed = true;
    }
    if (!changed) {
        *out = object_ref(claim);
        return 0;
    }
    return client_update(w->client, &persistent_volume_claim_resource, (struct str){0}, c, out, w->err);
}

static int bind(struct work *w, struct object *volume, struct object *claim)
{
    _cleanup_object_ struct object *bound_volume = NULL, *bound_claim = NULL;
    if (bind_volume(w, volume, claim, &bound_volume) < 0 ||
        write_volume_phase(w, bound_volume, "Bound") < 0 ||
        bind_claim(w, claim, volume_of(bound_volume), &bound_claim) < 0)
        return -1;
    return write_claim_status(w, bound_claim, "Bound", volume_of(bound_volume));
}

/* --- growing: directories have no size of their own --- */

static bool wants_more(struct object *volume, struct object *claim)
{
    const struct persistent_volume *v = volume_of(volume);
    return str_eq(labels_get(&v->metadata.annotations, VOLUME_PROVISIONED_BY), LOCAL_PROVISIONER) &&
           str_is(claim_of(claim)->status.phase, "Bound") &&
           quantity_cmp_str(labels_get(&claim_of(claim)->spec.resources.requests, STR("storage")),
                            labels_get(&claim_of(claim)->status.capacity, STR("storage"))) > 0;
}

static int grow(struct work *w, struct object *volume, struct object *claim)
{
    struct str size = labels_get(&claim_of(claim)->spec.resources.requests, STR("storage"));
    struct persistent_volume *v = object_copy(volume, w->a);
    struct persistent_volume_claim *c = object_copy(claim, w->a);
    if (labels_set(w->a, &v->spec.capacity, STR("storage"), size) &&
        client_update(w->client, &persistent_volume_resource, (struct str){0}, v, NULL, w->err) < 0)
        return -1;
    labels_set(w->a, &c->status.capacity, STR("storage"), size);
    if (client_update(w->client, &persistent_volume_claim_resource, STR("status"), c, NULL, w->err) < 0)
        return -1;
    tell(w, claim, "Normal", "VolumeResizeSuccessful", "Resize volume succeeded");
    return 0;
}

/* --- a claim that has been bound --- */

static int lose(struct work *w, struct object *claim, const char *reason, const char *message)
{
    if (!str_is(claim_of(claim)->status.phase, "Lost"))
        tell(w, claim, "Warning", reason, message);
    return write_claim_status(w, claim, "Lost", NULL);
}

static int keep_bound(struct work *w, struct object *claim)
{
    const struct persistent_volume_claim *c = claim_of(claim);
    if (!c->spec.volume_name.n)
        return lose(w, claim, "ClaimLost",
                    "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!");
    _cleanup_object_ struct object *volume =
        informer_get(informer_of(w, persistent_volume), (struct str){0}, c->spec.volume_name);
    if (!volume)
        return lose(w, claim, "ClaimLost",
                    "Bound claim has lost its PersistentVolume. Data on the volume is lost!");
    const struct object_reference *ref = volume_of(volume)->spec.claim_ref;
    if (ref && !str_eq(ref->uid, c->metadata.uid))
        return lose(w, claim, "ClaimMisbound",
                    "Two claims are bound to the same volume, this one is bound incorrectly");
    return wants_more(volume, claim) ? grow(w, volume, claim) : bind(w, volume, claim);
}

/* --- a claim that waits --- */

static struct object *class_of(struct work *w, const struct persistent_volume_claim *c)
{
    struct str name = claim_class(c);
    return name.n ? informer_get(informer_of(w, storage_class), (struct str){0}, name) : NULL;
}

/* The volume to take: the one that is set aside for the claim, or else, unless it has to wait, the smallest
 * that suits. A reference, or NULL. */
static struct object *find_volume(struct work *w, const struct persistent_volume_claim *c, bool waits)
{
    _cleanup_objects_ struct objects all = {0};
    struct object *best = NULL;
    informer_list(informer_of(w, persistent_volume), (struct str){0}, &all);
    for (size_t i = 0; i < all.n; i++) {
        const struct persistent_volume *v = volume_of(all.at[i]);
        if (volume_is_for(v, c) && volume_can_hold(v, c) && !v->metadata.deletion_timestamp)
            return object_ref(all.at[i]);
        if (!waits && volume_is_free_for(v, c) && (!best || volume_is_smaller(v, volume_of(best))))
            best = all.at[i];
    }
    return best ? object_ref(best) : NULL;
}

/* Somebody else provisions: he finds out by the annotation. */
static int ask_provisioner(struct work *w, struct object *claim, struct str provisioner)
{
    const struct str_map *has = &object_meta(claim)->annotations;
    if (!str_eq(labels_get(has, CLAIM_PROVISIONER), provisioner) ||
        !str_eq(labels_get(has, CLAIM_PROVISIONER_BETA), provisioner)) {
        struct persistent_volume_claim *c = object_copy(claim, w->a);
        labels_set(w->a, &c->metadata.annotations, CLAIM_PROVISIONER, provisioner);
        labels_set(w->a, &c->metadata.annotations, CLAIM_PROVISIONER_BETA, provisioner);
        if (client_update(w->client, &persistent_volume_claim_resource, (struct str){0}, c, NULL, w->err) < 0)
            return -1;
    }
    if (str_eq(provisioner, STR("kubernetes.io/no-provisioner")))
        return 0;
    recorder_event(
        w->recorder, claim, "Normal", "ExternalProvisioning", (struct str){0},
        "Waiting for a volume to be created either by the external provisioner '" STR_FMT
        "' or manually by the system administrator. If volume creation is delayed, please verify that "
        "the provisioner is running and correctly registered.",
        STR_ARG(provisioner));
    return 0;
}

static int provision(struct work *w, struct object *claim, const struct storage_class *class)
{
    struct str name = claim_class(claim_of(claim));
    if (!name.n) {
        tell(w, claim, "Normal", "FailedBinding",
             "no persistent volumes available for this claim and no storage class is set");
        return 0;
    }
    if (!class) {
        recorder_event(w->recorder, claim, "Warning", "ProvisioningFailed", (struct str){0},
                       "storageclass.storage.k8s.io \"" STR_FMT "\" not found", STR_ARG(name));
        return 0;
    }
    return str_eq(class->provisioner, LOCAL_PROVISIONER) ? provision_local(w, claim, class)
                                                         : ask_provisioner(w, claim, class->provisioner);
}

/* A claim without a class gets the default one as soon as there is one (KEP-3333). True: it was given one. */
static int give_class(struct work *w, struct object *claim, bool *given)
{
    _cleanup_objects_ struct objects all = {0};
    struct object *newest = NULL;
    if (claim_of(claim)->spec.storage_class_name || claim_class(claim_of(claim)).n)
        return 0;
    informer_list(informer_of(w, storage_class), (struct str){0}, &all);
    for (size_t i = 0; i < all.n; i++)
        if (str_is(labels_get(&object_meta(all.at[i])->annotations,
                              STR("storageclass.kubernetes.io/is-default-class")),
                   "true") &&
            (!newest || time_cmp(object_meta(all.at[i])->creation_timestamp,
                                 object_meta(newest)->creation_timestamp) > 0))
            newest = all.at[i];
    if (!newest)
        return 0;
    struct persistent_volume_claim *c = object_copy(claim, w->a);
    struct str name = object_name(newest);
    c->spec.storage_class_name = &name;
    *given = true;
    return client_update(w->client, &persistent_volume_claim_resource, (struct str){0}, c, NULL, w->err);
}

static int bind_named(struct work *w, struct object *claim)
{
    const struct persistent_volume_claim *c = claim_of(claim);
    _cleanup_object_ struct object *volume =
        informer_get(informer_of(w, persistent_volume), (struct str){0}, c->spec.volume_name);
    if (!volume || (volume_of(volume)->spec.claim_ref && !volume_is_for(volume_of(volume), c)))
        return write_claim_status(w, claim, "Pending", NULL); /* it may come, or become free */
    if (!volume_can_hold(volume_of(volume), c)) {
        recorder_event(w->recorder, claim, "Warning", "VolumeMismatch", (struct str){0},
                       "Cannot bind to requested volume \"" STR_FMT
                       "\": requested PV is too small or of another "
                       "mode",
                       STR_ARG(c->spec.volume_name));
        return write_claim_status(w, claim, "Pending", NULL);
    }
    return bind(w, volume, claim);
}

static int find_and_bind(struct work *w, struct object *claim)
{
    const struct persistent_volume_claim *c = claim_of(claim);
    bool given = false;
    if (c->spec.volume_name.n)
        return bind_named(w, claim);
    if (give_class(w, claim, &given) < 0 || given)
        return given ? 0 : -1; /* the change brings it back */
    _cleanup_object_ struct object *class_object = class_of(w, c);
    const struct storage_class *class = class_object ? object_typed(class_object) : NULL;
    bool waits = class && class_waits(class) && !labels_get(&c->metadata.annotations, CLAIM_SELECTED_NODE).n;
    _cleanup_object_ struct object *volume = find_volume(w, c, class && class_waits(class));
    if (volume)
        return bind(w, volume, claim);
    if (waits)
        tell(w, claim, "Normal", "WaitForFirstConsumer",
             "waiting for first consumer to be created before binding");
    else if (provision(w, claim, class) < 0)
        return -1;
    return write_claim_status(w, claim, "Pending", NULL);
}

static int claim_reconcile(struct work *w)
{
    _cleanup_object_ struct object *claim =
        informer_get(informer_of(w, persistent_volume_claim), w->ns, w->name);
    if (!claim)
        return 0;
    if (labels_has(&object_meta(claim)->annotations, VOLUME_BIND_COMPLETED))
        return keep_bound(w, claim);
    return object_meta(claim)->deletion_timestamp ? 0 : find_and_bind(w, claim);
}

/* --- who has to look again --- */

static void add_waiting(struct controller *k)
{
    _cleanup_objects_ struct objects all = {0};
    informer_list(informer_of(k, persistent_volume_claim), (struct str){0}, &all);
    for (size_t i = 0; i < all.n; i++)
        if (!labels_has(&object_meta(all.at[i])->annotations, VOLUME_BIND_COMPLETED))
            controller_add(k, object_namespace(all.at[i]), object_name(all.at[i]));
}

static void on_volume(struct controller *k, struct object *before, struct object *after)
{
    struct object *const both[] = {before, after};
    for (size_t i = 0; i < 2; i++) {
        const struct object_reference *ref = both[i] ? volume_of(both[i])->spec.claim_ref : NULL;
        if (ref)
            controller_add(k, ref->namespace, ref->name);
    }
    if (after && !volume_of(after)->spec.claim_ref)
        add_waiting(k);
    else if (after && before && !str_eq(volume_of(before)->status.phase, volume_of(after)->status.phase))
        add_waiting(k);
}

static void on_class(struct controller *k, struct object *before, struct object *after)
{
    (void)before;
    if (after)
        add_waiting(k);
}

const struct controller_def claim_binder_controller = {
    .name = "persistentvolume-binder",
    .component = "persistentvolume-controller",
    .account = "persistent-volume-binder",
    .kind = &persistent_volume_claim_resource,
    .reconcile = claim_reconcile,
    .watches = {{&persistent_volume_claim_resource, controller_on_self},
                {&persistent_volume_resource, on_volume},
                {&storage_class_resource, on_class},
                {&node_resource, NULL}},
};
