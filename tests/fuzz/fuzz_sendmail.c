/* The message on sendmail's standard input: whole and byte by byte give the same, with CRLF at every end of line. */
#include "cli/sendmail_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_message(struct str in, size_t step, struct sendmail_input *input, struct buf *body) {
    int rc = 0;
    sendmail_input_init(input, false);
    for (struct str rest = in; rc == 0 && rest.len > 0; rest = str_sub(rest, step, rest.len))
        rc = sendmail_input_feed(input, str_sub(rest, 0, step), body);
    return rc != 0 ? rc : sendmail_input_finish(input, body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str in = str_of(data, size);
    struct sendmail_input whole, bytes;
    BUF_AUTO a = BUF_INIT(1 << 22), b = BUF_INIT(1 << 22), header = BUF_INIT(1 << 22), recipients = BUF_INIT(1 << 22);
    int rc = read_message(in, size + 1, &whole, &a);
    IEMS_ASSERT(rc == read_message(in, 1, &bytes, &b));
    if (rc == 0) {
        struct sendmail_fields f = {
            .sender = STR("a@b"), .full_name = in, .hostname = STR("h"), .domain = STR("d"), .ident = STR("i")};
        IEMS_ASSERT(str_eq(buf_str(&a), buf_str(&b)) && str_eq(buf_str(&whole.header), buf_str(&bytes.header)));
        IEMS_ASSERT(a.len == 0 || str_ends(buf_str(&a), STR("\r\n")));
        for (size_t i = 0; i < a.len; i++) IEMS_ASSERT(a.ptr[i] != '\n' || (i > 0 && a.ptr[i - 1] == '\r'));
        (void)!sendmail_header_make(buf_str(&whole.header), &f, &header, &recipients);
    }
    sendmail_input_done(&whole);
    sendmail_input_done(&bytes);
    return 0;
}
