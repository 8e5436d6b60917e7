#include "access/policy.h"

#include "proto/smtp/address.h"

#include <stdio.h>

enum { MX_HEAD = 2 /* bytes of preference before the name */ };

bool policy_helo_matches(struct str helo, struct str ptr) {
    if (str_eq_nocase(helo, ptr)) return true;
    return str_find(helo, '.') > 0 && ptr.len > helo.len + 1 && str_ends_nocase(ptr, helo) &&
           ptr.ptr[ptr.len - helo.len - 1] == '.';
}

bool policy_helo_is_name(struct str helo) {
    if (helo.len > 0 && helo.ptr[0] == '[') return address_literal_check(helo, NULL) == 0;
    return str_find(helo, '.') > 0 && address_domain_check(helo, true, NULL) == 0;
}

static bool helo_matches(const struct client_facts *c) {
    if (str_eq_nocase(c->helo, c->literal) || c->name_state == NAME_UNKNOWN) return true;
    return c->name[0] != '\0' && policy_helo_matches(c->helo, str_from(c->name));
}

static bool rdns(enum check check, const struct client_facts *c, struct finding *f) {
    if (check == CHECK_RDNS && c->name_state == NAME_NONE) {
        finding_set(f, check, "missing", "Client [%s] has no reverse DNS name (PTR record)", c->ip);
        return false;
    }
    if (check == CHECK_RDNS_FORWARD && c->name_state == NAME_UNCONFIRMED) {
        finding_set(f, check, "unconfirmed", "Reverse DNS name %s of client [%s] does not have that address", c->name,
                    c->ip);
        return false;
    }
    return true;
}

bool policy_client(enum check check, const struct client_facts *c, struct finding *f) {
    switch (check) {
    case CHECK_RDNS:
    case CHECK_RDNS_FORWARD: return rdns(check, c, f);
    case CHECK_HELO_SYNTAX:
        if (policy_helo_is_name(c->helo)) return true;
        finding_set(f, check, "malformed", "<%.*s> in HELO or EHLO is neither a full host name nor an address literal",
                    STR_ARG(c->helo));
        return false;
    case CHECK_HELO_MATCH:
        if (helo_matches(c)) return true;
        finding_set(f, check, "mismatch", "<%.*s> in HELO or EHLO is not the name of client %s[%s]", STR_ARG(c->helo),
                    c->name, c->ip);
        return false;
    case CHECK_HELO_DNS:
        if (c->helo_domain != DOMAIN_MISSING) return true;
        finding_set(f, check, "unresolvable", "<%.*s> in HELO or EHLO is not a host in DNS", STR_ARG(c->helo));
        return false;
    default: return true;
    }
}

static bool has_real_mx(const struct dns_answer *mx) {
    for (size_t i = 0; i < mx->count; i++)
        if (mx->rdata[i].len > MX_HEAD && !str_eq(str_sub(mx->rdata[i], MX_HEAD, 2), STR("."))) return true;
    return false;
}

enum domain_state policy_domain(const struct dns_answer answers[static DOMAIN_QUESTIONS]) {
    const struct dns_answer *mx = &answers[DOMAIN_MX];
    if (mx->status == DNS_OK) return has_real_mx(mx) ? DOMAIN_GOOD : DOMAIN_NULL_MX;
    if (answers[DOMAIN_A].status == DNS_OK || answers[DOMAIN_AAAA].status == DNS_OK) return DOMAIN_GOOD;
    for (size_t i = 0; i < DOMAIN_QUESTIONS; i++)
        if (answers[i].status == DNS_TEMPFAIL) return DOMAIN_UNKNOWN;
    return DOMAIN_MISSING;
}

bool policy_sender_domain(struct str domain, enum domain_state state, struct finding *f) {
    if (state == DOMAIN_MISSING) {
        finding_set(f, CHECK_SENDER_DOMAIN, "missing", "Sender domain %.*s has neither MX nor address in DNS",
                    STR_ARG(domain));
        return false;
    }
    if (state == DOMAIN_NULL_MX) {
        finding_set(f, CHECK_SENDER_DOMAIN, "null-mx", "Sender domain %.*s takes no mail (null MX, RFC 7505)",
                    STR_ARG(domain));
        (void)snprintf(f->status, sizeof f->status, "7.27");
        return false;
    }
    return true;
}
