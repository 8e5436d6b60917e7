/* A record of each kind is damaged in a store on disk: the store opens all the same, nobody else notices, and what was
 * hit answers or fails, but ends nothing. Check and rebuild run over it. REBLD-05, REBLD-06,
 * TRBL-26. */
#include "rpc/ticket.h"
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

enum { CUT, RUBBISH, REMOVED, HOWS };
enum { VICTIM = 5, OTHER = 6, MESSAGES = 4, VALUE_MAX = 1 << 20 };

static const char kinds[] = {KEY_ACCOUNT,  KEY_NAME,      KEY_SUBSCRIBED, KEY_COUNTERS, KEY_MESSAGE, KEY_FLAGS,
                             KEY_METADATA, KEY_VANISHED,  KEY_EXPUNGED,   KEY_ACL,      KEY_SHARED,  KEY_BLOB,
                             KEY_REFS,     KEY_UNINDEXED, KEY_READY,      KEY_USAGE,    KEY_QUOTA,   KEY_TRACE,
                             KEY_PAGE,     KEY_FILE,      KEY_FILE_USAGE};

static char dir[TESTDIR_MAX];
static struct kit kit, *k = &kit;
static struct kit_client *c;

static char *text(const char *s) {
    return (char *)(uintptr_t)s;
}

static void begin(void) {
    kit = (struct kit){.dir = dir, .data_dir = dir, .undelete_s = 3600};
    kit_open(k);
    k->service->m->page_uids = 2;
    k->service->m->page_messages_min = k->service->m->paged_min = 1;
    c = kit_connect(k, ROLE_IMAPD | ROLE_CLI | ROLE_QUOTA | ROLE_SMTPD | ROLE_MTA);
}

static void end(void) {
    kit_disconnect(c);
    kit_close(k);
}

static int append(uint32_t session, const char *folder) {
    Store__MessageAppend req = STORE__MESSAGE_APPEND__INIT;
    req.session = session;
    req.folder = text(folder);
    return kit_call(c, STORE_MESSAGE_APPEND, &req.base, STR("Subject: b\r\n\r\nbody\r\n"), NULL, NULL);
}

static int status(uint32_t session, const char *name, Store__Folder *out) {
    Store__FolderName req = STORE__FOLDER_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = session;
    req.name = text(name);
    int rc = kit_call(c, STORE_FOLDER_STATUS, &req.base, STR_EMPTY, &reply, NULL);
    if (rc == 0) *out = *(Store__Folder *)reply.msg; /* numbers only */
    return rc;
}

static int login(uint64_t account, uint32_t *session) {
    Store__SessionOpen req = STORE__SESSION_OPEN__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct ticket t = {.account = account,
                       .expires_s = UINT32_MAX,
                       .address = account == VICTIM ? STR("a@example.test") : STR("b@example.test"),
                       .service = STR("imap"),
                       .files = true};
    BUF_AUTO sealed = BUF_INIT(4096);
    assert_int_equal(ticket_seal(kit_key, &t, &sealed), 0);
    req.ticket = rpc_binary(buf_str(&sealed));
    int rc = kit_call(c, STORE_SESSION_OPEN, &req.base, STR_EMPTY, &reply, NULL);
    if (rc == 0) *session = ((Store__SessionOpened *)reply.msg)->session;
    return rc;
}

static void expunge(uint32_t session, uint64_t folder, uint32_t uid) {
    Store__MessageExpunge req = STORE__MESSAGE_EXPUNGE__INIT;
    Store__UidRun run = STORE__UID_RUN__INIT, *runs = &run;
    run.first = run.last = uid;
    req.session = session;
    req.folder = folder;
    req.uids = &runs;
    req.n_uids = 1;
    assert_int_equal(kit_call(c, STORE_MESSAGE_EXPUNGE, &req.base, STR_EMPTY, NULL, NULL), 0);
}

static void copy(uint32_t session, uint64_t folder) {
    Store__MessageCopy req = STORE__MESSAGE_COPY__INIT;
    Store__UidRun run = STORE__UID_RUN__INIT, *runs = &run;
    run.first = run.last = 1;
    req.session = session;
    req.folder = folder;
    req.uids = &runs;
    req.n_uids = 1;
    req.to = text("Archive");
    assert_int_equal(kit_call(c, STORE_MESSAGE_COPY, &req.base, STR_EMPTY, NULL, NULL), 0);
}

static int put_file(uint32_t session, const char *path) {
    Store__FilePut req = STORE__FILE_PUT__INIT;
    req.session = session;
    req.path = text(path);
    req.parents = req.replace = true;
    return kit_call(c, STORE_FILE_PUT, &req.base, STR("content"), NULL, NULL);
}

static uint64_t files_of(uint32_t session) {
    Store__FileUsageGet req = STORE__FILE_USAGE_GET__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = session;
    assert_int_equal(kit_call(c, STORE_FILE_USAGE, &req.base, STR_EMPTY, &reply, NULL), 0);
    return ((const Store__FileUsage *)reply.msg)->files;
}

static void quota(uint64_t account) {
    Store__QuotaState req = STORE__QUOTA_STATE__INIT;
    req.account = account;
    req.stage = STORE__QUOTA_STAGE__WARNED;
    req.since = 1;
    assert_int_equal(kit_call(c, STORE_QUOTA_STATE_SET, &req.base, STR_EMPTY, NULL, NULL), 0);
}

/* Something of as many kinds as a short session leaves; the victim's comes first. */
static void fill(void) {
    for (uint64_t account = VICTIM; account <= OTHER; account++) {
        uint32_t session;
        Store__Folder f;
        assert_int_equal(login(account, &session), 0);
        for (int i = 0; i < MESSAGES; i++) assert_int_equal(append(session, "INBOX"), 0);
        assert_int_equal(status(session, "INBOX", &f), 0);
        copy(session, f.id);
        expunge(session, f.id, 2);
        quota(account);
        assert_int_equal(put_file(session, "folder/file"), 0);
        assert_int_equal(put_file(session, "file"), 0);
    }
    (void)mailboxes_write_pages(k->service->m, SIZE_MAX, PAGES_NOW);
    assert_int_equal(store_wait_applied(k->service->st, commit_last(k->service->st->commits)), 0);
    kit_submit(c, "x@example.test", STR("Subject: q\r\n\r\nq\r\n"));
}

/* What is left of a value. */
static struct str damaged(int how, struct str value) {
    static const char rubbish[] =
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    return how == CUT ? str_sub(value, 0, value.len / 2) : str_of(rubbish, sizeof rubbish - 1);
}

/* The first record of a kind; false: there is none. */
static bool damage(char kind, int how) {
    char to = (char)(kind + 1);
    struct engine_iter *it;
    struct str key, value;
    struct batch b;
    BUF_AUTO copy_key = BUF_INIT(KEY_MAX);
    BUF_AUTO copy_value = BUF_INIT(VALUE_MAX);
    struct engine_range r = {.space = SPACE_META, .from = str_of(&kind, 1), .to = str_of(&to, 1)};
    assert_int_equal(engine_iter_open(k->engine, &r, &it), 0);
    bool found = engine_iter_next(k->engine, it, &key, &value);
    if (found) {
        buf_add(&copy_key, key);
        buf_add(&copy_value, value);
    }
    assert_int_equal(engine_iter_close(k->engine, it), 0);
    if (!found) return false;
    batch_init(&b);
    if (how == REMOVED)
        batch_delete(&b, SPACE_META, buf_str(&copy_key));
    else
        batch_put(&b, SPACE_META, buf_str(&copy_key), damaged(how, buf_str(&copy_value)));
    assert_int_equal(engine_write_one(k->engine, &b, NULL), 0);
    batch_done(&b);
    return true;
}

static uint64_t check(bool repair) {
    Store__StoreCheckRequest req = STORE__STORE_CHECK_REQUEST__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.repair = repair;
    assert_int_equal(kit_call(c, STORE_STORE_CHECK, &req.base, STR_EMPTY, &reply, NULL), 0);
    return ((const Store__StoreCheckReply *)reply.msg)->fault_count;
}

/* All that the owner may try: it works or fails. */
static void use_victim(void) {
    static const char *const names[] = {"INBOX", "Archive"};
    uint32_t session;
    Store__Folder f;
    if (login(VICTIM, &session) != 0) return;
    for (size_t i = 0; i < 2; i++) {
        if (status(session, names[i], &f) != 0) continue;
        Store__MessageList list = STORE__MESSAGE_LIST__INIT;
        Store__MessageRead read = STORE__MESSAGE_READ__INIT;
        Store__FolderRebuild rebuild = STORE__FOLDER_REBUILD__INIT;
        list.session = read.session = session;
        list.folder = read.folder = f.id;
        (void)!kit_call(c, STORE_MESSAGE_LIST, &list.base, STR_EMPTY, NULL, NULL);
        for (read.uid = 1; read.uid <= MESSAGES; read.uid++)
            (void)!kit_call(c, STORE_MESSAGE_READ, &read.base, STR_EMPTY, NULL, NULL);
        rebuild.account = VICTIM;
        rebuild.name = text(names[i]);
        (void)!kit_call(c, STORE_FOLDER_REBUILD, &rebuild.base, STR_EMPTY, NULL, NULL);
    }
    Store__UndeleteRestore restore = STORE__UNDELETE_RESTORE__INIT;
    restore.account = VICTIM;
    (void)!kit_call(c, STORE_UNDELETE_RESTORE, &restore.base, STR_EMPTY, NULL, NULL);
    (void)!append(session, "INBOX");
    (void)!put_file(session, "file");
    (void)!put_file(session, "folder/file");
}

/* What was not hit, and what can be put right when it is opened, is there as before. */
static void victim_has_all(void) {
    static const struct {
        const char *name;
        uint64_t messages;
    } cases[] = {{"INBOX", MESSAGES - 1}, {"Archive", 1}, {"Sent", 0}};
    uint32_t session;
    assert_int_equal(login(VICTIM, &session), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Store__Folder f;
        Store__MessageList list = STORE__MESSAGE_LIST__INIT;
        RPC_REPLY_AUTO reply = {0};
        struct message_record r;
        uint64_t n = 0;
        assert_int_equal(status(session, cases[i].name, &f), 0);
        assert_int_equal(f.messages, cases[i].messages);
        list.session = session;
        list.folder = f.id;
        assert_int_equal(kit_call(c, STORE_MESSAGE_LIST, &list.base, STR_EMPTY, &reply, NULL), 0);
        for (struct str rest = reply.attach; message_record_get(&rest, 0, &r) == 0;) n++;
        assert_int_equal(n, cases[i].messages);
        assert_true(f.uidnext > MESSAGES || i > 0);
    }
    assert_int_equal(files_of(session), 2);
}

static void use_other(uint64_t messages) {
    uint32_t session;
    Store__Folder f;
    assert_int_equal(login(OTHER, &session), 0);
    assert_int_equal(append(session, "INBOX"), 0);
    assert_int_equal(put_file(session, "folder/file"), 0);
    assert_int_equal(files_of(session), 2);
    assert_int_equal(status(session, "INBOX", &f), 0);
    assert_int_equal(f.messages, messages);
    Store__MessageList list = STORE__MESSAGE_LIST__INIT;
    Store__MessageRead read = STORE__MESSAGE_READ__INIT;
    list.session = read.session = session;
    list.folder = read.folder = f.id;
    read.uid = 3;
    assert_int_equal(kit_call(c, STORE_MESSAGE_LIST, &list.base, STR_EMPTY, NULL, NULL), 0);
    assert_int_equal(kit_call(c, STORE_MESSAGE_READ, &read.base, STR_EMPTY, NULL, NULL), 0);
    kit_submit(c, "y@example.test", STR("Subject: r\r\n\r\nr\r\n"));
}

static char kind_now;
static int how_now;

/* Kinds of which nothing is lost: the rest of the store says what they held. */
static bool heals(char kind) {
    return kind != '\0' &&
           strchr((const char[]){KEY_ACCOUNT, KEY_NAME, KEY_COUNTERS, KEY_FLAGS, KEY_SUBSCRIBED, KEY_ACL, KEY_SHARED,
                                 KEY_METADATA, KEY_QUOTA, KEY_USAGE, KEY_EXPUNGED, KEY_PAGE, KEY_FILE_USAGE, '\0'},
                  kind) != NULL;
}

static void body(void) {
    begin();
    fill();
    bool found = damage(kind_now, how_now);
    assert_true(found || kind_now != KEY_PAGE);
    end();
    if (!found) return;
    begin();
    use_other(MESSAGES);
    if (how_now == REMOVED ? kind_now == KEY_ACCOUNT : heals(kind_now)) victim_has_all();
    if (how_now == REMOVED ? kind_now == KEY_ACCOUNT : kind_now == KEY_NAME || kind_now == KEY_COUNTERS)
        assert_string_equal(kit.logged, "mailbox-healed");
    use_victim();
    (void)check(false);
    (void)check(true);
    use_victim();
    use_other(MESSAGES + 1);
    end();
}

static void each_kind(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof kinds; i++)
        for (how_now = CUT; how_now < HOWS; how_now++) {
            kind_now = kinds[i];
            print_message("kind %c, damage %d\n", kind_now, how_now);
            testdir_make(dir);
            kit_run(body);
            testdir_remove(dir);
        }
}

static uint64_t rebuild_lists(void) {
    Store__FolderRebuild req = STORE__FOLDER_REBUILD__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.account = VICTIM;
    req.name = text("");
    int rc = kit_call(c, STORE_FOLDER_REBUILD, &req.base, STR_EMPTY, &reply, NULL);
    return rc == 0 ? ((const Store__FolderRebuilt *)reply.msg)->n_folders : 0;
}

/* The record of an account is lost, its folders are there: the check says so and a repair, a rebuild or a login brings
 * it back; nothing of it is taken for left-overs (REBLD-01, REBLD-06). */
static void body_lost(void) {
    for (int way = 0; way < 3; way++) {
        testdir_make(dir);
        begin();
        fill();
        assert_true(damage(KEY_ACCOUNT, REMOVED));
        end();
        begin();
        assert_true(check(false) > 0);
        if (way == 0) (void)check(true);
        if (way == 1) assert_true(rebuild_lists() >= 3);
        victim_has_all();
        assert_int_equal(check(false), 0);
        use_other(MESSAGES);
        end();
        testdir_remove(dir);
    }
}

KIT_TEST_ONCE(lost)

/* A store that a newer program has written, or whose format cannot be read, is left alone. */
static void body_format(void) {
    static const struct {
        unsigned char value[5];
        size_t len;
        int rc;
        const char *says;
    } cases[] = {{{0, 0, 0, STORE_FORMAT + 1}, 4, ERR_UNSUPPORTED, "written by a newer version"},
                 {{0xff, 0xff, 0xff, 0xff}, 4, ERR_UNSUPPORTED, "written by a newer version"},
                 {{0, 0, 0, 1, 0}, 5, ERR_CORRUPT, "no valid format"},
                 {{0}, 0, ERR_CORRUPT, "no valid format"}};
    begin();
    fill();
    end();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char kind = KEY_FORMAT;
        struct engine_config ec = {.dir = dir, .cache_bytes = 8 << 20};
        struct engine *e;
        struct error err = {0};
        struct service *s = NULL;
        struct batch b;
        BUF_AUTO now = BUF_INIT(64);
        assert_int_equal(engine_rocksdb_open(&ec, &e, &err), 0);
        batch_init(&b);
        batch_put(&b, SPACE_META, str_of(&kind, 1), str_of(cases[i].value, cases[i].len));
        assert_int_equal(engine_write_one(e, &b, NULL), 0);
        batch_done(&b);
        struct service_config cfg = {.engine = e, .ticket_key = kit_key, .mailbox_cache = 1 << 20, .trace_days = 7};
        assert_int_equal(service_open(&cfg, &s, &err), cases[i].rc);
        assert_non_null(strstr(err.text, cases[i].says));
        assert_int_equal(engine_rocksdb_open(&ec, &e, &err), 0); /* nothing was changed */
        assert_int_equal(engine_get(e, SPACE_META, str_of(&kind, 1), READ_ANY, &now), 0);
        assert_true(str_eq(buf_str(&now), str_of(cases[i].value, cases[i].len)));
        engine_close(e);
    }
}

static void format(void **state) {
    (void)state;
    testdir_make(dir);
    kit_run(body_format);
    testdir_remove(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_kind), cmocka_unit_test(test_lost),
                                       cmocka_unit_test(format)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
