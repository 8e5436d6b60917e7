/* USER_GET and USER_FIND (DIR-24, ACCT-07): from the mirror. A page holds the lowest addresses behind `after`. */
#include "base/wildcard.h"
#include "dir/admin.h"
#include "dir/host.h"
#include "proto/smtp/address.h"

#include <stdlib.h>

enum { FIND_DEFAULT = 100, FIND_MAX = 2000 };

int handle_user_get(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__UserName *q = (const void *)r->msg;
    struct address_key k;
    int rc = admin_address(d, q->address, &k, err);
    if (rc != 0) return rc;
    const struct entry *e = resolve_entry(d->mirror, &d->settings, address_key_str(&k), NULL, r->arena);
    if (e == NULL) return error_set(err, ERR_NOTFOUND, "%s does not exist", k.text);
    Dir__User answer;
    if ((rc = admin_user_message(e, r->arena, &answer)) != 0) return error_set(err, rc, "out of memory");
    rpc_answer(r, &answer.base, STR_EMPTY);
    return 0;
}

static bool wanted(const struct dir *d, const struct entry *e, const Dir__UserFind *q) {
    if (!(e->classes & (ENTRY_PERSON | ENTRY_SHARED))) return false;
    struct str primary = entry_get(e, ATTR_ADDRESS), pattern = str_from(q->pattern);
    if (str_cmp(primary, str_from(q->after)) <= 0) return false;
    if (q->domain[0] != '\0' && !str_eq_nocase(address_domain_of(primary), str_from(q->domain))) return false;
    if (q->here && host_of(d->mirror, &d->settings, e).len > 0) return false;
    if (pattern.len == 0) return true;
    struct entry_value v;
    for (uint32_t pos = 0; entry_next(e, &pos, &v);) {
        bool searched = v.attr == ATTR_ADDRESS || v.attr == ATTR_GIVEN_NAME || v.attr == ATTR_SN || v.attr == ATTR_CN;
        if (searched && wildcard_match(pattern, v.value)) return true;
    }
    return false;
}

struct found {
    struct str address;
    const struct entry *entry;
};

static void sift_down(struct found *heap, size_t count, size_t i) {
    for (;;) {
        size_t big = i, left = 2 * i + 1, right = left + 1;
        if (left < count && str_cmp(heap[left].address, heap[big].address) > 0) big = left;
        if (right < count && str_cmp(heap[right].address, heap[big].address) > 0) big = right;
        if (big == i) return;
        struct found swap = heap[i];
        heap[i] = heap[big];
        heap[big] = swap;
        i = big;
    }
}

/* Keeps the `limit` lowest: a heap with the highest of them on top. */
static void keep_lowest(struct found *heap, size_t *count, size_t limit, struct found f) {
    if (*count == limit) {
        if (str_cmp(f.address, heap[0].address) >= 0) return;
        heap[0] = f;
        sift_down(heap, *count, 0);
        return;
    }
    size_t i = (*count)++;
    heap[i] = f;
    while (i > 0 && str_cmp(heap[(i - 1) / 2].address, heap[i].address) < 0) {
        struct found swap = heap[i];
        heap[i] = heap[(i - 1) / 2];
        heap[(i - 1) / 2] = swap;
        i = (i - 1) / 2;
    }
}

static int by_address(const void *a, const void *b) {
    return str_cmp(((const struct found *)a)->address, ((const struct found *)b)->address);
}

int handle_user_find(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__UserFind *q = (const void *)r->msg;
    size_t limit = q->limit == 0         ? FIND_DEFAULT
                   : q->limit > FIND_MAX ? FIND_MAX
                                         : q->limit,
           count = 0, total = 0, pos = 0;
    struct found *heap = arena_alloc(r->arena, limit * sizeof *heap);
    Dir__User *users = arena_alloc(r->arena, limit * sizeof *users);
    Dir__UserFound answer = DIR__USER_FOUND__INIT;
    answer.users = arena_alloc(r->arena, limit * sizeof(Dir__User *));
    if (heap == NULL || users == NULL || answer.users == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    for (const struct entry *e; (e = mirror_next(d->mirror, &pos)) != NULL;) {
        if (!wanted(d, e, q)) continue;
        total++;
        keep_lowest(heap, &count, limit, (struct found){entry_get(e, ATTR_ADDRESS), e});
    }
    qsort(heap, count, sizeof *heap, by_address);
    for (size_t i = 0; i < count; i++) {
        if (admin_user_message(heap[i].entry, r->arena, &users[i]) != 0)
            return error_set(err, ERR_NOMEM, "out of memory");
        answer.users[i] = &users[i];
    }
    answer.n_users = count;
    answer.more = total > count;
    rpc_answer(r, &answer.base, STR_EMPTY);
    return 0;
}
