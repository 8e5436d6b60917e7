/* The table of commands (RFC 5321 section 4.1, RFC 2033 section 4), and of the services that know them. What is
 * switched off is neither understood nor named by HELP. */
#include "smtpd/commands.h"
#include "smtpd/extensions.h"

const struct service service_table[] = {
    {.name = "smtp"},
    {.name = "submission", .submission = true},
    {.name = "submissions", .submission = true, .implicit_tls = true},
    {.name = "lmtp", .lmtp = true},
    {.name = "odmr", .odmr = true},
};
const size_t service_count = sizeof service_table / sizeof service_table[0];
const struct service service_turned = {.name = "turned", .turned = true};

static bool esmtp(const struct session *s) {
    return s->d->set.esmtp;
}

static bool chunking(const struct session *s) {
    return s->d->set.ext.chunking;
}

static bool vrfy(const struct session *s) {
    return !s->d->set.disable_vrfy;
}

static bool expn(const struct session *s) {
    return !s->d->set.disable_expn;
}

static bool starttls(const struct session *s) {
    return s->d->tls != NULL && !stream_is_tls(s->stream);
}

static bool atrn(const struct session *s) {
    return s->d->set.ext.atrn;
}

static bool xclient(const struct session *s) {
    return s->client.may_xclient;
}

static const struct command table[] = {
    {SMTP_HELO, ON_SMTP | ON_TURNED, ANSWERED_NOW, cmd_hello},
    {SMTP_EHLO, ON_SMTP | ON_TURNED, ANSWERED_NOW, cmd_hello, esmtp},
    {SMTP_LHLO, ON_LMTP, ANSWERED_NOW, cmd_hello},
    {SMTP_MAIL, ON_ALL, NEEDS_HELLO, cmd_mail},
    {SMTP_RCPT, ON_ALL, NEEDS_HELLO | MAKES_PROGRESS, cmd_rcpt},
    {SMTP_DATA, ON_ALL, NEEDS_HELLO, cmd_data},
    {SMTP_BDAT, ON_ALL, MAKES_PROGRESS | REFUSES_ITSELF, cmd_bdat, chunking}, /* also without EHLO the chunk is read */
    {SMTP_RSET, ON_ALL, 0, cmd_rset},
    {SMTP_NOOP, ON_ALL, ANSWERED_NOW, cmd_noop},
    {SMTP_QUIT, ON_ALL, 0, cmd_quit},
    {SMTP_VRFY, ON_ALL, REFUSES_ITSELF | ANSWERED_NOW, cmd_vrfy, vrfy},
    {SMTP_EXPN, ON_ALL, REFUSES_ITSELF | ANSWERED_NOW, cmd_expn, expn},
    {SMTP_HELP, ON_ALL, 0, cmd_help},
    {SMTP_STARTTLS, ON_SMTP | ON_LMTP, NEEDS_HELLO | REFUSES_ITSELF, cmd_starttls, starttls},
    {SMTP_AUTH, ON_SMTP, NEEDS_HELLO, cmd_auth, session_auth_offered},
    {SMTP_BURL, ON_SMTP, NEEDS_HELLO | MAKES_PROGRESS, cmd_burl, extensions_burl},
    {SMTP_ATRN, ON_SMTP, NEEDS_HELLO, cmd_atrn, atrn},
    {SMTP_ETRN, ON_SMTP, NEEDS_HELLO, cmd_etrn, extensions_etrn},
    {SMTP_XCLIENT, ON_SMTP | ON_LMTP, REFUSES_ITSELF, cmd_xclient, xclient},
};

static bool is_there(const struct command *c, const struct service *service) {
    unsigned here = service->lmtp ? ON_LMTP : service->turned ? ON_TURNED : ON_SMTP;
    return (c->where & here) != 0;
}

const struct command *command_find(enum smtp_verb verb, const struct service *service) {
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].verb == verb && is_there(&table[i], service)) return &table[i];
    return NULL;
}

bool command_is_on(const struct command *c, const struct session *s) {
    return c->is_on == NULL || c->is_on(s);
}

void command_names(const struct session *s, struct buf *out) {
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (!is_there(&table[i], s->service) || !command_is_on(&table[i], s)) continue;
        if (out->len > 0) buf_addc(out, ' ');
        buf_adds(out, smtp_verb_name(table[i].verb));
    }
}
