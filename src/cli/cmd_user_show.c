/* `iems user show` and `iems user list`: ACCT-07, ACCT-08, DIR-24. */
#include "base/buf.h"
#include "cli/commands.h"
#include "cli/user_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { LIST_PAGE = 500 };

/* What the store knows of the account; the account is shown without it too. */
struct known {
    struct rpc_reply info, usage;
};

static void store_ask(struct cli *c, const Dir__User *u, struct known *out) {
    struct rpc_client *store = NULL;
    struct error err = {0};
    Store__AccountId id = STORE__ACCOUNT_ID__INIT;
    Store__UsageName name = STORE__USAGE_NAME__INIT;
    id.account = u->account;
    name.user = u->address;
    if (u->account == 0 || cli_try_connect(c, &store_service, &store, &err) != 0) return;
    if (cli_call(store, STORE_ACCOUNT_INFO, &id.base, STR_EMPTY, &out->info, "mailbox") == 0)
        (void)!cli_call(store, STORE_USAGE_GET, &name.base, STR_EMPTY, &out->usage, "usage");
    rpc_client_free(store);
}

static json_t *user_json(const Dir__User *u, const struct known *k) {
    json_t *o = user_text_json(u, (const void *)k->info.msg);
    if (o != NULL && k->usage.msg != NULL)
        (void)json_object_set_new(o, "sent_today", user_usage_json((const void *)k->usage.msg));
    return o;
}

static int print_json(json_t *value) {
    if (value == NULL || json_dumpf(value, stdout, JSON_INDENT(2)) != 0) {
        json_decref(value);
        return EX_OSERR;
    }
    (void)fputc('\n', stdout);
    json_decref(value);
    return EX_OK;
}

static int show(struct cli *c, struct rpc_client *dir, const char *address, bool json, bool folders) {
    Dir__UserName name = DIR__USER_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct known known = {0};
    name.address = (char *)(uintptr_t)address;
    int rc = cli_call(dir, DIR_USER_GET, &name.base, STR_EMPTY, &reply, "user");
    if (rc != 0) return cli_exit_status(rc);
    const Dir__User *u = (const void *)reply.msg;
    store_ask(c, u, &known);
    json_t *o = json ? user_json(u, &known) : NULL;
    if (!json) {
        user_text_print(u, (const void *)known.info.msg);
        if (known.usage.msg != NULL) user_usage_print((const void *)known.usage.msg);
    }
    const Store__AccountInfo *info = (const void *)known.info.msg;
    int status = EX_OK;
    if (folders && info != NULL && info->exists) status = user_folders_show(c, dir, u->address, o);
    if (o == NULL || status != EX_OK)
        json_decref(o);
    else
        status = print_json(o);
    rpc_reply_free(&known.info);
    rpc_reply_free(&known.usage);
    return status;
}

int cmd_user_show(struct cli *c, int argc, char **argv) {
    const char *address = NULL;
    bool json = false, folders = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (strcmp(argv[i], "--folders") == 0)
            folders = true;
        else if (argv[i][0] == '-' || address != NULL)
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            address = argv[i];
    }
    if (address == NULL) return cli_usage(cli_current(), "one address is expected");
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    int status = show(c, dir, address, json, folders);
    rpc_client_free(dir);
    return status;
}

/* ---------------------------------------------------------------- list */

static void print_line(const Dir__User *u) {
    char quota[32] = "unlimited";
    if (u->quota_mb > 0) (void)snprintf(quota, sizeof quota, "%llu MB", (unsigned long long)u->quota_mb);
    printf("%-36s %8llu  %-9s %-12s %s%s%s%s\n", u->address, (unsigned long long)u->account,
           u->account == 0 ? "-" : quota, u->permission, u->first_name, u->first_name[0] != '\0' ? " " : "",
           u->last_name, u->enabled ? "" : "  (disabled)");
}

enum list_form { LIST_TABLE, LIST_JSON, LIST_ADDRESSES };

/* One page; the last address goes to `after`, `*more` tells whether there is another. */
static int list_page(struct rpc_client *dir, Dir__UserFind *find, struct buf *after, enum list_form form, json_t *array,
                     bool *more) {
    RPC_REPLY_AUTO reply = {0};
    int rc = cli_call(dir, DIR_USER_FIND, &find->base, STR_EMPTY, &reply, "users");
    if (rc != 0) return rc;
    const Dir__UserFound *found = (const void *)reply.msg;
    for (size_t i = 0; i < found->n_users; i++) {
        if (form == LIST_TABLE)
            print_line(found->users[i]);
        else if (form == LIST_ADDRESSES && found->users[i]->account != 0)
            puts(found->users[i]->address);
        else if (form == LIST_JSON)
            (void)json_array_append_new(array, user_text_json(found->users[i], NULL));
    }
    *more = found->more && found->n_users > 0;
    if (!*more) return 0;
    buf_clear(after);
    buf_adds(after, found->users[found->n_users - 1]->address);
    find->after = (char *)(uintptr_t)buf_cstr(after);
    return after->error;
}

static int list_users(struct rpc_client *dir, const char *pattern, const char *domain, enum list_form form) {
    Dir__UserFind find = DIR__USER_FIND__INIT;
    BUF_AUTO after = BUF_INIT(2048);
    json_t *array = form == LIST_JSON ? json_array() : NULL;
    bool more = true;
    find.pattern = (char *)(uintptr_t)pattern;
    find.domain = (char *)(uintptr_t)domain;
    find.limit = LIST_PAGE;
    int rc = 0;
    if (form == LIST_TABLE) printf("%-36s %8s  %-9s %-12s %s\n", "ADDRESS", "ACCOUNT", "QUOTA", "PERMISSION", "NAME");
    while (rc == 0 && more) rc = list_page(dir, &find, &after, form, array, &more);
    if (array != NULL && rc == 0) return print_json(array);
    json_decref(array);
    return cli_exit_status(rc);
}

int user_list_addresses(struct rpc_client *dir) {
    return list_users(dir, "", "", LIST_ADDRESSES);
}

int cmd_user_list(struct cli *c, int argc, char **argv) {
    const char *pattern = "", *domain = "";
    bool json = false, deleted = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (strcmp(argv[i], "--deleted") == 0)
            deleted = true;
        else if (strcmp(argv[i], "--domain") == 0 && i + 1 < argc)
            domain = argv[++i];
        else if (argv[i][0] == '-' || pattern[0] != '\0')
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            pattern = argv[i];
    }
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    int status = deleted ? user_list_deleted(dir, pattern, json)
                         : list_users(dir, pattern, domain, json ? LIST_JSON : LIST_TABLE);
    rpc_client_free(dir);
    return status;
}
