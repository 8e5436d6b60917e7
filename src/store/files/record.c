#include "store/files/record.h"

#include "store/files/path.h"

enum { ENTRY_FILE = 1, ENTRY_FOLDER = 2 };

void file_key(struct key *k, uint64_t account, uint64_t parent, struct str name) {
    *k = key_of_id(KEY_FILE, account);
    key_u64(k, parent);
    key_bytes(k, name);
}

void file_purge_key(struct key *k, uint64_t account, uint64_t folder) {
    *k = key_of_id(KEY_FILE_PURGE, account);
    key_u64(k, folder);
}

int file_key_parse(struct str key, uint64_t *account, uint64_t *parent, struct str *name) {
    if (key.len <= FILE_KEY_HEAD || key.len > FILE_KEY_HEAD + FILE_NAME_MAX) return ERR_CORRUPT;
    *account = key_get_u64(key, 1);
    *parent = key_get_u64(key, 9);
    *name = str_sub(key, FILE_KEY_HEAD, SIZE_MAX);
    return 0;
}

void file_entry_encode(const struct file_entry *e, struct buf *out) {
    wire_u8(out, e->folder ? ENTRY_FOLDER : ENTRY_FILE);
    wire_u64(out, e->id);
    wire_u64(out, e->size);
    wire_u64(out, (uint64_t)e->modified);
    wire_bytes(out, e->type);
}

int file_entry_decode(struct str value, struct file_entry *out) {
    struct wire w = wire_of(value);
    uint8_t kind = wire_get_u8(&w);
    struct file_entry e = {.folder = kind == ENTRY_FOLDER};
    e.id = wire_get_u64(&w);
    e.size = wire_get_u64(&w);
    e.modified = (int64_t)wire_get_u64(&w);
    e.type = wire_get_bytes(&w);
    if (w.bad || (kind != ENTRY_FILE && kind != ENTRY_FOLDER) || e.id == 0 || e.type.len > FILE_TYPE_MAX)
        return ERR_CORRUPT;
    *out = e;
    return 0;
}

void file_usage_encode(const struct file_usage *u, struct buf *out) {
    wire_u64(out, u->files);
    wire_u64(out, u->folders);
    wire_u64(out, u->bytes);
}

int file_usage_decode(struct str value, struct file_usage *out) {
    struct wire w = wire_of(value);
    struct file_usage u = {.files = wire_get_u64(&w), .folders = 0};
    u.folders = wire_get_u64(&w);
    u.bytes = wire_get_u64(&w);
    if (w.bad) return ERR_CORRUPT;
    *out = u;
    return 0;
}
