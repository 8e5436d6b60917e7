/* From the header of an entity to its kind and the texts that BODYSTRUCTURE shows of it (RFC 9051 section 7.5.2). */
#include "proto/mime/header.h"
#include "proto/mime/param.h"
#include "proto/mime/structure.h"

#include <string.h>

enum field { F_TYPE, F_ID, F_DESCRIPTION, F_ENCODING, F_MD5, F_DISPOSITION, F_LANGUAGE, F_LOCATION, F_COUNT };

static const char *const field_names[F_COUNT] = {
    [F_TYPE] = "Content-Type",
    [F_ID] = "Content-ID",
    [F_DESCRIPTION] = "Content-Description",
    [F_ENCODING] = "Content-Transfer-Encoding",
    [F_MD5] = "Content-MD5",
    [F_DISPOSITION] = "Content-Disposition",
    [F_LANGUAGE] = "Content-Language",
    [F_LOCATION] = "Content-Location",
};

struct entity_fields {
    struct str value[F_COUNT];
    bool seen[F_COUNT];
    unsigned received;
};

static int field_of(struct str name) {
    if (!str_starts_nocase(name, STR("Content-"))) return -1;
    for (int f = 0; f < F_COUNT; f++) {
        if (str_eq_nocase(name, str_from(field_names[f]))) return f;
    }
    return -1;
}

/* Collects the first field of each name. False: more fields than looked at. */
static bool collect(struct entity_fields *e, struct str header) {
    struct header_field h;
    for (unsigned n = 0; header_next(&header, &h); n++) {
        if (n == MIME_FIELDS_MAX) return false;
        if (str_eq_nocase(h.name, STR("Received"))) e->received++;
        int f = field_of(h.name);
        if (f < 0 || e->seen[f]) continue;
        e->seen[f] = true;
        e->value[f] = h.value;
    }
    return true;
}

static void write_params(struct buf *out, const struct mime_param *list) {
    if (list == NULL) {
        buf_adds(out, "NIL");
        return;
    }
    for (const struct mime_param *p = list; p != NULL; p = p->next) {
        buf_addc(out, p == list ? '(' : ' ');
        BUF_AUTO name = BUF_INIT(MIME_ENTITY_TEXT_MAX);
        buf_add(&name, p->name);
        if (p->encoded) buf_addc(&name, '*');
        mime_string_write(out, buf_str(&name));
        buf_addc(out, ' ');
        mime_string_write(out, p->value);
    }
    buf_addc(out, ')');
}

/* The finished text into the arena; NIL when it became too long. */
static struct str keep(struct buf *text, struct arena *arena, bool *truncated) {
    if (text->error == 0) return arena_str(arena, buf_str(text));
    *truncated = true;
    return STR("NIL");
}

static struct str quoted(struct str s, struct arena *arena, bool *truncated) {
    BUF_AUTO text = BUF_INIT(MIME_ENTITY_TEXT_MAX);
    mime_string_write(&text, s);
    return keep(&text, arena, truncated);
}

static struct str text_field(const struct entity_fields *e, enum field f, struct arena *arena, bool *truncated) {
    if (!e->seen[f] || str_trim(e->value[f]).len == 0) return STR("NIL");
    BUF_AUTO text = BUF_INIT(MIME_ENTITY_TEXT_MAX);
    mime_value_write(&text, e->value[f]);
    return keep(&text, arena, truncated);
}

static bool is_token(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] <= ' ' || strchr("()<>@,;:\\\"/[]?=\x7f", s.ptr[i]) != NULL) return false;
    }
    return s.len > 0;
}

/* RFC 2045 section 5.2: what is missing or malformed is text/plain in US-ASCII. */
static int read_type(struct mime_node *n, const struct entity_fields *e, bool in_digest, struct arena *arena,
                     bool *truncated) {
    struct mime_value v = {.main = STR_EMPTY};
    if (e->seen[F_TYPE] && mime_value_parse(e->value[F_TYPE], arena, &v) != 0) return ERR_NOMEM;
    struct str subtype = v.main, type = str_cut(&subtype, '/');
    BUF_AUTO params = BUF_INIT(MIME_ENTITY_TEXT_MAX);
    if (!is_token(type) || !is_token(subtype)) {
        bool message = in_digest && !e->seen[F_TYPE];
        type = message ? STR("message") : STR("text");
        subtype = message ? STR("rfc822") : STR("plain");
        v.params = NULL;
        if (!message) buf_adds(&params, "(\"charset\" \"us-ascii\")");
    }
    if (params.len == 0) write_params(&params, v.params);
    n->params = keep(&params, arena, truncated);
    n->type = quoted(type, arena, truncated);
    n->subtype = quoted(subtype, arena, truncated);
    n->is_text = str_eq_nocase(type, STR("text"));
    n->kind = PART_LEAF;
    n->boundary = STR_EMPTY;
    if (str_eq_nocase(type, STR("message")) &&
        (str_eq_nocase(subtype, STR("rfc822")) || str_eq_nocase(subtype, STR("global")))) {
        n->kind = PART_MESSAGE;
    } else if (str_eq_nocase(type, STR("multipart"))) {
        n->kind = PART_MULTIPART;
        const struct mime_param *b = mime_param_find(&v, "boundary");
        if (b != NULL) n->boundary = str_sub(b->value, 0, MIME_BOUNDARY_MAX);
    }
    return 0;
}

static int read_disposition(struct mime_node *n, const struct entity_fields *e, struct arena *arena, bool *truncated) {
    n->disposition = STR("NIL");
    if (!e->seen[F_DISPOSITION]) return 0;
    struct mime_value v;
    if (mime_value_parse(e->value[F_DISPOSITION], arena, &v) != 0) return ERR_NOMEM;
    if (!is_token(v.main)) return 0;
    BUF_AUTO text = BUF_INIT(MIME_ENTITY_TEXT_MAX);
    buf_addc(&text, '(');
    mime_string_write(&text, v.main);
    buf_addc(&text, ' ');
    write_params(&text, v.params);
    buf_addc(&text, ')');
    n->disposition = keep(&text, arena, truncated);
    n->is_attachment = str_eq_nocase(v.main, STR("attachment"));
    return 0;
}

/* RFC 3282: a list of tags. */
static struct str read_language(const struct entity_fields *e, struct arena *arena, bool *truncated) {
    BUF_AUTO text = BUF_INIT(MIME_ENTITY_TEXT_MAX);
    struct str rest = e->value[F_LANGUAGE];
    while (e->seen[F_LANGUAGE]) {
        header_skip_cfws(&rest, NULL);
        size_t i = 0;
        while (i < rest.len && (ascii_isalnum(rest.ptr[i]) || rest.ptr[i] == '-')) i++;
        if (i > 0) {
            buf_addc(&text, text.len == 0 ? '(' : ' ');
            mime_string_write(&text, str_sub(rest, 0, i));
        }
        if (rest.len == 0) break;
        rest = str_sub(rest, i > 0 ? i : 1, rest.len);
    }
    if (text.len == 0) return STR("NIL");
    buf_addc(&text, ')');
    return keep(&text, arena, truncated);
}

/* One token and nothing behind it; anything else is as good as no field. */
static struct str read_encoding(const struct entity_fields *e, struct arena *arena, bool *truncated) {
    struct str rest = e->value[F_ENCODING];
    if (!e->seen[F_ENCODING]) return STR("\"7bit\"");
    header_skip_cfws(&rest, NULL);
    size_t n = 0;
    while (n < rest.len && strchr(" \t\r\n(", rest.ptr[n]) == NULL) n++;
    struct str token = str_sub(rest, 0, n);
    rest = str_sub(rest, n, rest.len);
    header_skip_cfws(&rest, NULL);
    return rest.len > 0 || !is_token(token) ? STR("\"7bit\"") : quoted(token, arena, truncated);
}

int mime_entity_read(struct mime_node *n, struct str header, bool in_digest, struct arena *arena, struct mime_top *top,
                     bool *truncated) {
    struct entity_fields e = {.received = 0};
    if (!collect(&e, header)) *truncated = true;
    if (read_type(n, &e, in_digest, arena, truncated) != 0) return ERR_NOMEM;
    if (read_disposition(n, &e, arena, truncated) != 0) return ERR_NOMEM;
    n->id = text_field(&e, F_ID, arena, truncated);
    n->description = text_field(&e, F_DESCRIPTION, arena, truncated);
    n->md5 = text_field(&e, F_MD5, arena, truncated);
    n->location = text_field(&e, F_LOCATION, arena, truncated);
    n->encoding = read_encoding(&e, arena, truncated);
    n->language = read_language(&e, arena, truncated);
    n->envelope = STR_EMPTY;
    if (top != NULL) top->received = e.received;
    if (!n->is_root) return 0;
    BUF_AUTO text = BUF_INIT(MIME_ENVELOPE_MAX);
    if (mime_envelope_write(&text, header, arena, top, truncated) != 0) return ERR_NOMEM;
    n->envelope = arena_str(arena, buf_str(&text));
    return n->envelope.len > 0 ? 0 : ERR_NOMEM;
}
