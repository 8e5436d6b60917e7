#include "cli/backup.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static const char first_line[] = "iems-backup";

int manifest_new(struct manifest *m) {
    *m = (struct manifest){.memory = arena_new(MANIFEST_MAX), .hostname = "", .program = ""};
    return m->memory != NULL ? 0 : ERR_NOMEM;
}

void manifest_done(struct manifest *m) {
    arena_free(m->memory);
    free(m->files);
    *m = (struct manifest){0};
}

int manifest_add(struct manifest *m, const struct backup_file *f) {
    if (m->count == m->cap) {
        size_t cap = m->cap * 2 + 64;
        struct backup_file *list = realloc(m->files, cap * sizeof *list);
        if (list == NULL) return ERR_NOMEM;
        m->files = list;
        m->cap = cap;
    }
    m->files[m->count] = *f;
    m->files[m->count].path = arena_cstr(m->memory, str_from(f->path));
    if (m->files[m->count].path == NULL) return ERR_NOMEM;
    m->count++;
    return 0;
}

const struct backup_file *manifest_find(const struct manifest *m, const char *path) {
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->files[i].path, path) == 0) return &m->files[i];
    return NULL;
}

static void text_hash(struct str text, char out[static FILE_HASH_TEXT]) {
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    out[0] = '\0';
    if (EVP_Digest(text.ptr, text.len, raw, &len, EVP_sha256(), NULL) != 1) return;
    for (unsigned i = 0; i < len && i < (FILE_HASH_TEXT - 1) / 2; i++) (void)snprintf(out + 2 * i, 3, "%02x", raw[i]);
}

void manifest_write(const struct manifest *m, struct buf *out) {
    char hash[FILE_HASH_TEXT];
    buf_printf(out, "%s %d\ntime %" PRId64 "\nhostname %s\nprogram %s\nstore_format %u\nkeys %s\n", first_line,
               BACKUP_VERSION, m->time, m->hostname, m->program, m->store_format, m->keys ? "yes" : "no");
    for (size_t i = 0; i < m->count; i++) {
        const struct backup_file *f = &m->files[i];
        buf_printf(out, "file %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n", f->hash, f->size, f->mtime_ns, f->inode,
                   f->path);
    }
    text_hash(buf_str(out), hash);
    buf_printf(out, "end %s\n", hash);
}

/* Below the backup, and nowhere else. */
static bool path_is_good(struct str path) {
    struct str rest = path;
    if (path.len == 0 || path.len >= INSTANCE_PATH_MAX / 2) return false;
    for (bool more = true; more;) {
        more = str_find(rest, '/') != STR_NPOS;
        struct str part = str_cut(&rest, '/');
        if (part.len == 0 || str_eq(part, STR(".")) || str_eq(part, STR(".."))) return false;
    }
    return str_find(path, 0) == STR_NPOS;
}

static int take_file(struct manifest *m, struct str line) {
    struct backup_file f = {0};
    struct str hash = str_word(&line), size = str_word(&line), mtime = str_word(&line), inode = str_word(&line);
    struct str path = str_trim(line);
    if (hash.len != FILE_HASH_TEXT - 1 || !path_is_good(path)) return ERR_CORRUPT;
    if (str_to_cstr(hash, f.hash, sizeof f.hash) != 0) return ERR_CORRUPT;
    if (str_to_u64(size, UINT64_MAX, &f.size) != 0 || str_to_u64(mtime, UINT64_MAX, &f.mtime_ns) != 0 ||
        str_to_u64(inode, UINT64_MAX, &f.inode) != 0)
        return ERR_CORRUPT;
    char *copy = arena_cstr(m->memory, path);
    if (copy == NULL) return ERR_NOMEM;
    f.path = copy;
    return manifest_add(m, &f);
}

static int take_line(struct manifest *m, struct str line) {
    struct str word = str_word(&line), rest = str_trim(line);
    uint64_t n = 0;
    if (str_eq(word, STR("file"))) return take_file(m, rest);
    if (str_eq(word, STR("hostname"))) m->hostname = arena_cstr(m->memory, rest);
    if (str_eq(word, STR("program"))) m->program = arena_cstr(m->memory, rest);
    if (m->hostname == NULL || m->program == NULL) return ERR_NOMEM;
    if (str_eq(word, STR("keys"))) m->keys = str_eq(rest, STR("yes"));
    bool time = str_eq(word, STR("time")), format = str_eq(word, STR("store_format"));
    if (!time && !format) return 0; /* of a later minor version */
    if (str_to_u64(rest, time ? INT64_MAX : UINT32_MAX, &n) != 0) return ERR_CORRUPT;
    if (time) m->time = (int64_t)n;
    if (format) m->store_format = (unsigned)n;
    return 0;
}

static int check_frame(struct str text, struct str *body, struct error *err) {
    char hash[FILE_HASH_TEXT];
    uint64_t version = 0;
    struct str rest = text, line = str_cut(&rest, '\n');
    if (!str_eq(str_word(&line), str_from(first_line)) || str_to_u64(str_trim(line), UINT32_MAX, &version) != 0)
        return error_set(err, ERR_CORRUPT, "this is no manifest of a backup");
    if (version > BACKUP_VERSION)
        return error_set(err, ERR_UNSUPPORTED, "the backup has version %llu; this program knows up to %d",
                         (unsigned long long)version, BACKUP_VERSION);
    struct str trimmed = str_sub(text, 0, text.len > 0 ? text.len - 1 : 0);
    ptrdiff_t at = str_rfind(trimmed, '\n');
    struct str last = at < 0 ? STR_EMPTY : str_sub(trimmed, (size_t)at + 1, SIZE_MAX);
    text_hash(str_sub(text, 0, at < 0 ? 0 : (size_t)at + 1), hash);
    if (!str_eq(str_word(&last), STR("end")) || !str_eq(str_trim(last), str_from(hash)))
        return error_set(err, ERR_CORRUPT, "the manifest is damaged or not whole");
    *body = str_sub(rest, 0, (size_t)(text.ptr + at + 1 - rest.ptr));
    return 0;
}

int manifest_parse(struct str text, struct manifest *m, struct error *err) {
    struct str body = STR_EMPTY;
    int rc = check_frame(text, &body, err);
    if (rc == 0) rc = manifest_new(m);
    if (rc != 0) return rc;
    while (rc == 0 && body.len > 0) rc = take_line(m, str_cut(&body, '\n'));
    if (rc == 0) return 0;
    manifest_done(m);
    return error_set(err, rc, "the manifest has a line that cannot be read");
}
