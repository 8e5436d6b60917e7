/* Fields cover the header without a gap; parameters, encoded-words and subjects decode into UTF-8. */
#include "proto/mime/decode.h"
#include "proto/mime/header.h"
#include "proto/mime/param.h"
#include "proto/mime/word.h"

enum { TEXT_MAX = 1 << 20 };

static void check_value(struct str value) {
    ARENA_AUTO arena = arena_new(TEXT_MAX);
    BUF_AUTO flat = BUF_INIT(TEXT_MAX);
    BUF_AUTO text = BUF_INIT(TEXT_MAX);
    header_unfold(&flat, value);
    IEMS_ASSERT(str_find(buf_str(&flat), '\n') == STR_NPOS);
    word_decode(&text, buf_str(&flat));
    subject_base(&text, buf_str(&flat), NULL);
    struct mime_value v;
    if (mime_value_parse(value, arena, &v) != 0) return;
    for (const struct mime_param *p = v.params; p != NULL; p = p->next) mime_param_decode(&text, p);
    IEMS_ASSERT(text.error != 0 || str_is_utf8(buf_str(&text)));
}

static void check_decoder(struct str bytes, enum mime_encoding encoding, struct str charset) {
    BUF_AUTO whole = BUF_INIT(TEXT_MAX);
    BUF_AUTO pieces = BUF_INIT(TEXT_MAX);
    struct mime_text_decoder d;
    mime_text_decoder_init(&d, encoding, charset);
    mime_text_decoder_feed(&d, bytes, true, &whole);
    mime_text_decoder_init(&d, encoding, charset);
    for (size_t i = 0; i < bytes.len; i++)
        mime_text_decoder_feed(&d, str_sub(bytes, i, 1), i + 1 == bytes.len, &pieces);
    IEMS_ASSERT(str_eq(buf_str(&whole), buf_str(&pieces)));
    IEMS_ASSERT(str_is_utf8(buf_str(&whole)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str whole = str_of(data, size), rest = whole;
    struct header_field f;
    size_t taken = 0;
    while (header_next(&rest, &f)) {
        IEMS_ASSERT(f.raw.ptr == whole.ptr + taken);
        taken += f.raw.len;
        if (f.value.len < 4096) check_value(f.value);
    }
    struct mime_text_form form;
    mime_text_form(whole, &form);
    for (int e = MIME_IDENTITY; e <= MIME_UUENCODE; e++) {
        check_decoder(whole, (enum mime_encoding)e, STR("utf-8"));
        check_decoder(whole, (enum mime_encoding)e, STR("iso-2022-jp"));
    }
    return 0;
}
