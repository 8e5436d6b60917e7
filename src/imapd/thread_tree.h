/* Inside of thread*.c: nodes are numbers in one array, so that a mailbox of any size is one block of memory. */
#ifndef IEMS_IMAPD_THREAD_TREE_H
#define IEMS_IMAPD_THREAD_TREE_H

#include "base/map.h"
#include "imapd/thread.h"

struct thread_node { /* 0 = none */
    uint32_t number; /* 0: a dummy, for a message that is only referred to */
    uint32_t parent, child, next;
    int64_t sent, arrived;
    uint64_t subject; /* offset in texts */
    uint32_t subject_len;
    bool is_reply;
};

struct threads {
    enum imap_thread algorithm;
    struct thread_node *node;
    uint32_t count, cap;
    struct map *ids; /* msg-id -> node */
    struct buf texts;
    uint32_t *root; /* the threads */
    uint32_t roots, root_cap;
    void (*pause)(void);
    int err;
};

uint32_t thread_node_new(struct threads *t); /* 0: t->err */
void thread_root_add(struct threads *t, uint32_t n);
/* Sorts the children of a node, or with 0 the roots, by `compare` of thread_compare_sent. */
void thread_sort_children(struct threads *t, uint32_t parent);
void thread_sort_roots(struct threads *t, int (*compare)(const void *arg, uint32_t a, uint32_t b));
int thread_compare_sent(const void *arg, uint32_t a, uint32_t b);
static inline struct str thread_subject(const struct threads *t, uint32_t n) {
    return str_of(t->texts.ptr + t->node[n].subject, t->node[n].subject_len);
}
/* A dummy at the root stands for its first child (RFC 5256 section 3, steps 4 to 6). */
static inline uint32_t thread_shown(const struct threads *t, uint32_t n) {
    return t->node[n].number == 0 && t->node[n].child != 0 ? t->node[n].child : n;
}

void thread_build_subjects(struct threads *t);   /* ORDEREDSUBJECT */
void thread_build_references(struct threads *t); /* REFERENCES, REFS */
void thread_join_subjects(struct threads *t);    /* step 5 of REFERENCES */

#endif
