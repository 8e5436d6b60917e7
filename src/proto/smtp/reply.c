#include "proto/smtp/reply.h"

#include <string.h>

void smtp_reply_parser_init(struct smtp_reply_parser *p) {
    memset(p, 0, sizeof *p);
    buf_init(&p->text, SMTP_REPLY_TEXT_MAX);
}

void smtp_reply_parser_done(struct smtp_reply_parser *p) {
    buf_done(&p->text);
}

/* class "." subject "." detail (RFC 3463 section 2), at most three digits in each of the last two. */
bool smtp_enhanced_take(struct str *text, unsigned code, char out[static SMTP_ENHANCED_MAX]) {
    struct str s = *text;
    size_t at = 1;
    if (s.len < 5 || s.ptr[0] != (char)('0' + code / 100) || strchr("245", s.ptr[0]) == NULL) return false;
    for (int part = 0; part < 2; part++) {
        if (at >= s.len || s.ptr[at] != '.') return false;
        size_t digits = 0;
        for (at++; at < s.len && ascii_isdigit(s.ptr[at]); at++) digits++;
        if (digits < 1 || digits > 3) return false;
    }
    if (at < s.len && s.ptr[at] != ' ') return false;
    if (str_to_cstr(str_sub(s, 0, at), out, SMTP_ENHANCED_MAX) < 0) return false;
    *text = str_sub(s, at < s.len ? at + 1 : at, s.len);
    return true;
}

/* Reply-line = code [ "-" / SP text ]; `*last` tells which. */
static int line_take(struct smtp_reply_parser *p, struct str line, bool *last, struct error *err) {
    struct str shown = str_sub(line, 0, 60);
    if (line.len < 3 || !ascii_isdigit(line.ptr[0]) || !ascii_isdigit(line.ptr[1]) || !ascii_isdigit(line.ptr[2]))
        return error_set(err, ERR_INVALID, "no SMTP reply: \"%.*s\"", STR_ARG(shown));
    unsigned code =
        (unsigned)(line.ptr[0] - '0') * 100 + (unsigned)(line.ptr[1] - '0') * 10 + (unsigned)(line.ptr[2] - '0');
    if (code < 200 || code > 599 || (line.len > 3 && line.ptr[3] != ' ' && line.ptr[3] != '-'))
        return error_set(err, ERR_INVALID, "no SMTP reply: \"%.*s\"", STR_ARG(shown));
    if (p->lines > 0 && code / 100 != p->code / 100)
        return error_set(err, ERR_INVALID, "lines of one reply with codes %u and %u", p->code, code);
    if (p->lines >= SMTP_REPLY_LINES_MAX) return error_set(err, ERR_LIMIT, "reply has too many lines");
    char enhanced[SMTP_ENHANCED_MAX] = "";
    struct str text = str_sub(line, 4, line.len);
    if (smtp_enhanced_take(&text, code, enhanced) && p->enhanced[0] == '\0')
        memcpy(p->enhanced, enhanced, sizeof enhanced);
    if (p->lines > 0) buf_addc(&p->text, '\n');
    buf_add(&p->text, text);
    if (p->text.error != 0) return error_set(err, ERR_LIMIT, "reply is too long");
    p->code = code;
    p->lines++;
    *last = line.len == 3 || line.ptr[3] == ' ';
    return 0;
}

static void reply_reset(struct smtp_reply_parser *p) {
    buf_clear(&p->text);
    p->code = p->lines = 0;
    p->enhanced[0] = '\0';
    p->complete = false;
}

enum parse smtp_reply_next(struct smtp_reply_parser *p, struct str in, size_t *used, struct smtp_reply *out,
                           struct error *err) {
    *used = 0;
    if (p->complete) reply_reset(p);
    for (;;) {
        struct str rest = str_sub(in, *used, in.len);
        const char *lf = rest.len > p->scanned ? memchr(rest.ptr + p->scanned, '\n', rest.len - p->scanned) : NULL;
        size_t len = lf == NULL ? rest.len : (size_t)(lf - rest.ptr);
        if (len > SMTP_REPLY_LINE_MAX) {
            (void)error_set(err, ERR_LIMIT, "reply line is too long");
            return PARSE_ERROR;
        }
        p->scanned = lf == NULL ? len : 0;
        if (lf == NULL) return PARSE_MORE;
        *used += len + 1;
        bool last = false;
        if (len == 0 || rest.ptr[len - 1] != '\r') {
            (void)error_set(err, ERR_INVALID, "reply line does not end in CRLF");
            return PARSE_ERROR;
        }
        if (line_take(p, str_sub(rest, 0, len - 1), &last, err) < 0) return PARSE_ERROR;
        if (!last) continue;
        *out = (struct smtp_reply){.code = p->code, .text = buf_str(&p->text), .lines = p->lines};
        memcpy(out->enhanced, p->enhanced, sizeof out->enhanced);
        p->complete = true;
        return PARSE_EVENT;
    }
}

static bool is_text(char c) {
    return ((unsigned char)c >= 0x20 && c != 0x7f) || c == '\t';
}

static void text_add(struct buf *out, struct str text) {
    size_t clean = 0;
    while (clean < text.len && is_text(text.ptr[clean])) clean++;
    buf_add(out, str_sub(text, 0, clean));
    for (size_t i = clean; i < text.len; i++) buf_addc(out, is_text(text.ptr[i]) ? text.ptr[i] : '?');
}

void smtp_reply_format(struct buf *out, unsigned code, const char *enhanced, struct str text) {
    char head[4] = {(char)('0' + code / 100 % 10), (char)('0' + code / 10 % 10), (char)('0' + code % 10), '-'};
    for (bool last = false; !last;) {
        last = str_find(text, '\n') == STR_NPOS;
        if (last) head[3] = ' ';
        buf_add(out, str_of(head, sizeof head));
        if (enhanced != NULL && enhanced[0] != '\0') {
            buf_adds(out, enhanced);
            buf_addc(out, ' ');
        }
        text_add(out, str_cut(&text, '\n'));
        buf_add(out, STR("\r\n"));
    }
}
