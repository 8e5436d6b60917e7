#include "proto/imap/fetch_parse.h"

#include "proto/imap/write.h"

#include <string.h>

enum { LABEL_MAX = 64 * 1024 };

static const struct {
    const char *name;
    unsigned items;
} macros[] =
    {
        {"ALL", IMAP_FETCH_FLAGS | IMAP_FETCH_INTERNALDATE | IMAP_FETCH_SIZE | IMAP_FETCH_ENVELOPE},
        {"FAST", IMAP_FETCH_FLAGS | IMAP_FETCH_INTERNALDATE | IMAP_FETCH_SIZE},
        {"FULL", IMAP_FETCH_FLAGS | IMAP_FETCH_INTERNALDATE | IMAP_FETCH_SIZE | IMAP_FETCH_ENVELOPE | IMAP_FETCH_BODY},
},
  simple[] = {
      {"UID", IMAP_FETCH_UID},          {"FLAGS", IMAP_FETCH_FLAGS},       {"INTERNALDATE", IMAP_FETCH_INTERNALDATE},
      {"RFC822.SIZE", IMAP_FETCH_SIZE}, {"ENVELOPE", IMAP_FETCH_ENVELOPE}, {"BODYSTRUCTURE", IMAP_FETCH_BODYSTRUCTURE},
      {"BODY", IMAP_FETCH_BODY},        {"MODSEQ", IMAP_FETCH_MODSEQ},     {"SAVEDATE", IMAP_FETCH_SAVEDATE},
      {"EMAILID", IMAP_FETCH_EMAILID},  {"THREADID", IMAP_FETCH_THREADID},
};

static const struct {
    const char *name;
    enum imap_section section;
    bool peek;
} old_names[] = {
    /* RFC 3501: RFC822 and its parts, answered under these names */
    {"RFC822.HEADER", IMAP_SECTION_HEADER, true},
    {"RFC822.TEXT", IMAP_SECTION_TEXT, false},
    {"RFC822", IMAP_SECTION_ALL, false},
};

static const struct {
    const char *name;
    enum imap_body_kind kind;
    bool peek;
} body_names[] = {
    {"BODY.PEEK[", IMAP_BODY_SECTION, true},  {"BODY[", IMAP_BODY_SECTION, false},
    {"BINARY.PEEK[", IMAP_BODY_BINARY, true}, {"BINARY.SIZE[", IMAP_BODY_BINARY_SIZE, true},
    {"BINARY[", IMAP_BODY_BINARY, false},
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* An item's name: as imap_args_word, but "[" must not follow either (it is an atom character, so it does not). */
static bool take_prefix(struct imap_args *a, const char *text) {
    struct str t = str_from(text);
    if (!str_starts_nocase(a->rest, t)) return false;
    a->rest = str_sub(a->rest, t.len, SIZE_MAX);
    return true;
}

/* header-list = "(" header-fld-name *(SP header-fld-name) ")" */
static int take_fields(struct imap_args *a, struct imap_fetch_body *b) {
    if (!imap_args_space(a) || !imap_args_char(a, '(')) return ERR_INVALID;
    struct str name[IMAP_HEADER_FIELDS_MAX];
    size_t n = 0;
    do {
        if (n == IMAP_HEADER_FIELDS_MAX) return ERR_LIMIT;
        if (!imap_args_astring(a, &name[n]) || name[n].len == 0) return ERR_INVALID;
        n++;
    } while (imap_args_space(a));
    if (!imap_args_char(a, ')')) return ERR_INVALID;
    b->field = arena_memdup(a->arena, name, n * sizeof *name);
    b->fields = n;
    return b->field == NULL ? ERR_NOMEM : 0;
}

/* section-text, with what stands before it: "" at the front, else a part number */
static int take_section_text(struct imap_args *a, struct imap_fetch_body *b) {
    if (take_prefix(a, "HEADER.FIELDS.NOT"))
        b->section = IMAP_SECTION_FIELDS_NOT;
    else if (take_prefix(a, "HEADER.FIELDS"))
        b->section = IMAP_SECTION_FIELDS;
    else if (take_prefix(a, "HEADER"))
        b->section = IMAP_SECTION_HEADER;
    else if (take_prefix(a, "TEXT"))
        b->section = IMAP_SECTION_TEXT;
    else if (b->path_len > 0 && take_prefix(a, "MIME"))
        b->section = IMAP_SECTION_MIME;
    else
        return ERR_INVALID;
    return b->section == IMAP_SECTION_FIELDS || b->section == IMAP_SECTION_FIELDS_NOT ? take_fields(a, b) : 0;
}

/* section-spec = section-msgtext / (section-part ["." section-text]) */
static int take_section(struct imap_args *a, struct imap_fetch_body *b) {
    unsigned path[IMAP_PATH_MAX];
    uint32_t n;
    bool dot = true; /* a number or a section-text may follow */
    while (dot && imap_args_number(a, &n)) {
        if (n == 0) return ERR_INVALID;
        if (b->path_len == IMAP_PATH_MAX) return ERR_LIMIT;
        path[b->path_len++] = n;
        dot = imap_args_char(a, '.');
    }
    if (b->path_len > 0) {
        b->path = arena_memdup(a->arena, path, b->path_len * sizeof *path);
        if (b->path == NULL) return ERR_NOMEM;
    }
    if (imap_args_char(a, ']')) return dot && b->path_len > 0 ? ERR_INVALID : 0;
    if (!dot || b->kind != IMAP_BODY_SECTION) return ERR_INVALID;
    int err = take_section_text(a, b);
    if (err != 0) return err;
    return imap_args_char(a, ']') ? 0 : ERR_INVALID;
}

int imap_section_parse(struct str text, struct arena *arena, struct imap_fetch_body *out) {
    const char *closed = arena_printf(arena, "%.*s]", STR_ARG(text));
    if (closed == NULL) return ERR_NOMEM;
    struct imap_args a = {.rest = str_from(closed), .arena = arena};
    struct imap_fetch_body b = {.kind = IMAP_BODY_SECTION, .peek = true, .label = STR_EMPTY};
    int err = take_section(&a, &b);
    if (err != 0) return err;
    if (a.rest.len > 0) return ERR_INVALID;
    *out = b;
    return 0;
}

/* partial = "<" number64 "." nz-number64 ">" */
static int take_partial(struct imap_args *a, struct imap_fetch_body *b) {
    if (!imap_args_char(a, '<')) return 0;
    if (b->kind == IMAP_BODY_BINARY_SIZE) return ERR_INVALID;
    b->partial = true;
    if (!imap_args_number64(a, &b->offset) || !imap_args_char(a, '.') || !imap_args_number64(a, &b->length) ||
        b->length == 0 || !imap_args_char(a, '>'))
        return ERR_INVALID;
    return 0;
}

static int make_label(struct imap_args *a, struct imap_fetch_body *b) {
    static const char *const names[] = {"BODY[", "BINARY[", "BINARY.SIZE["};
    static const char *const sections[] = {"", "HEADER", "HEADER.FIELDS (", "HEADER.FIELDS.NOT (", "TEXT", "MIME"};
    BUF_AUTO out = BUF_INIT(LABEL_MAX);
    buf_adds(&out, names[b->kind]);
    for (size_t i = 0; i < b->path_len; i++) {
        if (i > 0) buf_addc(&out, '.');
        buf_addu(&out, b->path[i]);
    }
    if (b->path_len > 0 && b->section != IMAP_SECTION_ALL) buf_addc(&out, '.');
    buf_adds(&out, sections[b->section]);
    for (size_t i = 0; i < b->fields; i++) {
        if (i > 0) buf_addc(&out, ' ');
        imap_write_astring(&out, b->field[i], false);
    }
    buf_adds(&out, b->fields > 0 ? ")]" : "]");
    if (b->partial) {
        buf_addc(&out, '<');
        buf_addu(&out, b->offset);
        buf_addc(&out, '>');
    }
    if (out.error != 0) return ERR_LIMIT;
    b->label = arena_str(a->arena, buf_str(&out));
    return b->label.ptr == NULL ? ERR_NOMEM : 0;
}

static struct imap_fetch_body *add_body(struct imap_args *a, struct imap_fetch *f, const struct imap_fetch_body *b) {
    struct imap_fetch_body *copy = arena_memdup(a->arena, b, sizeof *b), **end = &f->body;
    if (copy == NULL) return NULL;
    while (*end != NULL) end = &(*end)->next;
    *end = copy;
    f->sets_seen = f->sets_seen || !b->peek;
    return copy;
}

static int take_body(struct imap_args *a, struct imap_fetch *f) {
    for (size_t i = 0; i < COUNT(body_names); i++) {
        if (!take_prefix(a, body_names[i].name)) continue;
        struct imap_fetch_body b = {.kind = body_names[i].kind, .peek = body_names[i].peek};
        int err = take_section(a, &b);
        if (err == 0) err = take_partial(a, &b);
        if (err == 0) err = make_label(a, &b);
        if (err == 0 && add_body(a, f, &b) == NULL) err = ERR_NOMEM;
        return err;
    }
    for (size_t i = 0; i < COUNT(old_names); i++) {
        if (!imap_args_word(a, old_names[i].name)) continue;
        struct imap_fetch_body b = {.section = old_names[i].section, .peek = old_names[i].peek};
        b.label = str_from(old_names[i].name);
        return add_body(a, f, &b) == NULL ? ERR_NOMEM : 0;
    }
    return ERR_INVALID;
}

/* "PREVIEW" [SP "(" "LAZY" ")"] (RFC 8970) */
static int take_preview(struct imap_args *a, struct imap_fetch *f) {
    struct imap_args b = *a;
    f->items |= IMAP_FETCH_PREVIEW;
    if (!imap_args_space(&b) || !imap_args_char(&b, '(')) return 0;
    if (!imap_args_word(&b, "LAZY") || !imap_args_char(&b, ')')) return ERR_INVALID;
    f->items |= IMAP_FETCH_LAZY;
    *a = b;
    return 0;
}

static int take_item(struct imap_args *a, struct imap_fetch *f) {
    if (imap_args_word(a, "PREVIEW")) return take_preview(a, f);
    for (size_t i = 0; i < COUNT(simple); i++) {
        if (!imap_args_word(a, simple[i].name)) continue;
        f->items |= simple[i].items;
        return 0;
    }
    return take_body(a, f);
}

int imap_fetch_parse(struct imap_args *a, struct imap_fetch *out) {
    struct imap_args b = *a;
    struct imap_fetch f = {0};
    int err = 0;
    bool macro = false;
    for (size_t i = 0; i < COUNT(macros) && !macro; i++) {
        macro = imap_args_word(&b, macros[i].name);
        if (macro) f.items = macros[i].items;
    }
    if (!macro && imap_args_char(&b, '(')) {
        unsigned count = 0;
        do {
            err = ++count > IMAP_FETCH_BODIES_MAX ? ERR_LIMIT : take_item(&b, &f);
        } while (err == 0 && imap_args_space(&b));
        if (err == 0 && !imap_args_char(&b, ')')) err = ERR_INVALID;
    } else if (!macro) {
        err = take_item(&b, &f);
    }
    *a = b;
    if (err == 0) *out = f;
    return err;
}

int imap_fetch_parse_modifiers(struct imap_args *a, struct imap_fetch_modifiers *out) {
    struct imap_args b = *a;
    struct imap_fetch_modifiers m = {0};
    if (!imap_args_space(&b) || !imap_args_char(&b, '(')) return ERR_INVALID;
    do {
        if (imap_args_word(&b, "CHANGEDSINCE")) {
            if (!imap_args_space(&b) || !imap_args_number64(&b, &m.changed_since)) return ERR_INVALID;
            m.has_changed_since = true;
        } else if (imap_args_word(&b, "VANISHED")) {
            m.vanished = true;
        } else if (imap_args_word(&b, "PARTIAL")) {
            if (!imap_args_space(&b) || !imap_args_partial(&b, &m.partial)) return ERR_INVALID;
            m.has_partial = true;
        } else {
            return ERR_INVALID;
        }
    } while (imap_args_space(&b));
    if (!imap_args_char(&b, ')')) return ERR_INVALID;
    *a = b;
    *out = m;
    return 0;
}
