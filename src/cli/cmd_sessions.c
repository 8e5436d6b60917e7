/* `iems sessions list|show|disconnect`: who is logged in over IMAP, POP3 and SMTP. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/listing.h"
#include "rpc/dir_methods.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { PAGE = 500, SHOWN = 100, LIMIT_MAX = 100000000 };

struct wanted {
    Dir__SessionFilter filter;
    Dir__SessionList list;
    uint64_t limit;
    bool json;
    int first; /* operand in argv */
};

static int take(struct wanted *w, const char *name, char *value) {
    const struct {
        const char *option;
        char **to;
    } texts[] = {{"--user", &w->filter.user}, {"--service", &w->filter.service}, {"--peer", &w->filter.peer}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(name, texts[i].option) != 0) continue;
        *texts[i].to = value;
        return EX_OK;
    }
    if (strcmp(name, "--limit") == 0 && str_to_u64(str_from(value), LIMIT_MAX, &w->limit) == 0 && w->limit > 0)
        return EX_OK;
    if (strcmp(name, "--after") == 0 && str_to_u64(str_from(value), UINT64_MAX, &w->list.after) == 0) return EX_OK;
    return cli_usage(cli_current(), "unexpected '%s %s'", name, value);
}

/* Options end at the first operand. */
static int parse(int argc, char **argv, struct wanted *w) {
    *w = (struct wanted){.filter = DIR__SESSION_FILTER__INIT, .list = DIR__SESSION_LIST__INIT, .limit = SHOWN};
    w->list.filter = &w->filter;
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--json") == 0)
            w->json = true;
        else if (strcmp(argv[i], "--all") == 0)
            w->limit = LIMIT_MAX;
        else if (i + 1 == argc)
            return cli_usage(cli_current(), "%s: a value is missing", argv[i]);
        else if (take(w, argv[i], argv[i + 1]) != EX_OK)
            return EX_USAGE;
        else
            i++;
    }
    w->first = i;
    return EX_OK;
}

static json_t *session_json(const Dir__SessionNote *n) {
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:I, s:s, s:I, s:I}", "id", n->id, "user", n->user, "service",
                     n->service, "peer", n->peer, "tls", n->tls, "since", (json_int_t)n->since, "folder", n->folder,
                     "bytes_in", (json_int_t)n->bytes_in, "bytes_out", (json_int_t)n->bytes_out);
}

static void print_line(const Dir__SessionNote *n) {
    char since[32];
    time_t at = (time_t)n->since;
    struct tm tm;
    if (localtime_r(&at, &tm) == NULL || strftime(since, sizeof since, "%m-%d %H:%M:%S", &tm) == 0) since[0] = '\0';
    printf("%-17s %-5s %-30s %-22s %-3s %s %9.1f %9.1f  %s\n", n->id, n->service, n->user, n->peer,
           n->tls ? "tls" : "-", since, (double)n->bytes_in / 1024, (double)n->bytes_out / 1024, n->folder);
}

/* One page; counts down w->limit. */
static int list_page(struct rpc_client *dir, struct wanted *w, json_t *array, bool *more, uint64_t *total) {
    RPC_REPLY_AUTO reply = {0};
    w->list.limit = w->limit < PAGE ? (uint32_t)w->limit : PAGE;
    int rc = cli_call(dir, DIR_SESSION_LIST, &w->list.base, STR_EMPTY, &reply, "sessions");
    if (rc != 0) return rc;
    const Dir__SessionListed *l = (const void *)reply.msg;
    for (size_t i = 0; i < l->n_sessions; i++) {
        if (array != NULL)
            (void)json_array_append_new(array, session_json(l->sessions[i]));
        else
            print_line(l->sessions[i]);
    }
    w->limit -= l->n_sessions;
    w->list.after = l->next;
    *more = l->more;
    *total = l->total;
    return 0;
}

static int list(struct rpc_client *dir, struct wanted *w) {
    bool more = true;
    uint64_t total = 0;
    json_t *array = w->json ? json_array() : NULL;
    if (array == NULL)
        printf("%-17s %-5s %-30s %-22s %-3s %-14s %9s %9s  %s\n", "ID", "WHERE", "USER", "ADDRESS", "TLS", "SINCE",
               "KB IN", "KB OUT", "FOLDER");
    int rc = 0;
    while (rc == 0 && more && w->limit > 0) rc = list_page(dir, w, array, &more, &total);
    if (rc != 0) {
        json_decref(array);
        return cli_exit_status(rc);
    }
    if (array != NULL) return listing_json(array);
    if (more)
        printf("%llu sessions; go on: --after %llu\n", (unsigned long long)total, (unsigned long long)w->list.after);
    return EX_OK;
}

int cmd_sessions_list(struct cli *c, int argc, char **argv) {
    struct wanted w;
    if (parse(argc, argv, &w) != EX_OK) return EX_USAGE;
    if (w.first != argc) return cli_usage(cli_current(), "unexpected '%s'", argv[w.first]);
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    int status = list(dir, &w);
    rpc_client_free(dir);
    return status;
}

static int show(struct rpc_client *dir, struct wanted *w) {
    RPC_REPLY_AUTO reply = {0};
    int rc = cli_call(dir, DIR_SESSION_LIST, &w->list.base, STR_EMPTY, &reply, "session");
    if (rc != 0) return cli_exit_status(rc);
    const Dir__SessionListed *l = (const void *)reply.msg;
    if (l->n_sessions == 0) {
        cli_error("there is no session %s", w->filter.id);
        return EX_NOUSER;
    }
    const Dir__SessionNote *n = l->sessions[0];
    char since[CLOCK_TEXT_MAX];
    if (w->json) return listing_json(session_json(n));
    clock_rfc5322(n->since, since);
    printf("%-10s %s\n%-10s %s\n%-10s %s\n%-10s %s (%s)\n%-10s %s\n%-10s %s\n%-10s %llu in, %llu out\n", "Session",
           n->id, "User", n->user, "Service", n->service, "Address", n->peer, n->tls ? "TLS" : "no TLS", "Since", since,
           "Folder", n->folder[0] != '\0' ? n->folder : "-", "Bytes", (unsigned long long)n->bytes_in,
           (unsigned long long)n->bytes_out);
    return EX_OK;
}

int cmd_sessions_show(struct cli *c, int argc, char **argv) {
    struct wanted w;
    if (argc < 2 || argv[1][0] == '-' || argc > 3 || (argc == 3 && strcmp(argv[2], "--json") != 0))
        return cli_usage(cli_current(), "the id of one session is expected");
    if (parse(argc - 1, argv + 1, &w) != EX_OK) return EX_USAGE;
    w.filter.id = argv[1];
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    int status = show(dir, &w);
    rpc_client_free(dir);
    return status;
}

static int disconnect(struct rpc_client *dir, const Dir__SessionFilter *f, uint64_t *count) {
    RPC_REPLY_AUTO reply = {0};
    int rc = cli_call(dir, DIR_SESSION_DISCONNECT, &f->base, STR_EMPTY, &reply, "sessions");
    if (rc == 0) *count += ((const Dir__SessionCount *)(const void *)reply.msg)->count;
    return rc;
}

int cmd_sessions_disconnect(struct cli *c, int argc, char **argv) {
    struct wanted w;
    if (parse(argc, argv, &w) != EX_OK) return EX_USAGE;
    bool filtered = w.filter.user[0] != '\0' || w.filter.service[0] != '\0' || w.filter.peer[0] != '\0';
    if (filtered == (w.first < argc)) return cli_usage(cli_current(), "ids of sessions, or a filter, are expected");
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    uint64_t count = 0;
    int rc = filtered ? disconnect(dir, &w.filter, &count) : 0;
    for (int i = w.first; rc == 0 && i < argc; i++) {
        w.filter.id = argv[i];
        rc = disconnect(dir, &w.filter, &count);
    }
    rpc_client_free(dir);
    if (rc != 0) return cli_exit_status(rc);
    printf("%llu sessions were ended.\n", (unsigned long long)count);
    return count > 0 ? EX_OK : EX_NOUSER;
}
