/* Replies: the same whole and byte by byte; what is parsed can be formatted and parsed again. Also the xtext codec. */
#include "proto/smtp/dsn.h"
#include "proto/smtp/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 64 * 1024 };

static void check_again(const struct smtp_reply *r) {
    BUF_AUTO wire = BUF_INIT((size_t)INPUT_MAX * 8);
    smtp_reply_format(&wire, r->code, r->enhanced, r->text);
    struct smtp_reply_parser p;
    smtp_reply_parser_init(&p);
    struct smtp_reply again;
    size_t used;
    enum parse rc = smtp_reply_next(&p, buf_str(&wire), &used, &again, NULL);
    /* The code that was taken off each line may make a line too long that was just short enough. */
    if (rc == PARSE_EVENT) IEMS_ASSERT(again.code == r->code && again.lines == r->lines && used == wire.len);
    smtp_reply_parser_done(&p);
}

static void run(struct str in, size_t step, struct buf *told) {
    struct smtp_reply_parser p;
    smtp_reply_parser_init(&p);
    size_t start = 0;
    enum parse rc = PARSE_MORE;
    for (size_t end = 0; end < in.len && rc != PARSE_ERROR;) {
        end = in.len - end > step ? end + step : in.len;
        do {
            size_t used;
            struct smtp_reply r;
            rc = smtp_reply_next(&p, str_sub(in, start, end - start), &used, &r, NULL);
            IEMS_ASSERT(start + used <= end);
            start += used;
            if (rc != PARSE_EVENT) continue;
            buf_printf(told, "%u %s %u ", r.code, r.enhanced, r.lines);
            buf_add(told, r.text);
            if (step > 1) check_again(&r);
        } while (rc == PARSE_EVENT);
    }
    buf_printf(told, "%d", (int)rc);
    smtp_reply_parser_done(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > INPUT_MAX) return 0;
    struct str in = str_of(data, size);
    BUF_AUTO whole = BUF_INIT((size_t)INPUT_MAX * 16);
    BUF_AUTO bytes = BUF_INIT((size_t)INPUT_MAX * 16);
    run(in, SIZE_MAX, &whole);
    run(in, 1, &bytes);
    IEMS_ASSERT(str_eq(buf_str(&whole), buf_str(&bytes)));
    BUF_AUTO plain = BUF_INIT(INPUT_MAX);
    if (dsn_xtext_decode(&plain, in) == 0) {
        BUF_AUTO coded = BUF_INIT((size_t)INPUT_MAX * 3);
        dsn_xtext_encode(&coded, buf_str(&plain));
        IEMS_ASSERT(dsn_xtext_check(buf_str(&coded)));
    }
    unsigned notify;
    struct str type, address;
    (void)!dsn_notify_parse(in, &notify);
    (void)!dsn_orcpt_split(in, &type, &address);
    return 0;
}
