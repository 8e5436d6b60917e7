/* The classic `iemsuser`: IEMSUSER-01 to IEMSUSER-06, ACCT-10. For scripts: no questions, errors on standard error,
 * exit status of sysexits. */
#include "cli/commands.h"
#include "cli/user_args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char options[] = "+:CDLa:p:f:l:I:h:r:q:w:m:t:c:";

struct request {
    int mode; /* 'C', 'D', 'L' */
    Dir__User user;
};

/* The reason, and the word that it is about. */
static int usage(const char *why, const char *what) {
    char text[ERROR_TEXT_MAX];
    (void)snprintf(text, sizeof text, "%s%s", why, what);
    return cli_usage(cli_current(), "%s", text);
}

static int take_number(char opt, const char *text, protobuf_c_boolean *has, uint64_t *mb) {
    if (user_args_quota(text, mb) != 0) return cli_usage(cli_current(), "-%c %s: a number of MB is meant", opt, text);
    *has = true;
    return EX_OK;
}

static int take(struct cli *c, int opt, char *value, struct request *r) {
    Dir__User *u = &r->user;
    switch (opt) {
    case 'C':
    case 'D':
    case 'L':
        if (r->mode != 0 && r->mode != opt) return usage("only one of -C, -D and -L", "");
        r->mode = opt;
        return EX_OK;
    case 'a': u->address = value; return EX_OK;
    case 'p': u->password = value; return EX_OK;
    case 'f': u->first_name = value; return EX_OK;
    case 'l':
    case 'I': u->last_name = value; return EX_OK; /* -I: as the manual of the original prints it */
    case 'h': u->home = value; return EX_OK;
    case 'r': u->permission = value; return EX_OK;
    case 'q': return take_number('q', value, &u->has_quota, &u->quota_mb);
    case 't': return take_number('t', value, &u->has_web_quota, &u->web_quota_mb);
    case 'w': u->web_dir = value; return EX_OK;
    case 'm':
        u->web_enabled = strcmp(value, "enable") == 0;
        u->has_web = true;
        return u->web_enabled || strcmp(value, "disable") == 0 ? EX_OK
                                                               : usage("-m means enable or disable, not ", value);
    case 'c': c->instance = strdup(value); return c->instance == NULL ? EX_OSERR : EX_OK;
    default: break;
    }
    char letter[2] = {(char)optopt, '\0'};
    return opt == ':' ? usage("a value is missing after -", letter) : usage("unknown option -", letter);
}

static int parse(struct cli *c, int argc, char **argv, struct request *r) {
    opterr = 0;
    optind = 1;
    for (int opt; (opt = getopt(argc, argv, options)) != -1;) {
        int status = take(c, opt, optarg, r);
        if (status != EX_OK) return status;
    }
    if (optind < argc) return usage("unexpected: ", argv[optind]);
    if (r->mode == 0) return usage("one of -C, -D and -L is expected", "");
    if (r->mode != 'L' && r->user.address[0] == '\0') return usage("the address (-a) is missing", "");
    if (r->mode == 'C' && r->user.password[0] == '\0') return usage("the password (-p) is missing", "");
    return EX_OK;
}

static int create(struct rpc_client *dir, struct request *r) {
    Dir__UserAdd add = DIR__USER_ADD__INIT;
    add.user = &r->user;
    int rc = cli_call(dir, DIR_USER_ADD, &add.base, STR_EMPTY, NULL, "account not created");
    if (rc == 0) printf("%s created\n", r->user.address);
    return cli_exit_status(rc);
}

static int delete (struct rpc_client *dir, struct request *r) {
    Dir__UserName name = DIR__USER_NAME__INIT;
    name.address = r->user.address;
    int rc = cli_call(dir, DIR_USER_DELETE, &name.base, STR_EMPTY, NULL, "account not deleted");
    if (rc == 0) printf("%s deleted\n", r->user.address);
    return cli_exit_status(rc);
}

int cmd_iemsuser(struct cli *c, int argc, char **argv) {
    struct request r = {.user = DIR__USER__INIT};
    int status = parse(c, argc, argv, &r);
    if (status != EX_OK) return status;
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    status = r.mode == 'C' ? create(dir, &r) : r.mode == 'D' ? delete (dir, &r) : user_list_addresses(dir);
    rpc_client_free(dir);
    return status;
}
