/* What was expunged and is brought back, appends with a UID wished for, rebuilding of folders, copies of the store; the
 * online check is the oracle after each. REBLD-01, REBLD-05, REBLD-06, REBLD-07. */
#include "net/loop.h"
#include "proto/mime/summary.h"
#include "store/service/private.h"
#include "store/service/testkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ACCOUNT = 5, MESSAGE_BYTES = 20 };

static struct kit *k;
static struct kit_client *c;
static uint32_t session;

static char *text(const char *s) {
    return (char *)(uintptr_t)s;
}

static void begin(void) {
    k = calloc(1, sizeof *k);
    k->dir = kit_on_disk ? kit_dir : NULL;
    k->data_dir = kit_on_disk ? kit_dir : NULL;
    k->undelete_s = 3600;
    kit_open(k);
    c = kit_connect(k, ROLE_IMAPD | ROLE_CLI);
    session = kit_login(c, ACCOUNT, 0);
}

static uint64_t faults(bool repair) {
    Store__StoreCheckRequest req = STORE__STORE_CHECK_REQUEST__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.repair = repair;
    assert_int_equal(kit_call(c, STORE_STORE_CHECK, &req.base, STR_EMPTY, &reply, NULL), 0);
    Store__StoreCheckReply *r = (Store__StoreCheckReply *)reply.msg;
    for (size_t i = 0; i < r->n_faults; i++) print_message("fault: %s\n", r->faults[i]);
    return r->fault_count;
}

static void end(void) {
    assert_int_equal(faults(false), 0);
    kit_disconnect(c);
    kit_close(k);
    free(k);
}

static bool exists(void) {
    Store__AccountId id = STORE__ACCOUNT_ID__INIT;
    RPC_REPLY_AUTO reply = {0};
    id.account = ACCOUNT;
    assert_int_equal(kit_call(c, STORE_ACCOUNT_INFO, &id.base, STR_EMPTY, &reply, NULL), 0);
    return ((Store__AccountInfo *)reply.msg)->exists;
}

static Store__MessageAppended append(const char *folder, uint64_t flags, const char *keyword, uint32_t uid,
                                     uint32_t uidvalidity) {
    Store__MessageAppend req = STORE__MESSAGE_APPEND__INIT;
    RPC_REPLY_AUTO reply = {0};
    char *kw = text(keyword);
    req.session = session;
    req.folder = text(folder);
    req.flags = flags;
    req.keywords = &kw;
    req.n_keywords = keyword != NULL;
    req.internal_date = 1234;
    req.uid = uid;
    req.keep_uidvalidity = uidvalidity;
    assert_int_equal(kit_call(c, STORE_MESSAGE_APPEND, &req.base, STR("Subject: b\r\n\r\nbody\r\n"), &reply, NULL), 0);
    return *(Store__MessageAppended *)reply.msg;
}

static Store__Folder status(const char *name) {
    Store__FolderName req = STORE__FOLDER_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = session;
    req.name = text(name);
    assert_int_equal(kit_call(c, STORE_FOLDER_STATUS, &req.base, STR_EMPTY, &reply, NULL), 0);
    return *(Store__Folder *)reply.msg;
}

static void by_name(uint16_t method, const char *name) {
    Store__FolderName req = STORE__FOLDER_NAME__INIT;
    req.session = session;
    req.name = text(name);
    assert_int_equal(kit_call(c, method, &req.base, STR_EMPTY, NULL, NULL), 0);
}

static void create(const char *name) {
    Store__FolderCreate req = STORE__FOLDER_CREATE__INIT;
    req.session = session;
    req.name = text(name);
    assert_int_equal(kit_call(c, STORE_FOLDER_CREATE, &req.base, STR_EMPTY, NULL, NULL), 0);
}

static void expunge(const char *folder, uint32_t first, uint32_t last) {
    Store__MessageExpunge req = STORE__MESSAGE_EXPUNGE__INIT;
    Store__UidRun run = STORE__UID_RUN__INIT, *runs = &run;
    run.first = first;
    run.last = last;
    req.session = session;
    req.folder = status(folder).id;
    req.uids = &runs;
    req.n_uids = 1;
    assert_int_equal(kit_call(c, STORE_MESSAGE_EXPUNGE, &req.base, STR_EMPTY, NULL, NULL), 0);
}

static size_t listed(const char *folder) {
    Store__UndeleteList req = STORE__UNDELETE_LIST__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.account = ACCOUNT;
    req.folder = text(folder);
    assert_int_equal(kit_call(c, STORE_UNDELETE_LIST, &req.base, STR_EMPTY, &reply, NULL), 0);
    return ((Store__UndeleteListed *)reply.msg)->n_messages;
}

static unsigned restore(const char *folder) {
    unsigned n = 0;
    bool more = true;
    while (more) {
        Store__UndeleteRestore req = STORE__UNDELETE_RESTORE__INIT;
        RPC_REPLY_AUTO reply = {0};
        req.account = ACCOUNT;
        req.folder = text(folder);
        assert_int_equal(kit_call(c, STORE_UNDELETE_RESTORE, &req.base, STR_EMPTY, &reply, NULL), 0);
        const Store__UndeleteRestored *r = (Store__UndeleteRestored *)reply.msg;
        n += r->restored;
        more = r->more;
    }
    return n;
}

/* --- summaries */
static struct buf summary = {.max = SUMMARY_MAX}; /* of every message that `append_summary` makes */

static void append_summary(const char *folder) {
    Store__MessageAppend req = STORE__MESSAGE_APPEND__INIT;
    struct str body = STR("Subject: words\r\n\r\nbody\r\n");
    struct summary_builder *b = summary_builder_new();
    buf_clear(&summary);
    summary_builder_feed(b, body);
    assert_int_equal(summary_builder_finish(b, &summary), 0);
    summary_builder_free(b);
    req.session = session;
    req.folder = text(folder);
    req.summary = rpc_binary(buf_str(&summary));
    assert_int_equal(kit_call(c, STORE_MESSAGE_APPEND, &req.base, body, NULL, NULL), 0);
}

/* How many messages of the folder have it. */
static size_t with_summary(const char *folder) {
    Store__MessageList req = STORE__MESSAGE_LIST__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct message_record rec;
    size_t n = 0;
    req.session = session;
    req.folder = status(folder).id;
    req.fields = FIELD_SUMMARY;
    assert_int_equal(kit_call(c, STORE_MESSAGE_LIST, &req.base, STR_EMPTY, &reply, NULL), 0);
    for (struct str rest = reply.attach; message_record_get(&rest, req.fields, &rec) == 0;)
        n += str_eq(rec.summary, buf_str(&summary));
    return n;
}

/* How many that may be brought back are listed with the subject. */
static size_t listed_subjects(void) {
    Store__UndeleteList req = STORE__UNDELETE_LIST__INIT;
    RPC_REPLY_AUTO reply = {0};
    size_t n = 0;
    req.account = ACCOUNT;
    req.folder = text("");
    assert_int_equal(kit_call(c, STORE_UNDELETE_LIST, &req.base, STR_EMPTY, &reply, NULL), 0);
    const Store__UndeleteListed *l = (const Store__UndeleteListed *)reply.msg;
    for (size_t i = 0; i < l->n_messages; i++) {
        struct summary s;
        n += summary_parse_thin(rpc_bytes(l->messages[i]->summary), &s) == 0 && str_eq(s.base_subject, STR("words"));
    }
    return n;
}

static unsigned bring_back(const char *folder) {
    Store__UndeleteRestore req = STORE__UNDELETE_RESTORE__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.account = ACCOUNT;
    req.folder = text(folder);
    assert_int_equal(kit_call(c, STORE_UNDELETE_RESTORE, &req.base, STR_EMPTY, &reply, NULL), 0);
    return ((const Store__UndeleteRestored *)reply.msg)->restored;
}

/* The UIDs of a folder as "1 2 3", and what vanished since a MODSEQ. */
static const char *uids(const char *folder, uint64_t flags) {
    static char out[400];
    Store__MessageList req = STORE__MESSAGE_LIST__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct message_record rec;
    size_t n = 0;
    req.session = session;
    req.folder = status(folder).id;
    assert_int_equal(kit_call(c, STORE_MESSAGE_LIST, &req.base, STR_EMPTY, &reply, NULL), 0);
    struct str rest = reply.attach;
    out[0] = 0;
    while (message_record_get(&rest, 0, &rec) == 0)
        if ((rec.flags & flags) == flags)
            n += (size_t)snprintf(out + n, sizeof out - n, "%s%u", n > 0 ? " " : "", rec.uid);
    return out;
}

static unsigned vanished(const char *folder, uint64_t since) {
    Store__FolderChanges req = STORE__FOLDER_CHANGES__INIT;
    RPC_REPLY_AUTO reply = {0};
    unsigned n = 0;
    req.session = session;
    req.folder = status(folder).id;
    req.since = since;
    assert_int_equal(kit_call(c, STORE_FOLDER_CHANGES, &req.base, STR_EMPTY, &reply, NULL), 0);
    const Store__FolderChangesReply *r = (Store__FolderChangesReply *)reply.msg;
    for (size_t i = 0; i < r->n_vanished; i++) n += r->vanished[i]->last - r->vanished[i]->first + 1;
    return n;
}

/* Messages come back behind all others, with flags and keywords; nothing of them counts meanwhile. Who knows of the
 * folder that they vanished sees new ones: RFC 7162 section 3.2.10, RFC 9051 section 2.3.1.1. */
static void body_undelete(void) {
    begin();
    for (int i = 0; i < 10; i++) append("INBOX", i == 4 ? MAILBOX_FLAGGED : 0, i == 4 ? "odd" : NULL, 0, 0);
    uint64_t modseq = status("INBOX").highestmodseq;
    expunge("INBOX", 4, 6);
    assert_int_equal(status("INBOX").messages, 7);
    assert_int_equal(status("INBOX").size, 7 * 20);
    assert_int_equal(listed(""), 3);
    assert_int_equal(listed("Sent"), 0);
    assert_int_equal(vanished("INBOX", modseq), 3);
    assert_int_equal(faults(false), 0);
    assert_int_equal(restore("Sent"), 0);
    assert_int_equal(restore("INBOX"), 3);
    assert_string_equal(uids("INBOX", 0), "1 2 3 7 8 9 10 11 12 13");
    assert_string_equal(uids("INBOX", MAILBOX_FLAGGED | 1 << MAILBOX_KEYWORD_SHIFT), "12");
    assert_int_equal(vanished("INBOX", modseq), 3);
    assert_int_equal(restore(""), 0); /* again: no duplicates */
    /* the same whether or not somebody has the folder open */
    expunge("INBOX", 2, 2);
    Store__FolderOpen open = STORE__FOLDER_OPEN__INIT;
    open.session = session;
    open.name = text("INBOX");
    open.watch = true;
    assert_int_equal(kit_call(c, STORE_FOLDER_OPEN, &open.base, STR_EMPTY, NULL, NULL), 0);
    assert_int_equal(restore(""), 1);
    assert_string_equal(uids("INBOX", 0), "1 3 7 8 9 10 11 12 13 14");
    end();
}

/* A folder that was deleted comes back with its messages under its name; what an account had goes with it. */
static void body_folder(void) {
    begin();
    create("a/b");
    for (int i = 0; i < 250; i++) append("a/b", MAILBOX_SEEN, NULL, 0, 0);
    by_name(STORE_FOLDER_DELETE, "a/b");
    KIT_WAIT(listed("a/b") == 250);
    assert_int_equal(faults(false), 0);
    assert_int_equal(restore("a/b"), 250);
    assert_int_equal(status("a/b").messages, 250);
    assert_int_equal(status("a/b").unseen, 0);
    expunge("a/b", 1, 10);
    Store__AccountId id = STORE__ACCOUNT_ID__INIT;
    id.account = ACCOUNT;
    /* kept: it does not exist, and nothing of it goes (LIM-20) */
    id.keep = true;
    for (int i = 0; i < 2; i++) assert_int_equal(kit_call(c, STORE_ACCOUNT_DELETE, &id.base, STR_EMPTY, NULL, NULL), 0);
    assert_false(exists());
    undelete_sweep(k->service);
    (void)!fiber_sleep(20);
    assert_int_equal(listed(""), 10);
    for (int i = 0; i < 2; i++)
        assert_int_equal(kit_call(c, STORE_ACCOUNT_RESTORE, &id.base, STR_EMPTY, NULL, NULL), 0);
    assert_true(exists());
    assert_int_equal(status("a/b").messages, 240);
    assert_int_equal(kit_call(c, STORE_ACCOUNT_DELETE, &id.base, STR_EMPTY, NULL, NULL), 0);
    id.keep = false;
    assert_int_equal(kit_call(c, STORE_ACCOUNT_DELETE, &id.base, STR_EMPTY, NULL, NULL), 0);
    KIT_WAIT(listed("") == 0);
    assert_int_equal(kit_call(c, STORE_ACCOUNT_RESTORE, &id.base, STR_EMPTY, NULL, NULL), ERR_NOTFOUND);
    end();
}

/* The time is over: the sweep takes them and their bodies. */
static void body_sweep(void) {
    begin();
    for (int i = 0; i < 5; i++) append("INBOX", 0, NULL, 0, 0);
    expunge("INBOX", 1, 3);
    undelete_sweep(k->service);
    (void)!fiber_sleep(50);
    assert_int_equal(listed(""), 3);
    k->service->undelete.keep_ms = 1;
    undelete_sweep(k->service);
    KIT_WAIT(listed("") == 0);
    end();
}

static void body_keep_uid(void) {
    begin();
    for (int i = 0; i < 3; i++) append("INBOX", 0, NULL, 0, 0);
    uint32_t v = status("INBOX").uidvalidity;
    expunge("INBOX", 2, 2);
    static const struct {
        uint32_t uid;
        int validity; /* off by */
        uint32_t got;
    } cases[] = {{2, 0, 2}, {2, 0, 4}, {9, 1, 5}, {20, 0, 20}, {0, 0, 21}, {10, 0, 10}, {0xffffffff, 0, 22}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(append("INBOX", 0, NULL, cases[i].uid, v + (uint32_t)cases[i].validity).uid, cases[i].got);
    assert_string_equal(uids("INBOX", 0), "1 2 3 4 5 10 20 21 22");
    end();
}

static Store__FolderRebuilt rebuild(const char *folder) {
    Store__FolderRebuild req = STORE__FOLDER_REBUILD__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    req.account = ACCOUNT;
    req.name = text(folder);
    if (kit_call(c, STORE_FOLDER_REBUILD, &req.base, STR_EMPTY, &reply, &err) != 0) fail_msg("rebuild: %s", err.text);
    Store__FolderRebuilt *r = (Store__FolderRebuilt *)reply.msg;
    for (size_t i = 0; i < r->n_told; i++) print_message("told: %s\n", r->told[i]);
    return *r;
}

static void put(enum key_kind kind, uint64_t folder, uint32_t uid, struct str value, bool gone) {
    struct key key;
    struct batch b;
    batch_init(&b);
    message_key(&key, kind, folder, uid);
    if (gone)
        batch_delete(&b, SPACE_META, key_str(&key));
    else
        batch_put(&b, SPACE_META, key_str(&key), value);
    assert_int_equal(engine_write_one(k->engine, &b, NULL), 0);
    batch_done(&b);
}

/* REBLD-01, REBLD-06: what can be read of damaged messages is saved, the rest told; summaries and counters come anew.
 */
static void body_rebuild(void) {
    begin();
    for (int i = 0; i < 8; i++) append("INBOX", MAILBOX_SEEN, NULL, 0, 0);
    uint64_t folder = status("INBOX").id;
    Store__FolderRebuilt r = rebuild("INBOX");
    assert_int_equal(r.messages, 8);
    assert_int_equal(r.summaries, 8); /* the test appended without */
    assert_int_equal(rebuild("INBOX").summaries, 0);
    assert_int_equal(faults(false), 0);
    struct key key;
    struct message_stored m;
    message_key(&key, KEY_MESSAGE, folder, 3);
    BUF_AUTO v = BUF_INIT(64 * 1024);
    assert_int_equal(engine_get(k->engine, SPACE_META, key_str(&key), READ_ANY, &v), 0);
    assert_int_equal(message_decode(buf_str(&v), &m), 0);
    put(KEY_MESSAGE, folder, 3, str_sub(buf_str(&v), 0, 33), false); /* cut off: its body is known */
    put(KEY_MESSAGE, folder, 5, STR_EMPTY, true);                    /* gone, flags are left */
    put(KEY_MESSAGE, folder, 7, STR("nothing to be read"), false);
    kit_disconnect(c);
    c = kit_connect(k, ROLE_IMAPD | ROLE_CLI);
    session = kit_login(c, ACCOUNT, 0);
    r = rebuild("INBOX");
    assert_int_equal(r.recovered, 1);
    assert_int_equal(r.lost, 2);
    assert_int_equal(r.n_told, 3);
    assert_string_equal(uids("INBOX", 0), "1 2 4 6 8");
    assert_int_equal(status("Recovered").messages, 1);
    r = rebuild("INBOX");
    assert_int_equal(r.recovered + r.lost + r.summaries, 0);
    (void)faults(true); /* bodies that nothing names any more */
    end();
}

static void body_checkpoint(void) {
    Store__Checkpoint req = STORE__CHECKPOINT__INIT;
    RPC_REPLY_AUTO reply = {0};
    char path[TESTDIR_MAX + 64];
    begin();
    append("INBOX", 0, NULL, 0, 0);
    req.name = text("../x");
    int rc = kit_call(c, STORE_CHECKPOINT, &req.base, STR_EMPTY, NULL, NULL);
    assert_int_equal(rc, kit_on_disk ? ERR_INVALID : ERR_UNSUPPORTED);
    if (kit_on_disk) {
        req.name = text("one");
        assert_int_equal(kit_call(c, STORE_CHECKPOINT, &req.base, STR_EMPTY, &reply, NULL), 0);
        snprintf(path, sizeof path, "%s/CURRENT", ((Store__CheckpointMade *)reply.msg)->path);
        assert_int_equal(access(path, R_OK), 0);
        assert_int_equal(kit_call(c, STORE_CHECKPOINT_DROP, &req.base, STR_EMPTY, NULL, NULL), 0);
        assert_int_not_equal(access(path, R_OK), 0);
        struct kit_client *killed = kit_connect(k, ROLE_CLI); /* who asks for a copy and is gone takes it along */
        rpc_reply_free(&reply);
        assert_int_equal(kit_call(killed, STORE_CHECKPOINT, &req.base, STR_EMPTY, &reply, NULL), 0);
        assert_int_equal(access(path, R_OK), 0);
        kit_disconnect(killed);
        KIT_WAIT(access(path, F_OK) != 0);
    }
    end();
}

/* Summaries stand with the body while messages may be brought back, by expunge and with their folder: once for all
 * copies. */
static void body_summaries(void) {
    begin();
    create("Work");
    append_summary("INBOX");
    append_summary("Work");
    assert_int_equal(with_summary("INBOX") + with_summary("Work"), 2);
    expunge("INBOX", 1, 1);
    by_name(STORE_FOLDER_DELETE, "Work");
    KIT_WAIT(listed("") >= 2);
    assert_int_equal(listed_subjects(), 2);
    if (kit_on_disk) { /* also after a start */
        kit_disconnect(c);
        kit_close(k);
        kit_open(k);
        c = kit_connect(k, ROLE_IMAPD | ROLE_CLI);
        session = kit_login(c, ACCOUNT, 0);
    }
    assert_int_equal(bring_back("INBOX"), 1);
    assert_int_equal(bring_back("Work"), 1);
    assert_int_equal(with_summary("INBOX") + with_summary("Work"), 2);
    expunge("INBOX", 1, UINT32_MAX); /* once more: it is there already */
    assert_int_equal(listed_subjects(), 1);
    assert_int_equal(bring_back("INBOX"), 1);
    assert_int_equal(with_summary("INBOX"), 1);
    buf_done(&summary);
    buf_done(&summary);
    end();
}

/* RFC 9051 section 6.4.7: a COPY that fails restores the target; MOVE leaves each message in one folder (RFC 6851). */
static void body_failed_copy(void) {
    begin();
    for (int i = 0; i < 5; i++) (void)append("INBOX", 0, NULL, 0, 0);
    k->service->transfers.min = 1;
    k->service->transfers.slice = 2;
    for (int move = 0; move < 2; move++) {
        Store__MessageCopy req = STORE__MESSAGE_COPY__INIT;
        Store__UidRun run = STORE__UID_RUN__INIT, *runs = &run;
        RPC_REPLY_AUTO reply = {0};
        run.first = 1;
        run.last = 5;
        req.session = kit_login(c, ACCOUNT, 5 * MESSAGE_BYTES + 3 * MESSAGE_BYTES);
        req.folder = status("INBOX").id;
        req.uids = &runs;
        req.n_uids = 1;
        req.to = text("Sent");
        req.move = move != 0;
        assert_int_equal(kit_call(c, STORE_MESSAGE_COPY, &req.base, STR_EMPTY, &reply, NULL), move ? 0 : ERR_NOSPACE);
        assert_int_equal(status("Sent").messages, move ? 5 : 0);
        assert_int_equal(status("INBOX").messages, move ? 0 : 5);
        assert_int_equal(listed("Sent"), 0);
        assert_int_equal(faults(false), 0);
    }
    assert_int_equal(status("Sent").uidnext, 1 + 5);
    end();
}

KIT_TEST(summaries)
KIT_TEST(failed_copy)
KIT_TEST(undelete)
KIT_TEST(folder)
KIT_TEST(sweep)
KIT_TEST(keep_uid)
KIT_TEST(rebuild)
KIT_TEST(checkpoint)

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_summaries),  cmocka_unit_test(test_undelete),
                                       cmocka_unit_test(test_folder),     cmocka_unit_test(test_sweep),
                                       cmocka_unit_test(test_keep_uid),   cmocka_unit_test(test_rebuild),
                                       cmocka_unit_test(test_checkpoint), cmocka_unit_test(test_failed_copy)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
