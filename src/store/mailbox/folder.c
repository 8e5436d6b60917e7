#include "store/mailbox/private.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_NO_SELECT = 1 };

static const char *const special_uses[] = {"",       "\\All",  "\\Archive", "\\Drafts",   "\\Flagged",
                                           "\\Junk", "\\Sent", "\\Trash",   "\\Important"};

const char *folder_special_use(struct str s) {
    for (size_t i = 0; i < sizeof special_uses / sizeof special_uses[0]; i++)
        if (str_eq_nocase(s, str_from(special_uses[i]))) return special_uses[i];
    return NULL;
}

static int name_chars(struct str name, struct error *err) {
    if (!str_is_utf8(name)) return error_set(err, ERR_INVALID, "a folder name must be valid UTF-8");
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        bool c1 = c == 0xc2 && i + 1 < name.len && (unsigned char)name.ptr[i + 1] < 0xa0;
        bool separator =
            str_starts(str_sub(name, i, 3), STR("\xe2\x80\xa8")) || /* U+2028, U+2029: RFC 6855 section 3 */
            str_starts(str_sub(name, i, 3), STR("\xe2\x80\xa9"));
        if (c < 0x20 || c == 0x7f || c1 || separator)
            return error_set(err, ERR_INVALID, "a folder name must not hold control characters");
    }
    return 0;
}

int folder_name_check(struct str name, char *out, struct error *err) {
    if (name.len == 0) return error_set(err, ERR_INVALID, "a folder name must not be empty");
    if (name.len > FOLDER_NAME_MAX)
        return error_set(err, ERR_LIMIT, "a folder name may have at most %d bytes", FOLDER_NAME_MAX);
    int rc = name_chars(name, err);
    if (rc != 0) return rc;
    struct str rest = name;
    int levels = 0;
    for (bool more = true; more;) {
        more = str_find(rest, '/') != STR_NPOS;
        if (str_cut(&rest, '/').len == 0)
            return error_set(err, ERR_INVALID, "a folder name must not have empty levels");
        if (++levels > FOLDER_LEVELS_MAX)
            return error_set(err, ERR_LIMIT, "folders may be nested at most %d levels deep", FOLDER_LEVELS_MAX);
    }
    memcpy(out, name.ptr, name.len);
    out[name.len] = 0;
    struct str first = name;
    if (str_eq_nocase(str_cut(&first, '/'), STR("INBOX"))) memcpy(out, "INBOX", 5);
    return 0;
}

struct folder *folder_new(struct account *a, uint64_t id, struct str name) {
    struct folder *f = calloc(1, sizeof *f);
    IEMS_ASSERT(f != NULL);
    f->account = a;
    f->id = id;
    f->name = str_dup(name);
    f->special_use = "";
    f->first_recent = 1;
    cond_init(&f->loaded);
    cond_init(&f->written);
    list_init(&f->lru);
    list_init(&f->watchers);
    return f;
}

void folder_free(struct folder *f) {
    folder_list_drop(f); /* with what is known of its pages */
    list_remove(&f->lru);
    for (unsigned i = 0; i < f->keyword_count; i++) free(f->keywords[i]);
    acl_done(&f->acl);
    free(f->vanished);
    free(f->name);
    free(f);
}

static void name_key(struct key *k, const struct folder *f) {
    *k = key_of_id(KEY_NAME, f->account->id);
    key_bytes(k, str_from(f->name));
}

void folder_put_name(struct folder *f, struct batch *b) {
    struct key k;
    name_key(&k, f);
    BUF_AUTO v = BUF_INIT(64 * 1024);
    wire_u64(&v, f->id);
    wire_u8(&v, f->no_select ? NAME_NO_SELECT : 0);
    wire_u32(&v, f->uidvalidity);
    wire_bytes(&v, str_from(f->special_use));
    wire_u32(&v, f->keyword_count);
    for (unsigned i = 0; i < f->keyword_count; i++) wire_bytes(&v, str_from(f->keywords[i]));
    IEMS_ASSERT(v.error == 0);
    batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
}

int folder_decode_name(struct folder *f, struct str value) {
    struct wire w = wire_of(value);
    f->id = wire_get_u64(&w);
    f->no_select = wire_get_u8(&w) & NAME_NO_SELECT;
    f->uidvalidity = wire_get_u32(&w);
    const char *special = folder_special_use(wire_get_bytes(&w));
    uint32_t n = wire_get_u32(&w);
    if (w.bad || special == NULL || n > MAILBOX_KEYWORDS_MAX) return ERR_CORRUPT;
    f->special_use = special;
    for (uint32_t i = 0; i < n; i++) f->keywords[f->keyword_count++] = str_dup(wire_get_bytes(&w));
    return w.bad ? ERR_CORRUPT : 0;
}

void folder_put_counters(struct folder *f, struct batch *b) {
    struct key k = key_of_id(KEY_COUNTERS, f->account->id);
    key_u64(&k, f->id);
    BUF_AUTO v = BUF_INIT(64);
    wire_u32(&v, f->uidnext);
    wire_u64(&v, f->highestmodseq);
    wire_u64(&v, f->messages);
    wire_u64(&v, f->unseen);
    wire_u64(&v, f->deleted);
    wire_u64(&v, f->size);
    wire_u32(&v, f->first_recent);
    wire_u64(&v, f->recent);
    batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
}

int folder_decode_counters(struct folder *f, struct str value) {
    struct wire w = wire_of(value);
    f->uidnext = wire_get_u32(&w);
    f->highestmodseq = f->flag_modseq = f->vanished_floor = wire_get_u64(&w);
    f->messages = wire_get_u64(&w);
    f->unseen = wire_get_u64(&w);
    f->deleted = wire_get_u64(&w);
    f->size = wire_get_u64(&w);
    f->first_recent = f->uidnext;
    f->recent = 0;
    if (w.rest.len > 0) { /* written by an older program, it ends here */
        f->first_recent = wire_get_u32(&w);
        f->recent = wire_get_u64(&w);
    }
    return w.bad ? ERR_CORRUPT : 0;
}

uint64_t folder_next_modseq(struct folder *f) {
    return ++f->highestmodseq;
}

static void tell_watchers(struct folder *f, uint64_t modseq) {
    list_foreach_safe(it, &f->watchers) {
        struct folder_watch *w = list_entry(it, struct folder_watch, link);
        w->changed(w, modseq);
    }
}

static bool is_watched(const struct folder *f) {
    return !list_empty(&f->watchers) || !list_empty(&f->account->watchers);
}

struct notice {
    struct folder *f;
    uint64_t modseq;
};

static void notice_start(struct folder *f);

static void notice_durable(void *arg, int rc) {
    struct notice *n = arg;
    struct folder *f = n->f;
    (void)rc;
    bool more = f->seq > f->notify_seq && is_watched(f);
    f->notify_seq = 0;
    tell_watchers(f, n->modseq);
    struct account *a = f->account;
    if (!f->gone) account_tell(a, &(struct account_change){.folder = f, .modseq = n->modseq});
    free(n);
    if (more)
        notice_start(f);
    else if (f->gone && f->pins == 0 && list_empty(&f->watchers))
        folder_free(f);
    account_unpin(a);
}

static void notice_start(struct folder *f) {
    struct notice *n = calloc(1, sizeof *n);
    IEMS_ASSERT(n != NULL);
    *n = (struct notice){f, f->highestmodseq};
    f->notify_seq = f->seq;
    f->account->pins++;
    list_remove(&f->account->lru);
    commit_barrier(f->account->m->st->commits, f->seq, notice_durable, n);
}

void folder_changed(struct folder *f, uint64_t seq) {
    f->seq = seq;
    if (f->notify_seq == 0 && is_watched(f)) notice_start(f);
}

void folder_tell_gone(struct folder *f) {
    tell_watchers(f, f->highestmodseq + 1);
}

void folder_watch(struct folder *f, struct folder_watch *w) {
    w->folder = f;
    list_push_back(&f->watchers, &w->link);
}

uint64_t folder_claim_recent(struct folder *f) {
    if (f->first_recent == f->uidnext || f->gone) return 0;
    f->first_recent = f->uidnext;
    f->recent = 0;
    struct batch b;
    batch_init(&b);
    folder_put_counters(f, &b);
    uint64_t seq = commit_submit(f->account->m->st->commits, &b, COMMIT_RELAXED, NULL, NULL);
    batch_done(&b);
    return seq;
}

void folder_unwatch(struct folder_watch *w) {
    struct folder *f = w->folder;
    list_remove(&w->link);
    w->folder = NULL;
    if (f->gone && f->pins == 0 && f->notify_seq == 0 && list_empty(&f->watchers)) folder_free(f);
}

static int keyword_index(const struct folder *f, struct str name) {
    for (unsigned i = 0; i < f->keyword_count; i++)
        if (str_eq_nocase(str_from(f->keywords[i]), name)) return (int)i;
    return -1;
}

int folder_keywords(struct folder *f, struct batch *b, char *const *names, size_t count, bool create, bool strict,
                    uint64_t *bits) {
    unsigned before = f->keyword_count;
    uint64_t set = 0;
    int rc = 0;
    for (size_t i = 0; i < count; i++) {
        struct str name = str_from(names[i]);
        int at = keyword_index(f, name);
        if (at < 0 && !create) continue;
        if (at < 0 && (f->keyword_count == MAILBOX_KEYWORDS_MAX || name.len == 0 || name.len > KEYWORD_LEN_MAX)) {
            if (!strict) continue;
            rc = ERR_LIMIT;
            break;
        }
        if (at < 0) {
            at = (int)f->keyword_count;
            f->keywords[f->keyword_count++] = str_dup(name);
        }
        set |= 1ull << (at + MAILBOX_KEYWORD_SHIFT);
    }
    if (f->keyword_count > before) folder_put_name(f, b);
    if (rc == 0) *bits = set;
    return rc;
}

void folder_map_flags(const struct folder *from, struct folder *to, struct batch *b, uint64_t used, uint64_t may,
                      uint64_t map[64]) {
    for (unsigned i = 0; i < 64; i++) {
        uint64_t bit = 1ull << i;
        bool same = i < MAILBOX_KEYWORD_SHIFT || from == to;
        map[i] = same ? bit & may : 0;
        if (same || !(used & bit) || !(may & bit)) continue;
        unsigned k = i - MAILBOX_KEYWORD_SHIFT;
        if (k >= from->keyword_count) continue;
        if (folder_keywords(to, b, &from->keywords[k], 1, true, false, &map[i]) != 0) map[i] = 0;
    }
}
