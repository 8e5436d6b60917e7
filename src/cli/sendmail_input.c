/* Reading the message; see sendmail_input.h. */
#include "cli/sendmail_input.h"

enum { LINE_MAX_BYTES = 16 * 1024 * 1024 };

void sendmail_input_init(struct sendmail_input *in, bool ignore_dots) {
    *in = (struct sendmail_input){.ignore_dots = ignore_dots,
                                  .header = BUF_INIT(SENDMAIL_HEADER_MAX),
                                  .line = BUF_INIT(LINE_MAX_BYTES),
                                  .first = true};
}

void sendmail_input_done(struct sendmail_input *in) {
    buf_done(&in->header);
    buf_done(&in->line);
}

static bool is_field(struct str line) {
    ptrdiff_t colon = str_find(line, ':');
    if (colon <= 0) return false;
    struct str name = str_trim(str_sub(line, 0, (size_t)colon));
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] <= 0x20 || (unsigned char)name.ptr[i] >= 0x7f) return false;
    return name.len > 0;
}

static void line_add(struct buf *out, struct str line) {
    buf_add(out, line);
    buf_adds(out, "\r\n");
}

static void line_take(struct sendmail_input *in, struct buf *body) {
    struct str line = buf_str(&in->line);
    bool first = in->first;
    in->first = false;
    if (!in->ignore_dots && str_eq(line, STR("."))) {
        in->ended = true;
    } else if (in->in_body) {
        line_add(body, line);
    } else if (line.len == 0) {
        in->in_body = true;
    } else if (first && str_starts(line, STR("From "))) {
        /* separator line of an mbox */
    } else if (is_field(line) || (in->header.len > 0 && ascii_isspace(line.ptr[0]))) {
        line_add(&in->header, line);
    } else { /* text without an empty line before it: it is the body */
        in->in_body = true;
        line_add(body, line);
    }
    buf_clear(&in->line);
}

static int errors(const struct sendmail_input *in, const struct buf *body) {
    return in->header.error != 0 || in->line.error != 0 || body->error != 0 ? ERR_LIMIT : 0;
}

/* A CR that stands alone ends a line too: nothing that is sent holds one. */
int sendmail_input_feed(struct sendmail_input *in, struct str bytes, struct buf *body) {
    for (size_t i = 0; i < bytes.len && !in->ended;) {
        char c = bytes.ptr[i];
        bool lf_of_crlf = in->cr && c == '\n';
        in->cr = c == '\r';
        if (c == '\r' || (c == '\n' && !lf_of_crlf)) line_take(in, body);
        if (c == '\r' || c == '\n') {
            i++;
            continue;
        }
        size_t end = i;
        while (end < bytes.len && bytes.ptr[end] != '\r' && bytes.ptr[end] != '\n') end++;
        buf_add(&in->line, str_sub(bytes, i, end - i));
        i = end;
    }
    return errors(in, body);
}

int sendmail_input_finish(struct sendmail_input *in, struct buf *body) {
    if (in->line.len > 0 && !in->ended) line_take(in, body);
    in->in_body = true;
    return errors(in, body);
}
