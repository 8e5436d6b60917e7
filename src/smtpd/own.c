/* See own.h. */
#include "smtpd/own.h"

#include "proto/smtp/destination.h"

static bool is_own(const struct session *s, struct str domain) {
    struct destination d;
    if (destination_parse(domain, 0, &d, NULL) != 0 || !d.literal) return false;
    for (size_t i = 0; i < s->d->bound_count; i++)
        if (net_addr_same_ip(&d.addr, &s->d->bound[i])) return true;
    return net_addr_same_ip(&d.addr, stream_local(s->stream)) || network_list_has(&s->d->set.own, &d.addr);
}

int own_literal_replace(const struct session *s, struct address *a) {
    struct address local = *a;
    if (!address_is_literal(a) || !is_own(s, address_domain(a))) return 0;
    local.len = local.local_len;
    local.text[local.len] = '\0';
    int rc = address_qualify(&local, str_from(s->d->default_domain));
    if (rc == 0) *a = local;
    return rc;
}
