/* The agent's half. */
#define LOG_PART "join"
#include <stdio.h>

#include "auth/pki.h"
#include "auth/token.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "client/remote.h"
#include "daemon/join.h"
#include "http/fetch.h"
#include "kinds/certificates_v1.h"
#include "schema/value.h"

enum { JOIN_SIGNED_S = 60 };
#define JOIN_POLL (50 * CLOCK_MS)

/* Takes the authority's certificate from cluster-info, which anyone may read and anyone may forge; the hash
 * says whether it is the right one. */
static int join_discover(const struct join_options *o, struct str pin, struct arena *a, struct str *ca_pem,
                         struct err *err)
{
    struct fetch *f = NULL;
    _cleanup_fetch_response_ struct fetch_response r = {0};
    _cleanup_kubeconfig_ struct kubeconfig public = {0};
    _cleanup_buf_ struct buf hash = {0};
    struct value answer;
    if (fetch_new(&(struct fetch_options){.insecure = true}, &f, err) < 0)
        return -1;
    struct str url =
        arena_concat(a, o->server, STR("/api/v1/namespaces/kube-public/configmaps/cluster-info"));
    int rc = fetch_do(f, &(struct fetch_request){.url = url}, &r, err);
    fetch_free(f);
    if (rc < 0)
        return -1;
    if (r.status != 200)
        return err_set(err, ERR_UNAVAILABLE, "the server does not say who its authority is (%d)", r.status);
    if (value_parse(a, r.body, &answer, err) < 0)
        return -1;
    struct str text = value_get_str(value_get(&answer, STR("data")), STR("kubeconfig"));
    if (kubeconfig_parse(text, ".", (struct str){0}, &public, err) < 0 ||
        pki_public_key_hash(public.ca_pem, &hash, err) < 0)
        return -1;
    if (!str_eq(str_from_at(buf_str(&hash), sizeof "sha256:" - 1), pin))
        return err_set(err, ERR_UNAUTHORIZED,
                       "the server's authority is not the one that the token names; is the URL right?");
    *ca_pem = arena_str(a, public.ca_pem);
    return 0;
}

/* Splits the token, and finds the authority by its third part or in the file. */
static int join_trust(const struct join_options *o, struct arena *a, struct str *token, struct str *ca_pem,
                      struct err *err)
{
    struct str rest = str_trim(o->token), id, secret, pin = {0};
    bool ok = str_cut(&rest, '.', &id) && str_cut(&rest, '.', &secret);
    if (ok && rest.p)
        pin = rest;
    *token = ok ? arena_printf(a, STR_FMT "." STR_FMT, STR_ARG(id), STR_ARG(secret)) : o->token;
    if (o->ca_file) {
        _cleanup_buf_ struct buf pem = {0};
        if (file_read(o->ca_file, 1 << 20, &pem, err) < 0)
            return -1;
        *ca_pem = arena_str(a, buf_str(&pem));
        return 0;
    }
    if (!pin.n)
        return err_set(err, ERR_UNAUTHORIZED,
                       "Unauthorized: the token is not of the form ID.SECRET.HASH, as the server's file "
                       "agent-token has it; "
                       "without the hash, give the authority's certificate with --ca-file");
    return join_discover(o, pin, a, ca_pem, err);
}

/* Waits until someone has signed the request. */
static int join_wait_signed(struct client *c, struct str name, struct arena *a, struct str *cert_pem,
                            struct err *err)
{
    int64_t deadline = clock_mono() + JOIN_SIGNED_S * CLOCK_S;
    for (;;) {
        _cleanup_object_ struct object *o = NULL;
        if (client_get(c, &certificate_signing_request_resource, (struct str){0}, name, &o, err) < 0)
            return -1;
        const struct certificate_signing_request *csr = object_typed(o);
        if (csr->status.certificate.n) {
            *cert_pem = arena_str(a, csr->status.certificate);
            return 0;
        }
        for (size_t i = 0; i < csr->status.conditions.n; i++) {
            const struct certificate_signing_request_condition *k = &csr->status.conditions.at[i];
            if (str_eq(k->type, REQUEST_CONDITION_TYPE_DENIED) ||
                str_eq(k->type, REQUEST_CONDITION_TYPE_FAILED))
                return err_set(err, ERR_FORBIDDEN, "the request for a certificate was refused: " STR_FMT,
                               STR_ARG(k->message));
        }
        if (clock_mono() > deadline)
            return err_set(
                err, ERR_TIMEOUT,
                "nobody signed the request for a certificate; try: kubectl certificate approve " STR_FMT,
                STR_ARG(name));
        clock_sleep(JOIN_POLL);
    }
}

int join_certificate(struct client *c, const struct join_certificate *q, struct pki_pair *out,
                     struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf csr_pem = {0};
    _cleanup_object_ struct object *made = NULL;
    struct str group = STR("system:nodes");
    struct pki_request subject = {
        .common_name = arena_concat(&a, STR("system:node:"), q->node_name),
        .organizations = &group,
        .n_organizations = 1,
        .names = q->names,
        .n_names = q->n_names,
    };
    if (pki_make_csr(&subject, &out->key_pem, &csr_pem, err) < 0)
        return -1;
    struct str usages[] = {KEY_USAGE_DIGITAL_SIGNATURE,
                           q->server ? KEY_USAGE_SERVER_AUTH : KEY_USAGE_CLIENT_AUTH};
    struct certificate_signing_request csr = {
        .metadata = {.generate_name = q->server ? STR("node-serving-") : STR("node-client-")},
        .spec = {.request = buf_str(&csr_pem),
                 .signer_name = q->server ? STR("kubernetes.io/kubelet-serving")
                                          : STR("kubernetes.io/kube-apiserver-client-kubelet"),
                 .usages = {usages, ARRAY_LEN(usages)}},
    };
    struct str cert;
    if (client_create(c, &certificate_signing_request_resource, (struct str){0}, &csr, &made, err) < 0 ||
        join_wait_signed(c, object_name(made), &a, &cert, err) < 0)
        return -1;
    buf_add_str(&out->cert_pem, cert);
    return 0;
}

/* The way in that an earlier start kept. */
enum join_kept { KEPT_NONE, KEPT_OLD, KEPT_GOOD };

static enum join_kept join_kept(const char *path, struct kubeconfig *out)
{
    int64_t from, until;
    if (!file_exists(path) || kubeconfig_read(path, (struct str){0}, out, NULL) < 0)
        return KEPT_NONE;
    if (pki_validity(out->cert_pem, &from, &until, NULL) == 0 && clock_wall() < until * CLOCK_S)
        return clock_wall() < pki_renew_at(out->cert_pem) ? KEPT_GOOD : KEPT_OLD;
    kubeconfig_free(out);
    return KEPT_NONE;
}

/* Asks for a certificate, as whoever `config` says, and keeps it. */
static int join_ask(const struct join_options *o, const struct client_config *config, const char *path,
                    struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_pki_pair_ struct pki_pair pair = {0};
    struct client *c = NULL;
    if (client_remote(config, &c, err) < 0)
        return -1;
    int rc = join_certificate(c, &(struct join_certificate){.node_name = o->node_name}, &pair, err);
    client_free(c);
    if (rc < 0)
        return -1;
    struct kubeconfig way = {
        .server = o->server,
        .ca_pem = config->ca_pem,
        .cert_pem = buf_str(&pair.cert_pem),
        .key_pem = buf_str(&pair.key_pem),
        .user = arena_concat(&a, STR("system:node:"), o->node_name),
    };
    log_info("joined " STR_FMT " as " STR_FMT, STR_ARG(o->server), STR_ARG(way.user));
    return kubeconfig_write(path, &way, err);
}

int join_cluster(const struct join_options *o, struct kubeconfig *out, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err renewing = {0};
    char path[4096];
    snprintf(path, sizeof path, "%s/agent.kubeconfig", o->dir);
    enum join_kept kept = join_kept(path, out);
    if (kept == KEPT_GOOD)
        return 0;
    struct client_config config = {.server = o->server};
    if (kept == KEPT_OLD) { /* a node renews its certificate itself, the token may be gone */
        config.ca_pem = out->ca_pem;
        config.cert_pem = out->cert_pem;
        config.key_pem = out->key_pem;
        if (join_ask(o, &config, path, &renewing) < 0) {
            log_warn("the node's certificate could not be renewed yet: " STR_FMT, STR_ARG(renewing.message));
            return 0;
        }
        kubeconfig_free(out);
    } else if (file_mkdirs(o->dir, 0700, err) < 0 ||
               join_trust(o, &a, &config.token, &config.ca_pem, err) < 0 ||
               join_ask(o, &config, path, err) < 0) {
        return -1;
    }
    return kubeconfig_read(path, (struct str){0}, out, err);
}
