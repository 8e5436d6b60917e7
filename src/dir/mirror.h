/* The mirror: all routing data of the directory in memory, kept by RFC 4533 content synchronisation. Every look-up is a
 * hash hit. Entries are replaced whole, never changed, so a pointer is good until control returns to the loop. */
#ifndef IEMS_DIR_MIRROR_H
#define IEMS_DIR_MIRROR_H

#include "dir/entry.h"

struct mirror;

struct mirror_ops {
    entry_warning *warn;                /* a value that cannot be used; may be NULL */
    void (*shared_changed)(void *arg);  /* a shared account came, changed or went; may be NULL */
    void (*config_changed)(void *arg);  /* an ieconfig entry came, changed or went; may be NULL */
    void (*domains_changed)(void *arg); /* one came, changed or went; may be NULL */
    /* A row of a table came (`old` NULL), changed, or went (`e` NULL). May be NULL. */
    void (*row_changed)(void *arg, const struct entry *old, const struct entry *e);
};
struct mirror *mirror_new(const struct mirror_ops *ops, void *arg);
void mirror_free(struct mirror *m);

/* Adds or replaces by entryUUID. Outside a refresh a record with an older entryCSN than the one held is left out: it
 * was overtaken by the answer to a write of our own. ERR_NOMEM. */
NODISCARD int mirror_apply(struct mirror *m, const struct record *r);
void mirror_remove(struct mirror *m, const unsigned char uuid[static RECORD_UUID_LEN]);

/* A refresh (RFC 4533 section 3.3.2): begin; apply or keep what the server says is there; end drops the others. Stop:
 * the connection was lost before the end. */
void mirror_refresh_begin(struct mirror *m);
void mirror_refresh_keep(struct mirror *m, const unsigned char uuid[static RECORD_UUID_LEN]);
void mirror_refresh_end(struct mirror *m);
void mirror_refresh_stop(struct mirror *m);

const struct entry *mirror_by_uuid(const struct mirror *m, const unsigned char uuid[static RECORD_UUID_LEN]);
/* `key`: of address_key_make. Accounts win over other entries should the directory hold an address twice. */
const struct entry *mirror_by_address(const struct mirror *m, struct str key);
const struct entry *mirror_by_account(const struct mirror *m, uint64_t account);
/* Exact name. */
const struct entry *mirror_domain(const struct mirror *m, struct str key);
/* Exact name, else the longest "*.parent" (MTA-03). */
const struct entry *mirror_domain_match(const struct mirror *m, struct str key);
/* The row `key` of a table, by the end of its DN. */
const struct entry *mirror_row(const struct mirror *m, struct str key, const char *table);
/* The enabled account with the lowest number: gets postmaster's mail when nobody else is named. NULL = no account. */
const struct entry *mirror_first_account(struct mirror *m);
/* Every entry, in no order: *pos = 0 first. */
const struct entry *mirror_next(const struct mirror *m, size_t *pos);

struct mirror_counts {
    size_t entries, accounts, domains, bytes;
};
void mirror_get_counts(const struct mirror *m, struct mirror_counts *out);
uint64_t mirror_highest_account(const struct mirror *m);

#endif
