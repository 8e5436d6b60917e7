/* INV-19: a page says what the flag records of its range say. */
#include "store/mailbox/page.h"
#include "store/service/check.h"

#define ULL(v) (unsigned long long)(v)

/* What a page holds, against the records of one message after the other. A damaged record is told elsewhere. */
struct compare {
    struct message list[PAGE_UIDS];
    size_t at;
    struct page page;
};

static bool same(struct compare *x, struct str key, struct str value) {
    if (key.len != PAGE_KEY_LEN || x->at == x->page.count) return false;
    const struct message *m = &x->list[x->at++];
    if (m->uid != key_get_u32(key, 9)) return false;
    return value.len != 16 || (m->flags == key_get_u64(value, 0) && m->modseq == key_get_u64(value, 8));
}

static int compare_all(struct check *c, struct compare *x, uint64_t folder, bool *good) {
    struct key from, to;
    struct engine_iter *it;
    struct str k, v;
    message_key(&from, KEY_FLAGS, folder, x->page.range.first);
    message_key(&to, KEY_FLAGS, folder, x->page.range.last);
    key_bytes(&to, str_of("", 1)); /* behind it */
    struct engine_range r = {
        .space = SPACE_META, .once = true, .from = key_str(&from), .to = key_str(&to), .snapshot = c->snap};
    int rc = engine_iter_open(c->e, &r, &it);
    if (rc != 0) return rc;
    *good = true;
    while (*good && engine_iter_next(c->e, it, &k, &v)) *good = same(x, k, v);
    *good = *good && x->at == x->page.count;
    return engine_iter_close(c->e, it);
}

static void each_page(struct check *c, struct str key, struct str value) {
    uint64_t id = key.len == PAGE_KEY_LEN ? key_get_u64(key, 1) : 0;
    struct check_folder *f = map_get(c->folder_of, map_u64_key(&id));
    struct compare x = {.at = 0};
    bool good = false;
    if (f == NULL) {
        check_fault(c, REPAIR_NONE, id, "a page of folder %llu, which is not there", ULL(id));
        if (!c->nameless) check_fault_key(c, REPAIR_INDEX, key);
        return;
    }
    if (f->purged) return;
    if (page_decode(key, value, x.list, &x.page) != 0) {
        check_fault(c, REPAIR_NONE, id, "a page of folder %llu is damaged", ULL(id));
    } else if (f->messages < c->paged_min || x.page.range.last >= f->uidnext) {
        check_fault(c, REPAIR_NONE, id, "the page of UIDs %u to %u of folder %llu must not be there",
                    x.page.range.first, x.page.range.last, ULL(id));
    } else {
        int rc = compare_all(c, &x, id, &good);
        if (rc != 0 && c->page_rc == 0) c->page_rc = rc;
        if (rc != 0 || good) return;
        check_fault(c, REPAIR_NONE, id, "the page of UIDs %u to %u of folder %llu does not say what the messages say",
                    x.page.range.first, x.page.range.last, ULL(id));
    }
    check_fault_key(c, REPAIR_INDEX, key);
}

int check_pages(struct check *c) {
    int rc = check_each_kind(c, KEY_PAGE, each_page);
    return rc != 0 ? rc : c->page_rc;
}
