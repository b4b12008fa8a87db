#include "auth/service_account.h"

#include "auth/claims.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/random.h"

#define LEEWAY_S    60 /* as upstream: clocks differ */
#define USER_PREFIX "system:serviceaccount:"

/* What legacy tokens say (upstream's pkg/serviceaccount/legacy.go). */
#define LEGACY_ISSUER STR("kubernetes/serviceaccount")
#define LEGACY_CLAIM  "kubernetes.io/serviceaccount/"

/* --- issuing; members in the order of their names, as Go writes them --- */

static void put_ref(struct buf *out, const char *member, struct object_ref ref)
{
    if (!ref.name.n)
        return;
    buf_addf(out, ",\"%s\":{\"name\":", member);
    claims_put_string(out, ref.name);
    if (ref.uid.n) {
        buf_add_lit(out, ",\"uid\":");
        claims_put_string(out, ref.uid);
    }
    buf_add_c(out, '}');
}

static struct str user_name(struct arena *a, const struct service_account_claims *c)
{
    return arena_printf(a, USER_PREFIX STR_FMT ":" STR_FMT, STR_ARG(c->ns), STR_ARG(c->account.name));
}

int service_account_issue(const struct jwt_key *k, const struct service_account_claims *c, struct buf *out,
                          struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf json = {0};
    char id[37];
    random_uuid(id);
    buf_add_lit(&json, "{\"aud\":[");
    for (size_t i = 0; i < c->n_audiences; i++) {
        if (i)
            buf_add_c(&json, ',');
        claims_put_string(&json, c->audiences[i]);
    }
    buf_addf(&json, "],\"exp\":%lld,\"iat\":%lld,\"iss\":", (long long)c->expires, (long long)c->issued_at);
    claims_put_string(&json, c->issuer);
    buf_add_lit(&json, ",\"jti\":");
    claims_put_string(&json, c->id.n ? c->id : str_from(id));
    buf_add_lit(&json, ",\"kubernetes.io\":{\"namespace\":");
    claims_put_string(&json, c->ns);
    put_ref(&json, "node", c->node);
    put_ref(&json, "pod", c->pod);
    put_ref(&json, "secret", c->secret);
    put_ref(&json, "serviceaccount", c->account);
    if (c->warn_after)
        buf_addf(&json, ",\"warnafter\":%lld", (long long)c->warn_after);
    buf_addf(&json, "},\"nbf\":%lld,\"sub\":", (long long)c->not_before);
    claims_put_string(&json, user_name(&a, c));
    buf_add_c(&json, '}');
    return jwt_sign(k, buf_str(&json), out, err);
}

int service_account_issue_legacy(const struct jwt_key *k, const struct service_account_claims *c,
                                 struct buf *out, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf json = {0};
    const struct {
        const char *name;
        struct str value;
    } claims[] = {
        {"iss", LEGACY_ISSUER},
        {LEGACY_CLAIM "namespace", c->ns},
        {LEGACY_CLAIM "secret.name", c->secret.name},
        {LEGACY_CLAIM "service-account.name", c->account.name},
        {LEGACY_CLAIM "service-account.uid", c->account.uid},
        {"sub", user_name(&a, c)},
    };
    for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
        buf_addf(&json, "%s\"%s\":", i ? "," : "{", claims[i].name);
        claims_put_string(&json, claims[i].value);
    }
    buf_add_c(&json, '}');
    return jwt_sign(k, buf_str(&json), out, err);
}

/* --- verifying --- */

static bool one_of(struct str s, const struct str *all, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(s, all[i]))
            return true;
    return false;
}

bool service_account_is_token(const struct service_account_verifier *v, struct str token)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf payload = {0};
    struct str rest = token, part = {0}, value, issuer;
    return str_cut(&rest, '.', &part) && str_cut(&rest, '.', &part) && rest.p && str_index(rest, '.') < 0 &&
           decode_base64url(&payload, part) == 0 && claims_find(&a, buf_str(&payload), STR("iss"), &value) &&
           claims_string(&a, value, &issuer) &&
           (str_eq(issuer, LEGACY_ISSUER) || one_of(issuer, v->issuers, v->n_issuers));
}

/* A member that is a string; empty when absent. False when it is something else. */
static bool find_string(struct arena *a, struct str object, struct str key, struct str *out)
{
    struct str value;
    *out = (struct str){0};
    return !claims_find(a, object, key, &value) || claims_string(a, value, out);
}

static bool find_time(struct arena *a, struct str object, struct str key, int64_t *out)
{
    struct str value;
    *out = 0;
    return !claims_find(a, object, key, &value) || claims_integer(value, out);
}

static bool find_ref(struct arena *a, struct str object, struct str key, struct object_ref *out)
{
    struct str value;
    *out = (struct object_ref){0};
    return !claims_find(a, object, key, &value) ||
           (find_string(a, value, STR("name"), &out->name) && find_string(a, value, STR("uid"), &out->uid));
}

/* "aud" is a string or a list of them (RFC 7519, 4.1.3). */
static bool find_audiences(struct arena *a, struct str object, struct service_account_claims *out)
{
    struct str value, key, *list;
    struct claims c;
    if (!claims_find(a, object, STR("aud"), &value))
        return false;
    if (value.p[0] == '"') {
        list = arena_new(a, struct str);
        out->audiences = list;
        out->n_audiences = 1;
        return claims_string(a, value, list);
    }
    if (!claims_open(&c, a, value) || !c.array)
        return false;
    out->audiences = list = arena_new_n(a, struct str, value.n / 2 + 1); /* "" is the shortest */
    while (claims_next(&c, &key, &value))
        if (!claims_string(a, value, &list[out->n_audiences++]))
            return false;
    return !c.bad;
}

static bool read_claims(struct arena *a, struct str payload, struct service_account_claims *out,
                        struct str *subject)
{
    struct str kubernetes;
    return find_string(a, payload, STR("iss"), &out->issuer) &&
           find_string(a, payload, STR("sub"), subject) && find_string(a, payload, STR("jti"), &out->id) &&
           find_audiences(a, payload, out) && find_time(a, payload, STR("exp"), &out->expires) &&
           find_time(a, payload, STR("iat"), &out->issued_at) &&
           find_time(a, payload, STR("nbf"), &out->not_before) &&
           claims_find(a, payload, STR("kubernetes.io"), &kubernetes) &&
           find_string(a, kubernetes, STR("namespace"), &out->ns) &&
           find_time(a, kubernetes, STR("warnafter"), &out->warn_after) &&
           find_ref(a, kubernetes, STR("serviceaccount"), &out->account) &&
           find_ref(a, kubernetes, STR("pod"), &out->pod) &&
           find_ref(a, kubernetes, STR("secret"), &out->secret) &&
           find_ref(a, kubernetes, STR("node"), &out->node);
}

static bool read_legacy_claims(struct arena *a, struct str payload, struct service_account_claims *out,
                               struct str *subject)
{
    *out = (struct service_account_claims){.issuer = LEGACY_ISSUER, .legacy = true};
    return find_string(a, payload, STR("sub"), subject) &&
           find_string(a, payload, STR(LEGACY_CLAIM "namespace"), &out->ns) &&
           find_string(a, payload, STR(LEGACY_CLAIM "secret.name"), &out->secret.name) &&
           find_string(a, payload, STR(LEGACY_CLAIM "service-account.name"), &out->account.name) &&
           find_string(a, payload, STR(LEGACY_CLAIM "service-account.uid"), &out->account.uid) && out->ns.n &&
           out->secret.name.n && out->account.name.n && out->account.uid.n &&
           str_eq(*subject, user_name(a, out));
}

/* ["a" "b"], as upstream prints lists of audiences. */
static struct str quoted(struct arena *a, const struct str *list, size_t n)
{
    _cleanup_buf_ struct buf b = {0};
    buf_add_c(&b, '[');
    for (size_t i = 0; i < n && i < 8; i++)
        buf_addf(&b, "%s\"" STR_FMT "\"", i ? " " : "", STR_ARG(list[i]));
    buf_add_c(&b, ']');
    return arena_str(a, buf_str(&b));
}

int service_account_verify(const struct service_account_verifier *v, struct arena *a, struct str token,
                           struct service_account_claims *out, struct err *err)
{
    *out = (struct service_account_claims){0};
    struct str payload, subject, issuer;
    if (jwt_verify(v->keys, v->n_keys, token, a, &payload, err) < 0)
        return -1;
    if (find_string(a, payload, STR("iss"), &issuer) && str_eq(issuer, LEGACY_ISSUER))
        return read_legacy_claims(a, payload, out, &subject)
                   ? 0
                   : err_set(err, ERR_UNAUTHORIZED, "service account token claims could not be validated");
    if (!read_claims(a, payload, out, &subject) || !out->ns.n || !out->account.name.n || !out->expires)
        return err_set(err, ERR_UNAUTHORIZED, "service account token claims could not be validated");
    if (!one_of(out->issuer, v->issuers, v->n_issuers))
        return err_set(err, ERR_UNAUTHORIZED, "token issuer \"" STR_FMT "\" is invalid",
                       STR_ARG(out->issuer));
    bool meant = false;
    for (size_t i = 0; i < out->n_audiences; i++)
        meant = meant || one_of(out->audiences[i], v->audiences, v->n_audiences);
    if (!meant)
        return err_set(err, ERR_UNAUTHORIZED,
                       "token audiences " STR_FMT " is invalid for the target audiences " STR_FMT,
                       STR_ARG(quoted(a, out->audiences, out->n_audiences)),
                       STR_ARG(quoted(a, v->audiences, v->n_audiences)));
    int64_t now = clock_wall() / CLOCK_S;
    if (now - LEEWAY_S > out->expires)
        return err_set(err, ERR_UNAUTHORIZED, "service account token has expired");
    if (now + LEEWAY_S < out->not_before)
        return err_set(err, ERR_UNAUTHORIZED, "service account token is not valid yet");
    if (now + LEEWAY_S < out->issued_at || !str_eq(subject, user_name(a, out)))
        return err_set(err, ERR_UNAUTHORIZED, "service account token claims could not be validated");
    return 0;
}

/* --- who it is --- */

void service_account_identity(struct arena *a, const struct service_account_claims *c, struct identity *out)
{
    *out = (struct identity){.name = user_name(a, c), .uid = c->account.uid};
    identity_add_group(a, out, STR("system:serviceaccounts"));
    identity_add_group(a, out, arena_concat(a, STR("system:serviceaccounts:"), c->ns));
    if (c->id.n)
        identity_add_extra(a, out, STR("authentication.kubernetes.io/credential-id"),
                           arena_concat(a, STR("JTI="), c->id));
    if (c->pod.name.n) {
        identity_add_extra(a, out, STR("authentication.kubernetes.io/pod-name"), c->pod.name);
        identity_add_extra(a, out, STR("authentication.kubernetes.io/pod-uid"), c->pod.uid);
    }
    if (c->node.name.n) {
        identity_add_extra(a, out, STR("authentication.kubernetes.io/node-name"), c->node.name);
        if (c->node.uid.n)
            identity_add_extra(a, out, STR("authentication.kubernetes.io/node-uid"), c->node.uid);
    }
}

bool service_account_split(struct str user, struct str *ns, struct str *name)
{
    if (!str_starts(user, STR(USER_PREFIX)))
        return false;
    struct str rest = str_from_at(user, sizeof USER_PREFIX - 1);
    return str_cut(&rest, ':', ns) && rest.p && str_cut(&rest, ':', name) && !rest.p && ns->n && name->n;
}
