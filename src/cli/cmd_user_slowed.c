/* `iems user slowed`: the accounts whose sending is slowed down, and why (SMTPD-11). */
#include "base/clock.h"
#include "cli/commands.h"
#include "rpc/store_methods.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static int print_json(const Store__UsageSlowed *all) {
    json_t *list = json_array();
    for (size_t i = 0; i < all->n_users; i++)
        (void)json_array_append_new(list, json_pack("{s:s, s:I, s:s, s:I}", "user", all->users[i]->user, "since",
                                                    (json_int_t)(all->users[i]->since / 1000), "reason",
                                                    all->users[i]->reason, "hour_recipients",
                                                    (json_int_t)all->users[i]->hour_recipients));
    int rc = list == NULL ? -1 : json_dumpf(list, stdout, JSON_INDENT(2));
    (void)fputc('\n', stdout);
    json_decref(list);
    return rc == 0 ? EX_OK : EX_OSERR;
}

static int print_text(const Store__UsageSlowed *all) {
    for (size_t i = 0; i < all->n_users; i++) {
        char since[CLOCK_TEXT_MAX];
        clock_rfc5322(all->users[i]->since / 1000, since);
        printf("%-36s since %s: %s; %u recipients in this hour\n", all->users[i]->user, since, all->users[i]->reason,
               all->users[i]->hour_recipients);
    }
    if (all->n_users == 0) (void)fputs("No account is slowed down.\n", stderr);
    if (all->more) (void)fputs("There are more.\n", stderr);
    return EX_OK;
}

int cmd_user_slowed(struct cli *c, int argc, char **argv) {
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc > 1 && !json) return cli_usage(cli_current(), "unexpected '%s'", argv[1]);
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *store = cli_connect(c, &store_service);
    if (store == NULL) return EX_UNAVAILABLE;
    Store__Empty request = STORE__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    int rc = cli_call(store, STORE_USAGE_SLOWED, &request.base, STR_EMPTY, &reply, "accounts");
    int status = cli_exit_status(rc);
    if (rc == 0) status = json ? print_json((const void *)reply.msg) : print_text((const void *)reply.msg);
    rpc_client_free(store);
    return status;
}
