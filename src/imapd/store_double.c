#include "imapd/store_double.h"

#include "net/fiber.h"
#include "proto/mime/summary.h"
#include "rpc/store_methods.h"
#include "store/mailbox/record.h"
#include "store/mailbox/rights.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    FOLDERS = 64,
    MESSAGES = 512,
    GONE = 512,
    SESSIONS = 64,
    PAGE_BYTES = 4 * 1024 * 1024,
    UPLOADS = 64,
    NAME = 200,
    KEYWORDS = 8,
    ANNOTATIONS = 32
};

struct message {
    uint32_t uid;
    uint64_t flags, modseq;
    int64_t date;
    struct buf body, summary;
    uint32_t prefix_len;
    uint64_t blob;
};

struct folder {
    uint64_t id;
    char name[NAME], special[32];
    bool subscribed, used;
    uint32_t validity, uidnext, first_recent; /* first_recent 0: nothing ever is */
    uint64_t modseq;
    struct message message[MESSAGES];
    size_t count;
    struct {
        uint32_t uid;
        uint64_t modseq;
    } gone[GONE];
    size_t gone_count;
    char *keyword[KEYWORDS];
    size_t keywords;
};

struct watch {
    struct rpc_session *session;
    uint32_t number;
    uint64_t folder; /* 0: the account */
};

struct annotation {
    char folder[NAME], name[NAME], value[NAME];
};

struct store_double {
    struct rpc_server *server;
    size_t page;
    struct folder *folder;
    uint64_t next_id;
    uint32_t next_session;
    struct watch watch[SESSIONS];
    size_t watches;
    struct buf upload[UPLOADS];
    struct annotation annotation[ANNOTATIONS];
    size_t annotations;
    unsigned slow_ms; /* that a listing takes */
    int fail_err;
    unsigned fail_count, calls;
};

static struct folder *by_name(struct store_double *d, const char *name) {
    for (size_t i = 0; i < FOLDERS; i++)
        if (d->folder[i].used && strcmp(d->folder[i].name, name) == 0) return &d->folder[i];
    return NULL;
}

static struct folder *by_id(struct store_double *d, uint64_t id) {
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

static void fill(struct store_double *d, const struct folder *f, Store__Folder *out) {
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

static void changed(struct store_double *d, const struct folder *f) {
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

static uint64_t next_blob;

static struct message *append(struct folder *f, uint64_t flags, int64_t date, struct str prefix, struct str body,
                              struct str summary) {
    struct message *m = &f->message[f->count++];
    IEMS_ASSERT(f->count < MESSAGES);
    *m = (struct message){
        .uid = f->uidnext++, .flags = flags, .modseq = ++f->modseq, .date = date, .prefix_len = (uint32_t)prefix.len};
    m->blob = ++next_blob;
    buf_init(&m->body, PAGE_BYTES);
    buf_init(&m->summary, SUMMARY_MAX);
    buf_add(&m->body, prefix);
    buf_add(&m->body, body);
    buf_add(&m->summary, summary);
    return m;
}

static void remove_at(struct folder *f, size_t i) {
    IEMS_ASSERT(f->gone_count < GONE);
    f->gone[f->gone_count].uid = f->message[i].uid;
    f->gone[f->gone_count++].modseq = f->modseq;
    buf_done(&f->message[i].body);
    buf_done(&f->message[i].summary);
    memmove(&f->message[i], &f->message[i + 1], (f->count - i - 1) * sizeof f->message[0]);
    f->count--;
}

static bool in_runs(Store__UidRun *const *run, size_t count, uint32_t uid) {
    for (size_t i = 0; i < count; i++)
        if (uid >= run[i]->first && uid <= run[i]->last) return true;
    return false;
}

static uint64_t keyword_bits(struct folder *f, char *const *name, size_t count) {
    uint64_t bits = 0;
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < f->keywords && strcasecmp(f->keyword[k], name[i]) != 0) k++;
        IEMS_ASSERT(k < KEYWORDS);
        if (k == f->keywords) f->keyword[f->keywords++] = strdup(name[i]);
        bits |= (uint64_t)1 << (MAILBOX_KEYWORD_SHIFT + k);
    }
    return bits;
}

static void put_record(struct buf *out, unsigned fields, const struct message *m) {
    struct summary s;
    struct message_record r = {
        .uid = m->uid, .flags = m->flags, .modseq = m->modseq, .internal_date = m->date, .save_date = m->date};
    r.size = m->body.len;
    r.prefix_len = m->prefix_len;
    r.summary = buf_str(&m->summary);
    r.blob = m->blob;
    BUF_AUTO thin = BUF_INIT(SUMMARY_MAX);
    if ((fields & FIELD_ENVELOPE) != 0 && summary_parse(r.summary, &s) == 0) {
        summary_thin(&s, &thin);
        r.summary = buf_str(&thin);
    }
    r.body_too_large = r.size > RPC_INLINE_MAX;
    r.body = buf_str(&m->body);
    r.header_too_large = summary_parse_thin(r.summary, &s) != 0;
    if (!r.header_too_large) r.header = str_sub(r.body, 0, m->prefix_len + s.header_len);
    message_record_put(out, fields, &r);
}

/* A run list of one UID each, in the request's arena. */
struct runs {
    Store__UidRun **run;
    size_t count;
};
static void add_run(struct rpc_request *r, struct runs *runs, uint32_t uid) {
    if (runs->run == NULL) runs->run = arena_alloc(r->arena, MESSAGES * sizeof *runs->run);
    Store__UidRun *u = arena_alloc(r->arena, sizeof *u);
    store__uid_run__init(u);
    u->first = u->last = uid;
    runs->run[runs->count++] = u;
}

#define HANDLER(name, type)                                                                                            \
    static int name##_checked(struct rpc_request *r, const type *q, struct store_double *d);                           \
    static int name(struct rpc_request *r, struct error *err, void *arg) {                                             \
        struct store_double *d = arg;                                                                                  \
        d->calls++;                                                                                                    \
        if (d->fail_count > 0) {                                                                                       \
            d->fail_count--;                                                                                           \
            return error_set(err, d->fail_err, "as the test wants");                                                   \
        }                                                                                                              \
        return name##_checked(r, (const void *)r->msg, d);                                                             \
    }                                                                                                                  \
    static int name##_checked(struct rpc_request *r, const type *q, struct store_double *d)

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
        fill(d, &d->folder[i], list[l.n_folders++]);
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
    struct folder *f = by_name(d, q->name);
    if (f == NULL) return ERR_NOTFOUND;
    fill(d, f, &out);
    rpc_answer(r, &out.base, STR_EMPTY);
    return 0;
}

HANDLER(folder_create, Store__FolderCreate) {
    Store__Folder out;
    if (by_name(d, q->name) != NULL) return ERR_EXISTS;
    struct folder *f = add_folder(d, q->name);
    (void)snprintf(f->special, sizeof f->special, "%s", q->special_use);
    account_changed(d, NULL, NULL, 0, 0);
    fill(d, f, &out);
    rpc_answer(r, &out.base, STR_EMPTY);
    return 0;
}

static void free_folder(struct folder *f) {
    while (f->used && f->count > 0) remove_at(f, f->count - 1);
    for (size_t i = 0; i < f->keywords; i++) free(f->keyword[i]);
    f->used = false;
}

HANDLER(folder_delete, Store__FolderName) {
    struct folder *f = by_name(d, q->name);
    if (f == NULL) return ERR_NOTFOUND;
    free_folder(f);
    account_changed(d, NULL, NULL, 0, 0);
    return answer_empty(r);
}

HANDLER(folder_rename, Store__FolderRename) {
    struct folder *f = by_name(d, q->from);
    if (f == NULL) return ERR_NOTFOUND;
    if (by_name(d, q->to) != NULL) return ERR_EXISTS;
    (void)snprintf(f->name, sizeof f->name, "%s", q->to);
    account_changed(d, NULL, NULL, 0, 0);
    return answer_empty(r);
}

HANDLER(folder_subscribe, Store__FolderSubscribe) {
    struct folder *f = by_name(d, q->name);
    if (f != NULL) f->subscribed = q->on;
    account_changed(d, NULL, NULL, 0, 0);
    return answer_empty(r);
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
    struct folder *f = q->id != 0 ? by_id(d, q->id) : by_name(d, q->name);
    if (f == NULL) return ERR_NOTFOUND;
    for (size_t i = f->count; i-- > 0;)
        if ((f->message[i].flags & MAILBOX_SEEN) == 0) o.first_unseen = f->message[i].uid;
    for (size_t i = 0; i < f->count; i++) {
        uint32_t pair[2] = {htole32(f->message[i].uid), htole32(f->message[i].uid)};
        buf_add(&runs, str_of(pair, sizeof pair));
    }
    fill(d, f, &out);
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

HANDLER(folder_changes, Store__FolderChanges) {
    Store__FolderChangesReply out = STORE__FOLDER_CHANGES_REPLY__INIT;
    Store__Folder info;
    BUF_AUTO records = BUF_INIT(PAGE_BYTES);
    struct runs runs = {0};
    struct folder *f = by_id(d, q->folder);
    if (f == NULL) return ERR_NOTFOUND;
    for (size_t i = 0; i < f->gone_count; i++)
        if (f->gone[i].modseq > q->since) add_run(r, &runs, f->gone[i].uid);
    for (size_t i = 0; i < f->count; i++) {
        if (f->message[i].modseq <= q->since || f->message[i].uid <= q->after_uid) continue;
        out.more = out.count == d->page;
        if (out.more) break;
        put_record(&records, 0, &f->message[i]);
        out.count++;
    }
    out.vanished = runs.run;
    out.n_vanished = runs.count;
    out.highestmodseq = f->modseq;
    fill(d, f, &info);
    if (q->claim_recent && f->first_recent != 0) f->first_recent = f->uidnext;
    out.folder = &info;
    rpc_answer(r, &out.base, buf_str(&records));
    return 0;
}

HANDLER(message_list, Store__MessageList) {
    if (d->slow_ms > 0) (void)!fiber_sleep(d->slow_ms);
    Store__MessageListed out = STORE__MESSAGE_LISTED__INIT;
    BUF_AUTO records = BUF_INIT(PAGE_BYTES);
    struct folder *f = by_id(d, q->folder);
    if (f == NULL) return ERR_NOTFOUND;
    for (size_t i = 0; i < f->count; i++) {
        const struct message *m = &f->message[i];
        if (!in_runs(q->uids, q->n_uids, m->uid) || m->uid <= q->after_uid || m->modseq <= q->changed_since) continue;
        out.more = out.count == d->page;
        if (out.more) break;
        put_record(&records, q->fields, m);
        out.count++;
        out.last_uid = m->uid;
    }
    rpc_answer(r, &out.base, buf_str(&records));
    return 0;
}

HANDLER(message_read, Store__MessageRead) {
    Store__MessageReadReply out = STORE__MESSAGE_READ_REPLY__INIT;
    struct folder *f = by_id(d, q->folder);
    for (size_t i = 0; f != NULL && i < f->count; i++) {
        if (f->message[i].uid != q->uid) continue;
        out.total = f->message[i].body.len;
        rpc_answer(r, &out.base, str_sub(buf_str(&f->message[i].body), q->offset, q->length < 1000 ? q->length : 1000));
        return 0;
    }
    return ERR_NOTFOUND;
}

HANDLER(message_store, Store__MessageStore) {
    Store__MessageStored out = STORE__MESSAGE_STORED__INIT;
    Store__Folder info;
    BUF_AUTO records = BUF_INIT(PAGE_BYTES);
    struct runs failed = {0};
    struct folder *f = by_id(d, q->folder);
    if (f == NULL) return ERR_NOTFOUND;
    uint64_t bits = q->flags | keyword_bits(f, q->keywords, q->n_keywords);
    uint64_t modseq = f->modseq + 1;
    for (size_t i = 0; i < f->count; i++) {
        struct message *m = &f->message[i];
        if (!in_runs(q->uids, q->n_uids, m->uid)) continue;
        if (q->has_unchanged_since && m->modseq > q->unchanged_since) {
            add_run(r, &failed, m->uid);
            continue;
        }
        uint64_t before = m->flags;
        m->flags = q->mode == STORE__STORE_MODE__FLAGS_SET   ? bits
                   : q->mode == STORE__STORE_MODE__FLAGS_ADD ? m->flags | bits
                                                             : m->flags & ~bits;
        if (m->flags == before) continue;
        m->modseq = f->modseq = modseq;
        put_record(&records, 0, m);
        out.count++;
    }
    out.modseq = f->modseq;
    out.failed = failed.run;
    out.n_failed = failed.count;
    fill(d, f, &info);
    out.folder = &info;
    rpc_answer(r, &out.base, buf_str(&records));
    changed(d, f);
    return 0;
}

HANDLER(message_copy, Store__MessageCopy) {
    Store__MessageCopied out = STORE__MESSAGE_COPIED__INIT;
    struct runs from = {0}, to = {0};
    struct folder *f = by_id(d, q->folder), *t = by_name(d, q->to);
    if (f == NULL || t == NULL) return ERR_NOTFOUND;
    for (size_t i = 0, n = f->count; i < n; i++) {
        struct message *m = &f->message[i];
        if (!in_runs(q->uids, q->n_uids, m->uid)) continue;
        struct str whole = buf_str(&m->body);
        add_run(r, &from, m->uid);
        struct message *copied = append(t, m->flags, m->date, str_sub(whole, 0, m->prefix_len),
                                        str_sub(whole, m->prefix_len, SIZE_MAX), buf_str(&m->summary));
        copied->blob = m->blob;
        add_run(r, &to, copied->uid);
    }
    if (q->move) {
        f->modseq++;
        for (size_t i = f->count; i-- > 0;)
            if (in_runs(from.run, from.count, f->message[i].uid)) remove_at(f, i);
    }
    out.uidvalidity = t->validity;
    out.from = from.run;
    out.n_from = from.count;
    out.to = to.run;
    out.n_to = to.count;
    out.modseq = f->modseq;
    bool move = q->move;
    rpc_answer(r, &out.base, STR_EMPTY);
    changed(d, t);
    if (move) changed(d, f);
    return 0;
}

static struct message *append_item(struct rpc_request *r, struct store_double *d, struct folder *f,
                                   const Store__AppendItem *q, size_t *at) {
    struct str body = q->upload != 0 ? buf_str(&d->upload[q->upload - 1]) : str_sub(r->attach, *at, (size_t)q->size);
    if (q->upload == 0) *at += body.len;
    if (body.len != q->size) return NULL;
    uint64_t flags = q->flags | keyword_bits(f, q->keywords, q->n_keywords);
    struct message *m = append(f, flags, q->internal_date, STR_EMPTY, body, rpc_bytes(q->summary));
    if (q->upload != 0) buf_done(&d->upload[q->upload - 1]);
    return m;
}

static void remove_replaced(struct store_double *d, const Store__MessageAppend *q, Store__MessageAppended *out) {
    struct folder *f = by_id(d, q->replace_folder);
    for (size_t i = 0; f != NULL && i < f->count; i++) {
        if (f->message[i].uid != q->replace_uid) continue;
        out->replaced_modseq = ++f->modseq;
        remove_at(f, i);
        changed(d, f);
        return;
    }
}

HANDLER(message_append, Store__MessageAppend) {
    Store__MessageAppended out = STORE__MESSAGE_APPENDED__INIT;
    struct folder *f = by_name(d, q->folder);
    if (f == NULL) return ERR_NOTFOUND;
    Store__AppendItem first = STORE__APPEND_ITEM__INIT;
    first.flags = q->flags;
    first.keywords = q->keywords;
    first.n_keywords = q->n_keywords;
    first.internal_date = q->internal_date;
    first.upload = q->upload;
    first.summary = q->summary;
    first.size = q->size;
    size_t at = 0;
    const struct message *m = append_item(r, d, f, &first, &at);
    if (m == NULL) return ERR_INVALID;
    out.uid = m->uid;
    for (size_t i = 0; i < q->n_more; i++)
        if (append_item(r, d, f, q->more[i], &at) == NULL) return ERR_INVALID;
    out.uidvalidity = f->validity;
    out.folder = f->id;
    remove_replaced(d, q, &out);
    rpc_answer(r, &out.base, STR_EMPTY);
    changed(d, f);
    return 0;
}

HANDLER(message_expunge, Store__MessageExpunge) {
    Store__MessageExpunged out = STORE__MESSAGE_EXPUNGED__INIT;
    struct runs runs = {0};
    struct folder *f = by_id(d, q->folder);
    if (f == NULL) return ERR_NOTFOUND;
    for (size_t i = 0; i < f->count; i++) {
        const struct message *m = &f->message[i];
        bool wanted = q->n_uids == 0 || in_runs(q->uids, q->n_uids, m->uid);
        if (wanted && (!q->only_deleted || (m->flags & MAILBOX_DELETED) != 0)) add_run(r, &runs, m->uid);
    }
    if (runs.count > 0) f->modseq++;
    for (size_t i = f->count; i-- > 0;)
        if (in_runs(runs.run, runs.count, f->message[i].uid)) remove_at(f, i);
    out.vanished = runs.run;
    out.n_vanished = runs.count;
    out.modseq = f->modseq;
    rpc_answer(r, &out.base, STR_EMPTY);
    changed(d, f);
    return 0;
}

HANDLER(metadata_get, Store__FolderName) {
    Store__Metadata out = STORE__METADATA__INIT;
    if (q->name[0] != '\0' && by_name(d, q->name) == NULL) return ERR_NOTFOUND;
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
    if (q->name[0] != '\0' && by_name(d, q->name) == NULL) return ERR_NOTFOUND;
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
    account_changed(d, by_name(d, q->name), entry, q->n_entries, q->session);
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
    {STORE_UPLOAD_NEW, upload_new, false},           {STORE_UPLOAD_APPEND, upload_append, false},
    {STORE_UPLOAD_DROP, upload_drop, false},         {STORE_SESSION_OPEN, session_open, false},
    {STORE_SESSION_CLOSE, session_close, false},     {STORE_ACCOUNT_WATCH, account_watch, false},
    {STORE_FOLDER_LIST, folder_list, false},         {STORE_FOLDER_STATUS, folder_status, false},
    {STORE_FOLDER_CREATE, folder_create, false},     {STORE_FOLDER_DELETE, folder_delete, false},
    {STORE_FOLDER_RENAME, folder_rename, false},     {STORE_FOLDER_SUBSCRIBE, folder_subscribe, false},
    {STORE_FOLDER_OPEN, folder_open, false},         {STORE_FOLDER_CLOSE, folder_close, false},
    {STORE_FOLDER_CHANGES, folder_changes, false},   {STORE_MESSAGE_LIST, message_list, true},
    {STORE_MESSAGE_READ, message_read, false},       {STORE_MESSAGE_STORE, message_store, false},
    {STORE_MESSAGE_COPY, message_copy, false},       {STORE_MESSAGE_APPEND, message_append, false},
    {STORE_MESSAGE_EXPUNGE, message_expunge, false}, {STORE_METADATA_GET, metadata_get, false},
    {STORE_METADATA_SET, metadata_set, false},       {STORE_QUOTA_GET, quota_get, false},
};

static void start_server(struct store_double *d) {
    static const struct rpc_server_ops ops = {
        .methods = methods, .count = sizeof methods / sizeof *methods, .session_closed = session_closed};
    IEMS_ASSERT(rpc_server_new(&store_service, &ops, d, &d->server) == 0);
}

struct store_double *store_double_new(size_t page_records) {
    struct store_double *d = calloc(1, sizeof *d);
    IEMS_ASSERT(d != NULL);
    next_blob = 0;
    d->folder = calloc(FOLDERS, sizeof *d->folder);
    IEMS_ASSERT(d->folder != NULL);
    d->page = page_records;
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

void store_double_recent(struct store_double *d, const char *folder) {
    by_name(d, folder)->first_recent = 1;
}

void store_double_fail(struct store_double *d, int err, unsigned count) {
    d->fail_err = err;
    d->fail_count = count;
}

void store_double_deliver(struct store_double *d, const char *folder, struct str prefix, struct str body) {
    BUF_AUTO summary = BUF_INIT(SUMMARY_MAX);
    struct folder *f = by_name(d, folder);
    struct summary_builder *b = summary_builder_new();
    IEMS_ASSERT(f != NULL && b != NULL);
    summary_builder_feed(b, body);
    IEMS_ASSERT(summary_builder_finish(b, &summary) == 0);
    summary_builder_free(b);
    (void)append(f, 0, 1795245840, prefix, body, buf_str(&summary));
    changed(d, f);
}

unsigned store_double_calls(const struct store_double *d) {
    return d->calls;
}
