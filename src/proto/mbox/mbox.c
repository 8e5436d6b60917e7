#include "proto/mbox/mbox.h"

#include <string.h>

enum state { AT_START, IN_FROM, IN_REST };
enum kind { KIND_MORE, KIND_FROM, KIND_QUOTED, KIND_BLANK, KIND_DATA };

void mbox_init(struct mbox *m, const struct mbox_events *events, void *arg) {
    *m = (struct mbox){.events = events, .arg = arg, .head = BUF_INIT(MBOX_HEAD_MAX), .blank = STR_EMPTY};
}

void mbox_done(struct mbox *m) {
    buf_done(&m->head);
}

/* Where Content-Length says that the message ends, an end of its last line and an empty one may stand. */
static bool may_begin(const struct mbox *m) {
    if (!m->open) return true;
    if (m->line_at < m->until) return false;
    return m->blank.len > 0 || (m->until > 0 && m->line_at <= m->until + 2);
}

/* What the line is, from what is known of its beginning. */
static enum kind classify(const struct mbox *m) {
    static const struct str from = {"From ", 5};
    struct str line = buf_str(&m->head), rest = line;
    if (str_eq(line, STR("\n")) || str_eq(line, STR("\r\n"))) return KIND_BLANK;
    if (str_eq(line, STR("\r"))) return KIND_MORE;
    while (rest.len > 0 && rest.ptr[0] == '>') rest = str_sub(rest, 1, rest.len);
    if (rest.len >= from.len) {
        if (!str_starts(rest, from)) return KIND_DATA;
        if (rest.len < line.len) return m->verbatim && m->line_at < m->until ? KIND_DATA : KIND_QUOTED;
        return may_begin(m) ? KIND_FROM : KIND_DATA;
    }
    return str_starts(from, rest) ? KIND_MORE : KIND_DATA;
}

/* Looks at a piece of a line of the header. */
static void take_header(struct mbox *m, struct str bytes) {
    size_t room = MBOX_FIELD_MAX - m->field_len, n = bytes.len < room ? bytes.len : room;
    memcpy(m->field + m->field_len, bytes.ptr, n);
    m->field_len += n;
    if (bytes.ptr[bytes.len - 1] != '\n') return;
    struct str value = str_of(m->field, m->field_len), name = str_cut(&value, ':');
    uint64_t length;
    if (str_eq_nocase(name, STR("Content-Length")) && str_to_u64(str_trim(value), INT64_MAX, &length) == 0)
        m->length = length;
    m->field_len = 0;
}

/* `at`: where the body begins. */
static void end_header(struct mbox *m, uint64_t at) {
    m->in_header = false;
    m->field_len = 0;
    uint64_t end = at + m->length;
    bool look = m->length > 0 && m->events->length != NULL;
    enum mbox_length found = look ? m->events->length(m->arg, m->header_at, at, end) : MBOX_NOT_BELIEVED;
    if (found != MBOX_NOT_BELIEVED) m->until = end;
    m->verbatim = found == MBOX_VERBATIM;
    m->length = 0;
}

static void emit(struct mbox *m, struct str bytes) {
    if (bytes.len == 0) return;
    if (m->in_header) take_header(m, bytes);
    if (m->open)
        m->events->data(m->arg, bytes);
    else
        m->strange = true;
}

static void give_blank(struct mbox *m) {
    struct str blank = m->blank;
    m->blank = STR_EMPTY;
    if (m->open) emit(m, blank);
}

static void decide(struct mbox *m, enum kind kind) {
    struct str head = buf_str(&m->head);
    if (kind == KIND_FROM) {
        m->blank = STR_EMPTY;
        if (m->open) m->events->end(m->arg);
        m->open = false;
        m->state = IN_FROM;
        return;
    }
    give_blank(m);
    if (kind == KIND_BLANK) {
        m->blank = head.len == 1 ? STR("\n") : STR("\r\n");
        if (m->in_header) end_header(m, m->line_at + head.len);
        buf_clear(&m->head);
        return;
    }
    bool ended = head.len > 0 && head.ptr[head.len - 1] == '\n';
    emit(m, kind == KIND_QUOTED ? str_sub(head, 1, head.len) : head);
    buf_clear(&m->head);
    m->state = ended ? AT_START : IN_REST;
}

static void end_from(struct mbox *m, uint64_t at) {
    struct str line = str_trim(buf_str(&m->head));
    m->events->begin(m->arg, str_sub(line, 0, MBOX_FROM_MAX));
    m->open = m->in_header = true;
    m->length = m->until = m->field_len = 0;
    m->header_at = at;
    m->verbatim = false;
    m->state = AT_START;
    buf_clear(&m->head);
}

/* Of any number of ">" only the last matters for what the line is. */
static void shorten(struct mbox *m) {
    struct str head = buf_str(&m->head);
    if (head.len < MBOX_HEAD_MAX / 2 || head.ptr[head.len - 1] != '>') return;
    give_blank(m);
    emit(m, str_sub(head, 1, head.len));
    buf_truncate(&m->head, 1);
}

static size_t take_start(struct mbox *m, struct str in) {
    for (size_t i = 0; i < in.len; i++) {
        buf_addc(&m->head, in.ptr[i]);
        enum kind kind = classify(m);
        if (kind == KIND_MORE && in.ptr[i] == '\n') kind = KIND_DATA;
        if (kind == KIND_MORE) shorten(m);
        if (kind == KIND_MORE) continue;
        decide(m, kind);
        return i + 1;
    }
    return in.len;
}

void mbox_feed(struct mbox *m, struct str in) {
    while (in.len > 0) {
        ptrdiff_t eol = str_find(in, '\n');
        size_t n = eol < 0 ? in.len : (size_t)eol + 1;
        if (m->state == AT_START) {
            n = take_start(m, in);
        } else if (m->state == IN_FROM) {
            size_t room = m->head.len < MBOX_FROM_MAX ? MBOX_FROM_MAX - m->head.len : 0;
            buf_add(&m->head, str_sub(in, 0, n < room ? n : room));
            if (eol >= 0) end_from(m, m->at + n);
        } else {
            emit(m, str_sub(in, 0, n));
            if (eol >= 0) m->state = AT_START;
        }
        m->at += n;
        if (in.ptr[n - 1] == '\n') m->line_at = m->at;
        in = str_sub(in, n, in.len);
    }
}

void mbox_finish(struct mbox *m) {
    if (m->state == IN_FROM) end_from(m, m->at);
    if (m->head.len > 0) decide(m, KIND_DATA);
    m->blank = STR_EMPTY; /* the one that ends the last message */
    if (m->open) m->events->end(m->arg);
    m->open = false;
    m->state = AT_START;
}
