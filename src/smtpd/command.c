/* The table of commands (RFC 5321 section 4.1, RFC 2033 section 4), and of the services that know them. */
#include "smtpd/commands.h"

const struct service service_table[] = {
    {.name = "smtp"},
    {.name = "submission", .submission = true},
    {.name = "submissions", .submission = true, .implicit_tls = true},
    {.name = "lmtp", .lmtp = true},
};
const size_t service_count = sizeof service_table / sizeof service_table[0];
const struct service service_turned = {.name = "turned", .turned = true};

static const struct command table[] = {
    {SMTP_HELO, ON_SMTP | ON_TURNED, 0, cmd_hello},
    {SMTP_EHLO, ON_SMTP | ON_TURNED, 0, cmd_hello},
    {SMTP_LHLO, ON_LMTP, 0, cmd_hello},
    {SMTP_MAIL, ON_ALL, NEEDS_HELLO, cmd_mail},
    {SMTP_RCPT, ON_ALL, NEEDS_HELLO | MAKES_PROGRESS, cmd_rcpt},
    {SMTP_DATA, ON_ALL, NEEDS_HELLO, cmd_data},
    {SMTP_BDAT, ON_ALL, NEEDS_HELLO | MAKES_PROGRESS, cmd_bdat},
    {SMTP_RSET, ON_ALL, 0, cmd_rset},
    {SMTP_NOOP, ON_ALL, 0, cmd_noop},
    {SMTP_QUIT, ON_ALL, 0, cmd_quit},
    {SMTP_VRFY, ON_ALL, 0, cmd_vrfy},
    {SMTP_EXPN, ON_ALL, 0, cmd_expn},
    {SMTP_HELP, ON_ALL, 0, cmd_help},
    {SMTP_STARTTLS, ON_SMTP | ON_LMTP, NEEDS_HELLO, cmd_starttls},
    {SMTP_AUTH, ON_SMTP, NEEDS_HELLO, cmd_auth},
    {SMTP_BURL, ON_SMTP, NEEDS_HELLO | MAKES_PROGRESS, cmd_burl},
    {SMTP_ATRN, ON_SMTP, NEEDS_HELLO, cmd_atrn},
    {SMTP_ETRN, ON_SMTP, NEEDS_HELLO, cmd_etrn},
    {SMTP_XCLIENT, ON_SMTP | ON_LMTP, 0, cmd_xclient},
};

static bool is_on(const struct command *c, const struct service *service) {
    unsigned here = service->lmtp ? ON_LMTP : service->turned ? ON_TURNED : ON_SMTP;
    return (c->where & here) != 0;
}

const struct command *command_find(enum smtp_verb verb, const struct service *service) {
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].verb == verb && is_on(&table[i], service)) return &table[i];
    return NULL;
}

void command_names(const struct service *service, struct buf *out) {
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (!is_on(&table[i], service)) continue;
        if (out->len > 0) buf_addc(out, ' ');
        buf_adds(out, smtp_verb_name(table[i].verb));
    }
}
