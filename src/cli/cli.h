/* The command line: one command, one file (cmd_*.c), registered in the one table of commands.c, which is the only
 * dispatch and the source of `iems help`, the manual pages and the tab completion. Classic names (iemsuser, mailq,
 * sendmail, ...) are the same binary under another argv[0]. */
#ifndef IEMS_CLI_CLI_H
#define IEMS_CLI_CLI_H

#include "rpc/rpc.h"

struct cli {
    const char *program; /* argv[0] without folders */
    char *instance; /* absolute directory: -c DIR|FILE, operand, $IEMS_DIR, /var/lib/iems; NULL until cli_instance */
};

/* Under which heading `iems help` shows it. */
enum command_group {
    GROUP_INSTANCE,
    GROUP_ACCOUNTS,
    GROUP_MAIL,
    GROUP_CONFIG,
    GROUP_TABLES,
    GROUP_CLASSIC,
    GROUP_COUNT
};

struct command {
    const char *name;    /* "user add": one or two words */
    const char *usage;   /* "ADDRESS [--password PW] [--quota MB]" */
    const char *summary; /* one line */
    const char *help;    /* paragraphs with options and examples; may be NULL */
    /* Runs in a fiber. Returns an exit status of sysexits.h (0, EX_USAGE 64, EX_NOUSER 67, EX_UNAVAILABLE 69,
     * EX_TEMPFAIL 75). */
    int (*run)(struct cli *c, int argc, char **argv); /* argv[0] is the command name */
    enum command_group group;                         /* GROUP_CLASSIC: also the name of a program */
};
extern const struct command command_table[];
extern const size_t command_count;

/* Finds the instance (see struct cli) and checks that it is one. Prints what is wrong; false then. */
bool cli_instance(struct cli *c, const char *operand);
/* A client to a service of the running instance ("store", "dir", "control"), through the responder. Prints the reason
 * and returns NULL when the instance is not running. */
struct rpc_client *cli_connect(struct cli *c, const struct rpc_service *service);
/* Calls with the usual deadline; prints the error with `what` before it. Returns the ERR_ code. */
NODISCARD int cli_call(struct rpc_client *client, uint16_t method, const ProtobufCMessage *request, struct str attach,
                       struct rpc_reply *reply, const char *what);
/* Prints where mail to the addresses goes; exit status, EX_NOUSER if there is one that gets none. */
int cli_resolve(struct cli *c, char **addresses, size_t count, bool json);
/* ERR_ code to exit status of sysexits.h. */
int cli_exit_status(int err);
/* "iems: message" on standard error. */
__attribute__((format(printf, 1, 2))) void cli_error(const char *fmt, ...);
/* Prints usage of the command to stderr with the reason; returns EX_USAGE. */
__attribute__((format(printf, 2, 3))) int cli_usage(const struct command *cmd, const char *fmt, ...);
/* The entry of the table that is being run. */
const struct command *cli_current(void);

/* The same as cli_connect for an instance that is known; tells nothing. ERR_CLOSED: it is not running. */
NODISCARD int cli_try_connect(struct cli *c, const struct rpc_service *service, struct rpc_client **out,
                              struct error *err);
/* Whether the command is one of the classic names, which are programs of their own. */
bool cli_is_classic(const struct command *cmd);
/* The entry of one or two words; NULL = none. */
const struct command *cli_find(const char *first, const char *second);

#endif
