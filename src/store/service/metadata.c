/* METADATA_GET and METADATA_SET (RFC 5464): annotations of a folder or of the account, all in one record. They are
 * rarely asked for, so they are read when they are. */
#include "store/service/private.h"

#include <string.h>

enum { METADATA_ENTRIES = 200, METADATA_NAME_MAX = 255 };

static struct key metadata_key(const struct account *a, const struct folder *f) {
    struct key k = key_of_id(KEY_METADATA, a->id);
    key_u64(&k, f == NULL ? 0 : f->id);
    return k;
}

void metadata_delete(struct batch *b, const struct account *a, const struct folder *f) {
    struct key k = metadata_key(a, f);
    batch_delete(b, SPACE_META, key_str(&k));
}

void metadata_put(struct batch *b, const struct folder *f, struct str record) {
    struct key k = metadata_key(f->account, f);
    if (record.len > 0) batch_put(b, SPACE_META, key_str(&k), record);
}

/* "": the account. */
static int find_folder(struct session *session, const char *name, uint32_t rights, struct folder **f,
                       struct error *err) {
    *f = NULL;
    return name[0] == '\0' ? 0 : session_folder_named(session, name, rights, f, err);
}

/* With a folder of somebody else there are only shared annotations: the private ones are its owner's. */
static bool is_private(const struct session *s, const struct folder *f, struct str name) {
    return f != NULL && f->account != s->account && str_starts_nocase(name, STR("/private/"));
}

static struct account *account_of(struct session *s, struct folder *f) {
    return f == NULL ? s->account : f->account;
}

static int read_record_of(struct service *s, const struct account *a, const struct folder *f, struct buf *out) {
    struct key k = metadata_key(a, f);
    int rc = store_wait_applied(s->st, commit_last(s->st->commits));
    if (rc == 0) rc = store_get(s->st, SPACE_META, key_str(&k), out);
    return rc == ERR_NOTFOUND ? 0 : rc;
}

static int read_record(struct service *s, struct session *session, struct folder *f, struct buf *out) {
    return read_record_of(s, account_of(session, f), f, out);
}

/* The next pair of a record: false at the end. */
static bool next_pair(struct wire *w, struct str *name, struct str *value) {
    if (w->bad || w->rest.len == 0) return false;
    *name = wire_get_bytes(w);
    *value = wire_get_bytes(w);
    return !w->bad;
}

int metadata_read(struct service *s, const struct folder *f, struct buf *out) {
    BUF_AUTO record = BUF_INIT(METADATA_BYTES);
    struct str name, value;
    int rc = read_record_of(s, f->account, f, &record);
    struct wire w = wire_of(buf_str(&record));
    while (rc == 0 && next_pair(&w, &name, &value)) {
        if (!str_starts(name, STR("/"))) continue; /* a key for URLs: each folder has its own */
        wire_bytes(out, name);
        wire_bytes(out, value);
    }
    return rc == 0 ? out->error : rc;
}

HANDLER(on_metadata_get) {
    const Store__FolderName *req = (const Store__FolderName *)r->msg;
    struct session *session;
    struct folder *f;
    BUF_AUTO record = BUF_INIT(METADATA_BYTES);
    Store__Metadata reply = STORE__METADATA__INIT;
    int rc = session_pin(r, req->session, &session, err);
    if (rc != 0) return rc;
    rc = find_folder(session, req->name, RIGHT_READ, &f, err);
    bool other = rc == 0 && is_private(session, f, STR("/private/"));
    if (rc == 0) rc = read_record(arg, session, f, &record);
    session_unpin(session);
    if (rc != 0) return rc;
    struct wire w = wire_of(buf_str(&record));
    struct str name, value;
    reply.entries = arena_alloc(r->arena, METADATA_ENTRIES * sizeof *reply.entries);
    if (reply.entries == NULL) return ERR_NOMEM;
    while (reply.n_entries < METADATA_ENTRIES && next_pair(&w, &name, &value)) {
        if (other && str_starts_nocase(name, STR("/private/"))) continue;
        Store__MetadataEntry *e = arena_alloc(r->arena, sizeof *e);
        if (e == NULL) return ERR_NOMEM;
        store__metadata_entry__init(e);
        e->name = arena_cstr(r->arena, name);
        e->value = rpc_binary(value);
        reply.entries[reply.n_entries++] = e;
    }
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

static bool is_set(const Store__MetadataSet *req, struct str name) {
    for (size_t i = 0; i < req->n_entries; i++)
        if (str_eq_nocase(name, str_from(req->entries[i]->name))) return true;
    return false;
}

/* The record with the changes; empty when nothing is left. */
static int change(const Store__MetadataSet *req, struct str old, struct buf *out, struct error *err) {
    struct wire w = wire_of(old);
    struct str name, value;
    size_t count = 0;
    while (next_pair(&w, &name, &value)) {
        if (is_set(req, name)) continue;
        wire_bytes(out, name);
        wire_bytes(out, value);
        count++;
    }
    for (size_t i = 0; i < req->n_entries; i++) {
        const Store__MetadataEntry *e = req->entries[i];
        size_t len = strlen(e->name);
        if (e->remove) continue;
        if (len == 0 || len > METADATA_NAME_MAX) return error_set(err, ERR_INVALID, "bad name of an entry");
        wire_bytes(out, str_from(e->name));
        wire_bytes(out, rpc_bytes(e->value));
        count++;
    }
    if (count > METADATA_ENTRIES || out->error != 0)
        return error_set(err, ERR_LIMIT, "a folder may have at most %d annotations, of %d bytes together",
                         METADATA_ENTRIES, METADATA_BYTES);
    return 0;
}

static void tell_change(const struct session *session, struct folder *f, const Store__MetadataSet *req) {
    struct account *a = f == NULL ? session->account : f->account;
    char *name[METADATA_ENTRIES];
    size_t n = 0;
    if (list_empty(&a->watchers) || (f != NULL && f->gone)) return;
    for (size_t i = 0; i < req->n_entries && n < METADATA_ENTRIES; i++) name[n++] = req->entries[i]->name;
    account_tell(a, &(struct account_change){.folder = f, .entry = name, .entries = n, .by = session});
}

static int set(struct service *s, struct session *session, const Store__MetadataSet *req, struct error *err) {
    struct folder *f;
    BUF_AUTO old = BUF_INIT(METADATA_BYTES);
    BUF_AUTO fresh = BUF_INIT(METADATA_BYTES);
    int rc = find_folder(session, req->name, RIGHT_READ | RIGHT_WRITE, &f, err);
    for (size_t i = 0; rc == 0 && i < req->n_entries; i++)
        if (is_private(session, f, str_from(req->entries[i]->name)))
            rc = error_set(err, ERR_UNSUPPORTED, "private annotations of this folder are its owner's");
    if (rc != 0) return rc;
    if (f != NULL) f->pins++;
    rc = read_record(s, session, f, &old);
    if (rc == 0) rc = change(req, buf_str(&old), &fresh, err);
    if (rc == 0 && f != NULL && f->gone) rc = error_set(err, ERR_NOTFOUND, "the folder was deleted meanwhile");
    if (rc == 0) {
        struct batch b;
        struct key k = metadata_key(account_of(session, f), f);
        batch_init(&b);
        if (fresh.len == 0)
            batch_delete(&b, SPACE_META, key_str(&k));
        else
            batch_put(&b, SPACE_META, key_str(&k), buf_str(&fresh));
        if (f != NULL) { /* RFC 7162 section 3.2; no message has changed, so that nobody is told of that */
            (void)folder_next_modseq(f);
            folder_put_counters(f, &b);
            f->seq = commit_last(s->st->commits) + 1;
        }
        rc = store_commit(s->st, &b, COMMIT_DURABLE, NULL);
        batch_done(&b);
        if (rc == 0) tell_change(session, f, req);
    }
    if (f != NULL) folder_unload(f);
    return rc;
}

/* One at a time: each reads, changes and writes the whole record. */
HANDLER(on_metadata_set) {
    const Store__MetadataSet *req = (const Store__MetadataSet *)r->msg;
    struct service *s = arg;
    struct session *session;
    int rc = session_pin(r, req->session, &session, err);
    if (rc != 0) return rc;
    rc = space_refuse(s, err);
    if (rc == 0) rc = semaphore_take(&s->metadata, DEADLINE_NEVER);
    if (rc == 0) {
        rc = set(s, session, req, err);
        semaphore_give(&s->metadata);
    }
    session_unpin(session);
    if (rc != 0) return rc;
    Store__Empty reply = STORE__EMPTY__INIT;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}
