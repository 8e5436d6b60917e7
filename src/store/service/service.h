/* The store as the other processes see it: an RPC server over queue and mailboxes (rpc/store_methods.h). */
#ifndef IEMS_STORE_SERVICE_SERVICE_H
#define IEMS_STORE_SERVICE_SERVICE_H

#include "store/queue/queue.h"

struct service;

struct service_config {
    struct engine *engine; /* taken over */
    const char *data_dir;  /* whose free space is guarded; NULL = no guard */
    struct str ticket_key; /* copied */
    size_t mailbox_cache;  /* bytes of message lists in memory */
    uint64_t drive_min;    /* bytes that must stay free (DISK-02) */
    uint64_t drive_warn;   /* bytes below which the postmaster is told (DISK-05); 0 = never */
    /* For notices to the postmaster; copied. NULL = none are sent. */
    const char *hostname, *domain;
    uint64_t notice_gather_ms; /* what happens within one becomes one mail */
    bool quarantine_quiet;     /* no notices of messages in quarantine, log lines only (MTA-14) */
    /* Something that belongs into the log. `trace` may be "-". May be NULL. On the loop thread. */
    void (*event)(const char *name, const char *trace, const char *text, void *arg);
    unsigned trace_days;
    uint64_t undelete_s; /* how long expunged messages may be brought back; 0 = they are gone at once */
    /* A write failed: the process must end. On the loop thread. */
    void (*failed)(int code, const char *text, void *arg);
    void *arg;
};

/* Opens the store and starts the queue. In a fiber. */
NODISCARD int service_open(const struct service_config *cfg, struct service **out, struct error *err);
/* Closes sessions, writes and syncs everything. In a fiber. */
void service_close(struct service *s);
NODISCARD int service_add(struct service *s, int fd, uint32_t role, const char *name);
void service_set_limits(struct service *s, uint64_t drive_min, uint64_t drive_warn, unsigned trace_days);
void service_set_quarantine_quiet(struct service *s, bool quiet);
void service_set_undelete(struct service *s, uint64_t seconds);
void service_metrics(struct service *s, struct buf *out);

#endif
