#include "net/dns/cache.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"

/* In a list by age: what was put first goes first when there are too many. */
struct entry {
    struct str key; /* owned */
    ldns_pkt *reply;
    int64_t put, until; /* clock_mono */
    struct entry *next, **link;
};

struct dns_cache {
    struct map entries;
    size_t most;
    struct entry *oldest, **end;
};

struct dns_cache *dns_cache_new(size_t most)
{
    struct dns_cache *c = mem_zalloc(sizeof *c);
    c->most = most;
    c->end = &c->oldest;
    return c;
}

static void entry_drop(struct dns_cache *c, struct entry *e)
{
    map_del(&c->entries, e->key);
    *e->link = e->next;
    if (e->next)
        e->next->link = e->link;
    else
        c->end = e->link;
    ldns_pkt_free(e->reply);
    free((char *)e->key.p);
    free(e);
}

void dns_cache_free(struct dns_cache *c)
{
    if (!c)
        return;
    while (c->oldest)
        entry_drop(c, c->oldest);
    map_free(&c->entries);
    free(c);
}

/* The question, and what else about a query can change its answer. */
static void query_key(const ldns_pkt *query, struct buf *key)
{
    const ldns_rr *question = ldns_rr_list_rr(ldns_pkt_question(query), 0);
    const ldns_rdf *name = ldns_rr_owner(question);
    buf_addf(key, "%u %d%d%d ", (unsigned)ldns_rr_get_type(question), ldns_pkt_cd(query), ldns_pkt_rd(query),
             ldns_pkt_edns(query) && ldns_pkt_edns_do(query));
    const uint8_t *p = ldns_rdf_data(name);
    for (size_t i = 0; i < ldns_rdf_size(name); i++)
        buf_add_c(key, (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] - 'A' + 'a' : p[i]));
}

ldns_pkt *dns_cache_get(struct dns_cache *c, const ldns_pkt *query)
{
    _cleanup_buf_ struct buf key = {0};
    query_key(query, &key);
    struct entry *e = map_get(&c->entries, buf_str(&key));
    if (!e)
        return NULL;
    int64_t now = clock_mono();
    if (now >= e->until) {
        entry_drop(c, e);
        return NULL;
    }
    ldns_pkt *copy = ldns_pkt_clone(e->reply);
    ensure(copy);
    dns_reply_age(copy, (uint32_t)((now - e->put) / CLOCK_S));
    return copy;
}

void dns_cache_put(struct dns_cache *c, const ldns_pkt *query, const ldns_pkt *reply)
{
    _cleanup_buf_ struct buf key = {0};
    uint32_t ttl = dns_reply_ttl(reply);
    if (!ttl)
        return;
    if (ttl > DNS_CACHE_TTL_MAX_S)
        ttl = DNS_CACHE_TTL_MAX_S;
    query_key(query, &key);
    struct entry *e = map_get(&c->entries, buf_str(&key));
    if (e)
        entry_drop(c, e);
    else if (c->entries.n >= c->most)
        entry_drop(c, c->oldest);
    e = mem_zalloc(sizeof *e);
    e->key = str_slice(str_dup_c(buf_str(&key)), key.n);
    e->reply = ldns_pkt_clone(reply);
    ensure(e->reply);
    e->put = clock_mono();
    e->until = e->put + ttl * CLOCK_S;
    e->link = c->end;
    *c->end = e;
    c->end = &e->next;
    map_put(&c->entries, e->key, e);
}
