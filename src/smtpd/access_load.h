/* Options and tables to what the checks use. */
#ifndef IEMS_SMTPD_ACCESS_LOAD_H
#define IEMS_SMTPD_ACCESS_LOAD_H

#include "smtpd/access.h"

struct daemon;

/* The tables that smtpd uses for its checks; for daemon_tables_use. */
extern const char *const access_table_names[];
extern const size_t access_table_count;

void access_load(struct access *a, const struct daemon *d);

#endif
