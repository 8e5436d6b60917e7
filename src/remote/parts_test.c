/* RESP-14: what other hosts may ask for, how their requests are read, whom a key belongs to. */
#include "remote/clean.h"
#include "remote/hosts.h"
#include "remote/permit.h"
#include "remote/request.h"
#include "rpc/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---------------------------------------------------------------- permission */

static void test_permit(void **state) {
    (void)state;
    static const struct {
        uint16_t method;
        int none, monitor, operate;
    } cases[] = {
        {REMOTE_STATE, ERR_DENIED, 0, 0},
        {REMOTE_METRICS, ERR_DENIED, 0, 0},
        {REMOTE_ACTION, ERR_DENIED, ERR_DENIED, 0},
        {REMOTE_RELOAD, ERR_DENIED, ERR_DENIED, 0},
        {REMOTE_LOG_LEVEL, ERR_DENIED, ERR_DENIED, 0},
        {REMOTE_HOSTS, ERR_UNSUPPORTED, ERR_UNSUPPORTED, ERR_UNSUPPORTED},
        {0, ERR_UNSUPPORTED, ERR_UNSUPPORTED, ERR_UNSUPPORTED},
        {31, ERR_UNSUPPORTED, ERR_UNSUPPORTED, ERR_UNSUPPORTED},
        {UINT16_MAX, ERR_UNSUPPORTED, ERR_UNSUPPORTED, ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = {0};
        assert_int_equal(remote_permit(cases[i].method, REMOTE_NONE, &err), cases[i].none);
        assert_int_equal(remote_permit(cases[i].method, REMOTE_MONITOR, &err), cases[i].monitor);
        assert_int_equal(remote_permit(cases[i].method, REMOTE_OPERATE, &err), cases[i].operate);
        assert_int_equal(remote_method_known(cases[i].method), cases[i].operate == 0);
        assert_int_equal(remote_method_changes(cases[i].method), cases[i].operate == 0 && cases[i].monitor != 0);
    }
    struct error err = {0};
    assert_int_equal(remote_permit(REMOTE_ACTION, REMOTE_MONITOR, &err), ERR_DENIED);
    assert_string_equal(err.text, "action needs the role operate, and the calling host has monitor");
}

/* ---------------------------------------------------------------- requests */

enum { FRAME_ROOM = 8192 };

struct shape {
    uint16_t method;
    enum rpc_kind kind;
    const char *module, *verb, *by;
    size_t attach;
};

static struct str make(const struct shape *s, unsigned char *out) {
    Remote__Ask ask = REMOTE__ASK__INIT;
    ask.module = (char *)(uintptr_t)s->module;
    ask.verb = (char *)(uintptr_t)s->verb;
    ask.by = (char *)(uintptr_t)s->by;
    size_t len = remote__ask__pack(&ask, out + RPC_HEAD_SIZE);
    assert_int_equal(rpc_frame_head(out, 7, s->method, s->kind, len, s->attach), 0);
    memset(out + RPC_HEAD_SIZE + len, 'x', s->attach);
    return str_of(out, RPC_HEAD_SIZE + len + s->attach);
}

/* Whole; and byte by byte: nothing may be decided that more bytes would change. */
static int parse(struct str in, struct remote_request *q, size_t *size, struct error *err) {
    int rc = ERR_AGAIN;
    for (size_t n = 0; n < in.len && rc == ERR_AGAIN; n++) rc = remote_request_parse(str_sub(in, 0, n), q, size, err);
    struct remote_request whole = {0};
    size_t used = 0;
    int all = remote_request_parse(in, &whole, &used, err);
    if (rc == ERR_AGAIN) {
        *q = whole;
        *size = used;
    }
    assert_true(rc == ERR_AGAIN || (rc == all && rc != 0)); /* refused early, for the same reason */
    return all;
}

#define LONG_32 "abcdefghijklmnopqrstuvwxyz012345"

static void test_request(void **state) {
    (void)state;
    static const struct {
        struct shape shape;
        int rc;
        const char *verb, *module, *by;
    } cases[] = {
        {{REMOTE_STATE, RPC_REQUEST, "", "", "", 0}, 0, "", "", ""},
        {{REMOTE_ACTION, RPC_REQUEST, "imapd", "stop", "root", 0}, 0, "stop", "imapd", "root"},
        {{REMOTE_ACTION, RPC_REQUEST, "", "start", "ann@example.org", 0}, 0, "start", "", "ann@example.org"},
        {{REMOTE_ACTION, RPC_REQUEST, LONG_32, "restart", "", 0}, 0, "restart", LONG_32, ""},
        {{REMOTE_ACTION, RPC_REQUEST, LONG_32 "x", "restart", "", 0}, ERR_INVALID, NULL, NULL, NULL},
        {{REMOTE_ACTION, RPC_REQUEST, "imapd", "", "", 0}, ERR_INVALID, NULL, NULL, NULL},
        {{REMOTE_ACTION, RPC_REQUEST, "imapd", "kill", "", 0}, ERR_INVALID, NULL, NULL, NULL},
        {{REMOTE_ACTION, RPC_REQUEST, "../imapd", "stop", "", 0}, ERR_INVALID, NULL, NULL, NULL},
        {{REMOTE_ACTION, RPC_REQUEST, "Imapd", "stop", "", 0}, ERR_INVALID, NULL, NULL, NULL},
        {{REMOTE_ACTION, RPC_REQUEST, "imapd", "stop", "a b", 0}, ERR_INVALID, NULL, NULL, NULL},
        {{REMOTE_ACTION, RPC_REQUEST, "imapd", "stop", "a\nb", 0}, ERR_INVALID, NULL, NULL, NULL},
        {{REMOTE_ACTION, RPC_REQUEST, "imapd", "stop", "\"", 0}, ERR_INVALID, NULL, NULL, NULL},
        {{REMOTE_ACTION, RPC_REQUEST, "imapd", "stop", LONG_32 LONG_32, 0}, 0, "stop", "imapd", LONG_32 LONG_32},
        {{REMOTE_ACTION, RPC_REQUEST, "imapd", "stop", LONG_32 LONG_32 "x", 0}, ERR_INVALID, NULL, NULL, NULL},
        {{REMOTE_STATE, RPC_REQUEST, "", "stop", "", 0}, ERR_INVALID, NULL, NULL, NULL},
        {{REMOTE_LOG_LEVEL, RPC_REQUEST, "", "debug", "", 0}, 0, "debug", "", ""},
        {{REMOTE_LOG_LEVEL, RPC_REQUEST, "", "stop", "", 0}, ERR_INVALID, NULL, NULL, NULL},
        {{REMOTE_LOG_LEVEL, RPC_REQUEST, "", "", "", 0}, ERR_INVALID, NULL, NULL, NULL},
        {{REMOTE_ACTION, RPC_REQUEST, "imapd", "debug", "", 0}, ERR_INVALID, NULL, NULL, NULL},
        {{REMOTE_STATE, RPC_REQUEST, "", "", "", 1}, ERR_INVALID, NULL, NULL, NULL},
        {{REMOTE_STATE, RPC_REPLY, "", "", "", 0}, ERR_INVALID, NULL, NULL, NULL},
        {{REMOTE_STATE, RPC_ERROR, "", "", "", 0}, ERR_INVALID, NULL, NULL, NULL},
        {{REMOTE_HOSTS, RPC_REQUEST, "../imapd", "x", "\n", 0}, 0, "", "", ""}, /* not even looked into */
        {{REMOTE_STATE, RPC_REQUEST, "", "", "", REMOTE_REQUEST_MAX}, ERR_LIMIT, NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char bytes[FRAME_ROOM];
        struct str in = make(&cases[i].shape, bytes);
        struct remote_request q = {.id = 99};
        struct error err = {0};
        size_t size = 0;
        assert_int_equal(parse(in, &q, &size, &err), cases[i].rc);
        if (cases[i].rc != 0) {
            assert_true(err.text[0] != '\0');
            continue;
        }
        assert_int_equal(size, in.len);
        assert_int_equal(q.id, 7);
        assert_int_equal(q.method, cases[i].shape.method);
        assert_string_equal(q.verb, cases[i].verb);
        assert_string_equal(q.module, cases[i].module);
        assert_string_equal(q.by, cases[i].by);
    }
}

/* What is too large is refused when its length is known. */
static void test_early(void **state) {
    (void)state;
    struct remote_request q = {.id = 99};
    struct error err = {0};
    size_t size = 0;
    assert_int_equal(remote_request_parse(str_of("\xff\x0f\0\0", 4), &q, &size, &err), ERR_LIMIT);
    assert_int_equal(remote_request_parse(str_of("\xff\xff\xff\xff", 4), &q, &size, &err), ERR_LIMIT);
    assert_int_equal(remote_request_parse(str_of("\x01\0\0\0", 4), &q, &size, &err), ERR_INVALID);
    assert_int_equal(remote_request_parse(str_of("\xfc\x0f\0\0", 4), &q, &size, &err), ERR_AGAIN);
    assert_int_equal(size, REMOTE_REQUEST_MAX);
    assert_int_equal(q.id, 99);
}

/* ---------------------------------------------------------------- hosts */

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
#define BB_16 "bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb"

static struct rows *sample(const char *lines) {
    struct rows *rows = NULL;
    struct error err = {0};
    if (rows_parse(table_find(STR("host")), str_from(lines), &rows, &err) != 0) fail_msg("%s", err.text);
    return rows;
}

static void test_keys(void **state) {
    (void)state;
    struct rows *rows = sample("a.example fingerprint=" KEY_A " role=operate\n"
                               "b.example fingerprint=" BB_16 ":" BB_16 " role=monitor\n"
                               "c.example mail=192.0.2.3\n");
    static const struct {
        unsigned char byte;
        const char *host;
        enum remote_role role;
    } cases[] = {{0xaa, "a.example", REMOTE_OPERATE},
                 {0xbb, "b.example", REMOTE_MONITOR},
                 {0xcc, NULL, REMOTE_NONE},
                 {0, NULL, REMOTE_NONE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char key[TLS_FINGERPRINT];
        memset(key, cases[i].byte, sizeof key);
        const struct row *row = hosts_by_key(rows, key);
        assert_int_equal(row == NULL, cases[i].host == NULL);
        if (row != NULL) assert_string_equal(row_key(row), cases[i].host);
        assert_int_equal(hosts_role(row), cases[i].role);
        key[TLS_FINGERPRINT - 1] ^= 1;
        assert_null(hosts_by_key(rows, key));
    }
    rows_free(rows);
}

static void test_target(void **state) {
    (void)state;
    struct rows *rows = sample("a.example fingerprint=" KEY_A "\n"
                               "b.example control=192.0.2.2:4321 fingerprint=" KEY_B "\n"
                               "c.example control=[2001:db8::3] fingerprint=" KEY_A "\n"
                               "d.example control=rc.example:99 fingerprint=" KEY_A "\n"
                               "e.example role=operate\n");
    static const struct {
        const char *name;
        int rc;
        const char *host; /* NULL: an address */
        uint16_t port;
    } cases[] = {
        {"A.Example", 0, "a.example", 1234}, {"b.example", 0, NULL, 4321},       {"c.example", 0, NULL, 1234},
        {"d.example", 0, "rc.example", 99},  {"e.example", ERR_DENIED, NULL, 0}, {"f.example", ERR_NOTFOUND, NULL, 0},
        {"", ERR_INVALID, NULL, 0},          {"a b", ERR_INVALID, NULL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct remote_target t = {.key_count = 0};
        struct error err = {0};
        assert_int_equal(hosts_target(rows, cases[i].name, &t, &err), cases[i].rc);
        assert_int_equal(t.key_count, cases[i].rc == 0);
        if (cases[i].rc != 0) continue;
        assert_int_equal(t.at.literal, cases[i].host == NULL);
        assert_int_equal(t.at.literal ? t.at.addr.port : t.at.port, cases[i].port);
        if (cases[i].host != NULL) assert_string_equal(t.at.host, cases[i].host);
    }
    rows_free(rows);
}

/* ---------------------------------------------------------------- replies */

static void test_clean(void **state) {
    (void)state;
    static const struct {
        const char *text, *clean;
    } cases[] = {
        {"", ""},
        {"imapd is ready\nand so on", "imapd is ready\nand so on"},
        {"\x1b[2Jgone", "?[2Jgone"},
        {"a\tb\rc\x7f", "a?b?c?"},
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
        {"gr\xfc", "gr?"},
        {"\xc3\xbc\xff", "???"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char texts[4][64];
        for (size_t k = 0; k < 4; k++)
            assert_int_equal(str_to_cstr(str_from(cases[i].text), texts[k], sizeof texts[k]), 0);
        Control__Module module = CONTROL__MODULE__INIT, *modules[] = {&module, &module};
        Control__Status status = CONTROL__STATUS__INIT;
        Remote__State s = REMOTE__STATE__INIT; /* without a store */
        char *warnings[] = {texts[1], texts[2]};
        module.detail = texts[0];
        status.modules = modules;
        status.n_modules = 2;
        status.warnings = warnings;
        status.n_warnings = 2;
        status.hostname = texts[3];
        s.status = &status;
        remote_clean(&s.base);
        for (size_t k = 0; k < 4; k++) assert_string_equal(texts[k], cases[i].clean);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_permit), cmocka_unit_test(test_request), cmocka_unit_test(test_early),
        cmocka_unit_test(test_keys),   cmocka_unit_test(test_target),  cmocka_unit_test(test_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
