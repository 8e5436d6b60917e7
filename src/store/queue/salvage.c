/* Reading what is left of a damaged entry: the fields of the message, one by one, as far as they make sense. */
#include "rpc/frame.h"
#include "store/queue/private.h"

enum { VARINT = 0, FIXED64 = 1, LENGTH = 2, FIXED32 = 5, FIELD_RECIPIENT = 7 };

static bool varint(struct str *in, uint64_t *out) {
    uint64_t v = 0;
    for (unsigned i = 0; i < in->len && i < 10; i++) {
        unsigned char c = (unsigned char)in->ptr[i];
        v |= (uint64_t)(c & 0x7f) << (7 * i);
        if (c & 0x80) continue;
        *in = str_sub(*in, i + 1, in->len);
        *out = v;
        return true;
    }
    return false;
}

static bool field_text(struct str *in, struct str *out) {
    uint64_t len;
    if (!varint(in, &len) || len > in->len) return false;
    *out = str_sub(*in, 0, (size_t)len);
    *in = str_sub(*in, (size_t)len, in->len);
    return true;
}

static void take_number(Store__Entry *e, uint64_t field, uint64_t v) {
    switch (field) {
    case 8: e->blob = v; break;
    case 9: e->size = v; break;
    case 13: e->body_8bit = v != 0; break;
    case 15: e->smtputf8 = v != 0; break;
    case 21: e->created = (int64_t)v; break;
    case 28: e->priority = (int32_t)v; break;
    default: break;
    }
}

static bool is_clean(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ') return false;
    return s.len <= QUEUE_TEXT_MAX && str_is_utf8(s);
}

static void take_text(Store__Entry *e, struct arena *arena, uint64_t field, struct str s) {
    char **to = field == 2 ? &e->trace : field == 4 ? &e->source : field == 6 ? &e->sender : NULL;
    char *copy = to == NULL || !is_clean(s) ? NULL : arena_cstr(arena, s);
    if (copy != NULL) *to = copy;
    if (field == 10 && s.len <= MESSAGE_PREFIX_MAX) e->prefix = rpc_binary(s);
}

static void take_recipient(Store__Entry *e, struct arena *arena, struct str s, size_t *cap) {
    ProtobufCMessage *msg = NULL;
    if (rpc_unpack(&store__recipient__descriptor, s, arena, &msg) != 0) return;
    Store__Recipient *r = (Store__Recipient *)msg;
    if (r->address[0] == 0 || !is_clean(str_from(r->address)) || e->n_recipients >= QUEUE_RECIPIENTS_MAX) return;
    if (e->n_recipients == *cap) {
        size_t n = *cap * 2 + 4;
        Store__Recipient **list = arena_alloc(arena, n * sizeof(Store__Recipient *));
        if (list == NULL) return;
        for (size_t i = 0; i < e->n_recipients; i++) list[i] = e->recipients[i];
        e->recipients = list;
        *cap = n;
    }
    e->recipients[e->n_recipients++] = r;
}

static bool take_field(Store__Entry *e, struct arena *arena, struct str *in, size_t *cap) {
    uint64_t tag, number;
    struct str text;
    if (!varint(in, &tag)) return false;
    switch (tag & 7) {
    case VARINT:
        if (!varint(in, &number)) return false;
        take_number(e, tag >> 3, number);
        return true;
    case LENGTH:
        if (!field_text(in, &text)) return false;
        if (tag >> 3 == FIELD_RECIPIENT)
            take_recipient(e, arena, text, cap);
        else
            take_text(e, arena, tag >> 3, text);
        return true;
    case FIXED64:
    case FIXED32: {
        size_t n = (tag & 7) == FIXED64 ? 8 : 4;
        if (in->len < n) return false;
        *in = str_sub(*in, n, in->len);
        return true;
    }
    default: return false;
    }
}

void entry_salvage(struct str value, struct arena *arena, Store__Entry *out) {
    struct entry_head h;
    size_t cap = 0;
    store__entry__init(out);
    if (!entry_head(value, &h)) return;
    out->size = h.size;
    out->created = h.created;
    out->priority = h.priority;
    for (struct str rest = h.packed; rest.len > 0;)
        if (!take_field(out, arena, &rest, &cap)) break;
    if (str_from(out->trace).len > 64) out->trace = (char *)(uintptr_t)protobuf_c_empty_string;
}
