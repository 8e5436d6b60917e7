/* Rights over RPC: each call with and without the right that it needs, live changes, shared accounts, and the online
 * check as oracle after each test. RFC 4314 section 4, RFC 2342, SHARE-01, SHARE-03, SHARE-04, SHARE-10. */
#include "net/loop.h"
#include "store/mailbox/record.h"
#include "store/mailbox/rights.h"
#include "store/service/testkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ANN = 5, BOB = 6, EVE = 7, TEAM = 90 };

static struct kit *k;
static struct kit_client *c;
static uint32_t ann, bob, eve;

static void begin(void) {
    k = calloc(1, sizeof *k);
    kit_open(k);
    c = kit_connect(k, ROLE_IMAPD | ROLE_CLI | ROLE_DIR);
    ann = kit_login_as(c, ANN, 0, "ann@x.test");
    bob = kit_login_as(c, BOB, 0, "bob@x.test");
    eve = kit_login_as(c, EVE, 0, "eve@x.test");
}

static void end(void) {
    Store__StoreCheckRequest req = STORE__STORE_CHECK_REQUEST__INIT;
    RPC_REPLY_AUTO reply = {0};
    assert_int_equal(kit_call(c, STORE_STORE_CHECK, &req.base, STR_EMPTY, &reply, NULL), 0);
    Store__StoreCheckReply *r = (Store__StoreCheckReply *)reply.msg;
    for (size_t i = 0; i < r->n_faults; i++) print_message("fault: %s\n", r->faults[i]);
    assert_int_equal(r->fault_count, 0);
    kit_disconnect(c);
    assert_false(k->failed);
    kit_close(k);
    free(k);
}

static int grant(uint32_t who, const char *folder, const char *to, uint64_t account, const char *rights,
                 bool negative) {
    Store__AclChange req = STORE__ACL_CHANGE__INIT;
    Store__AclEntry e = STORE__ACL_ENTRY__INIT;
    req.session = who;
    req.name = (char *)(uintptr_t)folder;
    e.identifier = (char *)(uintptr_t)to;
    e.account = account;
    e.negative = negative;
    assert_int_equal(rights_parse(str_from(rights), &e.rights), 0);
    req.entry = &e;
    return kit_call(c, STORE_ACL_CHANGE, &req.base, STR_EMPTY, NULL, NULL);
}

static int append(uint32_t who, const char *folder, uint64_t flags) {
    Store__MessageAppend req = STORE__MESSAGE_APPEND__INIT;
    req.session = who;
    req.folder = (char *)(uintptr_t)folder;
    req.flags = flags;
    return kit_call(c, STORE_MESSAGE_APPEND, &req.base, STR("A: b\r\n\r\nbody\r\n"), NULL, NULL);
}

static int named(uint32_t who, uint16_t method, const char *name, Store__Folder *out) {
    Store__FolderName req = STORE__FOLDER_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = who;
    req.name = (char *)(uintptr_t)name;
    int rc = kit_call(c, method, &req.base, STR_EMPTY, &reply, NULL);
    if (rc == 0 && out != NULL) *out = *(Store__Folder *)reply.msg; /* numbers only */
    return rc;
}

static int create(uint32_t who, const char *name) {
    Store__FolderCreate req = STORE__FOLDER_CREATE__INIT;
    req.session = who;
    req.name = (char *)(uintptr_t)name;
    return kit_call(c, STORE_FOLDER_CREATE, &req.base, STR_EMPTY, NULL, NULL);
}

static int rename_to(uint32_t who, const char *from, const char *to) {
    Store__FolderRename req = STORE__FOLDER_RENAME__INIT;
    req.session = who;
    req.from = (char *)(uintptr_t)from;
    req.to = (char *)(uintptr_t)to;
    return kit_call(c, STORE_FOLDER_RENAME, &req.base, STR_EMPTY, NULL, NULL);
}

static int open_it(uint32_t who, const char *name, uint64_t *id) {
    Store__FolderOpen req = STORE__FOLDER_OPEN__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = who;
    req.name = (char *)(uintptr_t)name;
    req.watch = true;
    int rc = kit_call(c, STORE_FOLDER_OPEN, &req.base, STR_EMPTY, &reply, NULL);
    if (rc == 0 && id != NULL) *id = ((Store__FolderOpened *)reply.msg)->folder->id;
    return rc;
}

static int change_flags(uint32_t who, uint64_t folder, Store__StoreMode mode, uint64_t flags, uint64_t *after) {
    Store__MessageStore req = STORE__MESSAGE_STORE__INIT;
    Store__UidRun run = STORE__UID_RUN__INIT, *runs = &run;
    RPC_REPLY_AUTO reply = {0};
    run.first = run.last = 1;
    req.session = who;
    req.folder = folder;
    req.uids = &runs;
    req.n_uids = 1;
    req.mode = mode;
    req.flags = flags;
    int rc = kit_call(c, STORE_MESSAGE_STORE, &req.base, STR_EMPTY, &reply, NULL);
    struct message_record rec;
    struct str rest = reply.attach;
    if (rc == 0 && after != NULL && message_record_get(&rest, 0, &rec) == 0) *after = rec.flags;
    return rc;
}

static int store(uint32_t who, uint64_t folder, uint64_t flags, uint64_t *after) {
    return change_flags(who, folder, STORE__STORE_MODE__FLAGS_SET, flags, after);
}

static int add_flag(uint32_t who, uint64_t folder, uint64_t flag) {
    return change_flags(who, folder, STORE__STORE_MODE__FLAGS_ADD, flag, NULL);
}

static int copy(uint32_t who, uint64_t folder, const char *to, bool move) {
    Store__MessageCopy req = STORE__MESSAGE_COPY__INIT;
    Store__UidRun run = STORE__UID_RUN__INIT, *runs = &run;
    run.first = run.last = 1;
    req.session = who;
    req.folder = folder;
    req.uids = &runs;
    req.n_uids = 1;
    req.to = (char *)(uintptr_t)to;
    req.move = move;
    return kit_call(c, STORE_MESSAGE_COPY, &req.base, STR_EMPTY, NULL, NULL);
}

static int by_folder(uint32_t who, uint16_t method, uint64_t folder) {
    Store__FolderChanges changes = STORE__FOLDER_CHANGES__INIT;
    Store__MessageExpunge expunge = STORE__MESSAGE_EXPUNGE__INIT;
    Store__MessageList list = STORE__MESSAGE_LIST__INIT;
    Store__MessageRead read = STORE__MESSAGE_READ__INIT;
    changes.session = expunge.session = list.session = read.session = who;
    changes.folder = expunge.folder = list.folder = read.folder = folder;
    expunge.only_deleted = true;
    read.uid = 1;
    const ProtobufCMessage *m = method == STORE_FOLDER_CHANGES    ? &changes.base
                                : method == STORE_MESSAGE_EXPUNGE ? &expunge.base
                                : method == STORE_MESSAGE_LIST    ? &list.base
                                                                  : &read.base;
    return kit_call(c, method, m, STR_EMPTY, NULL, NULL);
}

/* "name name ..." of what is listed below a prefix; levels in brackets. */
static const char *listed(uint32_t who, const char *prefix) {
    static char out[1000];
    Store__FolderList req = STORE__FOLDER_LIST__INIT;
    out[0] = 0;
    for (bool more = true; more;) {
        RPC_REPLY_AUTO reply = {0};
        char after[300];
        req.session = who;
        req.limit = 3; /* pages */
        assert_int_equal(kit_call(c, STORE_FOLDER_LIST, &req.base, STR_EMPTY, &reply, NULL), 0);
        Store__FolderListed *l = (Store__FolderListed *)reply.msg;
        for (size_t i = 0; i < l->n_folders; i++) {
            const Store__Folder *f = l->folders[i];
            (void)snprintf(after, sizeof after, "%s", f->name);
            if (strncmp(f->name, prefix, strlen(prefix)) != 0) continue;
            size_t n = strlen(out);
            (void)snprintf(out + n, sizeof out - n, f->no_select ? "%s[%s]" : "%s%s", n > 0 ? " " : "", f->name);
        }
        more = l->more;
        req.after = after;
    }
    return out;
}

/* What each right opens, and that without it the call is refused (NOTFOUND without "l"). */
static void body_rights(void) {
    begin();
    static const char box[] = "Other Users/ann@x.test/Box";
    uint64_t id;
    assert_int_equal(create(ann, "Box"), 0);
    assert_int_equal(append(ann, "Box", 0), 0);
    assert_int_equal(open_it(ann, "Box", &id), 0);
    static const struct {
        const char *rights;
        int status, append, seen, flagged, deleted, expunge, copy_out, move_out, create, admin;
    } table[] = {
        {"", -1, -1, -1, -1, -1, -1, -1, -1, -1, -1},
        {"l", -2, -2, -2, -2, -2, -2, -2, -2, -2, -2},
        {"lr", 0, -2, -2, -2, -2, -2, 0, -2, -2, -2},
        {"lrs", 0, -2, 0, -2, -2, -2, 0, -2, -2, -2},
        {"lrw", 0, -2, -2, 0, -2, -2, 0, -2, -2, -2},
        {"li", -2, 0, -2, -2, -2, -2, -2, -2, -2, -2},
        {"lrt", 0, -2, -2, -2, 0, -2, 0, -2, -2, -2},
        {"lrk", 0, -2, -2, -2, -2, -2, 0, -2, 0, -2},
        {"la", -2, -2, -2, -2, -2, -2, -2, -2, -2, 0},
        /* Each right is enough for what it is for; to everything else it is not there without "l" (section 4). */
        {"rswi", 0, 0, 0, 0, -2, -1, 0, -1, -1, -1},
        {"i", -1, 0, -2, -2, -2, -1, -1, -1, -1, -1},
        {"k", -1, -1, -2, -2, -2, -1, -1, -1, 0, -1},
        {"a", -1, -1, -2, -2, -2, -1, -1, -1, -1, 0},
    };
    static const int codes[] = {0, ERR_NOTFOUND, ERR_DENIED};
#define EXPECT(what, call) assert_int_equal(call, codes[-table[i].what])
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        assert_int_equal(grant(ann, "Box", "bob@x.test", BOB, table[i].rights, false), 0);
        EXPECT(status, named(bob, STORE_FOLDER_STATUS, box, NULL));
        EXPECT(status, open_it(bob, box, NULL));
        EXPECT(status, by_folder(bob, STORE_FOLDER_CHANGES, id));
        EXPECT(status, by_folder(bob, STORE_MESSAGE_LIST, id));
        EXPECT(status, by_folder(bob, STORE_MESSAGE_READ, id));
        EXPECT(append, append(bob, box, 0));
        EXPECT(seen, add_flag(bob, id, MAILBOX_SEEN));
        EXPECT(flagged, add_flag(bob, id, MAILBOX_FLAGGED));
        EXPECT(deleted, add_flag(bob, id, MAILBOX_DELETED));
        EXPECT(expunge, by_folder(bob, STORE_MESSAGE_EXPUNGE, id));
        EXPECT(copy_out, copy(bob, id, "INBOX", false));
        EXPECT(move_out, copy(bob, id, "INBOX", true));
        char below[100];
        (void)snprintf(below, sizeof below, "%s/New%zu", box, i);
        EXPECT(create, create(bob, below));
        EXPECT(admin, grant(bob, box, "eve@x.test", EVE, "", false));
        assert_int_equal(named(eve, STORE_FOLDER_STATUS, box, NULL), ERR_NOTFOUND);
        assert_int_equal(named(bob, STORE_FOLDER_DELETE, box, NULL),
                         strchr(table[i].rights, 'l') == NULL ? ERR_NOTFOUND : ERR_DENIED);
    }
#undef EXPECT
    end();
}

/* STORE changes the flags that may be changed and leaves the others (RFC 4314 section 4). */
static void body_flags(void) {
    begin();
    uint64_t id, after = 0;
    assert_int_equal(append(ann, "INBOX", MAILBOX_FLAGGED), 0);
    assert_int_equal(grant(ann, "INBOX", "bob@x.test", BOB, "lrs", false), 0);
    assert_int_equal(open_it(bob, "Other Users/ann@x.test/INBOX", &id), 0);
    assert_int_equal(store(bob, id, MAILBOX_SEEN | MAILBOX_DELETED, &after), 0);
    assert_int_equal(after, MAILBOX_SEEN | MAILBOX_FLAGGED);
    assert_int_equal(grant(ann, "INBOX", "bob@x.test", BOB, "lrte", false), 0);
    assert_int_equal(store(bob, id, MAILBOX_DELETED, &after), 0);
    assert_int_equal(after, MAILBOX_SEEN | MAILBOX_FLAGGED | MAILBOX_DELETED);
    assert_int_equal(store(bob, id, MAILBOX_SEEN, &after), ERR_DENIED); /* none of what it names */
    assert_int_equal(copy(bob, id, "INBOX", true), 0);                  /* across accounts */
    assert_int_equal(by_folder(ann, STORE_MESSAGE_EXPUNGE, id), 0);
    end();
}

static void body_names(void) {
    begin();
    assert_string_equal(listed(bob, "Other"), "");
    assert_int_equal(create(ann, "Work/Deep/Box"), 0);
    assert_int_equal(grant(ann, "Work/Deep/Box", "bob@x.test", BOB, "lr", false), 0);
    assert_string_equal(listed(bob, "Other"),
                        "[Other Users] [Other Users/ann@x.test] [Other Users/ann@x.test/Work] "
                        "[Other Users/ann@x.test/Work/Deep] Other Users/ann@x.test/Work/Deep/Box");
    assert_string_equal(listed(eve, "Other"), "");
    /* Anyone, with one exception. */
    assert_int_equal(grant(ann, "Work", "anyone", 0, "lr", false), 0);
    assert_int_equal(grant(ann, "Work", "bob@x.test", BOB, "lr", true), 0);
    assert_string_equal(listed(eve, "Other"), "[Other Users] [Other Users/ann@x.test] Other Users/ann@x.test/Work");
    assert_int_equal(named(eve, STORE_FOLDER_STATUS, "Other Users/ANN@x.test/Work", NULL), 0);
    assert_int_equal(named(bob, STORE_FOLDER_STATUS, "Other Users/ann@x.test/Work", NULL), ERR_NOTFOUND);
    /* A new folder has the rights of the one above it. */
    assert_int_equal(create(ann, "Work/New"), 0);
    assert_int_equal(named(eve, STORE_FOLDER_STATUS, "Other Users/ann@x.test/Work/New", NULL), 0);
    /* Renamed and deleted by the owner. */
    assert_int_equal(rename_to(ann, "Work", "Job"), 0);
    assert_int_equal(named(eve, STORE_FOLDER_STATUS, "Other Users/ann@x.test/Job/New", NULL), 0);
    assert_int_equal(named(ann, STORE_FOLDER_DELETE, "Job/New", NULL), 0);
    assert_string_equal(listed(eve, "Other"), "[Other Users] [Other Users/ann@x.test] Other Users/ann@x.test/Job");
    /* By somebody else: within the owner's folders only. */
    assert_int_equal(grant(ann, "Job", "eve@x.test", EVE, "lrkx", false), 0);
    assert_int_equal(create(eve, "Other Users/ann@x.test/Job/Hers"), 0);
    assert_int_equal(rename_to(eve, "Other Users/ann@x.test/Job/Hers", "Other Users/ann@x.test/Job/Mine"), 0);
    assert_int_equal(rename_to(eve, "Other Users/ann@x.test/Job/Mine", "Mine"), ERR_INVALID);
    assert_int_equal(rename_to(eve, "Other Users/ann@x.test/Job/Mine", "Other Users/ann@x.test/Mine"), ERR_DENIED);
    assert_int_equal(named(eve, STORE_FOLDER_DELETE, "Other Users/ann@x.test/Job/Mine", NULL), 0);
    assert_int_equal(create(ann, "Shared/x@y"), ERR_NOTFOUND);
    assert_int_equal(create(ann, "Shared/plain"), ERR_INVALID);
    assert_int_equal(create(ann, "Other Users"), ERR_INVALID);
    assert_int_equal(grant(ann, "Job", "ann@x.test", ANN, "l", false), ERR_INVALID); /* the owner has all rights */
    assert_int_equal(grant(ann, "Job", "nobody@x.test", 0, "l", false), ERR_INVALID);
    end();
}

/* The owner's new address shows at once; a deleted user's rights go. */
static void body_owners(void) {
    begin();
    Store__AccountId id = STORE__ACCOUNT_ID__INIT;
    assert_int_equal(grant(ann, "Sent", "bob@x.test", BOB, "lr", false), 0);
    assert_int_equal(grant(bob, "Sent", "ann@x.test", ANN, "lr", false), 0);
    uint32_t again = kit_login_as(c, ANN, 0, "anna@x.test");
    assert_string_equal(listed(bob, "Other"), "[Other Users] [Other Users/anna@x.test] Other Users/anna@x.test/Sent");
    assert_string_equal(listed(again, "Other"), "[Other Users] [Other Users/bob@x.test] Other Users/bob@x.test/Sent");
    id.account = ANN;
    assert_int_equal(kit_call(c, STORE_ACCOUNT_DELETE, &id.base, STR_EMPTY, NULL, NULL), 0);
    assert_string_equal(listed(bob, "Other"), "");
    end();
}

static void share(uint64_t quota, const char *const *rights) {
    Store__AccountShare req = STORE__ACCOUNT_SHARE__INIT;
    Store__AclEntry e[2], *entries[2];
    static const char *const names[] = {"ann@x.test", "bob@x.test"};
    struct error err = {0};
    req.account = TEAM;
    req.address = (char *)(uintptr_t) "team@x.test";
    req.quota = quota;
    for (size_t i = 0; i < 2; i++) {
        if (rights[i] == NULL) continue;
        Store__AclEntry *m = &e[req.n_members];
        store__acl_entry__init(m);
        m->identifier = (char *)(uintptr_t)names[i];
        m->account = ANN + i;
        assert_int_equal(rights_parse(str_from(rights[i]), &m->rights), 0);
        entries[req.n_members++] = m;
    }
    req.members = entries;
    if (kit_call(c, STORE_ACCOUNT_SHARE, &req.base, STR_EMPTY, NULL, &err) != 0) fail_msg("%s", err.text);
}

/* One account, several users, each with an own login; live (SHARE-03, SHARE-10). */
static void body_shared(void) {
    begin();
    static const char inbox[] = "Shared/team@x.test/INBOX";
    uint64_t id;
    Store__QuotaGet quota = STORE__QUOTA_GET__INIT;
    share(100, (const char *const[]){"lrswipkxte", "lr"});
    assert_int_equal(append(ann, inbox, 0), 0);
    assert_int_equal(append(bob, inbox, 0), ERR_DENIED);
    for (int i = 0; i < 20 && append(ann, inbox, 0) == 0; i++) continue;
    assert_int_equal(append(ann, inbox, 0), ERR_NOSPACE); /* its own quota */
    assert_int_equal(append(ann, "INBOX", 0), 0);
    assert_int_equal(create(ann, "Shared/team@x.test/Projects"), 0);
    assert_int_equal(create(bob, "Shared/team@x.test/More"), ERR_DENIED);
    assert_int_equal(open_it(bob, inbox, &id), 0);
    unsigned told = c->folder_events;
    assert_int_equal(store(ann, id, MAILBOX_SEEN, NULL), 0);
    KIT_WAIT(c->folder_events != told);
    {
        RPC_REPLY_AUTO reply = {0};
        quota.session = bob;
        quota.folder = (char *)(uintptr_t) "Shared/team@x.test";
        assert_int_equal(kit_call(c, STORE_QUOTA_GET, &quota.base, STR_EMPTY, &reply, NULL), 0);
        const Store__QuotaInfo *q = (const Store__QuotaInfo *)reply.msg;
        assert_int_equal(q->limit_bytes, 100);
        assert_string_equal(q->root, "Shared/team@x.test");
    }
    told = c->folder_events;
    share(100, (const char *const[]){"lrswipkxte", NULL});
    assert_int_equal(by_folder(bob, STORE_FOLDER_CHANGES, id), ERR_NOTFOUND);
    assert_string_equal(listed(bob, "Shared"), "");
    KIT_WAIT(c->folder_events != told);
    share(100, (const char *const[]){"lrswipkxte", "lr"});
    assert_int_equal(by_folder(bob, STORE_FOLDER_CHANGES, id), 0);
    end();
}

/* --- watches on accounts: RFC 5465 */
static void watch(uint32_t who, bool on) {
    Store__AccountWatch req = STORE__ACCOUNT_WATCH__INIT;
    req.session = who;
    req.on = on;
    assert_int_equal(kit_call(c, STORE_ACCOUNT_WATCH, &req.base, STR_EMPTY, NULL, NULL), 0);
}

/* The next event: of this session, about this folder (0: names), with so many annotations. That a new folder has come
 * is told beside its name; `fresh` are passed over. */
static const char *told(unsigned *seen, uint64_t fresh, uint32_t who, uint64_t folder, size_t entries) {
    for (;;) {
        KIT_WAIT(c->account_events != *seen);
        size_t at = (*seen)++ % 64;
        if (c->account_event[at].folder == fresh && fresh != 0) continue;
        assert_int_equal(c->account_event[at].session, who);
        assert_int_equal(c->account_event[at].folder, folder);
        assert_int_equal(c->account_event[at].entries, entries);
        return c->account_event[at].entry;
    }
}

static void annotate(uint32_t who, const char *name, const char *first, const char *second) {
    Store__MetadataSet req = STORE__METADATA_SET__INIT;
    Store__MetadataEntry e[2] = {STORE__METADATA_ENTRY__INIT, STORE__METADATA_ENTRY__INIT},
                         *entries[2] = {&e[0], &e[1]};
    req.session = who;
    req.name = (char *)(uintptr_t)name;
    e[0].name = (char *)(uintptr_t)first;
    e[1].name = (char *)(uintptr_t)second;
    req.entries = entries;
    req.n_entries = 2;
    assert_int_equal(kit_call(c, STORE_METADATA_SET, &req.base, STR_EMPTY, NULL, NULL), 0);
}

static void body_watch(void) {
    begin();
    unsigned seen = 0;
    uint64_t box, inbox, fresh;
    assert_int_equal(create(ann, "Box"), 0);
    assert_int_equal(open_it(ann, "Box", &box), 0);
    assert_int_equal(open_it(bob, "INBOX", &inbox), 0);
    assert_int_equal(append(bob, "INBOX", 0), 0);
    assert_int_equal(c->account_events, 0); /* nobody asked */
    watch(bob, true);
    watch(bob, true); /* once more is no second watch */
    assert_int_equal(append(bob, "INBOX", 0), 0);
    (void)told(&seen, 0, bob, inbox, 0);
    assert_int_equal(append(ann, "Box", 0), 0);
    assert_int_equal(create(bob, "New"), 0);
    assert_int_equal(open_it(bob, "New", &fresh), 0);
    (void)told(&seen, fresh, bob, 0, 0);
    assert_int_equal(grant(ann, "Box", "bob@x.test", BOB, "lr", false), 0);
    (void)told(&seen, fresh, bob, 0, 0); /* somebody shares something from now on */
    watch(bob, true);
    assert_int_equal(append(ann, "Box", 0), 0);
    (void)told(&seen, fresh, bob, box, 0);
    assert_int_equal(append(ann, "INBOX", 0), 0); /* not to be seen by bob */
    annotate(ann, "Box", "/private/x", "/private/y");
    annotate(ann, "", "/private/x", "/shared/y");
    annotate(ann, "Box", "/private/x", "/shared/y");
    assert_string_equal(told(&seen, fresh, bob, box, 1), "/shared/y");
    annotate(bob, "", "/private/x", "/shared/y"); /* by itself */
    uint32_t again = kit_login_as(c, BOB, 0, "bob@x.test");
    annotate(again, "INBOX", "urlauth", "urlauth"); /* a key: no client's business */
    annotate(again, "", "/private/x", "/shared/y");
    (void)told(&seen, fresh, bob, 0, 2);
    assert_int_equal(grant(ann, "Box", "bob@x.test", BOB, "", false), 0);
    (void)told(&seen, fresh, bob, 0, 0);
    assert_int_equal(append(ann, "Box", 0), 0);
    assert_int_equal(rename_to(bob, "New", "Newer"), 0);
    (void)told(&seen, fresh, bob, 0, 0);
    watch(bob, false);
    seen = c->account_events;
    assert_int_equal(append(bob, "INBOX", 0), 0);
    assert_int_equal(named(bob, STORE_FOLDER_DELETE, "Newer", NULL), 0);
    assert_int_equal(c->account_events, seen);
    end();
}

KIT_TEST_ONCE(watch)
KIT_TEST_ONCE(rights)
KIT_TEST_ONCE(flags)
KIT_TEST_ONCE(names)
KIT_TEST_ONCE(owners)
KIT_TEST_ONCE(shared)

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rights), cmocka_unit_test(test_flags),
                                       cmocka_unit_test(test_names),  cmocka_unit_test(test_owners),
                                       cmocka_unit_test(test_shared), cmocka_unit_test(test_watch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
