/* COPY, MOVE and RENAME of INBOX in several steps: wherever a crash cuts, afterwards a copy is not there or is whole,
 * and what is moved is in one folder, all of it. RFC 9051 section 6.4.7 and 6.3.6, RFC 6851 section 3.3. */
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
    k.service->copy_slice = SLICE;
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

/* All or nothing, and what was in the target before stays. */
static void verify(void) {
    int inbox = messages("INBOX", NULL), there = messages(what == RENAMES ? "Sent/Old" : "Sent", NULL);
    assert_int_equal(kit_records(&k, KEY_TRANSFER), 0);
    if (what == COPIES) {
        assert_int_equal(inbox, MESSAGES);
        assert_true(there == 1 || there == MESSAGES + 1);
    } else if (inbox != 0) {
        assert_int_equal(inbox, MESSAGES);
        assert_int_equal(there, what == RENAMES ? -1 : 1);
    } else {
        assert_int_equal(there, what == RENAMES ? MESSAGES : MESSAGES + 1);
    }
    check();
}

static unsigned cut_while_running(void) {
    uint64_t last = 0;
    unsigned n = 0;
    done = false;
    assert_int_equal(fiber_spawn("run", run_fiber, NULL, NULL), 0);
    while (!done) {
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

/* A shutdown in the middle is as a crash. */
static void body_end(void) {
    testdir_make(dir);
    open_at(dir);
    for (int i = 0; i < MESSAGES; i++) append("INBOX");
    append("Sent");
    what = MOVES;
    done = false;
    assert_int_equal(fiber_spawn("run", run_fiber, NULL, NULL), 0);
    while (kit_records(&k, KEY_TRANSFER) == 0 && !done) assert_int_equal(fiber_sleep(1), 0);
    k.service->closing = true;
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
    assert_int_equal(kit_records(&k, KEY_TRANSFER), 0);
    check();
    close_all();
    testdir_remove(dir);
}

KIT_TEST_ONCE(cuts)
KIT_TEST_ONCE(end)
KIT_TEST_ONCE(room)

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cuts), cmocka_unit_test(test_end),
                                       cmocka_unit_test(test_room)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
