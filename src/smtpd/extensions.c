/* See extensions.h. ESMTP-01 to ESMTP-06, ESMTP-08. */
#include "smtpd/extensions.h"

#include "base/clock.h"
#include "daemon/auth.h"
#include "proto/smtp/datetime.h"
#include "proto/smtp/xclient.h"

/* RFC 4468: on the ports of submission only (section 3.1), with 8BITMIME (section 4). */
bool extensions_burl(const struct session *s) {
    const struct smtpd_extensions *x = &s->d->set.ext;
    return x->burl && x->chunking && s->d->set.ext_8bitmime && s->authenticated && s->service->submission;
}

/* RFC 6409 section 7: not on the ports of submission. */
bool extensions_etrn(const struct session *s) {
    return s->d->set.ext.etrn != ETRN_NEVER && !s->service->submission;
}

unsigned extensions_bits(const struct session *s) {
    const struct smtpd_settings *set = &s->d->set;
    const struct smtpd_extensions *x = &set->ext;
    unsigned ext = 0;
    if (x->smtputf8 && set->ext_8bitmime) ext |= SMTP_EXT_SMTPUTF8; /* RFC 6531 section 3.1 */
    if (set->ext_size) ext |= SMTP_EXT_SIZE;
    if (set->ext_8bitmime) ext |= SMTP_EXT_8BITMIME;
    if (set->ext_8bitmime && x->chunking) ext |= SMTP_EXT_BINARYMIME;
    if (set->ext_dsn) ext |= SMTP_EXT_DSN;
    if (session_auth_offered(s)) ext |= SMTP_EXT_AUTH;
    if (x->future_release_s > 0 && s->service->submission) ext |= SMTP_EXT_FUTURERELEASE; /* RFC 4865 section 4.2 */
    if (x->deliverby && set->ext_dsn) ext |= SMTP_EXT_DELIVERBY;
    if (x->mt_priority) ext |= SMTP_EXT_MT_PRIORITY;
    if (x->requiretls && stream_is_tls(s->stream)) ext |= SMTP_EXT_REQUIRETLS;
    if (x->mailbox && !s->service->turned) ext |= SMTP_EXT_XMAILBOX;
    return ext;
}

/* On its own port before AUTH, too (RFC 2645 section 5.1.1), on those of submission not at all (RFC 6409 section 7). */
static bool offers_atrn(const struct session *s) {
    return s->d->set.ext.atrn && (s->service->odmr || (s->authenticated && !s->service->submission));
}

/* Without the mechanisms that are switched off (SAUTH-02, SAUTH-03). */
static void mechanisms_add(const struct session *s, struct buf *out) {
    struct str all = str_from(auth_mechanisms(s->stream, session_plaintext_ok(s)));
    bool first = true;
    for (;;) {
        struct str word = str_word(&all);
        if (word.len == 0) break;
        if (str_eq(word, STR("PLAIN")) && !s->d->set.auth_plain) continue;
        if (str_eq(word, STR("LOGIN")) && !s->d->set.auth_login) continue;
        buf_adds(out, first ? "\nAUTH " : " ");
        buf_add(out, word);
        first = false;
    }
}

/* RFC 9422: what would be refused beyond, and nothing else. */
static void limits_add(const struct smtpd_settings *set, struct buf *out) {
    const struct smtpd_extensions *x = &set->ext;
    if (!x->limits) return;
    buf_printf(out, "\nLIMITS RCPTMAX=%u", set->max_recipients);
    if (x->max_messages > 0) buf_printf(out, " MAILMAX=%u", x->max_messages);
    if (x->max_recipient_domains > 0) buf_printf(out, " RCPTDOMAINMAX=%u", x->max_recipient_domains);
}

void extensions_announce(const struct session *s, struct buf *out) {
    const struct smtpd_settings *set = &s->d->set;
    const struct smtpd_extensions *x = &set->ext;
    unsigned ext = extensions_bits(s);
    buf_adds(out, "\nPIPELINING");
    if (ext & SMTP_EXT_SIZE) buf_printf(out, "\nSIZE %llu", (unsigned long long)access_max_size(s));
    if (s->d->tls != NULL && !stream_is_tls(s->stream) && !s->service->turned) buf_adds(out, "\nSTARTTLS");
    if ((ext & SMTP_EXT_AUTH) && !s->authenticated) mechanisms_add(s, out);
    buf_adds(out, "\nENHANCEDSTATUSCODES");
    if (ext & SMTP_EXT_8BITMIME) buf_adds(out, "\n8BITMIME");
    if (ext & SMTP_EXT_BINARYMIME) buf_adds(out, "\nBINARYMIME");
    if (ext & SMTP_EXT_DSN) buf_adds(out, "\nDSN");
    if (ext & SMTP_EXT_SMTPUTF8) buf_adds(out, "\nSMTPUTF8");
    if (x->chunking) buf_adds(out, "\nCHUNKING");
    if (extensions_etrn(s) && !s->service->lmtp && !s->service->turned) buf_adds(out, "\nETRN");
    if (extensions_burl(s)) buf_printf(out, "\nBURL imap imap://%s", s->d->hostname);
    if (offers_atrn(s)) buf_adds(out, "\nATRN");
    if (ext & SMTP_EXT_FUTURERELEASE) {
        buf_printf(out, "\nFUTURERELEASE %llu ", (unsigned long long)x->future_release_s);
        smtp_datetime_format(out, clock_wall_s() + (int64_t)x->future_release_s);
    }
    if (ext & SMTP_EXT_DELIVERBY) {
        buf_adds(out, "\nDELIVERBY");
        if (x->deliverby_min_s > 0) buf_printf(out, " %llu", (unsigned long long)x->deliverby_min_s);
    }
    if (ext & SMTP_EXT_MT_PRIORITY) buf_adds(out, "\nMT-PRIORITY");
    if (ext & SMTP_EXT_REQUIRETLS) buf_adds(out, "\nREQUIRETLS");
    if (ext & SMTP_EXT_XMAILBOX) buf_adds(out, "\nXMAILBOX");
    limits_add(set, out);
    if (s->client.may_xclient) buf_adds(out, "\nXCLIENT " XCLIENT_ATTRIBUTES);
    if (!set->disable_vrfy) buf_adds(out, "\nVRFY");
    if (!set->disable_expn) buf_adds(out, "\nEXPN"); /* RFC 5321 section 3.5.2: must be told */
    buf_adds(out, "\nHELP");
}
