#include "server/access/abac.h"

#include <stdlib.h>

#include "schema/value.h"

enum { POLICIES_MOST = 10000 };

struct policy {
    struct str user, group, ns, resource, api_group, path;
    bool readonly;
};

struct abac {
    struct arena arena;
    struct policy *at;
    size_t n;
};

static int policy_read(struct arena *a, struct str line, struct policy *p, struct err *err)
{
    struct value tree;
    if (value_parse(a, line, &tree, err) < 0)
        return -1;
    if (!str_is(value_get_str(&tree, STR("kind")), "Policy") ||
        !str_is(value_get_str(&tree, STR("apiVersion")), "abac.authorization.kubernetes.io/v1beta1"))
        return err_set(err, ERR_BAD_REQUEST, "this is no Policy of abac.authorization.kubernetes.io/v1beta1");
    const struct value *spec = value_get(&tree, STR("spec"));
    const struct value *readonly = value_get(spec, STR("readonly"));
    *p = (struct policy){
        .user = value_get_str(spec, STR("user")),
        .group = value_get_str(spec, STR("group")),
        .ns = value_get_str(spec, STR("namespace")),
        .resource = value_get_str(spec, STR("resource")),
        .api_group = value_get_str(spec, STR("apiGroup")),
        .path = value_get_str(spec, STR("nonResourcePath")),
        .readonly = readonly && readonly->kind == JSON_BOOL && readonly->b,
    };
    return 0;
}

int abac_new(struct str policies, struct abac **out, struct err *err)
{
    struct abac *b = mem_zalloc(sizeof *b);
    struct str rest = arena_str(&b->arena, policies), line;
    size_t most = 1;
    for (size_t i = 0; i < policies.n && most < POLICIES_MOST; i++)
        most += policies.p[i] == '\n';
    b->at = arena_new_n(&b->arena, struct policy, most);
    for (int number = 1; str_cut(&rest, '\n', &line); number++) {
        line = str_trim(line);
        if (!line.n || line.p[0] == '#')
            continue;
        int rc = b->n == most ? err_set(err, ERR_BAD_REQUEST, "more than %d policies", POLICIES_MOST)
                              : policy_read(&b->arena, line, &b->at[b->n++], err);
        if (rc < 0) {
            err_wrap(err, "authorization policies, line %d", number);
            abac_free(b);
            return -1;
        }
    }
    *out = b;
    return 0;
}

void abac_free(struct abac *b)
{
    if (b)
        arena_free(&b->arena);
    free(b);
}

static bool any_or(struct str pattern, struct str s)
{
    return str_is(pattern, "*") || str_eq(pattern, s);
}

/* A policy that names neither user nor group is nobody's. */
static bool subject_matches(const struct policy *p, const struct user *u)
{
    if (p->user.n && !any_or(p->user, u->name))
        return false;
    if (p->group.n && !str_is(p->group, "*") && !user_in_group(u, p->group))
        return false;
    return p->user.n || p->group.n;
}

static bool target_matches(const struct policy *p, const struct attributes *at)
{
    if (at->is_resource)
        return any_or(p->ns, at->ns) && any_or(p->resource, at->resource) && any_or(p->api_group, at->group);
    return any_or(p->path, at->path) ||
           (str_ends(p->path, STR("*")) && str_starts(at->path, str_slice(p->path.p, p->path.n - 1)));
}

enum authz_decision abac_decide(const struct abac *b, const struct attributes *at, struct buf *reason)
{
    bool reads = str_is(at->verb, "get") || str_is(at->verb, "list") || str_is(at->verb, "watch");
    for (size_t i = 0; i < b->n; i++)
        if (subject_matches(&b->at[i], at->user) && (reads || !b->at[i].readonly) &&
            target_matches(&b->at[i], at))
            return AUTHZ_ALLOW;
    if (reason)
        buf_addf(reason, "%sNo policy matched.", reason->n ? "\n" : "");
    return AUTHZ_NO_OPINION;
}
