/* HELO, EHLO (RFC 5321 section 4.1.1.1), LHLO (RFC 2033 section 4.1). */
#include "smtpd/commands.h"
#include "smtpd/extensions.h"
#include "smtpd/refusals.h"

enum { CAPABILITIES_MAX = 1024 };

/* The argument must be fit for a Received field and a log line; whether it is true is not judged (RFC 5321 4.1.4). */
static bool is_name(struct str s) {
    if (s.len == 0 || s.len >= SESSION_NAME_MAX) return false;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= 0x20 || s.ptr[i] == 0x7f) return false;
    return true;
}

int cmd_hello(struct session *s, struct smtp_command *c) {
    if (!is_name(c->argument) || str_to_cstr(c->argument, s->helo, sizeof s->helo) < 0)
        return session_error(s, 501, NULL, "Syntax: %s", smtp_verb_syntax(c->verb)); /* RFC 2034 section 4 */
    refusals_tell(s);
    bool refused;
    if (s->client.helo[0] != '\0') (void)!str_to_cstr(str_from(s->client.helo), s->helo, sizeof s->helo);
    int rc = access_hello(s, &refused);
    if (refused) s->helo[0] = '\0';
    if (rc != 0 || refused) return rc;
    s->extended = c->verb != SMTP_HELO;
    if (!s->extended) return session_reply(s, 250, NULL, "%s", s->d->hostname);
    BUF_AUTO text = BUF_INIT(CAPABILITIES_MAX);
    buf_printf(&text, "%s Hello %s", s->d->hostname, s->peer);
    extensions_announce(s, &text);
    return text.error != 0 ? text.error : session_reply(s, 250, NULL, "%s", buf_cstr(&text));
}
