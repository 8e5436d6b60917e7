/* See files.h: the module's side. */
#include "daemon/files.h"

#include "base/list.h"
#include "daemon/private.h"
#include "net/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 4096 };

struct waiting {
    struct list node;
    uint64_t number;
    struct cond answered;
    bool done;
    int fd; /* -1 = refused */
    struct error error;
};

static struct {
    struct list list;
    uint64_t last;
    size_t count;
} waits;

void files_opened(uint64_t number, const char *error, int fd) {
    for (struct list *n = waits.list.next; n != NULL && n != &waits.list; n = n->next) {
        struct waiting *w = list_entry(n, struct waiting, node);
        if (w->number != number || w->done) continue;
        w->done = true;
        w->fd = fd;
        if (fd < 0) (void)error_set(&w->error, ERR_NOTFOUND, "%s", error);
        cond_signal(&w->answered);
        return;
    }
    if (fd >= 0) close(fd);
}

static int ask(struct daemon *d, const char *name, struct waiting *w, struct error *err) {
    Control__FileWanted wanted = CONTROL__FILE_WANTED__INIT;
    if (waits.list.next == NULL) list_init(&waits.list);
    if (waits.count == FILES_WAITING_MAX) return error_set(err, ERR_LIMIT, "too many files are asked for");
    w->number = wanted.number = ++waits.last;
    wanted.name = (char *)(uintptr_t)name;
    cond_init(&w->answered);
    list_push_back(&waits.list, &w->node);
    waits.count++;
    uint64_t deadline = loop_now_ms() + FILE_WAIT_MS;
    int rc = channel_send(d, &PACKET(FILE_WANTED, file_wanted, &wanted));
    while (rc == 0 && !w->done) rc = cond_wait(&w->answered, deadline);
    list_remove(&w->node);
    waits.count--;
    if (rc != 0 && w->fd >= 0) close(w->fd);
    if (rc != 0) return error_set(err, rc, "%s: the responder gives no answer", name);
    if (w->fd >= 0) return 0;
    if (err != NULL) *err = w->error;
    return w->error.code;
}

static int read_all(int fd, const char *name, struct buf *out, struct error *err) {
    size_t before = out->len;
    for (;;) {
        char over, *to = &over; /* no room left: there must be nothing left either */
        size_t room = out->max - out->len < PIECE ? out->max - out->len : PIECE;
        if (room > 0) to = buf_reserve(out, room);
        ssize_t n = to == NULL ? -1 : read(fd, to, room > 0 ? room : 1);
        if (n == 0) return 0;
        if (n > 0 && room > 0) {
            buf_commit(out, (size_t)n);
            continue;
        }
        if (n < 0 && to != NULL && errno == EINTR) continue;
        buf_truncate(out, before);
        if (to == NULL) return error_set(err, ERR_NOMEM, "%s: out of memory", name);
        return n > 0 ? error_set(err, ERR_LIMIT, "%s is too large", name)
                     : error_set(err, ERR_IO, "%s: %s", name, strerror(errno));
    }
}

int daemon_file_read(struct daemon *d, const char *name, struct file_stamp *known, struct buf *out, struct error *err) {
    struct waiting w = {.fd = -1};
    struct stat st;
    int rc = ask(d, name, &w, err);
    if (rc != 0) return rc;
    if (fstat(w.fd, &st) != 0) {
        close(w.fd);
        return error_set(err, ERR_IO, "%s: %s", name, strerror(errno));
    }
    struct file_stamp now = {st.st_ino, (uint64_t)st.st_size,
                             (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec};
    bool same =
        known != NULL && known->inode == now.inode && known->size == now.size && known->mtime_ns == now.mtime_ns;
    rc = same ? ERR_EXISTS : read_all(w.fd, name, out, err);
    if (rc == 0 && known != NULL) *known = now;
    close(w.fd);
    return rc;
}

int daemon_file_line(struct daemon *d, const char *name, struct buf *out, struct error *err) {
    size_t before = out->len;
    int rc = daemon_file_read(d, name, NULL, out, err);
    if (rc != 0) return rc;
    struct str rest = str_sub(buf_str(out), before, out->len), line = str_trim(str_cut(&rest, '\n'));
    if (line.len == 0) {
        buf_truncate(out, before);
        return error_set(err, ERR_INVALID, "%s: its first line is empty", name);
    }
    memmove(out->ptr + before, line.ptr, line.len);
    buf_truncate(out, before + line.len);
    return 0;
}
