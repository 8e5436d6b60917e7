/* `iems user undelete` and `iems user list --deleted`: accounts that were deleted and are kept for a time. */
#include "base/clock.h"
#include "cli/commands.h"
#include "rpc/dir_methods.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { PAGE = 500 };

static int undelete(struct rpc_client *dir, const Dir__UserName *name) {
    RPC_REPLY_AUTO reply = {0};
    int rc = cli_call(dir, DIR_USER_UNDELETE, &name->base, STR_EMPTY, &reply, "not brought back");
    if (rc != 0) return cli_exit_status(rc);
    const Dir__UserBack *back = (const void *)reply.msg;
    printf("%s is there again (account %llu).\n", back->user->address, (unsigned long long)back->user->account);
    for (size_t i = 0; i < back->n_dropped; i++)
        printf("The alias %s belongs to somebody else now and was left out.\n", back->dropped[i]);
    return EX_OK;
}

int cmd_user_undelete(struct cli *c, int argc, char **argv) {
    Dir__UserName name = DIR__USER_NAME__INIT;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--as") == 0 && i + 1 < argc)
            name.as = argv[++i];
        else if (strcmp(argv[i], "--account") == 0 && i + 1 < argc) {
            if (str_to_u64(str_from(argv[++i]), INT64_MAX, &name.account) != 0 || name.account == 0)
                return cli_usage(cli_current(), "'%s' is no number of an account", argv[i]);
        } else if (argv[i][0] == '-' || name.address[0] != '\0')
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            name.address = argv[i];
    }
    if (name.address[0] == '\0') return cli_usage(cli_current(), "one address is expected");
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    int status = undelete(dir, &name);
    rpc_client_free(dir);
    return status;
}

static void print_one(const Dir__DeletedUser *u) {
    char at[CLOCK_TEXT_MAX], until[CLOCK_TEXT_MAX];
    clock_rfc3339(u->at, at);
    clock_rfc3339(u->until, until);
    printf("%-36s %8llu  %-25s %-25s %s%s%s\n", u->user->address, (unsigned long long)u->user->account, at, until,
           u->user->first_name, u->user->first_name[0] != '\0' ? " " : "", u->user->last_name);
}

static json_t *one_json(const Dir__DeletedUser *u) {
    return json_pack("{s:s, s:I, s:I, s:I, s:s, s:s}", "address", u->user->address, "account",
                     (json_int_t)u->user->account, "deleted", (json_int_t)(u->at / 1000), "until",
                     (json_int_t)(u->until / 1000), "first_name", u->user->first_name, "last_name", u->user->last_name);
}

int user_list_deleted(struct rpc_client *dir, const char *pattern, bool json) {
    Dir__DeletedFind find = DIR__DELETED_FIND__INIT;
    json_t *array = json ? json_array() : NULL;
    int rc = 0;
    find.pattern = (char *)(uintptr_t)pattern;
    find.limit = PAGE;
    if (!json) printf("%-36s %8s  %-25s %-25s %s\n", "ADDRESS", "ACCOUNT", "DELETED", "KEPT UNTIL", "NAME");
    for (bool more = true; rc == 0 && more;) {
        RPC_REPLY_AUTO reply = {0};
        rc = cli_call(dir, DIR_USER_DELETED, &find.base, STR_EMPTY, &reply, "deleted users");
        if (rc != 0) break;
        const Dir__DeletedFound *found = (const void *)reply.msg;
        for (size_t i = 0; i < found->n_users; i++) {
            if (json)
                (void)json_array_append_new(array, one_json(found->users[i]));
            else
                print_one(found->users[i]);
            find.after = found->users[i]->user->account;
        }
        more = found->more && found->n_users > 0;
    }
    int status = cli_exit_status(rc);
    if (json && rc == 0) {
        if (json_dumpf(array, stdout, JSON_INDENT(2)) != 0) status = EX_OSERR;
        (void)fputc('\n', stdout);
    }
    json_decref(array);
    return status;
}
