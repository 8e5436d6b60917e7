/* Mail data: decoded whole and byte by byte to the same; ends at CRLF dot CRLF only; what is encoded comes back. */
#include "base/buf.h"
#include "proto/smtp/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 64 * 1024 };

struct outcome {
    bool ended;
    unsigned bare;
    size_t left;
};

static struct outcome decode(struct str in, size_t step, bool dots, bool fix, struct buf *out) {
    struct smtp_decoder d;
    struct outcome o = {0};
    if (dots)
        smtp_decoder_init_data(&d, fix);
    else
        smtp_decoder_init_bdat(&d, fix);
    o.left = in.len;
    while (o.left > 0 && !o.ended) {
        struct str piece = str_sub(in, in.len - o.left, step);
        enum smtp_data_event event = SMTP_DATA_SPAN;
        while (event == SMTP_DATA_SPAN) {
            size_t used;
            struct str span;
            event = smtp_decoder_next(&d, piece, &used, &span);
            IEMS_ASSERT(used <= piece.len);
            buf_add(out, span);
            piece = str_sub(piece, used, piece.len);
            o.left -= used;
        }
        o.ended = event == SMTP_DATA_END;
    }
    if (!dots) buf_add(out, smtp_decoder_finish(&d));
    o.bare = d.bare;
    return o;
}

static void encode(struct str in, size_t step, struct buf *out) {
    struct smtp_encoder e;
    smtp_encoder_init(&e);
    for (size_t at = 0; at < in.len;) {
        struct str piece = str_sub(in, at, step);
        at += piece.len;
        size_t used;
        struct str span;
        while (smtp_encoder_next(&e, piece, &used, &span)) {
            buf_add(out, span);
            piece = str_sub(piece, used, piece.len);
        }
    }
    buf_add(out, smtp_encoder_finish(&e));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > INPUT_MAX) return 0;
    struct str in = str_of(data, size);
    for (int mode = 0; mode < 4; mode++) {
        BUF_AUTO whole = BUF_INIT((size_t)INPUT_MAX * 3);
        BUF_AUTO bytes = BUF_INIT((size_t)INPUT_MAX * 3);
        struct outcome a = decode(in, SIZE_MAX, mode & 1, mode & 2, &whole);
        struct outcome b = decode(in, 1, mode & 1, mode & 2, &bytes);
        IEMS_ASSERT(a.ended == b.ended && a.left == b.left && a.bare == b.bare);
        IEMS_ASSERT(str_eq(buf_str(&whole), buf_str(&bytes)));
        ptrdiff_t end = str_starts(in, STR(".\r\n")) ? 0 : str_find_str(in, STR("\r\n.\r\n"));
        if (mode & 1) IEMS_ASSERT(a.ended == (end != STR_NPOS));
    }
    BUF_AUTO wire = BUF_INIT((size_t)INPUT_MAX * 4);
    BUF_AUTO wire_bytes = BUF_INIT((size_t)INPUT_MAX * 4);
    BUF_AUTO back = BUF_INIT((size_t)INPUT_MAX * 4);
    encode(in, SIZE_MAX, &wire);
    encode(in, 1, &wire_bytes);
    IEMS_ASSERT(str_eq(buf_str(&wire), buf_str(&wire_bytes)));
    struct outcome o = decode(buf_str(&wire), 4096, true, false, &back);
    IEMS_ASSERT(o.ended && o.left == 0 && o.bare == 0);
    return 0;
}
