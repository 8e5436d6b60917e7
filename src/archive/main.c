/* iems-archive DIR: serves the store in DIR, a working copy of a backup that the command line has made, to its parent
 * on descriptor 3, until that ends. What is changed there is thrown away with the copy, which it removes itself when
 * the parent dies or both are interrupted. The only one who can talk to it is who started it, so the key of its tickets
 * is no secret (ARCHIVE_KEY). */
#include "store/archive.h"

#include "daemon/config.h"
#include "net/loop.h"
#include "store/service/service.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

enum { SOCKET = 3, CACHE = 32 * 1024 * 1024 };

static int status = EX_SOFTWARE;
static const char *dir;
static bool damaged;

static void failed(int code, const char *text, void *arg) {
    (void)arg;
    fprintf(stderr, "%s (%s)\n", text, err_name(code));
    _exit(EX_IOERR);
}

/* Only what is named as a working copy. */
static void leave(int signum, void *arg) {
    const char *slash = strrchr(dir, '/');
    (void)signum;
    (void)arg;
    if (slash != NULL && str_starts(str_from(slash + 1), STR(ARCHIVE_PREFIX))) {
        instance_clear(dir);
        (void)rmdir(dir);
    }
    _exit(EX_TEMPFAIL);
}

/* The parent's death is told by a signal, unless it died before we asked for that. */
static int watch_parent(void) {
    static const int signals[] = {SIGHUP, SIGINT, SIGTERM};
    struct pollfd parent = {.fd = SOCKET};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (loop_on_signal(signals[i], leave, NULL) != 0) return ERR_NOMEM;
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (poll(&parent, 1, 0) > 0 && (parent.revents & POLLHUP)) leave(SIGTERM, NULL);
    return 0;
}

static void run(void *arg) {
    struct engine_config engine = {.dir = dir, .cache_bytes = CACHE, .damaged = damaged};
    struct service_config cfg = {.ticket_key = str_from(ARCHIVE_KEY),
                                 .mailbox_cache = CACHE,
                                 .trace_days = 1,
                                 .undelete_s = UINT32_MAX,
                                 .failed = failed};
    struct service *s = NULL;
    struct error err = {0};
    (void)arg;
    int rc = engine_rocksdb_open(&engine, &cfg.engine, &err);
    if (rc == 0) rc = service_open(&cfg, &s, &err);
    if (rc == 0) rc = service_add(s, SOCKET, ROLE_CLI, "archive");
    if (rc != 0) {
        fprintf(stderr, "%s\n", err.text[0] != '\0' ? err.text : err_name(rc));
        loop_stop();
        return;
    }
    status = EX_OK; /* the parent ends it by a signal */
    while (fiber_sleep(UINT32_MAX) == 0) continue;
}

int main(int argc, char **argv) {
    struct error err = {0};
    damaged = argc == 3 && strcmp(argv[2], ARCHIVE_DAMAGED) == 0;
    if (argc != 2 && !damaged) {
        fputs("iems-archive is started by `iems restore` and others\n", stderr);
        return EX_USAGE;
    }
    dir = argv[1];
    if (loop_init(&err) != 0 || watch_parent() != 0 || fiber_spawn("archive", run, NULL, NULL) != 0) return EX_OSERR;
    loop_run();
    return status;
}
