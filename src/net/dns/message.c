#include "net/dns/message.h"

#include <stdlib.h>

enum { DNS_HEADER = 12, DNS_MESSAGE_MAX = 65535, DNS_RCODE_BADVERS = 16 /* RFC 6891 */ };

static struct str lower(struct arena *a, const uint8_t *p, size_t n)
{
    char *text = arena_c(a, str_slice((const char *)p, n));
    for (size_t i = 0; i < n; i++)
        if (text[i] >= 'A' && text[i] <= 'Z')
            text[i] = (char)(text[i] - 'A' + 'a');
    return str_slice(text, n);
}

/* The labels of a name on the wire; ldns has checked its form. */
static void name_read(const ldns_rdf *name, struct arena *a, struct dns_name *out)
{
    const uint8_t *p = ldns_rdf_data(name);
    size_t size = ldns_rdf_size(name), at = 0;
    out->n = 0;
    while (at < size && p[at] && at + 1 + p[at] <= size && out->n < DNS_LABELS_MAX) {
        out->labels[out->n++] = lower(a, p + at + 1, p[at]);
        at += 1 + (size_t)p[at];
    }
}

static struct str type_text(ldns_rr_type type, struct arena *a)
{
    char *text = ldns_rr_type2str(type);
    struct str s = arena_str(a, str_from(text));
    free(text);
    return s;
}

static ldns_rr *question_of(const ldns_pkt *p)
{
    const ldns_rr_list *list = ldns_pkt_question(p);
    return list && ldns_rr_list_rr_count(list) == 1 ? ldns_rr_list_rr(list, 0) : NULL;
}

enum dns_parse dns_query_parse(struct str wire, struct arena *a, struct dns_query *out, ldns_pkt_rcode *rcode)
{
    *out = (struct dns_query){.limit = DNS_UDP_PLAIN_MAX};
    if (wire.n < DNS_HEADER || wire.n > DNS_MESSAGE_MAX || wire.p[2] & 0x80)
        return DNS_DROPPED; /* answers are not answered: two servers would never stop */
    *rcode = LDNS_RCODE_FORMERR;
    if (ldns_wire2pkt(&out->packet, (const uint8_t *)wire.p, wire.n) != LDNS_STATUS_OK) {
        out->packet = NULL;
        return DNS_REFUSED;
    }
    const ldns_rr *question = question_of(out->packet);
    *rcode = LDNS_RCODE_NOTIMPL;
    if (ldns_pkt_get_opcode(out->packet) != LDNS_PACKET_QUERY)
        return DNS_REFUSED;
    *rcode = LDNS_RCODE_FORMERR;
    if (!question || !ldns_rr_owner(question))
        return DNS_REFUSED;
    out->edns = ldns_pkt_edns(out->packet);
    if (out->edns && ldns_pkt_edns_udp_size(out->packet) > DNS_UDP_PLAIN_MAX)
        out->limit = ldns_pkt_edns_udp_size(out->packet) < DNS_UDP_MAX ? ldns_pkt_edns_udp_size(out->packet)
                                                                       : DNS_UDP_MAX;
    *rcode = (ldns_pkt_rcode)DNS_RCODE_BADVERS;
    if (out->edns && ldns_pkt_edns_version(out->packet) > 0)
        return DNS_REFUSED;
    *rcode = LDNS_RCODE_REFUSED;
    if (ldns_rr_get_class(question) != LDNS_RR_CLASS_IN || ldns_rr_get_type(question) == LDNS_RR_TYPE_AXFR ||
        ldns_rr_get_type(question) == LDNS_RR_TYPE_IXFR)
        return DNS_REFUSED;
    name_read(ldns_rr_owner(question), a, &out->name);
    out->type = type_text(ldns_rr_get_type(question), a);
    return DNS_PARSED;
}

void dns_query_free(struct dns_query *q)
{
    ldns_pkt_free(q->packet);
    q->packet = NULL;
}

/* The question as the client put it, letter for letter. */
static void reply_ask(ldns_pkt *reply, const struct dns_query *q)
{
    ldns_rr_list_deep_free(ldns_pkt_question(reply));
    ldns_rr_list *list = ldns_rr_list_clone(ldns_pkt_question(q->packet));
    ldns_pkt_set_question(reply, list);
    ldns_pkt_set_qdcount(reply, (uint16_t)ldns_rr_list_rr_count(list));
}

ldns_pkt *dns_reply_new(const struct dns_query *q, ldns_pkt_rcode rcode)
{
    ldns_pkt *p = ldns_pkt_new();
    ensure(p);
    ldns_pkt_set_opcode(p, ldns_pkt_get_opcode(q->packet));
    ldns_pkt_set_rcode(p, (uint8_t)rcode & 15);
    ldns_pkt_set_edns_extended_rcode(p, (uint8_t)((unsigned)rcode >> 4));
    ldns_pkt_set_ra(p, true);
    return p;
}

void dns_reply_add(ldns_pkt *reply, const struct dns_query *q, ldns_pkt_section section,
                   const struct dns_record *record)
{
    _cleanup_buf_ struct buf text = {0};
    ldns_rr *rr = NULL;
    /* Names of the cluster are checked where they are made; what a zone file could not say is left out. */
    buf_addf(&text, STR_FMT ". %d IN " STR_FMT " " STR_FMT, STR_ARG(record->owner), DNS_TTL_S,
             STR_ARG(record->type), STR_ARG(record->data));
    buf_add_c(&text, 0);
    if (ldns_rr_new_frm_str(&rr, text.p, DNS_TTL_S, NULL, NULL) != LDNS_STATUS_OK)
        return;
    if (!record->owner.n) {
        ldns_rdf_deep_free(ldns_rr_owner(rr));
        ldns_rr_set_owner(rr, ldns_rdf_clone(ldns_rr_owner(question_of(q->packet))));
    }
    ldns_pkt_push_rr(reply, section, rr);
}

static size_t reply_bytes(const ldns_pkt *reply, struct buf *out)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    out->n = 0;
    if (ldns_pkt2wire(&bytes, reply, &n) == LDNS_STATUS_OK)
        buf_add(out, bytes, n);
    free(bytes);
    return out->n;
}

/* Takes records off the end of a section until `keep` are left. */
static void section_cut(ldns_pkt *reply, ldns_pkt_section section, size_t keep)
{
    ldns_rr_list *list = section == LDNS_SECTION_ANSWER      ? ldns_pkt_answer(reply)
                         : section == LDNS_SECTION_AUTHORITY ? ldns_pkt_authority(reply)
                                                             : ldns_pkt_additional(reply);
    while (ldns_rr_list_rr_count(list) > keep)
        ldns_rr_free(ldns_rr_list_pop_rr(list));
    ldns_pkt_set_section_count(reply, section, (uint16_t)ldns_rr_list_rr_count(list));
}

/* EDNS is between neighbours: what another server said in it is not for the client. */
static void reply_edns(ldns_pkt *reply, const struct dns_query *q)
{
    ldns_rdf_deep_free(ldns_pkt_edns_data(reply));
    ldns_pkt_set_edns_data(reply, NULL);
    ldns_pkt_set_edns_option_list(reply, NULL);
    ldns_pkt_set_edns_z(reply, 0);
    ldns_pkt_set_edns_udp_size(reply, q->edns ? DNS_UDP_MAX : 0);
    reply->_edns_present = q->edns;
    if (q->edns)
        ldns_pkt_set_edns_do(reply, ldns_pkt_edns_do(q->packet));
    else
        ldns_pkt_set_edns_extended_rcode(reply, 0);
}

void dns_reply_write(ldns_pkt *reply, const struct dns_query *q, size_t limit, struct buf *out)
{
    ldns_pkt_set_id(reply, ldns_pkt_id(q->packet));
    ldns_pkt_set_qr(reply, true);
    ldns_pkt_set_rd(reply, ldns_pkt_rd(q->packet));
    ldns_pkt_set_cd(reply, ldns_pkt_cd(q->packet));
    if (question_of(q->packet))
        reply_ask(reply, q);
    reply_edns(reply, q);
    limit = limit < DNS_MESSAGE_MAX ? limit : DNS_MESSAGE_MAX;
    if (reply_bytes(reply, out) <= limit)
        return;
    section_cut(reply, LDNS_SECTION_ADDITIONAL, 0); /* not worth a mark */
    if (reply_bytes(reply, out) <= limit)
        return;
    ldns_pkt_set_tc(reply, true);
    section_cut(reply, LDNS_SECTION_AUTHORITY, 0);
    while (reply_bytes(reply, out) > limit && ldns_pkt_ancount(reply))
        section_cut(reply, LDNS_SECTION_ANSWER, (size_t)ldns_pkt_ancount(reply) * limit / (out->n + 1));
}

void dns_reply_to_garbage(struct str wire, ldns_pkt_rcode rcode, struct buf *out)
{
    char header[DNS_HEADER] = {0};
    memcpy(header, wire.p, 2);
    header[2] = (char)((wire.p[2] & 0x79) | 0x80); /* opcode and RD; this is an answer */
    header[3] = (char)rcode;
    out->n = 0;
    buf_add(out, header, sizeof header);
}

ldns_pkt *dns_query_for(const struct dns_query *q, struct str name)
{
    _cleanup_buf_ struct buf text = {0};
    buf_addf(&text, STR_FMT ".", STR_ARG(name));
    buf_add_c(&text, 0);
    ldns_rdf *owner = ldns_dname_new_frm_str(text.p);
    if (!owner)
        return NULL;
    ldns_pkt *p = ldns_pkt_clone(q->packet);
    ensure(p);
    ldns_rr *question = question_of(p);
    ldns_rdf_deep_free(ldns_rr_owner(question));
    ldns_rr_set_owner(question, owner);
    return p;
}

bool dns_is_reply_to(const ldns_pkt *reply, const ldns_pkt *query)
{
    const ldns_rr *a = question_of(reply), *b = question_of(query);
    return ldns_pkt_qr(reply) && ldns_pkt_id(reply) == ldns_pkt_id(query) && a && b && ldns_rr_owner(a) &&
           ldns_rr_get_type(a) == ldns_rr_get_type(b) && ldns_rr_get_class(a) == ldns_rr_get_class(b) &&
           ldns_dname_compare(ldns_rr_owner(a), ldns_rr_owner(b)) == 0;
}

static uint32_t list_ttl(const ldns_rr_list *list, uint32_t ttl)
{
    for (size_t i = 0; list && i < ldns_rr_list_rr_count(list); i++)
        if (ldns_rr_ttl(ldns_rr_list_rr(list, i)) < ttl)
            ttl = ldns_rr_ttl(ldns_rr_list_rr(list, i));
    return ttl;
}

/* An absence holds as long as the SOA says in its last field (RFC 2308). */
static uint32_t absence_ttl(const ldns_pkt *reply)
{
    const ldns_rr_list *list = ldns_pkt_authority(reply);
    for (size_t i = 0; list && i < ldns_rr_list_rr_count(list); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(list, i);
        if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_SOA && ldns_rr_rd_count(rr) == 7)
            return ldns_rdf2native_int32(ldns_rr_rdf(rr, 6));
    }
    return 0;
}

uint32_t dns_reply_ttl(const ldns_pkt *reply)
{
    ldns_pkt_rcode rcode = ldns_pkt_get_rcode(reply);
    if ((rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN) || ldns_pkt_tc(reply))
        return 0;
    uint32_t ttl = ldns_pkt_ancount(reply) ? UINT32_MAX : absence_ttl(reply);
    return list_ttl(ldns_pkt_authority(reply), list_ttl(ldns_pkt_answer(reply), ttl));
}

void dns_reply_age(ldns_pkt *reply, uint32_t seconds)
{
    ldns_rr_list *lists[] = {ldns_pkt_answer(reply), ldns_pkt_authority(reply), ldns_pkt_additional(reply)};
    for (size_t l = 0; l < ARRAY_LEN(lists); l++)
        for (size_t i = 0; lists[l] && i < ldns_rr_list_rr_count(lists[l]); i++) {
            ldns_rr *rr = ldns_rr_list_rr(lists[l], i);
            ldns_rr_set_ttl(rr, ldns_rr_ttl(rr) > seconds ? ldns_rr_ttl(rr) - seconds : 0);
        }
}
