#include "net/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <unistd.h>

#include "base/file.h"
#include "net/cidr.h"

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

/* Connecting a datagram socket sends nothing; the kernel only chooses the source address. */
static bool host_default_route(struct sockaddr_in *own)
{
    struct sockaddr_in far = {
        .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(0x01010101)};
    socklen_t size = sizeof *own;
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, (struct sockaddr *)&far, sizeof far) == 0 &&
           getsockname(fd, (struct sockaddr *)own, &size) == 0;
}

int host_address(struct arena *a, struct str *ip, struct err *err)
{
    struct sockaddr_in own;
    if (host_default_route(&own)) {
        *ip = ip4_text(a, ntohl(own.sin_addr.s_addr));
        return 0;
    }
    struct ifaddrs *all;
    if (getifaddrs(&all) < 0)
        return err_errno(err, errno, "list this machine's addresses");
    bool found = false;
    for (struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
        struct str link = str_from(i->ifa_name);
        if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || i->ifa_flags & IFF_LOOPBACK ||
            !(i->ifa_flags & IFF_UP) || str_starts(link, STR("sagong")))
            continue;
        *ip = ip4_text(a, ntohl(((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr.s_addr));
        found = true;
    }
    freeifaddrs(all);
    return found ? 0
                 : err_set(err, ERR_UNAVAILABLE,
                           "this machine has no address but the loopback's; say one with --node-ip");
}
