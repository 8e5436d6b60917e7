#include "cli/local_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 256 * 1024 };

static int fail(struct error *err, const char *path) {
    return error_set(err,
                     errno == EEXIST                      ? ERR_EXISTS
                     : errno == ENOENT                    ? ERR_NOTFOUND
                     : errno == ENOSPC || errno == EDQUOT ? ERR_NOSPACE
                                                          : ERR_IO,
                     "%s: %s", path, strerror(errno));
}

static bool write_all(int fd, const char *p, size_t n) {
    while (n > 0) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno == EINTR) continue;
        if (w <= 0) return false;
        p += w;
        n -= (size_t)w;
    }
    return true;
}

/* Reads to the end; `out` < 0: only the hash. */
static int pump(int in, int out, EVP_MD_CTX *md) {
    static char piece[PIECE];
    for (;;) {
        ssize_t n = read(in, piece, sizeof piece);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return (int)n;
        if (EVP_DigestUpdate(md, piece, (size_t)n) != 1) return -1;
        if (out >= 0 && !write_all(out, piece, (size_t)n)) return -1;
    }
}

static void hash_text(EVP_MD_CTX *md, char hash[static FILE_HASH_TEXT]) {
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    (void)EVP_DigestFinal_ex(md, raw, &len);
    for (unsigned i = 0; i < len && i < (FILE_HASH_TEXT - 1) / 2; i++) (void)snprintf(hash + 2 * i, 3, "%02x", raw[i]);
}

int file_copy(const char *from, const char *to, mode_t mode, char hash[FILE_HASH_TEXT], struct error *err) {
    struct stat st;
    char text[FILE_HASH_TEXT];
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (in < 0) return fail(err, from);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int rc = 0;
    if (out < 0) rc = fail(err, to);
    if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1) rc = ERR_NOMEM;
    if (rc == 0 && pump(in, out, md) != 0) rc = fail(err, to);
    if (rc == 0 && fstat(in, &st) == 0) {
        const struct timespec times[2] = {st.st_atim, st.st_mtim};
        (void)futimens(out, times);
    }
    if (rc == 0 && fsync(out) != 0) rc = fail(err, to);
    if (rc == 0) {
        hash_text(md, text);
        if (hash != NULL) memcpy(hash, text, sizeof text);
    }
    EVP_MD_CTX_free(md);
    close(in);
    if (out >= 0 && close(out) != 0 && rc == 0) rc = fail(err, to);
    return rc;
}

int file_hash(const char *path, char hash[static FILE_HASH_TEXT], struct error *err) {
    int in = open(path, O_RDONLY | O_CLOEXEC);
    if (in < 0) return fail(err, path);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int rc = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 ? 0 : ERR_NOMEM;
    if (rc == 0 && pump(in, -1, md) != 0) rc = fail(err, path);
    if (rc == 0) hash_text(md, hash);
    EVP_MD_CTX_free(md);
    close(in);
    return rc;
}

int file_write_new(const char *path, struct str text, mode_t mode, struct error *err) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) return fail(err, path);
    bool ok = write_all(fd, text.ptr, text.len) && fsync(fd) == 0;
    int rc = ok ? 0 : fail(err, path);
    close(fd);
    if (rc != 0) (void)unlink(path);
    return rc;
}

int file_read(const char *path, struct buf *out, struct error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(err, path);
    int rc = 0;
    for (ssize_t n = 1; n > 0 && rc == 0;) {
        char *to = buf_reserve(out, PIECE);
        if (to == NULL) {
            static char rest[PIECE];
            size_t room = out->max - out->len;
            n = room < PIECE ? read(fd, rest, room + 1) : -1;
            if (n >= 0 && (size_t)n <= room) {
                out->error = 0;
                buf_add(out, str_of(rest, (size_t)n));
                if (n == 0) break;
                continue;
            }
            rc = error_set(err, ERR_LIMIT, "%s is too large", path);
            break;
        }
        n = read(fd, to, PIECE);
        if (n < 0) rc = fail(err, path);
        if (n > 0) buf_commit(out, (size_t)n);
    }
    close(fd);
    return rc;
}

int folder_make(const char *path, mode_t mode, struct error *err) {
    char p[PATH_MAX];
    if (str_to_cstr(str_from(path), p, sizeof p) != 0) return error_set(err, ERR_LIMIT, "the path is too long");
    for (char *s = p + 1; (s = strchr(s, '/')) != NULL; s++) {
        *s = '\0';
        if (mkdir(p, mode) != 0 && errno != EEXIST) return fail(err, p);
        *s = '/';
    }
    return mkdir(p, mode) == 0 || errno == EEXIST ? 0 : fail(err, p);
}
