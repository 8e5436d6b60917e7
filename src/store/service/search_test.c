/* The search index in the store: bodies are given to who makes signatures, once; searches ask them; a body takes its
 * signature along. docs/design/search.md. */
#include "store/search/signature.h"
#include "store/service/testkit.h"

#include "net/loop.h"
#include "rpc/store_methods.h"
#include "store/store.h"

#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { ACCOUNT = 7 };

static uint64_t append(struct kit_client *imapd, uint32_t session, const char *text) {
    Store__MessageAppend req = STORE__MESSAGE_APPEND__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = session;
    req.folder = (char *)"INBOX";
    assert_int_equal(kit_call(imapd, STORE_MESSAGE_APPEND, &req.base, str_from(text), &reply, NULL), 0);
    return ((const Store__MessageAppended *)reply.msg)->folder;
}

/* Takes what waits and puts signatures of it; returns how many. */
static size_t work(struct kit_client *index, uint32_t max, bool put) {
    Store__IndexTake take = STORE__INDEX_TAKE__INIT;
    RPC_REPLY_AUTO taken = {0};
    take.max = max;
    assert_int_equal(kit_call(index, STORE_INDEX_TAKE, &take.base, STR_EMPTY, &taken, NULL), 0);
    const Store__IndexBodies *bodies = (const Store__IndexBodies *)taken.msg;
    struct signature_builder *b = signature_builder_new();
    struct str rest = taken.attach;
    for (size_t i = 0; i < bodies->n_bodies && put; i++) {
        Store__IndexPut req = STORE__INDEX_PUT__INIT;
        Store__IndexMade made = STORE__INDEX_MADE__INIT, *list[] = {&made};
        BUF_AUTO sig = BUF_INIT(SIGNATURE_MAX);
        assert_true(bodies->bodies[i]->attached);
        signature_add(b, str_sub(rest, 0, (size_t)bodies->bodies[i]->size), true);
        signature_finish(b, false, &sig);
        rest = str_sub(rest, (size_t)bodies->bodies[i]->size, SIZE_MAX);
        made.body = bodies->bodies[i]->body;
        made.signature = rpc_binary(buf_str(&sig));
        req.made = list;
        req.n_made = 1;
        assert_int_equal(kit_call(index, STORE_INDEX_PUT, &req.base, STR_EMPTY, NULL, NULL), 0);
    }
    signature_builder_free(b);
    return bodies->n_bodies;
}

static Store__SearchStatus status(struct kit_client *cli) {
    Store__SearchStatusRequest req = STORE__SEARCH_STATUS_REQUEST__INIT;
    RPC_REPLY_AUTO reply = {0};
    assert_int_equal(kit_call(cli, STORE_SEARCH_STATUS, &req.base, STR_EMPTY, &reply, NULL), 0);
    return *(const Store__SearchStatus *)reply.msg;
}

/* UIDs that may hold the needle, as bits. */
static unsigned ask(struct kit_client *imapd, uint32_t session, uint64_t folder, const char *needle) {
    Store__SearchCandidates req = STORE__SEARCH_CANDIDATES__INIT;
    Store__SearchNeedle n = STORE__SEARCH_NEEDLE__INIT, *list[] = {&n};
    Store__UidRun all = STORE__UID_RUN__INIT, *runs[] = {&all};
    RPC_REPLY_AUTO reply = {0};
    unsigned bits = 0;
    all.first = 1;
    all.last = UINT32_MAX;
    n.text = rpc_binary(str_from(needle));
    req.session = session;
    req.folder = folder;
    req.uids = runs;
    req.n_uids = 1;
    req.needles = list;
    req.n_needles = 1;
    assert_int_equal(kit_call(imapd, STORE_SEARCH_CANDIDATES, &req.base, STR_EMPTY, &reply, NULL), 0);
    for (size_t at = 0; at + 8 <= reply.attach.len; at += 8) {
        uint32_t record[2];
        memcpy(record, reply.attach.ptr + at, sizeof record);
        assert_int_equal(le32toh(record[1]), 1);
        bits |= 1u << le32toh(record[0]);
    }
    return bits;
}

static void expunge_run(struct kit_client *imapd, uint32_t session, uint64_t folder, uint32_t first, uint32_t last) {
    Store__MessageExpunge req = STORE__MESSAGE_EXPUNGE__INIT;
    Store__UidRun run = STORE__UID_RUN__INIT, *runs[] = {&run};
    run.first = first;
    run.last = last;
    req.session = session;
    req.folder = folder;
    req.uids = runs;
    req.n_uids = 1;
    assert_int_equal(kit_call(imapd, STORE_MESSAGE_EXPUNGE, &req.base, STR_EMPTY, NULL, NULL), 0);
}

static void expunge_all(struct kit_client *imapd, uint32_t session, uint64_t folder) {
    Store__MessageExpunge req = STORE__MESSAGE_EXPUNGE__INIT;
    req.session = session;
    req.folder = folder;
    assert_int_equal(kit_call(imapd, STORE_MESSAGE_EXPUNGE, &req.base, STR_EMPTY, NULL, NULL), 0);
}

static void body_life(void) {
    static struct kit k;
    k = (struct kit){0};
    kit_open(&k);
    struct kit_client *imapd = kit_connect(&k, ROLE_IMAPD), *index = kit_connect(&k, ROLE_INDEX),
                      *cli = kit_connect(&k, ROLE_CLI);
    uint32_t session = kit_login(imapd, ACCOUNT, 0);
    uint64_t folder = append(imapd, session, "A: b\r\n\r\nzebra");
    append(imapd, session, "A: b\r\n\r\nquartz");
    assert_int_equal(status(cli).waiting, 2);
    assert_int_equal(ask(imapd, session, folder, "zebra"), 6); /* without signatures any may hold it */
    assert_int_equal(work(index, 1, true), 1);
    assert_int_equal(work(index, 10, true), 1);
    assert_int_equal(status(cli).waiting, 0);
    assert_int_equal(status(cli).made, 2);
    assert_int_equal(ask(imapd, session, folder, "zebra"), 2);
    assert_int_equal(ask(imapd, session, folder, "quartz"), 4);
    assert_int_equal(ask(imapd, session, folder, "xylophone"), 0);
    assert_int_equal(ask(imapd, session, folder, "xy"), 6); /* too short to tell */
    append(imapd, session, "A: b\r\n\r\nthird");
    assert_int_equal(ask(imapd, session, folder, "xylophone"), 8);
    assert_int_equal(kit_records(&k, KEY_SIGNATURE), 2);
    expunge_all(imapd, session, folder);
    assert_int_equal(kit_records(&k, KEY_SIGNATURE), 0); /* the signature goes with the body */
    assert_int_equal(kit_records(&k, KEY_UNINDEXED), 0);
    kit_disconnect(imapd), kit_disconnect(index), kit_disconnect(cli);
    kit_close(&k);
    k.service = NULL;
}

/* What was taken and not put is given again, to a new connection, one at a time; a body on which two ended, not. */
static void body_again(void) {
    static struct kit k;
    k = (struct kit){0};
    kit_open(&k);
    struct kit_client *imapd = kit_connect(&k, ROLE_IMAPD), *cli = kit_connect(&k, ROLE_CLI);
    uint32_t session = kit_login(imapd, ACCOUNT, 0);
    uint64_t folder = append(imapd, session, "A: b\r\n\r\nzebra");
    append(imapd, session, "A: b\r\n\r\nquartz");
    const size_t given[] = {2, 1, 1}; /* all; then the first alone, twice */
    for (size_t i = 0; i < 3; i++) {
        struct kit_client *index = kit_connect(&k, ROLE_INDEX);
        assert_int_equal(work(index, 10, false), given[i]);
        kit_disconnect(index);
        (void)!fiber_sleep(20);
    }
    struct kit_client *index = kit_connect(&k, ROLE_INDEX);
    assert_int_equal(work(index, 10, true), 1); /* the second: the first is skipped */
    assert_int_equal(status(cli).waiting, 0);
    assert_int_equal(ask(imapd, session, folder, "quartz"), 6); /* the first is always looked into */
    assert_int_equal(ask(imapd, session, folder, "zebra"), 2);
    kit_disconnect(imapd), kit_disconnect(index), kit_disconnect(cli);
    kit_close(&k);
}

/* Signatures read by a scan, kept for the next search, and read anew for messages that came since. */
static void body_shelf(void) {
    static struct kit k;
    static const char *const words[] = {"aardvark",  "bulldozer", "crossword", "dumpling", "evergreen", "firework",
                                        "gooseneck", "hydrant",   "inkwell",   "jukebox",  "kerosene",  "lumberjack",
                                        "moonstone", "nutmeg",    "oxbow",     "pumpkin",  "quagmire",  "rhubarb",
                                        "saxophone", "turnpike",  "umbrella",  "vineyard"};
    enum { WORDS = sizeof words / sizeof *words };
    k = (struct kit){0};
    kit_open(&k);
    struct kit_client *imapd = kit_connect(&k, ROLE_IMAPD), *index = kit_connect(&k, ROLE_INDEX);
    uint32_t session = kit_login(imapd, ACCOUNT, 0);
    uint64_t folder = 0;
    unsigned gone = 1u << 5 | 1u << 6;
    for (size_t i = 0; i < WORDS; i++) {
        if (i == 18) assert_int_equal(work(index, 64, true), 18);
        folder = append(imapd, session, words[i]);
        if (i < 17 || i == 19) continue;
        for (size_t w = 0; w <= i; w++) /* those without a signature may hold all */
            assert_int_equal(ask(imapd, session, folder, words[w]),
                             1u << (w + 1) |
                                 (i < 18 ? (2u << (i + 1)) - 2 : ((2u << (i + 1)) - 1) & ~((1u << 19) - 1)));
    }
    assert_int_equal(work(index, 64, true), WORDS - 18);
    expunge_run(imapd, session, folder, 5, 6);
    for (int round = 0; round < 2; round++)
        for (size_t w = 0; w < WORDS; w++)
            assert_int_equal(ask(imapd, session, folder, words[w]), 1u << (w + 1) & ~gone);
    kit_disconnect(imapd), kit_disconnect(index);
    kit_close(&k);
}

static void body_rebuild(void) {
    static struct kit k;
    k = (struct kit){0};
    kit_open(&k);
    struct kit_client *imapd = kit_connect(&k, ROLE_IMAPD), *index = kit_connect(&k, ROLE_INDEX),
                      *cli = kit_connect(&k, ROLE_CLI);
    uint32_t session = kit_login(imapd, ACCOUNT, 0);
    append(imapd, session, "A: b\r\n\r\nzebra");
    append(imapd, session, "A: b\r\n\r\nquartz");
    append(imapd, session, "A: b\r\n\r\nthird");
    assert_int_equal(work(index, 10, true), 3);
    Store__SearchRebuild req = STORE__SEARCH_REBUILD__INIT;
    assert_int_equal(kit_call(cli, STORE_SEARCH_REBUILD, &req.base, STR_EMPTY, NULL, NULL), 0);
    assert_true(status(cli).round);
    assert_int_equal(work(index, 2, true), 2);
    assert_true(status(cli).round);
    assert_int_equal(work(index, 2, true), 1);
    req.account = ACCOUNT;
    RPC_REPLY_AUTO reply = {0};
    assert_int_equal(kit_call(cli, STORE_SEARCH_REBUILD, &req.base, STR_EMPTY, &reply, NULL), 0);
    assert_int_equal(((const Store__SearchRebuilt *)reply.msg)->bodies, 3);
    assert_int_equal(work(index, 10, true), 3);
    assert_int_equal(status(cli).waiting, 0);
    assert_int_equal(status(cli).made, 9);
    kit_disconnect(imapd), kit_disconnect(index), kit_disconnect(cli);
    kit_close(&k);
}

KIT_TEST_ONCE(life)
KIT_TEST_ONCE(again)
KIT_TEST_ONCE(shelf)
KIT_TEST_ONCE(rebuild)

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_life), cmocka_unit_test(test_again),
                                       cmocka_unit_test(test_shelf), cmocka_unit_test(test_rebuild)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
