/* Random COPY, MOVE, STORE, EXPUNGE, RENAME of INBOX and deletions of folders, most of them while transfers are not
 * written yet: what is listed is what a plain model says, at once and after a crash at any point. */
#include "store/engine/testdir.h"
#include "store/mailbox/private.h"
#include "store/service/private.h"
#include "store/service/testkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ACCOUNT = 5, BOXES = 4, ROUNDS = 12, STEPS = 60, START = 40, BOX_MAX = 4096, CUTS = 3, RENAMED = 3 };

struct entry {
    uint32_t uid;
    uint64_t flags;
    int64_t date; /* tells messages apart */
};

struct box {
    bool there;
    uint32_t uidnext;
    size_t count;
    struct entry list[BOX_MAX];
};

struct model {
    struct box box[BOXES];
    int64_t next_date;
};

static const char *const names[BOXES] = {"INBOX", "Sent", "Work", "Work/Old"}; /* the last: what INBOX becomes */
static char dir[TESTDIR_MAX];
static struct kit k;
static struct kit_client *c;
static uint32_t session;
static struct model now, at_cut[CUTS];

static char *text(const char *s) {
    return (char *)(uintptr_t)s;
}

static void open_at(const char *where) {
    k = (struct kit){.dir = where, .undelete_s = 3600};
    kit_open(&k);
    k.service->transfers.min = 3;
    k.service->transfers.slice = 3;
    k.service->transfers.part = 2;
    c = kit_connect(&k, ROLE_IMAPD | ROLE_CLI);
    session = kit_login(c, ACCOUNT, 0);
}

static void close_all(void) {
    kit_disconnect(c);
    assert_false(k.failed);
    kit_close(&k);
}

static uint64_t folder(unsigned b) {
    Store__FolderName req = STORE__FOLDER_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = session;
    req.name = text(names[b]);
    assert_int_equal(kit_call(c, STORE_FOLDER_STATUS, &req.base, STR_EMPTY, &reply, NULL), 0);
    const Store__Folder *f = (const Store__Folder *)reply.msg;
    assert_int_equal(f->messages, now.box[b].count);
    assert_int_equal(f->uidnext, now.box[b].uidnext);
    return f->id;
}

/* Where it stands: it is too large for the stack of a fiber. */
static void empty_box(unsigned b) {
    memset(&now.box[b], 0, sizeof now.box[b]);
    now.box[b].there = true;
    now.box[b].uidnext = 1;
}

/* --- each step, there and in the model */
static struct entry *add(unsigned b, int64_t date, uint64_t flags) {
    struct box *x = &now.box[b];
    assert_true(x->count < BOX_MAX);
    x->list[x->count] = (struct entry){x->uidnext++, flags, date};
    return &x->list[x->count++];
}

static void append(unsigned b) {
    Store__MessageAppend req = STORE__MESSAGE_APPEND__INIT;
    req.session = session;
    req.folder = text(names[b]);
    req.internal_date = ++now.next_date;
    (void)add(b, now.next_date, 0);
    assert_int_equal(kit_call(c, STORE_MESSAGE_APPEND, &req.base, STR("A: b\r\n\r\nbody\r\n"), NULL, NULL), 0);
}

static void store(unsigned b, Store__UidRun *run) {
    Store__MessageStore req = STORE__MESSAGE_STORE__INIT;
    req.session = session;
    req.folder = folder(b);
    req.uids = &run;
    req.n_uids = 1;
    req.mode = kit_pick(2) ? STORE__STORE_MODE__FLAGS_ADD : STORE__STORE_MODE__FLAGS_REMOVE;
    req.flags = 1u << kit_pick(5);
    req.quiet = true;
    assert_int_equal(kit_call(c, STORE_MESSAGE_STORE, &req.base, STR_EMPTY, NULL, NULL), 0);
    for (size_t i = 0; i < now.box[b].count; i++) {
        struct entry *e = &now.box[b].list[i];
        if (e->uid < run->first || e->uid > run->last) continue;
        e->flags = req.mode == STORE__STORE_MODE__FLAGS_ADD ? e->flags | req.flags : e->flags & ~req.flags;
    }
}

static void take_out(unsigned b, const Store__UidRun *run, uint32_t below) {
    struct box *x = &now.box[b];
    size_t n = 0;
    for (size_t i = 0; i < x->count; i++) {
        bool goes = x->list[i].uid >= run->first && x->list[i].uid <= run->last && x->list[i].uid < below;
        if (!goes) x->list[n++] = x->list[i];
    }
    x->count = n;
}

static void expunge(unsigned b, Store__UidRun *run) {
    Store__MessageExpunge req = STORE__MESSAGE_EXPUNGE__INIT;
    req.session = session;
    req.folder = folder(b);
    req.uids = &run;
    req.n_uids = 1;
    assert_int_equal(kit_call(c, STORE_MESSAGE_EXPUNGE, &req.base, STR_EMPTY, NULL, NULL), 0);
    take_out(b, run, UINT32_MAX);
}

static void copy(unsigned b, unsigned to, bool move, Store__UidRun *run) {
    Store__MessageCopy req = STORE__MESSAGE_COPY__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = session;
    req.folder = folder(b);
    req.uids = &run;
    req.n_uids = 1;
    req.to = text(names[to]);
    req.move = move;
    assert_int_equal(kit_call(c, STORE_MESSAGE_COPY, &req.base, STR_EMPTY, &reply, NULL), 0);
    const Store__MessageCopied *r = (const Store__MessageCopied *)reply.msg;
    uint32_t first = now.box[to].uidnext, old = now.box[b].uidnext, made = 0;
    for (size_t i = 0, n = now.box[b].count; i < n; i++) {
        struct entry e = now.box[b].list[i];
        if (e.uid < run->first || e.uid > run->last || e.uid >= old) continue;
        (void)add(to, e.date, e.flags);
        made++;
    }
    if (move) take_out(b, run, old);
    assert_int_equal(r->n_to, made > 0);
    if (made == 0) return;
    assert_int_equal(r->to[0]->first, first);
    assert_int_equal(r->to[0]->last, first + made - 1);
}

static void make(unsigned b) {
    Store__FolderCreate req = STORE__FOLDER_CREATE__INIT;
    req.session = session;
    req.name = text(names[b]);
    assert_int_equal(kit_call(c, STORE_FOLDER_CREATE, &req.base, STR_EMPTY, NULL, NULL), 0);
    empty_box(b);
}

static void remove_box(unsigned b) {
    Store__FolderName req = STORE__FOLDER_NAME__INIT;
    req.session = session;
    req.name = text(names[b]);
    assert_int_equal(kit_call(c, STORE_FOLDER_DELETE, &req.base, STR_EMPTY, NULL, NULL), 0);
    now.box[b].there = false;
}

static void rename_inbox(void) {
    Store__FolderRename req = STORE__FOLDER_RENAME__INIT;
    if (now.box[RENAMED].there) remove_box(RENAMED);
    req.session = session;
    req.from = text("INBOX");
    req.to = text(names[RENAMED]);
    assert_int_equal(kit_call(c, STORE_FOLDER_RENAME, &req.base, STR_EMPTY, NULL, NULL), 0);
    if (!now.box[2].there) empty_box(2); /* the level above */
    empty_box(RENAMED);
    for (size_t i = 0; i < now.box[0].count; i++) (void)add(RENAMED, now.box[0].list[i].date, now.box[0].list[i].flags);
    now.box[0].count = 0;
}

/* With `records` all of them must be there; else only what memory knows is asked for. */
static void look(unsigned b, bool records) {
    Store__MessageList req = STORE__MESSAGE_LIST__INIT;
    struct message_record m;
    size_t n = 0;
    req.session = session;
    req.folder = folder(b);
    req.fields = records ? FIELD_DATES | FIELD_SIZE : 0;
    for (bool more = true; more;) {
        RPC_REPLY_AUTO reply = {0};
        assert_int_equal(kit_call(c, STORE_MESSAGE_LIST, &req.base, STR_EMPTY, &reply, NULL), 0);
        const Store__MessageListed *r = (const Store__MessageListed *)reply.msg;
        more = r->more;
        req.after_uid = r->last_uid;
        for (struct str rest = reply.attach; message_record_get(&rest, req.fields, &m) == 0; n++) {
            const struct entry *e = &now.box[b].list[n];
            assert_true(n < now.box[b].count);
            assert_int_equal(m.uid, e->uid);
            assert_int_equal(m.flags, e->flags);
            if (records) assert_int_equal(m.internal_date, e->date);
        }
    }
    assert_int_equal(n, now.box[b].count);
}

/* The list leaves memory, unless somebody needs it. */
static void forget_list(unsigned b) {
    struct account *a;
    uint64_t id = folder(b);
    assert_int_equal(account_pin(k.service->m, ACCOUNT, STR_EMPTY, false, &a), 0);
    struct folder *f = account_folder_by_id(a, id);
    if (f->heat == FOLDER_HOT && f->pins == 0) folder_list_drop(f);
    account_unpin(a);
}

static unsigned some_box(void) {
    unsigned b = kit_pick(BOXES);
    return now.box[b].there ? b : 0;
}

static void step(void) {
    unsigned b = some_box(), to = some_box();
    Store__UidRun run = STORE__UID_RUN__INIT;
    uint32_t uidnext = now.box[b].uidnext;
    run.first = 1 + kit_pick(uidnext);
    run.last = kit_pick(3) == 0 ? UINT32_MAX : run.first + kit_pick(60);
    if (kit_pick(3) == 0) run.first = 1;
    switch (kit_pick(16)) {
    case 0:
    case 1: append(b); break;
    case 2:
    case 3: store(b, &run); break;
    case 4: expunge(b, &run); break;
    case 5: look(b, true); break;
    case 6: look(b, false); break;
    case 7: forget_list(b); break;
    case 8:
        if (!now.box[2].there)
            make(2);
        else if (!now.box[RENAMED].there)
            remove_box(2);
        break;
    case 9:
        if (now.box[RENAMED].there) remove_box(RENAMED);
        break;
    case 10: rename_inbox(); break;
    default: copy(b, to, now.box[b].count > 500 || kit_pick(2) == 0, &run); break;
    }
}

static void verify(void) {
    Store__StoreCheckRequest req = STORE__STORE_CHECK_REQUEST__INIT;
    RPC_REPLY_AUTO reply = {0};
    for (unsigned b = 0; b < BOXES; b++)
        if (now.box[b].there) look(b, true);
    assert_int_equal(kit_call(c, STORE_STORE_CHECK, &req.base, STR_EMPTY, &reply, NULL), 0);
    const Store__StoreCheckReply *r = (const Store__StoreCheckReply *)reply.msg;
    for (size_t i = 0; i < r->n_faults; i++) print_message("fault: %s\n", r->faults[i]);
    assert_int_equal(r->fault_count, 0);
    assert_int_equal(kit_records(&k, KEY_TRANSFER), 0);
}

static void cut_name(char out[TESTDIR_MAX + 16], unsigned i) {
    (void)snprintf(out, TESTDIR_MAX + 16, "%s-cut%u", dir, i);
}

static void crashed(unsigned i) {
    char name[TESTDIR_MAX + 16];
    cut_name(name, i);
    now = at_cut[i];
    open_at(name);
    verify();
    for (int n = 0; n < 5; n++) step();
    verify();
    close_all();
    testdir_remove(name);
}

static void body_random(void) {
    size_t pending = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned cuts = 0;
        testdir_make(dir);
        kit_seed(round + 1);
        memset(&now, 0, sizeof now);
        empty_box(0);
        empty_box(1);
        open_at(dir);
        make(2);
        for (int i = 0; i < START; i++) append(0);
        for (int i = 0; i < STEPS; i++) {
            step();
            if (cuts == CUTS || list_empty(&k.service->transfers.pending) || kit_pick(6) != 0) continue;
            char name[TESTDIR_MAX + 16];
            cut_name(name, cuts);
            assert_int_equal(engine_checkpoint(k.engine, name, NULL), 0);
            at_cut[cuts++] = now;
        }
        pending += cuts;
        verify();
        close_all();
        open_at(dir);
        verify();
        close_all();
        for (unsigned i = 0; i < cuts; i++) crashed(i);
        testdir_remove(dir);
    }
    assert_true(pending > ROUNDS);
}

KIT_TEST_ONCE(random)

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
