/* The frame codec: every case whole and byte by byte. */
#include "rpc/frame.h"
#include "rpc/store_methods.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t make(unsigned char *out, uint32_t id, enum rpc_kind kind, struct str body, struct str attach) {
    assert_int_equal(rpc_frame_head(out, id, 10, kind, body.len, attach.len), 0);
    if (body.len > 0) memcpy(out + RPC_HEAD_SIZE, body.ptr, body.len);
    if (attach.len > 0) memcpy(out + RPC_HEAD_SIZE + body.len, attach.ptr, attach.len);
    return RPC_HEAD_SIZE + body.len + attach.len;
}

static void test_round_trip(void **state) {
    (void)state;
    static const struct {
        uint32_t id;
        enum rpc_kind kind;
        struct str body, attach;
    } cases[] = {
        {1, RPC_REQUEST, STR("abc"), STR("attachment")},
        {0xfffffffe, RPC_REPLY, STR(""), STR("x")},
        {7, RPC_ERROR, STR(""), STR("\xfe\xff\xff\xfftext")},
        {0, RPC_EVENT, STR("event"), STR("")},
        {3, RPC_REPLY, STR(""), STR("")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char wire[128];
        size_t len = make(wire, cases[i].id, cases[i].kind, cases[i].body, cases[i].attach), size = 99;
        struct rpc_frame f = {0};
        for (size_t part = 0; part < len; part++) {
            assert_int_equal(rpc_frame_parse(str_of(wire, part), &f, &size), ERR_AGAIN);
            assert_int_equal(size, part < 4 ? 0 : len);
        }
        assert_int_equal(rpc_frame_parse(str_of(wire, len), &f, &size), 0);
        assert_int_equal(size, len);
        assert_int_equal(f.id, cases[i].id);
        assert_int_equal(f.method, 10);
        assert_int_equal(f.kind, cases[i].kind);
        assert_true(str_eq(f.body, cases[i].body));
        assert_true(str_eq(f.attach, cases[i].attach));
    }
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *what;
        unsigned char wire[RPC_HEAD_SIZE];
        int code;
    } cases[] = {
        {"shorter than its head", {11, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0}, ERR_INVALID},
        {"longer than a frame may be", {0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0}, ERR_LIMIT},
        {"just above the maximum", {0xfd, 0xff, 0x3f, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0}, ERR_LIMIT},
        {"kind 0", {12, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}, ERR_INVALID},
        {"kind 5", {12, 0, 0, 0, 1, 0, 0, 0, 1, 0, 5, 0, 0, 0, 0, 0}, ERR_INVALID},
        {"zero byte not zero", {12, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0}, ERR_INVALID},
        {"protobuf longer than the frame", {13, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 2, 0, 0, 0}, ERR_INVALID},
        {"event with a request id", {12, 0, 0, 0, 1, 0, 0, 0, 1, 0, 4, 0, 0, 0, 0, 0}, ERR_INVALID},
        {"request without an id", {12, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0}, ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rpc_frame f;
        size_t size;
        assert_int_equal(rpc_frame_parse(str_of(cases[i].wire, RPC_HEAD_SIZE), &f, &size), cases[i].code);
    }
    unsigned char head[RPC_HEAD_SIZE];
    assert_int_equal(rpc_frame_head(head, 1, 1, RPC_REQUEST, RPC_FRAME_MAX, 0), ERR_LIMIT);
    assert_int_equal(rpc_frame_head(head, 1, 1, RPC_REQUEST, SIZE_MAX, SIZE_MAX), ERR_LIMIT);
    assert_int_equal(rpc_frame_head(head, 1, 1, RPC_REQUEST, 8, RPC_FRAME_MAX - RPC_HEAD_SIZE - 8), 0);
}

static void test_unpack(void **state) {
    (void)state;
    Store__QueueRead read = STORE__QUEUE_READ__INIT;
    read.id = 77;
    read.length = 1u << 20;
    uint8_t packed[64];
    size_t len = store__queue_read__pack(&read, packed);
    ARENA_AUTO arena = arena_new(RPC_UNPACK_MAX);
    ProtobufCMessage *msg = NULL;
    assert_int_equal(rpc_unpack(&store__queue_read__descriptor, str_of(packed, len), arena, &msg), 0);
    assert_int_equal(((Store__QueueRead *)(void *)msg)->id, 77);
    assert_int_equal(rpc_unpack(&store__queue_read__descriptor, str_of(packed, len - 1), arena, &msg), ERR_CORRUPT);
    assert_int_equal(rpc_unpack(&store__empty__descriptor, STR_EMPTY, arena, &msg), 0);
}

/* Two bytes on the wire make a whole structure in memory: the arena's maximum ends that. */
static void test_unpack_amplification(void **state) {
    (void)state;
    enum { BYTES = 2 * 1024 * 1024 };
    uint8_t *packed = malloc(BYTES);
    assert_non_null(packed);
    for (size_t i = 0; i < BYTES; i += 2) {
        packed[i] = 7 << 3 | 2; /* Entry.recipients, length-delimited */
        packed[i + 1] = 0;
    }
    ARENA_AUTO arena = arena_new(RPC_UNPACK_MAX);
    ProtobufCMessage *msg = NULL;
    assert_int_equal(rpc_unpack(&store__entry__descriptor, str_of(packed, BYTES), arena, &msg), ERR_CORRUPT);
    assert_true(arena_used(arena) <= RPC_UNPACK_MAX);
    free(packed);
}

static void test_error_frame(void **state) {
    (void)state;
    char wire[8] = {0};
    rpc_error_head((unsigned char *)wire, ERR_NOTFOUND);
    memcpy(wire + 4, "gone", 4);
    int code = 0;
    struct str text;
    assert_int_equal(rpc_error_parse(str_of(wire, 8), &code, &text), 0);
    assert_int_equal(code, ERR_NOTFOUND);
    assert_true(str_eq(text, STR("gone")));
    assert_int_equal(rpc_error_parse(str_of(wire, 3), &code, &text), ERR_CORRUPT);
    assert_int_equal(rpc_error_parse(STR("\0\0\0\0x"), &code, &text), ERR_CORRUPT); /* an error is never 0 */
}

static void test_roles(void **state) {
    (void)state;
    assert_int_equal(rpc_role_from_name(STR("smtpd")), ROLE_SMTPD);
    assert_int_equal(rpc_role_from_name(STR("responder")), ROLE_RESPONDER);
    assert_int_equal(rpc_role_from_name(STR("root")), 0);
    assert_string_equal(rpc_role_name(ROLE_MTA), "mta");
    assert_string_equal(rpc_role_name(0), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),           cmocka_unit_test(test_refused),     cmocka_unit_test(test_unpack),
        cmocka_unit_test(test_unpack_amplification), cmocka_unit_test(test_error_frame), cmocka_unit_test(test_roles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
