#include "imapd/store_double.h"

#include "imapd/store_double_state.h"
#include "net/fiber.h"
#include "proto/mime/summary.h"
#include "store/mailbox/record.h"
#include "store/mailbox/rights.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct folder *double_by_name(struct store_double *d, const char *name) {
    for (size_t i = 0; i < FOLDERS; i++)
        if (d->folder[i].used && strcmp(d->folder[i].name, name) == 0) return &d->folder[i];
    return NULL;
}

struct folder *double_by_id(struct store_double *d, uint64_t id) {
    for (size_t i = 0; i < FOLDERS; i++)
        if (d->folder[i].used && d->folder[i].id == id) return &d->folder[i];
    return NULL;
}

static struct folder *add_folder(struct store_double *d, const char *name) {
    for (size_t i = 0; i < FOLDERS; i++) {
        struct folder *f = &d->folder[i];
        if (f->used) continue;
        memset(f, 0, sizeof *f);
        f->used = true;
        f->id = ++d->next_id;
        f->validity = (uint32_t)(1000 + f->id);
        f->uidnext = 1;
        f->modseq = 1;
        (void)snprintf(f->name, sizeof f->name, "%s", name);
        return f;
    }
    return NULL;
}

void double_fill(struct store_double *d, const struct folder *f, Store__Folder *out) {
    store__folder__init(out);
    out->id = f->id;
    out->name = (char *)(uintptr_t)f->name;
    out->special_use = (char *)(uintptr_t)f->special;
    out->subscribed = f->subscribed;
    out->uidvalidity = f->validity;
    out->uidnext = f->uidnext;
    out->highestmodseq = f->modseq;
    out->messages = f->count;
    out->rights = RIGHTS_ALL;
    for (size_t i = 0; i < f->count; i++) {
        out->unseen += (f->message[i].flags & MAILBOX_SEEN) == 0;
        out->deleted += (f->message[i].flags & MAILBOX_DELETED) != 0;
        out->size += f->message[i].body.len;
    }
    out->first_recent = f->first_recent != 0 ? f->first_recent : f->uidnext;
    for (size_t i = 0; i < f->count; i++) out->recent += f->message[i].uid >= out->first_recent;
    out->keywords = (char **)(uintptr_t)f->keyword;
    out->n_keywords = f->keywords;
    for (size_t i = 0; i < FOLDERS; i++) {
        const struct folder *o = &d->folder[i];
        size_t n = strlen(f->name);
        if (o->used && strncmp(o->name, f->name, n) == 0 && o->name[n] == '/') out->has_children = true;
    }
}

/* Names changed (`f` NULL), messages, or annotations (of the account with `f` NULL). Not told to session `by`. */
static void account_changed(struct store_double *d, const struct folder *f, char **entries, size_t count, uint32_t by) {
    for (size_t i = 0; i < d->watches; i++) {
        if (d->watch[i].folder != 0 || d->watch[i].number == by) continue;
        Store__AccountChanged e = STORE__ACCOUNT_CHANGED__INIT;
        e.session = d->watch[i].number;
        e.folder = f == NULL ? 0 : f->id;
        e.highestmodseq = f == NULL ? 0 : f->modseq;
        e.entries = entries;
        e.n_entries = count;
        (void)!rpc_session_event(d->watch[i].session, STORE_EVENT_ACCOUNT_CHANGED, &e.base, STR_EMPTY);
    }
}

void double_changed(struct store_double *d, const struct folder *f) {
    account_changed(d, f, NULL, 0, 0);
    for (size_t i = 0; i < d->watches; i++) {
        if (d->watch[i].folder != f->id) continue;
        Store__FolderChanged e = STORE__FOLDER_CHANGED__INIT;
        e.session = d->watch[i].number;
        e.folder = f->id;
        e.highestmodseq = f->modseq;
        (void)!rpc_session_event(d->watch[i].session, STORE_EVENT_FOLDER_CHANGED, &e.base, STR_EMPTY);
    }
}

static int answer_empty(struct rpc_request *r) {
    Store__Empty e = STORE__EMPTY__INIT;
    rpc_answer(r, &e.base, STR_EMPTY);
    return 0;
}

HANDLER(session_open, Store__SessionOpen) {
    Store__SessionOpened o = STORE__SESSION_OPENED__INIT;
    if (!str_eq(rpc_bytes(q->ticket), STR("ticket"))) return ERR_DENIED;
    o.session = ++d->next_session;
    o.account = 7;
    rpc_answer(r, &o.base, STR_EMPTY);
    return 0;
}

HANDLER(session_close, Store__SessionClose) {
    for (size_t i = d->watches; i-- > 0;)
        if (d->watch[i].number == q->session) d->watch[i] = d->watch[--d->watches];
    return answer_empty(r);
}

static int folder_cmp(const void *a, const void *b) {
    return strcmp((*(Store__Folder *const *)a)->name, (*(Store__Folder *const *)b)->name);
}

HANDLER(folder_list, Store__FolderList) {
    Store__FolderListed l = STORE__FOLDER_LISTED__INIT;
    Store__Folder all[FOLDERS], *list[FOLDERS];
    for (size_t i = 0; i < FOLDERS; i++) {
        if (!d->folder[i].used || strcmp(d->folder[i].name, q->after) <= 0 ||
            (q->subscribed_only && !d->folder[i].subscribed))
            continue;
        list[l.n_folders] = &all[l.n_folders];
        double_fill(d, &d->folder[i], list[l.n_folders++]);
    }
    qsort(list, l.n_folders, sizeof *list, folder_cmp);
    l.more = l.n_folders > d->page;
    if (l.more) l.n_folders = d->page;
    l.folders = list;
    rpc_answer(r, &l.base, STR_EMPTY);
    return 0;
}

HANDLER(folder_status, Store__FolderName) {
    Store__Folder out;
    struct folder *f = double_by_name(d, q->name);
    if (f == NULL) return ERR_NOTFOUND;
    double_fill(d, f, &out);
    rpc_answer(r, &out.base, STR_EMPTY);
    return 0;
}

HANDLER(folder_create, Store__FolderCreate) {
    Store__Folder out;
    if (double_by_name(d, q->name) != NULL) return ERR_EXISTS;
    for (size_t i = 0; i < FOLDERS; i++)
        if (q->special_use[0] != '\0' && d->folder[i].used && strcmp(d->folder[i].special, q->special_use) == 0)
            return ERR_UNSUPPORTED;
    struct folder *f = add_folder(d, q->name);
    (void)snprintf(f->special, sizeof f->special, "%s", q->special_use);
    account_changed(d, NULL, NULL, 0, 0);
    double_fill(d, f, &out);
    rpc_answer(r, &out.base, STR_EMPTY);
    return 0;
}

static void free_folder(struct folder *f) {
    while (f->used && f->count > 0) double_remove_at(f, f->count - 1);
    for (size_t i = 0; i < f->keywords; i++) free(f->keyword[i]);
    f->used = false;
}

HANDLER(folder_delete, Store__FolderName) {
    struct folder *f = double_by_name(d, q->name);
    if (f == NULL) return ERR_NOTFOUND;
    free_folder(f);
    account_changed(d, NULL, NULL, 0, 0);
    return answer_empty(r);
}

HANDLER(folder_rename, Store__FolderRename) {
    double_wait(d);
    struct folder *f = double_by_name(d, q->from);
    if (f == NULL) return ERR_NOTFOUND;
    if (double_by_name(d, q->to) != NULL) return ERR_EXISTS;
    size_t n = strlen(q->from);
    for (size_t i = 0; i < FOLDERS; i++) { /* itself, and what stands below it */
        struct folder *o = &d->folder[i];
        char below[sizeof o->name];
        if (!o->used || strncmp(o->name, q->from, n) != 0 || (o->name[n] != '/' && o->name[n] != '\0')) continue;
        (void)snprintf(below, sizeof below, "%s", o->name + n);
        (void)snprintf(o->name, sizeof o->name, "%.40s%.20s", q->to, below);
    }
    account_changed(d, NULL, NULL, 0, 0);
    return answer_empty(r);
}

HANDLER(folder_subscribe, Store__FolderSubscribe) {
    struct folder *f = double_by_name(d, q->name);
    if (f != NULL) f->subscribed = q->on;
    account_changed(d, NULL, NULL, 0, 0);
    return answer_empty(r);
}

HANDLER(acl_get, Store__AclGet) {
    Store__AclGot o = STORE__ACL_GOT__INIT;
    if (double_by_name(d, q->name) == NULL) return ERR_NOTFOUND;
    o.rights = RIGHTS_ALL;
    rpc_answer(r, &o.base, STR_EMPTY);
    return 0;
}

HANDLER(account_watch, Store__AccountWatch) {
    for (size_t i = d->watches; i-- > 0;)
        if (d->watch[i].number == q->session && d->watch[i].folder == 0) d->watch[i] = d->watch[--d->watches];
    if (q->on && d->watches < SESSIONS) d->watch[d->watches++] = (struct watch){r->session, q->session, 0};
    return answer_empty(r);
}

HANDLER(folder_open, Store__FolderOpen) {
    Store__FolderOpened o = STORE__FOLDER_OPENED__INIT;
    Store__Folder out;
    BUF_AUTO runs = BUF_INIT(MESSAGES * 8);
    struct folder *f = q->id != 0 ? double_by_id(d, q->id) : double_by_name(d, q->name);
    if (f == NULL) return ERR_NOTFOUND;
    for (size_t i = f->count; i-- > 0;)
        if ((f->message[i].flags & MAILBOX_SEEN) == 0) o.first_unseen = f->message[i].uid;
    for (size_t i = 0; i < f->count; i++) {
        uint32_t pair[2] = {htole32(f->message[i].uid), htole32(f->message[i].uid)};
        buf_add(&runs, str_of(pair, sizeof pair));
    }
    double_fill(d, f, &out);
    if (q->claim_recent && f->first_recent != 0) f->first_recent = f->uidnext;
    o.folder = &out;
    if (q->watch && d->watches < SESSIONS) d->watch[d->watches++] = (struct watch){r->session, q->session, f->id};
    rpc_answer(r, &o.base, buf_str(&runs));
    return 0;
}

HANDLER(folder_close, Store__FolderClose) {
    for (size_t i = d->watches; i-- > 0;)
        if (d->watch[i].number == q->session && d->watch[i].folder == q->folder) d->watch[i] = d->watch[--d->watches];
    return answer_empty(r);
}

void double_overtake(struct store_double *d, struct folder *f) {
    if (!d->overtakes || f->count < 2) return;
    d->overtakes = false;
    f->modseq++;
    double_remove_at(f, 0);
    struct message *last = &f->message[f->count - 1];
    last->flags |= MAILBOX_FLAGGED;
    last->modseq = ++f->modseq;
}

HANDLER(folder_changes, Store__FolderChanges) {
    Store__FolderChangesReply out = STORE__FOLDER_CHANGES_REPLY__INIT;
    Store__Folder info;
    BUF_AUTO records = BUF_INIT(PAGE_BYTES);
    struct runs runs = {0};
    struct folder *f = double_by_id(d, q->folder);
    if (f == NULL) return ERR_NOTFOUND;
    double_overtake(d, f);
    for (size_t i = 0; i < f->gone_count; i++)
        if (f->gone[i].modseq > q->since) double_add_run(r, &runs, f->gone[i].uid);
    for (size_t i = 0; i < f->count; i++) {
        if (f->message[i].modseq <= q->since || f->message[i].uid <= q->after_uid) continue;
        out.more = out.count == d->page;
        if (out.more) break;
        double_put_record(&records, 0, &f->message[i]);
        out.count++;
    }
    out.vanished = runs.run;
    out.n_vanished = runs.count;
    out.highestmodseq = f->modseq;
    double_fill(d, f, &info);
    if (q->claim_recent && f->first_recent != 0) f->first_recent = f->uidnext;
    out.folder = &info;
    rpc_answer(r, &out.base, buf_str(&records));
    return 0;
}

HANDLER(metadata_get, Store__FolderName) {
    Store__Metadata out = STORE__METADATA__INIT;
    if (q->name[0] != '\0' && double_by_name(d, q->name) == NULL) return ERR_NOTFOUND;
    out.entries = arena_alloc(r->arena, ANNOTATIONS * sizeof *out.entries);
    for (size_t i = 0; i < d->annotations; i++) {
        if (strcmp(d->annotation[i].folder, q->name) != 0) continue;
        Store__MetadataEntry *e = arena_alloc(r->arena, sizeof *e);
        store__metadata_entry__init(e);
        e->name = d->annotation[i].name;
        e->value = rpc_binary(str_from(d->annotation[i].value));
        out.entries[out.n_entries++] = e;
    }
    rpc_answer(r, &out.base, STR_EMPTY);
    return 0;
}

HANDLER(metadata_set, Store__MetadataSet) {
    if (q->name[0] != '\0' && double_by_name(d, q->name) == NULL) return ERR_NOTFOUND;
    for (size_t i = 0; i < q->n_entries; i++) {
        size_t k = 0;
        while (k < d->annotations && (strcmp(d->annotation[k].folder, q->name) != 0 ||
                                      strcmp(d->annotation[k].name, q->entries[i]->name) != 0))
            k++;
        if (k < d->annotations) d->annotation[k] = d->annotation[--d->annotations];
        if (q->entries[i]->remove) continue;
        struct annotation *n = &d->annotation[d->annotations++];
        IEMS_ASSERT(d->annotations < ANNOTATIONS);
        (void)snprintf(n->folder, NAME, "%s", q->name);
        (void)snprintf(n->name, NAME, "%s", q->entries[i]->name);
        (void)snprintf(n->value, NAME, "%.*s", STR_ARG(rpc_bytes(q->entries[i]->value)));
    }
    char *entry[ANNOTATIONS];
    for (size_t i = 0; i < q->n_entries; i++) entry[i] = q->entries[i]->name;
    account_changed(d, double_by_name(d, q->name), entry, q->n_entries, q->session);
    return answer_empty(r);
}

HANDLER(quota_get, Store__QuotaGet) {
    Store__QuotaInfo out = STORE__QUOTA_INFO__INIT;
    (void)q;
    (void)d;
    out.bytes = 2000;
    out.limit_bytes = 1024 * 1024;
    rpc_answer(r, &out.base, STR_EMPTY);
    return 0;
}

HANDLER(upload_new, Store__UploadNew) {
    Store__UploadHandle out = STORE__UPLOAD_HANDLE__INIT;
    (void)q;
    while (out.upload < UPLOADS && d->upload[out.upload].max != 0) out.upload++;
    if (out.upload == UPLOADS) return ERR_LIMIT;
    buf_init(&d->upload[out.upload++], PAGE_BYTES);
    rpc_answer(r, &out.base, STR_EMPTY);
    return 0;
}

HANDLER(upload_append, Store__UploadAppend) {
    buf_add(&d->upload[q->upload - 1], r->attach);
    return answer_empty(r);
}

HANDLER(upload_drop, Store__UploadDrop) {
    buf_done(&d->upload[q->upload - 1]);
    return answer_empty(r);
}

static void session_closed(struct rpc_session *s, void *arg) {
    struct store_double *d = arg;
    for (size_t i = d->watches; i-- > 0;)
        if (d->watch[i].session == s) d->watch[i] = d->watch[--d->watches];
}

static const struct rpc_server_method methods[] = {
    {STORE_UPLOAD_NEW, upload_new, false},
    {STORE_UPLOAD_APPEND, upload_append, false},
    {STORE_UPLOAD_DROP, upload_drop, false},
    {STORE_SESSION_OPEN, session_open, false},
    {STORE_SESSION_CLOSE, session_close, false},
    {STORE_ACCOUNT_WATCH, account_watch, false},
    {STORE_FOLDER_LIST, folder_list, false},
    {STORE_FOLDER_STATUS, folder_status, false},
    {STORE_FOLDER_CREATE, folder_create, false},
    {STORE_FOLDER_DELETE, folder_delete, false},
    {STORE_FOLDER_RENAME, folder_rename, true},
    {STORE_FOLDER_SUBSCRIBE, folder_subscribe, false},
    {STORE_ACL_GET, acl_get, false},
    {STORE_FOLDER_OPEN, folder_open, false},
    {STORE_FOLDER_CLOSE, folder_close, false},
    {STORE_FOLDER_CHANGES, folder_changes, false},
    {STORE_MESSAGE_LIST, double_message_list, true},
    {STORE_MESSAGE_READ, double_message_read, false},
    {STORE_MESSAGE_STORE, double_message_store, true},
    {STORE_MESSAGE_COPY, double_message_copy, true},
    {STORE_MESSAGE_APPEND, double_message_append, false},
    {STORE_MESSAGE_EXPUNGE, double_message_expunge, true},
    {STORE_METADATA_GET, metadata_get, false},
    {STORE_METADATA_SET, metadata_set, false},
    {STORE_QUOTA_GET, quota_get, false},
};

static void start_server(struct store_double *d) {
    static const struct rpc_server_ops ops = {
        .methods = methods, .count = sizeof methods / sizeof *methods, .session_closed = session_closed};
    IEMS_ASSERT(rpc_server_new(&store_service, &ops, d, &d->server) == 0);
}

struct store_double *store_double_new(size_t page_records) {
    struct store_double *d = calloc(1, sizeof *d);
    IEMS_ASSERT(d != NULL);
    double_next_blob = 0;
    d->folder = calloc(FOLDERS, sizeof *d->folder);
    IEMS_ASSERT(d->folder != NULL);
    d->page = page_records;
    cond_init(&d->released);
    (void)add_folder(d, "INBOX");
    start_server(d);
    return d;
}

void store_double_free(struct store_double *d) {
    rpc_server_free(d->server);
    for (size_t i = 0; i < FOLDERS; i++) free_folder(&d->folder[i]);
    for (size_t i = 0; i < UPLOADS; i++) buf_done(&d->upload[i]);
    free(d->folder);
    free(d);
}

int store_double_connect(struct store_double *d) {
    int fd[2];
    IEMS_ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
    IEMS_ASSERT(rpc_server_add(d->server, fd[1], ROLE_IMAPD, "imapd") == 0);
    return fd[0];
}

void store_double_restart(struct store_double *d) {
    rpc_server_free(d->server);
    d->watches = 0;
    start_server(d);
}

void store_double_slow(struct store_double *d, unsigned ms) {
    d->slow_ms = ms;
}

void store_double_hold(struct store_double *d, bool held) {
    d->held = held;
    if (!held) cond_broadcast(&d->released);
}

void store_double_overtake(struct store_double *d) {
    d->overtakes = true;
}

void double_wait(struct store_double *d) {
    while (d->held && cond_wait(&d->released, DEADLINE_NEVER) == 0) {
    }
}

void store_double_recent(struct store_double *d, const char *folder) {
    double_by_name(d, folder)->first_recent = 1;
}

void store_double_fail(struct store_double *d, int err, unsigned count) {
    d->fail_err = err;
    d->fail_count = count;
}

void store_double_deliver(struct store_double *d, const char *folder, struct str prefix, struct str body) {
    BUF_AUTO summary = BUF_INIT(SUMMARY_MAX);
    struct folder *f = double_by_name(d, folder);
    struct summary_builder *b = summary_builder_new();
    IEMS_ASSERT(f != NULL && b != NULL);
    summary_builder_feed(b, body);
    IEMS_ASSERT(summary_builder_finish(b, &summary) == 0);
    summary_builder_free(b);
    (void)double_append(f, 0, 1795245840, prefix, body, buf_str(&summary));
    double_changed(d, f);
}

unsigned store_double_calls(const struct store_double *d) {
    return d->calls;
}
