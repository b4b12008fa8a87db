#include "net/dns/resolver.h"

enum { ALIASES_MAX = 8, TCP_LIMIT = 65535 };

void dns_request_clear(struct dns_request *r)
{
    dns_query_free(&r->query);
    ldns_pkt_free(r->reply);
    ldns_pkt_free(r->asked);
    r->reply = r->asked = NULL;
    buf_free(&r->out);
    arena_free(&r->arena);
}

static void request_end(struct dns_request *r)
{
    dns_reply_write(r->reply, &r->query, r->tcp ? TCP_LIMIT : r->query.limit, &r->out);
    r->done(r);
}

static void request_fail(struct dns_request *r, ldns_pkt_rcode rcode)
{
    ldns_pkt_free(r->reply);
    r->reply = dns_reply_new(&r->query, rcode);
    request_end(r);
}

static void request_add(struct dns_request *r, ldns_pkt_section section, const struct dns_records *records)
{
    for (size_t i = 0; i < records->n; i++) {
        struct dns_record record = records->at[i];
        if (!record.owner.n)
            record.owner = r->alias;
        dns_reply_add(r->reply, &r->query, section, &record);
    }
}

/* What others said, behind the aliases that led there. */
static void request_join(struct dns_request *r, const ldns_pkt *told)
{
    const ldns_rr_list *answers = ldns_pkt_answer(told);
    for (size_t i = 0; answers && i < ldns_rr_list_rr_count(answers); i++)
        ldns_pkt_push_rr(r->reply, LDNS_SECTION_ANSWER, ldns_rr_clone(ldns_rr_list_rr(answers, i)));
    if (ldns_pkt_get_rcode(told) == LDNS_RCODE_NXDOMAIN)
        ldns_pkt_set_rcode(r->reply, LDNS_RCODE_NXDOMAIN);
}

/* Takes the answer. Where nobody knows what an alias leads to, it stands alone. */
static void request_told(void *arg, ldns_pkt *told)
{
    struct dns_request *r = arg;
    if (!r->aliases && !told) {
        request_fail(r, LDNS_RCODE_SERVFAIL);
        return;
    }
    if (told && r->aliases)
        request_join(r, told);
    if (r->aliases) {
        ldns_pkt_free(told);
    } else {
        ldns_pkt_free(r->reply);
        r->reply = told;
        ldns_pkt_set_ra(told, true);
        ldns_pkt_set_aa(told, false);
    }
    request_end(r);
}

static void request_keep(void *arg, ldns_pkt *told)
{
    struct dns_request *r = arg;
    if (told)
        dns_cache_put(r->resolver->cache, r->asked, told);
    request_told(arg, told);
}

static void request_forward(struct dns_request *r)
{
    r->asked = r->aliases ? dns_query_for(&r->query, r->alias) : ldns_pkt_clone(r->query.packet);
    if (!r->asked) {
        request_told(r, NULL);
        return;
    }
    ldns_pkt *known = dns_cache_get(r->resolver->cache, r->asked);
    if (known)
        request_told(r, known);
    else
        dns_forward_ask(r->resolver->forward, r->asked, r->tcp, request_keep, r);
}

/* Nothing of the kind, and for how long that holds. */
static void request_deny(struct dns_request *r, ldns_pkt_rcode rcode)
{
    struct dns_record soa = dns_zone_soa(r->resolver->zone, &r->arena);
    ldns_pkt_set_rcode(r->reply, rcode);
    dns_reply_add(r->reply, &r->query, LDNS_SECTION_AUTHORITY, &soa);
    request_end(r);
}

static void request_find(struct dns_request *r)
{
    struct dns_name name = r->query.name;
    for (;;) {
        struct dns_answer answer;
        enum dns_finding found = dns_zone_find(r->resolver->zone, &name, r->query.type, &r->arena, &answer);
        if (found == DNS_FOREIGN) {
            request_forward(r);
            return;
        }
        ldns_pkt_set_aa(r->reply, true);
        if (found == DNS_ABSENT && !dns_zone_synced(r->resolver->zone)) {
            request_fail(r, LDNS_RCODE_SERVFAIL);
            return;
        }
        if (found == DNS_ABSENT || (found == DNS_FOUND && !answer.answers.n)) {
            request_deny(r, found == DNS_ABSENT ? LDNS_RCODE_NXDOMAIN : LDNS_RCODE_NOERROR);
            return;
        }
        request_add(r, LDNS_SECTION_ANSWER, &answer.answers);
        request_add(r, LDNS_SECTION_ADDITIONAL, &answer.extra);
        if (found == DNS_FOUND) {
            request_end(r);
            return;
        }
        r->alias = answer.alias; /* names of services are in lower case */
        if (++r->aliases > ALIASES_MAX || !dns_name_split(r->alias, &name)) {
            request_fail(r, LDNS_RCODE_SERVFAIL);
            return;
        }
    }
}

void dns_resolver_ask(struct dns_resolver *d, struct dns_request *r, struct str wire)
{
    ldns_pkt_rcode rcode = LDNS_RCODE_NOERROR;
    r->resolver = d;
    switch (dns_query_parse(wire, &r->arena, &r->query, &rcode)) {
    case DNS_DROPPED:
        r->done(r);
        return;
    case DNS_REFUSED:
        if (r->query.packet) {
            request_fail(r, rcode);
        } else {
            dns_reply_to_garbage(wire, rcode, &r->out);
            r->done(r);
        }
        return;
    case DNS_PARSED:
        r->reply = dns_reply_new(&r->query, LDNS_RCODE_NOERROR);
        request_find(r);
    }
}
