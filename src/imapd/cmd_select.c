/* SELECT and EXAMINE (RFC 9051 section 6.3.2; RFC 7162 sections 3.1.8 and 3.2.5). */
#include "imapd/command.h"
#include "imapd/list.h"
#include "imapd/notify.h"
#include "imapd/objectid.h"
#include "imapd/store_call.h"
#include "imapd/sync.h"
#include "imapd/uid_runs.h"
#include "store/mailbox/record.h"

enum { ATTRIBUTES_MAX = 1024 };

struct select_params {
    bool condstore, qresync, has_known, has_hint;
    uint32_t uidvalidity;
    uint64_t modseq;
    struct imap_set known; /* UIDs that the client has */
};

/* A set without "*" and "$"; `*numbers` gets how many it names. */
static bool take_known(struct imap_args *a, struct imap_set *set, uint64_t *numbers) {
    *numbers = 0;
    if (!imap_args_set(a, set) || set->saved) return false;
    for (size_t i = 0; i < set->count; i++) {
        uint32_t first = set->range[i].first, last = set->range[i].last;
        if (first == 0 || last == 0) return false;
        *numbers += (first < last ? last - first : first - last) + UINT64_C(1);
    }
    return true;
}

/* SP "(" known-sequence-set SP known-uid-set ")": a hint for servers that forget expunges; this one does not, so it is
 * read and not used. Each number belongs to a UID (RFC 7162 section 3.2.5.2). */
static bool take_hint(struct imap_args *a, struct select_params *p) {
    struct imap_set hint;
    uint64_t numbers, uids;
    if (!imap_args_peek_char(a, '(')) return true;
    p->has_hint = true;
    return imap_args_char(a, '(') && take_known(a, &hint, &numbers) && imap_args_space(a) &&
           take_known(a, &hint, &uids) && numbers == uids && imap_args_char(a, ')');
}

/* "QRESYNC" SP "(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")" */
static bool take_qresync(struct imap_args *a, struct select_params *p) {
    uint64_t count;
    if (p->qresync || !imap_args_space(a) || !imap_args_char(a, '(') || !imap_args_number(a, &p->uidvalidity) ||
        p->uidvalidity == 0 || !imap_args_space(a) || !imap_args_number64(a, &p->modseq) || p->modseq == 0)
        return false;
    p->qresync = true;
    bool more = imap_args_space(a);
    if (more && !imap_args_peek_char(a, '(')) {
        if (!take_known(a, &p->known, &count)) return false;
        p->has_known = true;
        more = imap_args_space(a);
    }
    return (!more || take_hint(a, p)) && imap_args_char(a, ')');
}

static bool take_params(struct imap_args *a, struct select_params *p) {
    if (imap_args_end(a)) return true;
    if (!imap_args_space(a) || !imap_args_char(a, '(')) return false;
    do {
        if (imap_args_word(a, "CONDSTORE"))
            p->condstore = true;
        else if (!imap_args_word(a, "QRESYNC") || !take_qresync(a, p))
            return false;
    } while (imap_args_space(a));
    return imap_args_char(a, ')') && imap_args_end(a);
}

/* What the client is told of besides the view. */
struct opened {
    uint32_t first_unseen;
    struct buf attributes; /* of the LIST response (RFC 9051 section 6.3.2) */
};

static int open_folder(struct session *s, struct str name, bool read_only, struct opened *out, struct error *err) {
    Store__FolderOpen req = STORE__FOLDER_OPEN__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.name = arena_cstr(session_arena(s), name);
    req.watch = true;
    req.claim_recent = !read_only && !s->rev2;
    if (req.name == NULL) return ERR_NOMEM;
    int rc = session_call(s, STORE_FOLDER_OPEN, &req, STR_EMPTY, &reply, err);
    if (rc != 0) return rc;
    const Store__FolderOpened *o = (const Store__FolderOpened *)reply.msg;
    if (o->folder != NULL && o->folder->no_select) return error_set(err, ERR_NOTFOUND, "This level has no mailbox");
    s->view = view_new(o, reply.attach, read_only);
    if (s->view == NULL) return ERR_NOMEM;
    if (!s->rev2 && o->folder != NULL) view_take_recent(s->view, o->folder);
    s->view->recent_told = view_recent(s->view);
    s->imapd->selected_count++;
    s->state = STATE_SELECTED;
    out->first_unseen = o->first_unseen;
    if (s->rev2) list_add_attributes(&out->attributes, o->folder);
    return 0;
}

static void tell_mailbox(struct session *s, struct str given, const struct opened *opened) {
    struct view *v = s->view;
    session_printf(s, "* %u EXISTS\r\n", imap_runs_total(&v->uids));
    if (!s->rev2) session_printf(s, "* %u RECENT\r\n", v->recent_told);
    sync_tell_flags(s);
    uint32_t unseen = imap_runs_position(&v->uids, opened->first_unseen);
    if (unseen > 0 && !s->rev2 && !s->uidonly) session_printf(s, "* OK [UNSEEN %u] First unseen message\r\n", unseen);
    session_printf(s, "* OK [UIDVALIDITY %u] UIDs valid\r\n", v->uidvalidity);
    session_printf(s, "* OK [UIDNEXT %u] Predicted next UID\r\n", v->uidnext);
    session_printf(s, "* OK [HIGHESTMODSEQ %llu] Highest\r\n", (unsigned long long)v->known);
    char id[OBJECTID_SIZE];
    objectid_mailbox(v->folder, id);
    session_printf(s, "* OK [MAILBOXID (%s)] Ok\r\n", id);
    if (!str_starts(str_from(v->name), STR("Other Users/")) && !str_starts(str_from(v->name), STR("Shared/")))
        session_puts(s, "* OK [URLMECH INTERNAL] For GENURLAUTH\r\n"); /* RFC 4467 section 8: URLs are the owner's */
    if (s->rev2) list_tell_name(s, buf_cstr(&opened->attributes), str_from(v->name), given);
}

/* What changed since the client was here last. Of what changes while the mailbox is opened, expunges are told behind
 * the command: until then the client must not think that it knows all up to the MODSEQs that it sees (RFC 7162 section
 * 5). */
static int resync(struct session *s, const struct select_params *p) {
    struct imap_runs known = {0};
    uint32_t after = 0;
    bool later = false;
    int err = p->has_known ? imap_set_resolve(&p->known, UINT32_MAX, &known) : 0;
    for (bool more = true; more && err == 0;) {
        Store__FolderChanges req = STORE__FOLDER_CHANGES__INIT;
        RPC_REPLY_AUTO reply = {0};
        req.folder = s->view->folder;
        req.since = p->modseq;
        req.after_uid = after;
        err = session_call(s, STORE_FOLDER_CHANGES, &req, STR_EMPTY, &reply, NULL);
        if (err != 0) break;
        const Store__FolderChangesReply *page = (const Store__FolderChangesReply *)reply.msg;
        err = sync_tell_earlier(s, page, p->has_known ? &known : NULL);
        struct message_record r;
        for (struct str rest = reply.attach; message_record_get(&rest, 0, &r) == 0; after = r.uid)
            if (!p->has_known || imap_runs_has(&known, r.uid)) {
                sync_tell_message(s, r.uid, r.flags, r.modseq);
                later |= r.modseq > s->view->known;
            }
        more = page->more;
    }
    imap_runs_done(&known);
    if (later)
        session_printf(s, "* OK [HIGHESTMODSEQ %llu] More has changed meanwhile\r\n",
                       (unsigned long long)s->view->known);
    return err;
}

/* Whatever comes of the command, the mailbox that was selected is not any more (RFC 9051 section 6.3.2). Its folder, or
 * 0; the store still watches it. */
static uint64_t close_present(struct session *s) {
    if (s->view == NULL) return 0;
    uint64_t folder = s->view->folder;
    session_drop_view(s);
    session_puts(s, "* OK [CLOSED] Previous mailbox is closed\r\n");
    notify_deselected(s, folder);
    return folder;
}

/* A name that no mailbox can have: NO, as for one that does not exist. */
static int refuse_name(struct cmd *c) {
    uint64_t before = close_present(c->s);
    if (before != 0) session_unwatch(c->s, before);
    return cmd_bad_args(c);
}

static int do_select(struct cmd *c, bool read_only) {
    struct session *s = c->s;
    struct str name;
    struct select_params p = {0};
    struct error err = {0};
    struct opened opened = {.attributes = BUF_INIT(ATTRIBUTES_MAX)};
    if (!imap_args_space(c->args) || !imap_args_mailbox(c->args, &name) || !take_params(c->args, &p))
        return c->args->bad_name ? refuse_name(c) : cmd_bad_args(c);
    if (p.qresync && !s->qresync) return cmd_bad(c, "QRESYNC was not enabled");
    if (p.has_hint && s->uidonly) /* RFC 9586 section 3.7 */
        return cmd_bad(c, "[UIDREQUIRED] Message numbers are not used in this session");
    uint64_t before = close_present(s);
    int rc = open_folder(s, name, read_only, &opened, &err);
    if (before != 0 && (rc != 0 || s->view->folder != before)) session_unwatch(s, before);
    if (rc == 0 && p.condstore) s->condstore = true;
    if (rc == 0) tell_mailbox(s, name, &opened);
    buf_done(&opened.attributes);
    if (rc != 0) return cmd_fail(c, rc, &err);
    if (p.qresync && p.uidvalidity == s->view->uidvalidity) (void)!resync(s, &p);
    return cmd_ok(c, s->view->read_only ? "READ-ONLY" : "READ-WRITE",
                  read_only ? "EXAMINE completed" : "SELECT completed");
}

int cmd_select(struct cmd *c) {
    return do_select(c, false);
}

int cmd_examine(struct cmd *c) {
    return do_select(c, true);
}
