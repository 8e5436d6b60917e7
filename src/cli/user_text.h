/* How accounts are shown. */
#ifndef IEMS_CLI_USER_TEXT_H
#define IEMS_CLI_USER_TEXT_H

#include "rpc/dir_methods.h"
#include "rpc/store_methods.h"

#include <jansson.h>

/* What the account sent today; whether it is slowed down. */
void user_usage_print(const Store__Usage *u);
json_t *user_usage_json(const Store__Usage *u);
/* `info` of the store may be NULL. */
void user_text_print(const Dir__User *u, const Store__AccountInfo *info);
json_t *user_text_json(const Dir__User *u, const Store__AccountInfo *info); /* NULL: out of memory */

/* That an account was deleted, and until when it may be brought back. */
void user_gone_print(const char *address, const Dir__UserGone *gone);

/* Prints the folders of an account, or puts them into `o`. Tells what is wrong; exit status. */
struct cli;
int user_folders_show(struct cli *c, struct rpc_client *dir, const char *address, json_t *o);

#endif
