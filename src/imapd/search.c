#include "imapd/search.h"

#include "base/clock.h"
#include "imapd/objectid.h"
#include "imapd/search_text.h"
#include "imapd/sync.h"
#include "proto/mime/charset.h"
#include "proto/mime/date.h"
#include "proto/mime/header.h"

#include <string.h>

enum { DAY = 86400, NEEDLE_MAX = 64 * 1024, HEADER_MAX = 1024 * 1024 };

static const char *field_of(enum imap_search_type type) {
    switch (type) {
    case IMAP_KEY_FROM: return "From";
    case IMAP_KEY_TO: return "To";
    case IMAP_KEY_CC: return "Cc";
    case IMAP_KEY_BCC: return "Bcc";
    case IMAP_KEY_SUBJECT: return "Subject";
    default: return NULL;
    }
}

/* What a test needs of a record beyond UID, flags and MODSEQ. */
static unsigned fields_of(enum imap_search_type type) {
    switch (type) {
    case IMAP_KEY_BEFORE:
    case IMAP_KEY_ON:
    case IMAP_KEY_SINCE:
    case IMAP_KEY_SAVEDBEFORE:
    case IMAP_KEY_SAVEDON:
    case IMAP_KEY_SAVEDSINCE:
    case IMAP_KEY_YOUNGER:
    case IMAP_KEY_OLDER: return FIELD_DATES;
    case IMAP_KEY_LARGER:
    case IMAP_KEY_SMALLER: return FIELD_SIZE;
    case IMAP_KEY_HEADER:
    case IMAP_KEY_FROM:
    case IMAP_KEY_TO:
    case IMAP_KEY_CC:
    case IMAP_KEY_BCC:
    case IMAP_KEY_SUBJECT:
    case IMAP_KEY_SENTBEFORE:
    case IMAP_KEY_SENTON:
    case IMAP_KEY_SENTSINCE: return FIELD_SIZE | FIELD_SUMMARY | FIELD_HEADER;
    case IMAP_KEY_EMAILID: return FIELD_ID;
    case IMAP_KEY_THREADID: return FIELD_ID | FIELD_SIZE | FIELD_SUMMARY;
    case IMAP_KEY_BODY:
    case IMAP_KEY_TEXT: return FIELD_SIZE | FIELD_SUMMARY | FIELD_BODY;
    default: return 0;
    }
}

static bool needs_record(enum imap_search_type type) {
    switch (type) {
    case IMAP_KEY_AND:
    case IMAP_KEY_OR:
    case IMAP_KEY_NOT:
    case IMAP_KEY_FUZZY:
    case IMAP_KEY_ALL:
    case IMAP_KEY_NEVER:
    case IMAP_KEY_RECENT:
    case IMAP_KEY_OLD:
    case IMAP_KEY_SEQUENCE:
    case IMAP_KEY_UID: return false;
    default: return true;
    }
}

static bool is_costly(enum imap_search_type type) {
    return (fields_of(type) & (FIELD_HEADER | FIELD_BODY)) != 0;
}

static int make_needle(struct charset *charset, struct str text, struct arena *arena, struct str *out) {
    BUF_AUTO b = BUF_INIT(NEEDLE_MAX * 4);
    (void)charset_decode(charset, text, true, true, &b);
    if (b.error != 0) return ERR_LIMIT;
    search_fold(b.ptr, b.len);
    *out = arena_str(arena, buf_str(&b));
    return out->ptr == NULL ? ERR_NOMEM : 0;
}

static uint64_t keyword_bit(const struct view *v, struct str name) {
    for (size_t i = 0; i < v->keywords; i++)
        if (str_eq_nocase(v->keyword[i], name)) return (uint64_t)1 << (MAILBOX_KEYWORD_SHIFT + i);
    return 0;
}

struct preparing {
    struct search *x;
    struct arena *arena;
    struct charset *charset;
    bool fuzzy, strict;
};

static int prepare(struct preparing *p, const struct imap_search_key *k, struct search_test **out);

static int prepare_values(struct preparing *p, const struct imap_search_key *k, struct search_test *t) {
    struct view *v = p->x->s->view;
    switch (k->type) {
    case IMAP_KEY_SEQUENCE:
        if (p->x->s->uidonly && !k->set.saved) return ERR_DENIED;
        return view_resolve_some(v, &k->set, &t->uids);
    case IMAP_KEY_UID: return view_resolve(v, &k->set, true, &t->uids);
    case IMAP_KEY_KEYWORD:
    case IMAP_KEY_UNKEYWORD:
        t->flags = keyword_bit(v, k->text);
        if (t->flags == 0 && sync_learn_folder(p->x->s) == 0) t->flags = keyword_bit(v, k->text);
        if (t->flags == 0)
            t->type = k->type == IMAP_KEY_KEYWORD ? IMAP_KEY_NEVER : IMAP_KEY_ALL;
        else
            t->type = k->type == IMAP_KEY_KEYWORD ? IMAP_KEY_FLAG : IMAP_KEY_UNFLAG;
        return 0;
    case IMAP_KEY_EMAILID:
    case IMAP_KEY_THREADID: t->name = k->text; return 0;
    default: break;
    }
    const char *field = field_of(k->type);
    t->name = field != NULL ? str_from(field) : k->name;
    if (field != NULL && k->type == IMAP_KEY_SUBJECT) t->type = IMAP_KEY_HEADER;
    return k->text.ptr == NULL ? 0 : make_needle(p->charset, k->text, p->arena, &t->needle);
}

/* FUZZY (RFC 6203): all words of a text, wherever they stand. */
static int split_words(struct preparing *p, struct search_test *t) {
    struct str rest = str_trim(t->needle);
    if (str_find(rest, ' ') == STR_NPOS) {
        t->needle = rest;
        return 0;
    }
    struct search_test whole = *t, **end = &t->child;
    t->type = IMAP_KEY_AND;
    for (struct str word = str_word(&rest); word.len > 0; word = str_word(&rest)) {
        *end = arena_memdup(p->arena, &whole, sizeof whole);
        if (*end == NULL) return ERR_NOMEM;
        (*end)->needle = word;
        end = &(*end)->next;
    }
    return 0;
}

static int prepare(struct preparing *p, const struct imap_search_key *k, struct search_test **out) {
    struct search_test *t = arena_alloc(p->arena, sizeof *t);
    if (t == NULL) return ERR_NOMEM;
    *out = t;
    t->type = k->type;
    t->flags = k->flags;
    t->number = k->number;
    p->x->fields |= fields_of(k->type);
    p->x->records = p->x->records || needs_record(k->type);
    if (needs_record(k->type) && !is_costly(k->type)) {
        p->x->cheap = true;
        p->x->cheap_fields |= fields_of(k->type);
    }
    bool was_fuzzy = p->fuzzy;
    if (k->type == IMAP_KEY_FUZZY) {
        t->type = IMAP_KEY_AND;
        p->fuzzy = !p->strict;
    }
    int err = prepare_values(p, k, t);
    if (err == 0 && p->fuzzy && t->needle.len > 0) return split_words(p, t);
    struct search_test **end = &t->child;
    for (const struct imap_search_key *c = k->child; c != NULL && err == 0; c = c->next) {
        err = prepare(p, c, end);
        if (*end != NULL) end = &(*end)->next;
    }
    p->fuzzy = was_fuzzy;
    return err;
}

int search_prepare(struct session *s, const struct imap_search *program, bool strict, struct arena *arena,
                   struct search *out) {
    *out = (struct search){.s = s, .now = clock_wall_s()};
    struct preparing p = {.x = out, .arena = arena, .strict = strict};
    p.charset = charset_find(program->charset.len > 0 ? program->charset : STR("utf-8"));
    return p.charset == NULL ? ERR_UNSUPPORTED : prepare(&p, program->key, &out->root);
}

static void free_tests(struct search_test *t) {
    for (; t != NULL; t = t->next) {
        imap_runs_done(&t->uids);
        imap_runs_done(&t->maybe);
        free_tests(t->child);
    }
}

void search_done(struct search *x) {
    free_tests(x->root);
    x->root = NULL;
}

int search_candidates(const struct search *x, struct imap_runs *out) {
    int err = imap_runs_copy(&x->s->view->uids, out);
    for (const struct search_test *t = x->root->child; t != NULL && err == 0; t = t->next) {
        if (t->type != IMAP_KEY_SEQUENCE && t->type != IMAP_KEY_UID) continue;
        struct imap_runs both = {0};
        err = imap_runs_intersect(out, &t->uids, &both);
        imap_runs_done(out);
        *out = both;
    }
    return err;
}

static enum verdict yes_if(bool condition) {
    return condition ? VERDICT_YES : VERDICT_NO;
}

static enum verdict match_date(enum imap_search_type type, int64_t at, int64_t day) {
    switch (type) {
    case IMAP_KEY_BEFORE:
    case IMAP_KEY_SENTBEFORE:
    case IMAP_KEY_SAVEDBEFORE: return yes_if(at < day);
    case IMAP_KEY_SINCE:
    case IMAP_KEY_SENTSINCE:
    case IMAP_KEY_SAVEDSINCE: return yes_if(at >= day);
    default: return yes_if(at >= day && at < day + DAY);
    }
}

/* The header as far as searches look into it. */
static int read_header(struct content *c, struct buf *hold, struct str *out) {
    if (c->has_header) {
        *out = c->header;
        return 0;
    }
    struct span at = content_header(c);
    if (at.length > HEADER_MAX) at.length = HEADER_MAX;
    int err = content_read(c, at, hold);
    *out = buf_str(hold);
    return err;
}

static int match_text(const struct search_test *t, struct content *c) {
    BUF_AUTO hold = BUF_INIT(HEADER_MAX);
    struct str header = STR_EMPTY;
    if (t->type != IMAP_KEY_BODY) {
        int err = read_header(c, &hold, &header);
        if (err != 0) return err;
    }
    int found = 0;
    if (t->type == IMAP_KEY_HEADER) return search_header_field(header, t->name, t->needle);
    if (field_of(t->type) != NULL) return search_header_address(header, t->name, t->needle);
    if (t->type == IMAP_KEY_TEXT) found = search_header_text(header, t->needle);
    return found != 0 ? found : search_body(c, t->needle);
}

/* SENTON and the like: the date as the sender wrote it, whatever its time zone (RFC 9051 section 6.4.4). */
static int match_sent(const struct search_test *t, struct content *c) {
    BUF_AUTO hold = BUF_INIT(HEADER_MAX);
    struct str header;
    struct header_field f;
    struct mail_date date;
    int err = read_header(c, &hold, &header);
    if (err != 0) return err;
    if (header_find(header, STR("Date"), &f) != 0 || mail_date_parse(f.value, &date) != 0) return 0;
    return match_date(t->type, date.time + (int64_t)date.zone_minutes * 60, t->number) == VERDICT_YES;
}

static enum verdict match_costly(const struct search_test *t, struct content *c, int *err) {
    bool sent = t->type == IMAP_KEY_SENTBEFORE || t->type == IMAP_KEY_SENTON || t->type == IMAP_KEY_SENTSINCE;
    int found = sent ? match_sent(t, c) : match_text(t, c);
    if (found < 0 && *err == 0) *err = found;
    return yes_if(found > 0);
}

static enum verdict match_thread(const struct search_test *t, struct content *c, int *err) {
    char id[OBJECTID_SIZE];
    int rc = objectid_thread(c, id);
    if (rc != 0 && *err == 0) *err = rc;
    return yes_if(rc == 0 && str_eq(t->name, str_from(id)));
}

static enum verdict match_one(const struct search *x, const struct search_test *t, struct content *c, unsigned have,
                              int *err) {
    const struct message_record *r = c->record;
    char id[OBJECTID_SIZE];
    unsigned needs = fields_of(t->type);
    if (t->indexed && !imap_runs_has(&t->maybe, r->uid)) return VERDICT_NO;
    if (is_costly(t->type) ? (have & FIELD_SUMMARY) == 0 : (needs & ~have) != 0) return VERDICT_UNKNOWN;
    switch (t->type) {
    case IMAP_KEY_ALL: return VERDICT_YES;
    case IMAP_KEY_SEQUENCE:
    case IMAP_KEY_UID: return yes_if(imap_runs_has(&t->uids, r->uid));
    case IMAP_KEY_FLAG: return yes_if((r->flags & t->flags) == t->flags);
    case IMAP_KEY_UNFLAG: return yes_if((r->flags & t->flags) == 0);
    case IMAP_KEY_BEFORE:
    case IMAP_KEY_ON:
    case IMAP_KEY_SINCE: return match_date(t->type, r->internal_date, t->number);
    case IMAP_KEY_SAVEDBEFORE:
    case IMAP_KEY_SAVEDON:
    case IMAP_KEY_SAVEDSINCE: return match_date(t->type, r->save_date, t->number);
    case IMAP_KEY_YOUNGER: return yes_if(r->internal_date >= x->now - t->number);
    case IMAP_KEY_OLDER: return yes_if(r->internal_date <= x->now - t->number);
    case IMAP_KEY_LARGER: return yes_if(r->size > (uint64_t)t->number);
    case IMAP_KEY_SMALLER: return yes_if(r->size < (uint64_t)t->number);
    case IMAP_KEY_MODSEQ: return yes_if(r->modseq >= (uint64_t)t->number);
    case IMAP_KEY_NEVER: return VERDICT_NO;
    case IMAP_KEY_RECENT: return yes_if(imap_runs_has(&x->s->view->recent, r->uid));
    case IMAP_KEY_OLD: return yes_if(!imap_runs_has(&x->s->view->recent, r->uid));
    case IMAP_KEY_NEW: return yes_if((r->flags & IMAP_SEEN) == 0 && imap_runs_has(&x->s->view->recent, r->uid));
    case IMAP_KEY_EMAILID: objectid_email(r, id); return yes_if(str_eq(t->name, str_from(id)));
    case IMAP_KEY_THREADID: return match_thread(t, c, err);
    default: return match_costly(t, c, err);
    }
}

/* Tests without cost go first, so that a text is looked for only where nothing else has decided. */
static enum verdict match(const struct search *x, const struct search_test *t, struct content *c, unsigned have,
                          int *err) {
    if (t->type == IMAP_KEY_NOT) {
        enum verdict v = match(x, t->child, c, have, err);
        return v == VERDICT_UNKNOWN ? v : yes_if(v == VERDICT_NO);
    }
    if (t->type != IMAP_KEY_AND && t->type != IMAP_KEY_OR) return match_one(x, t, c, have, err);
    enum verdict decides = t->type == IMAP_KEY_AND ? VERDICT_NO : VERDICT_YES, result = yes_if(t->type == IMAP_KEY_AND);
    unsigned cheap = have & ~(unsigned)(FIELD_SUMMARY | FIELD_HEADER | FIELD_BODY);
    for (int pass = cheap == have ? 1 : 0; pass < 2; pass++) {
        result = yes_if(t->type == IMAP_KEY_AND);
        for (const struct search_test *k = t->child; k != NULL; k = k->next) {
            enum verdict v = match(x, k, c, pass == 0 ? cheap : have, err);
            if (v == decides) return v;
            if (v == VERDICT_UNKNOWN) result = v;
        }
        if (result != VERDICT_UNKNOWN) return result;
    }
    return result;
}

enum verdict search_match(const struct search *x, struct content *c, unsigned have, int *err) {
    return match(x, x->root, c, have, err);
}
