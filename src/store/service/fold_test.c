/* Flags of many messages: what a crash leaves of changes that became durable as one record gives the same flags and
 * MODSEQs as the store had in memory (RFC 7162 section 3.1.3), whatever was changed, added and expunged since. */
#include "store/engine/testdir.h"
#include "store/service/private.h"
#include "store/service/testkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ACCOUNT = 5, MESSAGES = 400, STEPS = 60, NEVER_MS = 3600 * 1000, LISTED_MAX = 1024 };

static char dir[TESTDIR_MAX], copy[TESTDIR_MAX + 16];
static struct kit k;
static struct kit_client *c;
static uint32_t session;
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
    c = kit_connect(&k, ROLE_IMAPD | ROLE_CLI);
    session = kit_login(c, ACCOUNT, 0);
}

static void close_all(void) {
    kit_disconnect(c);
    assert_false(k.failed);
    kit_close(&k);
}

static void append(void) {
    Store__MessageAppend req = STORE__MESSAGE_APPEND__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = session;
    req.folder = (char *)(uintptr_t) "INBOX";
    assert_int_equal(kit_call(c, STORE_MESSAGE_APPEND, &req.base, STR("A: b\r\n\r\nbody\r\n"), &reply, NULL), 0);
    folder = ((Store__MessageAppended *)reply.msg)->folder;
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

static void check(void) {
    Store__StoreCheckRequest req = STORE__STORE_CHECK_REQUEST__INIT;
    RPC_REPLY_AUTO reply = {0};
    assert_int_equal(kit_call(c, STORE_STORE_CHECK, &req.base, STR_EMPTY, &reply, NULL), 0);
    Store__StoreCheckReply *r = (Store__StoreCheckReply *)reply.msg;
    for (size_t i = 0; i < r->n_faults; i++) print_message("fault: %s\n", r->faults[i]);
    assert_int_equal(r->fault_count, 0);
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
    unsigned char from = KEY_FLAG_RUNS, to = KEY_FLAG_RUNS + 1;
    struct engine_range r = {.space = SPACE_META, .from = str_of(&from, 1), .to = str_of(&to, 1)};
    struct engine_iter *it;
    struct str key, value;
    size_t n = 0;
    assert_int_equal(engine_iter_open(k.engine, &r, &it), 0);
    while (engine_iter_next(k.engine, it, &key, &value)) n++;
    assert_int_equal(engine_iter_close(k.engine, it), 0);
    return n;
}

static void random_step(void) {
    uint32_t first = 1 + number(MESSAGES), many = first + number(MESSAGES), few = first + number(5);
    Store__StoreMode mode = (Store__StoreMode)number(3);
    uint64_t flags = 1u << number(5);
    switch (number(8)) {
    case 0: append(); break;
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
    size_t seen = 0;
    for (unsigned round = 0; round < 4; round++) {
        testdir_make(dir);
        snprintf(copy, sizeof copy, "%s-crashed", dir);
        random_state = round + 1;
        open_at(dir);
        for (int i = 0; i < MESSAGES; i++) append();
        for (int i = 0; i < STEPS; i++) random_step();
        list(&before);
        seen += records();
        crash();
        check(); /* it waits until all is folded */
        assert_int_equal(records(), 0);
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
    assert_true(seen > 4);
}

/* Few messages, many runs and what comes while somebody holds are written at once; a deleted folder takes its flags
 * along; a clean end leaves nothing. */
static void body_paths(void) {
    testdir_make(dir);
    open_at(dir);
    for (int i = 0; i < MESSAGES; i++) append();
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

static void random_changes(void **state) {
    (void)state;
    kit_run(body_random);
}

static void paths(void **state) {
    (void)state;
    kit_run(body_paths);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_changes), cmocka_unit_test(paths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
