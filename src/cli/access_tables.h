/* The tables that say who may connect and send, read from the directory as smtpd has them. */
#ifndef IEMS_CLI_ACCESS_TABLES_H
#define IEMS_CLI_ACCESS_TABLES_H

#include "access/access_rules.h"
#include "cli/cli.h"

/* An exit status; has told what is wrong. access_tables_free in any case. */
NODISCARD int access_tables_get(struct cli *c, struct access_tables *out);
void access_tables_free(struct access_tables *t);

#endif
