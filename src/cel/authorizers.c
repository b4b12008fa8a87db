/* The authorizer (k8s.io/apiserver, cel/library/authz.go): says step by step what would be done, then asks
 * whether that is allowed. Each step is a copy of the one before with one thing more. */
#include "cel/eval.h"

static struct cel_value step(struct run *r, const struct cel_value *from, const struct cel_type *type,
                             struct cel_authz_check **made)
{
    static const struct cel_authz_check nothing;
    *made = arena_dup(r->arena, from->opaque ? from->opaque : &nothing, sizeof(nothing));
    return (struct cel_value){.kind = CEL_OPAQUE, .opaque = *made, .type = type};
}

struct cel_value cel_from_authorizer(void)
{
    return (struct cel_value){.kind = CEL_OPAQUE, .type = &cel_authorizer};
}

struct cel_value cel_from_authz_check(const struct cel_authz_check *check)
{
    return (struct cel_value){.kind = CEL_OPAQUE, .opaque = check, .type = &cel_resource_check};
}

/* A step that takes one string. */
#define STEP(name, result, member)                                                                           \
    static int name(struct run *r, const struct cel_value *args, struct cel_value *out)                      \
    {                                                                                                        \
        struct cel_authz_check *c;                                                                           \
        *out = step(r, &args[0], &result, &c);                                                               \
        c->member = args[1].s;                                                                               \
        return 0;                                                                                            \
    }
STEP(group, cel_group_check, group)
STEP(resource, cel_resource_check, resource)
STEP(subresource, cel_resource_check, subresource)
STEP(namespace_, cel_resource_check, ns)
STEP(name, cel_resource_check, name)
STEP(field_selector, cel_resource_check, field_selector)
STEP(label_selector, cel_resource_check, label_selector)

static int path(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct cel_authz_check *c;
    if (!args[1].s.n)
        return run_error(r, "path must not be empty");
    *out = step(r, &args[0], &cel_path_check, &c);
    c->path = args[1].s;
    return 0;
}

static int service_account(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct cel_authz_check *c;
    if (!args[1].s.n || !args[2].s.n)
        return run_error(r, "Invalid service account %s", args[1].s.n ? "name" : "namespace");
    *out = step(r, &args[0], &cel_authorizer, &c);
    c->service_account_ns = args[1].s;
    c->service_account = args[2].s;
    return 0;
}

static int check(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    struct cel_authz_check *c;
    struct cel_authz_answer *answer = arena_new(r->arena, struct cel_authz_answer);
    step(r, &args[0], &cel_decision, &c);
    c->verb = args[1].s;
    if (!r->io->authorize)
        return run_error(r, "authorizer is not available");
    r->io->authorize(r->io->arg, c, answer);
    *out = (struct cel_value){.kind = CEL_OPAQUE, .opaque = answer, .type = &cel_decision};
    return 0;
}

static const struct cel_authz_answer *answer_of(const struct cel_value *v)
{
    return v->opaque;
}

static int allowed(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_bool(answer_of(&args[0])->allowed);
    return 0;
}

static int reason(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_str(answer_of(&args[0])->reason);
    return 0;
}

static int errored(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_bool(answer_of(&args[0])->error.n);
    return 0;
}

static int error(struct run *r, const struct cel_value *args, struct cel_value *out)
{
    (void)r;
    *out = cel_from_str(answer_of(&args[0])->error);
    return 0;
}

static const struct function table[] = {
    {"Authorizer:path(string) PathCheck", path},
    {"PathCheck:check(string) Decision", check, COST_CHECK},
    {"Authorizer:group(string) GroupCheck", group},
    {"Authorizer:serviceAccount(string, string) Authorizer", service_account},
    {"GroupCheck:resource(string) ResourceCheck", resource},
    {"ResourceCheck:subresource(string) ResourceCheck", subresource},
    {"ResourceCheck:namespace(string) ResourceCheck", namespace_},
    {"ResourceCheck:name(string) ResourceCheck", name},
    {"ResourceCheck:fieldSelector(string) ResourceCheck", field_selector, COST_SELECTOR},
    {"ResourceCheck:labelSelector(string) ResourceCheck", label_selector, COST_SELECTOR},
    {"ResourceCheck:check(string) Decision", check, COST_CHECK},
    {"Decision:allowed() bool", allowed},
    {"Decision:reason() string", reason},
    {"Decision:errored() bool", errored},
    {"Decision:error() string", error},
};
LIBRARY(cel_authorizers, table);
