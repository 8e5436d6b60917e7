/* Lines, commands and dot-stuffing of POP3: whole and in pieces alike, and a stuffed text never ends early. */
#include "base/buf.h"
#include "proto/pop3/command.h"
#include "proto/pop3/stuff.h"

enum { TEXT_MAX = 1 << 20 };

static void put_line(enum pop3_line_event event, struct str line, struct buf *out) {
    buf_addc(out, (char)('0' + event));
    if (event != POP3_LINE) return;
    buf_add(out, line);
    struct pop3_command c;
    const char *reason = NULL;
    int rc = pop3_command_parse(line, &c, &reason);
    IEMS_ASSERT(rc == 0 || rc == ERR_UNSUPPORTED || (rc == ERR_INVALID && reason != NULL));
    if (rc == 0) buf_adds(out, pop3_verb_name(c.verb));
}

static void cut(struct str in, size_t step, struct buf *out) {
    struct pop3_lines l = {.scanned = 0};
    BUF_AUTO waiting = BUF_INIT(TEXT_MAX);
    for (size_t at = 0; at < in.len; at += step) {
        enum pop3_line_event event;
        struct str line;
        size_t used;
        buf_add(&waiting, str_sub(in, at, step));
        while (pop3_line_next(&l, buf_str(&waiting), false, &used, &event, &line) == PARSE_EVENT) {
            put_line(event, line, out);
            buf_consume(&waiting, used);
        }
        buf_consume(&waiting, used);
        IEMS_ASSERT(waiting.len <= POP3_AUTH_LINE_MAX);
    }
}

static void stuff(struct pop3_stuff *s, struct str in, size_t step, struct buf *out) {
    for (size_t at = 0; at < in.len; at += step) {
        struct str piece = str_sub(in, at, step), insert, run;
        while (pop3_stuff_next(s, &piece, &insert, &run)) {
            buf_add(out, insert);
            buf_add(out, run);
        }
    }
    buf_add(out, pop3_stuff_end(s));
}

static void check_end(struct str text) {
    ptrdiff_t end = str_starts(text, STR(".\r\n")) ? -2 : str_find_str(text, STR("\r\n.\r\n"));
    IEMS_ASSERT(end != STR_NPOS && (size_t)(end + 5) == text.len);
    for (size_t i = 1; i < text.len; i++) IEMS_ASSERT(text.ptr[i] != '\n' || text.ptr[i - 1] == '\r');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str in = str_of(data, size);
    size_t step = size == 0 ? 1 : 1 + data[0] % 20;
    BUF_AUTO whole = BUF_INIT(TEXT_MAX);
    BUF_AUTO pieces = BUF_INIT(TEXT_MAX);
    cut(in, size + 1, &whole);
    cut(in, step, &pieces);
    IEMS_ASSERT(str_eq(buf_str(&whole), buf_str(&pieces)));
    for (int top = 0; top < 4; top++) {
        struct pop3_stuff s;
        buf_clear(&whole);
        buf_clear(&pieces);
        top == 0 ? pop3_stuff_init(&s) : pop3_stuff_init_top(&s, (uint64_t)top - 1);
        stuff(&s, in, size + 1, &whole);
        top == 0 ? pop3_stuff_init(&s) : pop3_stuff_init_top(&s, (uint64_t)top - 1);
        stuff(&s, in, step, &pieces);
        IEMS_ASSERT(str_eq(buf_str(&whole), buf_str(&pieces)));
        check_end(buf_str(&whole));
    }
    return 0;
}
