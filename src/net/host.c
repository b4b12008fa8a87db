#include "net/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <unistd.h>

#include "base/file.h"

int host_name(struct arena *a, struct str *name, struct err *err)
{
    char text[256] = {0};
    if (gethostname(text, sizeof text - 1) < 0)
        return err_errno(err, errno, "read the host name");
    for (char *c = text; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    *name = arena_str(a, str_from(text));
    return 0;
}

/* The address in one, as text; empty when it is of another family or only for this machine or its link. */
static struct str host_text(struct arena *a, enum ip_family family, const struct sockaddr *from)
{
    const struct sockaddr_in *four = (const void *)from;
    const struct sockaddr_in6 *six = (const void *)from;
    if (!from || from->sa_family != (family == IP_V4 ? AF_INET : AF_INET6) ||
        (family == IP_V6 &&
         (IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr) || IN6_IS_ADDR_LOOPBACK(&six->sin6_addr))))
        return (struct str){0};
    const void *bytes = family == IP_V4 ? (const void *)&four->sin_addr : &six->sin6_addr;
    return ip_text(a, ip_from_bytes(family, bytes));
}

/* Connecting a datagram socket sends nothing; the kernel only chooses the source address. */
static struct str host_default_route(struct arena *a, enum ip_family family)
{
    struct sockaddr_in four = {
        .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(0x01010101)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6,
                               .sin6_port = htons(53),
                               .sin6_addr.s6_addr = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
    struct sockaddr_storage own;
    socklen_t size = sizeof own;
    _cleanup_fd_ int fd = socket(family == IP_V4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool found = fd >= 0 &&
                 (family == IP_V4 ? connect(fd, (void *)&four, sizeof four)
                                  : connect(fd, (void *)&six, sizeof six)) == 0 &&
                 getsockname(fd, (struct sockaddr *)&own, &size) == 0;
    return found ? host_text(a, family, (struct sockaddr *)&own) : (struct str){0};
}

int host_address(struct arena *a, enum ip_family family, struct str *ip, struct err *err)
{
    *ip = host_default_route(a, family);
    if (ip->n)
        return 0;
    struct ifaddrs *all;
    if (getifaddrs(&all) < 0)
        return err_errno(err, errno, "list this machine's addresses");
    for (struct ifaddrs *i = all; i && !ip->n; i = i->ifa_next)
        if (!(i->ifa_flags & IFF_LOOPBACK) && i->ifa_flags & IFF_UP &&
            !str_starts(str_from(i->ifa_name), STR("sagong")))
            *ip = host_text(a, family, i->ifa_addr);
    freeifaddrs(all);
    return ip->n ? 0
                 : err_set(err, ERR_UNAVAILABLE,
                           "this machine has no IPv%d address but the loopback's; say one with --node-ip",
                           (int)family);
}

bool host_has_ipv6(void)
{
    return file_exists("/proc/net/if_inet6");
}

const char *host_any(void)
{
    return host_has_ipv6() ? "[::]" : "0.0.0.0";
}
