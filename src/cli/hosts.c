#include "cli/hosts.h"

#include "net/loop.h"

#include <pwd.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

enum { ACTION_MS = 200 * 1000, LOOK_MS = 40 * 1000, BY_MAX = 64 };

struct rpc_client *hosts_connect(struct cli *c) {
    struct rpc_client *remote = cli_connect(c, &remote_service);
    if (remote == NULL)
        cli_error("other hosts are asked through the module remote: iems module start remote, and for always "
                  "auto_start = yes under [remote] of iems.conf");
    return remote;
}

static char *text(const char *s) {
    return (char *)(uintptr_t)(s == NULL ? "" : s);
}

int hosts_ask(struct rpc_client *remote, uint16_t method, const struct host_ask *what, struct rpc_reply *reply,
              struct error *err) {
    char by[BY_MAX];
    const struct passwd *pw = getpwuid(getuid());
    Remote__Ask ask = REMOTE__ASK__INIT;
    if (pw != NULL)
        (void)snprintf(by, sizeof by, "%s", pw->pw_name);
    else
        (void)snprintf(by, sizeof by, "uid-%u", (unsigned)getuid());
    ask.host = text(what->host);
    ask.module = text(what->module);
    ask.verb = text(what->verb);
    ask.by = by;
    uint64_t deadline = loop_now_ms() + (method == REMOTE_ACTION ? ACTION_MS : LOOK_MS);
    int rc = rpc_call(remote, method, &ask.base, STR_EMPTY, deadline, reply, err);
    if (rc != 0 && err->text[0] == '\0') return error_set(err, rc, "%s: %s", ask.host, err_name(rc));
    return rc;
}

int hosts_do(struct cli *c, uint16_t method, const struct host_ask *what, struct rpc_reply *reply) {
    struct error err = {0};
    struct rpc_client *remote = hosts_connect(c);
    if (remote == NULL) return EX_UNAVAILABLE;
    int rc = hosts_ask(remote, method, what, reply, &err);
    rpc_client_free(remote);
    if (rc != 0) cli_error("%s", err.text);
    return cli_exit_status(rc);
}
