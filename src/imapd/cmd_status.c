#include "imapd/command.h"
#include "imapd/status.h"
#include "imapd/store_call.h"
#include "proto/imap/write.h"

#include <string.h>

enum { LINE_BYTES = 16 * IMAP_MAILBOX_MAX + 1024 };

enum item { MESSAGES, RECENT, UIDNEXT, UIDVALIDITY, UNSEEN, DELETED, SIZE, HIGHESTMODSEQ, APPENDLIMIT, ITEMS };

static const char *const names[ITEMS] = {"MESSAGES", "RECENT", "UIDNEXT",       "UIDVALIDITY", "UNSEEN",
                                         "DELETED",  "SIZE",   "HIGHESTMODSEQ", "APPENDLIMIT"};

bool status_take_items(struct imap_args *a, unsigned *items) {
    unsigned found = 0;
    if (!imap_args_char(a, '(')) return false;
    do {
        size_t i = 0;
        while (i < ITEMS && !imap_args_word(a, names[i])) i++;
        if (i == ITEMS) return false;
        found |= 1u << i;
    } while (imap_args_space(a));
    if (!imap_args_char(a, ')')) return false;
    *items = found;
    return true;
}

void status_tell(struct session *s, const Store__Folder *f, unsigned items) {
    const uint64_t values[ITEMS] = {f->messages,
                                    0,
                                    f->uidnext,
                                    f->uidvalidity,
                                    f->unseen,
                                    f->deleted,
                                    f->size,
                                    f->highestmodseq,
                                    s->imapd->config.append_limit};
    BUF_AUTO b = BUF_INIT(LINE_BYTES);
    buf_adds(&b, "* STATUS ");
    imap_write_mailbox(&b, str_from(f->name), s->utf8);
    const char *separator = " (";
    for (size_t i = 0; i < ITEMS; i++) {
        if ((items & 1u << i) == 0) continue;
        buf_printf(&b, "%s%s %llu", separator, names[i], (unsigned long long)values[i]);
        separator = " ";
    }
    buf_adds(&b, ")\r\n");
    if ((items & 1u << HIGHESTMODSEQ) != 0) s->condstore = true; /* RFC 7162 section 3.1: asking enables it */
    session_put(s, buf_str(&b));
}

int cmd_status(struct cmd *c) {
    struct str name;
    unsigned items;
    struct error err = {0};
    struct imap_args *a = c->args;
    if (!imap_args_space(a) || !imap_args_mailbox(a, &name) || !imap_args_space(a) || !status_take_items(a, &items) ||
        !imap_args_end(a))
        return cmd_bad_args(c);
    Store__FolderName req = STORE__FOLDER_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.name = arena_cstr(a->arena, name);
    if (req.name == NULL) return cmd_fail(c, ERR_NOMEM, NULL);
    int rc = session_call(c->s, STORE_FOLDER_STATUS, &req, STR_EMPTY, &reply, &err);
    if (rc != 0) return cmd_fail(c, rc, &err);
    const Store__Folder *f = (const Store__Folder *)reply.msg;
    if (f->no_select) return cmd_no(c, "NONEXISTENT", "This level has no mailbox");
    status_tell(c->s, f, items);
    return cmd_done(c);
}
