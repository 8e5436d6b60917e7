/* What the commands of tables share: which table the command is for, rows as texts, calls to the directory. */
#ifndef IEMS_CLI_TABLE_ARGS_H
#define IEMS_CLI_TABLE_ARGS_H

#include "base/arena.h"
#include "cli/cli.h"
#include "daemon/tables.h"
#include "rpc/dir_methods.h"

enum { TABLE_PAGE_ROWS = 2000 };

/* The table that a command works on, by its first word ("peer list"); NULL = not such a command. */
const struct table *table_of_command(const struct command *cmd);
/* One row per line, as import takes it: KEY column=value column="with blanks". */
void table_row_line(const Dir__TableRow *row, struct buf *out);
/* The same back. Columns in `arena`. ERR_INVALID with the reason. */
NODISCARD int table_row_parse(struct str line, struct arena *arena, char **key, char ***columns, size_t *count,
                              struct error *err);
/* Key and columns ("column=value") are right for the table. */
NODISCARD int table_row_check(const struct table *t, const char *key, char *const *columns, size_t count,
                              struct error *err);
/* Value of a column of a row as it was sent; NULL = not set. */
const char *table_row_value(const Dir__TableRow *row, const char *column);

/* Value of a column of the row that counts for a name; `own`: the row is not "*". NULL: it is not set. In `arena`. */
const char *table_match_value(struct rpc_client *dir, const char *table, struct str name, const char *column,
                              struct arena *arena, bool *own);
/* All rows, page by page; ends with the first status of `each` that is not EX_OK. An exit status. */
NODISCARD int table_each(struct rpc_client *dir, const struct table *t,
                         int (*each)(const Dir__TableRow *row, void *arg), void *arg);

/* Help: what the table is for and its columns. */
void table_help_print(const struct table *t);
/* The columns for the manual page. */
void table_help_man(const struct table *t, void (*text)(const char *s));

#endif
