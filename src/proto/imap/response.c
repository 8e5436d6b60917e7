#include "proto/imap/response.h"

enum { DEPTH_MAX = 32 };

/* Any value, for what is not known: atom, string, NIL or list. */
static bool skip_value(struct imap_args *a) {
    unsigned depth = 0;
    do {
        struct str s;
        if (imap_args_char(a, '(')) {
            if (++depth > DEPTH_MAX) return false;
        } else if (imap_args_char(a, ')')) {
            if (depth-- == 0) return false;
        } else if (depth > 0 && imap_args_char(a, ' ')) {
            continue;
        } else if (!imap_args_string(a, &s)) {
            size_t n = 0;
            while (n < a->rest.len && a->rest.ptr[n] != ' ' && a->rest.ptr[n] != '(' && a->rest.ptr[n] != ')') n++;
            if (n == 0) return false;
            a->rest = str_sub(a->rest, n, SIZE_MAX);
        }
    } while (depth > 0);
    return true;
}

/* Up to a blank or parenthesis, whatever it is. */
static struct str take_word(struct imap_args *a) {
    size_t n = 0;
    while (n < a->rest.len && a->rest.ptr[n] != ' ' && a->rest.ptr[n] != '(' && a->rest.ptr[n] != ')') n++;
    struct str word = str_sub(a->rest, 0, n);
    a->rest = str_sub(a->rest, n, SIZE_MAX);
    return word;
}

static bool is_keyword(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (!imap_is_atom_char((unsigned char)s.ptr[i])) return false;
    return s.len > 0 && s.len <= IMAP_KEYWORD_MAX;
}

static bool take_flags(struct imap_args *a, struct imap_flags *out) {
    if (!imap_args_char(a, '(')) return false;
    while (!imap_args_char(a, ')')) {
        if (imap_args_char(a, ' ')) continue;
        struct str word = take_word(a);
        if (word.len == 0) return false;
        out->system |= imap_flag_bit(word);
        if (word.ptr[0] == '\\' || !is_keyword(word) || out->keywords == IMAP_KEYWORDS_MAX) continue;
        out->keyword[out->keywords++] = word;
    }
    return true;
}

static bool take_fetch_item(struct imap_args *a, struct imap_response *out) {
    struct str name = take_word(a);
    if (name.len == 0 || !imap_args_char(a, ' ')) return false;
    if (str_eq_nocase(name, STR("UID"))) return imap_args_number(a, &out->uid);
    if (str_eq_nocase(name, STR("RFC822.SIZE"))) return imap_args_number64(a, &out->size);
    if (str_eq_nocase(name, STR("FLAGS"))) {
        out->has_flags = true;
        return take_flags(a, &out->flags);
    }
    if (str_eq_nocase(name, STR("INTERNALDATE"))) return imap_args_datetime(a, &out->date) || skip_value(a);
    if (!str_eq_nocase(name, STR("BODY[]"))) return skip_value(a);
    out->has_body = true;
    return imap_args_nstring(a, &out->body, &out->body_is_nil);
}

static bool take_fetch(struct imap_args *a, struct imap_response *out) {
    if (!imap_args_char(a, ' ') || !imap_args_char(a, '(')) return false;
    while (!imap_args_char(a, ')'))
        if (!imap_args_char(a, ' ') && !take_fetch_item(a, out)) return false;
    return true;
}

/* DQUOTE char DQUOTE, or NIL */
static bool take_separator(struct imap_args *a, char *out) {
    struct str s = STR_EMPTY;
    bool nil = false;
    if (!imap_args_nstring(a, &s, &nil) || (!nil && s.len > 1)) return false;
    *out = nil || s.len == 0 ? '\0' : s.ptr[0];
    return true;
}

static void take_attribute(struct str word, struct imap_response *out) {
    static const struct {
        const char *name;
        unsigned bit;
    } table[] = {{"\\Noselect", IMAP_LIST_NOSELECT},
                 {"\\NonExistent", IMAP_LIST_NONEXISTENT | IMAP_LIST_NOSELECT},
                 {"\\Subscribed", IMAP_LIST_SUBSCRIBED}};
    static const char *const uses[] = {"\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash"};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (str_eq_nocase(word, str_from(table[i].name))) out->attributes |= table[i].bit;
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++)
        if (str_eq_nocase(word, str_from(uses[i]))) out->special_use = str_from(uses[i]);
}

/* mailbox: an astring; what follows (RFC 5258) does not matter */
static bool take_list(struct imap_args *a, struct imap_response *out) {
    if (!imap_args_char(a, ' ') || !imap_args_char(a, '(')) return false;
    while (!imap_args_char(a, ')')) {
        if (imap_args_char(a, ' ')) continue;
        struct str word = take_word(a);
        if (word.len == 0) return false;
        take_attribute(word, out);
    }
    return imap_args_char(a, ' ') && take_separator(a, &out->separator) && imap_args_char(a, ' ') &&
           imap_args_astring(a, &out->name) && out->name.len <= IMAP_MAILBOX_MAX;
}

static bool take_namespace_group(struct imap_args *a, bool personal, struct imap_response *out) {
    if (imap_args_word(a, "NIL")) return true;
    if (!imap_args_char(a, '(')) return false;
    while (!imap_args_char(a, ')')) {
        struct imap_namespace n = {.personal = personal};
        if (!imap_args_char(a, '(') || !imap_args_string(a, &n.prefix) || !imap_args_char(a, ' ')) return false;
        if (!take_separator(a, &n.separator)) return false;
        while (!imap_args_char(a, ')')) /* extensions */
            if (!imap_args_char(a, ' ') && !skip_value(a)) return false;
        (void)imap_args_char(a, ' ');
        if (out->namespace_count < IMAP_NAMESPACES_MAX) out->namespaces[out->namespace_count++] = n;
    }
    return true;
}

static bool take_namespace(struct imap_args *a, struct imap_response *out) {
    for (int i = 0; i < 3; i++)
        if (!imap_args_char(a, ' ') || !take_namespace_group(a, i == 0, out)) return false;
    return true;
}

static bool take_status(struct imap_args *a, struct imap_response *out) {
    if (!imap_args_char(a, ' ') || !imap_args_astring(a, &out->name)) return false;
    if (!imap_args_char(a, ' ') || !imap_args_char(a, '(')) return false;
    while (!imap_args_char(a, ')')) {
        if (imap_args_char(a, ' ')) continue;
        struct str item = take_word(a);
        if (item.len == 0 || !imap_args_char(a, ' ')) return false;
        bool good = str_eq_nocase(item, STR("MESSAGES"))      ? imap_args_number(a, &out->number)
                    : str_eq_nocase(item, STR("UIDVALIDITY")) ? imap_args_number(a, &out->uidvalidity)
                                                              : skip_value(a);
        if (!good) return false;
    }
    return true;
}

/* resp-text: ["[" code "]" SP] text */
static void take_text(struct str rest, struct imap_response *out) {
    out->text = rest;
    if (!str_starts(rest, STR("["))) return;
    ptrdiff_t end = str_find(rest, ']');
    if (end == STR_NPOS) return;
    out->code_rest = str_sub(rest, 1, (size_t)end - 1);
    out->code = str_cut(&out->code_rest, ' ');
    out->text = str_trim(str_sub(rest, (size_t)end + 1, SIZE_MAX));
}

static bool take_state(struct str word, struct imap_args *a, struct imap_response *out) {
    static const char *const names[] = {"OK", "NO", "BAD", "BYE", "PREAUTH"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!str_eq_nocase(word, str_from(names[i]))) continue;
        out->kind = IMAP_RESPONSE_STATE;
        out->condition = (enum imap_condition)i;
        (void)imap_args_char(a, ' ');
        take_text(a->rest, out);
        return true;
    }
    return false;
}

static int take_number(uint32_t number, struct imap_args *a, struct imap_response *out) {
    static const struct {
        const char *name;
        enum imap_response_kind kind;
    } table[] = {{"EXISTS", IMAP_RESPONSE_EXISTS}, {"EXPUNGE", IMAP_RESPONSE_EXPUNGE}, {"FETCH", IMAP_RESPONSE_FETCH}};
    struct str word = take_word(a);
    out->number = number;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (str_eq_nocase(word, str_from(table[i].name))) out->kind = table[i].kind;
    return out->kind != IMAP_RESPONSE_FETCH || take_fetch(a, out) ? 0 : ERR_INVALID;
}

static int take_untagged(struct imap_args *a, struct imap_response *out) {
    static const struct {
        const char *name;
        enum imap_response_kind kind;
        bool (*take)(struct imap_args *a, struct imap_response *out);
    } table[] = {{"LIST", IMAP_RESPONSE_LIST, take_list},
                 {"LSUB", IMAP_RESPONSE_LSUB, take_list},
                 {"NAMESPACE", IMAP_RESPONSE_NAMESPACE, take_namespace},
                 {"STATUS", IMAP_RESPONSE_STATUS, take_status},
                 {"CAPABILITY", IMAP_RESPONSE_CAPABILITY, NULL}};
    uint32_t number;
    struct str word = take_word(a);
    uint64_t n = 0;
    if (str_to_u64(word, UINT32_MAX, &n) == 0) {
        number = (uint32_t)n;
        return imap_args_char(a, ' ') ? take_number(number, a, out) : ERR_INVALID;
    }
    if (take_state(word, a, out)) return 0;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (!str_eq_nocase(word, str_from(table[i].name))) continue;
        out->kind = table[i].kind;
        out->text = str_trim(a->rest);
        return table[i].take == NULL || table[i].take(a, out) ? 0 : ERR_INVALID;
    }
    return 0;
}

int imap_response_parse(struct str text, struct arena *arena, struct imap_response *out) {
    struct imap_args a = {.rest = text, .arena = arena, .utf8 = true};
    *out = (struct imap_response){.kind = IMAP_RESPONSE_OTHER};
    struct str first = take_word(&a);
    if (str_eq(first, STR("+"))) {
        (void)imap_args_char(&a, ' ');
        out->kind = IMAP_RESPONSE_CONTINUE;
        out->text = a.rest;
        return 0;
    }
    if (first.len == 0 || !imap_args_char(&a, ' ')) return ERR_INVALID;
    if (str_eq(first, STR("*"))) return take_untagged(&a, out);
    out->tag = first;
    return take_state(take_word(&a), &a, out) ? 0 : ERR_INVALID;
}
