/* How the message list of a folder comes into memory. COLD: only the counters are known. LOADING: a worker reads the
 * engine, pages (page.h) where there are some; messages that are appended meanwhile gather in `list` and are merged.
 * HOT: whole. A list with pages that does not say what the counters say is read again without them. */
#include "store/mailbox/page.h"
#include "store/mailbox/private.h"

#include <stdlib.h>

enum { ROOM_AT_ONCE_MAX = 4 * 1024 * 1024 };

static void grow(struct message **list, size_t *cap, size_t need) {
    if (need <= *cap) return;
    size_t n = *cap + *cap / 2 + 16;
    if (n < need) n = need;
    *list = realloc(*list, n * sizeof(struct message));
    IEMS_ASSERT(*list != NULL);
    *cap = n;
}

static void account_bytes(struct folder *f, size_t before) {
    struct mailboxes *m = f->account->m;
    m->list_bytes += (f->cap - before) * sizeof(struct message);
}

void folder_list_room(struct folder *f) {
    size_t before = f->cap;
    grow(&f->list, &f->cap, f->count + 1);
    account_bytes(f, before);
}

void folder_list_drop(struct folder *f) {
    f->account->m->list_bytes -= f->cap * sizeof(struct message);
    free(f->list);
    f->list = NULL;
    f->count = f->cap = f->unseen_hint = 0;
    f->flag_modseq = f->highestmodseq;
    f->heat = FOLDER_COLD;
    folder_pages_free(f);
    list_remove(&f->lru);
}

static void shrink(struct mailboxes *m) {
    uint64_t applied = commit_applied(m->st->commits);
    list_foreach_safe(it, &m->folder_lru) {
        if (m->list_bytes <= m->list_bytes_max) break;
        struct folder *f = list_entry(it, struct folder, lru);
        size_t max = SIZE_MAX;
        if (f->seq > applied || f->pins > 0 || f->cap == 0) continue;
        if (folder_pages_wanted(f)) (void)folder_pages_write(f, &max);
        folder_list_drop(f);
    }
}

/* --- on a worker, which touches nothing else */
struct list_load {
    struct engine *e;
    uint64_t folder, highestmodseq;
    bool paged, damaged; /* look for pages; one of them cannot be read */
    struct message *list;
    size_t count, cap, alone; /* alone: not from pages */
    uint64_t unseen, deleted;
    struct uid_run *page;
    size_t page_count, page_cap;
    int rc;
};

static void note(struct list_load *l, const struct message *msg) {
    l->unseen += !(msg->flags & MAILBOX_SEEN);
    l->deleted += (msg->flags & MAILBOX_DELETED) != 0;
}

static void add(struct list_load *l, struct message msg) {
    grow(&l->list, &l->cap, l->count + 1);
    l->list[l->count++] = msg;
    note(l, &msg);
}

/* The messages from `first` on, up to that before `end`; 0: to the last. */
static int load_alone(struct list_load *l, uint32_t first, uint32_t end) {
    struct key from, to;
    struct engine_iter *it;
    struct str k, v;
    message_key(&from, KEY_FLAGS, l->folder, first);
    if (end != 0) {
        message_key(&to, KEY_FLAGS, l->folder, end);
    } else {
        to = key_of_id(KEY_FLAGS, l->folder);
        key_end_of_prefix(&to);
    }
    struct engine_range r = {.space = SPACE_META, .from = key_str(&from), .to = key_str(&to), .once = true};
    int rc = engine_iter_open(l->e, &r, &it);
    if (rc != 0) return rc;
    while (engine_iter_next(l->e, it, &k, &v)) {
        if (k.len != FLAGS_KEY_LEN) continue;
        bool good = v.len == FLAGS_VALUE_LEN; /* damaged: a message without flags, told as changed */
        add(l, (struct message){key_get_u32(k, 9), good ? key_get_u64(v, 0) : 0,
                                good ? key_get_u64(v, 8) : l->highestmodseq});
        l->alone++;
    }
    return engine_iter_close(l->e, it);
}

static int load_page(struct list_load *l, struct str key, struct str value, uint64_t *next) {
    struct page page;
    uint32_t first = key.len == PAGE_KEY_LEN ? key_get_u32(key, 9) : 0;
    if (key.len != PAGE_KEY_LEN || first < *next) return ERR_CORRUPT;
    int rc = *next < first ? load_alone(l, (uint32_t)*next, first) : 0;
    if (rc != 0) return rc;
    grow(&l->list, &l->cap, l->count + PAGE_UIDS);
    rc = page_decode(key, value, l->list + l->count, &page);
    if (rc != 0) return rc;
    for (size_t i = 0; i < page.count; i++) note(l, &l->list[l->count + i]);
    l->count += page.count;
    if (l->page_count == l->page_cap) {
        l->page_cap = l->page_cap * 2 + 16;
        l->page = realloc(l->page, l->page_cap * sizeof *l->page);
        IEMS_ASSERT(l->page != NULL);
    }
    l->page[l->page_count++] = page.range;
    *next = (uint64_t)page.range.last + 1;
    return 0;
}

static int load_pages(struct list_load *l, uint64_t *next) {
    struct key from = key_of_id(KEY_PAGE, l->folder), to = from;
    key_end_of_prefix(&to);
    struct engine_iter *it;
    struct str k, v;
    struct engine_range r = {.space = SPACE_META, .from = key_str(&from), .to = key_str(&to), .once = true};
    int rc = engine_iter_open(l->e, &r, &it), closed;
    if (rc != 0) return rc;
    while (rc == 0 && engine_iter_next(l->e, it, &k, &v)) rc = load_page(l, k, v, next);
    closed = engine_iter_close(l->e, it);
    return rc != 0 ? rc : closed;
}

static void load_work(void *arg) {
    struct list_load *l = arg;
    uint64_t next = 0;
    l->rc = l->paged ? load_pages(l, &next) : 0;
    l->damaged = l->rc == ERR_CORRUPT;
    if (l->rc == 0 && next <= UINT32_MAX) l->rc = load_alone(l, (uint32_t)next, 0);
}

/* --- on the loop */
/* What was appended while the worker read goes behind what it found. */
static void merge(const struct folder *f, struct list_load *l) {
    for (size_t i = 0; i < f->count; i++) {
        if (l->count > 0 && l->list[l->count - 1].uid >= f->list[i].uid) continue;
        add(l, f->list[i]);
        l->alone++;
    }
}

static bool fits(const struct folder *f, const struct list_load *l) {
    return l->count == f->messages && l->unseen == f->unseen && l->deleted == f->deleted;
}

static int read_list(struct folder *f, struct list_load *l) {
    struct store *st = f->account->m->st;
    *l = (struct list_load){
        .e = st->engine, .folder = f->id, .highestmodseq = f->highestmodseq, .paged = l->paged && folder_is_paged(f)};
    int rc = folder_wait_records(f, UINT32_MAX);
    if (rc == 0 && f->messages < ROOM_AT_ONCE_MAX) grow(&l->list, &l->cap, (size_t)f->messages + 1);
    if (rc == 0) rc = store_work(load_work, l);
    if (rc == 0) rc = l->rc;
    if (rc == 0) merge(f, l);
    return rc;
}

static void load_done(struct list_load *l) {
    free(l->list);
    free(l->page);
    l->list = NULL;
    l->page = NULL;
}

static void take_over(struct folder *f, struct list_load *l) {
    size_t before = f->cap;
    free(f->list);
    f->list = l->list;
    f->count = l->count;
    f->cap = l->cap;
    account_bytes(f, before);
    f->heat = FOLDER_HOT;
    list_push_back(&f->account->m->folder_lru, &f->lru);
    if (!folder_is_paged(f)) return;
    folder_pages_known(f, l->page, l->page_count);
    l->page = NULL;
    if (!fits(f, l))
        folder_pages_off(f);
    else if (l->alone >= f->account->m->page_messages_min)
        folder_pages_want(f);
}

static int load(struct folder *f) {
    struct list_load l = {.paged = true};
    f->heat = FOLDER_LOADING;
    f->flag_modseq = f->highestmodseq;
    int rc = read_list(f, &l);
    if (l.paged && !f->gone && (l.damaged || (rc == 0 && l.page_count > 0 && !fits(f, &l)))) {
        load_done(&l);
        folder_pages_forget(f);
        l.paged = false;
        rc = read_list(f, &l);
    }
    if (rc == 0)
        take_over(f, &l);
    else
        folder_list_drop(f);
    if (rc != 0) free(l.list);
    free(l.page);
    cond_broadcast(&f->loaded);
    return rc;
}

int folder_load(struct folder *f) {
    f->pins++;
    int rc = 0;
    while (rc == 0 && f->heat != FOLDER_HOT)
        rc = f->heat == FOLDER_LOADING ? cond_wait(&f->loaded, DEADLINE_NEVER) : load(f);
    if (rc == 0 && f->gone) rc = ERR_NOTFOUND;
    if (rc != 0) {
        folder_unload(f);
        return rc;
    }
    list_remove(&f->lru);
    list_push_back(&f->account->m->folder_lru, &f->lru);
    shrink(f->account->m);
    return 0;
}

void folder_hold(struct folder *f) {
    f->pins++;
    f->account->pins++;
    list_remove(&f->account->lru);
}

void folder_unload(struct folder *f) {
    IEMS_ASSERT(f->pins > 0);
    f->pins--;
    if (f->gone && f->pins == 0 && f->notify_seq == 0 && list_empty(&f->watchers)) folder_free(f);
}
