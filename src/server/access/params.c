/* Who writes an admission policy must be able to read what it takes as parameters, as its expressions can
 * (upstream: the strategies of validatingadmissionpolicy and its siblings). */
#include "api/resources.h"
#include "kinds/admissionregistration_v1.h"
#include "schema/copy.h"
#include "schema/errors.h"
#include "server/access/guard.h"

/* A user as Go prints one: &{name uid [groups] map[key:[values]]}. */
static void say_user(struct buf *b, const struct user *u)
{
    buf_addf(b, "&{" STR_FMT " " STR_FMT " [", STR_ARG(u->name), STR_ARG(u->uid));
    for (size_t i = 0; i < u->groups.n; i++)
        buf_addf(b, "%s" STR_FMT, i ? " " : "", STR_ARG(u->groups.at[i]));
    buf_add_lit(b, "] map[");
    for (size_t i = 0; i < u->n_extra; i++) {
        buf_addf(b, "%s" STR_FMT ":[", i ? " " : "", STR_ARG(u->extra[i].key));
        for (size_t k = 0; k < u->extra[i].values.n; k++)
            buf_addf(b, "%s" STR_FMT, k ? " " : "", STR_ARG(u->extra[i].values.at[k]));
        buf_add_c(b, ']');
    }
    buf_add_lit(b, "]}");
}

static int refuse(const struct guard *g, const char *field, struct str name, struct str text, struct err *err)
{
    _cleanup_field_errors_ struct field_errors e = {0};
    struct path spec = path_child(NULL, STR("spec")), at = path_child(&spec, str_from(field));
    field_forbidden(&e, &at, STR_FMT, STR_ARG(text));
    return field_errors_status(&e, g->request->resource->group, g->request->resource->kind, name, err);
}

/* What a kind of parameters is among the resources; all of them where that cannot be told. */
enum found { FOUND, NO_VERSION, NO_RESOURCE };
static enum found resource_of_params(const struct guard *g, const struct param_kind *kind,
                                     struct attributes *out)
{
    struct str version = kind->api_version, group = STR("");
    out->group = out->version = out->resource = STR("*");
    if (str_index(version, '/') >= 0)
        str_cut(&version, '/', &group);
    if (str_index(version, '/') >= 0)
        return NO_VERSION;
    out->group = group;
    out->version = version;
    const struct resource *r = api_resource_of_kind(g->api, kind->api_version, kind->kind);
    bool found = r && r->plural.n;
    if (found)
        out->resource = arena_str(g->request->arena, r->plural);
    resource_unref(r);
    return found ? FOUND : NO_RESOURCE;
}

/* --- policies --- */

static int guard_kind(const struct guard *g, struct str name, const struct param_kind *kind,
                      const struct param_kind *old, struct err *err)
{
    if (!kind || (old && struct_eq(&param_kind_type, kind, old)))
        return 0;
    struct attributes a = {
        .user = g->request->user, .verb = STR("get"), .is_resource = true, .ns = STR("*"), .name = STR("*")};
    resource_of_params(g, kind, &a);
    enum authz_decision d = authz_ask(g->authz, g->request, &a, NULL);
    if (d == AUTHZ_ALLOW || d == AUTHZ_WAIT)
        return d == AUTHZ_WAIT;
    _cleanup_buf_ struct buf text = {0};
    buf_add_lit(&text, "user ");
    say_user(&text, a.user);
    buf_addf(&text,
             " must have \"get\" permission on all objects of the referenced paramKind (kind=" STR_FMT
             ", apiVersion=" STR_FMT ")",
             STR_ARG(kind->kind), STR_ARG(kind->api_version));
    return refuse(g, "paramKind", name, buf_str(&text), err);
}

int guard_validating_policy(const struct guard *g, struct object *before, const void *typed, struct err *err)
{
    const struct validating_admission_policy *p = typed, *old = before ? object_typed(before) : NULL;
    return guard_kind(g, p->metadata.name, p->spec.param_kind, old ? old->spec.param_kind : NULL, err);
}

int guard_mutating_policy(const struct guard *g, struct object *before, const void *typed, struct err *err)
{
    const struct mutating_admission_policy *p = typed, *old = before ? object_typed(before) : NULL;
    return guard_kind(g, p->metadata.name, p->spec.param_kind, old ? old->spec.param_kind : NULL, err);
}

/* --- bindings --- */

/* What a binding says of its parameters. */
struct reference {
    struct str policy;
    const struct param_ref *params;
};

/* Why what cannot be told asks for everything; empty: it can be told. */
static struct str find_params(const struct guard *g, struct object *policy, struct str name,
                              const struct param_kind *kind, struct attributes *a)
{
    struct arena *arena = g->request->arena;
    a->group = a->version = a->resource = STR("*");
    if (!policy)
        return arena_printf(arena, "unable to get policy " STR_FMT, STR_ARG(name));
    enum found found = kind ? resource_of_params(g, kind, a) : FOUND;
    if (found == FOUND)
        return STR("");
    return arena_printf(arena, "unable to %s paramKind &{" STR_FMT " " STR_FMT "}",
                        found == NO_VERSION ? "parse" : "resolve", STR_ARG(kind->api_version),
                        STR_ARG(kind->kind));
}

static int guard_reference(const struct guard *g, struct str name, const struct reference *ref,
                           const struct reference *old, const struct resource *policies,
                           const struct param_kind *(*kind_of)(struct object *policy), struct err *err)
{
    if (!ref->params || (old->params && str_eq(ref->policy, old->policy) &&
                         struct_eq(&param_ref_type, ref->params, old->params)))
        return 0;
    struct attributes a = {.user = g->request->user,
                           .verb = ref->params->name.n ? STR("get") : STR("list"),
                           .is_resource = true,
                           .ns = ref->params->namespace,
                           .name = ref->params->name};
    struct store *store = api_store(g->api);
    _cleanup_snapshot_ struct snapshot *snap = store_snapshot(store);
    struct object *policy = snapshot_get(snap, store_table(store, policies), STR(""), ref->policy);
    struct str why = find_params(g, policy, ref->policy, policy ? kind_of(policy) : NULL, &a);
    enum authz_decision d = authz_ask(g->authz, g->request, &a, NULL);
    if (d == AUTHZ_ALLOW || d == AUTHZ_WAIT)
        return d == AUTHZ_WAIT;
    _cleanup_buf_ struct buf text = {0};
    if (why.n)
        buf_addf(&text, STR_FMT " to determine minimum required permissions and ", STR_ARG(why));
    buf_add_lit(&text, "user ");
    say_user(&text, a.user);
    buf_addf(&text, " does not have \"" STR_FMT "\" permission %s", STR_ARG(a.verb),
             why.n ? "for all groups, versions and resources" : "on the object referenced by paramRef");
    return refuse(g, "paramRef", name, buf_str(&text), err);
}

static const struct param_kind *validating_kind(struct object *policy)
{
    return ((const struct validating_admission_policy *)object_typed(policy))->spec.param_kind;
}

static const struct param_kind *mutating_kind(struct object *policy)
{
    return ((const struct mutating_admission_policy *)object_typed(policy))->spec.param_kind;
}

int guard_validating_binding(const struct guard *g, struct object *before, const void *typed, struct err *err)
{
    const struct validating_admission_policy_binding *b = typed, *old = before ? object_typed(before) : NULL;
    struct reference was = {0};
    if (old)
        was = (struct reference){old->spec.policy_name, old->spec.param_ref};
    return guard_reference(g, b->metadata.name, &(struct reference){b->spec.policy_name, b->spec.param_ref},
                           &was, &validating_admission_policy_resource, validating_kind, err);
}

int guard_mutating_binding(const struct guard *g, struct object *before, const void *typed, struct err *err)
{
    const struct mutating_admission_policy_binding *b = typed, *old = before ? object_typed(before) : NULL;
    struct reference was = {0};
    if (old)
        was = (struct reference){old->spec.policy_name, old->spec.param_ref};
    return guard_reference(g, b->metadata.name, &(struct reference){b->spec.policy_name, b->spec.param_ref},
                           &was, &mutating_admission_policy_resource, mutating_kind, err);
}
