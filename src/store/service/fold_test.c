/* Flags of many messages: what a crash leaves of changes that became durable as one record, and of pages (INV-19),
 * gives the same flags and MODSEQs as the store had in memory (RFC 7162 section 3.1.3), whatever was changed, added and
 * expunged since. */
#include "store/engine/testdir.h"
#include "store/mailbox/page.h"
#include "store/mailbox/private.h"
#include "store/service/private.h"
#include "store/service/testkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    ACCOUNT = 5,
    MESSAGES = 400,
    ROUNDS = 4,
    STEPS = 90,
    NEVER_MS = 3600 * 1000,
    LISTED_MAX = 1024,
    PAGE = 16,
    PAGED = 380,
};

static char dir[TESTDIR_MAX], copy[TESTDIR_MAX + 16];
static struct kit k;
static struct kit_client *c;
static uint32_t session, uidvalidity;
static uint64_t folder;
static unsigned random_state;

static unsigned number(unsigned below) {
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 16) % below;
}

static void open_at(const char *where) {
    k = (struct kit){.dir = where};
    kit_open(&k);
    k.service->folds.after_ms = NEVER_MS;
    pages_stop(k.service); /* they are written when the test says so */
    k.service->m->page_uids = PAGE;
    k.service->m->page_messages_min = 2;
    k.service->m->paged_min = PAGED;
    c = kit_connect(&k, ROLE_IMAPD | ROLE_CLI);
    session = kit_login(c, ACCOUNT, 0);
}

static void close_all(void) {
    kit_disconnect(c);
    assert_false(k.failed);
    kit_close(&k);
}

/* With a UID of a message that is gone, or 0. */
static void append(uint32_t uid) {
    Store__MessageAppend req = STORE__MESSAGE_APPEND__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = session;
    req.folder = (char *)(uintptr_t) "INBOX";
    req.uid = uid;
    req.keep_uidvalidity = uid == 0 ? 0 : uidvalidity;
    assert_int_equal(kit_call(c, STORE_MESSAGE_APPEND, &req.base, STR("A: b\r\n\r\nbody\r\n"), &reply, NULL), 0);
    folder = ((Store__MessageAppended *)reply.msg)->folder;
    uidvalidity = ((Store__MessageAppended *)reply.msg)->uidvalidity;
}

static uint32_t change(uint32_t first, uint32_t last, Store__StoreMode mode, uint64_t flags, bool quiet) {
    Store__MessageStore req = STORE__MESSAGE_STORE__INIT;
    Store__UidRun run = STORE__UID_RUN__INIT, *runs = &run;
    RPC_REPLY_AUTO reply = {0};
    run.first = first;
    run.last = last;
    req.session = session;
    req.folder = folder;
    req.uids = &runs;
    req.n_uids = 1;
    req.mode = mode;
    req.flags = flags;
    req.quiet = quiet;
    assert_int_equal(kit_call(c, STORE_MESSAGE_STORE, &req.base, STR_EMPTY, &reply, NULL), 0);
    const Store__MessageStored *done = (const Store__MessageStored *)reply.msg;
    assert_int_equal(reply.attach.len, quiet ? 0 : done->count * 20u);
    return done->count;
}

static void expunge(uint32_t first, uint32_t last) {
    Store__MessageExpunge req = STORE__MESSAGE_EXPUNGE__INIT;
    Store__UidRun run = STORE__UID_RUN__INIT, *runs = &run;
    run.first = first;
    run.last = last;
    req.session = session;
    req.folder = folder;
    req.uids = &runs;
    req.n_uids = 1;
    assert_int_equal(kit_call(c, STORE_MESSAGE_EXPUNGE, &req.base, STR_EMPTY, NULL, NULL), 0);
}

static int faults(bool repair) {
    Store__StoreCheckRequest req = STORE__STORE_CHECK_REQUEST__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.repair = repair;
    assert_int_equal(kit_call(c, STORE_STORE_CHECK, &req.base, STR_EMPTY, &reply, NULL), 0);
    const Store__StoreCheckReply *r = (const Store__StoreCheckReply *)reply.msg;
    for (size_t i = 0; i < r->n_faults; i++) print_message("fault: %s\n", r->faults[i]);
    return (int)r->fault_count;
}

static void check(void) {
    assert_int_equal(faults(false), 0);
}

struct listed {
    size_t count;
    struct message_record m[LISTED_MAX];
};

static void list(struct listed *out) {
    Store__MessageList req = STORE__MESSAGE_LIST__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = session;
    req.folder = folder;
    assert_int_equal(kit_call(c, STORE_MESSAGE_LIST, &req.base, STR_EMPTY, &reply, NULL), 0);
    struct str rest = reply.attach;
    out->count = 0;
    while (out->count < LISTED_MAX && message_record_get(&rest, 0, &out->m[out->count]) == 0) out->count++;
    assert_int_equal(rest.len, 0);
}

static void same(const struct listed *a, const struct listed *b) {
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_int_equal(a->m[i].uid, b->m[i].uid);
        assert_int_equal(a->m[i].flags, b->m[i].flags);
        assert_int_equal(a->m[i].modseq, b->m[i].modseq);
    }
}

static size_t records(void) {
    return kit_records(&k, KEY_FLAG_RUNS);
}

/* What is on its way is there afterwards. */
static size_t pages(void) {
    assert_int_equal(store_wait_applied(k.service->st, commit_last(k.service->st->commits)), 0);
    return kit_records(&k, KEY_PAGE);
}

static void write_pages(size_t max) {
    (void)mailboxes_write_pages(k.service->m, max, PAGES_NOW);
}

/* The list leaves memory, unless somebody needs it. */
static void forget_list(void) {
    struct account *a;
    assert_int_equal(account_pin(k.service->m, ACCOUNT, STR_EMPTY, false, &a), 0);
    struct folder *f = account_folder_by_id(a, folder);
    if (f->heat == FOLDER_HOT && f->pins == 0) folder_list_drop(f);
    account_unpin(a);
}

static void random_step(void) {
    uint32_t first = 1 + number(MESSAGES), many = first + number(MESSAGES), few = first + number(5);
    Store__StoreMode mode = (Store__StoreMode)number(3);
    uint64_t flags = 1u << number(5);
    switch (number(13)) {
    case 0: append(0); break;
    case 8:
    case 9: write_pages(1 + number(2 * MESSAGES / PAGE)); break;
    case 10: forget_list(); break;
    case 11: append(first); break;
    case 12: (void)change(first, few, mode, flags, true); break;
    case 1: expunge(first, few); break;
    case 2:
    case 3: (void)change(first, few, mode, flags, false); break;
    default: (void)change(first, many, mode, flags, number(2) == 0); break;
    }
}

/* The copy of the engine is what a crash at this point leaves. */
static void crash(void) {
    struct error err = {0};
    assert_int_equal(engine_checkpoint(k.engine, copy, &err), 0);
}

static void body_random(void) {
    static struct listed before, after;
    size_t seen = 0, paged = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        testdir_make(dir);
        snprintf(copy, sizeof copy, "%s-crashed", dir);
        random_state = round + 1;
        open_at(dir);
        for (int i = 0; i < MESSAGES; i++) append(0);
        for (int i = 0; i < STEPS; i++) random_step();
        list(&before);
        seen += records();
        crash();
        paged += kit_records(&k, KEY_PAGE);
        check(); /* it waits until all is folded */
        assert_int_equal(records(), 0);
        list(&after);
        same(&before, &after);
        forget_list(); /* it is read from pages and records of messages */
        list(&after);
        same(&before, &after);
        close_all();
        open_at(dir); /* what was folded is what is read */
        list(&after);
        same(&before, &after);
        close_all();
        open_at(copy);
        assert_int_equal(records(), 0);
        list(&after);
        same(&before, &after);
        check();
        close_all();
        testdir_remove(copy);
        testdir_remove(dir);
    }
    assert_true(seen > ROUNDS && paged > ROUNDS);
}

/* Few messages, many runs and what comes while somebody holds are written at once; a deleted folder takes its flags
 * along; a clean end leaves nothing. */
static void body_paths(void) {
    testdir_make(dir);
    open_at(dir);
    for (int i = 0; i < MESSAGES; i++) append(0);
    assert_int_equal(change(1, FOLD_MIN - 1, STORE__STORE_MODE__FLAGS_ADD, MAILBOX_SEEN, true), FOLD_MIN - 1);
    assert_int_equal(records(), 0);
    for (uint32_t uid = 1; uid <= MESSAGES; uid += 2)
        (void)change(uid, uid, STORE__STORE_MODE__FLAGS_ADD, MAILBOX_DRAFT, true);
    assert_int_equal(change(1, MESSAGES, STORE__STORE_MODE__FLAGS_ADD, MAILBOX_DRAFT, true), MESSAGES / 2);
    assert_int_equal(records(), 0); /* every other one */
    assert_int_equal(change(1, MESSAGES, STORE__STORE_MODE__FLAGS_ADD, MAILBOX_FLAGGED, true), MESSAGES);
    assert_int_equal(records(), 1);
    assert_int_equal(change(1, MESSAGES, STORE__STORE_MODE__FLAGS_ADD, MAILBOX_FLAGGED, true), 0);
    assert_int_equal(records(), 1);
    assert_int_equal(folds_hold(k.service), 0);
    assert_int_equal(store_wait_applied(k.service->st, commit_last(k.service->st->commits)), 0);
    assert_int_equal(records(), 0);
    assert_int_equal(change(1, MESSAGES, STORE__STORE_MODE__FLAGS_REMOVE, MAILBOX_FLAGGED, true), MESSAGES);
    assert_int_equal(records(), 0);
    folds_release(k.service);
    assert_int_equal(change(1, MESSAGES, STORE__STORE_MODE__FLAGS_ADD, MAILBOX_DELETED, true), MESSAGES);
    assert_int_equal(records(), 1);
    close_all();
    open_at(dir);
    assert_int_equal(records(), 0);
    Store__FolderName name = STORE__FOLDER_NAME__INIT;
    Store__FolderCreate create = STORE__FOLDER_CREATE__INIT;
    Store__MessageCopy move = STORE__MESSAGE_COPY__INIT;
    Store__UidRun run = STORE__UID_RUN__INIT, *runs = &run;
    name.session = create.session = move.session = session;
    name.name = create.name = move.to = (char *)(uintptr_t) "work";
    assert_int_equal(kit_call(c, STORE_FOLDER_CREATE, &create.base, STR_EMPTY, NULL, NULL), 0);
    run.first = 1;
    run.last = MESSAGES;
    move.folder = folder;
    move.uids = &runs;
    move.n_uids = 1;
    assert_int_equal(kit_call(c, STORE_MESSAGE_COPY, &move.base, STR_EMPTY, NULL, NULL), 0);
    RPC_REPLY_AUTO status = {0};
    assert_int_equal(kit_call(c, STORE_FOLDER_STATUS, &name.base, STR_EMPTY, &status, NULL), 0);
    folder = ((const Store__Folder *)status.msg)->id;
    assert_int_equal(change(1, MESSAGES, STORE__STORE_MODE__FLAGS_ADD, MAILBOX_ANSWERED, true), MESSAGES);
    assert_int_equal(records(), 1);
    assert_int_equal(kit_call(c, STORE_FOLDER_DELETE, &name.base, STR_EMPTY, NULL, NULL), 0);
    assert_int_equal(records(), 0);
    check();
    close_all();
    testdir_remove(dir);
}

/* Puts a page that says what is not so: its messages, or one less, have other flags. */
static void put_wrong(uint32_t first, size_t count, uint64_t flags) {
    struct message m[PAGE];
    struct key key;
    struct batch b;
    BUF_AUTO v = BUF_INIT(PAGE_VALUE_MAX);
    for (uint32_t i = 0; i < PAGE; i++) m[i] = (struct message){first + i, flags, first + i + 1};
    message_key(&key, KEY_PAGE, folder, first);
    page_encode(key_str(&key), first + PAGE - 1, m, count, &v);
    batch_init(&b);
    batch_put(&b, SPACE_META, key_str(&key), buf_str(&v));
    assert_int_equal(engine_write_one(k.engine, &b, NULL), 0);
    batch_done(&b);
}

/* A page that says what is not so is not believed, and found by a check. */
static void check_wrong(const struct listed *before) {
    static struct listed after;
    static const struct {
        size_t count;
        uint64_t flags;
        int faults;
        bool believed;
    } wrong[] = {
        {PAGE, 0, 0, true}, {PAGE - 1, 0, 1, false}, {PAGE, MAILBOX_SEEN, 1, false}, {PAGE, MAILBOX_DELETED, 1, false}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        write_pages(SIZE_MAX);
        (void)pages();
        forget_list();
        for (size_t at = 0; at < before->count; at++) assert_int_equal(before->m[at].flags, 0);
        put_wrong(8 * PAGE, wrong[i].count, wrong[i].flags);
        assert_int_equal(faults(false), wrong[i].faults);
        list(&after);
        same(before, &after);
        assert_int_equal(pages() == MESSAGES / PAGE, wrong[i].believed);
        check();
        put_wrong(8 * PAGE, wrong[i].count, wrong[i].flags);
        assert_int_equal(faults(true), 0);
    }
}

/* Only what is left alone for a while is written, some at a time. */
static void check_rounds(void) {
    for (int round = 0; round < 100; round++) {
        if (round < 20) assert_int_equal(change(50, 50, (Store__StoreMode)(round % 2 + 1), MAILBOX_SEEN, true), 1);
        assert_false(mailboxes_write_pages(k.service->m, 1, PAGES_ROUND));
        if (round < 24) assert_int_equal(pages(), MESSAGES / PAGE - 1);
    }
    assert_int_equal(pages(), MESSAGES / PAGE);
    assert_int_equal(change(1, PAGE, STORE__STORE_MODE__FLAGS_ADD, MAILBOX_SEEN, true), PAGE);
    for (int round = 0; round < 10; round++) (void)mailboxes_write_pages(k.service->m, 0, PAGES_ROUND);
    assert_int_equal(pages(), MESSAGES / PAGE - 2);
    assert_true(mailboxes_write_pages(k.service->m, 1, PAGES_MORE));
    assert_false(mailboxes_write_pages(k.service->m, 1, PAGES_MORE));
    assert_int_equal(pages(), MESSAGES / PAGE);
}

/* INV-19: a change takes its page along, few messages have none, a range that fills has none. */
static void body_pages(void) {
    static struct listed before, after;
    testdir_make(dir);
    open_at(dir);
    for (int i = 0; i < MESSAGES; i++) append(0);
    assert_int_equal(pages(), 0);
    write_pages(3);
    assert_int_equal(pages(), 3);
    write_pages(SIZE_MAX);
    assert_int_equal(pages(), MESSAGES / PAGE); /* UIDs 0 to 15 and so on; the last one fills */
    assert_int_equal(change(1, 1, STORE__STORE_MODE__FLAGS_ADD, MAILBOX_SEEN, true), 1);
    assert_int_equal(change(2, 2, STORE__STORE_MODE__FLAGS_ADD, MAILBOX_SEEN, true), 1);
    assert_int_equal(pages(), MESSAGES / PAGE - 1);
    assert_int_equal(change(PAGE, 6 * PAGE - 1, STORE__STORE_MODE__FLAGS_ADD, MAILBOX_SEEN, true), 5 * PAGE);
    assert_int_equal(records(), 1);
    assert_int_equal(pages(), MESSAGES / PAGE - 6);
    append(0);
    expunge(MESSAGES - 3 * PAGE, MESSAGES - 3 * PAGE);
    assert_int_equal(pages(), MESSAGES / PAGE - 7);
    append(MESSAGES - 3 * PAGE);
    write_pages(SIZE_MAX);
    assert_int_equal(pages(), MESSAGES / PAGE);
    assert_int_equal(change(1, 6 * PAGE, STORE__STORE_MODE__FLAGS_REMOVE, MAILBOX_SEEN, true), 5 * PAGE + 2);
    check();
    forget_list();
    list(&before);
    check_wrong(&before);
    write_pages(SIZE_MAX);
    check_rounds();
    expunge(1, MESSAGES - PAGED + 2);
    assert_int_equal(pages(), 0);
    forget_list();
    list(&after);
    assert_int_equal(after.count, PAGED - 1);
    write_pages(SIZE_MAX);
    assert_int_equal(pages(), 0);
    for (int i = 0; i < 2 * PAGE; i++) append(0);
    forget_list();
    list(&before);
    write_pages(SIZE_MAX);
    assert_true(pages() > PAGED / PAGE);
    close_all();
    open_at(dir);
    list(&after);
    same(&before, &after);
    close_all();
    testdir_remove(dir);
}

/* A store of format 5 has no pages; else it is the same. */
static void body_upgrade(void) {
    static struct listed before, after;
    static const unsigned char kind = KEY_FORMAT, five[4] = {[3] = 5};
    struct batch b;
    testdir_make(dir);
    open_at(dir);
    for (int i = 0; i < MESSAGES; i++) append(0);
    list(&before);
    assert_int_equal(pages(), 0);
    batch_init(&b);
    batch_put(&b, SPACE_META, str_of(&kind, 1), str_of(five, sizeof five));
    assert_int_equal(engine_write_one(k.engine, &b, NULL), 0);
    batch_done(&b);
    close_all();
    open_at(dir);
    assert_int_equal(k.service->st->found_format, 5);
    assert_false(k.service->index.round);
    list(&after);
    same(&before, &after);
    write_pages(SIZE_MAX);
    assert_int_equal(pages(), MESSAGES / PAGE);
    close_all();
    open_at(dir);
    assert_int_equal(k.service->st->found_format, STORE_FORMAT);
    list(&after);
    same(&before, &after);
    check();
    close_all();
    testdir_remove(dir);
}

KIT_TEST_ONCE(random)
KIT_TEST_ONCE(paths)
KIT_TEST_ONCE(pages)
KIT_TEST_ONCE(upgrade)

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_paths),
                                       cmocka_unit_test(test_pages), cmocka_unit_test(test_upgrade)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
