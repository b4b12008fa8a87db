#include "node/pod/files.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"

enum { HOSTNAME_LENGTH_MAX = 63, RESOLV_FILE_MAX = 64 << 10, DNS_NAMESERVERS_MAX = 3 };

static struct str cluster_domain(const struct pod_state *p)
{
    struct str domain = p->node->options.cluster_domain;
    return domain.n ? domain : STR("cluster.local");
}

int pod_names_make(const struct pod_state *p, const struct pod *pod, struct arena *a, struct pod_names *out,
                   struct err *err)
{
    const struct pod_spec *s = &pod->spec;
    struct str name = s->hostname_override ? *s->hostname_override
                      : s->hostname.n      ? s->hostname
                                           : pod->metadata.name;
    if (name.n > HOSTNAME_LENGTH_MAX) {
        name.n = HOSTNAME_LENGTH_MAX;
        while (name.n && (name.p[name.n - 1] == '-' || name.p[name.n - 1] == '.'))
            name.n--;
    }
    *out = (struct pod_names){.host = name, .kernel = name};
    if (s->subdomain.n && !s->hostname_override)
        out->domain = arena_printf(a, STR_FMT "." STR_FMT ".svc." STR_FMT, STR_ARG(s->subdomain),
                                   STR_ARG(p->ns), STR_ARG(cluster_domain(p)));
    if (s->host_network && !s->hostname_override) {
        char own[HOST_NAME_MAX + 1] = {0};
        gethostname(own, sizeof own - 1);
        out->kernel = arena_str(a, str_from(own));
    } else if (s->set_hostname_as_fqdn && *s->set_hostname_as_fqdn && out->domain.n) {
        out->kernel = arena_printf(a, STR_FMT "." STR_FMT, STR_ARG(name), STR_ARG(out->domain));
        if (out->kernel.n > HOST_NAME_MAX)
            return err_set(err, ERR_INVALID,
                           "failed to construct FQDN from pod hostname and cluster domain, FQDN " STR_FMT
                           " is too long (%d characters is the max, %zu characters requested)",
                           STR_ARG(out->kernel), HOST_NAME_MAX, out->kernel.n);
    }
    return 0;
}

static void add_hosts(struct pod_state *p, const struct pod *pod, const struct pod_names *names,
                      struct buf *b)
{
    if (pod->spec.host_network) {
        buf_add_lit(b, "# Kubernetes-managed hosts file (host network).\n");
        file_read("/etc/hosts", 1 << 20, b, NULL);
    } else {
        buf_add_lit(b,
                    "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost "
                    "ip6-loopback\nfe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\n"
                    "fe00::2\tip6-allrouters\n");
        for (size_t i = 0; i < p->ips.n; i++) {
            buf_addf(b, STR_FMT "\t", STR_ARG(p->ips.at[i]));
            if (names->domain.n)
                buf_addf(b, STR_FMT "." STR_FMT "\t", STR_ARG(names->host), STR_ARG(names->domain));
            buf_addf(b, STR_FMT "\n", STR_ARG(names->host));
        }
    }
    const struct host_alias_vec *aliases = &pod->spec.host_aliases;
    if (aliases->n)
        buf_add_lit(b, "\n# Entries added by HostAliases.\n");
    for (size_t i = 0; i < aliases->n; i++) {
        buf_add_str(b, aliases->at[i].ip);
        for (size_t k = 0; k < aliases->at[i].hostnames.n; k++)
            buf_addf(b, "\t" STR_FMT, STR_ARG(aliases->at[i].hostnames.at[k]));
        buf_add_c(b, '\n');
    }
}

static void add_resolv(struct pod_state *p, const struct pod *pod, struct buf *b)
{
    const struct pod_spec *s = &pod->spec;
    const struct str_vec *dns = &p->node->options.cluster_dns;
    bool cluster = str_is(s->dns_policy, "ClusterFirstWithHostNet") ||
                   (str_is(s->dns_policy, "ClusterFirst") && !s->host_network);
    bool none = str_is(s->dns_policy, "None");
    _cleanup_buf_ struct buf host = {0};
    file_read("/etc/resolv.conf", RESOLV_FILE_MAX, &host, NULL);
    struct str domain = cluster_domain(p);
    _cleanup_buf_ struct buf searches = {0}, options = {0};
    struct str rest, line;
    if (cluster && dns->n) {
        buf_addf(&searches, " " STR_FMT ".svc." STR_FMT " svc." STR_FMT " " STR_FMT, STR_ARG(p->ns),
                 STR_ARG(domain), STR_ARG(domain), STR_ARG(domain));
        buf_add_lit(&options, " ndots:5");
    }
    for (rest = buf_str(&host); !none && str_cut(&rest, '\n', &line);) {
        line = str_trim(line);
        if (str_starts(line, STR("search ")))
            buf_addf(&searches, " " STR_FMT, STR_ARG(str_trim(str_from_at(line, 7))));
        else if (str_starts(line, STR("options ")) && !(cluster && dns->n))
            buf_addf(&options, " " STR_FMT, STR_ARG(str_trim(str_from_at(line, 8))));
        else if (str_starts(line, STR("nameserver ")) && !(cluster && dns->n))
            buf_addf(b, STR_FMT "\n", STR_ARG(line));
    }
    for (size_t i = 0; cluster && i < dns->n && i < DNS_NAMESERVERS_MAX; i++)
        buf_addf(b, "nameserver " STR_FMT "\n", STR_ARG(dns->at[i]));
    if (s->dns_config) {
        const struct pod_dns_config *c = s->dns_config;
        for (size_t i = 0; i < c->nameservers.n && i < DNS_NAMESERVERS_MAX; i++)
            buf_addf(b, "nameserver " STR_FMT "\n", STR_ARG(c->nameservers.at[i]));
        for (size_t i = 0; i < c->searches.n; i++)
            buf_addf(&searches, " " STR_FMT, STR_ARG(c->searches.at[i]));
        for (size_t i = 0; i < c->options.n; i++) {
            const struct pod_dns_config_option *o = &c->options.at[i];
            buf_addf(&options, " " STR_FMT "%s" STR_FMT, STR_ARG(o->name), o->value ? ":" : "",
                     STR_ARG(o->value ? *o->value : STR("")));
        }
    }
    /* As upstream orders it: search, nameserver, options. */
    struct str servers = buf_str(b);
    _cleanup_buf_ struct buf all = {0};
    if (searches.n)
        buf_addf(&all, "search" STR_FMT "\n", STR_ARG(buf_str(&searches)));
    buf_add_str(&all, servers);
    if (options.n)
        buf_addf(&all, "options" STR_FMT "\n", STR_ARG(buf_str(&options)));
    b->n = 0;
    buf_add_str(b, buf_str(&all));
}

int pod_files_write(struct pod_state *p, const struct pod *pod, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf hosts = {0}, resolv = {0};
    struct pod_names names;
    if (pod_names_make(p, pod, &a, &names, err) < 0)
        return -1;
    add_hosts(p, pod, &names, &hosts);
    add_resolv(p, pod, &resolv);
    struct str hostname = arena_printf(&a, STR_FMT "\n", STR_ARG(names.kernel));
    return file_replace(arena_printf(&a, "%s/hosts", p->dir).p, buf_str(&hosts), 0644, err) < 0 ||
                   file_replace(arena_printf(&a, "%s/resolv.conf", p->dir).p, buf_str(&resolv), 0644, err) <
                       0 ||
                   file_replace(arena_printf(&a, "%s/hostname", p->dir).p, hostname, 0644, err) < 0
               ? -1
               : 0;
}
