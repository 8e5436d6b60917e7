/* Replies of a session: tagged, BYE, and what fits a failed call to the store. */
#include "imapd/command.h"
#include "imapd/notify.h"
#include "imapd/sync.h"

#include <stdio.h>

enum { REPLY_MAX = 1024, PLACE_MAX = 40 };

void session_put(struct session *s, struct str bytes) {
    (void)!stream_put(s->stream, bytes);
}

void session_puts(struct session *s, const char *text) {
    (void)!stream_put(s->stream, str_from(text));
}

void session_printf(struct session *s, const char *fmt, ...) {
    char text[REPLY_MAX];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0) return;
    session_put(s, str_of(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1));
}

void session_bye(struct session *s, const char *text) {
    if (s->told_bye) return;
    s->told_bye = true;
    session_printf(s, "* BYE %s\r\n", text);
}

static const char ok_status[] = " OK ";

/* That messages were not found because others have expunged them: RFC 5530 section 3. */
static bool expunge_issued(const struct cmd *c) {
    return c->def != NULL && (c->def->flags & COMMAND_FINDS) != 0 && c->s->view != NULL && c->s->view->gone.count > 0;
}

static int reply(struct cmd *c, const char *status, const char *code, const char *text) {
    if (c->def == NULL || (c->def->flags & COMMAND_NO_SYNC) == 0) {
        bool expunge = c->def == NULL || (c->def->flags & COMMAND_NO_EXPUNGE) == 0 || c->uid;
        if (c->s->view != NULL)
            (void)sync_view(c->s, (expunge ? SYNC_EXPUNGE : 0) | (c->s->passed_over ? SYNC_ASK : 0));
        c->s->passed_over = false;
        if (c->s->notify != NULL && !c->s->closing) (void)!notify_tell(c->s);
        if (c->s->view != NULL) sync_tell_held(c->s);
    }
    if (code == NULL && status == ok_status && expunge_issued(c)) code = "EXPUNGEISSUED";
    session_put(c->s, c->tag);
    session_puts(c->s, status);
    if (code != NULL) {
        session_puts(c->s, "[");
        session_puts(c->s, code);
        session_puts(c->s, "] ");
    }
    session_puts(c->s, text);
    session_puts(c->s, "\r\n");
    return 0;
}

int cmd_ok(struct cmd *c, const char *code, const char *text) {
    return reply(c, ok_status, code, text);
}

int cmd_no(struct cmd *c, const char *code, const char *text) {
    return reply(c, " NO ", code, text);
}

int cmd_bad(struct cmd *c, const char *text) {
    c->s->bad_commands++;
    c->s->imapd->count.bad_commands++;
    return reply(c, " BAD ", NULL, text);
}

/* Some clients read the text like data: it has no quotes, and as many closing parentheses as opening ones. */
static void add_excerpt(struct str rest, struct buf *b) {
    unsigned open = 0;
    for (size_t i = 0; i < rest.len && i < PLACE_MAX && rest.ptr[i] != '\r' && rest.ptr[i] != '\n'; i++) {
        char c = rest.ptr[i];
        if (c == ')' && open == 0) continue;
        open += (unsigned)(c == '(') - (unsigned)(c == ')');
        buf_addc(b, c == '"' ? '\'' : c < ' ' || c > '~' ? '?' : c);
    }
    if (rest.len > PLACE_MAX) buf_adds(b, "...");
    for (; open > 0; open--) buf_addc(b, ')');
}

/* Where the command was not understood any more. Before login it is not told: it may be a password. */
static void add_place(const struct cmd *c, struct buf *b) {
    struct str rest = str_trim(c->args->rest);
    if (c->s->state == STATE_NOT_AUTHENTICATED) return;
    if (rest.len == 0) {
        buf_adds(b, ": something is missing at the end");
        return;
    }
    buf_adds(b, " at: ");
    size_t before = b->len;
    add_excerpt(rest, b);
    if (b->len == before) buf_adds(b, "a closing parenthesis");
}

int cmd_bad_args(struct cmd *c) {
    BUF_AUTO text = BUF_INIT(REPLY_MAX);
    if (c->args->bad_name)
        return cmd_no(c, "CANNOT", "No mailbox can have this name: it is empty, too long, or not UTF-8 and not UTF-7");
    buf_printf(&text, "Bad arguments of %s%s", c->uid ? "UID " : "", c->def->name);
    add_place(c, &text);
    buf_printf(&text, "; it takes %s", c->def->usage[0] != '\0' ? c->def->usage : "none");
    return cmd_bad(c, buf_cstr(&text));
}

int cmd_done(struct cmd *c) {
    char text[REPLY_MAX];
    (void)snprintf(text, sizeof text, "%s%s completed", c->uid ? "UID " : "", c->def->name);
    return cmd_ok(c, NULL, text);
}

int cmd_fail(struct cmd *c, int err, const struct error *detail) {
    static const struct {
        int err;
        const char *code, *text;
    } table[] = {
        {ERR_NOTFOUND, "NONEXISTENT", "No such mailbox"},
        {ERR_EXISTS, "ALREADYEXISTS", "Mailbox exists already"},
        {ERR_DENIED, "NOPERM", "Not allowed"},
        {ERR_LIMIT, "LIMIT", "Limit exceeded"},
        {ERR_NOSPACE, "OVERQUOTA", "Quota exceeded or disk full"},
        {ERR_INVALID, "CANNOT", "Not possible"},
        {ERR_UNSUPPORTED, "CANNOT", "Not supported"},
        {ERR_CORRUPT, "CORRUPTION", "Stored data is damaged"},
        {ERR_CONFLICT, "INUSE", "Mailbox is being changed, try again"},
        {ERR_NOMEM, "UNAVAILABLE", "Not enough memory"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].err != err) continue;
        bool tell = detail != NULL && detail->text[0] != '\0' && err != ERR_NOMEM;
        char text[ERROR_TEXT_MAX];
        (void)snprintf(text, sizeof text, "%s", tell ? detail->text : table[i].text);
        for (char *p = text; *p != '\0'; p++)
            if (*p < 0x20 || *p >= 0x7f) *p = '?';
        return cmd_no(c, table[i].code, text);
    }
    return cmd_no(c, "UNAVAILABLE", "Mail store is not available, try again");
}
