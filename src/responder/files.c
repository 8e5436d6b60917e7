/* Files that modules read while they run: the responder opens them, because a jail lets a module open none. A module
 * gets what is below its folders of the instance, by plain names, and files that an option of iems.conf names by an
 * absolute path: that file is the administrator's. */
#include "responder/responder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_LEN = 255 };

static const struct {
    const char *module, *folder;
} folders[] = {
    {"dir", "auth"}, {"smtpc", "secrets"}, {"smtpc", "tables"}, {"smtpc", "texts"}, {"quota", "texts"},
};
static const struct {
    const char *module, *option; /* paths, separated by blanks */
} options[] = {
    {"dir", "dir.client_ca"},
    {"dir", "dir.oauth_keys"},
    {"smtpc", "smtpc.host_table"},
    {"smtpc", "smtpc.relay_password_file"},
};

static bool in_conf(const struct responder *r, const char *module, struct str path) {
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (strcmp(options[i].module, module) != 0) continue;
        for (size_t k = 0; k < r->config->option_count; k++) {
            const struct setting *s = &r->config->options[k];
            if (strcmp(s->name, options[i].option) != 0) continue;
            for (struct str rest = str_from(s->value), word; (word = str_word(&rest)).len > 0;)
                if (str_eq(word, path)) return true;
        }
    }
    return false;
}

/* The descriptor, or -1 with an error. */
static int open_plain(const char *path, const char *shown, struct error *err) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        (void)error_set(err, ERR_NOTFOUND, "%s: %s", shown, strerror(errno));
        return -1;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) return fd;
    close(fd);
    (void)error_set(err, ERR_NOTFOUND, "%s: not a plain file", shown);
    return -1;
}

/* Neither folder nor file may be a link: whoever may write there must not reach other files with our rights. */
static int open_below(const struct responder *r, const char *module, struct str name, struct error *err) {
    char folder[INSTANCE_PATH_MAX], file[NAME_LEN + 1];
    struct stat st;
    struct str rest = name, top = str_cut(&rest, '/');
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        if (strcmp(folders[i].module, module) != 0 || !str_eq(top, str_from(folders[i].folder))) continue;
        if (rest.len == 0 || rest.ptr[0] == '.' || str_find(rest, '/') >= 0 ||
            str_to_cstr(rest, file, sizeof file) != 0 || instance_path(r->dir, folders[i].folder, folder) != 0)
            break;
        int at = open(folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int fd = at < 0 ? -1 : openat(at, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        int saved = errno;
        if (at >= 0) close(at);
        if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) return fd;
        if (fd >= 0) close(fd);
        (void)error_set(err, ERR_NOTFOUND, "%.*s: %s", STR_ARG(name), fd >= 0 ? "not a plain file" : strerror(saved));
        return -1;
    }
    (void)error_set(err, ERR_NOTFOUND, "%.*s: not a file in a folder of the instance that this module may read",
                    STR_ARG(name));
    return -1;
}

void files_wanted(struct worker *w, uint64_t number, const char *name) {
    const struct responder *r = w->module->responder;
    const char *module = w->module->def->name;
    struct error err = {0};
    int fd = -1;
    if (name[0] != '/')
        fd = open_below(r, module, str_from(name), &err);
    else if (in_conf(r, module, str_from(name)))
        fd = open_plain(name, name, &err);
    else
        (void)error_set(&err, ERR_DENIED,
                        "%.200s: a file outside of the instance must be named in iems.conf, not in the directory",
                        name);
    Control__FileOpened opened = CONTROL__FILE_OPENED__INIT;
    opened.number = number;
    opened.error = err.text;
    int rc = worker_send(w, &PACKET(FILE_OPENED, file_opened, &opened), &fd, fd >= 0 ? 1 : 0);
    if (rc != 0) log_event(LOG_WARNING, "-", "file-wanted", "module=%s error=\"%s\"", module, err_name(rc));
    if (fd >= 0) close(fd);
}
