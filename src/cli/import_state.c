#include "cli/import_state.h"

#include "daemon/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SYSTEM_BITS = 8, RECORD = 16, HEADER = 32, RECORDS_MAX = 100 * 1000 * 1000 };

/* Host order: the file never leaves its host. */
struct header {
    char magic[8];
    uint64_t what;
    uint32_t there, here;
    uint64_t zero;
};
_Static_assert(sizeof(struct header) == HEADER && sizeof(struct import_record) == RECORD, "the form of the file");

static uint64_t fnv(uint64_t h, struct str s) {
    for (size_t i = 0; i < s.len; i++) h = (h ^ (unsigned char)s.ptr[i]) * UINT64_C(0x100000001b3);
    return h;
}

static uint64_t fnv_of(struct str s) {
    return fnv(UINT64_C(0xcbf29ce484222325), s);
}

uint64_t import_flags(uint64_t system, char *const *keywords, size_t count) {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += fnv_of(str_from(keywords[i]));
    return sum << SYSTEM_BITS | (system & ((1u << SYSTEM_BITS) - 1));
}

static struct import_record *find(const struct import_state *s, uint32_t there) {
    size_t lo = 0, hi = s->count;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (s->list[mid].there < there)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < s->count && s->list[lo].there == there ? &s->list[lo] : NULL;
}

const struct import_record *import_state_find(const struct import_state *s, uint32_t there) {
    return find(s, there);
}

static int insert(struct import_state *s, const struct import_record *r) {
    struct import_record *old = find(s, r->there);
    if (old != NULL) {
        *old = *r;
        return 0;
    }
    if (s->count == RECORDS_MAX) return ERR_LIMIT;
    if (s->count == s->cap) {
        size_t cap = s->cap * 2 + 256;
        struct import_record *list = realloc(s->list, cap * sizeof *list);
        if (list == NULL) return ERR_NOMEM;
        s->list = list;
        s->cap = cap;
    }
    size_t at = s->count++; /* nearly always at the end */
    for (; at > 0 && s->list[at - 1].there > r->there; at--) s->list[at] = s->list[at - 1];
    s->list[at] = *r;
    return 0;
}

/* What is behind the last whole record was cut by a crash. */
static int load(struct import_state *s, const struct header *want, bool read_only, struct error *err) {
    struct header h;
    struct import_record piece[512];
    off_t at = HEADER;
    bool good = pread(s->fd, &h, HEADER, 0) == HEADER && memcmp(&h, want, HEADER) == 0;
    for (ssize_t n = 1; good && n > 0;) {
        n = pread(s->fd, piece, sizeof piece, at);
        if (n < 0) return error_set(err, ERR_IO, "the state of the import: %s", strerror(errno));
        size_t count = (size_t)n / RECORD;
        for (size_t i = 0; i < count; i++)
            if (insert(s, &piece[i]) != 0) return error_set(err, ERR_NOMEM, "the state of the import is too large");
        at += (off_t)(count * RECORD);
        if (count == 0) break;
    }
    if (read_only) return 0;
    if (ftruncate(s->fd, good ? at : 0) != 0 || (!good && pwrite(s->fd, want, HEADER, 0) != HEADER) ||
        lseek(s->fd, 0, SEEK_END) < 0)
        return error_set(err, ERR_IO, "the state of the import: %s", strerror(errno));
    return 0;
}

int import_state_open(const char *dir, struct str what, uint32_t there, uint32_t here, bool read_only,
                      struct import_state *out, struct error *err) {
    char path[INSTANCE_PATH_MAX];
    BUF_AUTO name = BUF_INIT(64);
    struct header want = {.magic = "IEMSIMP1", .what = fnv_of(what), .there = there, .here = here};
    struct import_state s = {.fd = -1};
    buf_printf(&name, "%016llx.state", (unsigned long long)want.what);
    if (instance_path(dir, buf_cstr(&name), path) != 0) return error_set(err, ERR_LIMIT, "the path is too long");
    s.fd = open(path, read_only ? O_RDONLY | O_CLOEXEC : O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s.fd < 0 && read_only) {
        *out = s;
        return 0;
    }
    if (s.fd < 0) return error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    int rc = 0;
    if (flock(s.fd, LOCK_EX | LOCK_NB) != 0)
        rc = error_set(err, ERR_EXISTS, "another import of this folder is running");
    if (rc == 0) rc = load(&s, &want, read_only, err);
    if (rc != 0)
        import_state_close(&s);
    else
        *out = s;
    return rc;
}

void import_state_close(struct import_state *s) {
    if (s->fd >= 0) close(s->fd);
    free(s->list);
    *s = (struct import_state){.fd = -1};
}

int import_state_put(struct import_state *s, const struct import_record *r, struct error *err) {
    if (insert(s, r) != 0) return error_set(err, ERR_NOMEM, "out of memory");
    if (s->fd >= 0 && write(s->fd, r, RECORD) != RECORD)
        return error_set(err, ERR_IO, "the state of the import cannot be written: %s", strerror(errno));
    return 0;
}
