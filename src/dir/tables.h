/* The tables of configuration as iems-dir has them: rows from the mirror, kept as sets that are made anew only when
 * somebody reads after a change. A row that is not right is logged and the one before it stays. */
#ifndef IEMS_DIR_TABLES_H
#define IEMS_DIR_TABLES_H

#include "daemon/rows.h"
#include "dir/dir.h"

struct dir_tables;
struct dir_tables *tables_new(void); /* NULL: out of memory */
/* The mirror's callback: an entry of a row came (`old` NULL), changed, or went (`e` NULL). */
void tables_row_changed(struct dir_tables *t, const struct entry *old, const struct entry *e);
/* After changes to the mirror: tells who watches. */
void tables_refresh(struct dir_tables *t);
/* The table as it is now. ERR_NOMEM. */
NODISCARD int tables_rows(struct dir_tables *t, const struct table *table, struct rows **out);
size_t tables_count(const struct dir_tables *t); /* rows of all tables, as of the last reading */
/* Lends from the row; `*bytes` grows by about what it takes. ERR_NOMEM. */
NODISCARD int table_row_message(const struct row *row, struct arena *arena, Dir__TableRow *out, size_t *bytes);

/* A row must not be added twice at once: holds "table key", waits while another has it. */
NODISCARD int tables_hold(struct dir *d, const char *name, struct error *err);
void tables_release(struct dir *d, const char *name);

/* The directory's own rows: PEER-03. At start; waits. */
void tables_make_defaults(struct dir *d);
/* Which table an entry's DN belongs to; NULL = none. */
const struct table *tables_of_dn(struct str dn);
/* Writes a row: makes, or replaces all its values. Waits. */
NODISCARD int tables_write(struct dir *d, const struct table *table, const struct row *row, struct arena *arena,
                           struct error *err);

#endif
