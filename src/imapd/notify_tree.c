#include "imapd/notify_tree.h"

#include "base/map.h"
#include "imapd/list.h"
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
    bool special = f->special_use != NULL && f->special_use[0] != '\0';
    m->id = f->id;
    m->name = arena_str(t->arena, str_from(f->name));
    m->special_use = special ? arena_str(t->arena, str_from(f->special_use)) : STR_EMPTY;
    m->subscribed = f->subscribed;
    m->no_select = f->no_select;
    m->has_children = f->has_children;
    m->no_access = f->id != 0 && !f->no_select && (f->rights & RIGHT_READ) == 0;
    m->events = notify_events(n, m->name, m->subscribed);
    take_counters(m, f);
    int err = m->name.ptr == NULL || (special && m->special_use.ptr == NULL) ? ERR_NOMEM
              : f->id != 0 ? map_put(t->by_id, map_u64_key(&m->id), m, NULL)
                           : map_put(t->by_name, m->name, m, NULL);
    return err == 0 ? m : NULL;
}

/* --- telling */
/* RFC 5465 section 5.4, RFC 5258: as LIST tells it. `gone`: it is not there any more. */
static void tell_name(struct session *s, struct notify_mailbox *m, bool gone, struct str old) {
    BUF_AUTO b = BUF_INIT(LINE_BYTES);
    buf_adds(&b, "* LIST (");
    if (gone || m->id == 0) list_add_attribute(&b, "\\NonExistent");
    if (m->no_access) list_add_attribute(&b, "\\NoAccess");
    if (!gone && m->no_select) list_add_attribute(&b, "\\Noselect");
    if (!gone && m->id != 0) list_add_attribute(&b, m->has_children ? "\\HasChildren" : "\\HasNoChildren");
    if (!gone && m->special_use.len > 0) buf_printf(&b, " %.*s", STR_ARG(m->special_use));
    if (!gone && m->subscribed) list_add_attribute(&b, "\\Subscribed");
    buf_adds(&b, ") \"/\" ");
    imap_write_mailbox(&b, m->name, s->utf8);
    if (old.len > 0) {
        buf_adds(&b, " (\"OLDNAME\" (");
        imap_write_mailbox(&b, old, s->utf8);
        buf_adds(&b, "))");
    }
    buf_adds(&b, "\r\n");
    session_put(s, buf_str(&b));
    m->told = true;
}

/* RFC 5465 section 5.4: with a mailbox that is made or removed, the one above it is affected. */
static void tell_parent(struct session *s, const struct notify_tree *t, struct str child) {
    size_t at = 0, end = child.len;
    struct str key;
    void *value;
    while (end > 0 && child.ptr[end - 1] != '/') end--;
    if (end == 0) return;
    while (map_next(t->by_id, &at, &key, &value)) {
        struct notify_mailbox *m = value;
        if (!str_eq(m->name, str_of(child.ptr, end - 1))) continue;
        if (!m->told && (m->events & IMAP_NOTIFY_MAILBOX_NAME) != 0) tell_name(s, m, false, STR_EMPTY);
        return;
    }
}

/* The mailbox that was renamed last: what stands below it was renamed with it, and is not told (RFC 5465 section 5.4).
 */
struct renamed {
    struct str from, to;
};

static bool moved_along(const struct renamed *r, struct str from, struct str to) {
    if (r->to.len == 0 || !str_starts(to, r->to) || !str_starts(from, r->from)) return false;
    struct str below = str_sub(to, r->to.len, SIZE_MAX);
    return str_starts(below, STR("/")) && str_eq(below, str_sub(from, r->from.len, SIZE_MAX));
}

/* Section 5.9. What ENABLE METADATA implies is of annotations alone. */
static bool tells_access(const struct session *s, unsigned events) {
    return events != 0 && !s->notify->implied;
}

static void compare_names(struct session *s, const struct notify_mailbox *was, struct notify_mailbox *m,
                          struct renamed *r) {
    unsigned events = m->events | (was == NULL ? 0 : was->events);
    bool renamed = was != NULL && !str_eq(was->name, m->name);
    bool along = renamed && moved_along(r, was->name, m->name);
    bool made = was == NULL && m->id != 0 && !str_eq(m->name, STR("INBOX")); /* INBOX is there anew after its RENAME */
    bool other = made || (renamed && !along) || (was != NULL && was->no_select != m->no_select);
    bool subscription = was == NULL ? m->id == 0 : was->subscribed != m->subscribed;
    bool access = was == NULL ? m->no_access : was->no_access != m->no_access; /* section 5.9 */
    if (renamed && !along) *r = (struct renamed){was->name, m->name};
    if ((other && (events & IMAP_NOTIFY_MAILBOX_NAME) != 0) ||
        (subscription && (events & IMAP_NOTIFY_SUBSCRIPTION) != 0) || (access && tells_access(s, events)))
        tell_name(s, m, false, renamed && !along ? was->name : STR_EMPTY);
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
        status_tell_change(s, now, false);
}

/* A level above folders of others comes and goes with them: it is no mailbox. */
static bool is_level(const Store__Folder *f) {
    return f->id == 0 && f->no_select;
}

static int take_folder(struct session *s, struct notify_tree *old, struct notify_tree *fresh, const Store__Folder *f,
                       struct renamed *r) {
    if (is_level(f)) return 0;
    struct notify_mailbox *m = add(s->notify, fresh, f);
    if (m == NULL) return ERR_LIMIT;
    if (old == NULL) {
        if (m->no_access && tells_access(s, m->events)) tell_name(s, m, false, STR_EMPTY); /* section 3.1 */
        return 0;
    }
    struct notify_mailbox *was = f->id != 0 ? notify_tree_find(old, f->id) : map_get(old->by_name, m->name);
    const struct notify_mailbox empty = {.uidnext = 1, .uidvalidity = f->uidvalidity, .modseq = f->highestmodseq};
    if (was != NULL) was->seen = true;
    compare_names(s, was, m, r);
    if (was == NULL && f->id != 0) tell_parent(s, fresh, m->name);
    struct notify_mailbox before = was != NULL ? *was : empty;
    before.events = m->events;
    if (f->id != 0) notify_tree_compare(s, &before, f);
    return 0;
}

/* RFC 5465 sections 5.4 and 5.9: of a mailbox of others that cannot be seen any more, it is also told that it cannot.
 */
static void tell_gone(struct session *s, const struct map *all, const struct notify_tree *fresh) {
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(all, &at, &key, &value)) {
        struct notify_mailbox *m = value;
        if (m->seen) continue;
        m->no_access = m->id != 0 && imap_mailbox_is_other(m->name);
        if (m->no_access ? tells_access(s, m->events)
                         : (m->events & (m->id != 0 ? IMAP_NOTIFY_MAILBOX_NAME : IMAP_NOTIFY_SUBSCRIPTION)) != 0)
            tell_name(s, m, true, STR_EMPTY);
        if (m->id != 0) tell_parent(s, fresh, m->name);
    }
}

static int read_all(struct session *s, struct notify_tree *old, struct notify_tree *fresh, bool status) {
    BUF_AUTO after = BUF_INIT(2 * IMAP_MAILBOX_MAX + 1);
    struct renamed last = {STR_EMPTY, STR_EMPTY};
    for (bool more = true; more;) {
        Store__FolderList req = STORE__FOLDER_LIST__INIT;
        RPC_REPLY_AUTO reply = {0};
        req.after = (char *)(uintptr_t)buf_cstr(&after);
        req.limit = PAGE;
        int err = session_call(s, STORE_FOLDER_LIST, &req, STR_EMPTY, &reply, NULL);
        const Store__FolderListed *page = (const Store__FolderListed *)reply.msg;
        for (size_t i = 0; err == 0 && i < page->n_folders; i++) {
            const Store__Folder *f = page->folders[i];
            err = take_folder(s, old, fresh, f, &last);
            const struct notify_mailbox *m = err == 0 && status ? notify_tree_find(fresh, f->id) : NULL;
            if (m != NULL && (m->events & IMAP_NOTIFY_MESSAGES) != 0 && !f->no_select &&
                (f->rights & RIGHT_READ) != 0 && !is_selected(s, f->id))
                status_tell_change(s, f, (m->events & IMAP_NOTIFY_FLAG_CHANGE) != 0); /* section 3.1 */
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
        tell_gone(s, old->by_id, fresh);
        tell_gone(s, old->by_name, fresh);
    }
    n->tree = fresh;
    notify_tree_free(old);
    return 0;
}
