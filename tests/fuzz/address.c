/* Addresses and prefixes out of arbitrary text: what is read strictly is read the same sloppily, and comes
 * again out of its own text. */
#include "base/ip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    _cleanup_arena_ struct arena a = {0};
    struct str s = str_slice((const char *)data, n);
    struct ip ip, again;
    struct ip_prefix p, same;
    if (ip_parse(s, &ip))
        ensure(ip_parse_sloppy(s, &again) && ip_eq(ip, again));
    if (ip_parse_sloppy(s, &ip))
        ensure(ip_parse(ip_text(&a, ip), &again) && ip_eq(ip, again));
    if (ip_prefix_parse(s, &p)) {
        ensure(ip_prefix_parse(ip_prefix_text(&a, p), &same) && ip_eq(p.base, same.base) &&
               p.bits == same.bits);
        ensure(ip_prefix_has(p, p.base) && ip_prefix_has(p, ip_prefix_last(p)));
        ensure(ip_prefix_parse_sloppy(s, &same, &ip) && ip_prefix_has(same, ip));
    }
    return 0;
}
