/* Tables of configuration in the directory: peers, routes, access lists, DNS lists and what else needs many rows of the
 * same columns. tables.tbl is the one place where a table and its columns are defined: it produces the parser,
 * defaults, checks, the commands `iems peer|route|access|...`, their help, completion and manual pages, and the web
 * form.
 *
 * A row is an entry below ou=TABLE in the directory; what is not set has the column's default. Every process has the
 * tables that it asked for, whole, in memory, and is told of changes live. */
#ifndef IEMS_DAEMON_TABLES_H
#define IEMS_DAEMON_TABLES_H

#include "daemon/options.h"
#include "net/address.h"

enum table_key {
    /* Host or domain: covers all below it; "*" covers everything (PEER-01, PEER-02). "*.domain" covers what is below
     * the domain, not itself, and goes before the domain's own row there. */
    KEY_DOMAIN,
    KEY_NETWORK, /* address, CIDR or range; "*" covers everything (CONNCTL-02) */
    KEY_SENDER,  /* address, "@domain" (that domain), "@.domain" (and all below it), or "*" (SNDCHK-02) */
    KEY_NAME,    /* any word without blanks, compared without case: the name of a DNS list, of a list host */
};

enum {
    TABLE_ROWS_MAX = 1000000, /* of all tables together */
    TABLE_KEY_MAX = 200,      /* bytes: what slapd takes as the name of an entry, escaped */
    TABLE_COLUMNS_MAX = 40,
    TABLE_VALUE_MAX = 4000, /* bytes */
};

struct table {
    const char *name; /* "peer" */
    enum table_key key;
    const char *summary;          /* one line: "Profiles of hosts and domains that mail is exchanged with" */
    const char *key_doc;          /* "host or domain, * = all others" */
    const char *requirements;     /* IDs */
    const struct option *columns; /* .name is the column alone: "max_sessions" */
    size_t column_count;
};

extern const struct table table_table[];
extern const size_t table_count;
const struct table *table_find(struct str name);                           /* NULL = unknown */
const struct option *table_column(const struct table *t, struct str name); /* NULL = unknown */
/* Key in its normal form (lower case, A-labels, addresses as printed by net_addr). ERR_INVALID with what is right. */
NODISCARD int table_key_normal(const struct table *t, struct str key, struct buf *out, struct error *err);
/* ERR_NOTFOUND (with a suggestion) or ERR_INVALID with what would be right. */
NODISCARD int table_value_check(const struct table *t, struct str column, struct str value, struct error *err);

/* ---- the rows of one table in one process; immutable: a change makes a new one */
struct rows;
struct row;

/* The most specific row for a host or domain name (KEY_DOMAIN), without case; NULL = none, not even "*". */
const struct row *rows_match_domain(const struct rows *r, struct str name);
/* The narrowest row that has the address (KEY_NETWORK); of two equally narrow ones that with the higher addresses.
 * Logarithmic in the number of rows. */
const struct row *rows_match_address(const struct rows *r, const struct net_addr *a);
/* Address before domain before parents before "*" (KEY_SENDER). The null sender matches nothing. */
const struct row *rows_match_sender(const struct rows *r, struct str address);
const struct row *rows_find(const struct rows *r, struct str key); /* exactly this key in normal form */
size_t rows_count(const struct rows *r);
const struct row *rows_at(const struct rows *r, size_t i); /* in order of the keys; networks by address */

/* Values with the column's default where the row has none; `row` NULL gives the default of `t`. An unknown column is a
 * programmer's error. Texts live as long as the rows. */
const char *row_key(const struct row *row);
bool row_has(const struct row *row, const char *column); /* set in the row itself */
const char *row_str(const struct table *t, const struct row *row, const char *column);
/* Words (OPTION_WORD): their place in the column's list. */
uint64_t row_u64(const struct table *t, const struct row *row, const char *column);
static inline bool row_bool(const struct table *t, const struct row *row, const char *column) {
    return row_u64(t, row, column) != 0;
}

/* ---- in a module */
struct daemon;
/* The table as it is now; never NULL (empty until the directory has answered). Lent until the module's next
 * options_changed call, which comes for tables too. A process gets only tables that it named in the first call, made in
 * its `start` (before it says that it is ready). */
NODISCARD int daemon_tables_use(struct daemon *d, const char *const *names, size_t count, struct error *err);
const struct rows *daemon_table(const struct daemon *d, const char *name);

/* ---- for tests: rows from lines "key column=value column=value" (values without blanks) */
NODISCARD int rows_parse(const struct table *t, struct str lines, struct rows **out, struct error *err);
void rows_free(struct rows *r);

#endif
