/* A page gives back what was put into it, or is refused: no byte of it, and of its key, may change. */
#include "store/key.h"
#include "store/mailbox/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FOLDER = 7 };

static struct message out[PAGE_UIDS];

static void check_page(uint32_t first, uint32_t last, const struct message *list, size_t count) {
    struct key k;
    struct page page;
    BUF_AUTO v = BUF_INIT(PAGE_VALUE_MAX);
    message_key(&k, KEY_PAGE, FOLDER, first);
    page_encode(key_str(&k), last, list, count, &v);
    assert_int_equal(v.error, 0);
    assert_int_equal(page_decode(key_str(&k), buf_str(&v), out, &page), 0);
    assert_int_equal(page.range.first, first);
    assert_int_equal(page.range.last, last);
    assert_int_equal(page.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(out[i].uid, list[i].uid);
        assert_int_equal(out[i].flags, list[i].flags);
        assert_int_equal(out[i].modseq, list[i].modseq);
    }
}

static void test_table(void **state) {
    (void)state;
    static const struct {
        uint32_t first, last;
        size_t count;
        struct message m[6];
    } table[] = {
        {0, 4095, 0, {{0}}},
        {0, 4095, 1, {{1, 0, 1}}},
        {0, 4095, 2, {{1, 0, 1}, {4095, UINT64_MAX, UINT64_MAX}}},
        {0, 4095, 2, {{0, UINT64_MAX, UINT64_MAX}, {1, 0, 0}}},
        {4096, 8191, 4, {{4096, 8, 5}, {4097, 8, 6}, {4098, 8, 7}, {4099, 8, 7}}},
        {4096, 8191, 4, {{4096, 8, 5}, {4097, 8, 5}, {4098, 8, 5}, {4099, 8, 6}}},
        {4096, 8191, 4, {{4097, 8, 5}, {4098, 9, 6}, {4100, 9, 7}, {8191, 9, 8}}},
        {16, 31, 3, {{16, 1ull << 63, 1ull << 63}, {17, 1ull << 63, 1}, {31, 0, 1ull << 63}}},
        {0xfffff000, 0xffffffff, 2, {{0xfffffffe, 0, 3}, {0xffffffff, 0, 4}}},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        check_page(table[i].first, table[i].last, table[i].m, table[i].count);
}

static void test_random(void **state) {
    (void)state;
    static struct message list[PAGE_UIDS];
    srand(1);
    for (int round = 0; round < 200; round++) {
        int gaps = 1 + rand() % 20, kinds = 1 + rand() % 40;
        uint64_t modseq = (uint64_t)rand();
        size_t n = 0;
        for (uint32_t uid = 4096; uid < 8192; uid++) {
            if (rand() % gaps != 0) continue;
            list[n] = (struct message){uid, n > 0 ? list[n - 1].flags : 0, modseq};
            if (rand() % kinds == 0) list[n].flags = (uint64_t)rand() << (rand() % 40);
            modseq += (uint64_t)(rand() % kinds == 0 ? rand() % 1000 - 500 : rand() % 2);
            n++;
        }
        check_page(4096, 8191, list, n);
    }
}

static void refused(struct str key, struct str value) {
    struct page page = {.count = 77};
    assert_int_equal(page_decode(key, value, out, &page), ERR_CORRUPT);
    assert_int_equal(page.count, 77);
}

static void test_damaged(void **state) {
    (void)state;
    static const struct message list[] = {{1, 8, 2}, {2, 8, 3}, {5, 1024, 4}, {9, 0, 2}};
    struct key k;
    BUF_AUTO v = BUF_INIT(PAGE_VALUE_MAX);
    message_key(&k, KEY_PAGE, FOLDER, 0);
    page_encode(key_str(&k), 15, list, 4, &v);
    for (size_t i = 0; i < v.len; i++) {
        refused(key_str(&k), str_of(v.ptr, i));
        for (int bit = 0; bit < 8; bit++) {
            v.ptr[i] ^= (char)(1 << bit);
            refused(key_str(&k), buf_str(&v));
            v.ptr[i] ^= (char)(1 << bit);
        }
    }
    for (size_t i = 0; i < k.len; i++) {
        k.bytes[i] ^= 1; /* of another folder, or place */
        refused(key_str(&k), buf_str(&v));
        k.bytes[i] ^= 1;
    }
    buf_addc(&v, 0);
    refused(key_str(&k), buf_str(&v));
    refused(STR_EMPTY, STR_EMPTY);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table), cmocka_unit_test(test_random),
                                       cmocka_unit_test(test_damaged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
