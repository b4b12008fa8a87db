/* DNS messages: arbitrary bytes as a query, whose answer must be one, and as another server's reply. */
#include "net/dns/cache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct dns_record records[] = {
    {.type = STR_INIT("A"), .data = STR_INIT("10.96.0.1")},
    {.type = STR_INIT("SRV"), .data = STR_INIT("0 100 443 web.default.svc.cluster.local.")},
    {.owner = STR_INIT("web.default.svc.cluster.local"),
     .type = STR_INIT("AAAA"),
     .data = STR_INIT("fd00::1")},
};

/* What is sent must be a message that answers the query, and fit. */
static void check(const struct dns_query *q, ldns_pkt *reply, size_t limit)
{
    _cleanup_buf_ struct buf out = {0};
    ldns_pkt *again = NULL;
    dns_reply_write(reply, q, limit, &out);
    if (!out.n)
        return; /* ldns cannot write all that it can read */
    ensure(out.n <= limit || !ldns_pkt_ancount(reply));
    ensure(ldns_wire2pkt(&again, (const uint8_t *)out.p, out.n) == LDNS_STATUS_OK);
    ensure(ldns_pkt_qr(again) && ldns_pkt_id(again) == ldns_pkt_id(q->packet));
    ldns_pkt_free(again);
}

static void as_query(struct str wire)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_(dns_query_free) struct dns_query q;
    ldns_pkt_rcode rcode = LDNS_RCODE_NOERROR;
    enum dns_parse parsed = dns_query_parse(wire, &a, &q, &rcode);
    if (parsed == DNS_REFUSED && !q.packet) {
        _cleanup_buf_ struct buf out = {0};
        dns_reply_to_garbage(wire, rcode, &out);
        ensure(out.n == 12);
    }
    if (!q.packet)
        return;
    ldns_pkt *reply = dns_reply_new(&q, rcode);
    for (size_t i = 0; parsed == DNS_PARSED && i < ARRAY_LEN(records); i++)
        for (int k = 0; k < 20; k++)
            dns_reply_add(reply, &q, i < 2 ? LDNS_SECTION_ANSWER : LDNS_SECTION_ADDITIONAL, &records[i]);
    check(&q, reply, q.limit);
    if (parsed == DNS_PARSED) {
        ldns_pkt *other = dns_query_for(&q, STR("example.com"));
        ensure(other && !dns_is_reply_to(reply, other));
        ldns_pkt_free(other);
    }
    ldns_pkt_free(reply);
}

static void as_reply(struct str wire)
{
    static const uint8_t question[] = {1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'x', 0, 0, 1, 0, 1};
    _cleanup_arena_ struct arena a = {0};
    _cleanup_(dns_query_free) struct dns_query q;
    ldns_pkt_rcode rcode;
    ldns_pkt *reply = NULL;
    ensure(dns_query_parse(str_slice((const char *)question, sizeof question), &a, &q, &rcode) == DNS_PARSED);
    if (ldns_wire2pkt(&reply, (const uint8_t *)wire.p, wire.n) != LDNS_STATUS_OK)
        return;
    dns_is_reply_to(reply, q.packet);
    struct dns_cache *cache = dns_cache_new(2);
    dns_cache_put(cache, q.packet, reply);
    ldns_pkt *kept = dns_cache_get(cache, q.packet);
    ensure(!kept == !dns_reply_ttl(reply));
    if (kept) {
        dns_reply_age(kept, 3);
        check(&q, kept, 65535);
        ldns_pkt_free(kept);
    }
    dns_cache_free(cache);
    check(&q, reply, 512);
    ldns_pkt_free(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str wire = str_slice((const char *)data, n);
    as_query(wire);
    as_reply(wire);
    return 0;
}
