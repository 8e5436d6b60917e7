/* What ldap_sync and ldap_write share: connecting as the directory agent, turning messages into records. Blocks: only
 * for threads of their own. */
#ifndef IEMS_DIRECTORY_LDAP_CONN_H
#define IEMS_DIRECTORY_LDAP_CONN_H

#include "directory/record.h"

#include <ldap.h>

enum { LDAP_CONN_TIMEOUT_S = 5, LDAP_CONN_TEXT_MAX = 512 };

struct ldap_account {
    char uri[LDAP_CONN_TEXT_MAX];
    char dn[LDAP_CONN_TEXT_MAX];
    char secret[LDAP_CONN_TEXT_MAX];
    char ca[4096]; /* file of the certificates that are trusted: TLS is spoken; "" = a Unix socket, no TLS */
};

/* Connects and binds. ERR_IO (not reachable), ERR_DENIED (bad credentials). */
NODISCARD int ldap_conn_open(const struct ldap_account *account, LDAP **out, struct error *err);
void ldap_conn_close(LDAP *ld); /* NULL is fine */

/* LDAP result code to ERR_ code; the text says what slapd says. */
NODISCARD int ldap_conn_error(int result, const char *diagnostic, struct error *err);
bool ldap_conn_is_lost(int result);

/* A search entry as a record in `arena`; attributes outside the table are left out. NULL: malformed or out of memory.
 */
struct record *ldap_conn_record(LDAP *ld, LDAPMessage *entry, struct arena *arena);
/* The value of a post-read response control (RFC 4527) likewise, with entryUUID. */
struct record *ldap_conn_post_read(struct berval *value, struct arena *arena);

#endif
