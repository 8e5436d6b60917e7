/* Who is told of changes: sessions that asked for options, tables or domains. */
#ifndef IEMS_DIR_WATCHERS_H
#define IEMS_DIR_WATCHERS_H

#include "base/list.h"
#include "rpc/rpc.h"

struct watcher {
    struct list node;
    struct rpc_session *session;
    bool options;
    bool domains;    /* until the next change */
    uint64_t tables; /* bits: places in table_table */
};
/* That of the session, made if need be. NULL: out of memory. */
struct watcher *watcher_of(struct rpc_session *s);
void watcher_forget(struct rpc_session *s);
/* An event to all that watch options (`tables` 0) or one of `tables`. Who does not read is dropped. */
void watchers_tell(uint64_t tables, uint16_t event, const ProtobufCMessage *msg);

/* The domains have changed: they know it before anybody is told that the change was made. */
void watchers_tell_domains(void);

#endif
