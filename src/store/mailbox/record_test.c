#include "store/mailbox/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_round(void **state) {
    (void)state;
    const struct message_record in[] = {
        {.uid = 1,
         .flags = MAILBOX_SEEN | 1ull << 63,
         .modseq = 1ull << 62,
         .internal_date = -5,
         .save_date = 99,
         .size = 12,
         .blob = 7,
         .prefix_len = 3,
         .prefix_hash = 1ull << 63 | 5,
         .summary = STR("sum"),
         .body = STR("xyz123"),
         .header = STR("H: 1")},
        {.uid = 0xffffffff, .summary = STR_EMPTY, .body_too_large = true, .header_too_large = true},
        {.uid = 9, .summary = STR("s"), .body = STR_EMPTY},
    };
    for (unsigned fields = 0; fields < 256; fields++) { /* FIELD_PACKED says what a body means, not where it is */
        BUF_AUTO b = BUF_INIT(4096);
        for (size_t i = 0; i < 3; i++) message_record_put(&b, fields, &in[i]);
        assert_int_equal(b.error, 0);
        struct str rest = buf_str(&b);
        for (size_t i = 0; i < 3; i++) {
            struct message_record r;
            assert_int_equal(message_record_get(&rest, fields, &r), 0);
            assert_int_equal(r.uid, in[i].uid);
            assert_true(r.flags == in[i].flags && r.modseq == in[i].modseq);
            assert_int_equal(r.internal_date, fields & FIELD_DATES ? in[i].internal_date : 0);
            assert_int_equal(r.save_date, fields & FIELD_DATES ? in[i].save_date : 0);
            assert_int_equal(r.size, fields & FIELD_SIZE ? in[i].size : 0);
            assert_int_equal(r.blob, fields & (FIELD_SIZE | FIELD_ID) ? in[i].blob : 0);
            assert_true(r.prefix_hash == (fields & FIELD_ID ? in[i].prefix_hash : 0));
            assert_int_equal(r.prefix_len, fields & FIELD_SIZE ? in[i].prefix_len : 0);
            assert_true(str_eq(r.summary, fields & (FIELD_SUMMARY | FIELD_ENVELOPE) ? in[i].summary : STR_EMPTY));
            assert_true(str_eq(r.body, fields & FIELD_BODY ? str_of(in[i].body.ptr, in[i].body.len) : STR_EMPTY));
            assert_true(
                str_eq(r.header, fields & FIELD_HEADER ? str_of(in[i].header.ptr, in[i].header.len) : STR_EMPTY));
            assert_int_equal(r.header_too_large, fields & FIELD_HEADER ? in[i].header_too_large : false);
            assert_int_equal(r.body_too_large, fields & FIELD_BODY ? in[i].body_too_large : false);
        }
        struct message_record r;
        assert_int_equal(message_record_get(&rest, fields, &r), ERR_NOTFOUND);
    }
}

/* A cut record is refused at every length and leaves the input where it was. */
static void test_cut(void **state) {
    (void)state;
    const struct message_record in = {.uid = 1, .summary = STR("summary"), .body = STR("body")};
    BUF_AUTO b = BUF_INIT(4096);
    message_record_put(&b, 127, &in);
    for (size_t n = 1; n < b.len; n++) {
        struct str rest = str_of(b.ptr, n);
        struct message_record r;
        assert_int_equal(message_record_get(&rest, 127, &r), ERR_CORRUPT);
        assert_int_equal(rest.len, n);
    }
}

/* Records that say the body or the summary twice, and differently. */
static void test_contradiction(void **state) {
    (void)state;
    static const struct {
        unsigned fields;
        size_t at; /* of a byte of the second */
    } cases[] = {{FIELD_SIZE | FIELD_ID, 20 + 20}, {FIELD_SUMMARY | FIELD_ENVELOPE, 20 + 12 + 4}};
    const struct message_record in = {.uid = 1, .blob = 7, .summary = STR("summary!")};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BUF_AUTO b = BUF_INIT(4096);
        struct message_record r;
        message_record_put(&b, cases[i].fields, &in);
        struct str rest = buf_str(&b);
        assert_int_equal(message_record_get(&rest, cases[i].fields, &r), 0);
        b.ptr[cases[i].at] ^= 1;
        rest = buf_str(&b);
        assert_int_equal(message_record_get(&rest, cases[i].fields, &r), ERR_CORRUPT);
        assert_int_equal(rest.len, b.len);
    }
}

/* A record whose body comes in between is the same, and one that has no room leaves nothing. */
static void test_steps(void **state) {
    (void)state;
    struct message_record in = {
        .uid = 1, .size = 9, .summary = STR("sum"), .header = STR("head"), .body = STR("bo+dy")};
    for (unsigned n = 0; n < 512; n++) {
        unsigned fields = n & 255;
        BUF_AUTO whole = BUF_INIT(4096), steps = BUF_INIT(4096);
        in.body_too_large = n >= 256;
        message_record_put(&whole, fields, &in);
        size_t begun = message_record_begin(&steps, fields, &in);
        if ((fields & FIELD_BODY) && !in.body_too_large) {
            buf_adds(&steps, "bo+");
            buf_adds(&steps, "dy");
        }
        message_record_end(&steps, fields, &in, begun);
        assert_true(str_eq(buf_str(&whole), buf_str(&steps)));
        for (size_t max = 1; max < whole.len; max++) {
            BUF_AUTO small = BUF_INIT(max);
            message_record_put(&small, fields, &in);
            assert_int_equal(small.error, ERR_LIMIT);
            assert_int_equal(small.len, 0);
        }
    }
}

static void test_full(void **state) {
    (void)state;
    const struct message_record in = {.uid = 1};
    BUF_AUTO b = BUF_INIT(30);
    message_record_put(&b, 0, &in);
    assert_int_equal(b.error, 0);
    message_record_put(&b, 0, &in);
    assert_int_equal(b.error, ERR_LIMIT);
    assert_int_equal(b.len, 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round), cmocka_unit_test(test_cut),
                                       cmocka_unit_test(test_contradiction), cmocka_unit_test(test_full),
                                       cmocka_unit_test(test_steps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
