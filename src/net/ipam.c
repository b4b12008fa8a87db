#include "net/ipam.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"
#include "base/thread.h"

struct lease {
    struct str owner;
    uint32_t at; /* in the range */
};

struct ipam {
    pthread_mutex_t mutex;
    char *dir;
    struct ip_prefix range;
    uint32_t size;         /* of the part that is used */
    uint32_t last;         /* given, so that an address rests before it is used again */
    struct lease **leases; /* by their place in the range */
    struct map by_owner;   /* of struct lease */
};

enum { IPAM_OWNER_MAX = 256, IPAM_BITS_MAX = 20, IPAM_BITS_MAX_V6 = 16 };

static void ipam_path(const struct ipam *m, uint32_t at, char path[4096])
{
    _cleanup_arena_ struct arena a = {0};
    snprintf(path, 4096, "%s/" STR_FMT, m->dir, STR_ARG(ip_text(&a, ip_prefix_at(m->range, at))));
}

static void ipam_remember(struct ipam *m, struct str owner, uint32_t at)
{
    struct lease *l = mem_alloc(sizeof *l);
    *l = (struct lease){str_slice(str_dup_c(owner), owner.n), at};
    m->leases[at] = l;
    map_put(&m->by_owner, l->owner, l);
}

static void ipam_forget(struct ipam *m, struct lease *l)
{
    map_del(&m->by_owner, l->owner);
    m->leases[l->at] = NULL;
    free((char *)l->owner.p);
    free(l);
}

static int ipam_load(struct ipam *m, struct err *err)
{
    DIR *dir = opendir(m->dir);
    if (!dir)
        return err_errno(err, errno, "open %s", m->dir);
    for (struct dirent *d; (d = readdir(dir));) {
        _cleanup_buf_ struct buf owner = {0};
        char path[4096];
        struct ip ip;
        if (!ip_parse(str_from(d->d_name), &ip) || ip.family != m->range.base.family)
            continue;
        snprintf(path, sizeof path, "%s/%s", m->dir, d->d_name);
        if (!ip_prefix_has(m->range, ip) || ip.n - m->range.base.n >= m->size ||
            file_read(path, IPAM_OWNER_MAX, &owner, NULL) < 0 || owner.n == 0 ||
            map_get(&m->by_owner, buf_str(&owner)))
            unlink(path); /* of an older range, or torn by a crash before anyone had it */
        else
            ipam_remember(m, buf_str(&owner), (uint32_t)(ip.n - m->range.base.n));
    }
    closedir(dir);
    return 0;
}

int ipam_open(const char *dir, struct ip_prefix range, struct ipam **out, struct err *err)
{
    bool v6 = range.base.family == IP_V6;
    unsigned bits = ip_bits(range.base.family) - range.bits;
    if (bits < 2 || (!v6 && bits > IPAM_BITS_MAX))
        return err_set(err, ERR_BAD_REQUEST, "a node's pod range must have a prefix of %s bits, not %u",
                       v6 ? "at most 126" : "12 to 30", range.bits);
    if (file_mkdirs(dir, 0700, err) < 0)
        return -1;
    struct ipam *m = mem_zalloc(sizeof *m);
    pthread_mutex_init(&m->mutex, NULL);
    m->dir = str_dup_c(str_from(dir));
    m->range = range;
    m->size = UINT32_C(1) << (v6 && bits > IPAM_BITS_MAX_V6 ? IPAM_BITS_MAX_V6 : bits);
    m->last = 1;
    m->leases = mem_zalloc(m->size * sizeof *m->leases);
    if (ipam_load(m, err) < 0) {
        ipam_close(m);
        return -1;
    }
    *out = m;
    return 0;
}

void ipam_close(struct ipam *m)
{
    if (!m)
        return;
    for (uint32_t i = 0; i < m->size; i++)
        if (m->leases[i])
            ipam_forget(m, m->leases[i]);
    map_free(&m->by_owner);
    free(m->leases);
    free(m->dir);
    pthread_mutex_destroy(&m->mutex);
    free(m);
}

/* Not synced: an address outlives the agent, not the machine, whose pods' networks are gone too when it comes
 * back. */
static int ipam_write(const char *path, struct str owner, struct err *err)
{
    _cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, owner.p, owner.n) != (ssize_t)owner.n)
        return err_errno(err, errno, "write %s", path);
    return 0;
}

int ipam_allocate(struct ipam *m, struct str owner, struct ip *ip, struct err *err)
{
    _lock_(&m->mutex);
    struct lease *have = map_get(&m->by_owner, owner);
    if (have) {
        *ip = ip_prefix_at(m->range, have->at);
        return 0;
    }
    for (uint32_t step = 1; step <= m->size; step++) {
        uint32_t at = (m->last + step) % m->size;
        if (at < 2 || at == m->size - 1 || m->leases[at])
            continue;
        char path[4096];
        ipam_path(m, at, path);
        if (ipam_write(path, owner, err) < 0)
            return -1;
        ipam_remember(m, owner, at);
        m->last = at;
        *ip = ip_prefix_at(m->range, at);
        return 0;
    }
    return err_set(err, ERR_UNAVAILABLE, "no free address is left in the node's pod range");
}

bool ipam_find(struct ipam *m, struct str owner, struct ip *ip)
{
    _lock_(&m->mutex);
    struct lease *have = map_get(&m->by_owner, owner);
    if (have)
        *ip = ip_prefix_at(m->range, have->at);
    return have;
}

int ipam_release(struct ipam *m, struct str owner, struct err *err)
{
    _lock_(&m->mutex);
    struct lease *have = map_get(&m->by_owner, owner);
    if (!have)
        return 0;
    char path[4096];
    ipam_path(m, have->at, path);
    if (unlink(path) < 0 && errno != ENOENT)
        return err_errno(err, errno, "remove %s", path);
    ipam_forget(m, have);
    return 0;
}
