/* STATUS (RFC 9051 section 6.3.11; RFC 7162, RFC 7889, RFC 8474, RFC 9208). */
#include "imapd/command.h"
#include "imapd/objectid.h"
#include "imapd/pages.h"
#include "imapd/status.h"
#include "imapd/store_call.h"
#include "imapd/view.h"
#include "proto/imap/write.h"

#include <string.h>

enum { LINE_BYTES = 16 * IMAP_MAILBOX_MAX + 1024 };

enum item {
    MESSAGES,
    RECENT,
    UIDNEXT,
    UIDVALIDITY,
    UNSEEN,
    DELETED,
    SIZE,
    HIGHESTMODSEQ,
    APPENDLIMIT,
    DELETED_STORAGE,
    MAILBOXID,
    ITEMS
};

static const char *const names[ITEMS] = {"MESSAGES",    "RECENT",          "UIDNEXT",  "UIDVALIDITY",
                                         "UNSEEN",      "DELETED",         "SIZE",     "HIGHESTMODSEQ",
                                         "APPENDLIMIT", "DELETED-STORAGE", "MAILBOXID"};

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

static int add_sizes(struct session *s, uint64_t folder, const struct imap_runs *uids, uint64_t *bytes) {
    struct pages *p = pages_open_in(s, folder, uids, FIELD_SIZE, 0);
    struct str records;
    struct message_record r;
    if (p == NULL) return ERR_NOMEM;
    int err;
    while ((err = pages_next(p, &records)) == 0)
        while (message_record_get(&records, FIELD_SIZE, &r) == 0) *bytes += r.size;
    pages_close(p);
    return err == ERR_NOTFOUND ? 0 : err;
}

/* DELETED-STORAGE (RFC 9208 section 4.2.2): what an expunge would free. 0 when that cannot be found out now. */
static uint64_t deleted_storage(struct session *s, const Store__Folder *f) {
    struct imap_runs all = {0}, deleted = {0};
    uint64_t bytes = 0;
    if (f->deleted == 0 || f->uidnext < 2) return 0;
    int err = imap_runs_add(&all, 1, f->uidnext - 1);
    if (err == 0) err = pages_flagged(s, f->id, &all, MAILBOX_DELETED, &deleted);
    if (err == 0) err = add_sizes(s, f->id, &deleted, &bytes);
    imap_runs_done(&all);
    imap_runs_done(&deleted);
    return err == 0 ? bytes : 0;
}

/* Of the selected mailbox: those that are recent for this session. */
static uint64_t recent_of(const struct session *s, const Store__Folder *f) {
    if (s->rev2) return 0;
    return s->view != NULL && s->view->folder == f->id ? view_recent(s->view) : f->recent;
}

static void tell(struct session *s, const Store__Folder *f, unsigned items) {
    const uint64_t values[ITEMS] = {f->messages,
                                    recent_of(s, f),
                                    f->uidnext,
                                    f->uidvalidity,
                                    f->unseen,
                                    f->deleted,
                                    f->size,
                                    f->highestmodseq,
                                    s->imapd->config.append_limit,
                                    (items & 1u << DELETED_STORAGE) != 0 ? deleted_storage(s, f) : 0,
                                    0};
    char id[OBJECTID_SIZE];
    BUF_AUTO b = BUF_INIT(LINE_BYTES);
    buf_adds(&b, "* STATUS ");
    imap_write_mailbox(&b, str_from(f->name), s->utf8);
    const char *separator = " (";
    for (size_t i = 0; i < ITEMS; i++) {
        if ((items & 1u << i) == 0) continue;
        if (i == MAILBOXID) {
            objectid_mailbox(f->id, id);
            buf_printf(&b, "%sMAILBOXID (%s)", separator, id);
        } else {
            buf_printf(&b, "%s%s %llu", separator, names[i], (unsigned long long)values[i]);
        }
        separator = " ";
    }
    buf_adds(&b, ")\r\n");
    session_put(s, buf_str(&b));
}

void status_tell(struct session *s, const Store__Folder *f, unsigned items) {
    if ((items & 1u << HIGHESTMODSEQ) != 0) session_enable_condstore(s); /* RFC 7162 section 3.1: asking enables it */
    tell(s, f, items);
}

void status_tell_change(struct session *s, const Store__Folder *f, bool modseq) {
    tell(s, f,
         1u << MESSAGES | 1u << UIDNEXT | 1u << UIDVALIDITY | 1u << UNSEEN |
             (modseq || s->condstore ? 1u << HIGHESTMODSEQ : 0));
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
