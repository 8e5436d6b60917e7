/* A module that does nothing, for the tests of the responder: it takes the name under which it is called (iems-NAME)
 * and does what DIR/behave-NAME says: "fail" (cannot start), "exit" (ends in the middle of its start), "hang" (never
 * ready), "deaf" (does not stop when asked), "open" and "exec" (what the jail forbids). As "dir" it serves empty
 * options. */
#include "base/log.h"
#include "daemon/config.h"
#include "daemon/daemon.h"
#include "net/fiber.h"
#include "rpc/dir_methods.h"
#include "rpc/store_methods.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    char name[32];
    char behave[32];
    struct rpc_server *server;
    struct rpc_client *dir;
    unsigned sessions;
} sample;

static int behaves(const char *as) {
    return strcmp(sample.behave, as) == 0;
}

static int prepare(struct daemon *d, struct error *err) {
    char path[INSTANCE_PATH_MAX];
    (void)err;
    (void)snprintf(path, sizeof path, "%s/behave-%s", daemon_instance_dir(d), sample.name);
    FILE *f = fopen(path, "re");
    if (f == NULL) return 0;
    if (fgets(sample.behave, sizeof sample.behave, f) == NULL) sample.behave[0] = '\0';
    sample.behave[strcspn(sample.behave, "\n")] = '\0';
    (void)fclose(f);
    return 0;
}

static int handle_config(struct rpc_request *r, struct error *err, void *arg) {
    (void)err;
    (void)arg;
    Dir__Config config = DIR__CONFIG__INIT;
    rpc_answer(r, &config.base, STR_EMPTY);
    return 0;
}

static int start(struct daemon *d, struct error *err) {
    static const struct rpc_server_method methods[] = {{DIR_CONFIG_WATCH, handle_config, false}};
    static const struct rpc_server_ops serve_dir = {.methods = methods, .count = 1}, serve_store = {0};
    if (behaves("fail")) return error_set(err, ERR_INVALID, "the test wants it so");
    if (behaves("exit")) _exit(3);
    if (behaves("open") && open("/etc/passwd", O_RDONLY) < 0) log_event(LOG_MESSAGE, "-", "refused", "call=open");
    if (behaves("exec")) (void)execl("/bin/true", "true", (char *)NULL);
    if (behaves("hang") && fiber_sleep(UINT32_MAX) != 0) return ERR_CANCELLED;
    bool dir = strcmp(sample.name, "dir") == 0;
    int rc =
        dir || strcmp(sample.name, "store") == 0
            ? rpc_server_new(dir ? &dir_service : &store_service, dir ? &serve_dir : &serve_store, NULL, &sample.server)
            : daemon_client(d, &store_service, NULL, NULL, NULL);
    log_event(LOG_MESSAGE, "-", "sample", "name=%s listener=%d key=%zu tls=%d", sample.name,
              daemon_take_listener(d, "smtp") >= 0, daemon_ticket_key(d).len, daemon_tls(d) != NULL);
    return rc;
}

static void stop(struct daemon *d, unsigned seconds) {
    (void)d;
    (void)seconds;
    while (behaves("deaf")) (void)poll(NULL, 0, -1);
}

static int session(struct daemon *d, int fd, uint32_t role, const char *name) {
    (void)d;
    sample.sessions++;
    return sample.server == NULL ? ERR_UNSUPPORTED : rpc_server_add(sample.server, fd, role, name);
}

static void changed(struct daemon *d) {
    log_event(LOG_MESSAGE, "-", "changed", "log_keep=%llu", (unsigned long long)option_u64(d, "server.log_keep"));
}

/* Lines without end, for the rotation of the log. */
static void chatter(struct daemon *d, struct buf *out) {
    (void)d;
    for (int i = 0; behaves("chatter") && i < 200; i++) {
        log_event(LOG_MESSAGE, "-", "chatter", "line=%d text=\"%s\"", i,
                  "some words that make the line as long as lines in a log usually are, and a few more");
    }
    buf_printf(out, "iems_sample_sessions{module=\"%s\"} %u\n", sample.name, sample.sessions);
}

int main(int argc, char **argv) {
    static struct daemon_ops ops = {
        .name = sample.name,
        .summary = "a module for tests",
        .needs = NEEDS_ACCEPT,
        .prepare = prepare,
        .start = start,
        .stop = stop,
        .options_changed = changed,
        .metrics = chatter,
        .session = session,
    };
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *name = slash == NULL ? "iems-sample" : slash + 1;
    (void)snprintf(sample.name, sizeof sample.name, "%s", strncmp(name, "iems-", 5) == 0 ? name + 5 : name);
    return daemon_main(&ops, argc, argv);
}
