#include "imapd/notify_tree.h"

#include "base/map.h"
#include "imapd/status.h"
#include "imapd/store_call.h"
#include "imapd/view.h"
#include "proto/imap/write.h"
#include "store/mailbox/rights.h"

#include <stdlib.h>

enum { TREE_BYTES = 64 * 1024 * 1024, PAGE = 1000, LINE_BYTES = 32 * IMAP_MAILBOX_MAX + 256 };

struct notify_tree {
    struct arena *arena;
    struct map *by_id, *by_name; /* by_name: of those without an id */
};

void notify_tree_free(struct notify_tree *t) {
    if (t == NULL) return;
    map_free(t->by_id, NULL);
    map_free(t->by_name, NULL);
    arena_free(t->arena);
    free(t);
}

static struct notify_tree *tree_new(void) {
    struct notify_tree *t = calloc(1, sizeof *t);
    if (t == NULL) return NULL;
    t->arena = arena_new(TREE_BYTES);
    t->by_id = map_new(MAP_BYTES);
    t->by_name = map_new(MAP_BYTES);
    if (t->arena != NULL && t->by_id != NULL && t->by_name != NULL) return t;
    notify_tree_free(t);
    return NULL;
}

struct notify_mailbox *notify_tree_find(const struct notify_tree *t, uint64_t id) {
    return t == NULL ? NULL : map_get(t->by_id, map_u64_key(&id));
}

static void take_counters(struct notify_mailbox *m, const Store__Folder *f) {
    m->uidvalidity = f->uidvalidity;
    m->uidnext = f->uidnext;
    m->messages = f->messages;
    m->modseq = f->highestmodseq;
}

static struct notify_mailbox *add(const struct notify *n, struct notify_tree *t, const Store__Folder *f) {
    struct notify_mailbox *m = arena_alloc(t->arena, sizeof *m);
    if (m == NULL) return NULL;
    m->id = f->id;
    m->name = arena_str(t->arena, str_from(f->name));
    m->subscribed = f->subscribed;
    m->no_select = f->no_select;
    m->meant = notify_events(n, m->name, m->subscribed, &m->events);
    take_counters(m, f);
    int err = m->name.ptr == NULL ? ERR_NOMEM
              : f->id != 0        ? map_put(t->by_id, map_u64_key(&m->id), m, NULL)
                                  : map_put(t->by_name, m->name, m, NULL);
    return err == 0 ? m : NULL;
}

/* --- telling */
static void add_attribute(struct buf *b, const char *attribute) {
    if (b->ptr[b->len - 1] != '(') buf_addc(b, ' ');
    buf_adds(b, attribute);
}

/* RFC 5465 section 5.4, RFC 5258: as LIST tells it. `f` NULL: it is not there any more. */
static void tell_name(struct session *s, const struct notify_mailbox *m, const Store__Folder *f, struct str old) {
    BUF_AUTO b = BUF_INIT(LINE_BYTES);
    buf_adds(&b, "* LIST (");
    if (f == NULL || f->id == 0) add_attribute(&b, "\\NonExistent");
    if (f != NULL && f->no_select) add_attribute(&b, "\\Noselect");
    if (f != NULL && f->id != 0) add_attribute(&b, f->has_children ? "\\HasChildren" : "\\HasNoChildren");
    if (f != NULL && f->special_use != NULL && f->special_use[0] != '\0') add_attribute(&b, f->special_use);
    if (f != NULL && f->subscribed) add_attribute(&b, "\\Subscribed");
    buf_adds(&b, ") \"/\" ");
    imap_write_mailbox(&b, m->name, s->utf8);
    if (old.len > 0) {
        buf_adds(&b, " (\"OLDNAME\" (");
        imap_write_mailbox(&b, old, s->utf8);
        buf_adds(&b, "))");
    }
    buf_adds(&b, "\r\n");
    session_put(s, buf_str(&b));
}

static void compare_names(struct session *s, const struct notify_mailbox *was, const struct notify_mailbox *m,
                          const Store__Folder *f) {
    unsigned events = m->events | (was == NULL ? 0 : was->events);
    bool renamed = was != NULL && !str_eq(was->name, m->name);
    bool other = was == NULL ? m->id != 0 : renamed || was->no_select != m->no_select;
    bool subscription = was == NULL ? m->id == 0 : was->subscribed != m->subscribed;
    if ((other && (events & IMAP_NOTIFY_MAILBOX_NAME) != 0) ||
        (subscription && (events & IMAP_NOTIFY_SUBSCRIPTION) != 0))
        tell_name(s, m, f, renamed ? was->name : STR_EMPTY);
}

static bool is_selected(const struct session *s, uint64_t id) {
    return s->view != NULL && s->view->folder == id;
}

void notify_tree_compare(struct session *s, struct notify_mailbox *m, const Store__Folder *now) {
    bool count = now->messages != m->messages || now->uidnext != m->uidnext || now->uidvalidity != m->uidvalidity;
    bool flags = now->highestmodseq != m->modseq && (m->events & IMAP_NOTIFY_FLAG_CHANGE) != 0;
    take_counters(m, now);
    if ((count || flags) && (m->events & IMAP_NOTIFY_MESSAGES) != 0 && !now->no_select &&
        (now->rights & RIGHT_READ) != 0 && !is_selected(s, now->id))
        status_tell_change(s, now);
}

/* A level above folders of others comes and goes with them: it is no mailbox. */
static bool is_level(const Store__Folder *f) {
    return f->id == 0 && f->no_select;
}

static int take_folder(struct session *s, struct notify_tree *old, struct notify_tree *fresh, const Store__Folder *f) {
    if (is_level(f)) return 0;
    struct notify_mailbox *m = add(s->notify, fresh, f);
    if (m == NULL) return ERR_LIMIT;
    if (old == NULL) return 0;
    struct notify_mailbox *was = f->id != 0 ? notify_tree_find(old, f->id) : map_get(old->by_name, m->name);
    const struct notify_mailbox empty = {.uidnext = 1, .uidvalidity = f->uidvalidity, .modseq = f->highestmodseq};
    if (was != NULL) was->seen = true;
    compare_names(s, was, m, f);
    struct notify_mailbox before = was != NULL ? *was : empty;
    before.events = m->events;
    if (f->id != 0) notify_tree_compare(s, &before, f);
    return 0;
}

static void tell_gone(struct session *s, const struct map *all, unsigned events) {
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(all, &at, &key, &value)) {
        const struct notify_mailbox *m = value;
        if (!m->seen && (m->events & events) != 0) tell_name(s, m, NULL, STR_EMPTY);
    }
}

static int read_all(struct session *s, struct notify_tree *old, struct notify_tree *fresh, bool status) {
    BUF_AUTO after = BUF_INIT(2 * IMAP_MAILBOX_MAX + 1);
    for (bool more = true; more;) {
        Store__FolderList req = STORE__FOLDER_LIST__INIT;
        RPC_REPLY_AUTO reply = {0};
        req.after = (char *)(uintptr_t)buf_cstr(&after);
        req.limit = PAGE;
        int err = session_call(s, STORE_FOLDER_LIST, &req, STR_EMPTY, &reply, NULL);
        const Store__FolderListed *page = (const Store__FolderListed *)reply.msg;
        for (size_t i = 0; err == 0 && i < page->n_folders; i++) {
            const Store__Folder *f = page->folders[i];
            err = take_folder(s, old, fresh, f);
            const struct notify_mailbox *m = err == 0 && status ? notify_tree_find(fresh, f->id) : NULL;
            if (m != NULL && (m->events & IMAP_NOTIFY_MESSAGES) != 0 && !f->no_select &&
                (f->rights & RIGHT_READ) != 0 && !is_selected(s, f->id))
                status_tell_change(s, f);
        }
        if (err != 0) return err;
        more = page->more && page->n_folders > 0;
        buf_clear(&after);
        if (more) buf_adds(&after, page->folders[page->n_folders - 1]->name);
    }
    return 0;
}

int notify_tree_read(struct session *s, bool status) {
    struct notify *n = s->notify;
    struct notify_tree *old = n->tree, *fresh = tree_new();
    if (fresh == NULL) return ERR_NOMEM;
    int err = read_all(s, old, fresh, status);
    if (err != 0) { /* what was told already is told once more later */
        notify_tree_free(fresh);
        return err;
    }
    if (old != NULL) {
        tell_gone(s, old->by_id, IMAP_NOTIFY_MAILBOX_NAME);
        tell_gone(s, old->by_name, IMAP_NOTIFY_SUBSCRIPTION);
    }
    n->tree = fresh;
    notify_tree_free(old);
    return 0;
}
