#include "cli/instance_folders.h"

#include "daemon/config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int instance_folders_make(const char *dir, struct error *err) {
    static const struct {
        const char *name;
        mode_t mode;
    } folders[] = {{"data", 0700}, {"directory", 0700}, {"tls", 0700}, {"log", 0750}, {"run", 0755}};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[INSTANCE_PATH_MAX];
        if (instance_path(dir, folders[i].name, path) != 0) return error_set(err, ERR_LIMIT, "path too long");
        if (mkdir(path, folders[i].mode) != 0) return error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    return 0;
}

/* The service user owns what its processes write. Configuration, certificate and log stay root's, who reads and writes
 * them with more rights: the user may only read. */
int instance_folders_give(const char *dir, const struct passwd *pw, struct error *err) {
    static const struct {
        const char *name;
        bool whole;
        mode_t mode; /* when it is root's */
    } parts[] = {{"data", true, 0},    {"directory", true, 0}, {"run", true, 0},
                 {"log", false, 0750}, {"tls", false, 0750},   {"tls/server.pem", false, 0640}};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof parts / sizeof parts[0]; i++) {
        char path[INSTANCE_PATH_MAX];
        if (instance_path(dir, parts[i].name, path) != 0) return error_set(err, ERR_LIMIT, "path too long");
        if (parts[i].whole) {
            rc = instance_give(path, pw->pw_uid, pw->pw_gid, err);
        } else if (lchown(path, 0, pw->pw_gid) != 0 || chmod(path, parts[i].mode) != 0) {
            rc = error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
        }
    }
    return rc;
}
