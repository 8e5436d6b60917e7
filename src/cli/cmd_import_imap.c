/* iems import --imap: mail of accounts of another server, with folders, flags, keywords, dates and, where it can be,
 * UIDs. May be killed and repeated: it goes on, and brings what is new. */
#include "cli/foreign.h"
#include "cli/import_imap.h"
#include "rpc/dir_methods.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static int first_error(const struct import_run *x) {
    for (size_t i = 0; i < x->account_count; i++) {
        const struct import_account *a = &x->accounts[i];
        if (a->err.code != 0) return a->err.code;
        for (const struct import_folder *f = a->folders; f != NULL; f = f->next) {
            if (f->err.code != 0) return f->err.code;
            if (f->refused_count > 0) return ERR_CORRUPT;
        }
    }
    return 0;
}

/* A folder that was asked for and is nowhere is a mistake. */
static int check_folders(const struct import_run *x, struct error *err) {
    for (size_t i = 0; i < x->account_count; i++)
        if (x->accounts[i].folders != NULL || x->accounts[i].err.code != 0) return 0;
    return error_set(err, ERR_NOTFOUND, "there is no such folder");
}

static int run(struct cli *c, struct import_options *o, struct instance_config *conf) {
    struct import_run x = {.options = o, .cli = c, .arena = arena_new(IMPORT_MEMORY)};
    struct error err = {0};
    o->server.jail_user = conf->user;
    x.store = cli_connect(c, &store_service);
    x.dir = x.store == NULL ? NULL : cli_connect(c, &dir_service);
    if (x.dir == NULL || x.arena == NULL) {
        rpc_client_free(x.store);
        arena_free(x.arena);
        return EX_UNAVAILABLE;
    }
    int rc = import_args_accounts(&x, &err);
    if (rc == 0) {
        import_pool_run(&x);
        import_report(&x);
        rc = check_folders(&x, &err);
    }
    if (rc != 0) cli_error("%s", err.text);
    if (rc == 0) rc = first_error(&x);
    rpc_client_free(x.dir);
    rpc_client_free(x.store);
    arena_free(x.arena);
    return cli_exit_status(rc);
}

int import_from_imap(struct cli *c, int argc, char **argv) {
    struct import_options *o = calloc(1, sizeof *o);
    struct instance_config *conf = NULL;
    struct error err = {0};
    IEMS_ASSERT(o != NULL);
    int status = import_args_parse(argc, argv, o);
    if (status == EX_OK && !cli_instance(c, NULL)) status = EX_NOINPUT;
    if (status == EX_OK && instance_config_read(c->instance, &conf, &err) != 0) {
        cli_error("%s", err.text);
        status = EX_CONFIG;
    }
    if (status == EX_OK) status = run(c, o, conf);
    instance_config_free(conf);
    free(o);
    return status;
}
