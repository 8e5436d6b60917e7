#include "smtpd/received.h"

#include "base/clock.h"
#include "proto/smtp/address.h"

#include <string.h>

void received_with(struct buf *out, const struct received *r) {
    if (r->utf8)
        buf_adds(out, r->lmtp ? "UTF8LMTP" : "UTF8SMTP");
    else if (r->lmtp)
        buf_adds(out, "LMTP");
    else
        buf_adds(out, r->extended ? "ESMTP" : "SMTP");
    if (!r->extended) return;
    if (r->tls) buf_addc(out, 'S');
    if (r->authenticated) buf_addc(out, 'A');
}

/* What the peer calls itself: as it stands when it is a domain or a literal, else in a comment with harmless
 * characters. */
static void helo_add(struct buf *out, const char *helo) {
    struct str name = str_from(helo);
    if (address_domain_check(name, true, NULL) == 0 || address_literal_check(name, NULL) == 0) {
        buf_add(out, name);
        return;
    }
    buf_adds(out, "unknown (helo ");
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        buf_addc(out, ascii_isalnum(c) || strchr(".-_:/@+", c) != NULL ? c : '?');
    }
    buf_addc(out, ')');
}

void received_format(struct buf *out, const struct received *r) {
    char literal[NET_ADDR_TEXT_MAX], date[CLOCK_TEXT_MAX];
    net_addr_literal(r->peer, literal);
    clock_rfc5322(r->at, date);
    buf_adds(out, "Received: from ");
    helo_add(out, r->helo);
    const char *name = r->name != NULL ? r->name : "";
    if (r->peer->family == AF_INET || r->peer->family == AF_INET6)
        buf_printf(out, " (%s%s%s)", name, name[0] != '\0' ? " " : "", literal);
    buf_printf(out, "\r\n\tby %s (IEMS) with ", r->hostname);
    received_with(out, r);
    if (r->tls)
        buf_printf(out, "\r\n\t(using %s with cipher %s (%d bits))", r->tls_version, r->tls_cipher, r->tls_bits);
    buf_printf(out, "\r\n\tid %s", r->id);
    if (r->recipient != NULL) buf_printf(out, " for <%s>", r->recipient);
    if (r->has_priority) buf_printf(out, " PRIORITY %d", r->priority);
    buf_printf(out, ";\r\n\t%s\r\n", date);
}
