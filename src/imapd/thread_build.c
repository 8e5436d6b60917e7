/* From nodes to threads (RFC 5256 section 3). */
#include "imapd/order.h"
#include "imapd/thread_tree.h"

#include <stdlib.h>

/* --- ORDEREDSUBJECT */
static int compare_subject(const void *arg, uint32_t a, uint32_t b) {
    const struct threads *t = arg;
    int c = str_cmp(thread_subject(t, a), thread_subject(t, b));
    return c != 0 ? c : thread_compare_sent(t, a, b);
}

void thread_build_subjects(struct threads *t) {
    uint32_t *list = malloc(t->count * sizeof *list), last = 0, count = 0;
    if (list == NULL) {
        t->err = ERR_NOMEM;
        return;
    }
    for (uint32_t n = 1; n < t->count; n++) list[count++] = n;
    t->err = order_sort(list, count, compare_subject, t, t->pause);
    uint32_t root = 0;
    for (uint32_t i = 0; i < count && t->err == 0; i++) {
        uint32_t n = list[i];
        if (root == 0 || !str_eq(thread_subject(t, root), thread_subject(t, n))) {
            thread_root_add(t, root = n);
            last = 0;
            continue;
        }
        if (last == 0)
            t->node[root].child = n;
        else
            t->node[last].next = n;
        last = n;
    }
    free(list);
    thread_sort_roots(t, thread_compare_sent);
}

/* --- REFERENCES */
/* The nearest message above `n`, or the dummy at the root when there is none: where it stands when the other dummies
 * are gone (step 3). What was found is remembered in `up`. */
static uint32_t effective_parent(const struct threads *t, uint32_t n, uint32_t *up) {
    uint32_t p = t->node[n].parent, top = p;
    while (top != 0 && t->node[top].number == 0 && t->node[top].parent != 0)
        top = up[top] != 0 ? up[top] : t->node[top].parent;
    while (p != 0 && p != top && t->node[p].number == 0) {
        uint32_t next = up[p] != 0 ? up[p] : t->node[p].parent;
        up[p] = top;
        p = next;
    }
    return top;
}

/* Steps 2 and 3: leaves out dummies, but for those at the root that hold several threads together. */
static void prune(struct threads *t) {
    uint32_t *up = calloc(t->count, sizeof *up);
    uint32_t *parent = calloc(t->count, sizeof *parent);
    if (up == NULL || parent == NULL) {
        t->err = ERR_NOMEM;
    } else {
        for (uint32_t n = 1; n < t->count; n++)
            if (t->node[n].number != 0) parent[n] = effective_parent(t, n, up);
        for (uint32_t n = 0; n < t->count; n++) t->node[n].child = t->node[n].next = t->node[n].parent = 0;
        for (uint32_t n = t->count - 1; n > 0; n--) {
            uint32_t p = parent[n];
            if (t->node[n].number == 0 || p == 0) continue;
            t->node[n].parent = p;
            t->node[n].next = t->node[p].child;
            t->node[p].child = n;
        }
        for (uint32_t n = 1; n < t->count; n++) {
            uint32_t only = t->node[n].child;
            if (t->node[n].number != 0 || only == 0 || t->node[only].next != 0) continue;
            t->node[only].parent = t->node[n].child = 0;
        }
        for (uint32_t n = 1; n < t->count; n++)
            if (t->node[n].parent == 0 && (t->node[n].number != 0 || t->node[n].child != 0)) thread_root_add(t, n);
    }
    free(up);
    free(parent);
}

static void sort_all_children(struct threads *t) {
    for (uint32_t n = 1; n < t->count && t->err == 0; n++) thread_sort_children(t, n);
}

/* --- REFS */
static int compare_arrived(const void *arg, uint32_t a, uint32_t b) {
    const struct threads *t = arg;
    const struct thread_node *x = &t->node[a], *y = &t->node[b];
    if (x->arrived != y->arrived) return x->arrived < y->arrived ? -1 : 1;
    return thread_compare_sent(t, a, b);
}

/* The root of each thread gets the time when its newest message arrived. */
static void note_newest(struct threads *t) {
    uint32_t *root = calloc(t->count, sizeof *root);
    if (root == NULL) {
        t->err = ERR_NOMEM;
        return;
    }
    for (uint32_t n = 1; n < t->count; n++) {
        uint32_t top = n;
        while (t->node[top].parent != 0) top = root[top] != 0 ? root[top] : t->node[top].parent;
        for (uint32_t at = n; at != top;) {
            uint32_t next = root[at] != 0 ? root[at] : t->node[at].parent;
            root[at] = top;
            at = next;
        }
        bool dummy = t->node[top].number == 0 && t->node[top].arrived == 0;
        if (t->node[n].number != 0 && (dummy || t->node[n].arrived > t->node[top].arrived))
            t->node[top].arrived = t->node[n].arrived;
    }
    free(root);
}

void thread_build_references(struct threads *t) {
    prune(t);
    if (t->err != 0) return;
    sort_all_children(t);
    if (t->algorithm == IMAP_THREAD_REFS) {
        note_newest(t);
        thread_sort_roots(t, compare_arrived);
        return;
    }
    thread_sort_roots(t, thread_compare_sent);
    thread_join_subjects(t);
    sort_all_children(t);
    thread_sort_roots(t, thread_compare_sent);
}
