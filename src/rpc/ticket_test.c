#include "rpc/ticket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct ticket sample = {
    .account = 77, .quota = 1000, .expires_s = 5000, .files = true, .files_quota = 7, .files_domain_quota = 9};

static struct str key_a(void) {
    return str_of("0123456789abcdef0123456789abcdef", TICKET_KEY_LEN);
}
static struct str key_b(void) {
    return str_of("0123456789abcdef0123456789abcdeF", TICKET_KEY_LEN);
}

static void seal(struct buf *b) {
    struct ticket t = sample;
    t.address = STR("bart@example.test");
    t.service = STR("imap");
    buf_init(b, TICKET_MAX);
    assert_int_equal(ticket_seal(key_a(), &t, b), 0);
}

static void test_round(void **state) {
    (void)state;
    BUF_AUTO b;
    seal(&b);
    struct ticket got;
    assert_int_equal(ticket_open(key_a(), buf_str(&b), 4999, &got, NULL), 0);
    assert_int_equal(got.account, 77);
    assert_int_equal(got.quota, 1000);
    assert_true(got.files && got.files_quota == 7 && got.files_domain_quota == 9);
    assert_true(str_eq(got.address, STR("bart@example.test")));
    assert_true(str_eq(got.service, STR("imap")));
}

static void test_refused(void **state) {
    (void)state;
    BUF_AUTO b;
    seal(&b);
    struct ticket got = {.account = 1};
    struct error err = {0};
    assert_int_equal(ticket_open(key_a(), buf_str(&b), 5000, &got, &err), ERR_DENIED);
    assert_non_null(strstr(err.text, "expired"));
    assert_int_equal(ticket_open(key_b(), buf_str(&b), 0, &got, NULL), ERR_DENIED);
    assert_int_equal(ticket_open(STR("short"), buf_str(&b), 0, &got, NULL), ERR_DENIED);
    for (size_t i = 0; i < b.len; i++) { /* no byte may change, no length may pass */
        b.ptr[i] ^= 1;
        assert_int_equal(ticket_open(key_a(), buf_str(&b), 0, &got, NULL), ERR_DENIED);
        b.ptr[i] ^= 1;
        assert_int_equal(ticket_open(key_a(), str_of(b.ptr, i), 0, &got, NULL), ERR_DENIED);
    }
    assert_int_equal(got.account, 1);
}

static void test_limits(void **state) {
    (void)state;
    char big[TICKET_ADDRESS_MAX + 1];
    memset(big, 'a', sizeof big);
    struct ticket t = {.address = str_of(big, sizeof big)};
    BUF_AUTO b = BUF_INIT(TICKET_MAX);
    assert_int_equal(ticket_seal(key_a(), &t, &b), ERR_LIMIT);
    t.address.len--;
    assert_int_equal(ticket_seal(STR("x"), &t, &b), ERR_INVALID);
    assert_int_equal(ticket_seal(key_a(), &t, &b), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
