/* Servers of the table `fetch` are called when their time has come: at the start, then every interval. */
#include "base/log.h"
#include "base/map.h"
#include "net/loop.h"
#include "smtpc/smtpc.h"

#include <stdio.h>
#include <stdlib.h>

enum { FETCH_MEMORY_MAX = 1024 * 1024, LOOK_MS = 3600 * 1000 };

struct fetch_state {
    uint64_t last_ms; /* when it was called last by itself */
    bool called, busy;
};

struct fetch_job {
    struct smtpc *smtpc;
    char name[TABLE_KEY_MAX + 1];
};

static struct fetch_state *state_get(struct smtpc *s, const char *name) {
    struct fetch_state *x = map_get(s->fetches, str_from(name));
    if (x != NULL) return x;
    x = calloc(1, sizeof *x);
    if (x != NULL && map_put(s->fetches, str_from(name), x, NULL) == 0) return x;
    free(x);
    return NULL;
}

bool smtpc_fetch_begin(struct smtpc *s, const char *name) {
    struct fetch_state *x = state_get(s, name);
    if (x == NULL || x->busy) return false;
    x->busy = true;
    return true;
}

void smtpc_fetch_end(struct smtpc *s, const char *name) {
    struct fetch_state *x = map_get(s->fetches, str_from(name));
    if (x != NULL) x->busy = false;
}

static void job_main(void *arg) {
    struct fetch_job *job = arg;
    struct fetched done;
    struct error err = {0};
    ARENA_AUTO arena = arena_new(FETCH_MEMORY_MAX);
    if (arena != NULL && smtpc_fetch(job->smtpc, job->name, STR_EMPTY, arena, &done, &err) == ERR_NOMEM)
        log_event(LOG_ERROR, "-", "out_of_memory", "where=fetch");
    free(job);
}

static void job_start(struct smtpc *s, const char *name) {
    struct fetch_job *job = calloc(1, sizeof *job);
    if (job == NULL) return;
    job->smtpc = s;
    (void)snprintf(job->name, sizeof job->name, "%s", name);
    if (fiber_spawn("fetch", job_main, job, NULL) != 0) free(job);
}

/* Starts what is due; when to look again. */
static uint64_t look(struct smtpc *s) {
    const struct table *t = table_find(STR("fetch"));
    const struct rows *rows = daemon_table(s->daemon, "fetch");
    uint64_t now = loop_now_ms(), next = now + LOOK_MS;
    for (size_t i = 0; i < rows_count(rows); i++) {
        const struct row *row = rows_at(rows, i);
        uint64_t interval_ms = row_u64(t, row, "interval") * 1000;
        struct fetch_state *x = interval_ms == 0 || !row_bool(t, row, "enabled") ? NULL : state_get(s, row_key(row));
        if (x == NULL) continue;
        if (!x->called || now - x->last_ms >= interval_ms) {
            x->called = true;
            x->last_ms = now;
            job_start(s, row_key(row));
        }
        if (x->last_ms + interval_ms < next) next = x->last_ms + interval_ms;
    }
    return next;
}

static void watch_main(void *arg) {
    struct smtpc *s = arg;
    while (!s->stopping) {
        int rc = cond_wait(&s->fetch_wake, look(s));
        if (rc != 0 && rc != ERR_TIMEOUT) return;
    }
}

int smtpc_fetch_watch(struct smtpc *s) {
    cond_init(&s->fetch_wake);
    s->fetches = map_new(MAP_NOCASE);
    return s->fetches == NULL ? ERR_NOMEM : fiber_spawn("fetch", watch_main, s, NULL);
}
