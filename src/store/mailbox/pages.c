/* Which pages (page.h) a folder has. Invariants: what memory knows of a HOT folder are all pages that are stored or on
 * their way; a page goes in the batch of the first change of a message of its range; none is written for a range that
 * still fills (its last UID is below UIDNEXT), nor for a folder with few messages. So a page that is stored says what
 * the flag records say, or will say when changes that are one record (service/fold.h) are applied. */
#include "store/mailbox/page.h"
#include "store/mailbox/private.h"

#include <stdlib.h>
#include <string.h>

enum { QUIET_ROUNDS = 6, ROUNDS_MAX = 60 };

static const struct uid_run no_run = {1, 0};

struct folder_pages {
    struct folder *folder;
    struct list link;    /* in mailboxes.paging: ranges may lack a page */
    struct uid_run *run; /* by UID */
    size_t count, cap;
    struct uid_run clear;   /* UIDs without a page, around the last change */
    uint64_t seq;           /* commit of the last page */
    unsigned quiet, rounds; /* rounds since the last change, and since some were missing */
    bool off;               /* counters and list do not fit together */
};

static size_t find(const struct folder_pages *p, uint64_t uid) {
    size_t lo = 0, hi = p->count;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (p->run[mid].last < uid)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void insert(struct folder_pages *p, struct uid_run run) {
    size_t at = find(p, run.first);
    if (p->count == p->cap) {
        p->cap = p->cap * 2 + 16;
        p->run = realloc(p->run, p->cap * sizeof *p->run);
        IEMS_ASSERT(p->run != NULL);
    }
    memmove(p->run + at + 1, p->run + at, (p->count - at) * sizeof *p->run);
    p->run[at] = run;
    p->count++;
    p->clear = no_run;
}

static struct folder_pages *state(struct folder *f) {
    if (f->pages != NULL) return f->pages;
    f->pages = calloc(1, sizeof *f->pages);
    IEMS_ASSERT(f->pages != NULL);
    f->pages->folder = f;
    f->pages->clear = no_run;
    list_init(&f->pages->link);
    return f->pages;
}

void folder_pages_free(struct folder *f) {
    struct folder_pages *p = f->pages;
    if (p == NULL) return;
    if (p->seq > f->seq) f->seq = p->seq; /* who reads the folder again finds them all */
    list_remove(&p->link);
    free(p->run);
    free(p);
    f->pages = NULL;
}

uint64_t folder_pages_seq(const struct folder *f) {
    return f->pages == NULL ? 0 : f->pages->seq;
}

bool folder_pages_wanted(const struct folder *f) {
    return f->pages != NULL && !list_empty(&f->pages->link);
}

bool folder_is_paged(const struct folder *f) {
    return f->messages >= f->account->m->paged_min;
}

void folder_pages_want(struct folder *f) {
    struct folder_pages *p = state(f);
    if (p->off || !list_empty(&p->link)) return;
    p->quiet = QUIET_ROUNDS;
    p->rounds = 0;
    list_push_back(&f->account->m->paging, &p->link);
}

void folder_pages_off(struct folder *f) {
    struct folder_pages *p = state(f);
    p->off = true;
    list_remove(&p->link);
}

void folder_pages_known(struct folder *f, struct uid_run *run, size_t count) {
    struct folder_pages *p = state(f);
    free(p->run);
    p->run = run;
    p->count = p->cap = count;
    p->clear = no_run;
}

static void delete_page(const struct folder *f, struct batch *b, uint32_t first) {
    struct key k;
    message_key(&k, KEY_PAGE, f->id, first);
    batch_delete(b, SPACE_META, key_str(&k));
}

void folder_pages_touch(struct folder *f, struct batch *b, uint32_t uid) {
    struct folder_pages *p = f->pages;
    if (p == NULL) return;
    p->quiet = 0;
    if (uid >= p->clear.first && uid <= p->clear.last) return;
    size_t at = find(p, uid);
    if (at < p->count && p->run[at].first <= uid) {
        delete_page(f, b, p->run[at].first);
        memmove(p->run + at, p->run + at + 1, (p->count - at - 1) * sizeof *p->run);
        p->count--;
        folder_pages_want(f);
        p->quiet = 0;
    }
    p->clear.first = at == 0 ? 0 : p->run[at - 1].last + 1;
    p->clear.last = at == p->count ? UINT32_MAX : p->run[at].first - 1;
}

void folder_pages_drop(struct folder *f, struct batch *b) {
    struct folder_pages *p = f->pages;
    if (p == NULL) return;
    for (size_t i = 0; i < p->count; i++) delete_page(f, b, p->run[i].first);
    p->count = 0;
    p->clear = no_run;
    list_remove(&p->link);
}

void pages_delete_all(struct batch *b, uint64_t folder) {
    struct key from = key_of_id(KEY_PAGE, folder), to = from;
    key_end_of_prefix(&to);
    batch_delete_range(b, SPACE_META, key_str(&from), key_str(&to));
}

void folder_pages_forget(struct folder *f) {
    struct batch b;
    batch_init(&b);
    pages_delete_all(&b, f->id);
    f->seq = commit_submit(f->account->m->st->commits, &b, COMMIT_RELAXED, NULL, NULL);
    batch_done(&b);
    if (f->pages == NULL) return;
    f->pages->count = 0;
    f->pages->clear = no_run;
    folder_pages_want(f);
}

/* --- writing */
static void put_page(struct folder *f, struct batch *b, struct uid_run range, size_t from, size_t to) {
    struct key k;
    BUF_AUTO v = BUF_INIT(PAGE_VALUE_MAX);
    message_key(&k, KEY_PAGE, f->id, range.first);
    page_encode(key_str(&k), range.last, f->list + from, to - from, &v);
    IEMS_ASSERT(v.error == 0);
    batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
    insert(f->pages, range);
}

/* Puts the pages that are missing, `*max` at most. True: that was all. */
static bool put_missing(struct folder *f, struct batch *b, size_t *max) {
    const struct mailboxes *m = f->account->m;
    const struct folder_pages *p = f->pages;
    for (size_t from = 0, to; from < f->count; from = to) {
        uint64_t first = f->list[from].uid / m->page_uids * m->page_uids, last = first + m->page_uids - 1;
        if (last >= f->uidnext) break;
        to = folder_find(f, (uint32_t)last + 1);
        size_t at = find(p, first);
        if (to - from < m->page_messages_min || (at < p->count && p->run[at].first <= last)) continue;
        if (*max == 0) return false;
        --*max;
        put_page(f, b, (struct uid_run){(uint32_t)first, (uint32_t)last}, from, to);
    }
    return true;
}

static bool may_write(const struct folder *f) {
    return f->heat == FOLDER_HOT && !f->gone && !f->account->deleted && !f->recount && !f->pages->off &&
           folder_is_paged(f) && f->count == f->messages;
}

bool folder_pages_write(struct folder *f, size_t *max) {
    struct folder_pages *p = f->pages;
    struct batch b;
    bool whole = true;
    batch_init(&b);
    if (may_write(f)) whole = put_missing(f, &b, max);
    if (!batch_empty(&b)) p->seq = commit_submit(f->account->m->st->commits, &b, COMMIT_RELAXED, NULL, NULL);
    batch_done(&b);
    if (whole) list_remove(&p->link);
    return whole;
}

bool mailboxes_write_pages(struct mailboxes *m, size_t max, enum pages_when when) {
    list_foreach_safe(it, &m->paging) {
        struct folder_pages *p = list_entry(it, struct folder_pages, link);
        p->quiet += when == PAGES_ROUND;
        p->rounds += when == PAGES_ROUND;
        if (when != PAGES_NOW && p->quiet <= QUIET_ROUNDS && p->rounds <= ROUNDS_MAX) continue;
        if (!folder_pages_write(p->folder, &max)) return true;
    }
    return false;
}
