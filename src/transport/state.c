/* See state.h. A file is a line "iems-state 1 GENERATION LENGTH SHA-256\n" and the content; what stands behind it is of
 * an older, longer one. */
#include "transport/state.h"

#include "base/encode.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEAD_MAX = 256, PATH_LEN_MAX = 4096, DIGEST_LEN = 32 };

struct state {
    int fd[2];
    uint64_t generation;
    int next; /* file that is written next */
};

int state_open(const char *path, struct state **out, struct error *err) {
    struct state *s = calloc(1, sizeof *s);
    if (s == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    s->fd[0] = s->fd[1] = -1;
    for (int i = 0; i < 2; i++) {
        char name[PATH_LEN_MAX];
        int n = snprintf(name, sizeof name, "%s.%d", path, i);
        if (n > 0 && (size_t)n < sizeof name) s->fd[i] = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (s->fd[i] >= 0) continue;
        int rc = error_set(err, ERR_IO, "cannot open %s: %s", name, strerror(errno));
        state_close(s);
        return rc;
    }
    *out = s;
    return 0;
}

void state_close(struct state *s) {
    if (s == NULL) return;
    for (int i = 0; i < 2; i++)
        if (s->fd[i] >= 0) close(s->fd[i]);
    free(s);
}

static bool checksum(struct str content, struct buf *hex) {
    unsigned char digest[DIGEST_LEN];
    if (EVP_Digest(content.ptr, content.len, digest, NULL, EVP_sha256(), NULL) != 1) return false;
    hex_encode(hex, str_of(digest, sizeof digest));
    return hex->error == 0;
}

/* The whole file. */
static int file_read(int fd, struct buf *out) {
    if (lseek(fd, 0, SEEK_SET) != 0) return ERR_IO;
    for (;;) {
        char *to = buf_reserve(out, 65536);
        ssize_t n = to == NULL ? -1 : read(fd, to, 65536);
        if (n < 0 && to != NULL && errno == EINTR) continue;
        if (n <= 0) return n == 0 ? 0 : ERR_IO;
        buf_commit(out, (size_t)n);
    }
}

static bool take(struct str file, uint64_t *generation, struct str *content) {
    BUF_AUTO hex = BUF_INIT(2 * DIGEST_LEN);
    uint64_t version, len;
    struct str rest = file, head = str_cut(&rest, '\n');
    if (head.len >= HEAD_MAX || !str_eq(str_word(&head), STR("iems-state"))) return false;
    if (str_to_u64(str_word(&head), 1, &version) != 0 || version != 1) return false;
    if (str_to_u64(str_word(&head), INT64_MAX, generation) != 0) return false;
    if (str_to_u64(str_word(&head), STATE_MAX, &len) != 0 || len > rest.len) return false;
    *content = str_sub(rest, 0, len);
    return checksum(*content, &hex) && str_eq(buf_str(&hex), str_word(&head));
}

int state_read(struct state *s, struct buf *out) {
    for (int i = 0; i < 2; i++) {
        BUF_AUTO file = BUF_INIT(STATE_MAX + HEAD_MAX + 65536);
        uint64_t generation;
        struct str content;
        if (file_read(s->fd[i], &file) != 0 || !take(buf_str(&file), &generation, &content)) continue;
        if (generation <= s->generation) continue;
        s->generation = generation;
        s->next = 1 - i;
        buf_clear(out);
        buf_add(out, content);
    }
    return out->error;
}

int state_write(struct state *s, struct str content, struct error *err) {
    BUF_AUTO hex = BUF_INIT(2 * DIGEST_LEN);
    BUF_AUTO file = BUF_INIT(STATE_MAX + HEAD_MAX);
    if (content.len > STATE_MAX || !checksum(content, &hex)) return error_set(err, ERR_LIMIT, "too much state");
    buf_printf(&file, "iems-state 1 %llu %zu %s\n", (unsigned long long)s->generation + 1, content.len, buf_cstr(&hex));
    buf_add(&file, content);
    if (file.error != 0) return error_set(err, ERR_NOMEM, "out of memory");
    int fd = s->fd[s->next];
    if (lseek(fd, 0, SEEK_SET) != 0) return error_set(err, ERR_IO, "%s", strerror(errno));
    for (size_t done = 0; done < file.len;) {
        ssize_t n = write(fd, file.ptr + done, file.len - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return error_set(err, ERR_IO, "%s", n == 0 ? "nothing was written" : strerror(errno));
        done += (size_t)n;
    }
    s->generation++;
    s->next = 1 - s->next;
    return 0;
}
