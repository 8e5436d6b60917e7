#include "cli/archive.h"

#include "base/clock.h"
#include "cli/files.h"
#include "rpc/store_methods.h"
#include "rpc/ticket.h"
#include "store/archive.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TICKET_S = 7 * 86400 };

static bool is_table(const char *name) {
    return str_ends(str_from(name), STR(".sst")) || str_ends(str_from(name), STR(".blob"));
}

static int copy_one(const char *from, const char *to, const char *name, struct error *err) {
    char source[INSTANCE_PATH_MAX], target[INSTANCE_PATH_MAX], whole[PATH_MAX];
    int rc = instance_path(from, name, source);
    if (rc == 0) rc = instance_path(to, name, target);
    if (rc != 0) return error_set(err, rc, "the path is too long");
    if (!is_table(name)) return file_copy(source, target, 0600, NULL, err);
    if (realpath(source, whole) == NULL || symlink(whole, target) != 0)
        return error_set(err, ERR_IO, "%s: %s", source, strerror(errno));
    return 0;
}

static int make_copy(const char *from, struct archive *a, struct error *err) {
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(a->dir, sizeof a->dir, "%s/iems-archive-XXXXXX", tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");
    if (mkdtemp(a->dir) == NULL) return error_set(err, ERR_IO, "%s: %s", a->dir, strerror(errno));
    DIR *d = opendir(from);
    if (d == NULL) return error_set(err, ERR_IO, "%s: %s", from, strerror(errno));
    int rc = 0;
    for (struct dirent *e; rc == 0 && (e = readdir(d)) != NULL;) {
        const char *n = e->d_name;
        if (n[0] == '.' || strcmp(n, "LOCK") == 0 || str_starts(str_from(n), STR("LOG"))) continue;
        rc = copy_one(from, a->dir, n, err);
    }
    closedir(d);
    return rc;
}

int archive_open(const char *store_dir, struct archive *out, struct error *err) {
    static const struct rpc_client_ops ops = {.connect = child_connect};
    *out = (struct archive){.child.fd = -1};
    int rc = make_copy(store_dir, out, err);
    const char *const arguments[] = {out->dir, NULL};
    if (rc == 0) rc = child_start(&out->child, "iems-archive", arguments, err);
    if (rc == 0) rc = rpc_client_new(&store_service, &ops, &out->child, &out->store);
    if (rc != 0) archive_close(out);
    return rc;
}

void archive_close(struct archive *a) {
    rpc_client_free(a->store);
    child_end(&a->child); /* its copy goes with it */
    if (a->dir[0] != '\0') {
        instance_clear(a->dir);
        (void)rmdir(a->dir);
    }
    *a = (struct archive){.child.fd = -1};
}

int archive_ticket(uint64_t account, const char *address, struct buf *out) {
    struct ticket t = {.account = account,
                       .expires_s = clock_wall_s() + TICKET_S,
                       .address = str_from(address),
                       .service = STR("restore")};
    return ticket_seal(str_from(ARCHIVE_KEY), &t, out);
}
