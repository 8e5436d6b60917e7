/* The disk guard (DISK-01 to DISK-05, LIM-29): below the minimum nothing new is accepted; what is queued goes on. The
 * postmaster is told before, when it happens, and when it is over. */
#include "store/service/private.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

enum { SPACE_CHECK_MS = 1000 };
#define MB (1024.0 * 1024.0)

static void status_fill(struct service *s, Store__StoreStatus *out) {
    out->accepting = s->space.accepting;
    out->reason = s->space.reason;
    out->disk_free = s->space.free;
}

static void tell_all(struct service *s) {
    Store__StoreStatus msg = STORE__STORE_STATUS__INIT;
    status_fill(s, &msg);
    list_foreach_safe(it, &s->conns) {
        struct conn *c = list_entry(it, struct conn, link);
        (void)!rpc_session_event(c->rpc, STORE_EVENT_STATUS, &msg.base, STR_EMPTY);
    }
}

/* Acceptance begins again a little above the minimum, so that it does not flap. */
static uint64_t enough_at(const struct space *p) {
    return p->min + (p->accepting || p->min > UINT64_MAX / 2 ? 0 : p->min / 16);
}

static void check_accepting(struct service *s) {
    struct space *p = &s->space;
    bool accepting = p->free >= enough_at(p);
    if (accepting == p->accepting) return;
    p->accepting = accepting;
    p->reason[0] = 0;
    if (accepting) {
        notice_add(s, NOTICE_DISK, "disk_room", "-", "There is room again on %s (%.0f MB free): mail is accepted.",
                   p->dir, (double)p->free / MB);
    } else {
        snprintf(p->reason, sizeof p->reason, "less than %.0f MB free on %s", (double)p->min / MB, p->dir);
        notice_add(s, NOTICE_DISK, "disk_full", "-",
                   "Only %.0f MB are free on %s: new mail is refused until there are %.0f MB. What is queued goes on.",
                   (double)p->free / MB, p->dir, (double)enough_at(p) / MB);
    }
    tell_all(s);
}

/* The warning before (DISK-05): once, until there is clearly more room. */
static void check_warning(struct service *s) {
    struct space *p = &s->space;
    if (p->free < p->warn && !p->warned && p->accepting) {
        p->warned = true;
        notice_add(s, NOTICE_DISK, "disk_low", "-",
                   "Only %.0f MB are free on %s. Below %.0f MB no new mail will be accepted.", (double)p->free / MB,
                   p->dir, (double)p->min / MB);
    } else if (p->free >= p->warn && p->free - p->warn >= p->warn / 16) {
        p->warned = false;
    }
}

void space_check(struct service *s) {
    struct space *p = &s->space;
    struct statvfs v;
    if (p->dir == NULL || statvfs(p->dir, &v) != 0) return;
    p->free = (uint64_t)v.f_bavail * v.f_frsize;
    p->total = (uint64_t)v.f_blocks * v.f_frsize;
    check_accepting(s);
    check_warning(s);
}

static void on_timer(void *arg) {
    space_check(arg);
}

void space_start(struct service *s, const char *dir, uint64_t min, uint64_t warn) {
    s->space = (struct space){.dir = dir, .min = min, .warn = warn, .accepting = true};
    if (dir == NULL) return;
    space_check(s);
    s->space.timer = loop_timer_new(SPACE_CHECK_MS, SPACE_CHECK_MS, on_timer, s);
}

void space_stop(struct service *s) {
    if (s->space.timer != NULL) loop_timer_free(s->space.timer);
    s->space.timer = NULL;
}

int space_refuse(struct service *s, struct error *err) {
    if (s->closing) return error_set(err, ERR_AGAIN, "the message store is shutting down");
    if (s->space.accepting) return 0;
    return error_set(err, ERR_NOSPACE, "%s", s->space.reason);
}

HANDLER(on_status) {
    struct service *s = arg;
    (void)err;
    Store__StoreStatus msg = STORE__STORE_STATUS__INIT;
    status_fill(s, &msg);
    rpc_answer(r, &msg.base, STR_EMPTY);
    return 0;
}
