/* ID (RFC 2971). What the client tells is checked for form, logged at debug level, and otherwise of no consequence. */
#include "imapd/command.h"

#include "base/log.h"

enum { ID_PAIRS_MAX = 30, ID_TEXT_MAX = 1024, ID_VALUE_MAX = 200 };

static void note(struct buf *log, struct str name, struct str value) {
    if (log->len > 0) buf_adds(log, ", ");
    for (size_t i = 0; i < name.len && i < ID_VALUE_MAX; i++) buf_addc(log, name.ptr[i] == '"' ? '\'' : name.ptr[i]);
    buf_addc(log, '=');
    for (size_t i = 0; i < value.len && i < ID_VALUE_MAX; i++) buf_addc(log, value.ptr[i] == '"' ? '\'' : value.ptr[i]);
}

/* id-params-list = "(" *(string SP nstring) ")" / nil */
static bool take_params(struct imap_args *a, struct buf *log) {
    if (imap_args_word(a, "NIL")) return true;
    if (!imap_args_char(a, '(')) return false;
    if (imap_args_char(a, ')')) return true;
    unsigned pairs = 0;
    do {
        struct str name, value;
        bool nil;
        if (++pairs > ID_PAIRS_MAX || !imap_args_string(a, &name)) return false;
        if (!imap_args_space(a) || !imap_args_nstring(a, &value, &nil)) return false;
        if (!nil) note(log, name, value);
    } while (imap_args_space(a));
    return imap_args_char(a, ')');
}

int cmd_id(struct cmd *c) {
    BUF_AUTO log = BUF_INIT(ID_TEXT_MAX);
    if (!imap_args_space(c->args) || !take_params(c->args, &log) || !imap_args_end(c->args)) return cmd_bad_args(c);
    if (log.len > 0) log_event(LOG_INFO, c->s->id, "client", "id=\"%s\"", buf_cstr(&log));
    session_puts(c->s, "* ID (\"name\" \"IEMS\" \"version\" \"" IEMS_VERSION "\")\r\n");
    return cmd_done(c);
}
