/* FETCH and UID FETCH (RFC 9051 section 6.4.5, RFC 7162 section 3.1.4, RFC 9394). */
#include "imapd/command.h"
#include "imapd/context.h"
#include "imapd/esearch.h"
#include "imapd/fetch.h"
#include "imapd/limit.h"
#include "imapd/pages.h"
#include "imapd/store_call.h"
#include "imapd/sync.h"
#include "imapd/uid_runs.h"
#include "net/fiber.h"

enum {
    SEEN_ARENA = 4 * 1024 * 1024,
    TURN_BYTES = 512 * 1024, /* unpacked, a page is much longer than that */
};

struct fetching {
    struct cmd *c;
    struct imap_fetch items;
    struct imap_fetch_modifiers modifiers;
    struct imap_runs uids;
    struct limit limit;
    unsigned fields;
    uint32_t found;
    uint64_t written; /* of bodies, since others had their turn */
    int err;
};

static bool take_args(struct cmd *c, struct fetching *f, struct imap_set *set) {
    struct imap_args *a = c->args;
    if (!imap_args_space(a) || !imap_args_set(a, set) || !imap_args_space(a)) return false;
    if (imap_fetch_parse(a, &f->items) != 0) return false;
    if (!imap_args_end(a) && (imap_fetch_parse_modifiers(a, &f->modifiers) != 0 || !imap_args_end(a))) return false;
    if (c->uid) f->items.items |= IMAP_FETCH_UID;
    if (f->modifiers.has_changed_since || (f->items.items & IMAP_FETCH_MODSEQ) != 0) {
        session_enable_condstore(c->s);
        f->items.items |= IMAP_FETCH_MODSEQ;
    }
    if (f->modifiers.has_partial && !c->uid) return false;
    return !f->modifiers.vanished || (c->s->qresync && c->uid && f->modifiers.has_changed_since);
}

/* UID FETCH ... (CHANGEDSINCE n VANISHED): what of the set has gone since (RFC 7162 section 3.2.6). */
static int tell_vanished(struct fetching *f, const struct imap_set *set) {
    struct session *s = f->c->s;
    struct imap_runs asked = {0};
    Store__FolderChanges req = STORE__FOLDER_CHANGES__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.folder = s->view->folder;
    req.since = f->modifiers.changed_since;
    int err = session_call(s, STORE_FOLDER_CHANGES, &req, STR_EMPTY, &reply, NULL);
    if (err == 0) err = imap_set_resolve(set, UINT32_MAX, &asked);
    if (err == 0) err = sync_tell_earlier(s, (const Store__FolderChangesReply *)reply.msg, &asked);
    imap_runs_done(&asked);
    return err;
}

/* The messages of a page that are not seen, as UIDs. */
static int find_unseen(struct fetching *f, struct str records, struct imap_runs *unseen) {
    struct message_record r;
    int err;
    while ((err = message_record_get(&records, f->fields, &r)) == 0)
        if ((r.flags & MAILBOX_SEEN) == 0) {
            context_touch(f->c->s, r.uid);
            if ((err = imap_runs_add(unseen, r.uid, r.uid)) != 0) return err;
        }
    return err == ERR_NOTFOUND ? 0 : err;
}

/* Marks these \Seen, in one call. `marked` tells which were not until then, with what they have now: another session
 * may have changed them since the page was read. */
static int mark_seen(struct fetching *f, const struct imap_runs *unseen, struct rpc_reply *marked) {
    struct session *s = f->c->s;
    ARENA_AUTO arena = arena_new(SEEN_ARENA);
    struct uid_runs runs;
    Store__MessageStore req = STORE__MESSAGE_STORE__INIT;
    if (arena == NULL || uid_runs_make(unseen, 0, unseen->count, arena, &runs) != 0) return ERR_NOMEM;
    req.folder = s->view->folder;
    req.uids = runs.run;
    req.n_uids = runs.count;
    req.mode = STORE__STORE_MODE__FLAGS_ADD;
    req.flags = MAILBOX_SEEN;
    int err = session_call(s, STORE_MESSAGE_STORE, &req, STR_EMPTY, marked, NULL);
    if (err == ERR_DENIED) return 0; /* without the right "s" the flag is not kept (RFC 4314 section 4) */
    if (err != 0) return err;
    const Store__MessageStored *done = (const Store__MessageStored *)marked->msg;
    if (done->count > 0) view_own_change(s->view, done->modseq, true);
    return 0;
}

static int write_record(struct fetching *f, const struct message_record *r, const struct message_record *seen) {
    struct session *s = f->c->s;
    uint32_t position = imap_runs_position(&s->view->uids, r->uid);
    if (position == 0) return 0;
    struct content content;
    struct imap_fetch items = f->items;
    if (seen != NULL) items.items |= IMAP_FETCH_FLAGS;
    if (seen != NULL && s->condstore) items.items |= IMAP_FETCH_UID | IMAP_FETCH_MODSEQ; /* RFC 7162 section 3.2.4 */
    f->found++;
    if (seen == NULL) seen = r;
    if ((items.items & IMAP_FETCH_FLAGS) != 0 && view_lacks_keyword(s->view, seen->flags)) (void)!sync_learn_folder(s);
    int err = content_open(&content, s, r, f->fields);
    if (err == 0) err = fetch_write(s, &items, &content, position, seen->flags, seen->modseq);
    f->written += content.whole.len;
    content_close(&content);
    return err;
}

/* A client that reads as fast as it is written to never makes this fiber wait. */
static void give_turn(struct fetching *f) {
    if (f->written < TURN_BYTES) return;
    f->written = 0;
    fiber_yield();
}

static int write_page(struct fetching *f, struct str records) {
    struct session *s = f->c->s;
    struct imap_runs unseen = {0};
    RPC_REPLY_AUTO marked = {0};
    struct message_record r, seen = {0};
    int err = f->items.sets_seen && !s->view->read_only ? find_unseen(f, records, &unseen) : 0;
    if (err == 0 && unseen.count > 0) err = mark_seen(f, &unseen, &marked);
    imap_runs_done(&unseen);
    struct str changed = err == 0 ? marked.attach : STR_EMPTY; /* bodies are given all the same */
    while ((err = message_record_get(&records, f->fields, &r)) == 0) {
        while (seen.uid < r.uid && message_record_get(&changed, 0, &seen) == 0) {
        }
        int rc = write_record(f, &r, seen.uid == r.uid ? &seen : NULL);
        if (f->err == 0) f->err = rc;
        give_turn(f);
        if (stream_error(s->stream) != 0 || s->closing) break;
    }
    return err == ERR_NOTFOUND ? 0 : stream_error(s->stream) != 0 || s->closing ? ERR_IO : err;
}

static int write_all(struct fetching *f) {
    struct str records;
    struct pages *p =
        pages_open(f->c->s, &f->uids, f->fields, f->modifiers.has_changed_since ? f->modifiers.changed_since : 0);
    if (p == NULL) return ERR_NOMEM;
    int err;
    while ((err = pages_next(p, &records)) == 0)
        if ((err = write_page(f, records)) != 0) break;
    pages_close(p);
    return err == ERR_NOTFOUND ? 0 : err;
}

int fetch_tell(struct session *s, const struct imap_fetch *items, const struct imap_runs *uids) {
    struct cmd c = {.s = s};
    struct fetching f = {.c = &c, .items = *items};
    f.items.items |= IMAP_FETCH_UID | (s->condstore ? (unsigned)IMAP_FETCH_MODSEQ : 0);
    f.fields = fetch_fields(&f.items, imap_runs_total(uids) > 1);
    int err = imap_runs_copy(uids, &f.uids);
    if (err == 0) err = write_all(&f);
    imap_runs_done(&f.uids);
    return err != 0 ? err : f.err;
}

static int finish(struct fetching *f, int err) {
    struct cmd *c = f->c;
    if (err == 0) err = f->err;
    if (err == ERR_UNSUPPORTED) return cmd_no(c, "UNKNOWN-CTE", "A transfer encoding is not known");
    if (err != 0) return cmd_fail(c, err, NULL);
    if (!c->uid && !f->modifiers.has_changed_since && f->found < imap_runs_total(&f->uids)) {
        if (f->limit.code[0] != '\0') /* RFC 9738 section 3.1: both */
            session_printf(c->s, "* NO [%s] Not all messages were fetched\r\n", f->limit.code);
        return cmd_no(c, "EXPUNGEISSUED", "Some of the messages no longer exist");
    }
    return limit_done(c, &f->limit);
}

/* PARTIAL: only those at these places among what the set names (RFC 9394 section 3.2). */
static int keep_partial(struct fetching *f) {
    struct imap_runs part = {0};
    size_t from, to;
    found_partial(&f->modifiers.partial, imap_runs_total(&f->uids), &from, &to);
    int err = imap_runs_slice(&f->uids, (uint32_t)from + 1, (uint32_t)to, &part);
    imap_runs_done(&f->uids);
    f->uids = part;
    return err;
}

int cmd_fetch(struct cmd *c) {
    struct fetching f = {.c = c};
    struct imap_set set;
    if (!take_args(c, &f, &set)) return cmd_bad_args(c);
    int err = view_resolve(c->s->view, &set, c->uid, &f.uids);
    if (err == ERR_INVALID) {
        imap_runs_done(&f.uids);
        return cmd_bad(c, "No message has such a number");
    }
    if (err == 0 && f.modifiers.has_partial) err = keep_partial(&f);
    if (err == 0 && f.modifiers.has_partial && limit_exceeded(c->s, &f.uids)) { /* RFC 9738 section 3.1 */
        imap_runs_done(&f.uids);
        return limit_refuse(c, "The range of PARTIAL names more messages than one command may be about");
    }
    if (err == 0) err = limit_apply(c->s, &f.uids, &f.limit);
    f.fields = fetch_fields(&f.items, imap_runs_total(&f.uids) > 1);
    if (err == 0 && f.modifiers.vanished) err = tell_vanished(&f, &set);
    if (err == 0) err = write_all(&f);
    err = finish(&f, err);
    imap_runs_done(&f.uids);
    return err;
}
