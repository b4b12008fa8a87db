#include "node/pod/files.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "node/pod/resolv.h"

enum { HOSTNAME_LENGTH_MAX = 63 };

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

/* What is amiss with it is told, and does not keep the pod from starting. */
static int make_resolv(struct pod_state *p, struct object *object, struct arena *a, struct str *text,
                       struct err *err)
{
    const struct pod *pod = object_typed(object);
    struct resolv_conf host;
    struct pod_resolv resolv;
    if (resolv_conf_read(p->node->options.resolv_conf, a, &host, err) < 0)
        return -1;
    struct pod_resolv_options o = {
        .host = &host, .cluster_dns = p->node->options.cluster_dns, .cluster_domain = cluster_domain(p)};
    pod_resolv_make(pod, &o, a, &resolv);
    if (resolv.missing)
        pod_event(p, object, "Warning", "MissingClusterDNS",
                  "pod: \"" STR_FMT "_" STR_FMT "(" STR_FMT
                  ")\". kubelet does not have ClusterDNS IP configured and cannot create Pod using "
                  "\"ClusterFirst\" policy. Falling back to \"Default\" policy.",
                  STR_ARG(p->name), STR_ARG(p->ns), STR_ARG(p->uid));
    struct str warnings = resolv.warnings, line;
    while (str_cut(&warnings, '\n', &line))
        if (line.n)
            pod_event(p, object, "Warning", "DNSConfigForming", STR_FMT, STR_ARG(line));
    *text = resolv.text;
    return 0;
}

int pod_files_write(struct pod_state *p, struct object *object, struct err *err)
{
    const struct pod *pod = object_typed(object);
    struct str resolv;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf hosts = {0};
    struct pod_names names;
    if (pod_names_make(p, pod, &a, &names, err) < 0)
        return -1;
    add_hosts(p, pod, &names, &hosts);
    if (make_resolv(p, object, &a, &resolv, err) < 0)
        return -1;
    struct str hostname = arena_printf(&a, STR_FMT "\n", STR_ARG(names.kernel));
    return file_replace(arena_printf(&a, "%s/hosts", p->dir).p, buf_str(&hosts), 0644, err) < 0 ||
                   file_replace(arena_printf(&a, "%s/resolv.conf", p->dir).p, resolv, 0644, err) < 0 ||
                   file_replace(arena_printf(&a, "%s/hostname", p->dir).p, hostname, 0644, err) < 0
               ? -1
               : 0;
}
