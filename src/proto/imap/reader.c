#include "proto/imap/reader.h"

#include "proto/imap/args.h"

#include <string.h>

enum { STATE_LINE, STATE_LITERAL, STATE_MESSAGE, STATE_SKIP_LINE, STATE_SKIP_LITERAL };
enum { KEEP_MEMORY = 1024, SKIP_TAIL = 32, LITERAL_DIGITS = 10 };

struct literal {
    uint64_t size;
    bool sync, binary;
};

void imap_reader_set_limits(struct imap_reader *r, const struct imap_reader_limits *limits) {
    r->limits = *limits;
    /* lines between literals are bounded one by one; together they may not be more than this either */
    r->text.max = 2 * limits->line_max + limits->literal_max + SKIP_TAIL;
}

void imap_reader_init(struct imap_reader *r, const struct imap_reader_limits *limits) {
    *r = (struct imap_reader){.text = BUF_INIT(0)};
    imap_reader_set_limits(r, limits);
}

void imap_reader_done(struct imap_reader *r) {
    struct imap_reader_limits limits = r->limits;
    buf_done(&r->text);
    imap_reader_init(r, &limits);
}

static void forget_command(struct imap_reader *r) {
    if (r->text.cap > KEEP_MEMORY) buf_done(&r->text);
    buf_clear(&r->text);
    r->line_start = r->literals = 0;
    r->messages = 0;
    r->fault = IMAP_FAULT_NONE;
}

void imap_reader_reset(struct imap_reader *r) {
    char tail[SKIP_TAIL];
    struct str t = STR_EMPTY;
    if (r->state == STATE_SKIP_LINE) { /* the end of what came may be the first half of what ends the line */
        t = buf_str(&r->text);
        if (t.len > SKIP_TAIL) t = str_sub(t, t.len - SKIP_TAIL, SKIP_TAIL);
        memcpy(tail, t.ptr, t.len);
    }
    forget_command(r);
    if (r->state == STATE_SKIP_LINE)
        buf_add(&r->text, str_of(tail, t.len));
    else if (r->state != STATE_SKIP_LITERAL)
        r->state = STATE_LINE;
}

bool imap_reader_idle(const struct imap_reader *r) {
    return r->state == STATE_LINE && r->text.len == 0 && r->messages == 0;
}

void imap_reader_resume(struct imap_reader *r) {
    buf_clear(&r->text);
    r->line_start = 0;
    r->messages++;
    r->state = STATE_LINE;
}

static void skip_literal(struct imap_reader *r, uint64_t size) {
    r->literal_left = size;
    r->state = STATE_SKIP_LITERAL;
}

void imap_reader_discard(struct imap_reader *r, uint64_t left, bool invited) {
    forget_command(r);
    if (r->message_sync && !invited)
        r->state = STATE_LINE;
    else
        skip_literal(r, left);
}

/* `whole`: the line is there from its beginning, so that it is seen where quoted strings begin.
 * literal = "{" number ["+"] "}", literal8 = "~" literal. Looks at the end of a line; a quoted string cannot be open
 * there. Returns 0 = none, 1 = found, ERR_INVALID = looks like one, but its length is not a number that we take. */
static int literal_at_end(struct str line, bool whole, struct literal *out) {
    if (line.len < 3 || line.ptr[line.len - 1] != '}') return 0;
    ptrdiff_t open = str_rfind(line, '{');
    if (open == STR_NPOS) return 0;
    bool quoted = false;
    for (ptrdiff_t i = 0; i < open && whole; i++) {
        if (line.ptr[i] == '"')
            quoted = !quoted;
        else if (quoted && line.ptr[i] == '\\')
            i++;
    }
    if (quoted) return 0;
    struct str digits = str_sub(line, (size_t)open + 1, line.len - (size_t)open - 2);
    bool plus = str_ends(digits, STR("+"));
    if (plus) digits.len--;
    if (digits.len > LITERAL_DIGITS || str_to_u64(digits, UINT32_MAX, &out->size) != 0) return ERR_INVALID;
    out->sync = !plus;
    out->binary = open > 0 && line.ptr[open - 1] == '~';
    return 1;
}

static enum imap_parse fail(struct imap_reader *r, enum imap_reader_fault fault) {
    r->fault = fault;
    return IMAP_ERROR;
}

static enum imap_parse event(struct imap_reader *r, enum imap_event_kind kind) {
    r->event = kind;
    return IMAP_EVENT;
}

/* The line ends in a literal: gather it, give it to the caller, or refuse it. */
static enum imap_parse take_literal(struct imap_reader *r, const struct literal *lit) {
    size_t end = r->text.len;
    ptrdiff_t open = str_rfind(buf_str(&r->text), '{');
    struct str before = str_of(r->text.ptr, (size_t)open - (lit->binary ? 1 : 0));
    if (r->messages > 0 || imap_args_is_append_head(before)) {
        buf_truncate(&r->text, before.len);
        r->state = STATE_MESSAGE;
        r->message_size = lit->size;
        r->message_sync = lit->sync;
        r->message_binary = lit->binary;
        return event(r, IMAP_EVENT_MESSAGE);
    }
    if (lit->size > r->limits.literal_max - r->literals) {
        if (lit->sync)
            r->state = STATE_LINE;
        else
            skip_literal(r, lit->size);
        return fail(r, IMAP_FAULT_LITERAL_TOO_LONG);
    }
    buf_truncate(&r->text, end);
    buf_add(&r->text, STR("\r\n"));
    r->literals += (size_t)lit->size;
    r->literal_left = lit->size;
    r->state = STATE_LITERAL;
    if (lit->size == 0) {
        r->line_start = r->text.len;
        r->state = STATE_LINE;
    }
    return lit->sync ? event(r, IMAP_EVENT_CONTINUE) : IMAP_MORE;
}

static enum imap_parse end_line(struct imap_reader *r) {
    struct str line = str_sub(buf_str(&r->text), r->line_start, SIZE_MAX);
    struct literal lit;
    int found = literal_at_end(line, true, &lit);
    if (found < 0) {
        r->state = STATE_LINE;
        return fail(r, IMAP_FAULT_BAD_LITERAL);
    }
    return found == 0 ? event(r, IMAP_EVENT_COMMAND) : take_literal(r, &lit);
}

static enum imap_parse feed_line(struct imap_reader *r, struct str in, size_t *used) {
    const char *nl = in.len == 0 ? NULL : memchr(in.ptr, '\n', in.len);
    size_t n = nl == NULL ? in.len : (size_t)(nl - in.ptr) + 1;
    *used = n;
    size_t have = r->text.len - r->line_start;
    if (have + n > r->limits.line_max + 2) {
        *used = 0;
        r->state = STATE_SKIP_LINE;
        return fail(r, IMAP_FAULT_LINE_TOO_LONG);
    }
    buf_add(&r->text, str_of(in.ptr, n));
    if (r->text.error != 0) {
        *used = 0;
        r->state = STATE_SKIP_LINE;
        return fail(r, IMAP_FAULT_LINE_TOO_LONG);
    }
    size_t len = r->text.len;
    if (nl == NULL || len - r->line_start < 2 || r->text.ptr[len - 2] != '\r') return IMAP_MORE;
    buf_truncate(&r->text, len - 2);
    return end_line(r);
}

static void feed_literal(struct imap_reader *r, struct str in, size_t *used) {
    size_t n = in.len < r->literal_left ? in.len : (size_t)r->literal_left;
    buf_add(&r->text, str_of(in.ptr, n));
    r->literal_left -= n;
    *used = n;
    if (r->literal_left > 0) return;
    r->line_start = r->text.len;
    r->state = STATE_LINE;
}

/* Skips to the end of a refused command: its line, and after a non-synchronizing literal the line behind it. The tail
 * of the line is held in `text` to see such a literal. */
static void feed_skip_line(struct imap_reader *r, struct str in, size_t *used) {
    const char *nl = in.len == 0 ? NULL : memchr(in.ptr, '\n', in.len);
    size_t n = nl == NULL ? in.len : (size_t)(nl - in.ptr) + 1;
    *used = n;
    if (r->text.len + n > 2 * SKIP_TAIL) {
        struct str tail = n > SKIP_TAIL ? str_of(in.ptr + n - SKIP_TAIL, SKIP_TAIL) : str_of(in.ptr, n);
        if (r->text.len > SKIP_TAIL) buf_consume(&r->text, r->text.len - SKIP_TAIL);
        if (n > SKIP_TAIL) buf_clear(&r->text);
        buf_add(&r->text, tail);
    } else {
        buf_add(&r->text, str_of(in.ptr, n));
    }
    struct str t = buf_str(&r->text);
    if (nl == NULL || !str_ends(t, STR("\r\n"))) return;
    t.len -= 2;
    struct literal lit;
    int found = literal_at_end(t, false, &lit);
    bool more = found == 1 && !lit.sync;
    forget_command(r);
    r->state = STATE_LINE;
    if (more) skip_literal(r, lit.size);
}

static void feed_skip_literal(struct imap_reader *r, struct str in, size_t *used) {
    size_t n = in.len < r->literal_left ? in.len : (size_t)r->literal_left;
    r->literal_left -= n;
    *used = n;
    if (r->literal_left == 0) r->state = STATE_SKIP_LINE;
}

enum imap_parse imap_reader_feed(struct imap_reader *r, struct str in, size_t *used) {
    size_t done = 0;
    *used = 0;
    while (done < in.len) {
        struct str rest = str_sub(in, done, SIZE_MAX);
        size_t n = 0;
        enum imap_parse result = IMAP_MORE;
        switch (r->state) {
        case STATE_LINE: result = feed_line(r, rest, &n); break;
        case STATE_LITERAL: feed_literal(r, rest, &n); break;
        case STATE_SKIP_LINE: feed_skip_line(r, rest, &n); break;
        case STATE_SKIP_LITERAL: feed_skip_literal(r, rest, &n); break;
        default: *used = done; return IMAP_MORE; /* the caller consumes the message */
        }
        done += n;
        *used = done;
        if (result != IMAP_MORE) return result;
    }
    return IMAP_MORE;
}
