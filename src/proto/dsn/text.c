/* The part of a report that a person reads: what happened, to whom, why, and what to do. */
#include "proto/dsn/parts.h"

#include "base/clock.h"

static const char *const heading[] = {
    [DSN_FAILED] = "could not be delivered to:",
    [DSN_DELAYED] = "has not been delivered yet to:",
    [DSN_DELIVERED] = "was put into the mailbox of:",
    [DSN_RELAYED] = "was passed on to a server that does not report delivery, for:",
    [DSN_EXPANDED] = "was passed on to the members of the list:",
};

static void message_put(const struct dsn_report *r, const char *what, bool utf8, struct buf *out) {
    BUF_AUTO line = BUF_INIT(DSN_TEXT_MAX * 4);
    struct str subject = str_trim(dsn_header_find(dsn_header_part(r->message), STR("Subject")));
    buf_adds(&line, "Your message ");
    if (subject.len > 0 && str_find_str(subject, STR("=?")) < 0) { /* an encoded one says nothing to a person */
        buf_addc(&line, '"');
        dsn_clean_put(&line, subject, 200, utf8);
        buf_adds(&line, "\" ");
    }
    if (r->arrival > 0) {
        char date[CLOCK_TEXT_MAX];
        clock_rfc5322(r->arrival, date);
        buf_printf(&line, "of %s ", date);
    }
    buf_adds(&line, what);
    dsn_wrapped_put(out, "", buf_str(&line), utf8);
}

static void reason_put(const struct dsn_recipient *p, bool utf8, struct buf *out) {
    struct str status = dsn_status_of(p);
    const struct dsn_advice *a = dsn_advice_find(status);
    BUF_AUTO why = BUF_INIT(DSN_TEXT_MAX);
    buf_printf(&why, "Reason: %s (%.*s)", a->meaning, STR_ARG(status));
    dsn_wrapped_put(out, "    ", buf_str(&why), utf8);
    if (p->reason.len > 0) dsn_wrapped_put(out, "    ", p->reason, utf8);
    if (p->diagnostic.len > 0) {
        BUF_AUTO who = BUF_INIT(DSN_TEXT_MAX);
        buf_adds(&who, p->remote_mta.len > 0 ? "The server " : "The server");
        dsn_clean_put(&who, p->remote_mta, 255, utf8);
        buf_adds(&who, " said:");
        dsn_wrapped_put(out, "    ", buf_str(&who), utf8);
        dsn_wrapped_put(out, "      ", p->diagnostic, utf8);
    }
    if (p->action == DSN_FAILED) {
        BUF_AUTO todo = BUF_INIT(DSN_TEXT_MAX);
        buf_printf(&todo, "What you can do: %s", a->advice);
        dsn_wrapped_put(out, "    ", buf_str(&todo), utf8);
    }
}

static void recipient_put(const struct dsn_recipient *p, bool utf8, struct buf *out) {
    struct str shown = p->original.len > 0 ? p->original : p->address;
    dsn_wrapped_put(out, "  ", shown, utf8);
    if (p->action == DSN_FAILED || p->action == DSN_DELAYED) reason_put(p, utf8, out);
    if (p->action == DSN_RELAYED && p->remote_mta.len > 0) {
        BUF_AUTO line = BUF_INIT(DSN_TEXT_MAX);
        buf_adds(&line, "Taken by ");
        dsn_clean_put(&line, p->remote_mta, 255, utf8);
        dsn_wrapped_put(out, "    ", buf_str(&line), utf8);
    }
    buf_adds(out, "\r\n");
}

static void delay_put(const struct dsn_report *r, struct buf *out) {
    int64_t until = 0;
    for (size_t i = 0; i < r->count; i++)
        if (r->recipients[i].action == DSN_DELAYED && r->recipients[i].will_retry_until > until)
            until = r->recipients[i].will_retry_until;
    buf_adds(out, "This is a warning only: you need not send the message again.\r\n");
    if (until <= 0) return;
    char date[CLOCK_TEXT_MAX];
    clock_rfc5322(until, date);
    buf_printf(out, "Delivery is tried again until %s.\r\n", date);
}

void dsn_text_put(const struct dsn_report *r, bool utf8, struct buf *out) {
    buf_adds(out, "This is the mail system at ");
    dsn_clean_put(out, r->hostname, 255, utf8);
    buf_adds(out, ".\r\n\r\n");
    bool delayed = false;
    for (int action = DSN_FAILED; action <= DSN_EXPANDED; action++) {
        bool begun = false;
        for (size_t i = 0; i < r->count; i++) {
            if ((int)r->recipients[i].action != action) continue;
            if (!begun) {
                message_put(r, heading[action], utf8, out);
                buf_adds(out, "\r\n");
            }
            begun = true;
            recipient_put(&r->recipients[i], utf8, out);
        }
        delayed |= begun && action == DSN_DELAYED;
    }
    if (delayed) delay_put(r, out);
    if (r->trace.len > 0) {
        buf_adds(out, "For the postmaster: the trace identifier of the message is ");
        dsn_clean_put(out, r->trace, 64, utf8);
        buf_adds(out, ".\r\n");
    }
}
