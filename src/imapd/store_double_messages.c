/* The messages of the double: MESSAGE_LIST to MESSAGE_EXPUNGE. */
#include "imapd/store_double_state.h"
#include "net/fiber.h"
#include "proto/mime/summary.h"
#include "store/blob/pack.h"
#include "store/blob/pieces.h"
#include "store/mailbox/record.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

uint64_t double_next_blob;

struct message *double_append(struct folder *f, uint64_t flags, int64_t date, struct str prefix, struct str body,
                              struct str summary) {
    struct message *m = &f->message[f->count++];
    IEMS_ASSERT(f->count < MESSAGES);
    *m = (struct message){
        .uid = f->uidnext++, .flags = flags, .modseq = ++f->modseq, .date = date, .prefix_len = (uint32_t)prefix.len};
    m->blob = ++double_next_blob;
    buf_init(&m->body, PAGE_BYTES);
    buf_init(&m->summary, SUMMARY_MAX);
    buf_add(&m->body, prefix);
    buf_add(&m->body, body);
    buf_add(&m->summary, summary);
    return m;
}

void double_remove_at(struct folder *f, size_t i) {
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

static void put_packed(struct buf *out, const struct message *m) {
    struct str whole = buf_str(&m->body), body = str_sub(whole, m->prefix_len, whole.len);
    if (whole.len > RPC_INLINE_MAX) return;
    buf_add(out, str_sub(whole, 0, m->prefix_len));
    for (size_t at = 0; at < body.len; at += PACK_PIECE_MAX) {
        struct str raw = str_sub(body, at, PACK_PIECE_MAX);
        BUF_AUTO packed = BUF_INIT(PACK_PIECE_MAX);
        if (str_starts(body, STR("Damaged:"))) raw.len--; /* as if damaged: it cannot be unpacked */
        pieces_put(out, m->uid % 2 == 0 && raw.len > 0 && pack_piece(raw, &packed) == 0 ? buf_str(&packed) : raw);
    }
}

void double_put_record(struct buf *out, unsigned fields, const struct message *m) {
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
    BUF_AUTO packed = BUF_INIT(2 * RPC_INLINE_MAX);
    if (fields & FIELD_PACKED) put_packed(&packed, m);
    r.header_too_large = summary_parse_thin(r.summary, &s) != 0;
    if (!r.header_too_large) r.header = str_sub(r.body, 0, m->prefix_len + s.header_len);
    if (fields & FIELD_PACKED) r.body = buf_str(&packed);
    message_record_put(out, fields, &r);
}

void double_add_run(struct rpc_request *r, struct runs *runs, uint32_t uid) {
    if (runs->run == NULL) runs->run = arena_alloc(r->arena, MESSAGES * sizeof *runs->run);
    Store__UidRun *u = arena_alloc(r->arena, sizeof *u);
    store__uid_run__init(u);
    u->first = u->last = uid;
    runs->run[runs->count++] = u;
}

HANDLER(double_message_list, Store__MessageList) {
    if (d->slow_ms > 0) (void)!fiber_sleep(d->slow_ms);
    Store__MessageListed out = STORE__MESSAGE_LISTED__INIT;
    BUF_AUTO records = BUF_INIT(PAGE_BYTES);
    struct folder *f = double_by_id(d, q->folder);
    if (f == NULL) return ERR_NOTFOUND;
    double_overtake(d, f);
    for (size_t i = 0; i < f->count; i++) {
        const struct message *m = &f->message[i];
        if (!in_runs(q->uids, q->n_uids, m->uid) || m->uid <= q->after_uid || m->modseq <= q->changed_since) continue;
        out.more = out.count == d->page;
        if (out.more) break;
        double_put_record(&records, q->fields, m);
        out.count++;
        out.last_uid = m->uid;
    }
    rpc_answer(r, &out.base, buf_str(&records));
    return 0;
}

HANDLER(double_message_read, Store__MessageRead) {
    Store__MessageReadReply out = STORE__MESSAGE_READ_REPLY__INIT;
    struct folder *f = double_by_id(d, q->folder);
    for (size_t i = 0; f != NULL && i < f->count; i++) {
        if (f->message[i].uid != q->uid) continue;
        out.total = f->message[i].body.len;
        rpc_answer(r, &out.base, str_sub(buf_str(&f->message[i].body), q->offset, q->length < 1000 ? q->length : 1000));
        return 0;
    }
    return ERR_NOTFOUND;
}

HANDLER(double_message_store, Store__MessageStore) {
    double_wait(d);
    Store__MessageStored out = STORE__MESSAGE_STORED__INIT;
    Store__Folder info;
    BUF_AUTO records = BUF_INIT(PAGE_BYTES);
    struct runs failed = {0};
    struct folder *f = double_by_id(d, q->folder);
    if (f == NULL) return ERR_NOTFOUND;
    uint64_t bits = q->flags | keyword_bits(f, q->keywords, q->n_keywords);
    uint64_t modseq = f->modseq + 1;
    for (size_t i = 0; i < f->count; i++) {
        struct message *m = &f->message[i];
        if (!in_runs(q->uids, q->n_uids, m->uid)) continue;
        if (q->has_unchanged_since && m->modseq > q->unchanged_since) {
            double_add_run(r, &failed, m->uid);
            continue;
        }
        uint64_t before = m->flags;
        m->flags = q->mode == STORE__STORE_MODE__FLAGS_SET   ? bits
                   : q->mode == STORE__STORE_MODE__FLAGS_ADD ? m->flags | bits
                                                             : m->flags & ~bits;
        if (m->flags == before) continue;
        m->modseq = f->modseq = modseq;
        double_put_record(&records, 0, m);
        out.count++;
    }
    out.modseq = f->modseq;
    out.failed = failed.run;
    out.n_failed = failed.count;
    double_fill(d, f, &info);
    out.folder = &info;
    rpc_answer(r, &out.base, buf_str(&records));
    double_changed(d, f);
    return 0;
}

HANDLER(double_message_copy, Store__MessageCopy) {
    double_wait(d);
    Store__MessageCopied out = STORE__MESSAGE_COPIED__INIT;
    struct runs from = {0}, to = {0};
    struct folder *f = double_by_id(d, q->folder), *t = double_by_name(d, q->to);
    if (f == NULL || t == NULL) return ERR_NOTFOUND;
    for (size_t i = 0, n = f->count; i < n; i++) {
        struct message *m = &f->message[i];
        if (!in_runs(q->uids, q->n_uids, m->uid)) continue;
        struct str whole = buf_str(&m->body);
        double_add_run(r, &from, m->uid);
        struct message *copied = double_append(t, m->flags, m->date, str_sub(whole, 0, m->prefix_len),
                                               str_sub(whole, m->prefix_len, SIZE_MAX), buf_str(&m->summary));
        copied->blob = m->blob;
        double_add_run(r, &to, copied->uid);
    }
    if (q->move) {
        f->modseq++;
        for (size_t i = f->count; i-- > 0;)
            if (in_runs(from.run, from.count, f->message[i].uid)) double_remove_at(f, i);
    }
    out.uidvalidity = t->validity;
    out.from = from.run;
    out.n_from = from.count;
    out.to = to.run;
    out.n_to = to.count;
    out.modseq = f->modseq;
    bool move = q->move;
    rpc_answer(r, &out.base, STR_EMPTY);
    double_changed(d, t);
    if (move) double_changed(d, f);
    return 0;
}

static struct message *append_item(struct rpc_request *r, struct store_double *d, struct folder *f,
                                   const Store__AppendItem *q, size_t *at) {
    struct str body = q->upload != 0 ? buf_str(&d->upload[q->upload - 1]) : str_sub(r->attach, *at, (size_t)q->size);
    if (q->upload == 0) *at += body.len;
    if (body.len != q->size) return NULL;
    uint64_t flags = q->flags | keyword_bits(f, q->keywords, q->n_keywords);
    struct message *m = double_append(f, flags, q->internal_date, STR_EMPTY, body, rpc_bytes(q->summary));
    if (q->upload != 0) buf_done(&d->upload[q->upload - 1]);
    return m;
}

static void remove_replaced(struct store_double *d, const Store__MessageAppend *q, Store__MessageAppended *out) {
    struct folder *f = double_by_id(d, q->replace_folder);
    for (size_t i = 0; f != NULL && i < f->count; i++) {
        if (f->message[i].uid != q->replace_uid) continue;
        out->replaced_modseq = ++f->modseq;
        double_remove_at(f, i);
        double_changed(d, f);
        return;
    }
}

HANDLER(double_message_append, Store__MessageAppend) {
    Store__MessageAppended out = STORE__MESSAGE_APPENDED__INIT;
    struct folder *f = double_by_name(d, q->folder);
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
    double_changed(d, f);
    return 0;
}

HANDLER(double_message_expunge, Store__MessageExpunge) {
    double_wait(d);
    Store__MessageExpunged out = STORE__MESSAGE_EXPUNGED__INIT;
    struct runs runs = {0};
    struct folder *f = double_by_id(d, q->folder);
    if (f == NULL) return ERR_NOTFOUND;
    double_overtake(d, f);
    for (size_t i = 0; i < f->count; i++) {
        const struct message *m = &f->message[i];
        bool wanted = q->n_uids == 0 || in_runs(q->uids, q->n_uids, m->uid);
        if (wanted && (!q->only_deleted || (m->flags & MAILBOX_DELETED) != 0)) double_add_run(r, &runs, m->uid);
    }
    if (runs.count > 0) f->modseq++;
    for (size_t i = f->count; i-- > 0;)
        if (in_runs(runs.run, runs.count, f->message[i].uid)) double_remove_at(f, i);
    out.vanished = runs.run;
    out.n_vanished = runs.count;
    out.modseq = f->modseq;
    rpc_answer(r, &out.base, STR_EMPTY);
    if (runs.count > 0) double_changed(d, f);
    return 0;
}
