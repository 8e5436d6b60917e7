#include "store/mailbox/expunged.h"

void expunged_origin(const struct folder *f, struct buf *out) {
    BUF_AUTO words = BUF_INIT(EXPUNGED_HEAD_MAX);
    for (unsigned i = 0; i < f->keyword_count; i++) {
        buf_adds(&words, f->keywords[i]);
        buf_addc(&words, 0);
    }
    wire_u32(out, f->uidvalidity);
    wire_bytes(out, str_from(f->name));
    wire_bytes(out, buf_str(&words));
}

void expunged_put(struct batch *b, uint64_t account, uint64_t at, uint64_t folder, uint32_t uid, uint64_t flags,
                  struct str origin, struct str record, const struct blob *body) {
    struct key k = key_of_id(KEY_EXPUNGED, account);
    key_u64(&k, at);
    key_u64(&k, folder);
    key_u32(&k, uid);
    BUF_AUTO head = BUF_INIT(EXPUNGED_HEAD_MAX);
    wire_u64(&head, flags);
    buf_add(&head, origin);
    struct message_stored m;
    if (message_decode(record, &m) == 0 && m.summary.len > 0 && m.blob == body->id) {
        blob_put_summary(b, body->id, body->size, m.summary);
        record = str_sub(record, 0, record.len - m.summary.len); /* it ends the record */
    }
    batch_put2(b, SPACE_META, key_str(&k), buf_str(&head), record);
}

int expunged_decode(struct str key, struct str value, struct expunged *out) {
    if (key.len != EXPUNGED_KEY_LEN) return ERR_CORRUPT;
    struct wire w = wire_of(value);
    struct expunged x = {.account = key_get_u64(key, 1),
                         .at = key_get_u64(key, 9),
                         .folder = key_get_u64(key, 17),
                         .uid = key_get_u32(key, 25)};
    x.flags = wire_get_u64(&w);
    x.uidvalidity = wire_get_u32(&w);
    x.name = wire_get_bytes(&w);
    x.keywords = wire_get_bytes(&w);
    x.record = w.rest;
    if (w.bad || x.name.len > FOLDER_NAME_MAX || message_decode(x.record, &x.message) != 0) return ERR_CORRUPT;
    *out = x;
    return 0;
}

struct str expunged_keyword(struct str *rest) {
    return str_cut(rest, 0);
}
