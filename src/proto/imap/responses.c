#include "proto/imap/responses.h"

enum { STATE_LINE, STATE_LITERAL, STATE_BODY, KEEP_MEMORY = 64 * 1024 };

void imap_responses_init(struct imap_responses *r, size_t text_max) {
    *r = (struct imap_responses){.text = BUF_INIT(text_max)};
}

void imap_responses_done(struct imap_responses *r) {
    buf_done(&r->text);
}

void imap_responses_reset(struct imap_responses *r) {
    if (r->text.cap > KEEP_MEMORY) buf_done(&r->text);
    buf_clear(&r->text);
    r->line_start = 0;
    r->state = STATE_LINE;
}

void imap_responses_resume(struct imap_responses *r) {
    r->line_start = r->text.len;
    r->state = STATE_LINE;
}

/* Those end with text for people, which may look like a literal. */
static bool is_status(struct str text) {
    static const char *const words[] = {"OK", "NO", "BAD", "BYE", "PREAUTH"};
    struct str first = str_cut(&text, ' '), second = str_cut(&text, ' ');
    if (str_eq(first, STR("+"))) return true;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (str_eq_nocase(second, str_from(words[i]))) return true;
    return false;
}

/* "{n}" at the end of a line, outside of a quoted string. 0 = none, 1 = found, ERR_INVALID. */
static int literal_at_end(struct str line, size_t *open, uint64_t *size) {
    if (line.len < 3 || line.ptr[line.len - 1] != '}') return 0;
    ptrdiff_t at = str_rfind(line, '{');
    if (at == STR_NPOS) return 0;
    bool quoted = false;
    for (ptrdiff_t i = 0; i < at; i++) {
        if (line.ptr[i] == '"')
            quoted = !quoted;
        else if (quoted && line.ptr[i] == '\\')
            i++;
    }
    if (quoted) return 0;
    *open = (size_t)at;
    return str_to_u64(str_sub(line, *open + 1, line.len - *open - 2), UINT32_MAX, size) == 0 ? 1 : ERR_INVALID;
}

static enum parse whole(struct imap_responses *r) {
    r->event = IMAP_RESPONSES_WHOLE;
    return PARSE_EVENT;
}

/* The text ends with CRLF. */
static enum parse end_line(struct imap_responses *r) {
    struct str line = str_sub(buf_str(&r->text), r->line_start, r->text.len - r->line_start - 2);
    uint64_t size = 0;
    size_t open = 0;
    bool plain = r->line_start == 0 && is_status(line);
    int rc = plain ? 0 : literal_at_end(line, &open, &size);
    if (rc < 0) return PARSE_ERROR;
    if (rc == 0) {
        buf_truncate(&r->text, r->text.len - 2);
        return whole(r);
    }
    if (str_ends_nocase(str_sub(line, 0, open), STR("BODY[] "))) {
        buf_truncate(&r->text, r->line_start + open);
        buf_adds(&r->text, "\"\"");
        r->event = IMAP_RESPONSES_BODY;
        r->body_size = size;
        r->state = STATE_BODY;
        return r->text.error != 0 ? PARSE_ERROR : PARSE_EVENT;
    }
    if (size > r->text.max - r->text.len) return PARSE_ERROR;
    r->literal_left = size;
    r->line_start = r->text.len;
    r->state = STATE_LITERAL;
    return PARSE_MORE;
}

enum parse imap_responses_feed(struct imap_responses *r, struct str in, size_t *used) {
    *used = 0;
    while (*used < in.len && r->state != STATE_BODY) {
        struct str rest = str_sub(in, *used, SIZE_MAX);
        if (r->state == STATE_LITERAL) {
            size_t n = rest.len < r->literal_left ? rest.len : (size_t)r->literal_left;
            buf_add(&r->text, str_sub(rest, 0, n));
            *used += n;
            r->literal_left -= n;
            if (r->literal_left == 0) imap_responses_resume(r);
            continue;
        }
        ptrdiff_t lf = str_find(rest, '\n');
        size_t n = lf == STR_NPOS ? rest.len : (size_t)lf + 1;
        buf_add(&r->text, str_sub(rest, 0, n));
        *used += n;
        if (r->text.error != 0) return PARSE_ERROR;
        bool ended = str_ends(str_sub(buf_str(&r->text), r->line_start, SIZE_MAX), STR("\r\n"));
        if (lf == STR_NPOS || !ended) continue;
        enum parse result = end_line(r);
        if (result != PARSE_MORE) return result;
        if (r->state == STATE_LITERAL && r->literal_left == 0) imap_responses_resume(r);
    }
    return r->text.error != 0 ? PARSE_ERROR : PARSE_MORE;
}
