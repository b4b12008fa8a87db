#include "daemon/cluster_pki.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include "auth/jwt.h"
#include "base/file.h"

#define YEAR_S (365 * INT64_C(86400))

enum { MAX_NAMES = 256 };

struct names {
    struct arena arena;
    struct str at[MAX_NAMES];
    size_t n;
};

static void add_name(struct names *names, struct str name)
{
    for (size_t i = 0; i < names->n; i++)
        if (str_eq(names->at[i], name))
            return;
    if (names->n < MAX_NAMES && !str_empty(name))
        names->at[names->n++] = arena_str(&names->arena, name);
}

/* The addresses of this host, but link-local ones: they name no one host. */
static void add_addresses(struct names *names)
{
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) < 0)
        return;
    for (struct ifaddrs *i = all; i; i = i->ifa_next) {
        char text[INET6_ADDRSTRLEN] = "";
        if (!i->ifa_addr || !(i->ifa_flags & IFF_UP))
            continue;
        if (i->ifa_addr->sa_family == AF_INET) {
            inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr, text, sizeof text);
        } else if (i->ifa_addr->sa_family == AF_INET6) {
            struct in6_addr *a = &((struct sockaddr_in6 *)(void *)i->ifa_addr)->sin6_addr;
            if (!IN6_IS_ADDR_LINKLOCAL(a))
                inet_ntop(AF_INET6, a, text, sizeof text);
        }
        add_name(names, str_from(text));
    }
    freeifaddrs(all);
}

static int ensure_server(const char *dir, const struct str *extra, size_t n_extra, struct cluster_pki *p,
                         struct err *err)
{
    static const struct str usual[] = {
        STR_INIT("kubernetes"),
        STR_INIT("kubernetes.default"),
        STR_INIT("kubernetes.default.svc"),
        STR_INIT("kubernetes.default.svc.cluster.local"),
        STR_INIT("localhost"),
        STR_INIT("127.0.0.1"),
        STR_INIT("::1"),
    };
    struct names names = {0};
    for (size_t i = 0; i < ARRAY_LEN(usual); i++)
        add_name(&names, usual[i]);
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) == 0)
        add_name(&names, str_from(host));
    add_addresses(&names);
    for (size_t i = 0; i < n_extra; i++)
        add_name(&names, extra[i]);
    struct pki_request q = {.common_name = STR("kube-apiserver"),
                            .names = names.at,
                            .n_names = names.n,
                            .server = true,
                            .lifetime_s = YEAR_S};
    int result = pki_ensure(dir, "server", &p->ca, &q, &p->server, err);
    arena_free(&names.arena);
    return result;
}

static int ensure_client(const char *dir, const char *name, struct str common_name, const struct pki_pair *ca,
                         struct pki_pair *out, struct err *err)
{
    struct str masters = STR("system:masters");
    struct pki_request q = {.common_name = common_name,
                            .organizations = &masters,
                            .n_organizations = 1,
                            .client = true,
                            .lifetime_s = YEAR_S};
    return pki_ensure(dir, name, ca, &q, out, err);
}

/* An authority of its own: whoever it vouches for may speak for others. */
static int ensure_front_proxy(const char *dir, struct cluster_pki *p, struct err *err)
{
    struct pki_request q = {.common_name = STR("front-proxy-client"), .client = true, .lifetime_s = YEAR_S};
    if (pki_ensure_ca(dir, "front-proxy-ca", STR("sagong-front-proxy"), 10 * YEAR_S, &p->front_proxy_ca,
                      err) < 0)
        return -1;
    return pki_ensure(dir, "front-proxy-client", &p->front_proxy_ca, &q, &p->front_proxy, err);
}

static int ensure_token_key(const char *path, struct buf *pem, struct err *err)
{
    struct jwt_key *key;
    if (jwt_key_ensure(path, &key, err) < 0)
        return -1;
    jwt_key_free(key);
    return file_read(path, 64 * 1024, pem, err);
}

int cluster_pki_ensure(const char *data_dir, const struct str *names, size_t n_names, struct cluster_pki *out,
                       struct err *err)
{
    *out = (struct cluster_pki){0};
    _cleanup_arena_ struct arena a = {0};
    const char *dir = arena_printf(&a, "%s/pki", data_dir).p;
    const char *key = arena_printf(&a, "%s/service-accounts.key", dir).p;
    if (file_mkdirs(dir, 0700, err) < 0 ||
        pki_ensure_ca(dir, "ca", STR("sagong"), 10 * YEAR_S, &out->ca, err) < 0 ||
        ensure_server(dir, names, n_names, out, err) < 0 ||
        ensure_client(dir, "admin", STR("kubernetes-admin"), &out->ca, &out->admin, err) < 0 ||
        ensure_client(dir, "kubelet-client", STR("kube-apiserver-kubelet-client"), &out->ca, &out->kubelet,
                      err) < 0 ||
        ensure_front_proxy(dir, out, err) < 0 || ensure_token_key(key, &out->service_accounts, err) < 0) {
        cluster_pki_free(out);
        return -1;
    }
    return 0;
}

void cluster_pki_free(struct cluster_pki *p)
{
    pki_pair_free(&p->ca);
    pki_pair_free(&p->server);
    pki_pair_free(&p->kubelet);
    pki_pair_free(&p->admin);
    pki_pair_free(&p->front_proxy_ca);
    pki_pair_free(&p->front_proxy);
    buf_wipe(&p->service_accounts);
    *p = (struct cluster_pki){0};
}
