/* See command.h. */
#include "smtpc/command.h"

#include "channel/deliver_by.h"

#include "proto/smtp/address.h"
#include "proto/smtp/dsn.h"

/* RFC 2852 section 4.1.4: a promise to give the message back goes only to a server that makes it too, and in time. */
static struct outcome deadline_check(const Store__Entry *e, const struct caps *c, const struct send_options *o) {
    if (!deliver_by_returns(e)) return outcome_make(OUTCOME_NONE, "", STR_EMPTY);
    if (deliver_by_is_over(e, o->now_ms))
        return outcome_make(OUTCOME_PERMANENT, DELIVER_BY_OVER, STR("The deadline that the sender set is over."));
    if (!c->deliverby)
        return outcome_make(OUTCOME_PERMANENT, "5.3.3",
                            STR("The server cannot keep the deadline that the sender set."));
    int64_t left = deliver_by_left(e, o->now_ms);
    if (left < 1 || left < (int64_t)c->deliverby_min)
        return outcome_make(OUTCOME_PERMANENT, DELIVER_BY_OVER, STR("The server cannot keep a deadline so near."));
    return outcome_make(OUTCOME_NONE, "", STR_EMPTY);
}

/* RFC 8689 section 4.2.1. Reports go where it cannot be had, too (section 5): without a sender nobody would be told. */
static struct outcome protection_check(const Store__Entry *e, const struct caps *c, const struct send_options *o) {
    if (!command_insists(e)) return outcome_make(OUTCOME_NONE, "", STR_EMPTY);
    if (!o->tls_verified)
        return outcome_make(OUTCOME_PERMANENT, "5.7.10",
                            STR("The sender asked for protected transport (REQUIRETLS), and it is not certain that the "
                                "server is the right one, over TLS."));
    if (!c->requiretls)
        return outcome_make(OUTCOME_PERMANENT, "5.7.30",
                            STR("The sender asked for protected transport (REQUIRETLS), which "
                                "the server does not offer."));
    return outcome_make(OUTCOME_NONE, "", STR_EMPTY);
}

bool command_insists(const Store__Entry *e) {
    return e->requiretls && e->sender[0] != '\0';
}

/* RFC 6531 section 3.2: without SMTPUTF8 the domain may go in its A-label form, the local part has none. */
static int address_put(struct str address, bool utf8, struct buf *out) {
    if (utf8 || str_is_ascii(address)) {
        buf_add(out, address);
        return 0;
    }
    struct str local = address_local_of(address), domain = address_domain_of(address);
    BUF_AUTO ascii = BUF_INIT(ADDRESS_MAX);
    if (!str_is_ascii(local) || address_domain_ascii(domain, &ascii) != 0) return ERR_UNSUPPORTED;
    buf_add(out, local);
    buf_addc(out, '@');
    buf_add(out, buf_str(&ascii));
    return 0;
}

/* The sender can be named to the server, by its A-label form if need be. */
static bool sender_fits(const Store__Entry *e, const struct caps *c) {
    BUF_AUTO address = BUF_INIT(COMMAND_MAX);
    return address_put(str_from(e->sender), c->smtputf8, &address) == 0;
}

struct outcome command_check(const Store__Entry *e, const struct caps *c, const struct send_options *o) {
    uint64_t size = e->size + e->prefix.len;
    if (c->size_max != 0 && size > c->size_max)
        return outcome_make(OUTCOME_PERMANENT, "5.3.4", STR("The message is larger than the server accepts."));
    struct outcome protection = protection_check(e, c, o);
    if (protection.class != OUTCOME_NONE) return protection;
    if (e->body_binary && !(c->binary && c->chunking))
        return outcome_make(OUTCOME_PERMANENT, "5.6.3", STR("The message is binary, which the server does not take."));
    if (e->body_8bit && !c->eightbit && !o->eightbit_anyway)
        return outcome_make(OUTCOME_PERMANENT, "5.6.3",
                            STR("The message has 8-bit text, which the server does not take."));
    if (e->smtputf8 && !sender_fits(e, c))
        return outcome_make(OUTCOME_PERMANENT, "5.6.7",
                            STR("The address of the sender is international, which the server does not support."));
    if (e->smtputf8 && !c->smtputf8 && o->utf8_header)
        return outcome_make(OUTCOME_PERMANENT, "5.6.9",
                            STR("The message has an international header, which the server does not support."));
    return deadline_check(e, c, o);
}

void command_front(const Store__Entry *e, const struct caps *c, struct buf *out) {
    bool there = e->priority_field == STORE__PRIORITY_FIELD__PRIORITY_THERE;
    bool due = e->mt_priority != 0 || e->priority_field != STORE__PRIORITY_FIELD__PRIORITY_UNLESS_0;
    if (due && !there && !c->mt_priority) buf_printf(out, "MT-Priority: %d\r\n", e->mt_priority);
}

const char *command_drop(const Store__Entry *e, const struct caps *c) {
    bool replaced = e->priority_field == STORE__PRIORITY_FIELD__PRIORITY_REPLACE && !c->mt_priority;
    return replaced ? "mt-priority:" : NULL;
}

void command_mail(const Store__Entry *e, const struct caps *c, int64_t now_ms, struct buf *out) {
    buf_adds(out, "MAIL FROM:<");
    if (address_put(str_from(e->sender), e->smtputf8 && c->smtputf8, out) != 0) buf_adds(out, e->sender);
    buf_addc(out, '>');
    if (c->size) buf_printf(out, " SIZE=%llu", (unsigned long long)e->size + e->prefix.len);
    if (e->body_binary)
        buf_adds(out, " BODY=BINARYMIME");
    else if (e->body_8bit && c->eightbit)
        buf_adds(out, " BODY=8BITMIME");
    if (e->smtputf8 && c->smtputf8) buf_adds(out, " SMTPUTF8");
    if (e->requiretls && c->requiretls) buf_adds(out, " REQUIRETLS");
    if (c->dsn && e->ret[0] != '\0') buf_printf(out, " RET=%s", e->ret);
    if (c->dsn && e->envid[0] != '\0') buf_printf(out, " ENVID=%s", e->envid);
    if (e->deliver_by != 0 && c->deliverby)
        buf_printf(out, " BY=%lld;%s", (long long)deliver_by_left(e, now_ms), e->by_mode);
    if (c->mt_priority) buf_printf(out, " MT-PRIORITY=%d", e->mt_priority);
    if (c->logged_in) buf_adds(out, " AUTH=<>"); /* RFC 4954 section 5: nobody is believed in who submitted it */
    buf_adds(out, "\r\n");
}

/* Where the sender named another address than the one it goes to now, that one is to stand in reports (RFC 3461
 * section 5.2.1). */
static void orcpt_put(const Store__Recipient *r, bool utf8, struct buf *out) {
    struct str original = str_from(r->original);
    if (r->orcpt[0] != '\0') {
        buf_adds(out, " ORCPT=");
        if (utf8)
            buf_adds(out, r->orcpt);
        else
            dsn_unitext_encode(out, str_from(r->orcpt), true); /* RFC 6533 section 3: without SMTPUTF8 */
    } else if (original.len > 0 && str_is_ascii(original) && !address_same(original, str_from(r->address))) {
        buf_adds(out, " ORCPT=rfc822;");
        dsn_xtext_encode(out, original);
    }
}

/* RFC 2852 section 4.1.4.2: a server that does not know of the deadline is to tell at least of delays. */
static unsigned notify_of(const Store__Entry *e, const Store__Recipient *r, const struct caps *c, int64_t now_ms) {
    if (c->deliverby || !deliver_by_is_ahead(e, now_ms) || (r->notify & DSN_NOTIFY_NEVER)) return r->notify;
    return (r->notify != 0 ? r->notify : DSN_NOTIFY_FAILURE) | DSN_NOTIFY_DELAY;
}

int command_rcpt(const Store__Entry *e, const Store__Recipient *r, const struct caps *c, int64_t now_ms,
                 struct buf *out) {
    BUF_AUTO line = BUF_INIT(COMMAND_MAX);
    buf_adds(&line, "RCPT TO:<");
    int rc = address_put(str_from(r->address), e->smtputf8 && c->smtputf8, &line);
    if (rc != 0) return rc;
    buf_addc(&line, '>');
    unsigned notify = notify_of(e, r, c, now_ms);
    if (c->dsn && notify != 0) {
        buf_adds(&line, " NOTIFY=");
        dsn_notify_format(&line, notify);
    }
    if (c->dsn) orcpt_put(r, e->smtputf8 && c->smtputf8, &line);
    if (c->mailbox && r->account != 0) buf_adds(&line, " XMAILBOX"); /* it is yours: do not send it on (DEPL-06) */
    buf_adds(&line, "\r\n");
    buf_add(out, buf_str(&line));
    return line.error;
}
