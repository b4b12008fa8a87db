#include "server/access/oidc.h"

#include <stdlib.h>

#include "auth/claims.h"
#include "base/clock.h"
#include "base/encode.h"
#include "schema/errors.h"
#include "schema/value.h"
#include "server/access/oidc_claims.h"
#include "server/access/oidc_keys.h"

enum { NOT_BEFORE_LEEWAY_S = 300 }; /* of upstream's library; "exp" has none */

struct oidc {
    const struct jwt_authenticator_vec *issuers;
    struct oidc_keys **keys; /* of each */
    struct oidc_claims **claims;
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

int oidc_new(const struct jwt_authenticator_vec *issuers, struct str own, struct oidc **out, struct err *err)
{
    _cleanup_field_errors_ struct field_errors e = {0};
    struct path jwt = path_child(NULL, STR("jwt"));
    struct oidc *o = mem_zalloc(sizeof *o);
    o->issuers = issuers;
    o->keys = mem_zalloc((issuers->n + 1) * sizeof *o->keys);
    o->claims = mem_zalloc((issuers->n + 1) * sizeof *o->claims);
    for (size_t i = 0; i < issuers->n; i++) {
        struct path at = path_index(&jwt, i), issuer = path_child(&at, STR("issuer"));
        oidc_check_issuer(&e, &issuer, issuers, i, own);
        o->claims[i] = oidc_claims_new(&issuers->at[i], &at, &e);
    }
    int rc = field_errors_status(&e, authentication_configuration_resource.group,
                                 authentication_configuration_resource.kind, (struct str){0}, err);
    for (size_t i = 0; rc == 0 && i < issuers->n; i++) {
        const struct issuer *s = &issuers->at[i].issuer;
        rc = oidc_keys_new(s->url, s->discovery_url ? *s->discovery_url : (struct str){0},
                           s->certificate_authority, &o->keys[i], err);
    }
    if (rc == 0)
        *out = o;
    else
        oidc_free(o);
    return rc;
}

void oidc_free(struct oidc *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < o->issuers->n; i++) {
        oidc_keys_free(o->keys[i]);
        oidc_claims_free(o->claims[i]);
    }
    free(o->claims);
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

static int oidc_check_claims(const struct issuer *s, const struct value *claims, struct err *err)
{
    int64_t now = clock_wall() / CLOCK_S, at;
    if (!audience_fits(s, value_get(claims, STR("aud"))))
        return err_set(err, ERR_UNAUTHORIZED, "the token is for another audience");
    if (!claim_time(claims, "exp", &at) || at < now)
        return err_set(err, ERR_UNAUTHORIZED, "the token has expired");
    if (claim_time(claims, "nbf", &at) && at > now + NOT_BEFORE_LEEWAY_S)
        return err_set(err, ERR_UNAUTHORIZED, "the token is not valid yet");
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
    if (value_parse(a, payload, &claims, err) < 0 ||
        oidc_check_claims(&o->issuers->at[i].issuer, &claims, err) < 0)
        return -1;
    return oidc_claims_user(o->claims[i], &claims, a, out, err);
}
