/* The message/delivery-status part: RFC 3464 sections 2.2 and 2.3; message/global-delivery-status of RFC 6533. */
#include "proto/dsn/parts.h"

#include "base/clock.h"
#include "proto/smtp/address.h"

static const struct {
    const char *name, *general;
    char class;
} actions[] = {
    [DSN_FAILED] = {"failed", "5.0.0", '5'},       [DSN_DELAYED] = {"delayed", "4.0.0", '4'},
    [DSN_DELIVERED] = {"delivered", "2.0.0", '2'}, [DSN_RELAYED] = {"relayed", "2.0.0", '2'},
    [DSN_EXPANDED] = {"expanded", "2.0.0", '2'},
};

const char *dsn_action_name(enum dsn_action a) {
    return actions[a].name;
}

struct str dsn_status_of(const struct dsn_recipient *p) {
    if (!dsn_status_valid(p->status)) return str_from(actions[p->action].general);
    /* A temporary failure whose time ran out is reported as failed with its 4.x.x code (RFC 3464 section 2.3.4). */
    if (p->status.ptr[0] == actions[p->action].class || (p->action == DSN_FAILED && p->status.ptr[0] == '4'))
        return p->status;
    return str_from(actions[p->action].general);
}

/* Malformed xtext is shown as it is. */
static void xtext_put(struct buf *out, struct str in) {
    if (dsn_xtext_decode(out, in) != 0) buf_add(out, in);
}

static void address_put(struct buf *out, const char *field, struct str address, bool utf8) {
    BUF_AUTO value = BUF_INIT(DSN_TEXT_MAX * 8);
    if (str_is_ascii(address) || !str_is_utf8(address)) {
        buf_adds(&value, "rfc822; ");
        buf_add(&value, address);
    } else {
        buf_adds(&value, "utf-8; ");
        if (utf8)
            buf_add(&value, address);
        else
            dsn_unitext_encode(&value, address, false);
    }
    dsn_field_put(out, field, buf_str(&value), utf8);
}

/* RFC 6533 sections 3 and 4.1: in UTF-8 where that may stand, in 7 bits elsewhere; what is malformed as it came. */
static void unitext_put(struct buf *out, struct str in, bool utf8) {
    if (!utf8)
        dsn_unitext_encode(out, in, true);
    else if (dsn_unitext_decode(out, in) != 0)
        buf_add(out, in);
}

static void orcpt_put(struct buf *out, struct str orcpt, bool utf8) {
    if (str_find(orcpt, ';') < 0) return;
    BUF_AUTO value = BUF_INIT(DSN_TEXT_MAX * 4);
    struct str rest = orcpt, type = str_cut(&rest, ';');
    buf_add(&value, str_trim(type));
    buf_adds(&value, "; ");
    if (str_eq_nocase(str_trim(type), STR("utf-8")))
        unitext_put(&value, str_trim(rest), utf8);
    else
        xtext_put(&value, str_trim(rest));
    dsn_field_put(out, "Original-Recipient", buf_str(&value), utf8);
}

static void date_put(struct buf *out, const char *field, int64_t at) {
    char date[CLOCK_TEXT_MAX];
    if (at <= 0) return;
    clock_rfc5322(at, date);
    buf_printf(out, "%s: %s\r\n", field, date);
}

static void typed_put(struct buf *out, const char *field, const char *type, struct str text, bool utf8) {
    if (text.len == 0) return;
    BUF_AUTO value = BUF_INIT(DSN_TEXT_MAX * 4);
    buf_printf(&value, "%s; ", type);
    buf_add(&value, str_sub(text, 0, DSN_TEXT_MAX));
    dsn_field_put(out, field, buf_str(&value), utf8);
}

/* RFC 3461 section 9.3: a domain, or a domain-literal where there is none. */
static void mta_put(struct buf *out, const char *field, struct str name, bool utf8) {
    BUF_AUTO literal = BUF_INIT(DSN_TEXT_MAX);
    buf_adds(&literal, str_find(name, ':') >= 0 ? "[IPv6:" : "[");
    buf_add(&literal, name);
    buf_addc(&literal, ']');
    bool is_address = literal.error == 0 && address_literal_check(buf_str(&literal), NULL) == 0;
    typed_put(out, field, "dns", is_address ? buf_str(&literal) : name, utf8);
}

static void recipient_put(const struct dsn_recipient *p, bool utf8, struct buf *out) {
    buf_adds(out, "\r\n");
    orcpt_put(out, p->orcpt, utf8);
    /* RFC 3464 section 2.3.2: the address as it was when this server took the message over. Where that one leads to is
     * nobody's business (section 4.2). */
    address_put(out, "Final-Recipient", p->original.len > 0 ? p->original : p->address, utf8);
    buf_printf(out, "Action: %s\r\n", dsn_action_name(p->action));
    struct str status = dsn_status_of(p);
    buf_printf(out, "Status: %.*s\r\n", STR_ARG(status));
    mta_put(out, "Remote-MTA", p->remote_mta, utf8);
    if (p->diagnostic.len > 0)
        typed_put(out, "Diagnostic-Code", "smtp", p->diagnostic, utf8);
    else if (p->action == DSN_FAILED || p->action == DSN_DELAYED)
        typed_put(out, "Diagnostic-Code", "X-IEMS", p->reason, utf8);
    date_put(out, "Last-Attempt-Date", p->last_attempt);
    if (p->action == DSN_DELAYED) date_put(out, "Will-Retry-Until", p->will_retry_until);
}

void dsn_status_put(const struct dsn_report *r, bool utf8, struct buf *out) {
    if (r->envid.len > 0) {
        BUF_AUTO id = BUF_INIT(DSN_TEXT_MAX);
        xtext_put(&id, str_sub(r->envid, 0, DSN_TEXT_MAX));
        dsn_field_put(out, "Original-Envelope-Id", buf_str(&id), utf8);
    }
    typed_put(out, "Reporting-MTA", "dns", r->hostname, utf8);
    date_put(out, "Arrival-Date", r->arrival);
    date_put(out, "Deliver-By-Date", r->deliver_by); /* RFC 2852 section 5 */
    if (r->future_release.len > 0)
        dsn_field_put(out, "Future-Release-Request", r->future_release, utf8); /* RFC 4865 section 5.1.2 */
    for (size_t i = 0; i < r->count; i++) recipient_put(&r->recipients[i], utf8, out);
}
