/* Options of the account commands, and where passwords come from: a terminal, standard input or a file rather than the
 * arguments, which every process of the host can read. */
#ifndef IEMS_CLI_USER_ARGS_H
#define IEMS_CLI_USER_ARGS_H

#include "base/buf.h"
#include "cli/cli.h"
#include "rpc/dir_methods.h"

enum { USER_ARGS_LIST_MAX = 1000, USER_PASSWORD_TEXT_MAX = 4096, USER_ARGS_SERVICES = 8, USER_ARGS_SERVICE_LEN = 12 };

struct user_args {
    Dir__UserSet set; /* set.user points to `user` */
    Dir__User user;
    char *aliases[USER_ARGS_LIST_MAX], *connectors[USER_ARGS_LIST_MAX];
    char services[USER_ARGS_SERVICES][USER_ARGS_SERVICE_LEN], *service_list[USER_ARGS_SERVICES];
    const char *operands[2];
    size_t operand_count;
    struct buf password;
    bool password_stdin, no_password;
    const char *password_file;
};

/* ERR_INVALID with the reason. The strings stay those of argv. */
NODISCARD int user_args_parse(int argc, char **argv, struct user_args *a, struct error *err);
void user_args_done(struct user_args *a); /* wipes the password */
/* "250" MB, "unlimited". ERR_INVALID. */
NODISCARD int user_args_quota(const char *text, uint64_t *mb);
NODISCARD int user_args_messages(const char *text, uint32_t *count); /* "500", "unlimited" */
/* Fills a->user.password from what was said, asking at a terminal when nothing was (twice). ERR_INVALID, ERR_IO. */
NODISCARD int user_args_password(struct user_args *a, struct error *err);

#endif
