#include "imapd/command.h"

#include "base/log.h"

#include <stdio.h>

enum {
    ANY = STATE_NOT_AUTHENTICATED | STATE_AUTHENTICATED | STATE_SELECTED,
    AUTH = STATE_AUTHENTICATED | STATE_SELECTED,
    LOG_WORD_MAX = 32,
};

const struct command command_table[] = {
    /* any state: RFC 9051 section 6.1 */
    {"CAPABILITY", ANY, 0, cmd_capability, ""},
    {"NOOP", ANY, 0, cmd_noop, ""},
    {"LOGOUT", ANY, COMMAND_NO_SYNC, cmd_logout, ""},
    {"ID", ANY, 0, cmd_id, "(name value ...) or NIL"},
    {"LANGUAGE", ANY, 0, cmd_language, "[language ...]"},
    /* not authenticated: section 6.2 */
    {"STARTTLS", STATE_NOT_AUTHENTICATED, 0, cmd_starttls, ""},
    {"AUTHENTICATE", STATE_NOT_AUTHENTICATED, 0, cmd_authenticate, "mechanism [initial-response]"},
    {"LOGIN", STATE_NOT_AUTHENTICATED, 0, cmd_login, "user password"},
    /* authenticated: section 6.3 */
    {"UNAUTHENTICATE", AUTH, COMMAND_NO_SYNC, cmd_unauthenticate, ""},
    {"COMPRESS", AUTH, 0, cmd_compress, "DEFLATE"},
    {"ESEARCH", AUTH, COMMAND_NO_EXPUNGE, cmd_esearch, "[IN (mailboxes)] [RETURN (options)] [CHARSET name] keys"},
    {"ENABLE", AUTH, 0, cmd_enable, "capability ..."},
    {"SELECT", AUTH, COMMAND_NO_SYNC, cmd_select,
     "mailbox [(CONDSTORE)] or mailbox (QRESYNC (uidvalidity modseq [uids] [(numbers uids)]))"},
    {"EXAMINE", AUTH, COMMAND_NO_SYNC, cmd_examine,
     "mailbox [(CONDSTORE)] or mailbox (QRESYNC (uidvalidity modseq [uids] [(numbers uids)]))"},
    {"CREATE", AUTH, 0, cmd_create, "mailbox [(USE (use))]"},
    {"DELETE", AUTH, 0, cmd_delete, "mailbox"},
    {"RENAME", AUTH, 0, cmd_rename, "mailbox new-name"},
    {"SUBSCRIBE", AUTH, 0, cmd_subscribe, "mailbox"},
    {"UNSUBSCRIBE", AUTH, 0, cmd_unsubscribe, "mailbox"},
    {"LIST", AUTH, 0, cmd_list, "[(options)] reference pattern [RETURN (options)]"},
    {"LSUB", AUTH, 0, cmd_lsub, "reference pattern"},
    {"NAMESPACE", AUTH, 0, cmd_namespace, ""},
    {"STATUS", AUTH, 0, cmd_status, "mailbox (items)"},
    {"APPEND", AUTH, 0, cmd_append, "mailbox [(flags)] [date-time] literal"},
    {"IDLE", AUTH, 0, cmd_idle, ""},
    {"NOTIFY", AUTH, 0, cmd_notify,
     "NONE, or SET [STATUS] (mailboxes (events)) ...; MessageNew and MessageExpunge both or none"},
    {"GETMETADATA", AUTH, 0, cmd_getmetadata, "[(options)] mailbox entries"},
    {"SETMETADATA", AUTH, 0, cmd_setmetadata, "mailbox (entry value ...)"},
    {"SETQUOTA", AUTH, 0, cmd_setquota, "root (resource limit ...)"},
    {"GETACL", AUTH, 0, cmd_getacl, "mailbox"},
    {"SETACL", AUTH, 0, cmd_setacl, "mailbox identifier rights"},
    {"DELETEACL", AUTH, 0, cmd_deleteacl, "mailbox identifier"},
    {"MYRIGHTS", AUTH, 0, cmd_myrights, "mailbox"},
    {"LISTRIGHTS", AUTH, 0, cmd_listrights, "mailbox identifier"},
    {"GENURLAUTH", AUTH, 0, cmd_genurlauth, "url mechanism ..."},
    {"RESETKEY", AUTH, 0, cmd_resetkey, "[mailbox [mechanism ...]]"},
    {"URLFETCH", AUTH, COMMAND_NO_EXPUNGE, cmd_urlfetch, "url ..."},
    {"GETQUOTA", AUTH, 0, cmd_getquota, "root"},
    {"GETQUOTAROOT", AUTH, 0, cmd_getquotaroot, "mailbox"},
    /* selected: section 6.4 */
    {"CLOSE", STATE_SELECTED, COMMAND_NO_SYNC, cmd_close, ""},
    {"UNSELECT", STATE_SELECTED, COMMAND_NO_SYNC, cmd_unselect, ""},
    {"CHECK", STATE_SELECTED, 0, cmd_check, ""},
    {"EXPUNGE", STATE_SELECTED, COMMAND_UID, cmd_expunge, "no arguments, or, as UID EXPUNGE, uids"},
    {"SEARCH", STATE_SELECTED, COMMAND_UID | COMMAND_NUMBERS | COMMAND_NO_EXPUNGE | COMMAND_FINDS, cmd_search,
     "[RETURN (options)] [CHARSET name] keys"},
    {"UIDBATCHES", STATE_SELECTED, 0, cmd_uidbatches, "size [first:last]"},
    {"CANCELUPDATE", STATE_SELECTED, 0, cmd_cancelupdate, "tag ..."},
    {"SORT", STATE_SELECTED, COMMAND_UID | COMMAND_NUMBERS | COMMAND_NO_EXPUNGE | COMMAND_FINDS, cmd_sort,
     "[RETURN (options)] (criteria) charset keys"},
    {"THREAD", STATE_SELECTED, COMMAND_UID | COMMAND_NUMBERS | COMMAND_NO_EXPUNGE | COMMAND_FINDS, cmd_thread,
     "algorithm charset keys"},
    {"FETCH", STATE_SELECTED, COMMAND_UID | COMMAND_NUMBERS | COMMAND_NO_EXPUNGE, cmd_fetch, "set items [(modifiers)]"},
    {"STORE", STATE_SELECTED, COMMAND_UID | COMMAND_NUMBERS | COMMAND_NO_EXPUNGE, cmd_store,
     "set [(UNCHANGEDSINCE modseq)] [+|-]FLAGS[.SILENT] flags"},
    {"COPY", STATE_SELECTED, COMMAND_UID | COMMAND_NUMBERS, cmd_copy, "set mailbox"},
    {"MOVE", STATE_SELECTED, COMMAND_UID | COMMAND_NUMBERS, cmd_move, "set mailbox"},
    {"REPLACE", STATE_SELECTED, COMMAND_UID | COMMAND_NUMBERS, cmd_replace,
     "number mailbox [(flags)] [date-time] literal"},
};
const size_t command_count = sizeof command_table / sizeof *command_table;

const struct command *command_find(struct str name) {
    for (size_t i = 0; i < command_count; i++)
        if (str_eq_nocase(name, str_from(command_table[i].name))) return &command_table[i];
    return NULL;
}

/* command = tag SP ["UID" SP] name ...; false: no such command. */
static bool take_command(struct imap_args *a, struct cmd *c) {
    struct str name;
    if (!imap_args_atom(a, &name)) return false;
    c->uid = str_eq_nocase(name, STR("UID"));
    if (c->uid && (!imap_args_space(a) || !imap_args_atom(a, &name))) return false;
    c->def = command_find(name);
    return c->def != NULL && (!c->uid || (c->def->flags & COMMAND_UID) != 0);
}

static const char *state_text(const struct cmd *c) {
    if (c->s->state == STATE_NOT_AUTHENTICATED) return "Please log in first";
    return c->def->states == STATE_SELECTED ? "No mailbox is selected" : "Already logged in";
}

static void run(struct cmd *c) {
    struct session *s = c->s;
    s->commands++;
    s->imapd->count.commands++;
    log_event(LOG_DEBUG, s->id, "command", "name=%s%s", c->uid ? "UID-" : "", c->def->name);
    s->tag = c->tag;
    if (s->uidonly && (c->def->flags & COMMAND_NUMBERS) != 0 && !c->uid) { /* RFC 9586 section 3.1 */
        (void)cmd_bad(c, "[UIDREQUIRED] Message numbers are not used in this session");
        return;
    }
    if ((c->def->states & s->state) != 0) {
        (void)c->def->run(c);
        return;
    }
    (void)cmd_bad(c, state_text(c));
}

void command_dispatch(struct session *s, struct str text) {
    struct imap_args args = {.rest = text, .arena = session_arena(s), .utf8 = s->utf8};
    struct cmd c = {.s = s, .args = &args, .tag = STR("*")};
    struct str tag;
    if (args.arena == NULL) {
        session_bye(s, "[UNAVAILABLE] Out of memory");
        s->closing = true;
    } else if (!imap_args_tag(&args, &tag) || !imap_args_space(&args)) {
        (void)cmd_bad(&c, "A command begins with a tag and a blank");
    } else {
        c.tag = tag;
        if (take_command(&args, &c)) {
            run(&c);
        } else {
            c.def = NULL;
            (void)cmd_bad(&c, "Unknown command");
        }
    }
}
