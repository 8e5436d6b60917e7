#include "cli/mbox_message.h"

#include "cli/foreign.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PIECE = 16 * 1024, OWN_FIELDS_MAX = MBOX_WORDS_MAX + 1024 };

/* --- to the file */
static void put_lines(struct buf *out, struct str body) {
    while (body.len > 0) {
        ptrdiff_t eol = str_find(body, '\n');
        size_t n = eol < 0 ? body.len : (size_t)eol + 1;
        struct str line = str_sub(body, 0, n), rest = line;
        while (rest.len > 0 && rest.ptr[0] == '>') rest = str_sub(rest, 1, rest.len);
        if (str_starts(rest, STR("From "))) buf_addc(out, '>');
        buf_add(out, line);
        body = str_sub(body, n, body.len);
    }
}

static void put_fields(const struct mail_item *item, size_t length, bool as_it_is, struct buf *out) {
    buf_printf(out, "Status: %sO\n", item->flags & MAILBOX_SEEN ? "R" : "");
    buf_printf(out, "X-Status: %s%s%s%s\n", item->flags & MAILBOX_ANSWERED ? "A" : "",
               item->flags & MAILBOX_DELETED ? "D" : "", item->flags & MAILBOX_FLAGGED ? "F" : "",
               item->flags & MAILBOX_DRAFT ? "T" : "");
    buf_adds(out, "X-Keywords:");
    for (size_t i = 0; i < item->keyword_count; i++) buf_printf(out, " %s", item->keywords[i]);
    if (as_it_is) buf_adds(out, "\nX-IEMS-Lines: as they are");
    buf_printf(out, "\nContent-Length: %zu\n", length);
}

int mbox_message_put(const struct mail_item *item, struct buf *out) {
    BUF_AUTO lines = BUF_INIT(MAIL_BODY_MAX);
    char when[64];
    struct tm tm;
    time_t date = (time_t)item->date;
    if (gmtime_r(&date, &tm) == NULL || strftime(when, sizeof when, "%a %b %d %H:%M:%S %Y", &tm) == 0)
        return ERR_INVALID;
    bool as_it_is = foreign_lines_out(item->body, &lines);
    if (lines.error != 0) return lines.error;
    buf_printf(out, "From MAILER-DAEMON %s\n", when);
    put_fields(item, lines.len, as_it_is, out);
    put_lines(out, buf_str(&lines));
    if (lines.len > 0 && lines.ptr[lines.len - 1] != '\n') buf_addc(out, '\n');
    buf_addc(out, '\n');
    return out->error;
}

/* --- from the file */
static bool has(struct str value, char c) {
    return str_find(value, c) != STR_NPOS;
}

/* Of Thunderbird: hexadecimal flags. What it would drop when it compacts the file is \Deleted. */
static void take_mozilla(struct str value, struct mail_item *item) {
    static const struct {
        unsigned bit;
        uint64_t flag;
    } flags[] = {{1, MAILBOX_SEEN}, {2, MAILBOX_ANSWERED}, {4, MAILBOX_FLAGGED}, {8, MAILBOX_DELETED}};
    char text[16];
    unsigned long bits = str_to_cstr(value, text, sizeof text) == 0 ? strtoul(text, NULL, 16) : 0;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (bits & flags[i].bit) item->flags |= flags[i].flag;
}

static void take_field(struct str name, struct str value, struct mail_item *item, char *words, size_t size) {
    static const struct {
        char c;
        uint64_t flag;
    } x_status[] = {{'A', MAILBOX_ANSWERED}, {'D', MAILBOX_DELETED}, {'F', MAILBOX_FLAGGED}, {'T', MAILBOX_DRAFT}};
    if (str_eq_nocase(name, STR("Status")) && has(value, 'R')) item->flags |= MAILBOX_SEEN;
    for (size_t i = 0; i < 4 && str_eq_nocase(name, STR("X-Status")); i++)
        if (has(value, x_status[i].c)) item->flags |= x_status[i].flag;
    if (str_eq_nocase(name, STR("X-Mozilla-Status"))) take_mozilla(value, item);
    if (!str_eq_nocase(name, STR("X-Keywords")) && !str_eq_nocase(name, STR("X-Mozilla-Keys"))) return;
    if (item->keyword_count > 0) return;
    if (str_to_cstr(value, words, size) != 0) return;
    for (char *w = words; *w != '\0' && item->keyword_count < MAIL_KEYWORDS_MAX;) {
        char *end = w + strcspn(w, " ");
        bool last = *end == '\0';
        *end = '\0';
        if (end > w) item->keywords[item->keyword_count++] = w;
        w = last ? end : end + 1;
    }
}

/* One line, without its end. */
static bool take_line(struct str *rest, struct str name, struct str *value) {
    struct str after = *rest, line = str_cut(&after, '\n');
    if (!str_starts(line, name)) return false;
    *value = str_sub(line, name.len, line.len);
    *rest = after;
    return true;
}

/* The fields of mbox_message_put, in their order; `rest` is what stands behind them. */
static bool own_fields(struct str *rest, uint64_t *length, bool *as_it_is) {
    struct str value, all = *rest;
    if (!take_line(&all, STR("Status: "), &value) || !(str_eq(value, STR("O")) || str_eq(value, STR("RO"))))
        return false;
    if (!take_line(&all, STR("X-Status: "), &value) || !take_line(&all, STR("X-Keywords:"), &value)) return false;
    *as_it_is = take_line(&all, STR("X-IEMS-Lines:"), &value);
    if (!take_line(&all, STR("Content-Length: "), &value) || str_to_u64(value, INT64_MAX, length) != 0) return false;
    *rest = all;
    return true;
}

static void take_fields(struct str rest, struct mail_item *item, char *words, size_t size) {
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n'), value = line;
        struct str name = str_cut(&value, ':');
        if (str_trim(line).len == 0) break;
        take_field(name, str_trim(value), item, words, size);
    }
}

/* The first "message" of files of UW IMAP. */
static bool is_administrative(struct str raw) {
    bool imap = false, subject = false;
    for (struct str line; raw.len > 0 && (line = str_trim(str_cut(&raw, '\n'))).len > 0;) {
        imap = imap || str_starts_nocase(line, STR("X-IMAP:"));
        subject = subject || str_starts(line, STR("Subject: DON'T DELETE THIS MESSAGE"));
    }
    return imap && subject;
}

bool mbox_message_take(struct str raw, struct mail_item *item, char *words, size_t size, struct buf *body) {
    struct str rest = raw;
    uint64_t length;
    bool as_it_is = false;
    if (own_fields(&rest, &length, &as_it_is)) {
        take_fields(str_sub(raw, 0, raw.len - rest.len), item, words, size);
        raw = str_sub(rest, 0, length < rest.len ? (size_t)length : rest.len);
    } else {
        if (is_administrative(raw)) return false;
        take_fields(raw, item, words, size);
    }
    if (as_it_is)
        buf_add(body, raw);
    else
        foreign_lines_in(raw, body);
    return true;
}

/* --- where it ends */
struct file {
    size_t (*read)(void *arg, uint64_t at, char *out, size_t size);
    void *arg;
};

static bool is_own(const struct file *f, uint64_t header) {
    BUF_AUTO head = BUF_INIT(OWN_FIELDS_MAX);
    char *p = buf_reserve(&head, OWN_FIELDS_MAX);
    uint64_t length;
    bool as_it_is;
    if (p == NULL) return false;
    buf_commit(&head, f->read(f->arg, header, p, OWN_FIELDS_MAX));
    struct str rest = buf_str(&head);
    return own_fields(&rest, &length, &as_it_is);
}

/* The end of the file or a line "From " follows, or an empty line and one of these. */
static bool ends_at(const struct file *f, uint64_t at) {
    char bytes[8];
    struct str all = str_of(bytes, f->read(f->arg, at - 1, bytes, sizeof bytes));
    if (all.len == 0) return false;
    struct str rest = str_sub(all, 1, all.len);
    if (all.ptr[0] == '\n' && str_starts(rest, STR("From "))) return true;
    size_t eol = str_starts(rest, STR("\r\n")) ? 2 : str_starts(rest, STR("\n")) ? 1 : 0;
    rest = str_sub(rest, eol, rest.len);
    return (rest.len == 0 && all.len < sizeof bytes) || (eol > 0 && str_starts(rest, STR("From ")));
}

/* Whether a line "From " is in the body: then nothing in it is quoted. */
static bool has_from(const struct file *f, const struct mbox_span *span) {
    static const struct str from = {"\nFrom ", 6};
    char piece[PIECE];
    for (uint64_t at = span->body - 1; at + from.len <= span->end; at += PIECE - (from.len - 1)) {
        uint64_t left = span->end - at;
        size_t n = f->read(f->arg, at, piece, left < PIECE ? (size_t)left : PIECE);
        if (memmem(piece, n, from.ptr, from.len) != NULL) return true;
    }
    return false;
}

enum mbox_length mbox_message_length(size_t (*read)(void *arg, uint64_t at, char *out, size_t size), void *arg,
                                     const struct mbox_span *span) {
    const struct file f = {read, arg};
    if (is_own(&f, span->header) || !ends_at(&f, span->end)) return MBOX_NOT_BELIEVED;
    return has_from(&f, span) ? MBOX_VERBATIM : MBOX_QUOTED;
}
