/* The one table of commands: which handler, in which state. */
#include "base/log.h"
#include "pop3d/session.h"

static const struct {
    session_handler handle;
    unsigned states;
} table[POP3_VERBS] = {
    [POP3_APOP] = {cmd_apop, STATE_AUTHORIZATION}, [POP3_AUTH] = {cmd_auth, STATE_AUTHORIZATION},
    [POP3_CAPA] = {cmd_capa, STATE_ANY},           [POP3_DELE] = {cmd_dele, STATE_TRANSACTION},
    [POP3_LANG] = {cmd_lang, STATE_ANY},           [POP3_LIST] = {cmd_list, STATE_TRANSACTION},
    [POP3_NOOP] = {cmd_noop, STATE_TRANSACTION},   [POP3_PASS] = {cmd_pass, STATE_AUTHORIZATION},
    [POP3_QUIT] = {cmd_quit, STATE_ANY},           [POP3_RETR] = {cmd_retr, STATE_TRANSACTION},
    [POP3_RSET] = {cmd_rset, STATE_TRANSACTION},   [POP3_STAT] = {cmd_stat, STATE_TRANSACTION},
    [POP3_STLS] = {cmd_stls, STATE_AUTHORIZATION}, [POP3_TOP] = {cmd_top, STATE_TRANSACTION},
    [POP3_UIDL] = {cmd_uidl, STATE_TRANSACTION},   [POP3_USER] = {cmd_user, STATE_AUTHORIZATION},
    [POP3_UTF8] = {cmd_utf8, STATE_AUTHORIZATION},
};

static void log_command(const struct session *s, const struct pop3_command *c) {
    if (!log_enabled(LOG_SMTP)) return;
    if (c->verb == POP3_PASS || c->verb == POP3_USER || c->verb == POP3_AUTH || c->verb == POP3_APOP) {
        log_event(LOG_SMTP, s->id, "command", "verb=%s", pop3_verb_name(c->verb));
    } else {
        log_event(LOG_SMTP, s->id, "command", "verb=%s number=%u", pop3_verb_name(c->verb), c->number);
    }
}

static int bad_command(struct session *s, const char *text) {
    s->pop3d->count.bad_commands++;
    if (++s->bad_commands < s->pop3d->config.max_bad_commands) return session_err(s, NULL, "%s", text);
    log_event(LOG_WARNING, s->id, "bad-commands", "peer=%s count=%u", s->peer, s->bad_commands);
    int rc = session_err(s, NULL, "Too many bad commands, closing the connection");
    return rc == 0 ? SESSION_END : rc;
}

int session_command(struct session *s, struct str line) {
    struct pop3_command c;
    const char *reason = "";
    int rc = pop3_command_parse(line, &c, &reason);
    if (rc == ERR_INVALID) return bad_command(s, reason);
    if (rc != 0) return bad_command(s, "Unknown command");
    log_command(s, &c);
    if ((table[c.verb].states & s->state) != 0) return table[c.verb].handle(s, &c);
    return bad_command(s, s->state == STATE_AUTHORIZATION ? "Log in first" : "Not after login");
}
