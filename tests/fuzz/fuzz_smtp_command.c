/* Command lines: the assembler gives the same lines whole and byte by byte; each goes through the parser. */
#include "base/buf.h"
#include "proto/smtp/command.h"
#include "proto/smtp/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 64 * 1024 };

static void parse_line(struct str line) {
    static const struct smtp_command_rules all = {1023, ADDRESS_NULL | ADDRESS_UNQUALIFIED,
                                                  ADDRESS_UNQUALIFIED | ADDRESS_UTF8};
    static const struct smtp_command_rules none = {0};
    struct smtp_command c;
    struct smtp_fault f;
    int rc = smtp_command_parse(line, &all, &c, &f);
    IEMS_ASSERT(c.verb < SMTP_VERBS && (rc == 0 || f.code >= 500));
    (void)!smtp_command_parse(line, &none, &c, &f);
}

static void run(struct str in, size_t step, struct buf *told) {
    struct smtp_lines l = {0};
    size_t start = 0;
    for (size_t end = 0; end < in.len;) {
        end = in.len - end > step ? end + step : in.len;
        for (;;) {
            size_t used;
            enum smtp_line_event event;
            struct str line;
            enum parse rc = smtp_line_next(&l, str_sub(in, start, end - start), false, &used, &event, &line);
            IEMS_ASSERT(start + used <= end);
            start += used;
            if (rc == PARSE_MORE) break;
            buf_printf(told, "%u %zu\n", (unsigned)event, line.len);
            if (event == SMTP_LINE) {
                buf_add(told, line);
                if (step > 1) parse_line(line);
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > INPUT_MAX) return 0;
    BUF_AUTO whole = BUF_INIT((size_t)INPUT_MAX * 16);
    BUF_AUTO bytes = BUF_INIT((size_t)INPUT_MAX * 16);
    run(str_of(data, size), SIZE_MAX, &whole);
    run(str_of(data, size), 1, &bytes);
    IEMS_ASSERT(str_eq(buf_str(&whole), buf_str(&bytes)));
    return 0;
}
