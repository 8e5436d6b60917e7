#include "imapd/thread_tree.h"

#include "imapd/order.h"

#include <stdlib.h>

enum { FIRST_NODES = 256, PIECE = 8192, NUMBER_ROOM = 16 };

struct threads *threads_new(enum imap_thread algorithm) {
    struct threads *t = calloc(1, sizeof *t);
    if (t == NULL) return NULL;
    t->algorithm = algorithm;
    t->ids = map_new(MAP_BYTES);
    buf_init(&t->texts, THREAD_TEXT_MAX);
    if (t->ids != NULL && thread_node_new(t) == 0 && t->err == 0) return t; /* node 0 stands for none */
    threads_free(t);
    return NULL;
}

void threads_free(struct threads *t) {
    if (t == NULL) return;
    map_free(t->ids, NULL);
    buf_done(&t->texts);
    free(t->node);
    free(t->root);
    free(t);
}

uint32_t thread_node_new(struct threads *t) {
    if (t->count == t->cap) {
        uint32_t cap = t->cap == 0 ? FIRST_NODES : t->cap * 2;
        struct thread_node *grown = cap > THREAD_NODES_MAX ? NULL : realloc(t->node, cap * sizeof *grown);
        if (grown == NULL) {
            t->err = cap > THREAD_NODES_MAX ? ERR_LIMIT : ERR_NOMEM;
            return 0;
        }
        t->node = grown;
        t->cap = cap;
    }
    t->node[t->count] = (struct thread_node){.number = 0};
    return t->count++;
}

void thread_root_add(struct threads *t, uint32_t n) {
    if (t->roots == t->root_cap) {
        uint32_t cap = t->root_cap == 0 ? FIRST_NODES : t->root_cap * 2;
        uint32_t *grown = realloc(t->root, cap * sizeof *grown);
        if (grown == NULL) {
            t->err = ERR_NOMEM;
            return;
        }
        t->root = grown;
        t->root_cap = cap;
    }
    t->root[t->roots++] = n;
}

int thread_compare_sent(const void *arg, uint32_t a, uint32_t b) {
    const struct threads *t = arg;
    const struct thread_node *x = &t->node[thread_shown(t, a)], *y = &t->node[thread_shown(t, b)];
    if (x->sent != y->sent) return x->sent < y->sent ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

void thread_sort_roots(struct threads *t, int (*compare)(const void *arg, uint32_t a, uint32_t b)) {
    int err = order_sort(t->root, t->roots, compare, t, t->pause);
    if (err != 0 && t->err == 0) t->err = err;
}

void thread_sort_children(struct threads *t, uint32_t parent) {
    size_t count = 0, i = 0;
    bool sorted = true;
    for (uint32_t c = t->node[parent].child; c != 0; c = t->node[c].next, count++)
        if (t->node[c].next != 0 && thread_compare_sent(t, c, t->node[c].next) > 0) sorted = false;
    if (sorted) return;
    uint32_t *list = malloc(count * sizeof *list);
    if (list == NULL) {
        t->err = ERR_NOMEM;
        return;
    }
    for (uint32_t c = t->node[parent].child; c != 0; c = t->node[c].next) list[i++] = c;
    int err = order_sort(list, count, thread_compare_sent, t, t->pause);
    if (err != 0 && t->err == 0) t->err = err;
    t->node[parent].child = list[0];
    for (i = 0; i < count; i++) t->node[list[i]].next = i + 1 < count ? list[i + 1] : 0;
    free(list);
}

/* --- writing */
struct output {
    struct threads *t;
    struct buf text;
    void (*put)(void *arg, struct str piece);
    void *arg;
    uint32_t *stack; /* a node whose thread begins; 0 = ")" */
    size_t depth, cap;
};

static void push(struct output *o, uint32_t n) {
    if (o->depth == o->cap) {
        size_t cap = o->cap == 0 ? FIRST_NODES : o->cap * 2;
        uint32_t *grown = realloc(o->stack, cap * sizeof *grown);
        if (grown == NULL) {
            o->t->err = ERR_NOMEM;
            return;
        }
        o->stack = grown;
        o->cap = cap;
    }
    o->stack[o->depth++] = n;
}

static void push_children(struct output *o, uint32_t parent) {
    size_t first = o->depth;
    for (uint32_t c = o->t->node[parent].child; c != 0; c = o->t->node[c].next) push(o, c);
    for (size_t i = first, j = o->depth; i + 1 < j; i++) { /* the first child on top */
        uint32_t swap = o->stack[i];
        o->stack[i] = o->stack[--j];
        o->stack[j] = swap;
    }
}

/* thread-members = nz-number *(SP nz-number) [SP thread-nested], from the node down to where it forks */
static void write_line(struct output *o, uint32_t n) {
    const struct thread_node *node = o->t->node;
    buf_addc(&o->text, '(');
    for (;;) {
        if (node[n].number != 0) buf_addu(&o->text, node[n].number);
        uint32_t child = node[n].child;
        if (child != 0 && node[n].number != 0) buf_addc(&o->text, ' ');
        if (child == 0 || node[child].next != 0) break;
        n = child;
        if (o->text.len < PIECE) continue;
        o->put(o->arg, buf_str(&o->text));
        buf_clear(&o->text);
    }
    push(o, 0);
    push_children(o, n);
}

static void write_thread(struct output *o, uint32_t root) {
    push(o, root);
    while (o->depth > 0 && o->t->err == 0) {
        uint32_t n = o->stack[--o->depth];
        if (n == 0)
            buf_addc(&o->text, ')');
        else
            write_line(o, n);
        if (o->text.len < PIECE) continue;
        o->put(o->arg, buf_str(&o->text));
        buf_clear(&o->text);
    }
}

int threads_write(struct threads *t, void (*put)(void *arg, struct str piece), void *arg, void (*pause)(void)) {
    struct output o = {.t = t, .text = BUF_INIT(2 * PIECE + NUMBER_ROOM), .put = put, .arg = arg};
    t->pause = pause;
    if (t->algorithm == IMAP_THREAD_ORDEREDSUBJECT)
        thread_build_subjects(t);
    else
        thread_build_references(t);
    for (uint32_t i = 0; i < t->roots && t->err == 0; i++) write_thread(&o, t->root[i]);
    put(arg, buf_str(&o.text));
    buf_done(&o.text);
    free(o.stack);
    return t->err;
}
