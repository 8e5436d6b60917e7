/* iems undelete: lists and brings back messages that were expunged, for the time that store.undelete_time gives. */
#include "base/clock.h"
#include "cli/commands.h"
#include "net/loop.h"
#include "proto/mime/summary.h"
#include "rpc/dir_methods.h"
#include "rpc/store_methods.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { PAGE = 500 };

struct undelete {
    uint64_t account, uid;
    const char *address, *folder;
    int64_t since;
};

static int parse_since(const char *text, int64_t *out) {
    uint64_t seconds, y, m, d;
    int64_t s;
    struct str rest = str_from(text);
    if (clock_parse_duration(rest, &seconds) == 0) {
        *out = clock_wall_ms() - (int64_t)seconds * 1000;
        return 0;
    }
    struct str year = str_cut(&rest, '-'), month = str_cut(&rest, '-');
    if (str_to_u64(year, 9999, &y) != 0 || str_to_u64(month, 12, &m) != 0 || str_to_u64(rest, 31, &d) != 0 ||
        clock_from_civil((int)y, (int)m, (int)d, 0, 0, 0, &s) != 0)
        return ERR_INVALID;
    *out = s * 1000;
    return 0;
}

static int parse(struct undelete *u, int argc, char **argv) {
    const char *since = NULL, *uid = NULL;
    for (int i = 1; i < argc; i++) {
        const char **to = strcmp(argv[i], "--folder") == 0  ? &u->folder
                          : strcmp(argv[i], "--since") == 0 ? &since
                          : strcmp(argv[i], "--uid") == 0   ? &uid
                                                            : NULL;
        if (to != NULL && i + 1 < argc)
            *to = argv[++i];
        else if (argv[i][0] == '-' || u->address != NULL)
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            u->address = argv[i];
    }
    if (u->address == NULL) return cli_usage(cli_current(), "of which account?");
    if (since != NULL && parse_since(since, &u->since) != 0)
        return cli_usage(cli_current(), "--since: 2h, 3d or 2026-11-21, not '%s'", since);
    if (uid != NULL && (str_to_u64(str_from(uid), UINT32_MAX, &u->uid) != 0 || u->folder == NULL))
        return cli_usage(cli_current(), "--uid needs a UID and --folder");
    return EX_OK;
}

static int find_account(struct cli *c, struct undelete *u) {
    struct rpc_client *dir = cli_connect(c, &dir_service);
    Dir__UserName name = DIR__USER_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    if (dir == NULL) return EX_UNAVAILABLE;
    name.address = (char *)(uintptr_t)u->address;
    int rc = cli_call(dir, DIR_USER_GET, &name.base, STR_EMPTY, &reply, u->address);
    if (rc == 0) u->account = ((const Dir__User *)reply.msg)->account;
    rpc_client_free(dir);
    return cli_exit_status(rc);
}

static struct rpc_client *begin(struct cli *c, struct undelete *u, int argc, char **argv, int *status) {
    *status = parse(u, argc, argv);
    if (*status == EX_OK && !cli_instance(c, NULL)) *status = EX_NOINPUT;
    if (*status == EX_OK) *status = find_account(c, u);
    struct rpc_client *store = *status == EX_OK ? cli_connect(c, &store_service) : NULL;
    if (*status == EX_OK && store == NULL) *status = EX_UNAVAILABLE;
    return store;
}

static void print_one(const Store__Expunged *e) {
    struct summary s;
    char at[CLOCK_TEXT_MAX];
    struct str from = STR_EMPTY, subject = STR_EMPTY;
    if (summary_parse_thin(rpc_bytes(e->summary), &s) == 0) {
        from = s.from;
        subject = s.base_subject;
    }
    clock_rfc3339(e->at, at);
    printf("%s  %s  UID %u  %llu bytes  %.*s  %.*s\n", at, e->folder, e->uid, (unsigned long long)e->size,
           STR_ARG(from), STR_ARG(subject));
}

int cmd_undelete_list(struct cli *c, int argc, char **argv) {
    struct undelete u = {0};
    int status, rc = 0;
    struct rpc_client *store = begin(c, &u, argc, argv, &status);
    if (store == NULL) return status;
    char key[64];
    struct str after = STR_EMPTY;
    uint64_t count = 0;
    for (bool more = true; rc == 0 && more;) {
        Store__UndeleteList req = STORE__UNDELETE_LIST__INIT;
        RPC_REPLY_AUTO reply = {0};
        req.account = u.account;
        if (u.folder != NULL) req.folder = (char *)(uintptr_t)u.folder;
        req.since = u.since;
        req.after = rpc_binary(after);
        req.limit = PAGE;
        rc = cli_call(store, STORE_UNDELETE_LIST, &req.base, STR_EMPTY, &reply, "undelete");
        if (rc != 0) break;
        const Store__UndeleteListed *l = (const Store__UndeleteListed *)reply.msg;
        for (size_t i = 0; i < l->n_messages; i++) print_one(l->messages[i]);
        count += l->n_messages;
        more = l->more && l->n_messages > 0 && l->next.len <= sizeof key;
        if (more) memcpy(key, l->next.data, l->next.len);
        after = str_of(key, l->next.len);
    }
    rpc_client_free(store);
    if (rc == 0) printf("%llu messages may be brought back.\n", (unsigned long long)count);
    return cli_exit_status(rc);
}

int cmd_undelete_restore(struct cli *c, int argc, char **argv) {
    struct undelete u = {0};
    int status, rc = 0;
    struct rpc_client *store = begin(c, &u, argc, argv, &status);
    if (store == NULL) return status;
    uint64_t count = 0;
    for (bool more = true; rc == 0 && more;) { /* what was brought back is not there the next time */
        Store__UndeleteRestore req = STORE__UNDELETE_RESTORE__INIT;
        RPC_REPLY_AUTO reply = {0};
        req.account = u.account;
        if (u.folder != NULL) req.folder = (char *)(uintptr_t)u.folder;
        req.since = u.since;
        req.uid = (uint32_t)u.uid;
        rc = cli_call(store, STORE_UNDELETE_RESTORE, &req.base, STR_EMPTY, &reply, "undelete");
        if (rc != 0) break;
        const Store__UndeleteRestored *r = (const Store__UndeleteRestored *)reply.msg;
        count += r->restored;
        more = r->more && r->restored > 0;
    }
    rpc_client_free(store);
    if (rc == 0) printf("%llu messages were brought back.\n", (unsigned long long)count);
    return rc == 0 && count == 0 ? EX_NOUSER : cli_exit_status(rc);
}
