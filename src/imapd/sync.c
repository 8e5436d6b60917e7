#include "imapd/sync.h"

#include "imapd/context.h"
#include "imapd/fetch.h"
#include "imapd/notify.h"
#include "imapd/store_call.h"
#include "imapd/uid_runs.h"
#include "proto/imap/args.h"
#include "proto/imap/write.h"
#include "store/mailbox/record.h"
#include "store/mailbox/rights.h"

enum { LINE_MAX_BYTES = 16 * 1024, GATHER = 8 * 1024, VANISHED_MAX = 16 * 1024 * 1024 };

_Static_assert((int)IMAP_ANSWERED == (int)MAILBOX_ANSWERED && (int)IMAP_FLAGGED == (int)MAILBOX_FLAGGED &&
                   (int)IMAP_DELETED == (int)MAILBOX_DELETED && (int)IMAP_SEEN == (int)MAILBOX_SEEN &&
                   (int)IMAP_DRAFT == (int)MAILBOX_DRAFT,
               "flags of commands and records are the same bits");

void sync_tell_flags(struct session *s) {
    static const uint64_t all =
        ~(uint64_t)0 &
        ~((uint64_t)0xff & ~(uint64_t)(IMAP_ANSWERED | IMAP_FLAGGED | IMAP_DELETED | IMAP_SEEN | IMAP_DRAFT));
    const struct view *v = s->view;
    BUF_AUTO b = BUF_INIT(LINE_MAX_BYTES);
    buf_adds(&b, "* FLAGS ");
    imap_write_flags(&b, all, v->keyword, v->keywords);
    buf_adds(&b, "\r\n* OK [PERMANENTFLAGS ");
    if (v->read_only) {
        buf_adds(&b, "()");
    } else {
        uint64_t may = rights_flags(v->rights);
        imap_write_flags(&b, all & may, v->keyword, v->keywords);
        if ((v->rights & RIGHT_WRITE) != 0 && v->keywords < MAILBOX_KEYWORDS_MAX) { /* RFC 9051 section 7.1 */
            buf_truncate(&b, b.len - 1);
            buf_adds(&b, " \\*)");
        }
    }
    buf_adds(&b, "] Flags permitted\r\n");
    session_put(s, buf_str(&b));
}

int sync_learn_folder(struct session *s) {
    Store__FolderChanges req = STORE__FOLDER_CHANGES__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.folder = s->view->folder;
    req.since = UINT64_MAX; /* the folder itself, no messages */
    int err = session_call(s, STORE_FOLDER_CHANGES, &req, STR_EMPTY, &reply, NULL);
    if (err != 0) return err;
    const Store__Folder *f = ((const Store__FolderChangesReply *)reply.msg)->folder;
    if (f != NULL) view_set_name(s->view, f->name);
    if (f != NULL && view_set_keywords(s->view, f->keywords, f->n_keywords)) sync_tell_flags(s);
    return 0;
}

/* Without printf: a STORE may tell of all messages of a large mailbox. */
static void put_head(struct buf *b, bool uidonly, uint32_t position, uint32_t uid) {
    buf_adds(b, "* ");
    if (uidonly) { /* RFC 9586 section 3.3 */
        buf_addu(b, uid);
        buf_adds(b, " UIDFETCH (FLAGS ");
        return;
    }
    buf_addu(b, position);
    buf_adds(b, " FETCH (UID ");
    buf_addu(b, uid);
    buf_adds(b, " FLAGS ");
}

void sync_tell_message(struct session *s, uint32_t uid, uint64_t flags, uint64_t modseq) {
    uint32_t position = imap_runs_position(&s->view->uids, uid);
    if (position == 0) return;
    if (view_lacks_keyword(s->view, flags)) (void)!sync_learn_folder(s);
    BUF_AUTO b = BUF_INIT(LINE_MAX_BYTES);
    put_head(&b, s->uidonly, position, uid);
    imap_write_flags(&b, view_flags(s->view, uid, flags), s->view->keyword, s->view->keywords);
    if (s->condstore) buf_printf(&b, " MODSEQ (%llu)", (unsigned long long)modseq);
    buf_adds(&b, ")\r\n");
    session_put(s, buf_str(&b));
}

/* "* n EXPUNGE" for each, from the highest down, so that each number is right when it is told. */
static void tell_expunges(struct session *s, const struct imap_runs *gone) {
    BUF_AUTO b = BUF_INIT(GATHER + 64);
    for (size_t i = gone->count; i-- > 0;) {
        for (uint64_t uid = gone->run[i].last; uid >= gone->run[i].first; uid--) {
            uint32_t position = imap_runs_position(&s->view->uids, (uint32_t)uid);
            if (position == 0) continue;
            buf_adds(&b, "* ");
            buf_addu(&b, position);
            buf_adds(&b, " EXPUNGE\r\n");
            if (b.len < GATHER) continue;
            session_put(s, buf_str(&b));
            buf_clear(&b);
        }
    }
    session_put(s, buf_str(&b));
}

static void tell_vanished(struct session *s, const char *how, const struct imap_runs *gone) {
    BUF_AUTO b = BUF_INIT(VANISHED_MAX);
    buf_adds(&b, how);
    imap_runs_write(gone, &b);
    buf_adds(&b, "\r\n");
    if (b.error == 0) session_put(s, buf_str(&b));
}

static void tell_gone(struct session *s, const struct imap_runs *gone) {
    if (gone->count == 0) return;
    contexts_expunge(s, gone);
    if (s->qresync || s->uidonly)
        tell_vanished(s, "* VANISHED ", gone);
    else
        tell_expunges(s, gone);
    s->expunged += imap_runs_total(gone);
    (void)!imap_runs_subtract(&s->view->uids, gone);
}

static void tell_recent(struct session *s) {
    uint32_t recent = view_recent(s->view);
    if (s->rev2 || recent == s->view->recent_told) return;
    s->view->recent_told = recent;
    session_printf(s, "* %u RECENT\r\n", recent);
}

void sync_expunged(struct session *s, const struct imap_runs *vanished) {
    struct imap_runs known = {0};
    if (imap_runs_intersect(vanished, &s->view->uids, &known) == 0) {
        tell_gone(s, &known);
        (void)!imap_runs_subtract(&s->view->gone, &known);
        tell_recent(s);
    }
    imap_runs_done(&known);
}

int sync_tell_earlier(struct session *s, const Store__FolderChangesReply *page, const struct imap_runs *asked) {
    struct imap_runs vanished = {0}, told = {0};
    int err = uid_runs_read(page->vanished, page->n_vanished, &vanished);
    if (err == 0) err = asked == NULL ? imap_runs_copy(&vanished, &told) : imap_runs_intersect(&vanished, asked, &told);
    if (err == 0) err = imap_runs_subtract(&told, &s->view->uids);
    if (err == 0 && told.count > 0) tell_vanished(s, "* VANISHED (EARLIER) ", &told);
    view_note_change(s->view, page->highestmodseq);
    imap_runs_done(&vanished);
    imap_runs_done(&told);
    return err;
}

/* One page of changes: what vanished is noted, changed messages are told, new ones join the view. */
static int take_page(struct session *s, const Store__FolderChangesReply *page, struct str records, uint32_t *after) {
    struct view *v = s->view;
    bool flags = (notify_selected(s) & IMAP_NOTIFY_FLAG_CHANGE) != 0;
    struct imap_runs vanished = {0};
    int err = uid_runs_read(page->vanished, page->n_vanished, &vanished);
    if (err == 0) err = imap_runs_intersect(&vanished, &v->uids, &v->gone);
    imap_runs_done(&vanished);
    struct message_record r;
    while (err == 0 && (err = message_record_get(&records, 0, &r)) == 0) {
        *after = r.uid;
        context_touch(s, r.uid);
        if (r.uid >= v->uidnext) {
            err = imap_runs_add(&v->uids, r.uid, r.uid);
            v->uidnext = r.uid + 1;
        } else if (flags && !view_is_own(v, r.modseq) && !imap_runs_has(&v->gone, r.uid)) {
            sync_tell_message(s, r.uid, r.flags, r.modseq);
        }
    }
    return err == ERR_NOTFOUND ? 0 : err;
}

static int take_changes(struct session *s) {
    struct view *v = s->view;
    uint64_t upto = 0, before = v->known;
    uint32_t after = 0;
    bool held = v->gone.count > 0;
    for (bool more = true; more;) {
        Store__FolderChanges req = STORE__FOLDER_CHANGES__INIT;
        RPC_REPLY_AUTO reply = {0};
        req.folder = v->folder;
        req.since = v->known;
        req.after_uid = after;
        req.claim_recent = !v->read_only && !s->rev2;
        int err = session_call(s, STORE_FOLDER_CHANGES, &req, STR_EMPTY, &reply, NULL);
        if (err != 0) return err;
        const Store__FolderChangesReply *page = (const Store__FolderChangesReply *)reply.msg;
        if (upto == 0) upto = page->highestmodseq;
        if (page->folder != NULL) view_set_name(v, page->folder->name);
        if (page->folder != NULL && !s->rev2) view_take_recent(v, page->folder);
        if (page->folder != NULL && view_set_keywords(v, page->folder->keywords, page->folder->n_keywords))
            sync_tell_flags(s);
        err = take_page(s, page, reply.attach, &after);
        if (err != 0) return err;
        more = page->more;
    }
    if (!held) v->held = before;
    if (upto > v->known) v->known = upto;
    view_note_change(v, v->known);
    unsigned kept = 0;
    for (unsigned i = 0; i < v->own_count; i++)
        if (v->own[i] > v->known) v->own[kept++] = v->own[i];
    v->own_count = kept;
    return 0;
}

/* What NOTIFY wants to be told of each new message (RFC 5465 section 5.2). */
static void tell_new(struct session *s, uint32_t first) {
    const struct imap_fetch *items = notify_new_items(s);
    struct imap_runs fresh = {0}, uids = {0};
    if (items == NULL || s->view->uidnext <= first) return;
    int err = imap_runs_add(&fresh, first, s->view->uidnext - 1);
    if (err == 0) err = imap_runs_intersect(&fresh, &s->view->uids, &uids);
    if (err == 0) (void)!fetch_tell(s, items, &uids);
    imap_runs_done(&fresh);
    imap_runs_done(&uids);
}

void sync_tell_held(struct session *s) {
    struct view *v = s->view;
    bool held = v->gone.count > 0;
    if (!s->qresync || (!held && !v->lowered)) return;
    v->lowered = held;
    session_printf(s, "* OK [HIGHESTMODSEQ %llu] %s\r\n", (unsigned long long)(held ? v->held : v->known),
                   held ? "Expunges are told later" : "Highest");
}

int sync_view(struct session *s, unsigned how) {
    struct view *v = s->view;
    bool told = false;
    int err = 0;
    if (notify_selected(s) == 0) return 0;
    if ((how & SYNC_ASK) != 0 || view_is_stale(v) || s->store_generation != s->imapd->store_generation) {
        uint32_t before = imap_runs_total(&v->uids), next = v->uidnext;
        err = take_changes(s);
        if ((err == ERR_NOTFOUND || err == ERR_DENIED) && !s->closing) {
            /* RFC 2180 section 3.3: the way that all clients understand; also for one that may no longer be read */
            session_bye(s, err == ERR_NOTFOUND ? "The selected mailbox was deleted" : "No right to read the mailbox");
            s->closing = true;
        }
        told = imap_runs_total(&v->uids) != before;
        if (told) session_printf(s, "* %u EXISTS\r\n", imap_runs_total(&v->uids));
        if (s->notify != NULL && !s->closing) tell_new(s, next);
    }
    if (!s->closing) contexts_update(s);
    if ((how & SYNC_EXPUNGE) != 0 && v->gone.count > 0) {
        tell_gone(s, &v->gone);
        imap_runs_done(&v->gone);
        told = true;
    }
    if (told) tell_recent(s);
    return err;
}

uint64_t sync_own_change(struct session *s, uint64_t modseq, bool changed) {
    struct view *v = s->view;
    if (changed) view_own_change(v, modseq, false);
    view_note_change(v, modseq);
    (void)sync_view(s, SYNC_EXPUNGE);
    return v->gone.count > 0 ? v->held : v->known;
}
