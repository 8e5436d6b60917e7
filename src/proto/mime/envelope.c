/* ENVELOPE, RFC 9051 section 7.5.2:
 *   "(" date subject from sender reply-to to cc bcc in-reply-to message-id ")" */
#include "proto/mime/address.h"
#include "proto/mime/date.h"
#include "proto/mime/header.h"
#include "proto/mime/structure.h"
#include "proto/mime/word.h"

enum { UTF8_MAX = 4 };
enum field { F_DATE, F_SUBJECT, F_FROM, F_SENDER, F_REPLY_TO, F_TO, F_CC, F_BCC, F_IN_REPLY_TO, F_MESSAGE_ID, F_COUNT };

static const struct {
    const char *name;
    bool is_list;
    int instead; /* field that is taken when this one is missing or empty; -1 = none */
} fields[F_COUNT] = {
    [F_DATE] = {"Date", false, -1},
    [F_SUBJECT] = {"Subject", false, -1},
    [F_FROM] = {"From", true, -1},
    [F_SENDER] = {"Sender", true, F_FROM},
    [F_REPLY_TO] = {"Reply-To", true, F_FROM},
    [F_TO] = {"To", true, -1},
    [F_CC] = {"Cc", true, -1},
    [F_BCC] = {"Bcc", true, -1},
    [F_IN_REPLY_TO] = {"In-Reply-To", false, -1},
    [F_MESSAGE_ID] = {"Message-ID", false, -1},
};

static void write_or_nil(struct buf *out, bool there, struct str s) {
    if (there) {
        mime_string_write(out, s);
    } else {
        buf_adds(out, "NIL");
    }
}

static void write_address(struct buf *out, const struct address *a) {
    buf_addc(out, '(');
    switch (a->kind) {
    case ADDRESS_GROUP_START:
        buf_adds(out, "NIL NIL ");
        mime_string_write(out, a->name);
        buf_adds(out, " NIL");
        break;
    case ADDRESS_GROUP_END: buf_adds(out, "NIL NIL NIL NIL"); break;
    case ADDRESS_MAILBOX:
        write_or_nil(out, a->has_name, a->name);
        buf_addc(out, ' ');
        write_or_nil(out, a->route.len > 0, a->route);
        buf_addc(out, ' ');
        mime_string_write(out, a->local);
        buf_addc(out, ' ');
        mime_string_write(out, a->domain); /* never NIL: that would be a group */
        break;
    }
    buf_addc(out, ')');
}

/* Appends the addresses of one field to the content of a list; stops where the room ends. */
static void add_addresses(struct buf *out, struct str value, struct arena *scratch, bool *truncated) {
    struct address_parser p;
    struct address a;
    address_parser_init(&p, value, scratch);
    while (address_next(&p, &a)) {
        size_t mark = out->len;
        write_address(out, &a);
        if (out->error == 0) continue;
        buf_truncate(out, mark);
        *truncated = true;
        return;
    }
}

static void first_mailbox(struct str value, struct arena *scratch, struct mime_top *top, struct arena *keep) {
    struct address_parser p;
    struct address a;
    address_parser_init(&p, value, scratch);
    while (address_next(&p, &a)) {
        if (a.kind != ADDRESS_MAILBOX) continue;
        BUF_AUTO text = BUF_INIT(MIME_ENTITY_TEXT_MAX);
        buf_add(&text, a.local);
        if (a.has_domain) buf_addc(&text, '@');
        buf_add(&text, a.domain);
        BUF_AUTO clean = BUF_INIT(MIME_ENTITY_TEXT_MAX);
        word_decode(&clean, buf_str(&text));
        top->from = arena_str(keep, buf_str(&clean));
        return;
    }
}

static struct str without_blanks(struct str value, struct arena *arena) {
    char *to = arena_alloc(arena, value.len + 1);
    if (to == NULL) return STR_EMPTY;
    size_t n = 0;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c > ' ' && c != 0x7f) to[n++] = (char)c;
    }
    return str_of(to, n);
}

/* A very long subject ends between two characters. */
static struct str cut_subject(struct str value) {
    value = str_trim(value);
    size_t n = MIME_SUBJECT_CUT;
    if (value.len <= n) return value;
    while (n > MIME_SUBJECT_CUT - UTF8_MAX && ((unsigned char)value.ptr[n] & 0xc0) == 0x80) n--;
    return str_sub(value, 0, n);
}

static void read_top(struct mime_top *top, enum field f, struct str value, struct arena *scratch, struct arena *keep) {
    struct mail_date date;
    if (f == F_DATE && mail_date_parse(value, &date) == 0) top->date = date.time;
    if (f == F_FROM && top->from.len == 0) first_mailbox(value, scratch, top, keep);
    if (f == F_MESSAGE_ID && value.len <= MIME_ENTITY_TEXT_MAX) top->message_id = without_blanks(value, keep);
    if (f != F_SUBJECT) return;
    BUF_AUTO flat = BUF_INIT(MIME_ENTITY_TEXT_MAX);
    header_unfold(&flat, cut_subject(value));
    BUF_AUTO base = BUF_INIT(MIME_ENTITY_TEXT_MAX);
    subject_base(&base, buf_str(&flat), NULL);
    top->base_subject = arena_str(keep, buf_str(&base));
}

/* Of several the last counts, as with the fields of the envelope. */
static void read_references(struct mime_top *top, struct str value, struct arena *keep) {
    BUF_AUTO flat = BUF_INIT(MIME_HEADER_MAX);
    header_unfold(&flat, value);
    struct str s = buf_str(&flat);
    if (s.len > SUMMARY_REFERENCES_MAX) s = str_sub(s, s.len - SUMMARY_REFERENCES_MAX, SUMMARY_REFERENCES_MAX);
    top->references = arena_str(keep, s);
}

/* Of several fields the last counts. A part of a subject that does not fit is of use; of an identifier it is not. */
static void write_text(struct buf *out, enum field f, struct str value, bool *truncated) {
    buf_clear(out);
    mime_value_write(out, value);
    if (out->error == 0) return;
    *truncated = true;
    buf_clear(out);
    if (f == F_SUBJECT) mime_value_write(out, cut_subject(value));
}

static int find_field(struct str name) {
    for (int f = 0; f < F_COUNT; f++) {
        if (str_eq_nocase(name, str_from(fields[f].name))) return f;
    }
    return -1;
}

static void write_field(struct buf *out, int f, struct str text) {
    bool list = fields[f].is_list && text.len > 0;
    buf_addc(out, f == 0 ? '(' : ' ');
    if (list) buf_addc(out, '(');
    buf_add(out, text.len > 0 ? text : STR("NIL"));
    if (list) buf_addc(out, ')');
}

int mime_envelope_write(struct buf *out, struct str header, struct arena *keep, struct mime_top *top, bool *truncated) {
    struct buf text[F_COUNT];
    ARENA_AUTO scratch = arena_new(MIME_ARENA_MAX);
    if (scratch == NULL) return ERR_NOMEM;
    for (int f = 0; f < F_COUNT; f++)
        buf_init(&text[f], f >= F_TO && f <= F_BCC ? MIME_LIST_TEXT_MAX : MIME_FIELD_TEXT_MAX);
    struct header_field h;
    for (unsigned n = 0; n < MIME_FIELDS_MAX && header_next(&header, &h); n++) {
        int f = find_field(h.name);
        if (f < 0 && top != NULL && str_eq_nocase(h.name, STR("References"))) read_references(top, h.value, keep);
        if (f < 0) continue;
        if (fields[f].is_list) {
            add_addresses(&text[f], h.value, scratch, truncated);
        } else {
            write_text(&text[f], (enum field)f, h.value, truncated);
        }
        if (top != NULL) read_top(top, (enum field)f, h.value, scratch, keep);
        arena_reset(scratch);
    }
    for (int f = 0; f < F_COUNT; f++) {
        struct str t = buf_str(&text[f]);
        if (t.len == 0 && fields[f].instead >= 0) t = buf_str(&text[fields[f].instead]);
        write_field(out, f, t);
    }
    buf_addc(out, ')');
    for (int f = 0; f < F_COUNT; f++) buf_done(&text[f]);
    return out->error;
}
