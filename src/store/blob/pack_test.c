/* Packing of pieces: what comes out is what went in, whatever it was; damage is told and never more. */
#include "store/blob/armour.h"
#include "store/blob/pack.h"
#include "store/blob/pieces.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LINE     "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5\r\n" /* 68 characters */
#define LINES4   LINE LINE LINE LINE
#define HEADER   "Content-Transfer-Encoding: base64\r\n\r\n"
#define WORDS    "The quick brown fox jumps over the lazy dog, and then it does so again and again.\r\n"
#define BINARY_4 204 /* bytes of LINES4 */

static const struct {
    const char *name, *text;
    size_t binary; /* bytes that were taken for base64; 0: none */
} armour_cases[] = {
    {"nothing", "", 0},
    {"text", WORDS WORDS WORDS, 0},
    {"an attachment", HEADER LINES4 "QUJD\r\n--b--\r\n", BINARY_4 + 3},
    {"padding 1", HEADER LINES4 "QUI=\r\n--b--\r\n", BINARY_4 + 2},
    {"padding 2", HEADER LINES4 "QUJDQQ==\r\n--b--\r\n", BINARY_4 + 4},
    {"padding with bits that stand for nothing", HEADER LINES4 "QUJ=\r\n--b--\r\n", BINARY_4},
    {"padding 2 with such bits", HEADER LINES4 "QR==\r\n--b--\r\n", BINARY_4},
    {"padding too early", HEADER LINES4 "QQ==QUJD\r\n", BINARY_4},
    {"only padding", HEADER LINES4 "====\r\n", BINARY_4},
    {"a last line that is no groups", HEADER LINES4 "QUJDQ\r\n", BINARY_4},
    {"no last line", HEADER LINES4 "--b--\r\n", BINARY_4},
    {"the end of the piece in a line", HEADER LINES4 "QUJDREV", BINARY_4 + 3},
    {"the end of the piece in a CRLF", HEADER LINES4 "QUJD\r", BINARY_4 + 3},
    {"the beginning of the piece in a line", "DREV\r\n" LINES4 "QUJD\r\n", BINARY_4 + 3},
    {"two", HEADER LINES4 "QUJD\r\n--b\r\n" HEADER LINES4 LINE "QQ==\r\n--b--\r\n", 2 * BINARY_4 + 3 + 51 + 1},
    {"too few lines", HEADER LINE LINE LINE "QUJD\r\n", 0},
    {"short lines", "QUJD\r\nQUJD\r\nQUJD\r\nQUJD\r\nQUJD\r\n", 0},
    {"a byte of no base64", HEADER LINES4 "QUJDREV-R0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5\r\n",
     BINARY_4},
    {"bare LF",
     HEADER "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5\n"
            "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5\n",
     0},
    {"CR inside", HEADER LINES4 "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVph\rmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5\r\n",
     BINARY_4 + 27},
};

static void check_pack(struct str raw) {
    BUF_AUTO packed = BUF_INIT(4 * PACK_PIECE_MAX);
    char *again = malloc(raw.len + 1);
    int rc = pack_piece(raw, &packed);
    if (rc == 0) {
        assert_true(packed.len < raw.len);
        assert_int_equal(unpack_piece(buf_str(&packed), again, raw.len), 0);
        assert_memory_equal(again, raw.ptr, raw.len);
        assert_int_equal(unpack_piece(buf_str(&packed), again, raw.len - 1), ERR_CORRUPT);
        for (size_t i = 0; i < packed.len && i < 512; i++) /* shorter than it should be */
            (void)!unpack_piece(str_sub(buf_str(&packed), 0, i), again, raw.len);
    } else {
        assert_int_equal(rc, ERR_LIMIT);
        assert_int_equal(packed.len, 0);
    }
    free(again);
}

static void armour(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof armour_cases / sizeof armour_cases[0]; i++) {
        struct str in = str_from(armour_cases[i].text);
        BUF_AUTO recipe = BUF_INIT(4096), text = BUF_INIT(4096), binary = BUF_INIT(4096);
        armour_split(in, &recipe, &text, &binary);
        if (binary.len != armour_cases[i].binary) fail_msg("%s: %zu bytes of base64", armour_cases[i].name, binary.len);
        assert_int_equal(recipe.len == 0, binary.len == 0);
        char out[4096];
        assert_int_equal(armour_join(buf_str(&recipe), str_of(buf_cstr(&text), text.len),
                                     str_of(buf_cstr(&binary), binary.len), out, in.len),
                         0);
        assert_memory_equal(out, in.ptr, in.len);
        for (size_t n = 1; n <= in.len; n++) check_pack(str_sub(in, 0, n)); /* the piece ends anywhere */
        for (size_t n = 0; n < in.len; n++) check_pack(str_sub(in, n, in.len));
    }
}

static const struct {
    const char *name;
    struct str recipe, text, binary;
    size_t len;
} bad_recipes[] = {
    {"text that is not there", STR("\x09\x01\x11\x00"), STR("abc"), STR_EMPTY, 80},
    {"bytes that are not there", STR("\x00\x01\x11\x00"), STR("abc"), STR("abc"), 73},
    {"more than fits", STR("\x00\x7f\x11\x00"), STR("abc"), STR("abc"), 20},
    {"lines of no length", STR("\x00\x7f\x00\x00"), STR("abc"), STR("abc"), 20},
    {"no end of a number", STR("\x80\x80\x80\x80\x80\x80\x80\x80\x80"), STR("abc"), STR("abc"), 20},
    {"a number that ends early", STR("\x80"), STR("abc"), STR("abc"), 3},
    {"an end in the middle", STR("\x00\x01"), STR("abc"), STR("abc"), 20},
    {"bytes that are left", STR_EMPTY, STR("abc"), STR("abc"), 3},
    {"too short", STR_EMPTY, STR("abc"), STR_EMPTY, 4},
    {"too long", STR_EMPTY, STR("abc"), STR_EMPTY, 2},
    {"a tail that does not fit", STR("\x00\x00\x11\x03"), STR_EMPTY, STR("abc"), 3},
};

static void bad_recipe(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad_recipes / sizeof bad_recipes[0]; i++) {
        char *out = malloc(bad_recipes[i].len);
        int rc =
            armour_join(bad_recipes[i].recipe, bad_recipes[i].text, bad_recipes[i].binary, out, bad_recipes[i].len);
        if (rc != ERR_CORRUPT) fail_msg("%s: %d", bad_recipes[i].name, rc);
        free(out);
    }
}

static uint32_t next(uint32_t *seed) {
    return *seed = *seed * 1664525u + 1013904223u, *seed >> 16;
}

/* Large pieces: long text, and an attachment that goes on from piece to piece; noise stays as it is. */
static void large(void **state) {
    (void)state;
    static char piece[PACK_PIECE_MAX];
    size_t line = sizeof LINE - 1;
    for (size_t shift = 0; shift < line + 2; shift += 7) {
        for (size_t i = 0; i < sizeof piece; i++) piece[i] = LINE[(i + shift) % line];
        BUF_AUTO packed = BUF_INIT(2 * PACK_PIECE_MAX);
        assert_int_equal(pack_piece(str_of(piece, sizeof piece), &packed), 0);
        assert_true((unsigned char)packed.ptr[0] & PACK_ARMOUR);
        check_pack(str_of(piece, sizeof piece - shift));
    }
    for (size_t i = 0; i < sizeof piece; i++) piece[i] = (WORDS)[i % (sizeof WORDS - 1)];
    check_pack(str_of(piece, sizeof piece));
    uint32_t seed = 1;
    for (size_t i = 0; i < sizeof piece; i++) piece[i] = (char)next(&seed);
    check_pack(str_of(piece, sizeof piece));
    BUF_AUTO packed = BUF_INIT(2 * PACK_PIECE_MAX);
    assert_int_equal(pack_piece(str_of(piece, sizeof piece), &packed), ERR_LIMIT);
    assert_int_equal(unpack_piece(STR_EMPTY, piece, 10), ERR_CORRUPT);
    assert_int_equal(unpack_piece(STR("\x20whatever"), piece, 10), ERR_CORRUPT);
    assert_int_equal(unpack_piece(STR("\x14whatever"), piece, 10), ERR_CORRUPT);
}

/* Bytes that were changed on their way give an error or something else, and nothing worse. */
static void damaged(void **state) {
    (void)state;
    struct str in = STR(HEADER LINES4 WORDS WORDS LINES4 "QUJDQQ==\r\n");
    BUF_AUTO packed = BUF_INIT(PACK_PIECE_MAX);
    char again[4096];
    assert_int_equal(pack_piece(in, &packed), 0);
    uint32_t seed = 7;
    for (int i = 0; i < 20000; i++) {
        size_t at = next(&seed) % packed.len;
        char was = packed.ptr[at];
        packed.ptr[at] = (char)next(&seed);
        (void)!unpack_piece(buf_str(&packed), again, in.len);
        packed.ptr[at] = was;
    }
}

/* A body of several pieces, packed or as they are: it comes out whole, or not at all when something is missing. */
static void pieces(void **state) {
    (void)state;
    static char body[2 * PACK_PIECE_MAX + 1], again[sizeof body];
    static const size_t sizes[] = {0, 1, 100, PACK_PIECE_MAX, PACK_PIECE_MAX + 1, sizeof body};
    for (size_t i = 0; i < sizeof body; i++) body[i] = (WORDS)[i % (sizeof WORDS - 1)];
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
        size_t len = sizes[i / 2];
        BUF_AUTO out = BUF_INIT(2 * sizeof body);
        for (size_t at = 0; at < len; at += PACK_PIECE_MAX) {
            BUF_AUTO packed = BUF_INIT(2 * PACK_PIECE_MAX);
            struct str raw = str_sub(str_of(body, len), at, PACK_PIECE_MAX);
            pieces_put(&out, i % 2 == 0 && pack_piece(raw, &packed) == 0 ? buf_str(&packed) : raw);
        }
        assert_int_equal(pieces_unpack(buf_str(&out), again, len), 0);
        assert_memory_equal(again, body, len);
        for (size_t n = 0; n < out.len; n += 1 + out.len / 1000)
            assert_int_equal(pieces_unpack(str_of(out.ptr, n), again, len), ERR_CORRUPT);
        if (len > 0) assert_int_equal(pieces_unpack(buf_str(&out), again, len - 1), ERR_CORRUPT);
        buf_adds(&out, "x");
        assert_int_equal(pieces_unpack(buf_str(&out), again, len), ERR_CORRUPT);
    }
    assert_int_equal(pieces_unpack(STR("\xff\xff\xff\xffx"), again, 1), ERR_CORRUPT);
    assert_int_equal(pieces_unpack(STR("\x02\x00\x00\x00xy"), again, 1), ERR_CORRUPT);
}

/* What was packed once must be read for ever. */
static void dictionary(void **state) {
    (void)state;
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < pack_dictionary.len; i++) h = (h ^ (unsigned char)pack_dictionary.ptr[i]) * 0x100000001b3u;
    assert_int_equal(pack_dictionary.len, 6001);
    assert_true(h == 0x8ea7e86e82e649e2u);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(armour), cmocka_unit_test(bad_recipe),
                                       cmocka_unit_test(large),  cmocka_unit_test(damaged),
                                       cmocka_unit_test(pieces), cmocka_unit_test(dictionary)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
