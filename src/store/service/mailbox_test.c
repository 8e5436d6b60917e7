/* Folders and messages over RPC, with the online check as oracle after each test. */
#include "net/loop.h"
#include "store/mailbox/private.h"
#include "store/service/testkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct kit *k;
static struct kit_client *c;
static uint32_t session;

static void begin(void) {
    k = calloc(1, sizeof *k);
    k->dir = kit_on_disk ? kit_dir : NULL;
    kit_open(k);
    c = kit_connect(k, ROLE_IMAPD | ROLE_CLI);
    session = kit_login(c, 5, 0);
}

static void check(unsigned faults_wanted, bool repair) {
    Store__StoreCheckRequest req = STORE__STORE_CHECK_REQUEST__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    req.repair = repair;
    if (kit_call(c, STORE_STORE_CHECK, &req.base, STR_EMPTY, &reply, &err) != 0) fail_msg("check: %s", err.text);
    Store__StoreCheckReply *r = (Store__StoreCheckReply *)reply.msg;
    for (size_t i = 0; i < r->n_faults && r->fault_count != faults_wanted; i++)
        print_message("fault: %s\n", r->faults[i]);
    assert_int_equal(r->fault_count, faults_wanted);
}

static void reopen(void) {
    if (!kit_on_disk) return;
    kit_disconnect(c);
    kit_close(k);
    kit_open(k);
    c = kit_connect(k, ROLE_IMAPD | ROLE_CLI);
    session = kit_login(c, 5, 0);
}

static void end(void) {
    check(0, false);
    kit_disconnect(c);
    assert_false(k->failed);
    kit_close(k);
    free(k);
}

static int append(const char *folder, uint64_t flags, const char *keyword, uint32_t *uid) {
    Store__MessageAppend req = STORE__MESSAGE_APPEND__INIT;
    RPC_REPLY_AUTO reply = {0};
    char *kw = (char *)(uintptr_t)keyword;
    req.session = session;
    req.folder = (char *)(uintptr_t)folder;
    req.flags = flags;
    req.keywords = &kw;
    req.n_keywords = keyword != NULL;
    req.internal_date = 1234;
    req.summary = rpc_binary(STR("sum"));
    int rc = kit_call(c, STORE_MESSAGE_APPEND, &req.base, STR("A: b\r\n\r\nbody\r\n"), &reply, NULL);
    if (rc == 0 && uid != NULL) *uid = ((Store__MessageAppended *)reply.msg)->uid;
    return rc;
}

static int by_name(uint16_t method, const char *name, Store__Folder *out) {
    Store__FolderName req = STORE__FOLDER_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = session;
    req.name = (char *)(uintptr_t)name;
    int rc = kit_call(c, method, &req.base, STR_EMPTY, &reply, NULL);
    if (rc == 0 && out != NULL) *out = *(Store__Folder *)reply.msg; /* numbers only */
    return rc;
}

static Store__Folder status(const char *name) {
    Store__Folder f;
    assert_int_equal(by_name(STORE_FOLDER_STATUS, name, &f), 0);
    return f;
}

static int create(const char *name, const char *special) {
    Store__FolderCreate req = STORE__FOLDER_CREATE__INIT;
    req.session = session;
    req.name = (char *)(uintptr_t)name;
    req.special_use = (char *)(uintptr_t)special;
    return kit_call(c, STORE_FOLDER_CREATE, &req.base, STR_EMPTY, NULL, NULL);
}

static int rename_to(const char *from, const char *to) {
    Store__FolderRename req = STORE__FOLDER_RENAME__INIT;
    req.session = session;
    req.from = (char *)(uintptr_t)from;
    req.to = (char *)(uintptr_t)to;
    return kit_call(c, STORE_FOLDER_RENAME, &req.base, STR_EMPTY, NULL, NULL);
}

static int subscribe(const char *name, bool on) {
    Store__FolderSubscribe req = STORE__FOLDER_SUBSCRIBE__INIT;
    req.session = session;
    req.name = (char *)(uintptr_t)name;
    req.on = on;
    return kit_call(c, STORE_FOLDER_SUBSCRIBE, &req.base, STR_EMPTY, NULL, NULL);
}

/* Names with marks: * subscribed, ! no_select, + children, ? only subscribed. */
static void check_list(uint32_t page, const char *want) {
    BUF_AUTO got = BUF_INIT(65536);
    BUF_AUTO after = BUF_INIT(2000);
    for (bool more = true; more;) {
        Store__FolderList req = STORE__FOLDER_LIST__INIT;
        RPC_REPLY_AUTO reply = {0};
        req.session = session;
        req.limit = page;
        req.after = (char *)(uintptr_t)buf_cstr(&after);
        assert_int_equal(kit_call(c, STORE_FOLDER_LIST, &req.base, STR_EMPTY, &reply, NULL), 0);
        Store__FolderListed *l = (Store__FolderListed *)reply.msg;
        for (size_t i = 0; i < l->n_folders; i++) {
            const Store__Folder *f = l->folders[i];
            buf_printf(&got, "%s%s%s%s%s%s", got.len > 0 ? " " : "", f->name, f->subscribed ? "*" : "",
                       f->no_select ? "!" : "", f->has_children ? "+" : "", f->id == 0 ? "?" : "");
            buf_clear(&after);
            buf_adds(&after, f->name);
        }
        more = l->more;
        assert_true(!more || l->n_folders > 0);
    }
    assert_string_equal(buf_cstr(&got), want);
}

static void body_folders(void) {
    begin();
    check_list(0, "Archive* Drafts* INBOX* Junk* Sent* Trash*");
    assert_int_equal(create("a/b/c", ""), 0);
    assert_int_equal(create("a/b", ""), ERR_EXISTS);
    assert_int_equal(create("inbox", ""), ERR_EXISTS);
    assert_int_equal(create("Sent2", "\\Sent"), ERR_UNSUPPORTED);
    assert_int_equal(create("a/b", "\\Sent"), ERR_EXISTS);
    assert_int_equal(create("x", "\\Wrong"), ERR_INVALID);
    assert_int_equal(subscribe("a/b", true), 0);
    assert_int_equal(subscribe("nowhere", true), 0);
    check_list(2, "Archive* Drafts* INBOX* Junk* Sent* Trash* a+ a/b*+ a/b/c nowhere*?");
    for (int i = 0; i < 3; i++) assert_int_equal(append("a/b", 0, NULL, NULL), 0);
    uint32_t validity = status("a/b").uidvalidity;
    assert_int_equal(by_name(STORE_FOLDER_DELETE, "a/b", NULL), 0); /* has a child: the level stays */
    check_list(0, "Archive* Drafts* INBOX* Junk* Sent* Trash* a+ a/b*!+ a/b/c nowhere*?");
    assert_int_equal(by_name(STORE_FOLDER_DELETE, "a/b", NULL), ERR_CONFLICT);
    assert_int_equal(append("a/b", 0, NULL, NULL), ERR_NOTFOUND);
    assert_int_equal(create("a/b", ""), 0);
    assert_true(status("a/b").uidvalidity > validity);
    assert_int_equal(status("a/b").messages, 0);
    assert_int_equal(rename_to("a", "z/y"), 0);
    check_list(3, "Archive* Drafts* INBOX* Junk* Sent* Trash* a/b*? nowhere*? z+ z/y+ z/y/b+ z/y/b/c");
    assert_int_equal(rename_to("z/y", "z/y/x"), ERR_INVALID);
    assert_int_equal(rename_to("z", "Sent"), ERR_EXISTS);
    assert_int_equal(by_name(STORE_FOLDER_DELETE, "INBOX", NULL), ERR_DENIED);
    assert_int_equal(subscribe("nowhere", false), 0);
    assert_int_equal(by_name(STORE_FOLDER_DELETE, "z/y/b/c", NULL), 0);
    reopen();
    check_list(0, "Archive* Drafts* INBOX* Junk* Sent* Trash* a/b*? z+ z/y+ z/y/b");
    end();
}

/* RFC 9051 section 6.3.6, RFC 8474 section 4: INBOX stays, its messages go. */
static void body_rename_inbox(void) {
    begin();
    for (int i = 0; i < 3; i++) assert_int_equal(append("INBOX", MAILBOX_SEEN, "kw", NULL), 0);
    Store__Folder before = status("INBOX");
    assert_int_equal(create("INBOX/sub", ""), 0);
    assert_int_equal(rename_to("inbox", "INBOX"), ERR_EXISTS);
    assert_int_equal(rename_to("inbox", "Sent"), ERR_EXISTS);
    assert_int_equal(rename_to("inbox", "INBOX/old/mail"), 0);
    Store__Folder old = status("INBOX/old/mail"), now = status("INBOX");
    assert_int_equal(old.messages, 3);
    assert_int_equal(old.unseen, 0);
    assert_true(old.id != before.id && old.uidvalidity > before.uidvalidity);
    assert_int_equal(now.messages, 0);
    assert_true(now.id == before.id && now.uidvalidity == before.uidvalidity && now.uidnext == before.uidnext);
    assert_true(now.highestmodseq > before.highestmodseq);
    reopen();
    check_list(0, "Archive* Drafts* INBOX*+ INBOX/old+ INBOX/old/mail INBOX/sub Junk* Sent* Trash*");
    assert_int_equal(status("INBOX/old/mail").messages, 3);
    end();
}

static void body_names(void) {
    static const struct {
        const char *name;
        int rc;
    } cases[] = {{"", ERR_INVALID},
                 {"/a", ERR_INVALID},
                 {"a/", ERR_INVALID},
                 {"a//b", ERR_INVALID},
                 {"a\tb", ERR_INVALID},
                 {"a\xff", ERR_INVALID},
                 {"\xc2\x85", ERR_INVALID},
                 {"a\xe2\x80\xa8", ERR_INVALID},
                 {"\xe2\x80\xa9", ERR_INVALID},
                 {"\xe2\x80\xaa", 0},
                 {"\xc3\xa4", 0},
                 {"a b", 0},
                 {"inbox/deep", 0}};
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(create(cases[i].name, ""), cases[i].rc);
    char big[FOLDER_NAME_MAX + 2];
    memset(big, 'n', sizeof big);
    big[FOLDER_NAME_MAX + 1] = 0;
    assert_int_equal(create(big, ""), ERR_LIMIT);
    big[FOLDER_NAME_MAX] = 0;
    assert_int_equal(create(big, ""), 0);
    for (size_t i = 0; i < 201; i++) big[i] = i % 2 ? '/' : 'x';
    big[201] = 0;
    assert_int_equal(create(big, ""), ERR_LIMIT);
    big[199] = 0;
    assert_int_equal(create(big, ""), 0);
    assert_int_equal(status("INBOX/deep").messages, 0);
    end();
}

static int store_flags(const char *folder, uint32_t first, uint32_t last, Store__StoreMode mode, uint64_t flags,
                       const char *keyword, uint64_t unchanged_since, Store__MessageStored *out) {
    Store__MessageStore req = STORE__MESSAGE_STORE__INIT;
    Store__UidRun run = STORE__UID_RUN__INIT, *runs = &run;
    char *kw = (char *)(uintptr_t)keyword;
    RPC_REPLY_AUTO reply = {0};
    run.first = first;
    run.last = last;
    req.session = session;
    req.folder = status(folder).id;
    req.uids = &runs;
    req.n_uids = 1;
    req.mode = mode;
    req.flags = flags;
    req.keywords = &kw;
    req.n_keywords = keyword != NULL;
    req.unchanged_since = unchanged_since;
    req.has_unchanged_since = unchanged_since != 0;
    int rc = kit_call(c, STORE_MESSAGE_STORE, &req.base, STR_EMPTY, &reply, NULL);
    if (rc == 0) *out = *(Store__MessageStored *)reply.msg;
    if (rc == 0) assert_int_equal(reply.attach.len, out->count * 20u);
    return rc;
}

/* RFC 9051 6.4.6; RFC 7162 3.1.3 */
static void body_flags(void) {
    begin();
    for (int i = 0; i < 10; i++)
        assert_int_equal(append("INBOX", i < 5 ? MAILBOX_SEEN : 0, i == 0 ? "$Work" : NULL, NULL), 0);
    Store__Folder f = status("INBOX");
    assert_int_equal(f.unseen, 5);
    assert_int_equal(f.n_keywords, 1);
    Store__MessageStored done;
    assert_int_equal(store_flags("INBOX", 1, 100, STORE__STORE_MODE__FLAGS_ADD, MAILBOX_FLAGGED, "other", 0, &done), 0);
    assert_int_equal(done.count, 10);
    uint64_t modseq = done.modseq;
    assert_true(modseq > f.highestmodseq);
    assert_int_equal(store_flags("INBOX", 2, 3, STORE__STORE_MODE__FLAGS_SET, MAILBOX_DELETED, NULL, 0, &done), 0);
    assert_int_equal(done.count, 2);
    assert_int_equal(status("INBOX").deleted, 2);
    assert_int_equal(status("INBOX").unseen, 7);
    assert_int_equal(store_flags("INBOX", 1, 10, STORE__STORE_MODE__FLAGS_REMOVE, MAILBOX_FLAGGED, NULL, modseq, &done),
                     0);
    assert_int_equal(done.count, 8);
    assert_int_equal(done.n_failed, 1);
    uint64_t before = status("INBOX").highestmodseq;
    assert_int_equal(store_flags("INBOX", 1, 10, STORE__STORE_MODE__FLAGS_REMOVE, MAILBOX_FLAGGED, NULL, 0, &done), 0);
    assert_int_equal(done.count, 0);
    assert_int_equal(status("INBOX").highestmodseq, before);
    for (int i = 0; i < MAILBOX_KEYWORDS_MAX - 2; i++) {
        char kw[16];
        snprintf(kw, sizeof kw, "k%d", i);
        assert_int_equal(store_flags("INBOX", 1, 1, STORE__STORE_MODE__FLAGS_ADD, 0, kw, 0, &done), 0);
    }
    assert_int_equal(store_flags("INBOX", 1, 1, STORE__STORE_MODE__FLAGS_ADD, 0, "one too many", 0, &done), ERR_LIMIT);
    reopen();
    f = status("INBOX");
    assert_int_equal(f.deleted, 2);
    assert_int_equal(f.unseen, 7);
    assert_int_equal(f.n_keywords, MAILBOX_KEYWORDS_MAX);
    end();
}

static int copy(const char *from, const char *to, uint32_t first, uint32_t last, bool move, Store__MessageCopied *out) {
    Store__MessageCopy req = STORE__MESSAGE_COPY__INIT;
    Store__UidRun run = STORE__UID_RUN__INIT, *runs = &run;
    RPC_REPLY_AUTO reply = {0};
    run.first = first;
    run.last = last;
    req.session = session;
    req.folder = status(from).id;
    req.uids = &runs;
    req.n_uids = 1;
    req.to = (char *)(uintptr_t)to;
    req.move = move;
    int rc = kit_call(c, STORE_MESSAGE_COPY, &req.base, STR_EMPTY, &reply, NULL);
    if (rc == 0) *out = *(Store__MessageCopied *)reply.msg;
    return rc;
}

static int expunge(const char *folder, uint32_t first, uint32_t last, bool only_deleted, Store__MessageExpunged *out) {
    Store__MessageExpunge req = STORE__MESSAGE_EXPUNGE__INIT;
    Store__UidRun run = STORE__UID_RUN__INIT, *runs = &run;
    RPC_REPLY_AUTO reply = {0};
    run.first = first;
    run.last = last;
    req.session = session;
    req.folder = status(folder).id;
    req.uids = &runs;
    req.n_uids = first != 0;
    req.only_deleted = only_deleted;
    int rc = kit_call(c, STORE_MESSAGE_EXPUNGE, &req.base, STR_EMPTY, &reply, NULL);
    if (rc == 0 && out != NULL) *out = *(Store__MessageExpunged *)reply.msg;
    return rc;
}

static uint64_t vanished_count(const char *folder, uint64_t since) {
    Store__FolderChanges req = STORE__FOLDER_CHANGES__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = session;
    req.folder = status(folder).id;
    req.since = since;
    assert_int_equal(kit_call(c, STORE_FOLDER_CHANGES, &req.base, STR_EMPTY, &reply, NULL), 0);
    Store__FolderChangesReply *r = (Store__FolderChangesReply *)reply.msg;
    uint64_t n = 0;
    for (size_t i = 0; i < r->n_vanished; i++) n += r->vanished[i]->last - r->vanished[i]->first + 1;
    return n;
}

static void body_copy_expunge(void) {
    begin();
    Store__MessageCopied cp;
    Store__MessageExpunged ex;
    Store__MessageStored st;
    for (int i = 0; i < 20; i++) assert_int_equal(append("INBOX", 0, i % 2 ? "odd" : NULL, NULL), 0);
    assert_int_equal(copy("INBOX", "nowhere", 1, 2, false, &cp), ERR_NOTFOUND);
    assert_int_equal(copy("INBOX", "Archive", 5, 9, false, &cp), 0);
    assert_int_equal(status("Archive").messages, 5);
    assert_int_equal(cp.n_from, 1);
    assert_int_equal(copy("INBOX", "Trash", 15, 30, true, &cp), 0);
    assert_int_equal(status("Trash").messages, 6);
    assert_int_equal(status("INBOX").messages, 14);
    assert_int_equal(copy("INBOX", "INBOX", 1, 2, true, &cp), 0);
    assert_int_equal(status("INBOX").messages, 14);
    assert_int_equal(status("INBOX").uidnext, 23);
    check(0, false);
    uint64_t since = status("INBOX").highestmodseq;
    assert_int_equal(store_flags("INBOX", 4, 6, STORE__STORE_MODE__FLAGS_ADD, MAILBOX_DELETED, NULL, 0, &st), 0);
    assert_int_equal(expunge("INBOX", 0, 0, true, &ex), 0);
    assert_int_equal(ex.n_vanished, 1);
    assert_int_equal(vanished_count("INBOX", since), 3);
    assert_int_equal(vanished_count("INBOX", 1), 11);
    assert_int_equal(expunge("INBOX", 8, 8, false, &ex), 0);
    assert_int_equal(vanished_count("INBOX", since), 4);
    reopen();
    assert_int_equal(vanished_count("INBOX", since), 4);
    assert_int_equal(status("INBOX").messages, 10);
    assert_int_equal(expunge("INBOX", 0, 0, false, &ex), 0);
    assert_int_equal(status("INBOX").messages, 0);
    assert_int_equal(status("INBOX").size, 0);
    assert_int_equal(append("INBOX", 0, NULL, NULL), 0);
    assert_int_equal(status("INBOX").uidnext, 24); /* no UID comes again */
    end();
}

/* The selection of MESSAGE_LIST: pages, runs, changed_since; dense and sparse. */
static void list_all(uint32_t fields, uint32_t first, uint32_t last, uint64_t max_bytes, unsigned want) {
    uint32_t after = 0, last_uid = 0;
    unsigned got = 0, pages = 0;
    uint64_t id = status("INBOX").id;
    for (bool more = true; more;) {
        Store__MessageList req = STORE__MESSAGE_LIST__INIT;
        Store__UidRun run = STORE__UID_RUN__INIT, *runs = &run;
        RPC_REPLY_AUTO reply = {0};
        run.first = first;
        run.last = last;
        req.session = session;
        req.folder = id;
        req.fields = fields;
        req.uids = &runs;
        req.n_uids = first != 0;
        req.after_uid = after;
        req.max_bytes = max_bytes;
        assert_int_equal(kit_call(c, STORE_MESSAGE_LIST, &req.base, STR_EMPTY, &reply, NULL), 0);
        Store__MessageListed *l = (Store__MessageListed *)reply.msg;
        struct str rest = reply.attach;
        struct message_record r;
        unsigned n = 0;
        for (; message_record_get(&rest, fields, &r) == 0; n++) {
            assert_true(r.uid > last_uid);
            last_uid = r.uid;
            if (fields & FIELD_BODY) assert_true(str_eq(r.body, STR("A: b\r\n\r\nbody\r\n")));
        }
        assert_int_equal(n, l->count);
        assert_int_equal(rest.len, 0);
        got += n;
        more = l->more;
        after = l->last_uid;
        assert_true(++pages < 1000);
    }
    assert_int_equal(got, want);
}

static void body_list(void) {
    begin();
    enum { N = 600 };
    for (int i = 0; i < N; i++) assert_int_equal(append("INBOX", 0, NULL, NULL), 0);
    Store__MessageExpunged ex;
    assert_int_equal(expunge("INBOX", 11, 20, false, &ex), 0);
    assert_int_equal(expunge("INBOX", 101, 280, false, &ex), 0);
    for (uint32_t fields = 0; fields < 32; fields += fields == 0 ? 1 : 5) {
        list_all(fields, 0, 0, 0, N - 190);
        list_all(fields, 0, 0, 100, N - 190); /* small pages */
        list_all(fields, 5, 25, 0, 11);
        list_all(fields, 11, 20, 0, 0);
        list_all(fields, 90, 290, 77, 21);
        list_all(fields, 700, UINT32_MAX, 0, 0);
    }
    end();
}

static int append_three(const char *third, uint64_t replace, uint32_t uid, Store__MessageAppended *out) {
    Store__MessageAppend req = STORE__MESSAGE_APPEND__INIT;
    Store__AppendItem items[2] = {STORE__APPEND_ITEM__INIT, STORE__APPEND_ITEM__INIT}, *more[] = {&items[0], &items[1]};
    char *keyword = (char *)(uintptr_t)third;
    RPC_REPLY_AUTO reply = {0};
    req.session = session;
    req.folder = (char *)(uintptr_t) "INBOX";
    req.size = 3;
    req.more = more;
    req.n_more = 2;
    req.replace_folder = replace;
    req.replace_uid = uid;
    items[0].size = 5;
    items[0].flags = MAILBOX_SEEN;
    items[1].size = 6;
    items[1].keywords = &keyword;
    items[1].n_keywords = 1;
    int rc = kit_call(c, STORE_MESSAGE_APPEND, &req.base, STR("a\r\nbcd\r\nefgh\r\n"), &reply, NULL);
    if (rc == 0) *out = *(Store__MessageAppended *)reply.msg;
    return rc;
}

/* RFC 3502: several messages or none. RFC 8508: and the one that they replace goes in the same commit. */
static void body_append_many(void) {
    Store__MessageAppended done;
    Store__Folder f;
    begin();
    assert_int_equal(append_three("$third", 0, 0, &done), 0);
    assert_int_equal(done.uid, 1);
    assert_int_equal(append_three("", 0, 0, &done), ERR_LIMIT);
    assert_int_equal(by_name(STORE_FOLDER_STATUS, "INBOX", &f), 0);
    assert_int_equal(f.messages, 3);
    assert_int_equal(f.unseen, 2);
    assert_int_equal(f.size, 14);
    assert_int_equal(append_three("$third", f.id, 2, &done), 0);
    assert_true(done.uid == 4 && done.replaced_modseq > f.highestmodseq);
    assert_int_equal(append_three("$third", f.id, 2, &done), ERR_CONFLICT);
    assert_int_equal(by_name(STORE_FOLDER_STATUS, "INBOX", &f), 0);
    assert_int_equal(f.messages, 5);
    assert_int_equal(f.size, 23);
    session = kit_login(c, 5, 30);
    assert_int_equal(append_three("$third", 0, 0, &done), ERR_NOSPACE);
    end();
}

static size_t annotations(const char *folder, const char *name, const char *value) {
    Store__FolderName req = STORE__FOLDER_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = session;
    req.name = (char *)(uintptr_t)folder;
    assert_int_equal(kit_call(c, STORE_METADATA_GET, &req.base, STR_EMPTY, &reply, NULL), 0);
    const Store__Metadata *m = (const Store__Metadata *)reply.msg;
    for (size_t i = 0; i < m->n_entries; i++)
        if (strcmp(m->entries[i]->name, name) == 0)
            assert_true(str_eq(rpc_bytes(m->entries[i]->value), str_from(value)));
    return m->n_entries;
}

static int annotate(const char *folder, const char *name, const char *value) {
    Store__MetadataSet req = STORE__METADATA_SET__INIT;
    Store__MetadataEntry e = STORE__METADATA_ENTRY__INIT, *list = &e;
    req.session = session;
    req.name = (char *)(uintptr_t)folder;
    req.entries = &list;
    req.n_entries = 1;
    e.name = (char *)(uintptr_t)name;
    e.remove = value == NULL;
    e.value = rpc_binary(str_from(value));
    return kit_call(c, STORE_METADATA_SET, &req.base, STR_EMPTY, NULL, NULL);
}

/* RFC 5464: annotations of folders and of the account; they go with the folder. */
static void body_metadata(void) {
    Store__Folder f;
    char name[20];
    begin();
    uint64_t modseq = status("INBOX").highestmodseq;
    assert_int_equal(annotate("INBOX", "/private/a", "one"), 0);
    assert_true(status("INBOX").highestmodseq > modseq); /* RFC 7162 section 3.2 */
    assert_int_equal(annotate("INBOX", "/private/b", "two"), 0);
    assert_int_equal(annotate("", "/shared/a", "account"), 0);
    assert_int_equal(annotate("nowhere", "/shared/a", "x"), ERR_NOTFOUND);
    assert_int_equal(annotations("INBOX", "/private/b", "two"), 2);
    assert_int_equal(annotate("INBOX", "/private/a", NULL), 0);
    assert_int_equal(annotate("INBOX", "/private/b", "three"), 0);
    assert_int_equal(annotations("INBOX", "/private/b", "three"), 1);
    assert_int_equal(annotations("", "/shared/a", "account"), 1);
    assert_int_equal(annotate("INBOX", "urlauth", "key"), 0); /* as GENURLAUTH leaves it */
    assert_int_equal(rename_to("INBOX", "old"), 0);           /* section 4.1: they stay, and are copied */
    assert_int_equal(annotations("INBOX", "/private/b", "three"), 2);
    assert_int_equal(annotations("old", "/private/b", "three"), 1);
    assert_int_equal(rename_to("old", "older"), 0);
    assert_int_equal(annotations("older", "/private/b", "three"), 1);
    for (int i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof name, "/private/%d", i);
        assert_int_equal(annotate("Sent", name, "x"), 0);
    }
    assert_int_equal(annotate("Sent", "/private/more", "x"), ERR_LIMIT);
    assert_int_equal(by_name(STORE_FOLDER_DELETE, "Sent", NULL), 0);
    Store__FolderCreate create = STORE__FOLDER_CREATE__INIT;
    create.session = session;
    create.name = (char *)(uintptr_t) "Sent";
    assert_int_equal(kit_call(c, STORE_FOLDER_CREATE, &create.base, STR_EMPTY, NULL, NULL), 0);
    assert_int_equal(by_name(STORE_FOLDER_STATUS, "Sent", &f), 0);
    assert_int_equal(annotations("Sent", "", ""), 0);
    end();
}

/* QUOTA-14: APPEND and COPY over quota are refused, with nothing changed. */
static void body_quota(void) {
    begin();
    assert_int_equal(append("INBOX", 0, NULL, NULL), 0);
    session = kit_login(c, 5, 30);
    assert_int_equal(append("INBOX", 0, NULL, NULL), 0);
    assert_int_equal(append("INBOX", 0, NULL, NULL), ERR_NOSPACE);
    Store__MessageCopied cp;
    assert_int_equal(copy("INBOX", "Sent", 1, 2, false, &cp), ERR_NOSPACE);
    assert_int_equal(copy("INBOX", "Sent", 1, 2, true, &cp), 0);
    Store__QuotaGet q = STORE__QUOTA_GET__INIT;
    RPC_REPLY_AUTO reply = {0};
    q.session = session;
    assert_int_equal(kit_call(c, STORE_QUOTA_GET, &q.base, STR_EMPTY, &reply, NULL), 0);
    assert_int_equal(((Store__QuotaInfo *)reply.msg)->bytes, 28);
    assert_int_equal(((Store__QuotaInfo *)reply.msg)->messages, 2);
    assert_int_equal(((Store__QuotaInfo *)reply.msg)->limit_bytes, 30);
    end();
}

static void body_account(void) {
    begin();
    for (int i = 0; i < 250; i++) assert_int_equal(append(i % 2 ? "INBOX" : "Sent", 0, NULL, NULL), 0);
    Store__AccountId id = STORE__ACCOUNT_ID__INIT;
    RPC_REPLY_AUTO info = {0};
    id.account = 5;
    assert_int_equal(kit_call(c, STORE_ACCOUNT_INFO, &id.base, STR_EMPTY, &info, NULL), 0);
    assert_int_equal(((Store__AccountInfo *)info.msg)->messages, 250);
    assert_int_equal(kit_call(c, STORE_ACCOUNT_DELETE, &id.base, STR_EMPTY, NULL, NULL), 0);
    assert_int_equal(by_name(STORE_FOLDER_STATUS, "INBOX", NULL), ERR_NOTFOUND);
    RPC_REPLY_AUTO gone = {0};
    assert_int_equal(kit_call(c, STORE_ACCOUNT_INFO, &id.base, STR_EMPTY, &gone, NULL), 0);
    assert_false(((Store__AccountInfo *)gone.msg)->exists);
    KIT_WAIT(kit_records(k, 0) == 0); /* the purge runs */
    end();
}

static Store__Folder open_recent(bool claim) {
    Store__FolderOpen req = STORE__FOLDER_OPEN__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = session;
    req.name = (char *)(uintptr_t) "INBOX";
    req.watch = true;
    req.claim_recent = claim;
    assert_int_equal(kit_call(c, STORE_FOLDER_OPEN, &req.base, STR_EMPTY, &reply, NULL), 0);
    return *((Store__FolderOpened *)reply.msg)->folder; /* numbers only */
}

static void close_folder(uint64_t folder) {
    Store__FolderClose req = STORE__FOLDER_CLOSE__INIT;
    req.session = session;
    req.folder = folder;
    assert_int_equal(kit_call(c, STORE_FOLDER_CLOSE, &req.base, STR_EMPTY, NULL, NULL), 0);
}

/* As a store would find it that starts now. */
static uint32_t stored_first_recent(uint64_t folder) {
    struct key key = key_of_id(KEY_COUNTERS, 5);
    BUF_AUTO v = BUF_INIT(64);
    struct folder f = {0};
    key_u64(&key, folder);
    assert_int_equal(engine_get(k->engine, SPACE_META, key_str(&key), READ_ANY, &v), 0);
    assert_int_equal(folder_decode_counters(&f, buf_str(&v)), 0);
    return f.first_recent;
}

/* RFC 3501 section 2.3.2: the first session that asks, and no other, is told of a recent message, even if the store
 * dies right behind the answer. */
static void body_recent(void) {
    begin();
    for (int i = 0; i < 3; i++) assert_int_equal(append("INBOX", 0, NULL, NULL), 0);
    assert_int_equal(status("INBOX").recent, 3);
    assert_int_equal(open_recent(false).recent, 3);
    assert_int_equal(expunge("INBOX", 2, 2, false, NULL), 0);
    Store__Folder f = open_recent(true);
    assert_int_equal(f.recent, 2);
    assert_int_equal(f.first_recent, 1);
    assert_int_equal(stored_first_recent(f.id), 4);
    assert_int_equal(status("INBOX").recent, 0);
    assert_int_equal(expunge("INBOX", 1, 1, false, NULL), 0);
    assert_int_equal(append("INBOX", 0, NULL, NULL), 0);
    Store__FolderChanges req = STORE__FOLDER_CHANGES__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = session;
    req.folder = f.id;
    req.since = f.highestmodseq;
    req.claim_recent = true;
    assert_int_equal(kit_call(c, STORE_FOLDER_CHANGES, &req.base, STR_EMPTY, &reply, NULL), 0);
    Store__FolderChangesReply *changes = (Store__FolderChangesReply *)reply.msg;
    assert_int_equal(changes->folder->first_recent, 4);
    assert_int_equal(changes->folder->recent, 1);
    assert_int_equal(stored_first_recent(f.id), 5);
    close_folder(f.id);
    check(0, false);
    reopen();
    assert_int_equal(status("INBOX").recent, 0);
    assert_int_equal(append("INBOX", 0, NULL, NULL), 0);
    assert_int_equal(status("INBOX").recent, 1);
    end();
}

/* LIM-26, REBLD-06: what is damaged is found, told and put right while the store runs. */
static void body_repair(void) {
    begin();
    for (int i = 0; i < 5; i++) assert_int_equal(append("INBOX", 0, NULL, NULL), 0);
    check(0, false);
    struct batch b;
    uint64_t folder = status("INBOX").id;
    struct key counters = key_of_id(KEY_COUNTERS, 5), orphan = key_of_id(KEY_BLOB, 999999), lost;
    key_u64(&counters, folder);
    batch_init(&b);
    BUF_AUTO v = BUF_INIT(64);
    wire_u32(&v, 99);
    for (int i = 0; i < 5; i++) wire_u64(&v, 7);
    batch_put(&b, SPACE_META, key_str(&counters), buf_str(&v));
    buf_clear(&v);
    wire_u64(&v, 0);
    batch_put(&b, SPACE_META, key_str(&orphan), buf_str(&v));
    message_key(&lost, KEY_FLAGS, 123456, 1);
    batch_put(&b, SPACE_META, key_str(&lost), STR("0123456789abcdef"));
    message_key(&lost, KEY_MESSAGE, 123456, 2);
    batch_put(&b, SPACE_META, key_str(&lost), STR("not even a record"));
    assert_int_equal(engine_write_one(k->engine, &b, NULL), 0);
    batch_done(&b);
    check(4, false);
    check(0, true);
    assert_int_equal(status("INBOX").messages, 5);
    end();
}

KIT_TEST(folders)
KIT_TEST(rename_inbox)
KIT_TEST(names)
KIT_TEST(flags)
KIT_TEST(copy_expunge)
KIT_TEST(list)
KIT_TEST(append_many)
KIT_TEST(metadata)
KIT_TEST(quota)
KIT_TEST(account)
KIT_TEST(recent)
KIT_TEST(repair)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folders),     cmocka_unit_test(test_rename_inbox), cmocka_unit_test(test_names),
        cmocka_unit_test(test_flags),       cmocka_unit_test(test_copy_expunge), cmocka_unit_test(test_list),
        cmocka_unit_test(test_append_many), cmocka_unit_test(test_metadata),     cmocka_unit_test(test_quota),
        cmocka_unit_test(test_account),     cmocka_unit_test(test_recent),       cmocka_unit_test(test_repair)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
