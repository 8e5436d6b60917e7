#include "proto/imap/search_parse.h"

#include "proto/imap/fetch_parse.h"

enum key_args { ARG_NONE, ARG_TEXT, ARG_DATE, ARG_NUMBER, ARG_INTERVAL, ARG_ATOM };

static const struct key_name {
    const char *name;
    enum imap_search_type type;
    enum key_args args;
    uint64_t flags;
} key_names[] = {
    {"ALL", IMAP_KEY_ALL, ARG_NONE, 0},
    {"ANSWERED", IMAP_KEY_FLAG, ARG_NONE, IMAP_ANSWERED},
    {"BCC", IMAP_KEY_BCC, ARG_TEXT, 0},
    {"BEFORE", IMAP_KEY_BEFORE, ARG_DATE, 0},
    {"BODY", IMAP_KEY_BODY, ARG_TEXT, 0},
    {"CC", IMAP_KEY_CC, ARG_TEXT, 0},
    {"DELETED", IMAP_KEY_FLAG, ARG_NONE, IMAP_DELETED},
    {"DRAFT", IMAP_KEY_FLAG, ARG_NONE, IMAP_DRAFT},
    {"FILTER", IMAP_KEY_FILTER, ARG_TEXT, 0},
    {"FLAGGED", IMAP_KEY_FLAG, ARG_NONE, IMAP_FLAGGED},
    {"FROM", IMAP_KEY_FROM, ARG_TEXT, 0},
    {"KEYWORD", IMAP_KEY_KEYWORD, ARG_ATOM, 0},
    {"LARGER", IMAP_KEY_LARGER, ARG_NUMBER, 0},
    {"NEW", IMAP_KEY_NEW, ARG_NONE, 0},
    {"OLD", IMAP_KEY_OLD, ARG_NONE, 0},
    {"OLDER", IMAP_KEY_OLDER, ARG_INTERVAL, 0},
    {"ON", IMAP_KEY_ON, ARG_DATE, 0},
    {"RECENT", IMAP_KEY_RECENT, ARG_NONE, 0},
    {"SAVEDATESUPPORTED", IMAP_KEY_ALL, ARG_NONE, 0},
    {"SAVEDBEFORE", IMAP_KEY_SAVEDBEFORE, ARG_DATE, 0},
    {"SAVEDON", IMAP_KEY_SAVEDON, ARG_DATE, 0},
    {"SAVEDSINCE", IMAP_KEY_SAVEDSINCE, ARG_DATE, 0},
    {"SEEN", IMAP_KEY_FLAG, ARG_NONE, IMAP_SEEN},
    {"SENTBEFORE", IMAP_KEY_SENTBEFORE, ARG_DATE, 0},
    {"SENTON", IMAP_KEY_SENTON, ARG_DATE, 0},
    {"SENTSINCE", IMAP_KEY_SENTSINCE, ARG_DATE, 0},
    {"SINCE", IMAP_KEY_SINCE, ARG_DATE, 0},
    {"SMALLER", IMAP_KEY_SMALLER, ARG_NUMBER, 0},
    {"SUBJECT", IMAP_KEY_SUBJECT, ARG_TEXT, 0},
    {"TEXT", IMAP_KEY_TEXT, ARG_TEXT, 0},
    {"TO", IMAP_KEY_TO, ARG_TEXT, 0},
    {"UNANSWERED", IMAP_KEY_UNFLAG, ARG_NONE, IMAP_ANSWERED},
    {"UNDELETED", IMAP_KEY_UNFLAG, ARG_NONE, IMAP_DELETED},
    {"UNDRAFT", IMAP_KEY_UNFLAG, ARG_NONE, IMAP_DRAFT},
    {"UNFLAGGED", IMAP_KEY_UNFLAG, ARG_NONE, IMAP_FLAGGED},
    {"UNKEYWORD", IMAP_KEY_UNKEYWORD, ARG_ATOM, 0},
    {"UNSEEN", IMAP_KEY_UNFLAG, ARG_NONE, IMAP_SEEN},
    {"YOUNGER", IMAP_KEY_YOUNGER, ARG_INTERVAL, 0},
};

struct parser {
    struct imap_args a;
    unsigned keys;
    bool modseq, fuzzy;
};

static int take_key(struct parser *p, unsigned depth, struct imap_search_key **out);

static struct imap_search_key *new_key(struct parser *p, enum imap_search_type type) {
    struct imap_search_key *k = arena_alloc(p->a.arena, sizeof *k);
    if (k != NULL) k->type = type;
    return k;
}

/* search-key *(SP search-key), up to what ends it; hung under `parent`. */
static int take_keys(struct parser *p, unsigned depth, struct imap_search_key *parent) {
    struct imap_search_key **end = &parent->child;
    for (;;) {
        int err = take_key(p, depth, end);
        if (err != 0) return err;
        end = &(*end)->next;
        struct imap_args b = p->a;
        if (!imap_args_space(&b) || imap_args_end(&b)) return 0;
        p->a = b;
    }
}

static int take_named_args(struct parser *p, enum key_args args, struct imap_search_key *k) {
    uint64_t n;
    if (args == ARG_NONE) return 0;
    if (!imap_args_space(&p->a)) return ERR_INVALID;
    switch (args) {
    case ARG_TEXT: return imap_args_astring(&p->a, &k->text) ? 0 : ERR_INVALID;
    case ARG_ATOM: return imap_args_atom(&p->a, &k->text) ? 0 : ERR_INVALID;
    case ARG_DATE: return imap_args_date(&p->a, &k->number) ? 0 : ERR_INVALID;
    default: break;
    }
    if (!imap_args_number64(&p->a, &n)) return ERR_INVALID;
    if (args == ARG_INTERVAL && n == 0) return ERR_INVALID; /* RFC 5032 section 3 */
    k->number = (int64_t)n;
    return 0;
}

/* "HEADER" SP header-fld-name SP astring */
static int take_header(struct parser *p, struct imap_search_key *k) {
    k->type = IMAP_KEY_HEADER;
    if (!imap_args_space(&p->a) || !imap_args_astring(&p->a, &k->name) || k->name.len == 0) return ERR_INVALID;
    return imap_args_space(&p->a) && imap_args_astring(&p->a, &k->text) ? 0 : ERR_INVALID;
}

/* "MODSEQ" [SP entry-name SP entry-type-req] SP mod-sequence-valzer */
static int take_modseq(struct parser *p, struct imap_search_key *k) {
    uint64_t n;
    struct str entry;
    k->type = IMAP_KEY_MODSEQ;
    p->modseq = true;
    if (!imap_args_space(&p->a)) return ERR_INVALID;
    if (imap_args_quoted(&p->a, &entry)) {
        if (!str_starts_nocase(entry, STR("/flags/")) || !imap_args_space(&p->a)) return ERR_INVALID;
        if (!imap_args_word(&p->a, "all") && !imap_args_word(&p->a, "priv") && !imap_args_word(&p->a, "shared"))
            return ERR_INVALID;
        if (!imap_args_space(&p->a)) return ERR_INVALID;
    }
    if (!imap_args_number64(&p->a, &n)) return ERR_INVALID;
    k->number = (int64_t)n;
    return 0;
}

static int take_or(struct parser *p, unsigned depth, struct imap_search_key *k) {
    k->type = IMAP_KEY_OR;
    if (!imap_args_space(&p->a)) return ERR_INVALID;
    int err = take_key(p, depth + 1, &k->child);
    if (err != 0) return err;
    return imap_args_space(&p->a) ? take_key(p, depth + 1, &k->child->next) : ERR_INVALID;
}

static int take_not(struct parser *p, unsigned depth, struct imap_search_key *k) {
    k->type = IMAP_KEY_NOT;
    return imap_args_space(&p->a) ? take_key(p, depth + 1, &k->child) : ERR_INVALID;
}

static int take_uid(struct parser *p, struct imap_search_key *k) {
    k->type = IMAP_KEY_UID;
    return imap_args_space(&p->a) && imap_args_set(&p->a, &k->set) ? 0 : ERR_INVALID;
}

/* "UIDAFTER" SP uniqueid, "UIDBEFORE" SP uniqueid (RFC 9738 section 3.4): unlike UID with "*", none of them may be
 * meant. */
static int take_uid_bound(struct parser *p, struct imap_search_key *k, bool after) {
    uint32_t uid;
    if (!imap_args_space(&p->a) || !imap_args_number(&p->a, &uid) || uid == 0) return ERR_INVALID;
    k->type = (after ? uid == UINT32_MAX : uid == 1) ? IMAP_KEY_NEVER : IMAP_KEY_UID;
    struct imap_range *r = arena_alloc(p->a.arena, sizeof *r);
    if (r == NULL) return ERR_NOMEM;
    *r = after ? (struct imap_range){uid + 1, UINT32_MAX} : (struct imap_range){1, uid - 1};
    k->set = (struct imap_set){.range = r, .count = 1};
    return 0;
}

/* "FUZZY" SP search-key (RFC 6203) */
static int take_fuzzy(struct parser *p, unsigned depth, struct imap_search_key *k) {
    k->type = IMAP_KEY_FUZZY;
    p->fuzzy = true;
    return imap_args_space(&p->a) ? take_key(p, depth + 1, &k->child) : ERR_INVALID;
}

/* "EMAILID" SP objectid, "THREADID" SP objectid (RFC 8474) */
static int take_objectid(struct parser *p, struct imap_search_key *k, enum imap_search_type type) {
    k->type = type;
    return imap_args_space(&p->a) && imap_args_objectid(&p->a, &k->text) ? 0 : ERR_INVALID;
}

static int take_word_key(struct parser *p, unsigned depth, struct imap_search_key *k) {
    if (imap_args_word(&p->a, "OR")) return take_or(p, depth, k);
    if (imap_args_word(&p->a, "NOT")) return take_not(p, depth, k);
    if (imap_args_word(&p->a, "UID")) return take_uid(p, k);
    if (imap_args_word(&p->a, "UIDAFTER")) return take_uid_bound(p, k, true);
    if (imap_args_word(&p->a, "UIDBEFORE")) return take_uid_bound(p, k, false);
    if (imap_args_word(&p->a, "HEADER")) return take_header(p, k);
    if (imap_args_word(&p->a, "MODSEQ")) return take_modseq(p, k);
    if (imap_args_word(&p->a, "FUZZY")) return take_fuzzy(p, depth, k);
    if (imap_args_word(&p->a, "EMAILID")) return take_objectid(p, k, IMAP_KEY_EMAILID);
    if (imap_args_word(&p->a, "THREADID")) return take_objectid(p, k, IMAP_KEY_THREADID);
    for (size_t i = 0; i < sizeof key_names / sizeof *key_names; i++) {
        if (!imap_args_word(&p->a, key_names[i].name)) continue;
        k->type = key_names[i].type;
        k->flags = key_names[i].flags;
        return take_named_args(p, key_names[i].args, k);
    }
    return ERR_INVALID;
}

static int take_key(struct parser *p, unsigned depth, struct imap_search_key **out) {
    if (depth > IMAP_SEARCH_DEPTH_MAX || ++p->keys > IMAP_SEARCH_KEYS_MAX) return ERR_LIMIT;
    struct imap_search_key *k = new_key(p, IMAP_KEY_AND);
    if (k == NULL) return ERR_NOMEM;
    int err;
    if (imap_args_char(&p->a, '(')) {
        err = take_keys(p, depth + 1, k);
        if (err == 0 && !imap_args_char(&p->a, ')')) err = ERR_INVALID;
    } else if (imap_args_set(&p->a, &k->set)) {
        k->type = IMAP_KEY_SEQUENCE;
        err = 0;
    } else {
        err = take_word_key(p, depth, k);
    }
    if (err != 0) return err;
    *out = k;
    return 0;
}

/* modifier-update = "UPDATE" ["(" fetch-att *(SP fetch-att) ")"], with a blank in the example (RFC 5465 section 7) */
static bool take_update(struct imap_args *a, struct imap_search *s) {
    struct imap_args b = *a;
    struct imap_fetch fetch;
    (void)imap_args_space(&b);
    if (!imap_args_peek_char(&b, '(')) return true;
    if (imap_fetch_parse(&b, &fetch) != 0) return false;
    *a = b;
    s->update_fetch = true;
    return true;
}

/* "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")" */
static int take_return(struct imap_args *a, struct imap_search *s) {
    static const struct {
        const char *name;
        unsigned bit;
    } names[] = {
        {"MIN", IMAP_RETURN_MIN},       {"MAX", IMAP_RETURN_MAX},         {"ALL", IMAP_RETURN_ALL},
        {"COUNT", IMAP_RETURN_COUNT},   {"SAVE", IMAP_RETURN_SAVE},       {"PARTIAL", IMAP_RETURN_PARTIAL},
        {"UPDATE", IMAP_RETURN_UPDATE}, {"CONTEXT", IMAP_RETURN_CONTEXT}, {"RELEVANCY", IMAP_RETURN_RELEVANCY}};
    s->has_return = true;
    if (!imap_args_space(a) || !imap_args_char(a, '(')) return ERR_INVALID;
    if (imap_args_char(a, ')')) {
        s->returns = IMAP_RETURN_ALL;
        return 0;
    }
    do {
        size_t i = 0;
        while (i < sizeof names / sizeof *names && !imap_args_word(a, names[i].name)) i++;
        if (i == sizeof names / sizeof *names) return ERR_INVALID;
        if (names[i].bit == IMAP_RETURN_PARTIAL &&
            ((s->returns & IMAP_RETURN_PARTIAL) != 0 || !imap_args_space(a) || !imap_args_partial(a, &s->partial)))
            return ERR_INVALID;
        if (names[i].bit == IMAP_RETURN_UPDATE && !take_update(a, s)) return ERR_INVALID;
        s->returns |= names[i].bit;
    } while (imap_args_space(a));
    return imap_args_char(a, ')') ? 0 : ERR_INVALID;
}

/* What stands in RETURN: hints alone mean ALL; ALL and PARTIAL exclude each other (RFC 5267 section 4.4, RFC 9394). */
static int check_return(struct imap_search *s) {
    unsigned results = s->returns & ~(unsigned)(IMAP_RETURN_CONTEXT | IMAP_RETURN_UPDATE | IMAP_RETURN_SAVE);
    if (s->has_return && results == 0 && (s->returns & IMAP_RETURN_SAVE) == 0) s->returns |= IMAP_RETURN_ALL;
    bool both = (s->returns & IMAP_RETURN_ALL) != 0 && (s->returns & IMAP_RETURN_PARTIAL) != 0;
    return both ? ERR_INVALID : 0;
}

/* [SP "RETURN" SP "(" ... ")"] */
static int take_returns(struct parser *p, struct imap_search *s) {
    struct imap_args b = p->a;
    if (!imap_args_space(&b) || !imap_args_word(&b, "RETURN")) return 0;
    int err = take_return(&b, s);
    if (err == 0) err = check_return(s);
    p->a = b;
    return err;
}

/* SP search-key *(SP search-key) */
static int take_program(struct parser *p, struct imap_search *s) {
    s->key = new_key(p, IMAP_KEY_AND);
    if (s->key == NULL) return ERR_NOMEM;
    if (!imap_args_space(&p->a)) return ERR_INVALID;
    int err = take_keys(p, 0, s->key);
    s->uses_modseq = p->modseq;
    s->uses_fuzzy = p->fuzzy;
    return err;
}

/* Search keys behind a charset that was named: of UTF-8 clients send quoted strings as well, not only literals. */
static int take_charset_keys(struct parser *p, struct imap_search *s) {
    bool utf8 = p->a.utf8;
    p->a.utf8 = utf8 || str_eq_nocase(s->charset, STR("UTF-8")) || str_eq_nocase(s->charset, STR("UTF8"));
    int err = take_program(p, s);
    p->a.utf8 = utf8;
    return err;
}

int imap_search_parse(struct imap_args *a, struct imap_search *out) {
    struct parser p = {.a = *a};
    struct imap_search s = {.charset = STR_EMPTY};
    int err = take_returns(&p, &s);
    struct imap_args b = p.a;
    if (err == 0 && imap_args_space(&b) && imap_args_word(&b, "CHARSET")) {
        if (!imap_args_space(&b) || !imap_args_astring(&b, &s.charset) || s.charset.len == 0) return ERR_INVALID;
        p.a = b;
    }
    if (err == 0) err = take_charset_keys(&p, &s);
    *a = p.a;
    if (err == 0) *out = s;
    return err;
}

/* sort-key = ["REVERSE" SP] name */
static bool take_sort_key(struct imap_args *a, struct imap_sort_key *k) {
    static const char *const names[] = {[IMAP_SORT_ARRIVAL] = "ARRIVAL",
                                        [IMAP_SORT_CC] = "CC",
                                        [IMAP_SORT_DATE] = "DATE",
                                        [IMAP_SORT_FROM] = "FROM",
                                        [IMAP_SORT_SIZE] = "SIZE",
                                        [IMAP_SORT_SUBJECT] = "SUBJECT",
                                        [IMAP_SORT_TO] = "TO",
                                        [IMAP_SORT_DISPLAYFROM] = "DISPLAYFROM",
                                        [IMAP_SORT_DISPLAYTO] = "DISPLAYTO",
                                        [IMAP_SORT_RELEVANCY] = "RELEVANCY"};
    k->reverse = imap_args_word(a, "REVERSE");
    if (k->reverse && !imap_args_space(a)) return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!imap_args_word(a, names[i])) continue;
        k->type = (enum imap_sort_type)i;
        return true;
    }
    return false;
}

static int take_sort_keys(struct imap_args *a, struct imap_search *s) {
    if (!imap_args_space(a) || !imap_args_char(a, '(')) return ERR_INVALID;
    do {
        if (s->sorts == IMAP_SORT_KEYS_MAX) return ERR_LIMIT;
        if (!take_sort_key(a, &s->sort[s->sorts++])) return ERR_INVALID;
    } while (imap_args_space(a));
    return imap_args_char(a, ')') ? 0 : ERR_INVALID;
}

/* SP charset SP search-key *(SP search-key). Clients that have enabled UTF8=ACCEPT leave the charset out, as RFC 6855
 * section 3 has it for SEARCH; no charset reads as search keys. */
static int take_charset_program(struct parser *p, struct imap_search *s) {
    if (p->a.utf8) {
        struct parser bare = *p;
        if (take_program(&bare, s) == 0 && imap_args_end(&bare.a)) {
            *p = bare;
            return 0;
        }
    }
    if (!imap_args_space(&p->a) || !imap_args_astring(&p->a, &s->charset) || s->charset.len == 0) return ERR_INVALID;
    return take_charset_keys(p, s);
}

int imap_sort_parse(struct imap_args *a, struct imap_search *out) {
    struct parser p = {.a = *a};
    struct imap_search s = {.charset = STR_EMPTY};
    int err = take_returns(&p, &s);
    if (err == 0) err = take_sort_keys(&p.a, &s);
    if (err == 0) err = take_charset_program(&p, &s);
    *a = p.a;
    if (err == 0) *out = s;
    return err;
}

int imap_thread_parse(struct imap_args *a, struct imap_search *out) {
    static const char *const names[] = {[IMAP_THREAD_ORDEREDSUBJECT] = "ORDEREDSUBJECT",
                                        [IMAP_THREAD_REFERENCES] = "REFERENCES",
                                        [IMAP_THREAD_REFS] = "REFS"};
    struct parser p = {.a = *a};
    struct imap_search s = {.charset = STR_EMPTY};
    struct str name;
    if (!imap_args_space(&p.a) || !imap_args_atom(&p.a, &name)) return ERR_INVALID;
    size_t i = 0;
    while (i < sizeof names / sizeof *names && !str_eq_nocase(name, str_from(names[i]))) i++;
    if (i == sizeof names / sizeof *names) return ERR_UNSUPPORTED;
    s.thread = (enum imap_thread)i;
    int err = take_charset_program(&p, &s);
    *a = p.a;
    if (err == 0) *out = s;
    return err;
}
