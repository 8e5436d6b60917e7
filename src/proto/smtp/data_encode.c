#include "proto/smtp/data.h"

#include <string.h>

/* What was read just before the next byte. */
enum {
    AT_START, /* CRLF, or nothing yet */
    AT_TEXT,
    AT_CR, /* CR, not sent yet */
};

static const struct str crlf = {"\r\n", 2};

void smtp_encoder_init(struct smtp_encoder *e) {
    e->state = AT_START;
}

/* Whole lines that need no change, from in[0] on, which is no dot at the start of a line. */
static size_t clean_run(struct smtp_encoder *e, struct str in) {
    size_t at = 0;
    while (at < in.len) {
        const char *cr = memchr(in.ptr + at, '\r', in.len - at);
        size_t end = cr == NULL ? in.len : (size_t)(cr - in.ptr);
        const char *lf = end > at ? memchr(in.ptr + at, '\n', end - at) : NULL;
        if (lf != NULL) end = (size_t)(lf - in.ptr);
        if (end > at) e->state = AT_TEXT;
        at = end;
        if (lf != NULL || cr == NULL || at + 1 >= in.len || in.ptr[at + 1] != '\n') break;
        at += 2;
        e->state = AT_START;
        if (at < in.len && in.ptr[at] == '.') break;
    }
    return at;
}

/* `e->state` after clean_run tells what comes next; each turn takes one thing that needs a change, or one run. */
bool smtp_encoder_next(struct smtp_encoder *e, struct str in, size_t *used, struct str *span) {
    *used = 0;
    *span = STR_EMPTY;
    if (in.len == 0) return false;
    char c = in.ptr[0];
    if (e->state == AT_CR) {
        *used = c == '\n' ? 1 : 0;
        *span = crlf;
        e->state = AT_START;
    } else if (c == '\n') {
        *used = 1;
        *span = crlf;
        e->state = AT_START;
    } else if (c == '\r' && (in.len == 1 || in.ptr[1] != '\n')) {
        *used = 1;
        e->state = AT_CR;
    } else if (c == '.' && e->state == AT_START) {
        *used = 1;
        *span = str_of("..", 2);
        e->state = AT_TEXT;
    } else {
        *used = clean_run(e, in);
        *span = str_sub(in, 0, *used);
    }
    return true;
}

struct str smtp_encoder_finish(struct smtp_encoder *e) {
    return e->state == AT_START ? str_of(".\r\n", 3) : str_of("\r\n.\r\n", 5);
}
