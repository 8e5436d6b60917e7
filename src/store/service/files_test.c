/* Web folders through the store's service: the tree, what may not be, limits, reading, restarts, deletion of accounts,
 * repair. WFOLD-01, WFOLD-03, WFOLD-04, DOM-10. */
#include "store/files/files.h"
#include "store/service/files_kit.h"

#include <unistd.h>

static void list_is(const char *path, const char *wanted) {
    BUF_AUTO got = BUF_INIT(1 << 20);
    list_of(path, 2, &got);
    assert_string_equal(buf_cstr(&got), wanted);
}

static void fill(void) {
    assert_int_equal(make("docs/2026/q1", true), 0);
    assert_int_equal(put("docs/a.txt", STR("hello"), false), 0);
    assert_int_equal(put("docs/2026/b.txt", STR("second"), false), 0);
    assert_int_equal(put("docs/2026/q1/empty", STR_EMPTY, false), 0);
    assert_int_equal(put("top", STR("12345678"), false), 0);
}

static void body_tree(void) { /* WFOLD-01 */
    begin();
    list_is("", "");
    fill();
    list_is("", "docs/ top:8");
    list_is("/docs/", "2026/ a.txt:5");
    usage_becomes(4, 3, 19);
    Store__FileInfo before = {0}, after = {0};
    assert_int_equal(stat_of("docs/a.txt", &before), 0);
    assert_true(before.size == 5 && !before.folder && before.modified > 0);
    assert_int_equal(put("docs/a.txt", STR("hello world"), true), 0);
    assert_int_equal(stat_of("docs/a.txt", &after), 0);
    assert_true(after.size == 11 && after.version != before.version);
    usage_becomes(4, 3, 25);
    assert_int_equal(transfer(STORE_FILE_MOVE, "docs", "papers", false), 0); /* with all that it holds */
    list_is("papers/2026", "b.txt:6 q1/");
    assert_int_equal(stat_of("docs", NULL), ERR_NOTFOUND);
    assert_int_equal(transfer(STORE_FILE_MOVE, "top", "papers/a.txt", true), 0);
    list_is("papers", "2026/ a.txt:8");
    usage_becomes(3, 3, 14);
    assert_int_equal(transfer(STORE_FILE_COPY, "papers", "again", false), 0);
    assert_int_equal(transfer(STORE_FILE_COPY, "papers/a.txt", "again/a2.txt", false), 0);
    assert_int_equal(transfer(STORE_FILE_COPY, "papers/a.txt", "again/2026/b.txt", true), 0);
    list_is("again", "2026/ a.txt:8 a2.txt:8");
    list_is("again/2026", "b.txt:8 q1/");
    usage_becomes(7, 6, 14 + 14 + 8 + 2);
    check_clean(3);                                                                      /* copies share their bodies */
    assert_int_equal(transfer(STORE_FILE_MOVE, "again/a.txt", "again/a.txt", false), 0); /* onto itself */
    assert_int_equal(transfer(STORE_FILE_COPY, "again/a.txt", "again/a.txt", true), 0);
    assert_int_equal(delete ("papers", true), 0);
    assert_int_equal(stat_of("papers/a.txt", NULL), ERR_NOTFOUND);
    usage_becomes(4, 3, 24);
    check_clean(2);
    if (kit_on_disk) {
        end();
        begin();
        list_is("again/2026", "b.txt:8 q1/");
        usage_becomes(4, 3, 24);
    }
    assert_int_equal(delete ("again", true), 0);
    usage_becomes(0, 0, 0);
    check_clean(0);
    end();
}
KIT_TEST(tree)

static void body_refused(void) {
    enum op { PUT, REPLACE, MKDIR, MKDIRS, MOVE, MOVE_OVER, COPY, COPY_OVER, REMOVE, REMOVE_ALL, LIST };
    static const struct {
        enum op op;
        const char *a, *b;
        int rc;
    } cases[] = {
        {PUT, "docs/a.txt", "", ERR_EXISTS},
        {PUT, "docs", "", ERR_EXISTS},
        {REPLACE, "docs", "", ERR_EXISTS}, /* never a folder */
        {REPLACE, "", "", ERR_EXISTS},
        {PUT, "nowhere/x", "", ERR_NOTFOUND},
        {PUT, "top/x", "", ERR_NOTFOUND}, /* a file is no folder */
        {PUT, "a/../b", "", ERR_INVALID},
        {MKDIR, "docs", "", ERR_EXISTS},
        {MKDIRS, "docs", "", 0},
        {MKDIRS, "top", "", ERR_EXISTS},
        {MKDIRS, "top/x", "", ERR_NOTFOUND},
        {MKDIR, "nowhere/x", "", ERR_NOTFOUND},
        {MKDIR, "", "", ERR_EXISTS},
        {MOVE, "", "x", ERR_INVALID},
        {MOVE, "docs", "", ERR_EXISTS},
        {MOVE, "nowhere", "x", ERR_NOTFOUND},
        {MOVE, "top", "nowhere/x", ERR_NOTFOUND},
        {MOVE, "top", "docs/a.txt", ERR_EXISTS},
        {MOVE_OVER, "top", "docs", ERR_EXISTS},
        {MOVE_OVER, "docs", "top", ERR_EXISTS},
        {MOVE, "docs", "docs/2026/q1/docs", ERR_INVALID}, /* into itself */
        {MOVE, "docs", "docs/x", ERR_INVALID},
        {COPY, "docs", "docs/2026/x", ERR_INVALID},
        {COPY, "", "x", ERR_INVALID},
        {COPY, "docs", "top", ERR_EXISTS},
        {COPY_OVER, "docs", "top", ERR_EXISTS},
        {COPY, "top", "docs/a.txt", ERR_EXISTS},
        {COPY, "nowhere", "x", ERR_NOTFOUND},
        {REMOVE, "docs", "", ERR_CONFLICT}, /* not empty */
        {REMOVE, "nowhere", "", ERR_NOTFOUND},
        {REMOVE_ALL, "", "", ERR_INVALID},
        {LIST, "top", "", ERR_INVALID},
        {LIST, "nowhere", "", ERR_NOTFOUND},
        {LIST, "docs/a.txt/x", "", ERR_NOTFOUND},
    };
    begin();
    fill();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *a = cases[i].a, *b = cases[i].b;
        Store__FileList list = STORE__FILE_LIST__INIT;
        int rc = 0;
        list.session = session;
        list.path = text(a);
        switch (cases[i].op) {
        case PUT:
        case REPLACE: rc = put(a, STR("new"), cases[i].op == REPLACE); break;
        case MKDIR:
        case MKDIRS: rc = make(a, cases[i].op == MKDIRS); break;
        case MOVE:
        case MOVE_OVER: rc = transfer(STORE_FILE_MOVE, a, b, cases[i].op == MOVE_OVER); break;
        case COPY:
        case COPY_OVER: rc = transfer(STORE_FILE_COPY, a, b, cases[i].op == COPY_OVER); break;
        case REMOVE:
        case REMOVE_ALL: rc = delete (a, cases[i].op == REMOVE_ALL); break;
        case LIST: rc = kit_call(c, STORE_FILE_LIST, &list.base, STR_EMPTY, NULL, NULL); break;
        }
        if (rc != cases[i].rc) fail_msg("case %zu: %d", i, rc);
    }
    usage_becomes(4, 3, 19);
    list_is("docs", "2026/ a.txt:5");
    check_clean(4);
    end();
}
KIT_TEST(refused)

static void levels(struct buf *out, char name, int n) {
    for (int i = 0; i < n; i++) {
        if (out->len > 0) buf_addc(out, '/');
        buf_addc(out, name);
    }
}

/* Nothing gets deeper than FILE_DEPTH_MAX, also not what a moved or copied folder holds. */
static void body_depth(void) {
    BUF_AUTO deep = BUF_INIT(1000), low = BUF_INIT(1000);
    begin();
    levels(&deep, 'd', FILE_DEPTH_MAX - 2);
    levels(&low, 'l', 3);
    assert_int_equal(make(buf_cstr(&deep), true), 0);
    assert_int_equal(make(buf_cstr(&low), true), 0);
    buf_adds(&deep, "/x");
    assert_int_equal(transfer(STORE_FILE_MOVE, "l", buf_cstr(&deep), false), ERR_LIMIT);
    assert_int_equal(transfer(STORE_FILE_COPY, "l", buf_cstr(&deep), false), ERR_LIMIT);
    assert_int_equal(transfer(STORE_FILE_COPY, "l/l", buf_cstr(&deep), false), 0);
    assert_int_equal(delete (buf_cstr(&deep), true), 0);
    assert_int_equal(transfer(STORE_FILE_MOVE, "l/l", buf_cstr(&deep), false), 0);
    buf_adds(&deep, "/l/y");
    assert_int_equal(make(buf_cstr(&deep), false), ERR_LIMIT);
    usage_becomes(0, FILE_DEPTH_MAX - 2 + 1 + 2, 0);
    end();
}
KIT_TEST(depth)

/* --- content */
static int read_at(const char *path, uint64_t offset, uint64_t length, uint64_t version, struct buf *out) {
    Store__FileRead req = STORE__FILE_READ__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = session;
    req.path = text(path);
    req.offset = offset;
    req.length = length;
    req.version = version;
    int rc = kit_call(c, STORE_FILE_READ, &req.base, STR_EMPTY, &reply, NULL);
    if (rc == 0) buf_add(out, reply.attach);
    return rc;
}

static uint64_t upload(size_t pieces, struct str piece) {
    Store__UploadNew new = STORE__UPLOAD_NEW__INIT;
    Store__UploadAppend more = STORE__UPLOAD_APPEND__INIT;
    RPC_REPLY_AUTO reply = {0};
    assert_int_equal(kit_call(c, STORE_UPLOAD_NEW, &new.base, STR_EMPTY, &reply, NULL), 0);
    more.upload = ((Store__UploadHandle *)reply.msg)->upload;
    for (size_t i = 0; i < pieces; i++)
        assert_int_equal(kit_call(c, STORE_UPLOAD_APPEND, &more.base, piece, NULL, NULL), 0);
    return more.upload;
}

static int put_upload(const char *path, uint64_t handle) {
    Store__FilePut req = STORE__FILE_PUT__INIT;
    req.upload = handle;
    req.parents = true;
    req.modified = 1234567;
    req.type = text("application/pdf");
    return put_as(session, &req, path, STR_EMPTY);
}

/* Streamed in and read in ranges; a file that was replaced is not mixed with what came before. */
static void body_content(void) {
    enum { PIECES = 7, PIECE = 100 * 1000 };
    static char piece[PIECE];
    for (size_t i = 0; i < PIECE; i++) piece[i] = (char)('a' + i % 23);
    begin();
    uint64_t handle = upload(PIECES, str_of(piece, PIECE));
    assert_int_equal(put_upload("big/one", handle), 0);
    assert_int_equal(put_upload("big/two", handle), ERR_NOTFOUND); /* it was taken */
    Store__FileInfo info = {0};
    assert_int_equal(stat_of("big/one", &info), 0);
    assert_true(info.size == PIECES * PIECE && info.modified == 1234567);
    BUF_AUTO got = BUF_INIT(1 << 20), all = BUF_INIT(1 << 20);
    while (all.len < info.size) assert_int_equal(read_at("big/one", all.len, 77777, info.version, &all), 0);
    for (size_t i = 0; i < PIECES; i++) assert_memory_equal(all.ptr + i * PIECE, piece, PIECE);
    assert_int_equal(read_at("big/one", info.size, 0, 0, &got), 0);
    assert_int_equal(got.len, 0);
    assert_int_equal(read_at("big", 0, 0, 0, &got), ERR_INVALID);
    assert_int_equal(put("big/one", STR("small"), true), 0);
    assert_int_equal(read_at("big/one", 0, 0, info.version, &got), ERR_CONFLICT);
    assert_int_equal(read_at("big/one", 1, 3, 0, &got), 0);
    assert_string_equal(buf_cstr(&got), "mal");
    Store__FilePut bad = STORE__FILE_PUT__INIT;
    bad.type = text("text/html\r\nX: y");
    assert_int_equal(put_as(session, &bad, "t", STR_EMPTY), ERR_INVALID);
    (void)upload(PIECES, str_of(piece, PIECE)); /* nobody finishes it */
    end();
    if (!kit_on_disk) return;
    begin();
    check_clean(1);
    usage_becomes(1, 1, 5);
    end();
}
KIT_TEST(content)

static bool replacing;

static void replace_fiber(void *arg) {
    (void)arg;
    for (int i = 0; i < 200; i++) assert_int_equal(put("x", i % 2 ? STR("odd") : STR("even"), true), 0);
    replacing = false;
}

/* Who reads a file that is replaced all the time gets it whole as it is or was, or is told so; damaged it is not. */
static void body_replaced(void) {
    Store__FileInfo info = {0};
    begin();
    assert_int_equal(put("x", STR("odd"), false), 0);
    replacing = true;
    assert_int_equal(fiber_spawn("replace", replace_fiber, NULL, NULL), 0);
    for (bool told = false; replacing; told = !told) {
        BUF_AUTO got = BUF_INIT(100);
        if (told) assert_int_equal(stat_of("x", &info), 0);
        int rc = read_at("x", 0, 0, told ? info.version : 0, &got);
        if (rc != 0 && !(told && rc == ERR_CONFLICT)) fail_msg("%s", err_name(rc));
        if (rc == 0) assert_true(str_eq(buf_str(&got), STR("odd")) || str_eq(buf_str(&got), STR("even")));
    }
    end();
}
KIT_TEST(replaced)

/* Bytes that the first chunk of a body takes. */
static size_t stored(uint64_t body) {
    struct key key = {.len = 0};
    BUF_AUTO v = BUF_INIT(1 << 20);
    key_u64(&key, body);
    key_u32(&key, 0);
    assert_int_equal(engine_get(k->engine, SPACE_BLOB, key_str(&key), READ_ANY, &v), 0);
    return v.len;
}

/* Contents are packed in the background, as those of messages. */
static void body_packed(void) {
    enum { SIZE = 100 * 1000 };
    static char text_of[SIZE];
    Store__FileInfo info = {0};
    BUF_AUTO got = BUF_INIT(1 << 20);
    for (size_t i = 0; i < SIZE; i++) text_of[i] = "The same again. "[i % 16];
    begin();
    assert_int_equal(put("text", str_of(text_of, SIZE), false), 0);
    assert_int_equal(stat_of("text", &info), 0);
    KIT_WAIT(stored(info.version) != SIZE);
    assert_in_range(stored(info.version), 1, SIZE / 10);
    assert_int_equal(read_at("text", 0, 0, 0, &got), 0);
    assert_true(str_eq(buf_str(&got), str_of(text_of, SIZE)));
    end();
}
KIT_TEST(packed)

/* --- limits: WFOLD-03, WFOLD-04, DOM-10 */
static int put_size(uint32_t number, const char *path, size_t size, bool ask) {
    static const char zeros[4096];
    Store__FilePut req = STORE__FILE_PUT__INIT;
    req.replace = true;
    req.check = ask;
    req.size = size;
    return put_as(number, &req, path, str_of(zeros, ask ? 0 : size));
}

static void body_limits(void) {
    static const struct {
        uint64_t quota, domain, before;
        size_t size;
        int rc;
    } cases[] = {
        {0, 0, 0, 4096, 0},
        {100, 0, 0, 100, 0},
        {100, 0, 0, 101, ERR_NOSPACE},
        {100, 0, 60, 40, 0},
        {100, 0, 60, 41, ERR_NOSPACE},
        {100, 0, 100, 0, 0}, /* an empty file always */
        {100, 0, 100, 1, ERR_NOSPACE},
        {0, 100, 60, 40, 0},
        {0, 100, 60, 41, ERR_NOSPACE},
        {1000, 100, 60, 41, ERR_NOSPACE},
        {50, 1000, 60, 1, ERR_NOSPACE}, /* the limit was lowered */
    };
    begin();
    assert_int_equal(put_size(session, "endless", SIZE_MAX, true), ERR_LIMIT);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ticket t = {.account = 100 + i, .service = STR("web"), .files = true};
        char address[64];
        (void)snprintf(address, sizeof address, "u@d%zu.test", i);
        t.address = str_from(address);
        uint32_t free_of = files_login(&t);
        assert_int_equal(put_size(free_of, "before", (size_t)cases[i].before, false), 0);
        t.files_quota = cases[i].quota;
        t.files_domain_quota = cases[i].domain;
        uint32_t s = files_login(&t);
        if (put_size(s, "new", cases[i].size, true) != cases[i].rc) fail_msg("case %zu: asked", i);
        if (put_size(s, "new", cases[i].size, false) != cases[i].rc) fail_msg("case %zu", i);
        assert_int_equal(put_size(s, "before", 0, false), 0);                     /* to make it less is always right */
        if (cases[i].rc != 0) assert_int_equal(put_size(s, "new", 30, false), 0); /* and then there is room */
    }
    end();
}
KIT_TEST(limits)

/* All accounts of a domain count together, also behind a restart; another domain does not (DOM-10). */
static void body_domain(void) {
    struct ticket a = {.account = 10, .files = true, .files_domain_quota = 100, .service = STR("web")}, b = a;
    a.address = STR("a@one.test");
    b.address = STR("b@ONE.test");
    b.account = 11;
    begin();
    uint32_t sa = files_login(&a), sb = files_login(&b);
    assert_int_equal(put_size(sa, "x", 70, false), 0);
    assert_int_equal(put_size(sb, "x", 31, false), ERR_NOSPACE);
    assert_int_equal(put_size(sb, "x", 30, false), 0);
    if (kit_on_disk) {
        end();
        begin();
        sb = files_login(&b);
    }
    assert_int_equal(put_size(sb, "y", 1, false), ERR_NOSPACE);
    a.address = STR("a@two.test"); /* it was renamed */
    sa = files_login(&a);
    assert_int_equal(put_size(sa, "y", 30, false), 0);
    assert_int_equal(put_size(sa, "z", 1, false), ERR_NOSPACE);
    assert_int_equal(put_size(sb, "y", 70, false), 0);
    end();
}
KIT_TEST(domain)

/* Without permission a user has nothing of it; an administrator may look and remove (WFOLD-03, WFOLD-04). */
static void body_permission(void) {
    struct ticket t = {.account = 5, .address = STR("b@x.test"), .service = STR("web")};
    begin();
    fill();
    for (int admin = 0; admin < 2; admin++) {
        t.service = admin ? STR("admin") : STR("web");
        session = files_login(&t);
        assert_int_equal(put("x", STR("y"), false), ERR_DENIED);
        assert_int_equal(make("x", false), ERR_DENIED);
        assert_int_equal(transfer(STORE_FILE_MOVE, "top", "x", false), ERR_DENIED);
        assert_int_equal(transfer(STORE_FILE_COPY, "top", "x", false), ERR_DENIED);
        assert_int_equal(stat_of("top", NULL), admin ? 0 : ERR_DENIED);
        assert_int_equal(delete ("top", false), admin ? 0 : ERR_DENIED);
        assert_false(usage().allowed);
    }
    /* Roles: IMAP has no business here. */
    struct kit_client *imap = kit_connect(k, ROLE_IMAPD);
    Store__FileName req = STORE__FILE_NAME__INIT;
    req.path = text("top");
    assert_int_equal(kit_call(imap, STORE_FILE_STAT, &req.base, STR_EMPTY, NULL, NULL), ERR_DENIED);
    kit_disconnect(imap);
    end();
}
KIT_TEST(permission)

/* --- accounts */
static int account_call(uint16_t method, uint64_t account, bool keep) {
    Store__AccountId req = STORE__ACCOUNT_ID__INIT;
    req.account = account;
    req.keep = keep;
    return kit_call(c, method, &req.base, STR_EMPTY, NULL, NULL);
}

static void accounts_usage_is(uint64_t account, uint64_t files, uint64_t bytes) {
    Store__AccountsWanted req = STORE__ACCOUNTS_WANTED__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.accounts = &account;
    req.n_accounts = 1;
    assert_int_equal(kit_call(c, STORE_ACCOUNTS_USAGE, &req.base, STR_EMPTY, &reply, NULL), 0);
    const Store__AccountsUsage *u = (const void *)reply.msg;
    assert_int_equal(u->accounts[0]->files, files);
    assert_int_equal(u->accounts[0]->file_bytes, bytes);
}

/* With the account goes what it has; brought back it is there again; for good nothing is left. */
static uint64_t blobs_left(void) {
    uint64_t blobs = 0;
    assert_int_equal(check(false, NULL, &blobs), 0);
    return blobs;
}

static void body_account(void) {
    begin();
    fill();
    accounts_usage_is(5, 4, 19);
    assert_int_equal(account_call(STORE_ACCOUNT_DELETE, 5, true), 0);
    assert_int_equal(put("x", STR("y"), false), ERR_NOTFOUND); /* who was logged in */
    assert_int_equal(stat_of("top", NULL), ERR_NOTFOUND);
    assert_int_equal(account_call(STORE_ACCOUNT_RESTORE, 5, false), 0);
    list_is("docs", "2026/ a.txt:5");
    for (int i = 0; i < 450; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "docs/many%d", i);
        assert_int_equal(put(name, STR("z"), false), 0);
    }
    assert_int_equal(account_call(STORE_ACCOUNT_DELETE, 5, false), 0);
    assert_int_equal(put("x", STR("y"), false), ERR_NOTFOUND);
    if (kit_on_disk) { /* in the middle of it */
        end();
        static struct kit again;
        again = *k;
        k = &again;
        kit_open(k);
        c = kit_connect(k, ROLE_CLI | ROLE_QUOTA);
    }
    KIT_WAIT(blobs_left() == 0);
    accounts_usage_is(5, 0, 0);
    end();
}
KIT_TEST(account)

/* --- repair */
static const struct engine_ops *quick;

static bool slow_next(struct engine_iter *it, struct str *key, struct str *value) {
    (void)usleep(100);
    return quick->iter_next(it, key, value);
}

static void rebuild_fiber(void *arg) {
    Store__FolderRebuild req = STORE__FOLDER_REBUILD__INIT;
    req.account = 5;
    req.name = text("");
    (void)!kit_call(c, STORE_FOLDER_REBUILD, &req.base, STR_EMPTY, NULL, NULL);
    *(bool *)arg = true;
}

/* An account goes for good while its folders are looked through: nothing is counted for it afterwards. */
static void body_rebuilt_and_gone(void) {
    bool done = false;
    begin();
    for (int i = 0; i < 600; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "many%d", i);
        assert_int_equal(put(name, STR("z"), false), 0);
    }
    struct engine_ops slow = *k->engine->ops;
    quick = k->engine->ops;
    slow.iter_next = slow_next;
    k->engine->ops = &slow;
    assert_int_equal(fiber_spawn("rebuild", rebuild_fiber, &done, NULL), 0);
    assert_int_equal(fiber_sleep(5), 0);
    assert_int_equal(account_call(STORE_ACCOUNT_DELETE, 5, false), 0);
    for (uint64_t blobs = 1; blobs > 0 || !done;) {
        assert_int_equal(fiber_sleep(5), 0);
        (void)check(false, NULL, &blobs);
    }
    k->engine->ops = quick;
    accounts_usage_is(5, 0, 0);
    check_clean(0);
    end();
}
KIT_TEST(rebuilt_and_gone)

static void tamper(struct batch *b) {
    struct error err = {0};
    assert_int_equal(engine_write_one(k->engine, b, &err), 0);
    batch_done(b);
}

static void restart(void) {
    end();
    begin();
}

static void body_repair(void) {
    struct batch b;
    struct key key;
    char fault[CHECK_TEXT];
    Store__FileInfo info = {0};
    if (!kit_on_disk) return;
    begin();
    fill();
    /* The record of a folder is damaged: what it held comes to the top. */
    batch_init(&b);
    file_key(&key, 5, FILE_ROOT, STR("docs"));
    batch_put(&b, SPACE_META, key_str(&key), STR("damaged"));
    tamper(&b);
    restart();
    assert_int_equal(stat_of("docs/a.txt", NULL), ERR_CORRUPT);
    list_is("", "top:8"); /* others go on */
    assert_true(check(false, fault, NULL) > 0);
    assert_string_equal(fault, "an entry of the web folders of account 5 is damaged");
    (void)check(true, NULL, NULL);
    check_clean(4);
    usage_becomes(4, 3, 19);
    BUF_AUTO top = BUF_INIT(1000);
    list_of("", 10, &top);
    assert_memory_equal(buf_cstr(&top), "recovered-", 10);
    /* The body of a file is lost, the usage is wrong, a folder was removed halfway. */
    assert_int_equal(stat_of("top", &info), 0);
    batch_init(&b);
    key = key_of_id(KEY_BLOB, info.version);
    batch_delete(&b, SPACE_META, key_str(&key));
    key = key_of_id(KEY_FILE_USAGE, 5);
    batch_put(&b, SPACE_META, key_str(&key), STR("bad"));
    tamper(&b);
    restart(); /* which counts anew, and lets go of what has no body */
    usage_becomes(3, 3, 11);
    assert_int_equal(stat_of("top", NULL), ERR_NOTFOUND);
    (void)check(true, NULL, NULL); /* chunks without a body */
    check_clean(3);
    end();
}
KIT_TEST(repair)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),    cmocka_unit_test(test_refused),    cmocka_unit_test(test_depth),
        cmocka_unit_test(test_content), cmocka_unit_test(test_packed),     cmocka_unit_test(test_limits),
        cmocka_unit_test(test_domain),  cmocka_unit_test(test_permission), cmocka_unit_test(test_account),
        cmocka_unit_test(test_repair),  cmocka_unit_test(test_replaced),   cmocka_unit_test(test_rebuilt_and_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
