/* Where things are: files of an instance, programs of the installation. */
#include "daemon/config.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TREE_FDS = 16 };

int instance_path(const char *dir, const char *rest, char out[static INSTANCE_PATH_MAX]) {
    int n = snprintf(out, INSTANCE_PATH_MAX, "%s/%s", dir, rest);
    return n < 0 || n >= INSTANCE_PATH_MAX ? ERR_LIMIT : 0;
}

/* ---------------------------------------------------------------- whole trees */

static struct {
    uid_t uid;
    gid_t gid;
    int failed; /* errno */
} give;

static int give_one(const char *path, const struct stat *st, int type, struct FTW *at) {
    (void)st;
    (void)type;
    (void)at;
    if (lchown(path, give.uid, give.gid) == 0) return 0;
    give.failed = errno;
    return 1;
}

int instance_give(const char *dir, unsigned uid, unsigned gid, struct error *err) {
    give.uid = uid;
    give.gid = gid;
    give.failed = 0;
    if (nftw(dir, give_one, TREE_FDS, FTW_PHYS) == 0) return 0;
    return error_set(err, ERR_IO, "cannot give %s to user %u: %s", dir, uid, strerror(give.failed));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
    (void)st;
    (void)type;
    if (at->level > 0) (void)remove(path);
    return 0;
}

void instance_clear(const char *dir) {
    (void)nftw(dir, remove_one, TREE_FDS, FTW_DEPTH | FTW_PHYS);
}

/* ---------------------------------------------------------------- programs */

int program_find(const char *name, char out[static INSTANCE_PATH_MAX], struct error *err) {
    char here[INSTANCE_PATH_MAX];
    const char *given = getenv("IEMS_LIBEXEC");
    ssize_t len = readlink("/proc/self/exe", here, sizeof here - 1);
    if (len <= 0) return error_set(err, ERR_IO, "cannot tell where this program lies");
    here[len] = '\0';
    char *slash = strrchr(here, '/');
    if (slash != NULL) *slash = '\0';
    const char *folder = strncmp(name, "iems-", 5) == 0 ? name + 5 : name; /* in a build tree: src/smtpd/iems-smtpd */
    const struct {
        const char *dir, *between;
    } places[] = {
        {given, ""}, {here, ""}, {here, "/.."}, {here, "/../libexec/iems"}, {here, "/../../bin"},
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (places[i].dir == NULL) continue;
        bool tree = strcmp(places[i].between, "/..") == 0;
        int n = snprintf(out, INSTANCE_PATH_MAX, "%s%s/%s%s%s", places[i].dir, places[i].between, tree ? folder : "",
                         tree ? "/" : "", name);
        if (n > 0 && n < INSTANCE_PATH_MAX && access(out, X_OK) == 0) return 0;
    }
    return error_set(err, ERR_NOTFOUND, "the program %s is not installed (looked in %s and around it)", name, here);
}
