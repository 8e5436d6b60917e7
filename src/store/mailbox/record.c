#include "store/mailbox/record.h"

#include <endian.h>
#include <string.h>

#define TOO_LARGE UINT32_MAX
enum { FIXED_LEN = 20 };

static char *put32(char *p, uint32_t v) {
    v = htole32(v);
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

static char *put64(char *p, uint64_t v) {
    v = htole64(v);
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

static char *put_bytes(char *p, struct str s) {
    p = put32(p, (uint32_t)s.len);
    if (s.len > 0) memcpy(p, s.ptr, s.len);
    return p + s.len;
}

size_t message_record_begin(struct buf *out, unsigned fields, const struct message_record *r) {
    size_t need = FIXED_LEN;
    if (fields & FIELD_DATES) need += 16;
    if (fields & FIELD_SIZE) need += 20;
    if (fields & FIELD_SUMMARY) need += 4 + r->summary.len;
    if (fields & FIELD_BODY) need += 4;
    char *p = buf_reserve(out, need);
    if (p == NULL) return out->len;
    p = put64(put64(put32(p, r->uid), r->flags), r->modseq);
    if (fields & FIELD_DATES) p = put64(put64(p, (uint64_t)r->internal_date), (uint64_t)r->save_date);
    if (fields & FIELD_SIZE) p = put64(put32(put64(p, r->size), r->prefix_len), r->blob);
    if (fields & FIELD_SUMMARY) p = put_bytes(p, r->summary);
    if (fields & FIELD_BODY) (void)put32(p, TOO_LARGE);
    buf_commit(out, need);
    return out->len;
}

void message_record_end(struct buf *out, unsigned fields, const struct message_record *r, size_t begun) {
    size_t need = 0;
    if (out->error != 0) return;
    if ((fields & FIELD_BODY) && !r->body_too_large) (void)put32(out->ptr + begun - 4, (uint32_t)(out->len - begun));
    if (fields & FIELD_HEADER) need += 4 + (r->header_too_large ? 0 : r->header.len);
    if (fields & FIELD_ENVELOPE) need += 4 + r->summary.len;
    if (fields & FIELD_ID) need += 16;
    char *p = buf_reserve(out, need);
    if (p == NULL) return;
    if (fields & FIELD_HEADER) p = r->header_too_large ? put32(p, TOO_LARGE) : put_bytes(p, r->header);
    if (fields & FIELD_ENVELOPE) p = put_bytes(p, r->summary);
    if (fields & FIELD_ID) (void)put64(put64(p, r->blob), r->prefix_hash);
    buf_commit(out, need);
}

void message_record_put(struct buf *out, unsigned fields, const struct message_record *r) {
    size_t before = out->len, begun = message_record_begin(out, fields, r);
    if ((fields & FIELD_BODY) && !r->body_too_large) buf_add(out, r->body);
    message_record_end(out, fields, r, begun);
    if (out->error != 0) buf_truncate(out, before);
}

static bool take32(struct str *s, uint32_t *v) {
    if (s->len < sizeof *v) return false;
    memcpy(v, s->ptr, sizeof *v);
    *v = le32toh(*v);
    *s = str_of(s->ptr + sizeof *v, s->len - sizeof *v);
    return true;
}

static bool take64(struct str *s, uint64_t *v) {
    if (s->len < sizeof *v) return false;
    memcpy(v, s->ptr, sizeof *v);
    *v = le64toh(*v);
    *s = str_of(s->ptr + sizeof *v, s->len - sizeof *v);
    return true;
}

static bool take_bytes(struct str *s, uint32_t len, struct str *out) {
    if (s->len < len) return false;
    *out = str_of(s->ptr, len);
    *s = str_of(s->ptr + len, s->len - len);
    return true;
}

/* Bytes that are left out when they are too many. */
static bool take_part(struct str *s, struct str *out, bool *too_large) {
    uint32_t len;
    if (!take32(s, &len)) return false;
    *too_large = len == TOO_LARGE;
    return *too_large || take_bytes(s, len, out);
}

static bool take_fields(struct str *s, unsigned fields, struct message_record *r) {
    uint32_t len;
    uint64_t internal, save;
    if (fields & FIELD_DATES) {
        if (!take64(s, &internal) || !take64(s, &save)) return false;
        r->internal_date = (int64_t)internal;
        r->save_date = (int64_t)save;
    }
    if ((fields & FIELD_SIZE) && (!take64(s, &r->size) || !take32(s, &r->prefix_len) || !take64(s, &r->blob)))
        return false;
    if ((fields & FIELD_SUMMARY) && (!take32(s, &len) || !take_bytes(s, len, &r->summary))) return false;
    if ((fields & FIELD_BODY) && !take_part(s, &r->body, &r->body_too_large)) return false;
    if ((fields & FIELD_HEADER) && !take_part(s, &r->header, &r->header_too_large)) return false;
    /* What is said twice has to be the same. */
    struct str summary = r->summary;
    uint64_t blob = r->blob;
    if ((fields & FIELD_ENVELOPE) && (!take32(s, &len) || !take_bytes(s, len, &r->summary))) return false;
    if ((fields & FIELD_ID) && (!take64(s, &r->blob) || !take64(s, &r->prefix_hash))) return false;
    if ((fields & FIELD_SUMMARY) && !str_eq(summary, r->summary)) return false;
    return !(fields & FIELD_SIZE) || blob == r->blob;
}

int message_record_get(struct str *rest, unsigned fields, struct message_record *out) {
    if (rest->len == 0) return ERR_NOTFOUND;
    struct str s = *rest;
    struct message_record r = {.summary = STR_EMPTY, .body = STR_EMPTY, .header = STR_EMPTY};
    if (!take32(&s, &r.uid) || !take64(&s, &r.flags) || !take64(&s, &r.modseq) || !take_fields(&s, fields, &r))
        return ERR_CORRUPT;
    *rest = s;
    *out = r;
    return 0;
}
