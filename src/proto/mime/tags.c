#include "proto/mime/tags.h"

#include <string.h>

#define FIELD "X-IEMS-Spam: "
static const char prefix[] = "x-iems-";

/* ---------------------------------------------------------------- fields */

static bool is_name_char(char c) {
    return ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
}

bool tag_is_valid(struct str name, struct str value) {
    if (name.len == 0 || name.len > TAG_NAME_MAX || value.len > TAG_VALUE_MAX) return false;
    for (size_t i = 0; i < name.len; i++)
        if (!is_name_char(name.ptr[i])) return false;
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] < 0x20 || value.ptr[i] > 0x7e) return false;
    return true;
}

void tag_field_format(struct buf *out, struct str name, struct str value) {
    if (!tag_is_valid(name, value)) return;
    buf_adds(out, FIELD);
    buf_add(out, name);
    buf_addc(out, '=');
    buf_add(out, value);
    buf_adds(out, "\r\n");
}

bool tag_field_next(struct str *rest, struct str *name, struct str *value) {
    while (rest->len > 0) {
        struct str line = str_cut(rest, '\n');
        if (!str_starts_nocase(line, STR("X-IEMS-Spam:"))) continue;
        struct str text = str_trim(str_sub(line, sizeof "X-IEMS-Spam:" - 1, line.len)), key = str_cut(&text, '=');
        key = str_trim(key);
        text = str_trim(text);
        if (!tag_is_valid(key, text)) continue;
        *name = key;
        *value = text;
        return true;
    }
    return false;
}

/* ---------------------------------------------------------------- filter */

static void take(struct tag_filter *f, struct str s) {
    if (f->taken != NULL) buf_add(f->taken, s);
}

/* Up to and with the next LF; then a new line begins. */
static size_t line_rest(struct tag_filter *f, struct str in, size_t at) {
    const char *lf = memchr(in.ptr + at, '\n', in.len - at);
    if (lf == NULL) return in.len;
    f->state = TAG_AT_LINE;
    f->matched = f->from_held = 0;
    return (size_t)(lf - in.ptr) + 1;
}

/* Looks at one byte at the begin of a line; true if it belongs to what was seen, false if it is to be seen again. */
static bool begin_step(struct tag_filter *f, char c) {
    if (f->state == TAG_AT_CR) {
        f->state = c == '\n' ? TAG_IN_BODY : TAG_IN_LINE;
        return f->state == TAG_IN_BODY;
    }
    if (f->matched == 0 && f->dropping && ascii_isspace(c)) {
        f->state = TAG_IN_FIELD;
        return false;
    }
    if (f->matched == 0) f->dropping = false;
    if (f->matched == 0 && (c == '\r' || c == '\n')) {
        f->state = c == '\r' ? TAG_AT_CR : TAG_IN_BODY;
        return true;
    }
    const char *begin = f->field != NULL ? f->field : prefix;
    if (ascii_lower(c) != begin[f->matched]) {
        f->state = TAG_IN_LINE;
        return false;
    }
    if (begin[++f->matched] != '\0') return true;
    f->state = TAG_IN_FIELD;
    f->dropping = true;
    return true;
}

/* The first `pass` bytes go on, `used` are done with. */
static bool emit(struct str *in, size_t pass, size_t used, struct str *piece) {
    *piece = str_sub(*in, 0, pass);
    *in = str_sub(*in, used, in->len);
    return pass > 0;
}

/* How far the begin of the line at `at` goes until it is clear what the line is, or the input ends. */
static size_t line_begin(struct tag_filter *f, struct str in, size_t at) {
    while (at < in.len && (f->state == TAG_AT_LINE || f->state == TAG_AT_CR))
        if (begin_step(f, in.ptr[at])) at++;
    return at;
}

static void hold(struct tag_filter *f, struct str s) {
    memcpy(f->held + f->from_held, s.ptr, s.len);
    f->from_held += s.len;
}

bool tag_filter_next(struct tag_filter *f, struct str *in, struct str *piece) {
    size_t at = 0; /* what is before it is passed on */
    while (at < in->len) {
        if (f->state == TAG_IN_BODY) return emit(in, in->len, in->len, piece);
        if (f->state == TAG_IN_LINE) {
            at = line_rest(f, *in, at);
            continue;
        }
        bool begins = f->state != TAG_IN_FIELD;
        size_t end = begins ? line_begin(f, *in, at) : line_rest(f, *in, at);
        if (!begins || f->state == TAG_IN_FIELD) {
            take(f, tag_filter_finish(f));
            take(f, str_sub(*in, at, end - at));
            if (emit(in, at, end, piece)) return true;
            at = 0;
        } else if (f->state == TAG_AT_LINE) { /* the input ends within what may be our field */
            hold(f, str_sub(*in, at, end - at));
            return emit(in, at, end, piece);
        } else if (f->from_held > 0) { /* it was none; the line goes on in `in` */
            *piece = tag_filter_finish(f);
            return true;
        } else {
            at = end;
        }
    }
    return emit(in, at, at, piece);
}

struct str tag_filter_finish(struct tag_filter *f) {
    struct str rest = str_of(f->held, f->from_held);
    f->from_held = 0;
    return rest;
}
