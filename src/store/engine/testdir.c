#include "store/engine/testdir.h"

#include "base/error.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void testdir_make(char out[static TESTDIR_MAX]) {
    const char *base = getenv("TMPDIR");
    snprintf(out, TESTDIR_MAX, "%s/iems-test-XXXXXX", base != NULL ? base : "/tmp");
    IEMS_ASSERT(mkdtemp(out) != NULL);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

void testdir_remove(const char *dir) {
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void testdir_copy_file(const char *from, const char *to) {
    char block[65536];
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    IEMS_ASSERT(out >= 0);
    /* A file may vanish between the listing and the copy: the engine deletes what it no longer needs. */
    for (ssize_t n; in >= 0 && (n = read(in, block, sizeof block)) > 0;) IEMS_ASSERT(write(out, block, (size_t)n) == n);
    if (in >= 0) close(in);
    close(out);
}

void testdir_copy(const char *from, const char *to) {
    IEMS_ASSERT(mkdir(to, 0700) == 0);
    DIR *d = opendir(from);
    IEMS_ASSERT(d != NULL);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char a[TESTDIR_MAX * 2], b[TESTDIR_MAX * 2];
        if (e->d_type != DT_REG) continue;
        snprintf(a, sizeof a, "%s/%s", from, e->d_name);
        snprintf(b, sizeof b, "%s/%s", to, e->d_name);
        testdir_copy_file(a, b);
    }
    closedir(d);
}
