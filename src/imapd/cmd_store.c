/* STORE and UID STORE (RFC 9051 section 6.4.6, RFC 7162 section 3.1.3). */
#include "imapd/command.h"
#include "imapd/context.h"
#include "imapd/limit.h"
#include "imapd/long_call.h"
#include "imapd/pages.h"
#include "imapd/sync.h"
#include "imapd/uid_runs.h"
#include "store/mailbox/record.h"

enum { CODE_BYTES = 1024 * 1024 };

struct storing {
    struct imap_set set;
    struct imap_flags flags;
    Store__StoreMode mode;
    bool silent, has_unchanged_since;
    uint64_t unchanged_since;
};

/* [SP "(" "UNCHANGEDSINCE" SP mod-sequence ")"] */
static bool take_modifier(struct imap_args *a, struct storing *st) {
    if (!imap_args_char(a, '(')) return true;
    st->has_unchanged_since = true;
    return imap_args_word(a, "UNCHANGEDSINCE") && imap_args_space(a) && imap_args_number64(a, &st->unchanged_since) &&
           imap_args_char(a, ')') && imap_args_space(a);
}

/* sequence-set [modifier] SP ["+" / "-"] "FLAGS" [".SILENT"] SP flags */
static bool take_args(struct imap_args *a, struct storing *st) {
    if (!imap_args_space(a) || !imap_args_set(a, &st->set) || !imap_args_space(a) || !take_modifier(a, st))
        return false;
    st->mode = imap_args_char(a, '+')   ? STORE__STORE_MODE__FLAGS_ADD
               : imap_args_char(a, '-') ? STORE__STORE_MODE__FLAGS_REMOVE
                                        : STORE__STORE_MODE__FLAGS_SET;
    st->silent = imap_args_word(a, "FLAGS.SILENT");
    if (!st->silent && !imap_args_word(a, "FLAGS")) return false;
    return imap_args_space(a) && imap_args_store_flags(a, &st->flags) && imap_args_end(a);
}

static int call_store(struct cmd *c, const struct storing *st, const struct imap_runs *uids, struct rpc_reply *reply,
                      struct error *err) {
    struct view *v = c->s->view;
    struct uid_runs runs;
    char *names[IMAP_KEYWORDS_MAX];
    Store__MessageStore req = STORE__MESSAGE_STORE__INIT;
    int rc = uid_runs_make(uids, 0, uids->count, c->args->arena, &runs);
    for (size_t i = 0; i < st->flags.keywords && rc == 0; i++) {
        names[i] = arena_cstr(c->args->arena, st->flags.keyword[i]);
        if (names[i] == NULL) rc = ERR_NOMEM;
    }
    if (rc != 0) return rc;
    req.folder = v->folder;
    req.uids = runs.run;
    req.n_uids = runs.count;
    req.mode = st->mode;
    req.flags = st->flags.system;
    req.keywords = names;
    req.n_keywords = st->flags.keywords;
    req.unchanged_since = st->unchanged_since;
    req.has_unchanged_since = st->has_unchanged_since;
    req.quiet = st->silent && !c->s->condstore && v->contexts == NULL;
    return session_call_long(c->s, STORE_MESSAGE_STORE, &req, imap_runs_total(uids), reply, err);
}

/* Messages that had the flags already are told too: STORE answers with the value whether it changed or not. `found`:
 * how many are there. */
static int tell_all(struct cmd *c, const struct imap_runs *uids, uint64_t *found) {
    struct pages *p = pages_open(c->s, uids, 0, 0);
    struct str records;
    struct message_record r;
    if (p == NULL) return ERR_NOMEM;
    int err;
    for (*found = 0; (err = pages_next(p, &records)) == 0;)
        for (; message_record_get(&records, 0, &r) == 0; ++*found) sync_tell_message(c->s, r.uid, r.flags, r.modseq);
    pages_close(p);
    return err == ERR_NOTFOUND ? 0 : err;
}

/* Untagged FETCH of what changed: flags unless SILENT, MODSEQ with CONDSTORE even then (RFC 7162 section 3.1.3). False:
 * flags are missing, of messages that are gone. */
static bool tell(struct cmd *c, const struct storing *st, const struct imap_runs *uids,
                 const Store__MessageStored *done, struct str records) {
    struct session *s = c->s;
    uint64_t asked = imap_runs_total(uids), found;
    struct message_record r;
    for (struct str changed = records; message_record_get(&changed, 0, &r) == 0;) context_touch(s, r.uid);
    if (done->folder != NULL && view_set_keywords(s->view, done->folder->keywords, done->folder->n_keywords))
        sync_tell_flags(s);
    if (!st->silent && done->n_failed == 0 && done->count < asked && tell_all(c, uids, &found) == 0)
        return found == asked;
    while (message_record_get(&records, 0, &r) == 0) {
        if (!st->silent)
            sync_tell_message(s, r.uid, r.flags, r.modseq);
        else if (s->condstore && s->uidonly)
            session_printf(s, "* %u UIDFETCH (MODSEQ (%llu))\r\n", r.uid, (unsigned long long)r.modseq);
        else if (s->condstore)
            session_printf(s, "* %u FETCH (UID %u MODSEQ (%llu))\r\n", imap_runs_position(&s->view->uids, r.uid), r.uid,
                           (unsigned long long)r.modseq);
    }
    return true;
}

/* [MODIFIED set]: in the numbers that the command used. */
static int finish(struct cmd *c, const Store__MessageStored *done, bool all_there, const struct limit *l) {
    bool gone = !all_there && !c->uid; /* RFC 2180 section 4.2 */
    if (done->n_failed == 0 && !gone) return limit_done(c, l);
    if (l->code[0] != '\0')
        session_printf(c->s, "* %s [%s] Not all messages were stored\r\n", gone ? "NO" : "OK", l->code);
    if (gone) return cmd_no(c, "EXPUNGEISSUED", "Some of the messages have been deleted meanwhile");
    struct imap_runs failed = {0}, positions = {0};
    BUF_AUTO code = BUF_INIT(CODE_BYTES);
    int err = uid_runs_read(done->failed, done->n_failed, &failed);
    size_t at = 0;
    for (uint32_t uid = 0; err == 0 && !c->uid && (uid = imap_runs_next(&failed, &at, uid)) != 0;) {
        uint32_t p = imap_runs_position(&c->s->view->uids, uid);
        if (p != 0) err = imap_runs_add(&positions, p, p);
    }
    buf_adds(&code, "MODIFIED ");
    imap_runs_write(c->uid ? &failed : &positions, &code);
    imap_runs_done(&failed);
    imap_runs_done(&positions);
    return cmd_ok(c, err == 0 && code.error == 0 ? buf_cstr(&code) : NULL,
                  "Conditional STORE failed for some messages");
}

static int run_store(struct cmd *c, const struct storing *st, const struct imap_runs *uids, const struct limit *l) {
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    if (uids->count == 0) return cmd_done(c);
    int rc = call_store(c, st, uids, &reply, &err);
    if (rc != 0) return cmd_fail(c, rc, &err);
    const Store__MessageStored *done = (const Store__MessageStored *)reply.msg;
    bool all_there = tell(c, st, uids, done, reply.attach);
    if (done->count > 0) view_own_change(c->s->view, done->modseq, !st->silent);
    return finish(c, done, all_there, l);
}

int cmd_store(struct cmd *c) {
    struct storing st = {0};
    struct imap_runs uids = {0};
    if (!take_args(c->args, &st)) return cmd_bad_args(c);
    if (st.flags.unknown || st.flags.recent) return cmd_bad(c, "No such system flag");
    if (c->s->view->read_only) return cmd_no(c, "CANNOT", "The mailbox is selected read-only");
    if (st.has_unchanged_since) session_enable_condstore(c->s);
    struct limit limit;
    int err = view_resolve(c->s->view, &st.set, c->uid, &uids);
    if (err == 0) err = limit_apply(c->s, &uids, &limit);
    if (err == ERR_INVALID)
        err = cmd_bad(c, "No message has such a number");
    else
        err = err != 0 ? cmd_fail(c, err, NULL) : run_store(c, &st, &uids, &limit);
    imap_runs_done(&uids);
    return err;
}
