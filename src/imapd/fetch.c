#include "imapd/fetch.h"

#include "base/clock.h"
#include "imapd/objectid.h"
#include "imapd/preview.h"
#include "imapd/view.h"
#include "proto/imap/write.h"

#include <string.h>

enum { HEAD_BYTES = 16 * 1024, NUMBER_BYTES = 24 };

static bool header_only(const struct imap_fetch_body *b) {
    return b->path_len == 0 && b->kind == IMAP_BODY_SECTION &&
           (b->section == IMAP_SECTION_HEADER || b->section == IMAP_SECTION_FIELDS ||
            b->section == IMAP_SECTION_FIELDS_NOT);
}

unsigned fetch_fields(const struct imap_fetch *f, bool many) {
    unsigned fields = 0;
    if (f->items & (IMAP_FETCH_INTERNALDATE | IMAP_FETCH_SAVEDATE)) fields |= FIELD_DATES;
    if (f->items & IMAP_FETCH_SIZE) fields |= FIELD_SIZE;
    if (f->items & (IMAP_FETCH_ENVELOPE | IMAP_FETCH_THREADID)) fields |= FIELD_ENVELOPE | FIELD_SIZE;
    if (f->items & (IMAP_FETCH_BODY | IMAP_FETCH_BODYSTRUCTURE | IMAP_FETCH_PREVIEW))
        fields |= FIELD_SUMMARY | FIELD_SIZE;
    if (f->items & (IMAP_FETCH_EMAILID | IMAP_FETCH_THREADID)) fields |= FIELD_ID;
    for (const struct imap_fetch_body *b = f->body; b != NULL; b = b->next) {
        bool whole = b->path_len == 0 && b->section == IMAP_SECTION_ALL && b->kind == IMAP_BODY_SECTION;
        fields |= whole ? FIELD_SIZE : FIELD_SIZE | FIELD_SUMMARY;
        if (header_only(b))
            fields |= FIELD_HEADER;
        else if (many || (b->path_len == 0 && !b->partial))
            fields |= FIELD_BODY;
    }
    if (fields & FIELD_BODY) fields = (fields & ~(unsigned)FIELD_HEADER) | FIELD_PACKED;
    if (fields & FIELD_SUMMARY) fields &= ~(unsigned)FIELD_ENVELOPE;
    return fields;
}

static void put_date(struct session *s, const char *name, int64_t date) {
    char text[CLOCK_TEXT_MAX];
    clock_imap(date, text);
    session_printf(s, "%s \"%s%s\"", name, text[1] == '-' ? " " : "", text); /* date-day-fixed */
}

static void put_item(struct session *s, const char *name, struct str value, const char **blank) {
    session_puts(s, *blank);
    session_puts(s, name);
    session_put(s, value.len > 0 ? value : STR("NIL"));
    *blank = " ";
}

static void put_head(struct session *s, const struct imap_fetch *f, uint32_t position, uint32_t uid,
                     const char **blank) {
    char head[3 * NUMBER_BYTES], *p = head;
    memcpy(p, "* ", 2);
    p = imap_put_number(p + 2, s->uidonly ? uid : position);
    memcpy(p, s->uidonly ? " UIDFETCH (" : " FETCH (", s->uidonly ? 11 : 8);
    p += s->uidonly ? 11 : 8;
    *blank = "";
    bool alone = f->items == IMAP_FETCH_UID && f->body == NULL; /* the list must not be empty (RFC 9051 section 9) */
    if ((f->items & IMAP_FETCH_UID) != 0 && (!s->uidonly || alone)) {
        memcpy(p, "UID ", 4);
        p = imap_put_number(p + 4, uid);
        *blank = " ";
    }
    session_put(s, str_of(head, (size_t)(p - head)));
}

static void put_flags(struct session *s, uint32_t uid, uint64_t flags, const char **blank) {
    BUF_AUTO b = BUF_INIT(HEAD_BYTES);
    buf_adds(&b, *blank);
    buf_adds(&b, "FLAGS ");
    imap_write_flags(&b, view_flags(s->view, uid, flags), s->view->keyword, s->view->keywords);
    session_put(s, buf_str(&b));
    *blank = " ";
}

static void put_numbers(struct session *s, const struct imap_fetch *f, const struct message_record *r, uint64_t modseq,
                        const char **blank) {
    if (f->items & IMAP_FETCH_MODSEQ) {
        session_printf(s, "%sMODSEQ (%llu)", *blank, (unsigned long long)modseq);
        view_note_change(s->view, modseq); /* what was expunged before it must not stay untold */
        *blank = " ";
    }
    if (f->items & IMAP_FETCH_INTERNALDATE) {
        session_puts(s, *blank);
        put_date(s, "INTERNALDATE", r->internal_date);
        *blank = " ";
    }
    if (f->items & IMAP_FETCH_SAVEDATE) {
        session_puts(s, *blank);
        put_date(s, "SAVEDATE", r->save_date);
        *blank = " ";
    }
    if (f->items & IMAP_FETCH_SIZE) {
        session_printf(s, "%sRFC822.SIZE %llu", *blank, (unsigned long long)r->size);
        *blank = " ";
    }
}

/* EMAILID and THREADID (RFC 8474), PREVIEW (RFC 8970). */
static int put_ids(struct session *s, const struct imap_fetch *f, struct content *c, const char **blank) {
    char id[OBJECTID_SIZE];
    int err = 0;
    if (f->items & IMAP_FETCH_EMAILID) {
        objectid_email(c->record, id);
        session_printf(s, "%sEMAILID (%s)", *blank, id);
        *blank = " ";
    }
    if (f->items & IMAP_FETCH_THREADID) {
        err = objectid_thread(c, id);
        session_printf(s, err == 0 ? "%sTHREADID (%s)" : "%sTHREADID NIL", *blank, id);
        *blank = " ";
    }
    if (f->items & IMAP_FETCH_PREVIEW) {
        session_puts(s, *blank);
        int rc = preview_write(c);
        if (err == 0) err = rc;
        *blank = " ";
    }
    return err;
}

int fetch_write(struct session *s, const struct imap_fetch *f, struct content *c, uint32_t position, uint64_t flags,
                uint64_t modseq) {
    const char *blank = "";
    put_head(s, f, position, c->record->uid, &blank);
    if (f->items & IMAP_FETCH_FLAGS) put_flags(s, c->record->uid, flags, &blank);
    put_numbers(s, f, c->record, modseq, &blank);
    int err = put_ids(s, f, c, &blank);
    if (f->items & IMAP_FETCH_ENVELOPE) put_item(s, "ENVELOPE ", c->summary.envelope, &blank);
    if (f->items & IMAP_FETCH_BODYSTRUCTURE) put_item(s, "BODYSTRUCTURE ", c->summary.bodystructure, &blank);
    if (f->items & IMAP_FETCH_BODY) put_item(s, "BODY ", c->summary.body, &blank);
    for (const struct imap_fetch_body *b = f->body; b != NULL; b = b->next) {
        session_puts(s, blank);
        blank = " ";
        int rc = fetch_write_body(s, b, c);
        if (err == 0) err = rc;
        if (s->closing) return err;
    }
    session_puts(s, ")\r\n");
    return err;
}
