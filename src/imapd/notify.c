#include "imapd/notify.h"

#include "imapd/notify_tree.h"
#include "imapd/store_call.h"
#include "imapd/view.h"
#include "proto/imap/write.h"

#include <stdlib.h>

enum { ARENA_BYTES = 1024 * 1024, METADATA_BYTES = 64 * 1024 };

void notify_free(struct notify *n) {
    if (n == NULL) return;
    notify_tree_free(n->tree);
    buf_done(&n->metadata);
    free(n->pending);
    arena_free(n->arena);
    free(n);
}

int notify_new(struct str text, bool utf8, struct notify **out) {
    struct notify *n = calloc(1, sizeof *n);
    if (n == NULL) return ERR_NOMEM;
    buf_init(&n->metadata, METADATA_BYTES);
    n->arena = arena_new(ARENA_BYTES);
    struct imap_args a = {.arena = n->arena, .utf8 = utf8};
    if (n->arena != NULL) a.rest = arena_str(n->arena, text);
    int err = n->arena == NULL || a.rest.ptr == NULL ? ERR_NOMEM : imap_notify_parse(&a, &n->set);
    if (err != 0) {
        notify_free(n);
        return err;
    }
    for (size_t i = 0; i < n->set.groups; i++)
        n->wide = n->wide || (!n->set.group[i].sources.selected && n->set.group[i].events != 0);
    *out = n;
    return 0;
}

unsigned notify_events(const struct notify *n, struct str name, bool subscribed) {
    unsigned events = 0;
    for (size_t i = 0; i < n->set.groups; i++) {
        const struct imap_notify_group *g = &n->set.group[i];
        if (g->sources.selected || !imap_sources_match(&g->sources, name, subscribed)) continue;
        if (g->events == 0) return 0;
        events |= g->events;
    }
    return events;
}

static const struct imap_notify_group *selected_group(const struct notify *n) {
    for (size_t i = 0; i < n->set.groups; i++)
        if (n->set.group[i].sources.selected) return &n->set.group[i];
    return NULL;
}

bool notify_at_once(const struct notify *n) {
    const struct imap_notify_group *g = selected_group(n);
    return g != NULL && !g->sources.delayed;
}

unsigned notify_selected(const struct session *s) {
    const struct notify *n = s->notify;
    if (n == NULL || n->implied) return IMAP_NOTIFY_MESSAGES;
    const struct imap_notify_group *g = selected_group(n);
    return g == NULL ? 0 : g->events;
}

const struct imap_fetch *notify_new_items(const struct session *s) {
    return s->notify != NULL && s->notify->set.has_fetch ? &s->notify->set.fetch : NULL;
}

/* --- what the store tells */
static void note_folder(struct session *s, uint64_t folder) {
    struct notify *n = s->notify;
    const struct notify_mailbox *m = notify_tree_find(n->tree, folder);
    if (m == NULL || (m->events & IMAP_NOTIFY_MESSAGES) == 0) return;
    if (s->view != NULL && s->view->folder == folder) return;
    for (size_t i = 0; i < n->pending_count; i++)
        if (n->pending[i] == folder) return;
    if (n->pending == NULL) {
        n->pending_max = s->imapd->config.notify_pending;
        n->pending = malloc(n->pending_max * sizeof *n->pending);
    }
    n->overflow = n->overflow || n->pending == NULL || n->pending_count >= n->pending_max;
    if (!n->overflow) n->pending[n->pending_count++] = folder;
}

/* RFC 5464 section 4.4.2: names without values. */
static void note_metadata(struct session *s, const Store__AccountChanged *e) {
    struct notify *n = s->notify;
    const struct notify_mailbox *m = notify_tree_find(n->tree, e->folder);
    unsigned server = 0;
    for (size_t i = 0; i < n->set.groups; i++) server |= n->set.group[i].events & IMAP_NOTIFY_SERVER_METADATA;
    bool wanted = m != NULL && !m->no_access && (m->events & IMAP_NOTIFY_MAILBOX_METADATA) != 0;
    if (e->folder == 0 ? server == 0 : !wanted) return;
    buf_adds(&n->metadata, "* METADATA ");
    if (m == NULL)
        buf_adds(&n->metadata, "\"\"");
    else
        imap_write_mailbox(&n->metadata, m->name, s->utf8);
    for (size_t i = 0; i < e->n_entries; i++) {
        buf_addc(&n->metadata, ' ');
        imap_write_astring(&n->metadata, str_from(e->entries[i]), s->utf8);
    }
    buf_adds(&n->metadata, "\r\n");
    n->overflow = n->overflow || n->metadata.error != 0;
}

void notify_note(struct session *s, const Store__AccountChanged *e) {
    struct notify *n = s->notify;
    if (n == NULL || !n->wide) return;
    if (e->n_entries > 0)
        note_metadata(s, e);
    else if (e->folder == 0)
        n->names = true;
    else
        note_folder(s, e->folder);
    if (notify_has_news(s)) cond_signal(&s->changed);
}

void notify_deselected(struct session *s, uint64_t folder) {
    if (s->notify != NULL && s->notify->wide) note_folder(s, folder);
}

/* --- telling the client */
static bool is_outdated(const struct session *s) {
    const struct notify *n = s->notify;
    return n->wide && (n->names || n->generation != s->imapd->store_generation);
}

bool notify_has_news(const struct session *s) {
    const struct notify *n = s->notify;
    bool view = s->view != NULL && notify_selected(s) != 0 &&
                (view_is_stale(s->view) || s->store_generation != s->imapd->store_generation);
    return view || n->overflow || n->metadata.len > 0 || n->pending_count > 0 || is_outdated(s);
}

void notify_unwatch(struct session *s) {
    Store__AccountWatch req = STORE__ACCOUNT_WATCH__INIT;
    (void)!session_call(s, STORE_ACCOUNT_WATCH, &req, STR_EMPTY, NULL, NULL);
}

static int refresh(struct session *s, bool status) {
    struct notify *n = s->notify;
    Store__AccountWatch req = STORE__ACCOUNT_WATCH__INIT;
    req.on = true;
    int err = session_call(s, STORE_ACCOUNT_WATCH, &req, STR_EMPTY, NULL, NULL);
    if (err != 0) return err;
    uint64_t generation = s->store_generation;
    n->names = false;
    n->pending_count = 0; /* what changes from now on is noted again */
    err = notify_tree_read(s, status);
    if (err == 0) n->generation = generation;
    n->names = n->names || err != 0;
    n->overflow = n->overflow || err == ERR_LIMIT;
    return err;
}

int notify_start(struct session *s) {
    return refresh(s, s->notify->set.status);
}

void notify_imply(struct session *s) {
    static const char set[] = " SET (personal (MailboxMetadataChange ServerMetadataChange)) "
                              "(subtree (\"Other Users\" Shared) (MailboxMetadataChange))";
    if (s->notify != NULL || notify_new(str_from(set), true, &s->notify) != 0) return;
    s->notify->implied = true;
    (void)!notify_start(s); /* if the store cannot now: with the next command */
}

static int tell_messages(struct session *s, uint64_t folder) {
    struct notify_mailbox *m = notify_tree_find(s->notify->tree, folder);
    if (m == NULL || (s->view != NULL && s->view->folder == folder)) return 0;
    Store__FolderName req = STORE__FOLDER_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    BUF_AUTO name = BUF_INIT(2 * IMAP_MAILBOX_MAX);
    buf_add(&name, m->name);
    req.name = (char *)(uintptr_t)buf_cstr(&name);
    int err = session_call(s, STORE_FOLDER_STATUS, &req, STR_EMPTY, &reply, NULL);
    if (err == ERR_NOTFOUND || err == ERR_DENIED) return 0; /* its name, or rights, are about to be told */
    const Store__Folder *f = (const Store__Folder *)reply.msg;
    if (err == 0 && f->id == folder) notify_tree_compare(s, m, f);
    return err;
}

/* RFC 5465 section 5.8: as if the client had said NOTIFY NONE. */
static void give_up(struct session *s) {
    struct notify *n = s->notify;
    if (!n->implied)
        session_puts(s, "* OK [NOTIFICATIONOVERFLOW] More has changed than can be told; NOTIFY is off\r\n");
    n->set = (struct imap_notify){.none = true};
    n->wide = n->overflow = false;
    n->pending_count = 0;
    buf_clear(&n->metadata);
    notify_tree_free(n->tree);
    n->tree = NULL;
    notify_unwatch(s);
}

int notify_tell(struct session *s) {
    struct notify *n = s->notify;
    int err = 0;
    if (!n->overflow && n->metadata.len > 0) {
        session_put(s, buf_str(&n->metadata));
        buf_clear(&n->metadata);
    }
    while (err == 0 && !n->overflow && is_outdated(s)) err = refresh(s, false);
    while (err == 0 && !n->overflow && n->pending_count > 0 && stream_error(s->stream) == 0) {
        uint64_t folder = n->pending[--n->pending_count];
        err = tell_messages(s, folder);
    }
    if (n->overflow) give_up(s);
    return err;
}
