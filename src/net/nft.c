#include "net/nft.h"

#include "base/process.h"
#include "net/host.h"

const enum ip_family nft_family[NFT_FAMILIES] = {IP_V4, IP_V6};

size_t nft_families(void)
{
    return host_has_ipv6() ? NFT_FAMILIES : 1;
}

const char *nft_ip(enum ip_family family)
{
    return family == IP_V6 ? "ip6" : "ip";
}

const char *nft_addr(enum ip_family family)
{
    return family == IP_V6 ? "ipv6_addr" : "ipv4_addr";
}

void nft_remove(const char *ip, const char *table, struct buf *script)
{
    buf_addf(script, "add table %s %s\ndelete table %s %s\n", ip, table, ip, table);
}

int nft_apply(struct str script, struct err *err)
{
    if (str_empty(script))
        return 0;
    const char *argv[] = {"nft", "-f", "-", NULL};
    return process_run(&(struct process_options){.argv = argv, .input = script}, err);
}
