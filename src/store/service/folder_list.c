/* FOLDER_LIST: one's own folders and subscriptions, and the folders of others in which one has the right to look, all
 * in one order of names (RFC 9051 section 6.3.9, RFC 4314 section 4). */
#include "store/service/private.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_LIMIT = 1000, OTHERS_MAX = 100000 };

/* A folder of somebody else, or (NULL) a level above such folders. */
struct other {
    const char *name;
    struct folder *f;
};

struct lister {
    struct session *session;
    struct account *a;
    struct rpc_request *r;
    struct other *others; /* by name */
    size_t other_count, other_cap;
    Store__FolderListed reply;
    size_t limit;
    uint64_t seq;
};

static void add_other(struct lister *l, const char *name, struct folder *f) {
    if (l->other_count == OTHERS_MAX || name[0] == '\0') return;
    if (l->other_count == l->other_cap) {
        l->other_cap = l->other_cap * 2 + 64;
        l->others = realloc(l->others, l->other_cap * sizeof *l->others);
        IEMS_ASSERT(l->others != NULL);
    }
    l->others[l->other_count++] = (struct other){name, f};
}

/* Each level above a folder; those that are folders themselves come twice and are tidied up. */
static void add_levels(struct lister *l, const char *name) {
    for (const char *p = strchr(name, '/'); p != NULL; p = strchr(p + 1, '/')) {
        const char *level = arena_cstr(l->r->arena, str_of(name, (size_t)(p - name)));
        if (level != NULL) add_other(l, level, NULL);
    }
}

static void add_owner(struct lister *l, struct account *a) {
    for (size_t i = 0; i < a->folder_count; i++) {
        struct folder *f = a->folders[i];
        if (!(session_rights(l->session, f) & RIGHT_LOOKUP)) continue;
        const char *name = session_folder_name(l->session, f, l->r->arena);
        add_other(l, name, f);
        add_levels(l, name);
    }
}

/* By name; of the same name a folder comes first. */
static int by_name(const void *x, const void *y) {
    const struct other *a = x, *b = y;
    int c = strcmp(a->name, b->name);
    return c != 0 ? c : (b->f != NULL) - (a->f != NULL);
}

/* In a fiber; what is gathered stays good until the next wait. */
static int gather_others(struct lister *l) {
    struct account **owners = NULL;
    size_t n = 0, kept = 0;
    int rc = session_others(l->session, &owners, &n);
    if (rc != 0 || n == 0) return rc;
    for (size_t i = 0; i < n; i++)
        if (owners[i] != NULL && !owners[i]->deleted) add_owner(l, owners[i]);
    free(owners);
    if (l->other_count > 0) qsort(l->others, l->other_count, sizeof *l->others, by_name);
    for (size_t i = 0; i < l->other_count; i++)
        if (kept == 0 || strcmp(l->others[kept - 1].name, l->others[i].name) != 0) l->others[kept++] = l->others[i];
    l->other_count = kept;
    return 0;
}

static bool has_children(const struct lister *l, const struct other *o) {
    size_t n = strlen(o->name);
    for (const struct other *p = o + 1; p < l->others + l->other_count && strncmp(p->name, o->name, n) == 0; p++)
        if (p->name[n] == '/') return true;
    return false;
}

/* `f` NULL and `o` NULL: a name that is only subscribed. */
static bool list_add(struct lister *l, struct folder *f, const struct other *o, const char *name, bool subscribed) {
    Store__Folder *out = arena_alloc(l->r->arena, sizeof *out);
    if (out == NULL) return false;
    store__folder__init(out);
    if (f == NULL && o != NULL) f = o->f;
    if (f != NULL) {
        folder_fill(l->session, f, l->r->arena, out);
        if (f->seq > l->seq) l->seq = f->seq;
    } else {
        out->name = arena_cstr(l->r->arena, str_from(name));
        out->no_select = o != NULL;
        out->subscribed = subscribed;
        out->has_children = account_has_children(l->a, name);
    }
    if (o != NULL) out->has_children = has_children(l, o);
    l->reply.folders[l->reply.n_folders++] = out;
    return true;
}

static const char *lowest(const char *a, const char *b) {
    return a == NULL ? b : b == NULL ? a : strcmp(a, b) <= 0 ? a : b;
}

/* Merges the sorted lists of names: folders, subscriptions, others' folders. */
static void list_names(struct lister *l, struct str after, bool subscribed_only) {
    struct account *a = l->a;
    for (size_t i = 0, j = 0, k = 0;;) {
        struct folder *f = i < a->folder_count ? a->folders[i] : NULL;
        const char *sub = j < a->subscribed_count ? a->subscribed[j] : NULL;
        const struct other *o = k < l->other_count ? &l->others[k] : NULL;
        const char *name = lowest(f == NULL ? NULL : f->name, lowest(sub, o == NULL ? NULL : o->name));
        if (name == NULL) return;
        bool own = f != NULL && strcmp(f->name, name) == 0, subscribed = sub != NULL && strcmp(sub, name) == 0;
        bool other = o != NULL && strcmp(o->name, name) == 0;
        i += own;
        j += subscribed;
        k += other;
        if (after.len > 0 && str_cmp(str_from(name), after) <= 0) continue;
        if (subscribed_only && !subscribed) continue;
        if (l->reply.n_folders == l->limit) {
            l->reply.more = true;
            return;
        }
        if (!list_add(l, own ? f : NULL, other && !own ? o : NULL, name, subscribed)) return;
    }
}

HANDLER(on_folder_list) {
    const Store__FolderList *req = (const Store__FolderList *)r->msg;
    struct service *s = arg;
    struct session *session;
    int rc = session_pin(r, req->session, &session, err);
    if (rc != 0) return rc;
    struct lister l = {.session = session, .a = session->account, .r = r, .reply = STORE__FOLDER_LISTED__INIT};
    l.limit = req->limit == 0 || req->limit > LIST_LIMIT ? LIST_LIMIT : req->limit;
    l.reply.folders = arena_alloc(r->arena, l.limit * sizeof(Store__Folder *));
    if (l.reply.folders == NULL) rc = ERR_NOMEM;
    if (rc == 0) rc = gather_others(&l);
    if (rc == 0) list_names(&l, str_from(req->after), req->subscribed_only);
    free(l.others);
    if (rc == 0) rc = store_wait_durable(s->st, l.seq);
    session_unpin(session);
    if (rc != 0) return rc;
    rpc_answer(r, &l.reply.base, STR_EMPTY);
    return 0;
}
