/* Taking messages in: step 1 of REFERENCES (RFC 5256 section 3). */
#include "imapd/thread_tree.h"

enum { ID_MAX = 64 * 1024 };

bool thread_next_id(struct str *rest, struct str *id) {
    for (;;) {
        ptrdiff_t open = str_find(*rest, '<');
        if (open == STR_NPOS) return false;
        *rest = str_sub(*rest, (size_t)open, SIZE_MAX);
        ptrdiff_t close = str_find(*rest, '>');
        if (close == STR_NPOS) return false;
        struct str found = str_sub(*rest, 0, (size_t)close + 1);
        *rest = str_sub(*rest, (size_t)close + 1, SIZE_MAX);
        ptrdiff_t inner = str_rfind(found, '<');
        found = str_sub(found, (size_t)inner, SIZE_MAX);
        if (found.len <= 2) continue;
        *id = found;
        return true;
    }
}

/* The same msg-id with quotes and without is one (RFC 5256 section 3, REFERENCES). */
static struct str without_quotes(struct str id, struct buf *out) {
    for (size_t i = 0; i < id.len; i++) {
        if (id.ptr[i] == '"') continue;
        if (id.ptr[i] == '\\' && i + 1 < id.len) i++;
        buf_addc(out, id.ptr[i]);
    }
    return out->error == 0 ? buf_str(out) : id;
}

/* The node of a msg-id, a dummy if it is new. */
static uint32_t node_of(struct threads *t, struct str id) {
    BUF_AUTO plain = BUF_INIT(ID_MAX);
    if (str_find(id, '"') != STR_NPOS) id = without_quotes(id, &plain);
    uint32_t n = (uint32_t)(uintptr_t)map_get(t->ids, id);
    if (n != 0) return n;
    n = thread_node_new(t);
    if (n != 0 && map_put(t->ids, id, (void *)(uintptr_t)n, NULL) != 0) t->err = ERR_NOMEM;
    return t->err == 0 ? n : 0;
}

/* Whether `above` is `n` or an ancestor of it. What has no children is nobody's ancestor. */
static bool is_above(const struct threads *t, uint32_t above, uint32_t n) {
    if (above == n) return true;
    if (t->node[above].child == 0) return false;
    for (; n != 0; n = t->node[n].parent)
        if (n == above) return true;
    return false;
}

static void unlink_child(struct threads *t, uint32_t child) {
    uint32_t *link = &t->node[t->node[child].parent].child;
    while (*link != child) link = &t->node[*link].next;
    *link = t->node[child].next;
    t->node[child].parent = t->node[child].next = 0;
}

static void link_child(struct threads *t, uint32_t parent, uint32_t child) {
    t->node[child].parent = parent;
    t->node[child].next = t->node[parent].child;
    t->node[parent].child = child;
}

/* Links the references one below the other; returns the last. */
static uint32_t link_references(struct threads *t, struct str field, bool only_first) {
    uint32_t last = 0;
    struct str id;
    while (thread_next_id(&field, &id) && t->err == 0) {
        uint32_t n = node_of(t, id);
        if (n == 0) break;
        if (last != 0 && t->node[n].parent == 0 && !is_above(t, n, last)) link_child(t, last, n);
        last = n;
        if (only_first) break;
    }
    return last;
}

static uint32_t node_of_message(struct threads *t, const struct thread_message *m) {
    struct str rest = m->message_id, id;
    if (t->algorithm == IMAP_THREAD_ORDEREDSUBJECT || !thread_next_id(&rest, &id)) return thread_node_new(t);
    uint32_t n = node_of(t, id);
    return n != 0 && t->node[n].number != 0 ? thread_node_new(t) : n; /* a msg-id that another message has, too */
}

int threads_add(struct threads *t, const struct thread_message *m) {
    uint32_t n = node_of_message(t, m);
    if (n == 0) return t->err;
    struct thread_node *node = &t->node[n];
    node->number = m->number;
    node->sent = m->sent;
    node->arrived = m->arrived;
    node->is_reply = m->is_reply;
    node->subject = t->texts.len;
    node->subject_len = (uint32_t)m->subject.len;
    buf_add(&t->texts, m->subject);
    if (t->texts.error != 0) return t->err = ERR_LIMIT;
    if (t->algorithm == IMAP_THREAD_ORDEREDSUBJECT) return 0;
    uint32_t parent = link_references(t, m->references, false);
    if (parent == 0) parent = link_references(t, m->in_reply_to, true);
    if (t->err != 0) return t->err;
    if (t->node[n].parent == parent) return 0;
    if (t->node[n].parent != 0) unlink_child(t, n);
    if (parent != 0 && !is_above(t, n, parent)) link_child(t, parent, n);
    return 0;
}
