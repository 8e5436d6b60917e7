/* `iems queue retry|reset|hold|release|delete|bounce`: QST-06, SQST-02, SQST-10, SQST-12. */
#include "cli/commands.h"
#include "cli/queue_args.h"
#include "cli/queue_json.h"
#include "net/loop.h"
#include "rpc/store_methods.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { ACTION_MS = 3600 * 1000 }; /* a million messages take minutes */

struct verb {
    Store__QueueVerb verb;
    const char *done; /* "12 messages deleted." */
    const char *ask;
};

static const struct verb retry = {STORE__QUEUE_VERB__VERB_RETRY, "set to be tried now", "Try again"};
static const struct verb reset = {STORE__QUEUE_VERB__VERB_RESET, "reset, to be tried now as if new", "Reset"};
static const struct verb hold = {STORE__QUEUE_VERB__VERB_HOLD, "held", "Hold"};
static const struct verb release = {STORE__QUEUE_VERB__VERB_RELEASE, "released", "Release"};
static const struct verb drop = {STORE__QUEUE_VERB__VERB_DELETE, "deleted", "Delete"};
static const struct verb bounce = {STORE__QUEUE_VERB__VERB_BOUNCE, "sent back", "Send back"};

/* How many entries the filter matches; < 0: failed and told. */
static int64_t count_matching(struct rpc_client *store, struct queue_args *a) {
    Store__QueueList request = STORE__QUEUE_LIST__INIT;
    RPC_REPLY_AUTO reply = {0};
    request.filter = &a->filter;
    request.limit = 1;
    if (cli_call(store, STORE_QUEUE_LIST, &request.base, STR_EMPTY, &reply, "cannot list the queue") != 0) return -1;
    return (int64_t)((const Store__QueueListed *)reply.msg)->total;
}

/* What was not named by id is asked about first. */
static int confirm(struct rpc_client *store, struct queue_args *a, const struct verb *v) {
    if (a->filter.n_ids > 0 || a->yes) return EX_OK;
    int64_t count = count_matching(store, a);
    if (count < 0) return EX_UNAVAILABLE;
    if (!isatty(STDIN_FILENO)) {
        cli_error("%lld messages match; give --yes to act on them without a question", (long long)count);
        return EX_USAGE;
    }
    char answer[16] = "";
    (void)fprintf(stderr, "%s %lld message%s? [y/N] ", v->ask, (long long)count, count == 1 ? "" : "s");
    if (fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y')) return EX_OK;
    (void)fputs("Nothing was done.\n", stderr);
    return EX_TEMPFAIL;
}

static int act(struct rpc_client *store, struct queue_args *a, const struct verb *v) {
    Store__QueueAction request = STORE__QUEUE_ACTION__INIT;
    RPC_REPLY_AUTO reply = {0};
    char by[64] = "";
    const struct passwd *user = getpwuid(getuid());
    (void)snprintf(by, sizeof by, "%s", user != NULL ? user->pw_name : "unknown");
    int status = confirm(store, a, v);
    if (status != EX_OK) return status;
    request.filter = &a->filter;
    request.verb = v->verb;
    request.by = by;
    if (a->reason != NULL) request.reason = (char *)(uintptr_t)a->reason;
    struct error err = {0};
    int rc = rpc_call(store, STORE_QUEUE_ACTION, &request.base, STR_EMPTY, loop_now_ms() + ACTION_MS, &reply, &err);
    if (rc != 0) {
        cli_error("cannot do it: %s", err.text);
        return cli_exit_status(rc);
    }
    uint64_t count = ((const Store__QueueActed *)reply.msg)->count;
    if (count == 0 && a->filter.n_ids > 0) {
        cli_error("no such message is queued");
        return EX_DATAERR;
    }
    if (a->json) {
        json_t *j =
            json_pack("{s:s, s:I}", "action", cli_current()->name + strlen("queue "), "messages", (json_int_t)count);
        return queue_json_print(j) ? EX_OK : EX_IOERR;
    }
    printf("%llu message%s %s.\n", (unsigned long long)count, count == 1 ? "" : "s", v->done);
    return EX_OK;
}

static int run(struct cli *c, int argc, char **argv, const struct verb *v) {
    struct queue_args *a = calloc(1, sizeof *a);
    struct error err = {0};
    int status = EX_NOINPUT;
    if (a == NULL) return EX_OSERR;
    if (queue_args_parse(argc, argv, a, &err) != 0) {
        status = cli_usage(cli_current(), "%s", err.text);
    } else if (a->filter.n_ids == 0 && !a->filtered && !a->all) {
        status = cli_usage(cli_current(), "name messages by id, by a filter such as --sender, or with --all");
    } else if (cli_instance(c, NULL)) {
        struct rpc_client *store = cli_connect(c, &store_service);
        status = store == NULL ? EX_UNAVAILABLE : act(store, a, v);
        if (store != NULL) rpc_client_free(store);
    }
    free(a);
    return status;
}

int cmd_queue_retry(struct cli *c, int argc, char **argv) {
    return run(c, argc, argv, &retry);
}
int cmd_queue_reset(struct cli *c, int argc, char **argv) {
    return run(c, argc, argv, &reset);
}
int cmd_queue_hold(struct cli *c, int argc, char **argv) {
    return run(c, argc, argv, &hold);
}
int cmd_queue_release(struct cli *c, int argc, char **argv) {
    return run(c, argc, argv, &release);
}
int cmd_queue_delete(struct cli *c, int argc, char **argv) {
    return run(c, argc, argv, &drop);
}
int cmd_queue_bounce(struct cli *c, int argc, char **argv) {
    return run(c, argc, argv, &bounce);
}
