#include "imapd/search_text.h"

#include "proto/mime/address.h"
#include "proto/mime/decode.h"
#include "proto/mime/header.h"
#include "proto/mime/word.h"

#include <string.h>

enum { DECODED_MAX = 16 * 1024 * 1024, ADDRESSES_MAX = 1024 * 1024, WINDOW = 256 * 1024 };

static bool contains(struct str text, struct str needle) {
    if (needle.len == 0) return true;
    return text.len >= needle.len && memmem(text.ptr, text.len, needle.ptr, needle.len) != NULL;
}

/* Looks through pieces of text; the end of a piece is kept in front of the next of its unit. */
struct finder {
    struct str needle;
    struct buf text;
};

static int find(void *arg, struct str text, bool begins) {
    struct finder *f = arg;
    if (begins) {
        buf_clear(&f->text);
        if (contains(text, f->needle)) return 1;
        buf_add(&f->text, text.len < f->needle.len ? text : str_sub(text, text.len - f->needle.len + 1, SIZE_MAX));
        return f->text.error;
    }
    buf_add(&f->text, text);
    if (f->text.error != 0) return f->text.error;
    if (contains(buf_str(&f->text), f->needle)) return 1;
    if (f->text.len >= f->needle.len) buf_consume(&f->text, f->text.len - (f->needle.len - 1));
    return 0;
}

int search_header_field(struct str header, struct str name, struct str needle) {
    struct header_field f;
    while (header_next(&header, &f)) {
        if (f.name.len == 0 || !str_eq_nocase(f.name, name)) continue;
        BUF_AUTO text = BUF_INIT(DECODED_MAX);
        word_decode(&text, f.value);
        if (text.error != 0) return text.error;
        search_fold(text.ptr, text.len);
        if (contains(buf_str(&text), needle)) return 1;
    }
    return 0;
}

/* RFC 9051 section 6.4.4 looks into the envelope's structure: addresses without comments, quotes and blanks. */
static int addresses_contain(struct str value, struct str needle) {
    struct address_parser p;
    struct address a;
    BUF_AUTO text = BUF_INIT(DECODED_MAX);
    ARENA_AUTO arena = arena_new(ADDRESSES_MAX);
    if (arena == NULL) return ERR_NOMEM;
    address_parser_init(&p, value, arena);
    while (address_next(&p, &a)) {
        if (a.kind != ADDRESS_MAILBOX) continue;
        buf_add(&text, a.local);
        buf_addc(&text, '@');
        buf_add(&text, a.domain);
        buf_addc(&text, '\n');
    }
    if (text.error != 0) return text.error;
    search_fold(text.ptr, text.len);
    return contains(buf_str(&text), needle);
}

int search_header_address(struct str header, struct str name, struct str needle) {
    int found = search_header_field(header, name, needle);
    struct header_field f;
    while (found == 0 && header_next(&header, &f)) {
        bool plain = str_find(f.value, '(') == STR_NPOS && str_find(f.value, '"') == STR_NPOS;
        if (f.name.len == 0 || plain || !str_eq_nocase(f.name, name)) continue;
        found = addresses_contain(f.value, needle);
    }
    return found;
}

int search_header_text(struct str header, struct str needle) {
    struct finder f = {.needle = needle, .text = BUF_INIT(DECODED_MAX)};
    struct search_sink sink = {find, &f};
    if (needle.len == 0) return header.len > 0;
    int found = search_walk_header(header, &sink);
    buf_done(&f.text);
    return found;
}

/* A window of the body, since a message may have a hundred thousand small parts. */
struct reading {
    struct content *c;
    struct rpc_reply hold;
    struct str window;
    uint64_t at; /* of the window, in the body */
};

static int read_body(void *arg, uint64_t offset, size_t max, struct str *out) {
    struct reading *r = arg;
    if (offset < r->at || offset - r->at >= r->window.len) {
        struct span span = {r->c->record->prefix_len + offset, r->c->record->size - r->c->record->prefix_len - offset};
        r->window = STR_EMPTY;
        int err = content_piece(r->c, &span, max > WINDOW ? max : WINDOW, &r->hold, &r->window);
        if (err != 0) return err;
        r->at = offset;
    }
    *out = str_sub(r->window, (size_t)(offset - r->at), max);
    return 0;
}

int search_body(struct content *c, struct str needle) {
    if (needle.len == 0) return 1;
    struct finder f = {.needle = needle, .text = BUF_INIT(DECODED_MAX)};
    struct reading r = {.c = c};
    struct search_sink sink = {find, &f};
    struct search_source source = {read_body, &r, c->record->size - c->record->prefix_len};
    int found = search_walk_body(&c->summary, &source, &sink);
    rpc_reply_free(&r.hold);
    buf_done(&f.text);
    return found;
}
