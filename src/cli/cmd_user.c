/* `iems user add|set|passwd|show`: ACCT-01 to ACCT-10, DIR-21 to DIR-23, DIR-29. */
#include "cli/commands.h"
#include "cli/user_args.h"
#include "cli/user_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

/* Runs `act` with parsed arguments and a connection to the directory agent. */
static int with_args(struct cli *c, int argc, char **argv, int (*act)(struct rpc_client *dir, struct user_args *a)) {
    struct user_args *a = calloc(1, sizeof *a);
    struct error err = {0};
    int status = EX_NOINPUT;
    if (a == NULL) return EX_OSERR;
    if (user_args_parse(argc, argv, a, &err) != 0) {
        status = cli_usage(cli_current(), "%s", err.text);
    } else if (a->operand_count != 1) {
        status = cli_usage(cli_current(), "one address is expected");
    } else if (cli_instance(c, NULL)) {
        a->user.address = (char *)(uintptr_t)a->operands[0];
        struct rpc_client *dir = cli_connect(c, &dir_service);
        status = dir == NULL ? EX_UNAVAILABLE : act(dir, a);
        if (dir != NULL) rpc_client_free(dir);
    }
    user_args_done(a);
    free(a);
    return status;
}

static int take_password(struct user_args *a) {
    struct error err = {0};
    if (user_args_password(a, &err) == 0) return EX_OK;
    cli_error("%s", err.text);
    return EX_DATAERR;
}

static int add(struct rpc_client *dir, struct user_args *a) {
    Dir__UserAdd add = DIR__USER_ADD__INIT;
    RPC_REPLY_AUTO reply = {0};
    int status = take_password(a);
    if (status != EX_OK) return status;
    add.user = &a->user;
    int rc = cli_call(dir, DIR_USER_ADD, &add.base, STR_EMPTY, &reply, "user not added");
    if (rc == 0)
        printf("%s was added (account %llu).\n", ((const Dir__User *)(const void *)reply.msg)->address,
               (unsigned long long)((const Dir__User *)(const void *)reply.msg)->account);
    return cli_exit_status(rc);
}

static int set(struct rpc_client *dir, struct user_args *a) {
    RPC_REPLY_AUTO reply = {0};
    if (a->user.n_aliases > 0) return cli_usage(cli_current(), "aliases are set by `iems alias add`");
    if (a->password_stdin || a->password_file != NULL) {
        int status = take_password(a);
        if (status != EX_OK) return status;
    }
    int rc = cli_call(dir, DIR_USER_SET, &a->set.base, STR_EMPTY, &reply, "user not changed");
    if (rc == 0) printf("%s was changed.\n", ((const Dir__User *)(const void *)reply.msg)->address);
    return cli_exit_status(rc);
}

static int passwd(struct rpc_client *dir, struct user_args *a) {
    int status = take_password(a);
    if (status != EX_OK) return status;
    if (a->user.password[0] == '\0') return cli_usage(cli_current(), "a password is expected");
    int rc = cli_call(dir, DIR_USER_SET, &a->set.base, STR_EMPTY, NULL, "password not changed");
    if (rc == 0) printf("The password of %s was changed.\n", a->user.address);
    return cli_exit_status(rc);
}

int cmd_user_add(struct cli *c, int argc, char **argv) {
    return with_args(c, argc, argv, add);
}

int cmd_user_set(struct cli *c, int argc, char **argv) {
    return with_args(c, argc, argv, set);
}

int cmd_user_passwd(struct cli *c, int argc, char **argv) {
    return with_args(c, argc, argv, passwd);
}
