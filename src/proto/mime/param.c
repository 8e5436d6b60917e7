/* parameter = attribute "=" value          (RFC 2045 section 5.1)
 * attribute = name ["*" number] ["*"]      (RFC 2231 section 3, 4) */
#include "proto/mime/param.h"

#include "proto/mime/header.h"
#include "proto/mime/word.h"

#include <string.h>

enum { VALUE_MAX = 64 * 1024, SECTION_NONE = -1, SECTIONS_MAX = 1000 };

/* A parameter as it stands in the field, before continuations are joined. */
struct piece {
    struct mime_param param;
    int section;
    bool used;
    struct piece *next;
};

static bool ends_token(char c) {
    return c == ';' || c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '(' || c == '"';
}

static struct str take_token(struct str *rest, char also) {
    size_t n = 0;
    while (n < rest->len && !ends_token(rest->ptr[n]) && rest->ptr[n] != also) n++;
    struct str token = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, n, rest->len);
    return token;
}

static void skip_to_semicolon(struct str *rest) {
    BUF_AUTO unused = BUF_INIT(VALUE_MAX);
    for (;;) {
        header_skip_cfws(rest, NULL);
        if (rest->len == 0 || rest->ptr[0] == ';') return;
        if (rest->ptr[0] == '"') {
            header_quoted_string(rest, &unused);
        } else {
            *rest = str_sub(*rest, 1, rest->len);
        }
    }
}

/* Cuts "*", "*3", "*3*" off the name. */
static void split_section(struct piece *p) {
    struct str name = p->param.name;
    p->section = SECTION_NONE;
    if (name.len > 1 && name.ptr[name.len - 1] == '*') {
        p->param.encoded = true;
        name.len--;
    }
    ptrdiff_t star = str_rfind(name, '*');
    uint64_t n;
    if (star > 0 && str_to_u64(str_sub(name, (size_t)star + 1, name.len), SECTIONS_MAX, &n) == 0) {
        p->section = (int)n;
        name.len = (size_t)star;
    }
    p->param.name = name;
}

/* One parameter; `*rest` stands behind the semicolon. False: nothing usable here. */
static bool read_piece(struct str *rest, struct arena *arena, struct piece *p) {
    header_skip_cfws(rest, NULL);
    struct str name = take_token(rest, '=');
    header_skip_cfws(rest, NULL);
    if (name.len == 0 || rest->len == 0 || rest->ptr[0] != '=') return false;
    *rest = str_sub(*rest, 1, rest->len);
    header_skip_cfws(rest, NULL);
    BUF_AUTO value = BUF_INIT(VALUE_MAX);
    if (rest->len > 0 && rest->ptr[0] == '"') {
        header_quoted_string(rest, &value);
    } else {
        buf_add(&value, take_token(rest, ';'));
    }
    p->param.name = name;
    p->param.value = arena_str(arena, buf_str(&value));
    split_section(p);
    return true;
}

static struct piece *find_section(struct piece *list, struct str name, int section) {
    for (struct piece *p = list; p != NULL; p = p->next) {
        if (!p->used && p->section == section && str_eq_nocase(p->param.name, name)) return p;
    }
    return NULL;
}

/* Joins name*0, name*1, ... into the parameter of section 0. A gap ends the value. */
static void join_sections(struct piece *list, struct piece *first, struct arena *arena) {
    BUF_AUTO value = BUF_INIT(VALUE_MAX);
    bool encoded = false;
    struct piece *p = first;
    for (int n = 0; p != NULL; p = find_section(list, first->param.name, ++n)) {
        p->used = true;
        encoded = encoded || p->param.encoded;
        buf_add(&value, p->param.value);
    }
    first->param.value = arena_str(arena, buf_str(&value));
    first->param.encoded = encoded;
}

static struct mime_param *join_all(struct piece *list, struct arena *arena) {
    struct mime_param *head = NULL, **tail = &head;
    for (struct piece *p = list; p != NULL; p = p->next) {
        if (p->used || p->section > 0) continue;
        if (p->section == 0) join_sections(list, p, arena);
        *tail = &p->param;
        tail = &p->param.next;
    }
    return head;
}

int mime_value_parse(struct str value, struct arena *arena, struct mime_value *out) {
    BUF_AUTO text = BUF_INIT(VALUE_MAX);
    header_skip_cfws(&value, NULL);
    while (value.len > 0 && value.ptr[0] != ';') {
        if (value.ptr[0] == '"') {
            header_quoted_string(&value, &text);
        } else {
            buf_add(&text, take_token(&value, ';'));
        }
        header_skip_cfws(&value, NULL);
    }
    struct piece *list = NULL, **tail = &list;
    for (int n = 0; value.len > 0 && n < MIME_PARAMS_MAX; n++) {
        value = str_sub(value, 1, value.len); /* the semicolon */
        struct piece *p = arena_alloc(arena, sizeof *p);
        if (p == NULL) return ERR_NOMEM;
        if (read_piece(&value, arena, p)) {
            *tail = p;
            tail = &p->next;
        }
        skip_to_semicolon(&value);
    }
    out->main = arena_str(arena, buf_str(&text));
    out->params = join_all(list, arena);
    return 0;
}

const struct mime_param *mime_param_find(const struct mime_value *v, const char *name) {
    for (const struct mime_param *p = v->params; p != NULL; p = p->next) {
        if (str_eq_nocase(p->name, str_from(name))) return p;
    }
    return NULL;
}

void mime_param_decode(struct buf *out, const struct mime_param *p) {
    if (p->encoded) {
        word_decode_2231(out, p->value);
    } else {
        word_decode(out, p->value);
    }
}
