/* `iems shared member add|remove|list`: SHARE-05. It takes effect for those who are logged in too. */
#include "cli/commands.h"
#include "rpc/dir_methods.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static int list(struct cli *c, char *address) {
    Dir__UserName name = DIR__USER_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    name.address = address;
    int rc = cli_call(dir, DIR_SHARED_GET, &name.base, STR_EMPTY, &reply, "shared account");
    rpc_client_free(dir);
    if (rc != 0) return cli_exit_status(rc);
    const Dir__Shared *s = (const void *)reply.msg;
    for (size_t i = 0; i < s->n_members; i++) printf("%-40s %s\n", s->members[i]->address, s->members[i]->rights);
    return EX_OK;
}

static int change(struct cli *c, Dir__SharedMemberSet *set) {
    RPC_REPLY_AUTO reply = {0};
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    int rc = cli_call(dir, DIR_SHARED_MEMBER, &set->base, STR_EMPTY, &reply, "members not changed");
    rpc_client_free(dir);
    if (rc == 0)
        printf("%s %s a member of %s.\n", set->member->address, set->remove ? "is no longer" : "is", set->address);
    return cli_exit_status(rc);
}

int cmd_shared_member(struct cli *c, int argc, char **argv) {
    Dir__SharedMemberSet set = DIR__SHARED_MEMBER_SET__INIT;
    Dir__SharedMember member = DIR__SHARED_MEMBER__INIT;
    const char *verb = argc > 1 ? argv[1] : "";
    char *operands[2];
    int count = 0;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--rights") == 0 && i + 1 < argc)
            member.rights = argv[++i];
        else if (argv[i][0] == '-' || count == 2)
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            operands[count++] = argv[i];
    }
    bool add = strcmp(verb, "add") == 0, remove = strcmp(verb, "remove") == 0, show = strcmp(verb, "list") == 0;
    if (!add && !remove && !show) return cli_usage(cli_current(), "add, remove or list is expected");
    if (count != (show ? 1 : 2))
        return cli_usage(cli_current(), show ? "one address is expected" : "the account and the member are expected");
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    if (show) return list(c, operands[0]);
    set.address = operands[0];
    member.address = operands[1];
    set.member = &member;
    set.remove = remove;
    return change(c, &set);
}
