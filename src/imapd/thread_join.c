/* Step 5 of REFERENCES (RFC 5256 section 3): threads whose first messages have the same base subject become one. */
#include "imapd/thread_tree.h"

static struct str subject_of(const struct threads *t, uint32_t n) {
    return thread_subject(t, thread_shown(t, n));
}

static bool is_dummy(const struct threads *t, uint32_t n) {
    return t->node[n].number == 0;
}

static bool is_reply(const struct threads *t, uint32_t n) {
    return t->node[thread_shown(t, n)].is_reply;
}

/* Steps 5.A and 5.B: for each subject the thread that the others go to. */
static void fill_table(struct threads *t, struct map *table) {
    for (uint32_t i = 0; i < t->roots; i++) {
        uint32_t n = t->root[i];
        struct str subject = subject_of(t, n);
        if (subject.len == 0) continue;
        uint32_t had = (uint32_t)(uintptr_t)map_get(table, subject);
        bool better = had == 0 || (is_dummy(t, n) && !is_dummy(t, had)) ||
                      (!is_dummy(t, had) && is_reply(t, had) && !is_reply(t, n));
        if (better && map_put(table, subject, (void *)(uintptr_t)n, NULL) != 0) t->err = ERR_NOMEM;
    }
}

static void add_child(struct threads *t, uint32_t parent, uint32_t child) {
    t->node[child].parent = parent;
    t->node[child].next = t->node[parent].child;
    t->node[parent].child = child;
}

/* Step 5.C: the thread `n` goes to `to`. Returns the node that stands for both. */
static uint32_t join(struct threads *t, uint32_t n, uint32_t to) {
    if (is_dummy(t, n) && is_dummy(t, to)) {
        for (uint32_t c = t->node[n].child, next; c != 0; c = next) {
            next = t->node[c].next;
            add_child(t, to, c);
        }
        t->node[n].child = 0;
        return to;
    }
    if (is_dummy(t, to) || (is_reply(t, n) && !is_reply(t, to))) {
        add_child(t, to, n);
        return to;
    }
    uint32_t both = thread_node_new(t);
    if (both == 0) return to;
    add_child(t, both, to);
    add_child(t, both, n);
    return both;
}

void thread_join_subjects(struct threads *t) {
    struct map *table = map_new(MAP_BYTES);
    if (table == NULL) {
        t->err = ERR_NOMEM;
        return;
    }
    fill_table(t, table);
    for (uint32_t i = 0; i < t->roots && t->err == 0; i++) {
        uint32_t n = t->root[i];
        if (t->node[n].parent != 0) continue; /* joined already */
        struct str subject = subject_of(t, n);
        uint32_t to = subject.len == 0 ? n : (uint32_t)(uintptr_t)map_get(table, subject);
        if (to == n) continue;
        uint32_t both = join(t, n, to);
        if (t->err == 0 && both != to && map_put(table, subject, (void *)(uintptr_t)both, NULL) != 0)
            t->err = ERR_NOMEM;
        if (both != to) thread_root_add(t, both);
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < t->roots; i++) {
        uint32_t n = t->root[i];
        if (t->node[n].parent == 0 && (t->node[n].number != 0 || t->node[n].child != 0)) t->root[kept++] = n;
    }
    t->roots = kept;
    map_free(table, NULL);
}
