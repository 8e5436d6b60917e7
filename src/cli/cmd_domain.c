/* `iems domain add|list|set|alias|delete`: MTA-02, MTA-03, ALIAS-01, ALIAS-03, FWD-01, FWD-07. */
#include "cli/commands.h"
#include "cli/listing.h"
#include "rpc/dir_methods.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

/* Options that are the same for add and set; `given` tells which were. */
struct domain_args {
    Dir__Domain domain;
    bool alias_of, catch_all, forward, host;
};

static int parse(int argc, char **argv, struct domain_args *a) {
    *a = (struct domain_args){.domain = DIR__DOMAIN__INIT};
    for (int i = 1; i < argc; i++) {
        bool value = i + 1 < argc;
        if (strcmp(argv[i], "--alias-of") == 0 && value)
            a->alias_of = true, a->domain.alias_of = argv[++i];
        else if (strcmp(argv[i], "--catch-all") == 0 && value)
            a->catch_all = true, a->domain.catch_all = argv[++i];
        else if (strcmp(argv[i], "--forward") == 0 && value)
            a->forward = true, a->domain.forward = argv[++i];
        else if (strcmp(argv[i], "--host") == 0 && value)
            a->host = true, a->domain.host = argv[++i];
        else if (argv[i][0] == '-' || a->domain.name[0] != '\0')
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            a->domain.name = argv[i];
    }
    return a->domain.name[0] != '\0' ? EX_OK : cli_usage(cli_current(), "which domain?");
}

static int call(struct cli *c, uint16_t method, const ProtobufCMessage *request, const char *what, const char *done,
                const char *name) {
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    int rc = cli_call(dir, method, request, STR_EMPTY, NULL, what);
    rpc_client_free(dir);
    if (rc == 0) printf("Domain %s was %s.\n", name, done);
    return cli_exit_status(rc);
}

int cmd_domain_add(struct cli *c, int argc, char **argv) {
    struct domain_args a;
    int status = parse(argc, argv, &a);
    return status != EX_OK ? status
                           : call(c, DIR_DOMAIN_ADD, &a.domain.base, "domain not added", "added", a.domain.name);
}

int cmd_domain_delete(struct cli *c, int argc, char **argv) {
    struct domain_args a;
    int status = parse(argc, argv, &a);
    return status != EX_OK ? status
                           : call(c, DIR_DOMAIN_DELETE, &a.domain.base, "domain not deleted", "deleted", a.domain.name);
}

static int fetch(struct rpc_client *dir, struct rpc_reply *reply) {
    Dir__Empty empty = DIR__EMPTY__INIT;
    return cli_call(dir, DIR_DOMAIN_LIST, &empty.base, STR_EMPTY, reply, "domains");
}

/* What was not given stays as it is. */
static int set(struct rpc_client *dir, struct domain_args *a) {
    RPC_REPLY_AUTO reply = {0};
    int rc = fetch(dir, &reply);
    if (rc != 0) return cli_exit_status(rc);
    const Dir__DomainList *list = (const void *)reply.msg;
    for (size_t i = 0; i < list->n_domains; i++) {
        if (strcasecmp(list->domains[i]->name, a->domain.name) != 0) continue;
        if (!a->alias_of) a->domain.alias_of = list->domains[i]->alias_of;
        if (!a->catch_all) a->domain.catch_all = list->domains[i]->catch_all;
        if (!a->forward) a->domain.forward = list->domains[i]->forward;
        if (!a->host) a->domain.host = list->domains[i]->host;
    }
    rc = cli_call(dir, DIR_DOMAIN_SET, &a->domain.base, STR_EMPTY, NULL, "domain not changed");
    if (rc == 0) printf("Domain %s was changed.\n", a->domain.name);
    return cli_exit_status(rc);
}

int cmd_domain_set(struct cli *c, int argc, char **argv) {
    struct domain_args a;
    int status = parse(argc, argv, &a);
    if (status != EX_OK) return status;
    if (!a.alias_of && !a.catch_all && !a.forward && !a.host) return cli_usage(cli_current(), "nothing to change");
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    status = set(dir, &a);
    rpc_client_free(dir);
    return status;
}

/* `iems domain alias NEW TARGET`: a local domain whose addresses are looked up in TARGET. */
int cmd_domain_alias(struct cli *c, int argc, char **argv) {
    Dir__Domain domain = DIR__DOMAIN__INIT;
    if (argc != 3) return cli_usage(cli_current(), "the new name and the domain that it stands for are expected");
    domain.name = argv[1];
    domain.alias_of = argv[2];
    return call(c, DIR_DOMAIN_ADD, &domain.base, "domain alias not added", "added", argv[1]);
}

static int print_json(const Dir__DomainList *list) {
    json_t *array = json_array();
    for (size_t i = 0; i < list->n_domains; i++) {
        const Dir__Domain *d = list->domains[i];
        (void)json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "name", d->name, "alias_of",
                                                     d->alias_of, "catch_all", d->catch_all, "forward", d->forward,
                                                     "host", d->host, "users", (json_int_t)d->users));
    }
    return listing_json(array);
}

int cmd_domain_list(struct cli *c, int argc, char **argv) {
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    RPC_REPLY_AUTO reply = {0};
    if (argc > 1 && !json) return cli_usage(cli_current(), "unexpected '%s'", argv[1]);
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    int rc = fetch(dir, &reply);
    rpc_client_free(dir);
    if (rc != 0) return cli_exit_status(rc);
    const Dir__DomainList *list = (const void *)reply.msg;
    if (json) return print_json(list);
    printf("%-32s %8s  %s\n", "DOMAIN", "USERS", "");
    for (size_t i = 0; i < list->n_domains; i++) {
        const Dir__Domain *d = list->domains[i];
        printf("%-32s %8llu ", d->name, (unsigned long long)d->users);
        if (d->alias_of[0] != '\0') printf(" alias of %s", d->alias_of);
        if (d->catch_all[0] != '\0') printf(" catch-all %s", d->catch_all);
        if (d->forward[0] != '\0') printf(" forwarded to %s", d->forward);
        if (d->host[0] != '\0') printf(" mailboxes on %s", d->host);
        (void)fputc('\n', stdout);
    }
    return EX_OK;
}
