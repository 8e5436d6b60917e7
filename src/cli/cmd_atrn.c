/* `iems atrn`: has iems-smtpc call a server of the table `fetch` now (RFC 2645, RFC 1985, SMTPC-12). */
#include "cli/commands.h"
#include "net/loop.h"
#include "rpc/smtpc_methods.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { FETCH_MS = 3600 * 1000 };

/* 453 (RFC 2645 section 5.2.1): there is no mail, which is an answer too. */
static int reply_status(unsigned code) {
    if (code / 100 == 2 || code == 453) return EX_OK;
    return code / 100 == 4 ? EX_TEMPFAIL : EX_UNAVAILABLE;
}

static int print(const char *name, const Smtpc__Fetched *f) {
    int status = EX_OK;
    for (size_t i = 0; i < f->n_replies; i++) {
        const Smtpc__Reply *r = f->replies[i];
        printf("%s%s%s: %u %s\n", name, r->domain[0] != '\0' ? " " : "", r->domain, r->code, r->text);
        if (status == EX_OK || reply_status(r->code) == EX_UNAVAILABLE) status = reply_status(r->code);
    }
    if (f->came) printf("%s: ", name);
    if (f->came && f->counted) printf("%llu messages, ", (unsigned long long)f->messages);
    if (f->came) printf("%llu bytes came\n", (unsigned long long)f->bytes);
    return status;
}

int cmd_atrn(struct cli *c, int argc, char **argv) {
    if (argc < 2 || argv[1][0] == '-')
        return cli_usage(cli_current(), "the name of a row of the table fetch is expected");
    for (int i = 2; i < argc; i++)
        if (argv[i][0] == '-' || strpbrk(argv[i], " ,\r\n") != NULL)
            return cli_usage(cli_current(), "\"%s\" is no domain", argv[i]);
    struct rpc_client *smtpc = cli_connect(c, &smtpc_service);
    Smtpc__Fetch request = SMTPC__FETCH__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    if (smtpc == NULL) return EX_UNAVAILABLE;
    request.name = argv[1];
    request.domains = argv + 2;
    request.n_domains = (size_t)argc - 2;
    int rc = rpc_call(smtpc, SMTPC_FETCH, &request.base, STR_EMPTY, loop_now_ms() + FETCH_MS, &reply, &err);
    rpc_client_free(smtpc);
    if (rc == 0) return print(argv[1], (const Smtpc__Fetched *)(const void *)reply.msg);
    cli_error("%s: %s", argv[1], err.text[0] != '\0' ? err.text : err_name(rc));
    return rc == ERR_NOTFOUND ? EX_USAGE : EX_TEMPFAIL;
}
