#include "daemon/roster.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/loop.h"
#include "net/tls.h"

#include <stdlib.h>

enum {
    GATHER_MS = 100,       /* news wait so long for others */
    SWEEP_MS = 5000,       /* how often bytes and folders are looked at */
    NOTES_MAX = 500,       /* in one report */
    GONE_MAX = 100 * 1000, /* beyond: iems-dir is told all anew */
    REPORT_MS = 10 * 1000,
    RETRY_MS = 1000,
};

void roster_init(struct roster *r, const char *service, const char *(*folder)(const struct roster_entry *e)) {
    *r = (struct roster){.service = service, .folder = folder, .anew = true};
    list_init(&r->all);
    cond_init(&r->news);
}

void roster_done(struct roster *r) {
    if (r->fiber != NULL) fiber_cancel(r->fiber);
    free(r->gone);
    r->gone = NULL;
    r->gone_count = r->gone_cap = 0;
    r->dir = NULL;
}

/* ---------------------------------------------------------------- reports */

static uint32_t hash_of(const char *text) {
    uint32_t h = 2166136261u; /* FNV-1a */
    for (; text != NULL && *text != '\0'; text++) h = (h ^ (unsigned char)*text) * 16777619u;
    return h;
}

static uint64_t bytes_of(const struct roster_entry *e) {
    return stream_bytes_in(e->stream) + stream_bytes_out(e->stream);
}

static const char *folder_of(const struct roster *r, const struct roster_entry *e) {
    const char *f = r->folder == NULL ? NULL : r->folder(e);
    return f == NULL ? "" : f;
}

static bool is_news(const struct roster *r, const struct roster_entry *e) {
    return !e->told || bytes_of(e) != e->told_bytes || hash_of(folder_of(r, e)) != e->told_folder;
}

struct report {
    Dir__SessionReport msg;
    Dir__SessionNote notes[NOTES_MAX], *list[NOTES_MAX];
    struct arena *arena;
};

static Dir__SessionNote *note_add(struct report *p, uint64_t number) {
    Dir__SessionNote *n = &p->notes[p->msg.n_notes];
    dir__session_note__init(n);
    n->number = number;
    p->list[p->msg.n_notes++] = n;
    return n;
}

static int text_copy(struct report *p, const char *text, char **out) {
    *out = arena_cstr(p->arena, str_from(text));
    return *out == NULL ? ERR_NOMEM : 0;
}

/* Strings are copied: the session may end while the report is under way. */
static int note_fill(struct roster *r, struct report *p, struct roster_entry *e) {
    Dir__SessionNote *n = note_add(p, e->number);
    const char *folder = folder_of(r, e);
    int rc = text_copy(p, e->id, &n->id);
    if (rc == 0) rc = text_copy(p, e->user, &n->user);
    if (rc == 0) rc = text_copy(p, e->peer, &n->peer);
    if (rc == 0) rc = text_copy(p, folder, &n->folder);
    n->service = (char *)(uintptr_t)r->service;
    n->tls = e->tls;
    n->since = e->since;
    n->bytes_in = stream_bytes_in(e->stream);
    n->bytes_out = stream_bytes_out(e->stream);
    e->told = true;
    e->told_bytes = n->bytes_in + n->bytes_out;
    e->told_folder = hash_of(folder);
    return rc;
}

/* As many news as go into one report, behind entry number `after`. */
static int gather(struct roster *r, struct report *p, uint64_t *after) {
    while (p->msg.n_notes < NOTES_MAX && r->gone_count > 0) note_add(p, r->gone[--r->gone_count])->gone = true;
    list_foreach(it, &r->all) {
        struct roster_entry *e = list_entry(it, struct roster_entry, node);
        if (p->msg.n_notes == NOTES_MAX) return 0;
        if (e->number <= *after || !is_news(r, e)) continue;
        int rc = note_fill(r, p, e);
        if (rc != 0) return rc;
        *after = e->number;
    }
    return 0;
}

/* 1: there may be more. */
static int report_some(struct roster *r, uint64_t *after) {
    ARENA_AUTO arena = arena_new(4 * 1024 * 1024);
    struct report *p = arena == NULL ? NULL : arena_alloc(arena, sizeof *p);
    struct error err = {0};
    if (p == NULL) return ERR_NOMEM;
    dir__session_report__init(&p->msg);
    p->msg.notes = p->list;
    p->msg.anew = r->anew;
    p->arena = arena;
    r->anew = false;
    int rc = gather(r, p, after);
    if (rc == 0 && p->msg.n_notes == 0 && !p->msg.anew) return 0;
    if (rc == 0)
        rc = rpc_call(r->dir, DIR_SESSION_REPORT, &p->msg.base, STR_EMPTY, loop_now_ms() + REPORT_MS, NULL, &err);
    if (rc == 0) return p->msg.n_notes == NOTES_MAX;
    r->anew = true;
    r->gone_count = 0;
    list_foreach(it, &r->all) list_entry(it, struct roster_entry, node)->told = false;
    return rc;
}

static uint64_t next_look(const struct roster *r, int rc) {
    if (rc < 0) return loop_now_ms() + RETRY_MS;
    return list_empty(&r->all) ? DEADLINE_NEVER : loop_now_ms() + SWEEP_MS;
}

static void reporter(void *arg) {
    struct roster *r = arg;
    for (;;) {
        if (fiber_sleep(GATHER_MS) != 0) break;
        uint64_t after = 0;
        int rc = 1;
        r->fresh = false;
        while (rc == 1 && r->dir != NULL) rc = report_some(r, &after);
        if (r->dir == NULL || fiber_cancelled()) break;
        if (r->fresh || r->gone_count > 0) continue;
        int waited = cond_wait(&r->news, next_look(r, rc));
        if (waited != 0 && waited != ERR_TIMEOUT) break;
    }
    r->fiber = NULL;
}

static void tell(struct roster *r) {
    if (r->dir == NULL) return;
    r->fresh = true;
    if (r->fiber != NULL)
        cond_signal(&r->news);
    else if (fiber_spawn("roster", reporter, r, &r->fiber) != 0)
        r->fiber = NULL;
}

/* ---------------------------------------------------------------- sessions */

void roster_enter(struct roster *r, struct roster_entry *e, struct stream *s) {
    e->stream = s;
    e->fiber = fiber_self();
    e->number = ++r->last_number;
    e->since = clock_wall_s();
    e->tls = stream_is_tls(s);
    e->told = e->ended = false;
    list_push_back(&r->all, &e->node);
    tell(r);
}

void roster_leave(struct roster *r, struct roster_entry *e) {
    if (e->number == 0) return;
    list_remove(&e->node);
    if (r->dir != NULL && r->gone_count == r->gone_cap && r->gone_cap < GONE_MAX) {
        size_t cap = r->gone_cap * 2 + 64;
        uint64_t *grown = realloc(r->gone, cap * sizeof *grown);
        if (grown != NULL) r->gone = grown;
        if (grown != NULL) r->gone_cap = cap;
    }
    if (r->gone_count < r->gone_cap)
        r->gone[r->gone_count++] = e->number;
    else
        r->anew = true;
    e->number = 0;
    tell(r);
}

void roster_connected(struct rpc_client *c, void *arg) {
    struct roster *r = arg;
    (void)c;
    r->anew = true;
    r->gone_count = 0;
    list_foreach(it, &r->all) list_entry(it, struct roster_entry, node)->told = false;
    if (!list_empty(&r->all)) tell(r);
}

void roster_event(struct rpc_client *c, uint16_t method, const ProtobufCMessage *msg, struct str attach, void *arg) {
    struct roster *r = arg;
    (void)c, (void)attach;
    if (method != DIR_EVENT_SESSION_END) return;
    const Dir__SessionEnd *end = (const void *)msg;
    list_foreach(it, &r->all) {
        struct roster_entry *e = list_entry(it, struct roster_entry, node);
        for (size_t i = 0; i < end->n_numbers; i++) {
            if (end->numbers[i] != e->number || e->ended) continue;
            e->ended = true;
            log_event(LOG_MESSAGE, e->id, "disconnect", "user=%s peer=%s by=%s", e->user, e->peer, end->by);
            fiber_cancel(e->fiber);
        }
    }
}
