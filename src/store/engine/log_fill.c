#include "store/engine/log_fill.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void log_fill_init(struct log_fill *f, const char *dir) {
    *f = (struct log_fill){.fd = -1};
    (void)snprintf(f->dir, sizeof f->dir, "%s", dir);
}

static void forget(struct log_fill *f) {
    if (f->fd >= 0) close(f->fd);
    f->fd = -1;
    f->number = 0;
}

void log_fill_done(struct log_fill *f) {
    forget(f);
}

/* The newest "NNNNNN.log". */
static uint64_t newest(const char *dir) {
    uint64_t best = 0;
    DIR *d = opendir(dir);
    if (d == NULL) return 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char *end;
        unsigned long long n = strtoull(e->d_name, &end, 10);
        if (end != e->d_name && strcmp(end, ".log") == 0 && n > best) best = n;
    }
    closedir(d);
    return best;
}

static void look(struct log_fill *f) {
    char path[LOG_FILL_PATH_MAX + 32];
    uint64_t n = newest(f->dir);
    if (n == f->number) return;
    forget(f);
    (void)snprintf(path, sizeof path, "%s/%06llu.log", f->dir, (unsigned long long)n);
    f->fd = open(path, O_WRONLY | O_CLOEXEC);
    if (f->fd < 0) return;
    f->number = n;
    f->offset = f->unchecked; /* at most so much is in it */
}

/* Only beyond the end: whatever the engine wrote stands before it. A failure only costs speed. */
static void fill(struct log_fill *f) {
    static const char zeros[64 * 1024];
    struct stat st;
    if (fstat(f->fd, &st) != 0 || f->offset + LOG_FILL_STEP <= (uint64_t)st.st_size) return;
    for (uint64_t done = 0; done < LOG_FILL_AHEAD; done += sizeof zeros)
        if (pwrite(f->fd, zeros, sizeof zeros, st.st_size + (off_t)done) != sizeof zeros) return;
}

void log_fill_wrote(struct log_fill *f, size_t bytes) {
    f->unchecked += bytes;
    f->offset += bytes;
    if (f->number != 0 && f->unchecked < LOG_FILL_STEP / 4) return;
    look(f);
    f->unchecked = 0;
    if (f->fd >= 0) fill(f);
}
