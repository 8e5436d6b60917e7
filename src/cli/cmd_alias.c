/* `iems alias add|list|delete`: ALIAS-04 to ALIAS-06, DIR-35. */
#include "base/buf.h"
#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/user_text.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { ALIAS_PAGE = 1000 };

static int call(struct cli *c, uint16_t method, Dir__AliasSet *set, const char *what, const char *done) {
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    int rc = cli_call(dir, method, &set->base, STR_EMPTY, NULL, what);
    rpc_client_free(dir);
    if (rc == 0) printf("Alias %s was %s.\n", set->alias, done);
    return cli_exit_status(rc);
}

int cmd_alias_add(struct cli *c, int argc, char **argv) {
    Dir__AliasSet set = DIR__ALIAS_SET__INIT;
    if (argc != 3) return cli_usage(cli_current(), "the alias and the address that it stands for are expected");
    set.alias = argv[1];
    set.address = argv[2];
    return call(c, DIR_ALIAS_ADD, &set, "alias not added", "added");
}

int cmd_alias_delete(struct cli *c, int argc, char **argv) {
    Dir__AliasSet set = DIR__ALIAS_SET__INIT;
    if (argc != 2) return cli_usage(cli_current(), "one alias is expected");
    set.alias = argv[1];
    return call(c, DIR_ALIAS_DELETE, &set, "alias not deleted", "deleted");
}

static void show(const char *alias, const char *address, json_t *array) {
    if (array == NULL)
        printf("%-40s %s\n", alias, address);
    else
        (void)json_array_append_new(array, json_pack("{s:s, s:s}", "alias", alias, "address", address));
}

/* Aliases of an account, and entries without an account that forward. */
static void show_user(const Dir__User *u, json_t *array) {
    for (size_t i = 0; i < u->n_aliases; i++) show(u->aliases[i], u->address, array);
    for (size_t i = 0; u->account == 0 && i < u->n_connectors; i++) {
        const char *to = strchr(u->connectors[i], '$');
        show(u->address, to == NULL ? u->connectors[i] : to + 1, array);
    }
}

static int list(struct rpc_client *dir, const char *pattern, json_t *array) {
    Dir__UserFind find = DIR__USER_FIND__INIT;
    BUF_AUTO after = BUF_INIT(2048);
    find.pattern = (char *)(uintptr_t)pattern;
    find.limit = ALIAS_PAGE;
    for (bool more = true; more;) {
        RPC_REPLY_AUTO reply = {0};
        int rc = cli_call(dir, DIR_USER_FIND, &find.base, STR_EMPTY, &reply, "aliases");
        if (rc != 0) return rc;
        const Dir__UserFound *found = (const void *)reply.msg;
        for (size_t i = 0; i < found->n_users; i++) show_user(found->users[i], array);
        more = found->more && found->n_users > 0;
        if (!more) break;
        buf_clear(&after);
        buf_adds(&after, found->users[found->n_users - 1]->address);
        find.after = (char *)(uintptr_t)buf_cstr(&after);
    }
    return 0;
}

int cmd_alias_list(struct cli *c, int argc, char **argv) {
    const char *pattern;
    bool json;
    if (listing_args(argc, argv, &pattern, &json) != EX_OK) return EX_USAGE;
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    json_t *array = json ? json_array() : NULL;
    int rc = list(dir, pattern, array);
    rpc_client_free(dir);
    if (array != NULL && rc == 0) return listing_json(array);
    json_decref(array);
    return cli_exit_status(rc);
}
