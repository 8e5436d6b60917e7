/* See domain_records.h. */
#include "cli/domain_records.h"

#include "base/encode.h"
#include "daemon/listen.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

enum { STS_ID_LEN = 16, TLSA_HEAD = 3, IMPLICIT_FIRST = 0, STARTTLS_NEXT = 10 };

/* RFC 6186, RFC 8314: implicit TLS is preferred. */
static const struct {
    const char *service, *option;
    uint16_t port;
    unsigned priority;
} services[] = {
    {"_submissions", "smtpd.listen_submissions", 465, IMPLICIT_FIRST},
    {"_submission", "smtpd.listen_submission", 587, STARTTLS_NEXT},
    {"_imaps", "imapd.listen_imaps", 993, IMPLICIT_FIRST},
    {"_imap", "imapd.listen_imap", 143, STARTTLS_NEXT},
    {"_pop3s", "pop3d.listen_pop3s", 995, IMPLICIT_FIRST},
    {"_pop3", "pop3d.listen_pop3", 110, STARTTLS_NEXT},
};

struct making {
    const struct domain_records_input *in;
    struct arena *arena;
    struct domain_records *out;
    bool failed;
};

const char *domain_record_type(const struct domain_record *r) {
    switch (r->type) {
    case DNS_A: return "A";
    case DNS_AAAA: return "AAAA";
    case DNS_MX: return "MX";
    case DNS_TXT: return "TXT";
    case DNS_SRV: return "SRV";
    default: return "TLSA";
    }
}

static struct domain_record *add(struct making *m, enum dns_type type, const char *name, const char *value,
                                 const char *about) {
    static struct domain_record overflow;
    m->failed = m->failed || name == NULL || value == NULL || m->out->count == RECORDS_MAX;
    if (m->failed) return &overflow;
    struct domain_record *r = &m->out->list[m->out->count++];
    *r = (struct domain_record){.type = type, .name = name, .value = value, .about = about, .match = STR_EMPTY};
    return r;
}

/* Those that the administrator has named (NAT); without them it is only looked whether there is any. */
static void addresses(struct making *m) {
    const char *host = arena_printf(m->arena, "%s.", m->in->conf->hostname);
    struct net_range *ranges = NULL;
    size_t count = 0;
    (void)!net_range_list_parse(str_from(settings_str(m->in->settings, "smtpd.own_addresses")), &ranges, &count, NULL);
    for (size_t i = 0; i < count; i++) {
        struct net_addr a = {.family = ranges[i].family};
        char ip[NET_ADDR_TEXT_MAX];
        if (memcmp(ranges[i].low, ranges[i].high, sizeof a.ip) != 0) continue;
        memcpy(a.ip, ranges[i].low, sizeof a.ip);
        net_addr_ip_text(&a, ip);
        add(m, a.family == AF_INET ? DNS_A : DNS_AAAA, host, arena_cstr(m->arena, str_from(ip)),
            "address of the server")
            ->needed = true;
    }
    free(ranges);
    if (m->out->count == 0) add(m, DNS_A, host, "ADDRESS", "address of the server (or AAAA)")->needed = true;
}

/* RFC 7672 section 3.1.1: 3 1 1 lasts as long as the key. */
static void tlsa(struct making *m) {
    const char *name = arena_printf(m->arena, "_25._tcp.%s.", m->in->conf->hostname);
    for (struct str rest = m->in->digests, word; (word = str_word(&rest)).len > 0;) {
        BUF_AUTO octets = BUF_INIT(TLSA_HEAD + SHA256_DIGEST_LENGTH);
        buf_add(&octets, str_of("\3\1\1", TLSA_HEAD));
        if (hex_decode(&octets, word) != 0) continue;
        add(m, DNS_TLSA, name, arena_printf(m->arena, "3 1 1 %.*s", STR_ARG(word)),
            m->in->acme ? "DANE (RFC 7672); only with DNSSEC; acme.keep_keys must be yes"
                        : "DANE (RFC 7672); only with DNSSEC, and to be changed before the key is")
            ->match = arena_str(m->arena, buf_str(&octets));
    }
}

static void txt(struct making *m, const char *prefix, struct str match, const char *value, const char *about) {
    add(m, DNS_TXT, arena_printf(m->arena, "%s%s.", prefix, m->in->domain), value, about)->match = match;
}

/* The id tells policies apart (RFC 8461 section 3.1): made of the text, so that it changes with it. */
static void sts(struct making *m) {
    unsigned char md[SHA256_DIGEST_LENGTH];
    BUF_AUTO id = BUF_INIT(2 * SHA256_DIGEST_LENGTH);
    char *text =
        arena_printf(m->arena, "version: STSv1\nmode: enforce\nmx: %s\nmax_age: 604800\n", m->in->conf->hostname);
    m->out->policy = text;
    m->failed = m->failed || text == NULL;
    if (m->failed) return;
    hex_encode(&id, str_of(SHA256((const unsigned char *)text, strlen(text), md), sizeof md));
    txt(m, "_mta-sts.", STR("v=STSv1"), arena_printf(m->arena, "\"v=STSv1; id=%.*s;\"", STS_ID_LEN, buf_cstr(&id)),
        "MTA-STS (RFC 8461); needs the policy below and a certificate of a public authority");
}

static void srv(struct making *m) {
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        struct listen_list at = {.count = 0};
        uint16_t usual = (uint16_t)(services[i].port + m->in->conf->port_base);
        if (listen_parse(services[i].option, str_from(settings_str(m->in->settings, services[i].option)), usual, true,
                         &at, NULL) != 0 ||
            at.count == 0)
            continue; /* off */
        struct domain_record *r =
            add(m, DNS_SRV, arena_printf(m->arena, "%s._tcp.%s.", services[i].service, m->in->domain),
                arena_printf(m->arena, "%u 1 %u %s.", services[i].priority, at.at[0].port, m->in->conf->hostname),
                "mail programs find their server (RFC 6186, RFC 8314)");
        r->match = str_from(m->in->conf->hostname);
        r->port = at.at[0].port;
    }
}

int domain_records_make(const struct domain_records_input *in, struct arena *arena, struct domain_records *out) {
    struct making m = {.in = in, .arena = arena, .out = out};
    *out = (struct domain_records){.count = 0};
    addresses(&m);
    struct domain_record *mx = add(&m, DNS_MX, arena_printf(arena, "%s.", in->domain),
                                   arena_printf(arena, "10 %s.", in->conf->hostname), "mail comes here");
    mx->needed = true;
    mx->match = str_from(in->conf->hostname);
    txt(&m, "", STR("v=spf1"), "\"v=spf1 mx ~all\"", "SPF (RFC 7208): add all that sends mail of the domain");
    tlsa(&m);
    sts(&m);
    txt(&m, "_smtp._tls.", STR("v=TLSRPTv1"),
        arena_printf(arena, "\"v=TLSRPTv1; rua=mailto:postmaster@%s\"", in->domain),
        "reports on TLS (RFC 8460), read by iems tlsrpt");
    srv(&m);
    return m.failed ? ERR_NOMEM : 0;
}
