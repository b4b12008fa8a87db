#include "ask.h"

#include <stdio.h>

#include "base/clock.h"
#include "http/fetch.h"
#include "test.h"

static void issue(struct ask *k, const char *name, bool server, struct pki_pair *out)
{
    struct str address = STR("127.0.0.1");
    struct pki_request q = {.common_name = str_from(name),
                            .names = &address,
                            .n_names = server ? 1 : 0,
                            .server = server,
                            .client = !server,
                            .lifetime_s = 3600};
    struct err err = {0};
    assert_ok(pki_issue(&k->ca, &q, out, &err), err);
}

void ask_open(struct ask *k)
{
    struct err err = {0};
    assert_ok(pki_make_ca(STR("test"), 3600, &k->ca, &err), err);
    issue(k, "system:node:worker", true, &k->serving);
    issue(k, "kube-apiserver-kubelet-client", false, &k->client);
    issue(k, "jane", false, &k->stranger);
    k->loop = loop_new("kubelet");
    loop_start(k->loop);
}

void ask_close(struct ask *k)
{
    loop_stop(k->loop);
    loop_join(k->loop);
    loop_free(k->loop);
    pki_pair_free(&k->ca);
    pki_pair_free(&k->serving);
    pki_pair_free(&k->client);
    pki_pair_free(&k->stranger);
}

int ask_endpoint(struct ask *k, const struct pki_pair *who, int port, const char *path, struct buf *out)
{
    struct err err = {0};
    struct fetch *f;
    struct fetch_options o = {.ca_pem = buf_str(&k->ca.cert_pem)};
    if (who) {
        o.cert_pem = buf_str(&who->cert_pem);
        o.key_pem = buf_str(&who->key_pem);
    }
    assert_ok(fetch_new(&o, &f, &err), err);
    char url[512];
    snprintf(url, sizeof url, "https://127.0.0.1:%d%s", port, path);
    struct fetch_request q = {.url = str_from(url), .timeout_ns = 20 * CLOCK_S};
    struct fetch_response r = {0};
    assert_ok(fetch_do(f, &q, &r, &err), err);
    out->n = 0;
    buf_add_str(out, r.body);
    int status = r.status;
    fetch_response_clear(&r);
    fetch_free(f);
    return status;
}
