#include "server/oidc.h"

#include <stdlib.h>

#include "auth/claims.h"
#include "base/clock.h"
#include "base/encode.h"
#include "schema/errors.h"
#include "schema/value.h"
#include "server/oidc_keys.h"

enum { NOT_BEFORE_LEEWAY_S = 300 }; /* of upstream's library; "exp" has none */

struct oidc {
    const struct jwt_authenticator_vec *issuers;
    struct oidc_keys **keys; /* of each */
};

/* --- the configuration --- */

static void oidc_check_url(struct field_errors *e, const struct path *at, struct str url)
{
    if (str_empty(url))
        field_required(e, at, "URL is required");
    else if (!str_starts(url, STR("https://")))
        field_invalid(e, at, url, "URL scheme must be https");
    else if (str_index(url, '@') >= 0)
        field_invalid(e, at, url, "URL must not contain a username or password");
    else if (str_index(url, '?') >= 0)
        field_invalid(e, at, url, "URL must not contain a query");
    else if (str_index(url, '#') >= 0)
        field_invalid(e, at, url, "URL must not contain a fragment");
}

static void oidc_check_issuer(struct field_errors *e, const struct path *at,
                              const struct jwt_authenticator_vec *all, size_t i, struct str own)
{
    const struct issuer *s = &all->at[i].issuer;
    struct path url = path_child(at, STR("url")), discovery = path_child(at, STR("discoveryURL")),
                audiences = path_child(at, STR("audiences")),
                policy = path_child(at, STR("audienceMatchPolicy")),
                egress = path_child(at, STR("egressSelectorType"));
    static const struct str any = STR_INIT("MatchAny");
    oidc_check_url(e, &url, s->url);
    if (str_eq(s->url, own))
        field_invalid(e, &url, s->url, "URL must not overlap with disallowed issuers: [" STR_FMT "]",
                      STR_ARG(own));
    for (size_t k = 0; k < i; k++)
        if (str_eq(all->at[k].issuer.url, s->url))
            field_duplicate(e, &url, s->url);
    if (s->discovery_url)
        oidc_check_url(e, &discovery, *s->discovery_url);
    if (s->discovery_url && str_eq(*s->discovery_url, s->url))
        field_invalid(e, &discovery, *s->discovery_url, "discoveryURL must be different from URL");
    if (!s->audiences.n)
        field_required(e, &audiences, "at least one audience is required");
    if (s->audience_match_policy.n ? !str_eq(s->audience_match_policy, any) : s->audiences.n > 1)
        field_invalid(e, &policy, s->audience_match_policy,
                      "audienceMatchPolicy must be MatchAny for multiple audiences");
    if (s->egress_selector_type.n)
        field_forbidden(e, &egress, "there is one network, which is reached directly");
}

/* Expressions of claims and users come with the language; until they are run, a configuration that has them
 * is refused rather than half obeyed. */
static void oidc_check_expression(struct field_errors *e, const struct path *parent, struct str name,
                                  struct str text)
{
    struct path at = path_child(parent, name);
    if (text.n)
        field_forbidden(e, &at, "expressions are not supported yet");
}

static void oidc_check_mappings(struct field_errors *e, const struct path *at, const struct claim_mappings *m)
{
    struct path username = path_child(at, STR("username")), groups = path_child(at, STR("groups")),
                uid = path_child(at, STR("uid")), extra = path_child(at, STR("extra"));
    const struct {
        const struct path *at;
        const struct prefixed_claim_or_expression *p;
    } prefixed[] = {{&username, &m->username}, {&groups, &m->groups}};
    if (!m->username.claim.n && !m->username.expression.n)
        field_required(e, &username, "claim or expression is required");
    for (size_t i = 0; i < ARRAY_LEN(prefixed); i++) {
        struct path prefix = path_child(prefixed[i].at, STR("prefix"));
        if (prefixed[i].p->claim.n && !prefixed[i].p->prefix)
            field_required(
                e, &prefix,
                "prefix is required when claim is set. It can be set to an empty string to disable "
                "prefixing");
        oidc_check_expression(e, prefixed[i].at, STR("expression"), prefixed[i].p->expression);
    }
    oidc_check_expression(e, &uid, STR("expression"), m->uid.expression);
    for (size_t i = 0; i < m->extra.n; i++) {
        struct path one = path_index(&extra, i);
        oidc_check_expression(e, &one, STR("valueExpression"), m->extra.at[i].value_expression);
    }
}

static int oidc_check(const struct jwt_authenticator_vec *all, struct str own, struct err *err)
{
    _cleanup_field_errors_ struct field_errors e = {0};
    struct path jwt = path_child(NULL, STR("jwt"));
    for (size_t i = 0; i < all->n; i++) {
        struct path at = path_index(&jwt, i), issuer = path_child(&at, STR("issuer")),
                    claims = path_child(&at, STR("claimValidationRules")),
                    mappings = path_child(&at, STR("claimMappings")),
                    users = path_child(&at, STR("userValidationRules"));
        oidc_check_issuer(&e, &issuer, all, i, own);
        for (size_t k = 0; k < all->at[i].claim_validation_rules.n; k++) {
            const struct claim_validation_rule *rule = &all->at[i].claim_validation_rules.at[k];
            struct path one = path_index(&claims, k);
            if (!rule->claim.n && !rule->expression.n)
                field_required(&e, &one, "claim or expression is required");
            oidc_check_expression(&e, &one, STR("expression"), rule->expression);
        }
        oidc_check_mappings(&e, &mappings, &all->at[i].claim_mappings);
        for (size_t k = 0; k < all->at[i].user_validation_rules.n; k++) {
            struct path one = path_index(&users, k);
            oidc_check_expression(&e, &one, STR("expression"),
                                  all->at[i].user_validation_rules.at[k].expression);
        }
    }
    return field_errors_status(&e, authentication_configuration_resource.group,
                               authentication_configuration_resource.kind, (struct str){0}, err);
}

int oidc_new(const struct jwt_authenticator_vec *issuers, struct str own, struct oidc **out, struct err *err)
{
    if (oidc_check(issuers, own, err) < 0)
        return -1;
    struct oidc *o = mem_zalloc(sizeof *o);
    o->issuers = issuers;
    o->keys = mem_zalloc((issuers->n + 1) * sizeof *o->keys);
    for (size_t i = 0; i < issuers->n; i++) {
        const struct issuer *s = &issuers->at[i].issuer;
        if (oidc_keys_new(s->url, s->discovery_url ? *s->discovery_url : (struct str){0},
                          s->certificate_authority, &o->keys[i], err) < 0) {
            oidc_free(o);
            return -1;
        }
    }
    *out = o;
    return 0;
}

void oidc_free(struct oidc *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < o->issuers->n; i++)
        oidc_keys_free(o->keys[i]);
    free(o->keys);
    free(o);
}

/* --- whose a token is --- */

/* The number of the issuer that the token, unverified, says it is of; -1: none of these. */
static ptrdiff_t oidc_issuer(const struct oidc *o, struct str token)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf payload = {0};
    struct str rest = token, part, value, issuer;
    if (!str_cut(&rest, '.', &part) || !str_cut(&rest, '.', &part) || decode_base64url(&payload, part) < 0 ||
        !claims_find(&a, buf_str(&payload), STR("iss"), &value) || !claims_string(&a, value, &issuer))
        return -1;
    for (size_t i = 0; i < o->issuers->n; i++)
        if (str_eq(o->issuers->at[i].issuer.url, issuer))
            return (ptrdiff_t)i;
    return -1;
}

bool oidc_is_token(const struct oidc *o, struct str token)
{
    return o && oidc_issuer(o, token) >= 0;
}

/* --- what it says --- */

static bool audience_fits(const struct issuer *s, const struct value *aud)
{
    if (!aud)
        return false;
    const struct value *at = aud->kind == JSON_ARRAY ? aud->list.at : aud;
    size_t n = aud->kind == JSON_ARRAY ? aud->list.n : 1;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < s->audiences.n; k++)
            if (at[i].kind == JSON_STRING && str_eq(at[i].s, s->audiences.at[k]))
                return true;
    return false;
}

/* NumericDate (RFC 7519, 2), fractions cut off. False: there is none, or it is something else. */
static bool claim_time(const struct value *claims, const char *name, int64_t *s)
{
    const struct value *v = value_get(claims, str_from(name));
    if (v && v->kind == JSON_INT)
        *s = v->i;
    else if (v && v->kind == JSON_DOUBLE && v->d > -1e15 && v->d < 1e15)
        *s = (int64_t)v->d;
    else
        return false;
    return true;
}

static int oidc_check_claims(const struct jwt_authenticator *j, const struct value *claims, struct err *err)
{
    int64_t now = clock_wall() / CLOCK_S, at;
    if (!audience_fits(&j->issuer, value_get(claims, STR("aud"))))
        return err_set(err, ERR_UNAUTHORIZED, "the token is for another audience");
    if (!claim_time(claims, "exp", &at) || at < now)
        return err_set(err, ERR_UNAUTHORIZED, "the token has expired");
    if (claim_time(claims, "nbf", &at) && at > now + NOT_BEFORE_LEEWAY_S)
        return err_set(err, ERR_UNAUTHORIZED, "the token is not valid yet");
    for (size_t i = 0; i < j->claim_validation_rules.n; i++) {
        const struct claim_validation_rule *rule = &j->claim_validation_rules.at[i];
        if (!str_eq(value_get_str(claims, rule->claim), rule->required_value))
            return err_set(err, ERR_UNAUTHORIZED, "the claim " STR_FMT " is not \"" STR_FMT "\"",
                           STR_ARG(rule->claim), STR_ARG(rule->required_value));
    }
    return 0;
}

static struct str prefixed(struct arena *a, const struct prefixed_claim_or_expression *p, struct str s)
{
    return arena_concat(a, p->prefix ? *p->prefix : (struct str){0}, s);
}

static int oidc_username(struct arena *a, const struct claim_mappings *m, const struct value *claims,
                         struct str *out, struct err *err)
{
    struct str name = value_get_str(claims, m->username.claim);
    const struct value *verified = value_get(claims, STR("email_verified"));
    if (!name.n)
        return err_set(err, ERR_UNAUTHORIZED, "the claim " STR_FMT " names nobody",
                       STR_ARG(m->username.claim));
    if (str_is(m->username.claim, "email") && verified && (verified->kind != JSON_BOOL || !verified->b))
        return err_set(err, ERR_UNAUTHORIZED, "the email address has not been verified");
    *out = prefixed(a, &m->username, name);
    return 0;
}

/* A string, or a list of strings. */
static int oidc_groups(struct arena *a, const struct claim_mappings *m, const struct value *claims,
                       struct str_vec *out, struct err *err)
{
    const struct value *v = m->groups.claim.n ? value_get(claims, m->groups.claim) : NULL;
    if (!v || v->kind == JSON_NULL)
        return 0;
    const struct value *at = v->kind == JSON_ARRAY ? v->list.at : v;
    size_t n = v->kind == JSON_ARRAY ? v->list.n : 1;
    out->at = arena_new_n(a, struct str, n);
    for (size_t i = 0; i < n; i++) {
        if (at[i].kind != JSON_STRING)
            return err_set(err, ERR_UNAUTHORIZED, "the claim " STR_FMT " is no list of groups",
                           STR_ARG(m->groups.claim));
        out->at[out->n++] = prefixed(a, &m->groups, at[i].s);
    }
    return 0;
}

int oidc_user(struct oidc *o, struct str token, struct arena *a, struct user *out, struct waiter *w,
              struct err *err)
{
    ptrdiff_t i = oidc_issuer(o, token);
    struct str payload;
    struct value claims;
    int rc = i < 0 ? err_set(err, ERR_UNAUTHORIZED, "the token is of another issuer")
                   : oidc_keys_verify(o->keys[i], token, a, &payload, w, err);
    if (rc)
        return rc;
    const struct jwt_authenticator *j = &o->issuers->at[i];
    *out = (struct user){0};
    if (value_parse(a, payload, &claims, err) < 0 || oidc_check_claims(j, &claims, err) < 0 ||
        oidc_username(a, &j->claim_mappings, &claims, &out->name, err) < 0 ||
        oidc_groups(a, &j->claim_mappings, &claims, &out->groups, err) < 0)
        return -1;
    out->uid = value_get_str(&claims, j->claim_mappings.uid.claim);
    return 0;
}
