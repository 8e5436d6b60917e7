/* Intrusive doubly linked list: a `struct list` head and a `struct list` member in each element. */
#ifndef IEMS_BASE_LIST_H
#define IEMS_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *prev, *next;
};

#define LIST_INIT(name)                                                                                                \
    { &(name), &(name) }
#define list_entry(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))
#define list_foreach(it, head)         for (struct list *it = (head)->next; it != (head); it = it->next)
/* The element may be removed inside the loop. */
#define list_foreach_safe(it, head)                                                                                    \
    for (struct list *it = (head)->next, *it##_next = it->next; it != (head); it = it##_next, it##_next = it->next)

static inline void list_init(struct list *l) {
    l->prev = l->next = l;
}
static inline bool list_empty(const struct list *l) {
    return l->next == l;
}
static inline void list_insert_before(struct list *at, struct list *node) {
    node->prev = at->prev;
    node->next = at;
    at->prev->next = node;
    at->prev = node;
}
static inline void list_push_back(struct list *head, struct list *node) {
    list_insert_before(head, node);
}
static inline void list_push_front(struct list *head, struct list *node) {
    list_insert_before(head->next, node);
}
/* Safe to call twice: the node is left as a list of its own. */
static inline void list_remove(struct list *node) {
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}
#ifdef __clang_analyzer__ /* it does not follow that the neighbours of a node are nodes, and reports uses after free   \
                           */
struct list *list_first(struct list *head);
struct list *list_pop_front(struct list *head);
#else
static inline struct list *list_first(struct list *head) {
    return list_empty(head) ? NULL : head->next;
}
static inline struct list *list_pop_front(struct list *head) {
    struct list *n = list_first(head);
    if (n != NULL) list_remove(n);
    return n;
}
#endif

#endif
