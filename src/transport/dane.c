/* See dane.h. */
#include "transport/dane.h"

#include "base/encode.h"

enum { TLSA_HEAD = 3, SHA256_LEN = 32, SHA512_LEN = 64 };

bool dane_usable(const struct tls_tlsa *r) {
    if ((r->usage != 2 && r->usage != 3) || r->selector > 1) return false;
    switch (r->matching) {
    case 0: return r->data.len > 0;
    case 1: return r->data.len == SHA256_LEN;
    case 2: return r->data.len == SHA512_LEN;
    default: return false;
    }
}

int dane_parse(struct str rdata, struct tls_tlsa *out) {
    if (rdata.len < TLSA_HEAD) return ERR_INVALID;
    const unsigned char *p = (const unsigned char *)rdata.ptr;
    *out = (struct tls_tlsa){p[0], p[1], p[2], str_sub(rdata, TLSA_HEAD, rdata.len)};
    return 0;
}

void dane_text(const struct tls_tlsa *r, struct buf *out) {
    buf_printf(out, "%u %u %u ", r->usage, r->selector, r->matching);
    hex_encode(out, str_sub(r->data, 0, SHA512_LEN));
}

static void failed(struct dane *out, const char *reason) {
    *out = (struct dane){.state = DANE_FAILED, .reason = reason};
}

static int take_records(const struct dns_answer *a, struct arena *arena, struct dane *out) {
    struct tls_tlsa *list = arena_alloc(arena, (a->count + 1) * sizeof *list);
    size_t n = 0;
    if (list == NULL) return ERR_NOMEM;
    for (size_t i = 0; i < a->count && n < DANE_RECORDS_MAX; i++)
        if (dane_parse(a->rdata[i], &list[n]) == 0 && dane_usable(&list[n])) n++;
    out->state = n > 0 ? DANE_RECORDS : DANE_UNUSABLE;
    out->records = list;
    out->count = n;
    return 0;
}

/* At one base domain. */
static int lookup_at(struct resolver *r, struct str base, uint16_t port, struct arena *arena, struct dane *out) {
    struct dns_answer a;
    char *name = arena_printf(arena, "_%u._tcp.%.*s", port, STR_ARG(base));
    if (name == NULL) return ERR_NOMEM;
    int rc = resolver_query(r, str_from(name), DNS_TLSA, arena, &a);
    if (rc != 0) return rc;
    *out = (struct dane){.state = DANE_NONE, .base = base, .reason = "there are no TLSA records"};
    if (a.status == DNS_TEMPFAIL)
        failed(out, a.bogus ? "the TLSA records are forged" : "the TLSA records could not be looked up");
    else if (a.status == DNS_OK && !a.secure)
        out->reason = "the TLSA records are not signed";
    else if (a.status == DNS_OK)
        return take_records(&a, arena, out);
    return 0;
}

/* No validated address. An alias of a signed zone into one that is not leaves the records at its own name (section
 * 2.2.2). Other zones are not asked for TLSA, which some name servers answer with an error. */
static int lookup_at_alias(struct resolver *r, struct str host, uint16_t port, bool is_alias, struct arena *arena,
                           struct dane *out) {
    struct dns_answer a = {.status = DNS_NODATA};
    int rc = is_alias ? resolver_query(r, host, DNS_CNAME, arena, &a) : 0;
    if (rc != 0) return rc;
    if (a.secure && a.cname.len > 0) return lookup_at(r, host, port, arena, out);
    if (a.status == DNS_TEMPFAIL)
        failed(out, a.bogus ? "the alias of the mail server is forged"
                            : "the alias of the mail server could not be looked up");
    else
        *out =
            (struct dane){.state = DANE_NONE, .base = host, .reason = "the address of the mail server is not signed"};
    return 0;
}

bool dane_is_unknown(const struct dns_answer *a, const struct dns_answer *aaaa) {
    if (a->bogus || aaaa->bogus) return true;
    return a->status != DNS_OK && aaaa->status != DNS_OK && (a->status == DNS_TEMPFAIL || aaaa->status == DNS_TEMPFAIL);
}

int dane_lookup(struct resolver *r, struct str host, uint16_t port, struct arena *arena, struct dane *out) {
    struct dns_question q[2] = {{.name = host, .type = DNS_A}, {.name = host, .type = DNS_AAAA}};
    int rc = resolver_query_many(r, q, 2, 0, arena);
    if (rc != 0) return rc;
    if (dane_is_unknown(&q[0].answer, &q[1].answer)) {
        bool bogus = q[0].answer.bogus || q[1].answer.bogus;
        failed(out, bogus ? "the address of the mail server is forged"
                          : "the address of the mail server could not be looked up");
        return 0;
    }
    const struct dns_answer *a = q[0].answer.status == DNS_OK && q[0].answer.secure ? &q[0].answer : &q[1].answer;
    if (a->status != DNS_OK || !a->secure)
        return lookup_at_alias(r, host, port, q[0].answer.cname.len + q[1].answer.cname.len > 0, arena, out);
    if (a->cname.len > 0) { /* section 2.2.2: at the end of the alias first, then at its name */
        rc = lookup_at(r, a->cname, port, arena, out);
        if (rc != 0 || out->state != DANE_NONE) return rc;
    }
    return lookup_at(r, host, port, arena, out);
}
