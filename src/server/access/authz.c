#include "server/access/authz.h"

#include <stdlib.h>

#include "base/clock.h"
#include "schema/errors.h"
#include "server/access/abac.h"
#include "server/access/node_authz.h"
#include "server/access/webhook_authz.h"

/* One who decides. */
struct authorizer {
    enum authz_decision (*decide)(struct authz *z, const struct authorizer *who, const struct attributes *a,
                                  struct buf *reason, struct waiter *w);
    struct webhook_authz *webhook;
};

struct authz {
    struct store *store;
    struct rbac *rbac;
    struct abac *abac;
    struct authorizer *chain;
    size_t n_chain;
};

/* --- the authorizers --- */

static enum authz_decision by_node(struct authz *z, const struct authorizer *who, const struct attributes *a,
                                   struct buf *reason, struct waiter *w)
{
    (void)who, (void)w;
    return node_authz_allows(z->store, a, reason) ? AUTHZ_ALLOW : AUTHZ_NO_OPINION;
}

static enum authz_decision by_rbac(struct authz *z, const struct authorizer *who, const struct attributes *a,
                                   struct buf *reason, struct waiter *w)
{
    (void)who, (void)w;
    return rbac_allows(z->rbac, a, reason) ? AUTHZ_ALLOW : AUTHZ_NO_OPINION;
}

static enum authz_decision by_abac(struct authz *z, const struct authorizer *who, const struct attributes *a,
                                   struct buf *reason, struct waiter *w)
{
    (void)who, (void)w;
    return abac_decide(z->abac, a, reason);
}

static enum authz_decision by_webhook(struct authz *z, const struct authorizer *who,
                                      const struct attributes *a, struct buf *reason, struct waiter *w)
{
    (void)z;
    return webhook_authz_decide(who->webhook, a, reason, w);
}

static enum authz_decision always_allow(struct authz *z, const struct authorizer *who,
                                        const struct attributes *a, struct buf *reason, struct waiter *w)
{
    (void)z, (void)who, (void)a, (void)reason, (void)w;
    return AUTHZ_ALLOW;
}

static enum authz_decision always_deny(struct authz *z, const struct authorizer *who,
                                       const struct attributes *a, struct buf *reason, struct waiter *w)
{
    (void)z, (void)who, (void)a, (void)w;
    if (reason)
        buf_add_lit(reason, "Everything is forbidden.");
    return AUTHZ_NO_OPINION;
}

static const struct {
    const char *type;
    enum authz_decision (*decide)(struct authz *, const struct authorizer *, const struct attributes *,
                                  struct buf *, struct waiter *);
} authorizer_types[] = {
    {"Node", by_node},
    {"RBAC", by_rbac},
    {"ABAC", by_abac},
    {"Webhook", by_webhook},
    {"AlwaysAllow", always_allow},
    {"AlwaysDeny", always_deny},
};

/* --- the configuration --- */

static ptrdiff_t type_number(struct str type)
{
    for (size_t i = 0; i < ARRAY_LEN(authorizer_types); i++)
        if (str_is(type, authorizer_types[i].type))
            return (ptrdiff_t)i;
    return -1;
}

static void check_webhook(struct field_errors *e, const struct path *at,
                          const struct webhook_configuration *c)
{
    static const struct str policies[] = {STR_INIT("Deny"), STR_INIT("NoOpinion")};
    static const struct str v1 = STR_INIT("v1"), file = STR_INIT("KubeConfigFile");
    struct path timeout = path_child(at, STR("timeout")),
                version = path_child(at, STR("subjectAccessReviewVersion")),
                policy = path_child(at, STR("failurePolicy")), info = path_child(at, STR("connectionInfo")),
                type = path_child(&info, STR("type")), path = path_child(&info, STR("kubeConfigFile")),
                conditions = path_child(at, STR("matchConditionSubjectAccessReviewVersion"));
    if (c->timeout <= 0 || c->timeout > 30 * CLOCK_S)
        field_invalid_int(e, &timeout, c->timeout, "must be greater than zero and at most thirty seconds");
    if (!str_eq(c->subject_access_review_version, v1))
        field_not_supported(e, &version, c->subject_access_review_version, &v1, 1);
    if (!str_eq(c->failure_policy, policies[0]) && !str_eq(c->failure_policy, policies[1]))
        field_not_supported(e, &policy, c->failure_policy, policies, ARRAY_LEN(policies));
    if (!str_eq(c->connection_info.type, file))
        field_not_supported(e, &type, c->connection_info.type, &file, 1);
    if (!c->connection_info.kube_config_file || !c->connection_info.kube_config_file->n)
        field_required(e, &path, "says where the webhook is");
    if (c->match_conditions.n && !str_eq(c->match_condition_subject_access_review_version, v1))
        field_not_supported(e, &conditions, c->match_condition_subject_access_review_version, &v1, 1);
}

static int check(const struct authz_options *o, struct err *err)
{
    _cleanup_field_errors_ struct field_errors e = {0};
    struct path list = path_child(NULL, STR("authorizers"));
    const struct authorizer_configuration_vec *all = &o->config->authorizers;
    if (!all->n)
        field_required(&e, &list, "at least one authorization mode must be defined");
    for (size_t i = 0; i < all->n; i++) {
        struct path at = path_index(&list, i), type = path_child(&at, STR("type")),
                    name = path_child(&at, STR("name")), webhook = path_child(&at, STR("webhook"));
        const struct authorizer_configuration *c = &all->at[i];
        bool is_webhook = str_is(c->type, "Webhook");
        if (type_number(c->type) < 0)
            field_invalid(&e, &type, c->type,
                          "is none of Node, RBAC, ABAC, Webhook, AlwaysAllow, AlwaysDeny");
        if (!c->name.n)
            field_required(&e, &name, "messages and metrics name it");
        for (size_t k = 0; k < i; k++) {
            if (str_eq(all->at[k].name, c->name))
                field_duplicate(&e, &name, c->name);
            if (!is_webhook && str_eq(all->at[k].type, c->type))
                field_duplicate(&e, &type, c->type);
        }
        if (is_webhook != (c->webhook != NULL))
            (is_webhook ? field_required : field_forbidden)(&e, &webhook, "goes with the type Webhook");
        if (c->webhook)
            check_webhook(&e, &webhook, c->webhook);
    }
    return field_errors_status(&e, authorization_configuration_resource.group,
                               authorization_configuration_resource.kind, (struct str){0}, err);
}

static int chain_make(struct authz *z, const struct authz_options *o, struct err *err)
{
    static struct authorizer_configuration usual[] = {{.type = STR_INIT("Node")}, {.type = STR_INIT("RBAC")}};
    struct authorizer_configuration_vec all = {usual, ARRAY_LEN(usual)};
    if (o->config) {
        if (check(o, err) < 0)
            return -1;
        all = o->config->authorizers;
    }
    z->chain = mem_zalloc(all.n * sizeof *z->chain);
    for (size_t i = 0; i < all.n; i++) {
        struct authorizer *one = &z->chain[z->n_chain++];
        one->decide = authorizer_types[type_number(all.at[i].type)].decide;
        if (one->decide == by_webhook && webhook_authz_new(all.at[i].webhook, &one->webhook, err) < 0)
            return -1;
        if (one->decide == by_abac && abac_new(o->abac_policies, &z->abac, err) < 0)
            return -1;
    }
    return 0;
}

int authz_new(const struct authz_options *o, struct authz **out, struct err *err)
{
    struct authz *z = mem_zalloc(sizeof *z);
    z->store = o->store;
    if (rbac_new(o->store, &z->rbac, err) < 0 || chain_make(z, o, err) < 0) {
        authz_free(z);
        return -1;
    }
    *out = z;
    return 0;
}

void authz_free(struct authz *z)
{
    if (!z)
        return;
    for (size_t i = 0; i < z->n_chain; i++)
        webhook_authz_free(z->chain[i].webhook);
    free(z->chain);
    abac_free(z->abac);
    if (z->rbac)
        rbac_free(z->rbac);
    free(z);
}

struct rbac *authz_rbac(struct authz *z)
{
    return z->rbac;
}

struct str authz_unlisted(struct authz *z, const struct user *u, struct arena *a)
{
    _cleanup_buf_ struct buf b = {0};
    unsigned n = 0;
    for (size_t i = 0; i < z->n_chain; i++) {
        bool webhook = z->chain[i].decide == by_webhook;
        if (webhook || (z->chain[i].decide == by_node && user_in_group(u, STR("system:nodes"))))
            buf_addf(&b, "%s%s authorizer does not support user rule resolution", n++ ? ", " : "",
                     webhook ? "webhook" : "node");
    }
    return arena_printf(a, n > 1 ? "[" STR_FMT "]" : STR_FMT, STR_ARG(buf_str(&b)));
}

bool user_in_group(const struct user *u, struct str group)
{
    for (size_t i = 0; i < u->groups.n; i++)
        if (str_eq(u->groups.at[i], group))
            return true;
    return false;
}

enum authz_decision authz_decide(struct authz *z, const struct attributes *a, struct buf *reason,
                                 struct waiter *w)
{
    if (user_in_group(a->user, STR("system:masters")))
        return AUTHZ_ALLOW;
    _cleanup_buf_ struct buf gathered = {0};
    for (size_t i = 0; i < z->n_chain; i++) {
        _cleanup_buf_ struct buf why = {0};
        enum authz_decision d = z->chain[i].decide(z, &z->chain[i], a, reason ? &why : NULL, w);
        if (d == AUTHZ_ALLOW || d == AUTHZ_DENY)
            buf_free(&gathered); /* who decides gives the reason, too */
        if (why.n)
            buf_addf(&gathered, "%s" STR_FMT, gathered.n ? "\n" : "", STR_ARG(buf_str(&why)));
        if (d == AUTHZ_NO_OPINION)
            continue;
        if (reason)
            buf_add_str(reason, buf_str(&gathered));
        return d;
    }
    if (reason)
        buf_add_str(reason, buf_str(&gathered));
    return AUTHZ_NO_OPINION;
}

/* User "x" cannot list resource "pods" in API group "" in the namespace "y" */
static void describe(const struct attributes *a, struct buf *out)
{
    buf_addf(out, "User \"" STR_FMT "\" cannot " STR_FMT " ", STR_ARG(a->user->name), STR_ARG(a->verb));
    if (!a->is_resource) {
        buf_addf(out, "path \"" STR_FMT "\"", STR_ARG(a->path));
        return;
    }
    buf_addf(out, "resource \"" STR_FMT "%s" STR_FMT "\" in API group \"" STR_FMT "\" ", STR_ARG(a->resource),
             str_empty(a->subresource) ? "" : "/", STR_ARG(a->subresource), STR_ARG(a->group));
    if (str_empty(a->ns))
        buf_add_lit(out, "at the cluster scope");
    else
        buf_addf(out, "in the namespace \"" STR_FMT "\"", STR_ARG(a->ns));
}

int authz_check(struct authz *z, const struct attributes *a, struct waiter *w, struct err *err)
{
    enum authz_decision d = authz_decide(z, a, NULL, w);
    if (d == AUTHZ_ALLOW || d == AUTHZ_WAIT)
        return d == AUTHZ_WAIT;
    _cleanup_buf_ struct buf reason = {0}, what = {0};
    d = authz_decide(z, a, &reason, w); /* asked again for its reason; meanwhile much may have changed */
    if (d == AUTHZ_ALLOW || d == AUTHZ_WAIT)
        return d == AUTHZ_WAIT;
    describe(a, &what);
    if (reason.n)
        buf_addf(&what, ": " STR_FMT, STR_ARG(buf_str(&reason)));
    struct str text = buf_str(&what), dot = str_empty(a->group) ? STR("") : STR(".");
    if (!a->is_resource)
        return err_set(err, ERR_FORBIDDEN, "forbidden: " STR_FMT, STR_ARG(text));
    if (str_empty(a->name))
        err_set(err, ERR_FORBIDDEN, STR_FMT STR_FMT STR_FMT " is forbidden: " STR_FMT, STR_ARG(a->resource),
                STR_ARG(dot), STR_ARG(a->group), STR_ARG(text));
    else
        err_set(err, ERR_FORBIDDEN, STR_FMT STR_FMT STR_FMT " \"" STR_FMT "\" is forbidden: " STR_FMT,
                STR_ARG(a->resource), STR_ARG(dot), STR_ARG(a->group), STR_ARG(a->name), STR_ARG(text));
    return err_about(err, a->group, a->resource, a->name);
}
