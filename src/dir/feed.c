/* Between the LDAP threads and the mirror: batches of changes come in by loop_post, writes go out and bring back what
 * they made. A write's answer is in the mirror before its caller goes on. */
#include "base/log.h"
#include "dir/dir.h"
#include "dir/shared.h"
#include "dir/tables.h"
#include "net/loop.h"

#include <stdlib.h>

struct delivery {
    struct dir *dir;
    struct sync_batch *batch;
};

static bool needs_number(const struct entry *e) {
    return e->account == 0 && (e->classes & (ENTRY_STORE_USER | ENTRY_SHARED));
}

static void lost(struct dir *d, const char *why) {
    mirror_refresh_stop(d->mirror);
    if (d->connected || !d->synced)
        log_event(LOG_WARNING, "-", "directory-lost", "error=\"%s\" action=\"go on with what is known\"", why);
    d->connected = false;
}

static void refreshed(struct dir *d) {
    mirror_refresh_end(d->mirror);
    struct mirror_counts c;
    mirror_get_counts(d->mirror, &c);
    d->counts.refreshes++;
    d->connected = true;
    log_event(LOG_INFO, "-", "directory-read", "entries=%zu accounts=%zu domains=%zu bytes=%zu", c.entries, c.accounts,
              c.domains, c.bytes);
    d->synced = true;
    cond_broadcast(&d->synced_now);
}

static void apply_entry(struct dir *d, const struct record *r) {
    const struct entry *e = mirror_by_uuid(d->mirror, r->uuid);
    uint32_t before = e == NULL ? 0 : entry_max_messages(e);
    if (mirror_apply(d->mirror, r) != 0) {
        log_event(LOG_ERROR, "-", "directory-entry", "dn=\"%.*s\" error=\"out of memory\"", STR_ARG(r->dn));
        return;
    }
    e = mirror_by_uuid(d->mirror, r->uuid);
    if (e == NULL) return;
    if (needs_number(e)) d->unnumbered = true;
    if (d->synced && entry_max_messages(e) != before) d->limits_stale = true;
    /* Who a shared account names as member may be the one who comes. */
    if (d->shared_incomplete && (e->classes & ENTRY_STORE_USER)) d->shared_stale = true;
}

static void apply(struct dir *d, const struct sync_event *e) {
    switch (e->kind) {
    case SYNC_BEGIN: mirror_refresh_begin(d->mirror); break;
    case SYNC_ENTRY: apply_entry(d, e->record); break;
    case SYNC_KEEP: mirror_refresh_keep(d->mirror, e->uuid); break;
    case SYNC_DELETE: mirror_remove(d->mirror, e->uuid); break;
    case SYNC_END: refreshed(d); break;
    case SYNC_LOST: lost(d, e->text == NULL ? "" : e->text); break;
    }
}

/* On the loop. */
static void take(void *arg) {
    struct delivery *delivery = arg;
    struct dir *d = delivery->dir;
    for (size_t i = 0; i < delivery->batch->count; i++) apply(d, &delivery->batch->events[i]);
    ldap_sync_batch_done(d->sync, delivery->batch);
    free(delivery);
    if (!d->synced) return;
    config_refresh(d);
    tables_refresh(d->tables);
    shared_refresh(d);
    if (d->limits_stale) limits_store_connected(d); /* another host has changed one */
    d->limits_stale = false;
    if (d->unnumbered) accounts_number_all(d);
}

/* On the synchronisation thread. */
static void deliver(struct sync_batch *batch, void *arg) {
    struct delivery *delivery = malloc(sizeof *delivery);
    IEMS_ASSERT(delivery != NULL); /* a change that is not taken would be missing for ever: start over instead */
    *delivery = (struct delivery){arg, batch};
    loop_post(take, delivery);
}

int feed_start(struct dir *d, struct error *err) {
    int rc = ldap_writer_start(&d->agent, &d->writer, err);
    if (rc == 0) rc = ldap_sync_start(&d->agent, deliver, d, &d->sync, err);
    while (rc == 0 && !d->synced) rc = cond_wait(&d->synced_now, DEADLINE_NEVER);
    return rc;
}

/* ---------------------------------------------------------------- writes */

struct wait {
    struct fiber *fiber;
    bool done;
};

static void finished(void *arg) {
    struct wait *w = arg;
    w->done = true;
    fiber_wake(w->fiber);
}

/* On the writer's thread. */
static void on_done(struct write_op *op, void *arg) {
    (void)op;
    loop_post(finished, arg);
}

int dir_write(struct dir *d, struct write_op *op, struct error *err) {
    struct wait w = {.fiber = fiber_self()};
    ldap_writer_submit(d->writer, op, on_done, &w);
    while (!w.done) {
        if (fiber_park(DEADLINE_NEVER) == ERR_CANCELLED) fiber_yield(); /* the thread still holds what is ours */
    }
    d->counts.writes++;
    if (op->rc != 0) {
        if (err != NULL) *err = op->err;
        bool away = d->replica && (op->rc == ERR_IO || op->rc == ERR_NOSPACE || op->rc == ERR_TIMEOUT);
        if (!away) return op->rc;
        (void)error_prefix(err, "the directory is changed at %s, which does not answer as it should", d->provider_name);
        if (err != NULL) err->code = ERR_AGAIN;
        return ERR_AGAIN;
    }
    int rc = op->record == NULL ? 0 : mirror_apply(d->mirror, op->record);
    config_refresh(d);
    tables_refresh(d->tables);
    return rc == 0 ? 0 : error_set(err, rc, "out of memory");
}
