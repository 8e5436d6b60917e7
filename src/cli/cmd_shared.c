/* `iems shared add|set|delete`: SHARE-02, SHARE-05, SHARE-07. */
#include "cli/commands.h"
#include "cli/user_args.h"
#include "cli/user_text.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { MEMBERS_MAX = 4096, ALIASES_MAX = 1000 };

struct shared_args {
    Dir__Shared shared;
    Dir__SharedMember members[MEMBERS_MAX], *member_list[MEMBERS_MAX];
    char *aliases[ALIASES_MAX];
};

static const struct option options[] = {
    {"name", required_argument, NULL, 'n'},   {"quota", required_argument, NULL, 'q'},
    {"member", required_argument, NULL, 'm'}, {"alias", required_argument, NULL, 'a'},
    {"home", required_argument, NULL, 'h'},   {"root", required_argument, NULL, 'h'},
    {"rename", required_argument, NULL, 'r'}, {NULL, 0, NULL, 0},
};

/* ADDRESS or ADDRESS:RIGHTS */
static int add_member(struct shared_args *a, char *value, struct error *err) {
    Dir__Shared *s = &a->shared;
    if (s->n_members == MEMBERS_MAX) return error_set(err, ERR_LIMIT, "too many members");
    Dir__SharedMember *m = &a->members[s->n_members];
    char *colon = strrchr(value, ':');
    dir__shared_member__init(m);
    m->address = value;
    if (colon != NULL) {
        *colon = '\0';
        m->rights = colon + 1;
    }
    a->member_list[s->n_members++] = m;
    return 0;
}

static int take_option(int opt, char *value, struct shared_args *a, struct error *err) {
    Dir__Shared *s = &a->shared;
    switch (opt) {
    case 'n': s->name = value; return 0;
    case 'h': s->home = value; return 0;
    case 'r': s->new_address = value; return 0;
    case 'm': return add_member(a, value, err);
    case 'a':
        if (s->n_aliases == ALIASES_MAX) return error_set(err, ERR_LIMIT, "too many aliases");
        a->aliases[s->n_aliases++] = value;
        return 0;
    case 'q':
        s->has_quota = true;
        if (user_args_quota(value, &s->quota_mb) == 0) return 0;
        return error_set(err, ERR_INVALID, "--quota %s: a number of MB or 'unlimited' is meant", value);
    default: return error_set(err, ERR_INVALID, "unknown option or value missing: %s", value);
    }
}

static int parse(int argc, char **argv, struct shared_args *a, struct error *err) {
    dir__shared__init(&a->shared);
    a->shared.members = a->member_list;
    a->shared.aliases = a->aliases;
    opterr = 0;
    optind = 1;
    for (int opt; (opt = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        int rc = take_option(opt, opt == '?' ? argv[optind - 1] : optarg, a, err);
        if (rc != 0) return rc;
    }
    if (argc - optind != 1) return error_set(err, ERR_INVALID, "one address is expected");
    a->shared.address = argv[optind];
    return 0;
}

static int change(struct cli *c, struct shared_args *a, uint16_t method, const char *what, const char *done) {
    RPC_REPLY_AUTO reply = {0};
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    int rc = cli_call(dir, method, &a->shared.base, STR_EMPTY, &reply, what);
    rpc_client_free(dir);
    if (rc != 0) return cli_exit_status(rc);
    const Dir__Shared *s = (const void *)reply.msg;
    printf("Shared account %s was %s (account %llu, %zu member%s).\n", s->address, done, (unsigned long long)s->account,
           s->n_members, s->n_members == 1 ? "" : "s");
    return EX_OK;
}

static int run(struct cli *c, int argc, char **argv, bool add) {
    struct shared_args *a = calloc(1, sizeof *a);
    struct error err = {0};
    int status;
    if (a == NULL) return EX_OSERR;
    if (parse(argc, argv, a, &err) != 0)
        status = cli_usage(cli_current(), "%s", err.text);
    else if (add && a->shared.n_members == 0)
        status = cli_usage(cli_current(), "at least one --member is expected");
    else if (!add && (a->shared.n_members > 0 || a->shared.n_aliases > 0))
        status = cli_usage(cli_current(), "members are set by `iems shared member`, aliases by `iems alias add`");
    else
        status = change(c, a, add ? DIR_SHARED_ADD : DIR_SHARED_SET,
                        add ? "shared account not added" : "shared account not changed", add ? "added" : "changed");
    free(a);
    return status;
}

int cmd_shared_add(struct cli *c, int argc, char **argv) {
    return run(c, argc, argv, true);
}

int cmd_shared_set(struct cli *c, int argc, char **argv) {
    return run(c, argc, argv, false);
}

static bool confirm(const char *address) {
    char answer[16] = "";
    printf("Delete the shared account %s with all its mail? [y/N] ", address);
    (void)fflush(stdout);
    return fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

int cmd_shared_delete(struct cli *c, int argc, char **argv) {
    Dir__UserName name = DIR__USER_NAME__INIT;
    bool yes = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--yes") == 0)
            yes = true;
        else if (strcmp(argv[i], "--now") == 0)
            name.now = true;
        else if (argv[i][0] == '-' || name.address[0] != '\0')
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            name.address = argv[i];
    }
    if (name.address[0] == '\0') return cli_usage(cli_current(), "one address is expected");
    if (!yes && !isatty(STDIN_FILENO)) {
        cli_error("%s would be deleted with all its mail; give --yes to do it without a question", name.address);
        return EX_USAGE;
    }
    if (!yes && !confirm(name.address)) {
        puts("Nothing was deleted.");
        return EX_TEMPFAIL;
    }
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    RPC_REPLY_AUTO reply = {0};
    int rc = cli_call(dir, DIR_SHARED_DELETE, &name.base, STR_EMPTY, &reply, "shared account not deleted");
    rpc_client_free(dir);
    if (rc == 0) user_gone_print(name.address, (const void *)reply.msg);
    return cli_exit_status(rc);
}
