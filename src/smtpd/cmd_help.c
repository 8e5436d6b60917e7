/* HELP: RFC 5321 section 4.1.1.8. */
#include "smtpd/commands.h"

enum { NAMES_MAX = 512 };

int cmd_help(struct session *s, struct smtp_command *c) {
    for (enum smtp_verb v = SMTP_HELO; c->argument.len > 0 && v < SMTP_VERBS; v++) {
        const struct command *known = command_find(v, s->service);
        if (known != NULL && command_is_on(known, s) && str_eq_nocase(c->argument, str_from(smtp_verb_name(v))))
            return session_reply(s, 214, "2.0.0", "Syntax: %s", smtp_verb_syntax(v));
    }
    if (c->argument.len > 0) return session_error(s, 504, "5.5.4", "No such command");
    BUF_AUTO names = BUF_INIT(NAMES_MAX);
    command_names(s, &names);
    return session_reply(s, 214, "2.0.0", "Commands: %s\nHELP command tells its syntax", buf_cstr(&names));
}
