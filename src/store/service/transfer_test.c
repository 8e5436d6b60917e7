/* COPY, MOVE and RENAME of INBOX of many messages: once they are recorded they are done, whole, wherever a crash cuts.
 * RFC 9051 section 6.4.7 and 6.3.6, RFC 6851 section 3.3. */
#include "store/engine/testdir.h"
#include "store/mailbox/private.h"
#include "store/mailbox/rights.h"
#include "store/service/private.h"
#include "store/service/testkit.h"
#include "store/service/transfer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ACCOUNT = 5, MESSAGES = 120, SLICE = 2, CUTS_MAX = 200, CUTS_TRIED = 6, TEAM = 90, BYTES = 14 };
enum what { COPIES, MOVES, RENAMES };

static char dir[TESTDIR_MAX];
static struct kit k;
static struct kit_client *c;
static uint32_t session;

static char *text(const char *s) {
    return (char *)(uintptr_t)s;
}

static void open_at(const char *where) {
    k = (struct kit){.dir = where, .undelete_s = 3600};
    kit_open(&k);
    k.service->transfers.min = 1;
    k.service->transfers.slice = SLICE;
    c = kit_connect(&k, ROLE_IMAPD | ROLE_CLI | ROLE_DIR);
    session = kit_login_as(c, ACCOUNT, 0, "ann@x.test");
}

static void close_all(void) {
    kit_disconnect(c);
    assert_false(k.failed);
    kit_close(&k);
}

static void append(const char *folder) {
    Store__MessageAppend req = STORE__MESSAGE_APPEND__INIT;
    req.session = session;
    req.folder = text(folder);
    assert_int_equal(kit_call(c, STORE_MESSAGE_APPEND, &req.base, STR("A: b\r\n\r\nbody\r\n"), NULL, NULL), 0);
}

/* -1: there is none. */
static int messages(const char *name, uint64_t *id) {
    Store__FolderName req = STORE__FOLDER_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = session;
    req.name = text(name);
    if (kit_call(c, STORE_FOLDER_STATUS, &req.base, STR_EMPTY, &reply, NULL) != 0) return -1;
    const Store__Folder *f = (const Store__Folder *)reply.msg;
    if (id != NULL) *id = f->id;
    return (int)f->messages;
}

/* So many messages of it have a record with their size. */
static int readable(const char *name) {
    Store__MessageList req = STORE__MESSAGE_LIST__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct message_record m;
    int n = 0;
    (void)messages(name, &req.folder);
    req.session = session;
    req.fields = FIELD_SIZE;
    assert_int_equal(kit_call(c, STORE_MESSAGE_LIST, &req.base, STR_EMPTY, &reply, NULL), 0);
    for (struct str rest = reply.attach; message_record_get(&rest, FIELD_SIZE, &m) == 0; n++)
        assert_int_equal(m.size, BYTES);
    return n;
}

static void check(void) {
    Store__StoreCheckRequest req = STORE__STORE_CHECK_REQUEST__INIT;
    RPC_REPLY_AUTO reply = {0};
    assert_int_equal(kit_call(c, STORE_STORE_CHECK, &req.base, STR_EMPTY, &reply, NULL), 0);
    const Store__StoreCheckReply *r = (const Store__StoreCheckReply *)reply.msg;
    for (size_t i = 0; i < r->n_faults; i++) print_message("fault: %s\n", r->faults[i]);
    assert_int_equal(r->fault_count, 0);
}

static enum what what;
static const char *target = "Sent";
static int result;
static bool done;

static int run(void) {
    Store__MessageCopy copy = STORE__MESSAGE_COPY__INIT;
    Store__FolderRename rename = STORE__FOLDER_RENAME__INIT;
    Store__UidRun run = STORE__UID_RUN__INIT, *runs = &run;
    uint64_t id = 0;
    if (what == RENAMES) {
        rename.session = session;
        rename.from = text("INBOX");
        rename.to = text("Sent/Old");
        return kit_call(c, STORE_FOLDER_RENAME, &rename.base, STR_EMPTY, NULL, NULL);
    }
    (void)messages("INBOX", &id);
    run.first = 1;
    run.last = UINT32_MAX;
    copy.session = session;
    copy.folder = id;
    copy.uids = &runs;
    copy.n_uids = 1;
    copy.to = text(target);
    copy.move = what == MOVES;
    return kit_call(c, STORE_MESSAGE_COPY, &copy.base, STR_EMPTY, NULL, NULL);
}

static void run_fiber(void *arg) {
    (void)arg;
    result = run();
    done = true;
}

static void cut_name(char out[TESTDIR_MAX + 16], unsigned i) {
    (void)snprintf(out, TESTDIR_MAX + 16, "%s-cut%u", dir, i);
}

/* What a crash at this moment would leave. False: no step was between this one and the last. */
static bool cut(unsigned i, uint64_t *last) {
    char name[TESTDIR_MAX + 16];
    uint64_t now = commit_applied(k.service->st->commits);
    if (now == *last || kit_records(&k, KEY_TRANSFER) == 0) return false;
    *last = now;
    cut_name(name, i);
    assert_int_equal(engine_checkpoint(k.engine, name, NULL), 0);
    return true;
}

/* All of it, and what was in the target before stays. */
static void verify(void) {
    const char *name = what == RENAMES ? "Sent/Old" : "Sent";
    int there = what == RENAMES ? MESSAGES : MESSAGES + 1;
    assert_int_equal(messages("INBOX", NULL), what == COPIES ? MESSAGES : 0);
    assert_int_equal(messages(name, NULL), there);
    assert_int_equal(readable("INBOX"), what == COPIES ? MESSAGES : 0);
    assert_int_equal(readable(name), there);
    check();
    assert_int_equal(kit_records(&k, KEY_TRANSFER), 0);
}

static unsigned cut_while_running(void) {
    uint64_t last = 0;
    unsigned n = 0;
    done = false;
    assert_int_equal(fiber_spawn("run", run_fiber, NULL, NULL), 0);
    while (!done || !list_empty(&k.service->transfers.pending)) {
        if (n < CUTS_MAX && cut(n, &last)) n++;
        assert_int_equal(fiber_sleep(1), 0);
    }
    assert_int_equal(result, 0);
    return n;
}

static void body_cuts(void) {
    for (what = COPIES; what <= RENAMES; what++) {
        testdir_make(dir);
        open_at(dir);
        for (int i = 0; i < MESSAGES; i++) append("INBOX");
        append("Sent");
        unsigned cuts = cut_while_running();
        verify();
        close_all();
        assert_true(cuts > 0);
        for (unsigned i = 0; i < cuts; i++) {
            char name[TESTDIR_MAX + 16];
            cut_name(name, i);
            for (int again = 0; again < 2 && (i < CUTS_TRIED / 2 || i + CUTS_TRIED / 2 >= cuts); again++) {
                open_at(name);
                verify();
                close_all();
            }
            testdir_remove(name);
        }
        testdir_remove(dir);
    }
}

static const struct engine_ops *sound;

static int fail_close(struct engine_iter *it) {
    (void)!sound->iter_close(it);
    return ERR_IO;
}

/* What cannot be read now is not forgotten: the start fails, and the next one goes on. */
static void recover_without_disk(void) {
    struct engine_ops failing = *k.engine->ops;
    struct error err = {0};
    size_t before = kit_records(&k, KEY_TRANSFER);
    sound = k.engine->ops;
    failing.iter_close = fail_close;
    k.engine->ops = &failing;
    assert_int_equal(transfers_recover(k.service, &err), ERR_IO);
    k.engine->ops = sound;
    assert_int_equal(kit_records(&k, KEY_TRANSFER), before);
}

static void wait_fiber(void *arg) {
    result = folder_wait_records(arg, UINT32_MAX);
    folder_unload(arg);
    done = true;
}

/* What a shutdown leaves the next start writes; nobody waits for it any more. */
static void body_end(void) {
    testdir_make(dir);
    open_at(dir);
    for (int i = 0; i < MESSAGES; i++) append("INBOX");
    append("Sent");
    what = MOVES;
    assert_int_equal(run(), 0);
    assert_true(kit_records(&k, KEY_TRANSFER) > 0);
    struct account *a;
    assert_int_equal(account_pin(k.service->m, ACCOUNT, STR_EMPTY, false, &a), 0);
    struct folder *sent = account_folder(a, STR("Sent"));
    account_unpin(a);
    assert_true(sent->unwritten > 0);
    sent->pins++;
    done = false;
    assert_int_equal(fiber_spawn("wait", wait_fiber, sent, NULL), 0);
    k.service->closing = true; /* with no time left */
    while (!done) assert_int_equal(fiber_sleep(1), 0);
    assert_int_equal(result, ERR_CANCELLED);
    recover_without_disk();
    close_all();
    open_at(dir);
    assert_string_equal(k.logged, "move-finished");
    verify();
    close_all();
    testdir_remove(dir);
}

/* A shared account with room for so many bytes, in which the user may do all. */
static void share(uint64_t quota) {
    Store__AccountShare req = STORE__ACCOUNT_SHARE__INIT;
    Store__AclEntry member = STORE__ACL_ENTRY__INIT, *members = &member;
    req.account = TEAM;
    req.address = text("team@x.test");
    req.quota = quota;
    member.identifier = text("ann@x.test");
    member.account = ACCOUNT;
    assert_int_equal(rights_parse(STR("lrswipkxte"), &member.rights), 0);
    req.members = &members;
    req.n_members = 1;
    assert_int_equal(kit_call(c, STORE_ACCOUNT_SHARE, &req.base, STR_EMPTY, NULL, NULL), 0);
}

/* There is no room for all of them, and that is met in the middle; the target is not in memory. */
static void body_room(void) {
    testdir_make(dir);
    open_at(dir);
    share(0);
    target = "Shared/team@x.test/INBOX";
    append(target);
    for (int i = 0; i < MESSAGES; i++) append("INBOX");
    for (what = COPIES; what <= MOVES; what++) {
        close_all();
        open_at(dir);
        share(MESSAGES * BYTES / 2);
        assert_int_equal(run(), ERR_NOSPACE);
        assert_int_equal(messages("INBOX", NULL), MESSAGES);
        assert_int_equal(messages(target, NULL), 1);
        assert_int_equal(kit_records(&k, KEY_TRANSFER), 0);
        check();
    }
    share((MESSAGES + 1) * BYTES);
    what = MOVES;
    assert_int_equal(run(), 0);
    assert_int_equal(messages("INBOX", NULL), 0);
    assert_int_equal(messages(target, NULL), MESSAGES + 1);
    check();
    assert_int_equal(kit_records(&k, KEY_TRANSFER), 0);
    close_all();
    testdir_remove(dir);
    target = "Sent";
}

/* --- records that a start finds */
static struct buf record;

static void put(uint64_t id, uint32_t part) {
    struct key key = key_of_id(KEY_TRANSFER, id);
    struct batch b;
    key_u32(&key, part);
    batch_init(&b);
    batch_put(&b, SPACE_META, key_str(&key), buf_str(&record));
    assert_int_equal(engine_write_one(k.engine, &b, NULL), 0);
    batch_done(&b);
    buf_clear(&record);
}

static void put_head(uint64_t id, uint8_t kind) {
    uint64_t from, to;
    (void)messages("INBOX", &from);
    (void)messages("Sent", &to);
    wire_u8(&record, kind);
    wire_u64(&record, ACCOUNT);
    wire_u64(&record, from);
    wire_u64(&record, ACCOUNT);
    wire_u64(&record, to);
    if (kind <= 2) wire_u64(&record, UINT64_MAX);
    put(id, 0);
}

static void put_runs(uint64_t id, uint32_t part, uint32_t first, uint32_t last) {
    wire_u32(&record, first);
    wire_u32(&record, last);
    put(id, part);
}

/* COPY and MOVE in steps, of format 6: a copy is undone, a move goes on. */
static void body_old(void) {
    for (what = COPIES; what <= MOVES; what++) {
        testdir_make(dir);
        open_at(dir);
        for (int i = 0; i < MESSAGES; i++) append("INBOX");
        append("Sent");
        if (what == COPIES) assert_int_equal(run(), 0);
        assert_int_equal(readable("Sent"), what == COPIES ? MESSAGES + 1 : 1);
        check();
        record = BUF_INIT(1024);
        put_runs(1, 1, what == COPIES ? 2 : 1, 9);
        put_runs(1, 2, 10, MESSAGES + 1);
        put_head(1, what == COPIES ? 1 : 2);
        buf_done(&record);
        close_all();
        open_at(dir);
        assert_string_equal(k.logged, what == COPIES ? "copy-undone" : "move-finished");
        assert_int_equal(readable("Sent"), what == COPIES ? 1 : MESSAGES + 1);
        assert_int_equal(readable("INBOX"), what == COPIES ? MESSAGES : 0);
        check();
        assert_int_equal(kit_records(&k, KEY_TRANSFER), 0);
        close_all();
        testdir_remove(dir);
    }
}

/* What cannot be read, or does not add up, ends no start and changes nothing. */
static void body_damaged(void) {
    testdir_make(dir);
    open_at(dir);
    for (int i = 0; i < MESSAGES; i++) append("INBOX");
    append("Sent");
    record = BUF_INIT(1024);
    put_head(1, TRANSFER_COPY); /* too short */
    put_head(2, 77);
    put_runs(3, 1, 1, 5); /* without a head */
    put_head(4, 2);
    put_runs(4, 1, 9, 1);
    buf_done(&record);
    close_all();
    open_at(dir);
    assert_int_equal(kit_records(&k, KEY_TRANSFER), 0);
    assert_int_equal(readable("INBOX"), MESSAGES);
    assert_int_equal(readable("Sent"), 1);
    check();
    close_all();
    testdir_remove(dir);
}

/* --- flags */
static void store(const char *folder, uint32_t first, uint32_t last, const char *keyword) {
    Store__MessageStore req = STORE__MESSAGE_STORE__INIT;
    Store__UidRun run = STORE__UID_RUN__INIT, *runs = &run;
    char *keywords = text(keyword);
    (void)messages(folder, &req.folder);
    run.first = first;
    run.last = last;
    req.session = session;
    req.uids = &runs;
    req.n_uids = 1;
    req.mode = STORE__STORE_MODE__FLAGS_ADD;
    req.flags = MAILBOX_SEEN;
    req.keywords = &keywords;
    req.n_keywords = 1;
    assert_int_equal(kit_call(c, STORE_MESSAGE_STORE, &req.base, STR_EMPTY, NULL, NULL), 0);
}

/* How many of its messages are seen and have this keyword; -1: the folder does not know it. */
static int with_keyword(const char *folder, const char *keyword) {
    Store__FolderName name = STORE__FOLDER_NAME__INIT;
    Store__MessageList req = STORE__MESSAGE_LIST__INIT;
    RPC_REPLY_AUTO status = {0};
    RPC_REPLY_AUTO reply = {0};
    struct message_record m;
    uint64_t flags = 0;
    int n = 0;
    name.session = req.session = session;
    name.name = text(folder);
    assert_int_equal(kit_call(c, STORE_FOLDER_STATUS, &name.base, STR_EMPTY, &status, NULL), 0);
    const Store__Folder *f = (const Store__Folder *)status.msg;
    for (size_t i = 0; i < f->n_keywords; i++)
        if (strcmp(f->keywords[i], keyword) == 0) flags = MAILBOX_SEEN | 1ull << (i + MAILBOX_KEYWORD_SHIFT);
    if (flags == 0) return -1;
    req.folder = f->id;
    assert_int_equal(kit_call(c, STORE_MESSAGE_LIST, &req.base, STR_EMPTY, &reply, NULL), 0);
    for (struct str rest = reply.attach; message_record_get(&rest, 0, &m) == 0;) n += (m.flags & flags) == flags;
    return n;
}

/* Keywords keep their names, whatever their numbers; flags that are set while records are not written stay. */
static void body_flags(void) {
    testdir_make(dir);
    open_at(dir);
    for (int i = 0; i < MESSAGES; i++) append("INBOX");
    append("Sent");
    store("INBOX", 1, 10, "one");
    store("INBOX", 6, 20, "two");
    store("INBOX", MESSAGES, MESSAGES, "three");
    store("Sent", 1, 1, "two");
    what = COPIES;
    assert_int_equal(run(), 0);
    store("Sent", 100, 100, "late");
    assert_true(kit_records(&k, KEY_TRANSFER) > 0);
    char name[TESTDIR_MAX + 16];
    cut_name(name, 0);
    assert_int_equal(engine_checkpoint(k.engine, name, NULL), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(with_keyword("Sent", "one"), 10);
        assert_int_equal(with_keyword("Sent", "two"), 16);
        assert_int_equal(with_keyword("Sent", "three"), 1);
        assert_int_equal(with_keyword("Sent", "late"), 1);
        assert_int_equal(with_keyword("INBOX", "late"), -1);
        verify();
        close_all();
        if (i < 2) open_at(i == 0 ? dir : name);
    }
    testdir_remove(name);
    testdir_remove(dir);
}

KIT_TEST_ONCE(cuts)
KIT_TEST_ONCE(end)
KIT_TEST_ONCE(room)
KIT_TEST_ONCE(old)
KIT_TEST_ONCE(damaged)
KIT_TEST_ONCE(flags)

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cuts),    cmocka_unit_test(test_end),
                                       cmocka_unit_test(test_room),    cmocka_unit_test(test_old),
                                       cmocka_unit_test(test_damaged), cmocka_unit_test(test_flags)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
