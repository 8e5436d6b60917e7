/* Content synchronisation (RFC 4533, refreshAndPersist) with slapd, in a thread of its own: keeps one connection, makes
 * it again with growing pauses when it breaks, and hands over what changes in batches. Each connection begins with a
 * whole refresh (no cookie): then a restored database is followed as truly as a live one. */
#ifndef IEMS_DIRECTORY_LDAP_SYNC_H
#define IEMS_DIRECTORY_LDAP_SYNC_H

#include "directory/ldap_conn.h"

enum sync_kind {
    SYNC_BEGIN,  /* a refresh begins */
    SYNC_ENTRY,  /* record: there, new or changed */
    SYNC_KEEP,   /* uuid: there, unchanged */
    SYNC_DELETE, /* uuid: gone */
    SYNC_END,    /* the refresh is complete: what was neither sent nor kept is gone */
    SYNC_LOST,   /* the connection broke; text says why */
};
struct sync_event {
    enum sync_kind kind;
    unsigned char uuid[RECORD_UUID_LEN];
    const struct record *record;
    const char *text;
};
struct sync_batch {
    struct arena *arena;
    struct sync_event *events;
    size_t count, cap;
};

struct ldap_sync;

/* `deliver` runs on the sync thread: it passes the batch on; whoever is done with it calls ldap_sync_batch_done (from
 * any thread). The thread waits when too many batches are under way. */
NODISCARD int ldap_sync_start(const struct ldap_account *account, void (*deliver)(struct sync_batch *b, void *arg),
                              void *arg, struct ldap_sync **out, struct error *err);
void ldap_sync_batch_done(struct ldap_sync *s, struct sync_batch *b);
/* Ends the thread and waits for it; batches that were delivered stay valid until they are done. */
void ldap_sync_stop(struct ldap_sync *s);
void ldap_sync_free(struct ldap_sync *s); /* after stop, with all batches done */

#endif
