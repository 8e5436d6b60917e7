#include "store/service/shelf.h"

#include "net/loop.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 60 * 1000, UNUSED_MS = 5 * 60 * 1000 };

static void shelf_empty(struct shelves *all, struct shelf *sh) {
    for (size_t i = 0; i < sh->count; i++) free(sh->entry[i]);
    free(sh->entry);
    all->bytes -= sh->bytes;
    sh->entry = NULL;
    sh->count = sh->cap = sh->bytes = 0;
}

static void shelf_free(struct shelves *all, struct shelf *sh) {
    shelf_empty(all, sh);
    list_remove(&sh->link);
    free(sh);
}

static void drop_unused(void *arg) {
    struct shelves *all = arg;
    uint64_t now = loop_now_ms();
    list_foreach_safe(it, &all->all) {
        struct shelf *sh = list_entry(it, struct shelf, link);
        if (!sh->busy && now - sh->used_ms >= UNUSED_MS) shelf_free(all, sh);
    }
    if (!list_empty(&all->all)) return;
    loop_timer_free(all->timer);
    all->timer = NULL;
}

void shelves_init(struct shelves *all) {
    list_init(&all->all);
    cond_init(&all->given);
}

void shelves_clear(struct shelves *all) {
    list_foreach_safe(it, &all->all) {
        struct shelf *sh = list_entry(it, struct shelf, link);
        if (sh->busy)
            sh->folder = 0; /* no folder has this number: it goes when it is given back */
        else
            shelf_free(all, sh);
    }
}

void shelves_done(struct shelves *all) {
    shelves_clear(all);
    if (all->timer != NULL) loop_timer_free(all->timer);
    all->timer = NULL;
}

static struct shelf *find(struct shelves *all, uint64_t folder) {
    list_foreach(it, &all->all) {
        struct shelf *sh = list_entry(it, struct shelf, link);
        if (sh->folder == folder) return sh;
    }
    return NULL;
}

int shelf_take(struct shelves *all, uint64_t folder, struct shelf **out) {
    struct shelf *sh;
    while ((sh = find(all, folder)) != NULL && sh->busy) {
        int rc = cond_wait(&all->given, DEADLINE_NEVER);
        if (rc != 0) return rc;
    }
    if (sh == NULL) {
        sh = calloc(1, sizeof *sh);
        if (sh == NULL) return ERR_NOMEM;
        sh->folder = folder;
        list_init(&sh->link);
    }
    if (all->timer == NULL) all->timer = loop_timer_new(LOOK_MS, LOOK_MS, drop_unused, all);
    list_remove(&sh->link);
    list_push_back(&all->all, &sh->link);
    all->bytes -= sh->bytes; /* while it is out it may grow */
    sh->busy = true;
    *out = sh;
    return 0;
}

void shelf_give(struct shelves *all, struct shelf *sh) {
    sh->busy = false;
    sh->used_ms = loop_now_ms();
    all->bytes += sh->bytes;
    if (sh->folder == 0 || sh->count == 0) shelf_free(all, sh);
    list_foreach_safe(it, &all->all) {
        if (all->bytes <= SHELVES_BYTES_MAX) break;
        struct shelf *old = list_entry(it, struct shelf, link);
        if (!old->busy) shelf_free(all, old);
    }
    cond_broadcast(&all->given);
}

const struct shelf_entry *shelf_find(const struct shelf *sh, size_t *at, uint32_t uid) {
    size_t lo = *at, hi = sh->count;
    if (lo < hi && sh->entry[lo]->uid >= uid) hi = lo; /* the next one, most often */
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (sh->entry[mid]->uid < uid)
            lo = mid + 1;
        else
            hi = mid;
    }
    bool there = lo < sh->count && sh->entry[lo]->uid == uid;
    *at = there ? lo + 1 : lo;
    return there ? sh->entry[lo] : NULL;
}

static bool grow(struct shelf *sh, size_t more) {
    if (sh->count + more <= sh->cap) return true;
    size_t cap = sh->cap + sh->cap / 2 + more;
    struct shelf_entry **list = realloc(sh->entry, cap * sizeof *list);
    if (list == NULL) return false;
    sh->entry = list;
    sh->cap = cap;
    return true;
}

void shelf_put(struct shelf *sh, struct shelf_entry **fresh, size_t count, size_t room) {
    size_t n = 0, bytes = 0;
    for (; n < count; n++) {
        size_t size = shelf_entry_size(fresh[n]) + sizeof *fresh;
        if (bytes + size > room) break;
        bytes += size;
    }
    if (!grow(sh, n)) n = bytes = 0;
    for (size_t i = n; i < count; i++) free(fresh[i]);
    size_t have = sh->count, left = n;
    for (size_t to = have + n; left > 0; to--) { /* from behind, so that nothing is overwritten */
        bool mine = have > 0 && sh->entry[have - 1]->uid > fresh[left - 1]->uid;
        sh->entry[to - 1] = mine ? sh->entry[--have] : fresh[--left];
    }
    sh->count += n;
    sh->bytes += bytes;
}
