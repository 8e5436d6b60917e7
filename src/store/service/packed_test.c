/* Bodies are packed once their signature is made, and read as before: whole, in ranges, after a start; a store of
 * before is packed by a round; one of a newer version is refused. docs/design/store-format.md, STORE-02, LIM-25. */
#include "net/loop.h"
#include "rpc/store_methods.h"
#include "store/blob/blob.h"
#include "store/blob/pieces.h"
#include "store/mailbox/record.h"
#include "store/search/signature.h"
#include "store/service/testkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ACCOUNT = 7, LARGE = 200 * 1000, BODIES = 5 };
#define LINE "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5\r\n"

static struct kit k;
static struct kit_client *imapd, *index_maker, *cli;
static uint32_t session;
static uint64_t folder;
static struct buf bodies[BODIES];

static void up(void) {
    k.dir = kit_on_disk ? kit_dir : NULL;
    kit_open(&k);
    imapd = kit_connect(&k, ROLE_IMAPD);
    index_maker = kit_connect(&k, ROLE_INDEX);
    cli = kit_connect(&k, ROLE_CLI);
    session = kit_login(imapd, ACCOUNT, 0);
}

static void down(void) {
    kit_disconnect(imapd), kit_disconnect(index_maker), kit_disconnect(cli);
    kit_close(&k);
}

static void append(struct buf *body) {
    Store__MessageAppend req = STORE__MESSAGE_APPEND__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = session;
    req.folder = (char *)"INBOX";
    assert_int_equal(kit_call(imapd, STORE_MESSAGE_APPEND, &req.base, buf_str(body), &reply, NULL), 0);
    folder = ((const Store__MessageAppended *)reply.msg)->folder;
}

/* Text, an attachment of more than a chunk, noise, hardly anything, and exactly a chunk. */
static void make_bodies(void) {
    uint32_t seed = 1;
    for (size_t i = 0; i < BODIES; i++) {
        bodies[i] = BUF_INIT(2 * LARGE);
        buf_adds(&bodies[i], "From: a@example.test\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    }
    while (bodies[0].len < 6000) buf_adds(&bodies[0], "some words that come again, and some words more\r\n");
    while (bodies[1].len < LARGE) buf_adds(&bodies[1], LINE);
    while (bodies[2].len < 9000) buf_addc(&bodies[2], (char)((seed = seed * 1664525u + 1013904223u) >> 16));
    buf_truncate(&bodies[3], 5);
    while (bodies[4].len < BLOB_CHUNK) buf_adds(&bodies[4], "lines and lines and lines of it\r\n");
    buf_truncate(&bodies[4], BLOB_CHUNK);
    for (size_t i = 0; i < BODIES; i++) append(&bodies[i]);
}

static size_t chunk_bytes(size_t *count) {
    struct engine_iter *it;
    struct str key, value;
    size_t sum = 0;
    *count = 0;
    assert_int_equal(engine_iter_open(k.engine, &(struct engine_range){.space = SPACE_BLOB}, &it), 0);
    for (; engine_iter_next(k.engine, it, &key, &value); (*count)++) sum += value.len;
    assert_int_equal(engine_iter_close(k.engine, it), 0);
    return sum;
}

/* As iems-index does, with signatures that say nothing. Returns how many bodies there were. */
static size_t make_index(void) {
    static const char always[] = {SIGNATURE_VERSION, SIGNATURE_ALWAYS};
    Store__IndexTake take = STORE__INDEX_TAKE__INIT;
    Store__IndexPut put = STORE__INDEX_PUT__INIT;
    Store__IndexMade made[BODIES], *list[BODIES];
    RPC_REPLY_AUTO taken = {0};
    take.max = BODIES;
    assert_int_equal(kit_call(index_maker, STORE_INDEX_TAKE, &take.base, STR_EMPTY, &taken, NULL), 0);
    const Store__IndexBodies *given = (const Store__IndexBodies *)taken.msg;
    for (size_t i = 0; i < given->n_bodies; i++) {
        store__index_made__init(&made[i]);
        made[i].body = given->bodies[i]->body;
        made[i].signature = rpc_binary(str_of(always, sizeof always));
        list[i] = &made[i];
    }
    put.made = list;
    put.n_made = given->n_bodies;
    assert_int_equal(kit_call(index_maker, STORE_INDEX_PUT, &put.base, STR_EMPTY, NULL, NULL), 0);
    return given->n_bodies;
}

static void check_range(uint32_t uid, struct str body, uint64_t offset, uint64_t len) {
    Store__MessageRead req = STORE__MESSAGE_READ__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = session;
    req.folder = folder;
    req.uid = uid;
    req.offset = offset;
    req.length = len;
    assert_int_equal(kit_call(imapd, STORE_MESSAGE_READ, &req.base, STR_EMPTY, &reply, NULL), 0);
    assert_true(str_eq(reply.attach, str_sub(body, (size_t)offset, (size_t)len)));
}

static int list_bodies(unsigned fields, uint64_t max_bytes, uint32_t after, struct rpc_reply *reply) {
    Store__MessageList req = STORE__MESSAGE_LIST__INIT;
    req.session = session;
    req.folder = folder;
    req.fields = fields;
    req.max_bytes = max_bytes;
    req.after_uid = after;
    return kit_call(imapd, STORE_MESSAGE_LIST, &req.base, STR_EMPTY, reply, NULL);
}

/* Listed in pages of this size, as they are or to be unpacked here. Returns how much came. */
static size_t check_listed(unsigned fields, uint64_t max_bytes) {
    size_t sum = 0;
    uint32_t uid = 0;
    static char again[2 * LARGE];
    for (bool more = true; more;) {
        RPC_REPLY_AUTO reply = {0};
        struct message_record r;
        assert_int_equal(list_bodies(fields, max_bytes, uid, &reply), 0);
        more = ((const Store__MessageListed *)reply.msg)->more;
        sum += reply.attach.len;
        for (struct str rest = reply.attach; rest.len > 0;) {
            assert_int_equal(message_record_get(&rest, fields, &r), 0);
            assert_int_equal(r.uid, ++uid);
            struct str body = buf_str(&bodies[uid - 1]);
            assert_false(r.body_too_large);
            if (fields & FIELD_PACKED) {
                assert_int_equal(r.size, body.len);
                assert_int_equal(pieces_unpack(r.body, again, body.len), 0);
                r.body = str_of(again, body.len);
            }
            assert_true(str_eq(r.body, body));
        }
    }
    assert_int_equal(uid, BODIES);
    return sum;
}

/* Whoever unpacks by himself gets what is stored. */
static void check_lists(bool packed) {
    enum { PACKED = FIELD_SIZE | FIELD_BODY | FIELD_PACKED };
    static const unsigned wrong[] = {FIELD_PACKED, FIELD_PACKED | FIELD_BODY, FIELD_PACKED | FIELD_SIZE,
                                     PACKED | FIELD_HEADER};
    size_t whole = check_listed(FIELD_BODY, 0);
    assert_int_equal(check_listed(FIELD_BODY, 1000), whole);
    assert_int_equal(check_listed(FIELD_BODY | FIELD_HEADER | FIELD_ENVELOPE, 7000) > whole, true);
    size_t stored = check_listed(PACKED, 0);
    assert_int_equal(check_listed(PACKED, 1000), stored);
    assert_true(packed ? stored < 9000 + 4000 : stored > whole);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(list_bodies(wrong[i], 0, 0, NULL), ERR_INVALID);
}

static void check_bodies(void) {
    for (size_t i = 0; i < BODIES; i++) {
        struct str body = buf_str(&bodies[i]);
        check_range((uint32_t)i + 1, body, 0, body.len);
        for (uint64_t at = 0; at < body.len; at += 1 + body.len / 5) check_range((uint32_t)i + 1, body, at, 777);
        check_range((uint32_t)i + 1, body, BLOB_CHUNK - 10, 20);
    }
}

static void check_store(void) {
    Store__StoreCheckRequest req = STORE__STORE_CHECK_REQUEST__INIT;
    RPC_REPLY_AUTO reply = {0};
    assert_int_equal(kit_call(cli, STORE_STORE_CHECK, &req.base, STR_EMPTY, &reply, NULL), 0);
    assert_int_equal(((const Store__StoreCheckReply *)reply.msg)->n_faults, 0);
}

static void end(void) {
    Store__MessageExpunge req = STORE__MESSAGE_EXPUNGE__INIT;
    size_t count;
    req.session = session;
    req.folder = folder;
    assert_int_equal(kit_call(imapd, STORE_MESSAGE_EXPUNGE, &req.base, STR_EMPTY, NULL, NULL), 0);
    (void)chunk_bytes(&count);
    assert_int_equal(count, 0);
    down();
    for (size_t i = 0; i < BODIES; i++) buf_done(&bodies[i]);
}

static void body_life(void) {
    k = (struct kit){0};
    size_t count, packed, raw = 0;
    up();
    make_bodies();
    for (size_t i = 0; i < BODIES; i++) raw += bodies[i].len;
    assert_int_equal(chunk_bytes(&count), raw); /* nothing is packed while mail comes in */
    assert_int_equal(count, 6);
    check_bodies();
    check_lists(false);
    assert_int_equal(make_index(), BODIES);
    packed = chunk_bytes(&count);
    assert_int_equal(count, 6);
    assert_true(packed < 9000 + 4000); /* the noise, and hardly anything of the rest */
    check_bodies();
    check_lists(true);
    check_store();
    Store__SearchRebuild req = STORE__SEARCH_REBUILD__INIT;
    assert_int_equal(kit_call(cli, STORE_SEARCH_REBUILD, &req.base, STR_EMPTY, NULL, NULL), 0);
    assert_int_equal(make_index(), BODIES);
    assert_int_equal(chunk_bytes(&count), packed); /* once is enough */
    end();
}

/* Puts back what was there before it was packed. */
static void unpack_all(struct engine *e, struct batch *b) {
    struct engine_iter *it;
    struct str key, value;
    uint64_t ids[BODIES];
    size_t n = 0;
    assert_int_equal(engine_iter_open(e, &(struct engine_range){.space = SPACE_BLOB}, &it), 0);
    while (engine_iter_next(e, it, &key, &value)) {
        uint64_t id = key_get_u64(key, 0);
        size_t chunk = key_get_u32(key, 8);
        if (chunk == 0) ids[n++] = id;
        assert_true(n > 0 && n <= BODIES && ids[n - 1] == id);
        batch_put(b, SPACE_BLOB, key, str_sub(buf_str(&bodies[n - 1]), chunk * BLOB_CHUNK, BLOB_CHUNK));
    }
    assert_int_equal(engine_iter_close(e, it), 0);
}

/* A store of format 4 has signatures, and nothing is packed. */
static void make_format(uint32_t version) {
    unsigned char kind = KEY_FORMAT, format[4];
    struct batch b;
    struct engine *e;
    struct error err = {0};
    be32_put(format, version);
    assert_int_equal(engine_rocksdb_open(&(struct engine_config){.dir = kit_dir, .cache_bytes = 1 << 20}, &e, &err), 0);
    batch_init(&b);
    batch_put(&b, SPACE_META, str_of(&kind, 1), str_of(format, sizeof format));
    if (version == 4) unpack_all(e, &b);
    assert_int_equal(engine_write_one(e, &b, &err), 0);
    batch_done(&b);
    engine_close(e);
}

static void body_upgrade(void) {
    k = (struct kit){0};
    size_t count;
    if (!kit_on_disk) return;
    up();
    make_bodies();
    assert_int_equal(make_index(), BODIES);
    down();
    make_format(4);
    up();
    size_t raw = chunk_bytes(&count);
    assert_int_equal(count, 6);
    assert_true(raw > LARGE + BLOB_CHUNK);
    check_bodies();
    assert_int_equal(make_index(), BODIES);
    assert_true(chunk_bytes(&count) < 9000 + 4000);
    check_bodies();
    down();
    up();
    check_bodies();
    check_store();
    end();
}

static void body_newer(void) {
    k = (struct kit){0};
    struct engine *e;
    struct error err = {0};
    struct store *st;
    if (!kit_on_disk) return;
    make_format(STORE_FORMAT + 1);
    assert_int_equal(engine_rocksdb_open(&(struct engine_config){.dir = kit_dir, .cache_bytes = 1 << 20}, &e, &err), 0);
    assert_int_equal(store_open(e, NULL, NULL, &st, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "written by a newer version"));
}

KIT_TEST(life)
KIT_TEST(upgrade)
KIT_TEST(newer)

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_life), cmocka_unit_test(test_upgrade),
                                       cmocka_unit_test(test_newer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
