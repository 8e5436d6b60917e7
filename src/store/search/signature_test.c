/* Tests of signature.c: a needle that occurs is always found; one that does not is mostly known. RFC 9051 6.4.4. */
#include "store/search/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 300, TEXT_MAX = 6000 };

static uint64_t state = 88172645463325252u;
static unsigned next(unsigned below) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % below;
}

/* Random words over a small alphabet with some bytes of UTF-8. */
static size_t random_text(char *out, size_t max, unsigned alphabet) {
    size_t len = next((unsigned)max) + 1;
    for (size_t i = 0; i < len; i++) {
        unsigned c = next(alphabet + 4);
        out[i] = c < alphabet        ? (char)('a' + c % 26)
                 : c == alphabet     ? (char)0xc3
                 : c == alphabet + 1 ? (char)0xa4
                                     : ' ';
    }
    return len;
}

/* Every substring of the text must be possible, whole or in pieces. */
static void occurs(void **arg) {
    (void)arg;
    static char text[TEXT_MAX];
    struct signature_builder *b = signature_builder_new();
    assert_non_null(b);
    for (int round = 0; round < ROUNDS; round++) {
        size_t len = random_text(text, round % 3 == 0 ? 20 : sizeof text, round % 2 == 0 ? 4 : 26);
        BUF_AUTO sig = BUF_INIT(SIGNATURE_MAX);
        bool begins = true;
        for (size_t at = 0; at < len;) {
            size_t n = round % 5 == 0 ? 1 : next(200) + 1;
            if (n > len - at) n = len - at;
            signature_add(b, str_of(text + at, n), begins);
            begins = false;
            at += n;
        }
        signature_finish(b, false, &sig);
        for (int k = 0; k < 50; k++) {
            size_t from = next((unsigned)len), n = next(round % 7 == 0 ? 200 : 12);
            struct signature_query q;
            signature_query_make(str_sub(str_of(text, len), from, n), &q);
            assert_true(signature_may_hold(buf_str(&sig), &q, STR_EMPTY));
        }
    }
    signature_builder_free(b);
}

/* Of words that are not there few seem to be; the filter takes five bits for a trigram. */
static void tells_apart(void **arg) {
    (void)arg;
    static char text[TEXT_MAX];
    struct signature_builder *b = signature_builder_new();
    unsigned asked = 0, wrong = 0;
    for (int round = 0; round < 50; round++) {
        size_t len = random_text(text, sizeof text, 26);
        BUF_AUTO sig = BUF_INIT(SIGNATURE_MAX);
        signature_add(b, str_of(text, len), true);
        signature_finish(b, false, &sig);
        assert_true(sig.len <= len * 5 / 8 + 3);
        for (int k = 0; k < 100; k++) {
            char word[6];
            struct signature_query q;
            for (size_t i = 0; i < sizeof word; i++) word[i] = (char)('a' + next(26));
            signature_query_make(str_of(word, sizeof word), &q);
            if (str_find_str(str_of(text, len), str_of(word, sizeof word)) != STR_NPOS) continue;
            asked++;
            wrong += signature_may_hold(buf_str(&sig), &q, STR_EMPTY);
        }
    }
    signature_builder_free(b);
    if (wrong * 100 > asked * 2) fail_msg("%u of %u", wrong, asked);
}

static void cases(void **arg) {
    (void)arg;
    struct signature_builder *b = signature_builder_new();
    BUF_AUTO sig = BUF_INIT(SIGNATURE_MAX), empty = BUF_INIT(16), always = BUF_INIT(16);
    signature_add(b, STR("zebra"), true);
    signature_add(b, STR("quartz"), true);
    signature_finish(b, false, &sig);
    signature_finish(b, false, &empty);
    signature_finish(b, true, &always);
    signature_builder_free(b);
    const struct {
        const char *needle, *extra;
        struct str signature;
        bool may;
    } table[] = {
        {"zebra", "", buf_str(&sig), true},
        {"ze", "", buf_str(&sig), true},              /* too short to tell */
        {"", "", buf_str(&sig), true},                /* the same */
        {"raqua", "", buf_str(&sig), false},          /* over the border of two units */
        {"xylophone", "", buf_str(&sig), false},      /* not there */
        {"xylo", "a xylophone", buf_str(&sig), true}, /* in the prefix */
        {"zebraxy", "braxy", buf_str(&sig), true},    /* half here, half there: must be looked for */
        {"content-type", "", buf_str(&sig), true},    /* says nothing */
        {"zebra", "", buf_str(&empty), false},        /* no text at all */
        {"zebra", "", buf_str(&always), true},
        {"xylophone", "", STR("\x7f\0abc"), true}, /* of another version */
        {"xylophone", "", STR(""), true},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct signature_query q;
        signature_query_make(str_from(table[i].needle), &q);
        assert_int_equal(signature_may_hold(table[i].signature, &q, str_from(table[i].extra)), table[i].may);
    }
}

/* A body of more trigrams than are kept. */
static void too_many(void **arg) {
    (void)arg;
    struct signature_builder *b = signature_builder_new();
    BUF_AUTO sig = BUF_INIT(SIGNATURE_MAX);
    for (unsigned i = 0; i < 400000; i++) {
        char t[3] = {(char)(i >> 16), (char)(i >> 8), (char)i};
        signature_add(b, str_of(t, sizeof t), true);
    }
    signature_finish(b, false, &sig);
    assert_int_equal(sig.len, 2);
    struct signature_query q;
    signature_query_make(STR("anything"), &q);
    assert_true(signature_may_hold(buf_str(&sig), &q, STR_EMPTY));
    buf_clear(&sig);
    signature_add(b, STR("zebra"), true); /* usable again */
    signature_finish(b, false, &sig);
    assert_false(signature_may_hold(buf_str(&sig), &q, STR_EMPTY));
    signature_builder_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(occurs), cmocka_unit_test(tells_apart), cmocka_unit_test(cases),
                                       cmocka_unit_test(too_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
