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
    uint32_t ip;
};

struct ipam {
    pthread_mutex_t mutex;
    char *dir;
    struct cidr range;
    uint32_t last;        /* given, so that an address rests before it is used again */
    struct lease **by_ip; /* 2^(32 - bits) of them */
    struct map by_owner;  /* of struct lease */
};

enum { IPAM_MIN_BITS = 12, IPAM_OWNER_MAX = 256 };

static uint32_t ipam_size(const struct ipam *m)
{
    return UINT32_C(1) << (32 - m->range.bits);
}

static void ipam_path(const struct ipam *m, uint32_t ip, char path[4096])
{
    snprintf(path, 4096, "%s/%u.%u.%u.%u", m->dir, ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
}

static void ipam_remember(struct ipam *m, struct str owner, uint32_t ip)
{
    struct lease *l = mem_alloc(sizeof *l);
    *l = (struct lease){str_slice(str_dup_c(owner), owner.n), ip};
    m->by_ip[ip - m->range.base] = l;
    map_put(&m->by_owner, l->owner, l);
}

static void ipam_forget(struct ipam *m, struct lease *l)
{
    map_del(&m->by_owner, l->owner);
    m->by_ip[l->ip - m->range.base] = NULL;
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
        uint32_t ip;
        if (!ip4_parse(str_from(d->d_name), &ip))
            continue;
        ipam_path(m, ip, path);
        if (!cidr_has(m->range, ip) || file_read(path, IPAM_OWNER_MAX, &owner, NULL) < 0 || owner.n == 0 ||
            map_get(&m->by_owner, buf_str(&owner)))
            unlink(path); /* of an older range, or torn by a crash before anyone had it */
        else
            ipam_remember(m, buf_str(&owner), ip);
    }
    closedir(dir);
    return 0;
}

int ipam_open(const char *dir, struct cidr range, struct ipam **out, struct err *err)
{
    if (range.bits < IPAM_MIN_BITS || range.bits > 30)
        return err_set(err, ERR_BAD_REQUEST, "a node's pod range must have a prefix of 12 to 30 bits, not %u",
                       range.bits);
    if (file_mkdirs(dir, 0700, err) < 0)
        return -1;
    struct ipam *m = mem_zalloc(sizeof *m);
    pthread_mutex_init(&m->mutex, NULL);
    m->dir = str_dup_c(str_from(dir));
    m->range = range;
    m->last = range.base + 1;
    m->by_ip = mem_zalloc(ipam_size(m) * sizeof *m->by_ip);
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
    for (uint32_t i = 0; i < ipam_size(m); i++)
        if (m->by_ip[i])
            ipam_forget(m, m->by_ip[i]);
    map_free(&m->by_owner);
    free(m->by_ip);
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

int ipam_allocate(struct ipam *m, struct str owner, uint32_t *ip, struct err *err)
{
    _lock_(&m->mutex);
    struct lease *have = map_get(&m->by_owner, owner);
    if (have) {
        *ip = have->ip;
        return 0;
    }
    uint32_t size = ipam_size(m);
    for (uint32_t step = 1; step <= size; step++) {
        uint32_t at = (m->last - m->range.base + step) % size;
        if (at < 2 || at == size - 1 || m->by_ip[at])
            continue;
        char path[4096];
        ipam_path(m, m->range.base + at, path);
        if (ipam_write(path, owner, err) < 0)
            return -1;
        ipam_remember(m, owner, m->range.base + at);
        *ip = m->last = m->range.base + at;
        return 0;
    }
    return err_set(err, ERR_UNAVAILABLE, "no free address is left in the node's pod range");
}

bool ipam_find(struct ipam *m, struct str owner, uint32_t *ip)
{
    _lock_(&m->mutex);
    struct lease *have = map_get(&m->by_owner, owner);
    if (have)
        *ip = have->ip;
    return have;
}

int ipam_release(struct ipam *m, struct str owner, struct err *err)
{
    _lock_(&m->mutex);
    struct lease *have = map_get(&m->by_owner, owner);
    if (!have)
        return 0;
    char path[4096];
    ipam_path(m, have->ip, path);
    if (unlink(path) < 0 && errno != ENOENT)
        return err_errno(err, errno, "remove %s", path);
    ipam_forget(m, have);
    return 0;
}
