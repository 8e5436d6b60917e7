/* DIR/log/iemta.log (LOG-04) and its rotation by size (SRV-07) to iems-YYYY-MM-DD.NNNNNN.log (LOG-05). The number grows
 * for the life of the instance: log/sequence holds the last. While nothing is logged nothing wakes: a one-shot
 * inotify watch starts the look at the size. */
#include "responder/responder.h"

#include "base/clock.h"
#include "net/loop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK_MS = 250, NAME_LEN = 64, SEQUENCE_MAX = 999999999, LOGS_MAX = 100000 };

static const char current_name[] = "log/iemta.log";

static int open_current(struct responder *r, int *fd, struct error *err) {
    char path[INSTANCE_PATH_MAX];
    if (instance_path(r->dir, current_name, path) != 0) return error_set(err, ERR_LIMIT, "path too long");
    int f = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (f < 0) return error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    if (geteuid() == 0 && fchown(f, 0, r->gid) != 0) {
        close(f);
        return error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    *fd = f;
    return 0;
}

int log_file_open(struct responder *r, struct error *err) {
    int rc = open_current(r, &r->log_fd, err);
    if (rc == 0) log_open("responder", r->log_fd, LOG_MESSAGE);
    return rc;
}

static void pass_on(struct responder *r) {
    Control__LogFile file = CONTROL__LOG_FILE__INIT;
    file.level = (char *)(uintptr_t)log_level_name(log_level());
    file.forced = r->log_level_forced;
    for (size_t i = 0; i < module_count; i++) {
        for (unsigned k = 0; k < r->modules[i].worker_count; k++) {
            (void)!worker_send(&r->modules[i].workers[k], &PACKET(LOG_FILE, log_file, &file), &r->log_fd, 1);
        }
    }
}

void log_file_reopen(struct responder *r) {
    int fd = -1;
    struct error err = {0};
    if (open_current(r, &fd, &err) != 0) {
        log_event(LOG_ERROR, "-", "log-file", "error=\"%s\"", err.text);
        return;
    }
    log_set_fd(fd);
    close(r->log_fd);
    r->log_fd = fd;
    pass_on(r);
}

/* LOG-01: by hand, for this host alone and until it ends; options stay as they are. */
int handle_log_level(struct rpc_request *q, struct error *err, void *arg) {
    struct responder *r = arg;
    const Control__LogLevel *wanted = (const void *)q->msg;
    enum log_level level = (enum log_level)settings_u64(r->settings, "server.log_level");
    bool forced = wanted->level[0] != '\0';
    if (forced && log_level_parse(str_from(wanted->level), &level) != 0)
        return error_set(err, ERR_INVALID, "'%.20s' is none of error, warning, message, smtp, info, debug",
                         wanted->level);
    log_event(LOG_MESSAGE, "-", "log-level", "level=%s by=%s", log_level_name(level), rpc_session_name(q->session));
    r->log_level_forced = forced;
    log_set_level(level);
    pass_on(r);
    Control__Empty empty = CONTROL__EMPTY__INIT;
    rpc_answer(q, &empty.base, STR_EMPTY);
    return 0;
}

/* ---------------------------------------------------------------- rotation */

/* "iems-2026-11-21.000123.log" -> 123; 0 = another file. */
static uint64_t sequence_of(const char *name) {
    struct str s = str_from(name);
    uint64_t n = 0;
    if (!str_starts(s, STR("iems-")) || !str_ends(s, STR(".log"))) return 0;
    s = str_sub(s, 0, s.len - 4);
    ptrdiff_t dot = str_rfind(s, '.');
    if (dot < 0 || str_to_u64(str_sub(s, (size_t)dot + 1, s.len), SEQUENCE_MAX, &n) != 0) return 0;
    return n;
}

static int is_rotated(const struct dirent *e) {
    return sequence_of(e->d_name) != 0;
}

static int by_sequence(const struct dirent **a, const struct dirent **b) {
    uint64_t x = sequence_of((*a)->d_name), y = sequence_of((*b)->d_name);
    return x < y ? -1 : x > y;
}

static uint64_t next_sequence(int log_dir, uint64_t newest) {
    char text[NAME_LEN] = "";
    uint64_t last = 0;
    int fd = openat(log_dir, "sequence", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd >= 0) {
        ssize_t n = read(fd, text, sizeof text - 1);
        (void)!str_to_u64(str_trim(str_of(text, n > 0 ? (size_t)n : 0)), SEQUENCE_MAX, &last);
    }
    if (newest > last) last = newest;
    last++;
    if (fd >= 0) {
        int len = snprintf(text, sizeof text, "%" PRIu64 "\n", last);
        (void)!pwrite(fd, text, (size_t)len, 0);
        close(fd);
    }
    return last;
}

static void rotate_name(uint64_t sequence, char out[static NAME_LEN]) {
    char day[CLOCK_TEXT_MAX];
    clock_rfc3339(clock_wall_ms(), day);
    (void)snprintf(out, NAME_LEN, "iems-%.10s.%06" PRIu64 ".log", day, sequence);
}

/* Makes room for one more: at no time are there more than log_keep. 0 = keep all. */
static void prune(int log_dir, struct dirent **files, int count, uint64_t keep) {
    for (int i = 0; keep > 0 && i < count && (uint64_t)(count - i) >= keep; i++) {
        (void)unlinkat(log_dir, files[i]->d_name, 0);
    }
}

static void rotate(struct responder *r) {
    char path[INSTANCE_PATH_MAX], name[NAME_LEN];
    struct dirent **files = NULL;
    if (instance_path(r->dir, "log", path) != 0) return;
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int count = dir < 0 ? -1 : scandirat(dir, ".", &files, is_rotated, by_sequence);
    if (count >= 0) {
        rotate_name(next_sequence(dir, count > 0 ? sequence_of(files[count - 1]->d_name) : 0), name);
        log_flush();
        prune(dir, files, count, settings_u64(r->settings, "server.log_keep"));
        if (renameat(dir, "iemta.log", dir, name) == 0) {
            log_file_reopen(r);
            log_event(LOG_MESSAGE, "-", "log-rotated", "old=\"log/%s\"", name); /* LOG-11 */
        } else {
            log_event(LOG_ERROR, "-", "log-file", "error=\"cannot rename: %s\"", strerror(errno));
        }
    }
    for (int i = 0; i < count; i++) free(files[i]);
    free(files);
    if (dir >= 0) close(dir);
}

static bool is_full(const struct responder *r) {
    struct stat st;
    uint64_t limit = settings_u64(r->settings, "server.log_size");
    return limit > 0 && fstat(r->log_fd, &st) == 0 && st.st_size >= 0 && (uint64_t)st.st_size >= limit;
}

static void watch_main(void *arg) {
    struct responder *r = arg;
    char path[INSTANCE_PATH_MAX], events[1024];
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0 || instance_path(r->dir, current_name, path) != 0) return;
    struct watch w;
    watch_init(&w, fd);
    for (;;) {
        if (is_full(r)) rotate(r);
        if (inotify_add_watch(fd, path, IN_MODIFY | IN_ONESHOT) < 0) { /* somebody moved the file: make it anew */
            log_file_reopen(r);
            if (fiber_sleep(LOOK_MS) != 0) break;
            continue;
        }
        if (is_full(r)) continue;
        while (read(fd, events, sizeof events) > 0) {
        }
        watch_drained(&w, FIBER_READ, true);
        if (watch_wait(&w, FIBER_READ, DEADLINE_NEVER) != 0 || fiber_sleep(LOOK_MS) != 0) break;
    }
    watch_done(&w);
    close(fd);
}

int log_file_watch(struct responder *r) {
    return fiber_spawn("log-file", watch_main, r, NULL);
}
