#include "responder/responder.h"

#include "base/encode.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PID_TEXT_MAX = 32 };

/* One responder an instance: the lock is on run/responder.pid and ends with the process. */
static int take_lock(struct responder *r, struct error *err) {
    char path[INSTANCE_PATH_MAX], text[PID_TEXT_MAX] = "";
    if (instance_path(r->dir, "run/responder.pid", path) != 0) return error_set(err, ERR_LIMIT, "path too long");
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0) return error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        ssize_t n = read(fd, text, sizeof text - 1);
        struct str pid = str_trim(str_of(text, n > 0 ? (size_t)n : 0));
        close(fd);
        return error_set(err, ERR_EXISTS, "the instance %s runs already, as process %.*s", r->dir, STR_ARG(pid));
    }
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) != 0 || write(fd, text, (size_t)n) != n) {
        close(fd);
        return error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    r->lock_fd = fd;
    return 0;
}

static int find_user(struct responder *r, struct error *err) {
    r->uid = geteuid();
    r->gid = getegid();
    if (r->uid != 0 || r->config->user[0] == '\0') return 0;
    const struct passwd *pw = getpwnam(r->config->user);
    if (pw == NULL) {
        return error_set(err, ERR_NOTFOUND, "there is no user '%s' on this system (iems.conf, [server] user)",
                         r->config->user);
    }
    r->uid = pw->pw_uid;
    r->gid = pw->pw_gid;
    return 0;
}

static int make_folders(const struct responder *r, struct error *err) {
    static const struct {
        const char *name;
        mode_t mode;
        bool users; /* belongs to the service user; else to root, with its group */
    } folders[] = {{"data", 0700, true},    {"log", 0750, false},   {"run", 0755, true},   {"secrets", 0700, false},
                   {"tables", 0755, false}, {"texts", 0755, false}, {"auth", 0755, false}, {"reports", 0700, true}};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[INSTANCE_PATH_MAX];
        if (instance_path(r->dir, folders[i].name, path) != 0) return error_set(err, ERR_LIMIT, "path too long");
        if (mkdir(path, folders[i].mode) != 0) {
            if (errno == EEXIST) continue;
            return error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
        }
        if (geteuid() == 0 && lchown(path, folders[i].users ? r->uid : 0, r->gid) != 0) {
            return error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
        }
    }
    return 0;
}

/* CAP-12: what the system allows against what the configuration asks for. */
void setup_check_limits(const struct responder *r) {
    static const char *const limits[] = {"smtpd.max_sessions", "imapd.max_sessions", "pop3d.max_sessions"};
    enum { BESIDES = 100, FILES_WANTED = 262144 };
    struct rlimit files, more = {FILES_WANTED, FILES_WANTED};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    if (files.rlim_max < FILES_WANTED && setrlimit(RLIMIT_NOFILE, &more) == 0) files = more; /* root may */
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (option_find(str_from(limits[i])) == NULL) continue;
        uint64_t sessions = settings_u64(r->settings, limits[i]);
        if (sessions + BESIDES > files.rlim_max) {
            log_event(LOG_WARNING, "-", "limits",
                      "option=%s value=%" PRIu64 " open_files=%" PRIu64
                      " error=\"the system allows fewer open files than sessions (ulimit -n, LimitNOFILE)\"",
                      limits[i], sessions, (uint64_t)files.rlim_max);
        }
    }
}

int setup_instance(struct responder *r, const char *dir, struct error *err) {
    cond_init(&r->changed);
    cond_init(&r->pong);
    r->lock_fd = r->log_fd = -1;
    int rc = instance_config_read(dir, &r->config, err);
    if (rc != 0) return rc;
    r->dir = r->config->dir;
    r->settings = settings_new();
    if (r->settings == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    rc = settings_set_layer(r->settings, SETTINGS_CONF, r->config->options, r->config->option_count, NULL, NULL, NULL);
    if (rc == 0) rc = find_user(r, err);
    if (rc == 0) rc = make_folders(r, err);
    if (rc == 0) rc = take_lock(r, err);
    if (rc == 0) rc = log_file_open(r, err);
    if (rc != 0) return rc;
    log_set_level((enum log_level)settings_u64(r->settings, "server.log_level"));
    random_bytes(r->ticket_key, sizeof r->ticket_key);
    rc = certificates_init(r); /* without TLS the rest works; it is in the log and in the report */
    if (rc != 0) return error_set(err, rc, "out of memory");
    setup_check_limits(r);
    return 0;
}
