#include "proto/smtp/data.h"

#include <string.h>

/* What was read just before the next byte. */
enum {
    AT_START,  /* CRLF, or nothing yet */
    AT_DOT,    /* a dot behind CRLF; not given out yet */
    AT_DOT_CR, /* the same and CR; the dot is dropped unless LF follows */
    AT_TEXT,   /* anything else */
    AT_CR,     /* CR in text; held back until what follows is known */
};

static const struct str crlf = {"\r\n", 2};

void smtp_decoder_init_data(struct smtp_decoder *d, bool fix) {
    *d = (struct smtp_decoder){.state = AT_START, .dots = true, .fix = fix};
}

void smtp_decoder_init_bdat(struct smtp_decoder *d, bool fix) {
    *d = (struct smtp_decoder){.state = AT_START, .dots = false, .fix = fix};
}

static struct str bare_cr(struct smtp_decoder *d) {
    d->bare |= SMTP_BARE_CR;
    d->state = AT_TEXT;
    return d->fix ? crlf : str_of("\r", 1);
}

/* A dot that opened a line stands at in[0] or before the input. */
static enum smtp_data_event after_dot(struct smtp_decoder *d, struct str in, size_t *used) {
    if (*used == in.len) return SMTP_DATA_MORE;
    if (in.ptr[*used] == '\r') {
        d->state = AT_DOT_CR;
        (*used)++;
    } else {
        d->state = AT_TEXT;
    }
    return SMTP_DATA_SPAN;
}

static enum smtp_data_event after_dot_cr(struct smtp_decoder *d, struct str in, size_t *used, struct str *span) {
    if (*used == in.len) return SMTP_DATA_MORE;
    if (in.ptr[*used] == '\n') {
        (*used)++;
        return SMTP_DATA_END;
    }
    *span = bare_cr(d);
    return SMTP_DATA_SPAN;
}

/* The CR was the last byte of the input before this one. */
static void after_cr(struct smtp_decoder *d, struct str in, size_t *used, struct str *span) {
    if (in.ptr[0] == '\n') {
        *used = 1;
        *span = crlf;
        d->state = AT_START;
    } else {
        *span = bare_cr(d);
    }
}

/* How much of in[from..to) can be given out as it is: all, or up to an LF that must be mended. No CR is in there. */
static size_t lf_find(struct smtp_decoder *d, struct str in, size_t from, size_t to) {
    if ((d->bare & SMTP_BARE_LF) && !d->fix) return to;
    const char *lf = from < to ? memchr(in.ptr + from, '\n', to - from) : NULL;
    if (lf == NULL) return to;
    d->bare |= SMTP_BARE_LF;
    return d->fix ? (size_t)(lf - in.ptr) : to;
}

/* Text from in[0] on: as many lines as can be given in one span. Leaves the state for what follows the span. */
static void text_span(struct smtp_decoder *d, struct str in, size_t *used, struct str *span) {
    size_t at = 0;
    for (;;) {
        const char *cr = at < in.len ? memchr(in.ptr + at, '\r', in.len - at) : NULL;
        size_t end = cr == NULL ? in.len : (size_t)(cr - in.ptr);
        size_t stop = lf_find(d, in, at, end);
        if (stop > at) d->state = AT_TEXT;
        at = stop;
        if (stop < end || cr == NULL) break;
        if (at + 1 == in.len) {
            d->state = AT_CR;
            *used = in.len;
            *span = str_sub(in, 0, at);
            return;
        }
        if (in.ptr[at + 1] != '\n') {
            d->bare |= SMTP_BARE_CR;
            d->state = d->fix ? AT_CR : AT_TEXT;
            *used = at + 1;
            *span = str_sub(in, 0, d->fix ? at : at + 1);
            return;
        }
        at += 2;
        d->state = AT_START;
        if (at < in.len && in.ptr[at] == '.' && d->dots) break;
    }
    *used = at;
    *span = str_sub(in, 0, at);
}

enum smtp_data_event smtp_decoder_next(struct smtp_decoder *d, struct str in, size_t *used, struct str *span) {
    *used = 0;
    *span = STR_EMPTY;
    if (in.len == 0) return SMTP_DATA_MORE;
    switch (d->state) {
    case AT_START:
        if (in.ptr[0] == '.' && d->dots) {
            d->state = AT_DOT;
            *used = 1;
            if (after_dot(d, in, used) == SMTP_DATA_MORE) return SMTP_DATA_MORE;
            return d->state == AT_DOT_CR ? after_dot_cr(d, in, used, span) : SMTP_DATA_SPAN;
        }
        break;
    case AT_DOT: return after_dot(d, in, used);
    case AT_DOT_CR: return after_dot_cr(d, in, used, span);
    case AT_CR: after_cr(d, in, used, span); return *used == in.len ? SMTP_DATA_MORE : SMTP_DATA_SPAN;
    default: break;
    }
    if (in.ptr[0] == '\n') { /* behind text, or first on a line: LF alone; AT_CR was handled above */
        d->bare |= SMTP_BARE_LF;
        *used = 1;
        *span = d->fix ? crlf : str_sub(in, 0, 1);
        d->state = AT_TEXT;
        return *used == in.len ? SMTP_DATA_MORE : SMTP_DATA_SPAN;
    }
    text_span(d, in, used, span);
    return *used == in.len ? SMTP_DATA_MORE : SMTP_DATA_SPAN;
}

struct str smtp_decoder_finish(struct smtp_decoder *d) {
    return d->state == AT_CR ? bare_cr(d) : STR_EMPTY;
}
