#include "daemon/ranges.h"

int ranges_from(const char *flag, const struct flag_list *said, const char *otherwise, struct arena *a,
                struct str_vec *out, struct err *err)
{
    const struct flag_list usual = {&otherwise, 1}, *texts = said->n ? said : &usual;
    struct ip_prefix p[2];
    bool good = texts->n <= 2;
    for (size_t i = 0; good && i < texts->n; i++)
        good = ip_prefix_parse(str_from(texts->at[i]), &p[i]);
    if (!good || (texts->n == 2 && p[0].base.family == p[1].base.family))
        return err_set(err, ERR_BAD_REQUEST,
                       "--%s is a range of addresses, or one of each family: not \"%s%s%s\"", flag,
                       texts->at[0], texts->n > 1 ? "," : "", texts->n > 1 ? texts->at[1] : "");
    *out = (struct str_vec){arena_new_n(a, struct str, texts->n), texts->n};
    for (size_t i = 0; i < texts->n; i++)
        out->at[i] = ip_prefix_text(a, p[i]);
    return 0;
}

struct str range_address(struct arena *a, struct str range, unsigned offset)
{
    struct ip_prefix p;
    if (!ip_prefix_parse(range, &p) || offset >= ip_prefix_last(p).n - p.base.n)
        return (struct str){0};
    return ip_text(a, ip_prefix_at(p, offset));
}

unsigned range_parts(struct str range, int64_t bits)
{
    struct ip_prefix p;
    if (!ip_prefix_parse(range, &p) || bits < p.bits || bits > ip_bits(p.base.family) || bits - p.bits > 16)
        return 0;
    return 1u << (bits - p.bits);
}

bool ranges_have(const struct str_vec *ranges, enum ip_family family)
{
    for (size_t i = 0; i < ranges->n; i++)
        if (ip_family_of(ranges->at[i]) == family)
            return true;
    return false;
}
