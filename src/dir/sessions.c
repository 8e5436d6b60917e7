/* The sessions of all modules whose users have logged in: SESSION_REPORT, SESSION_LIST, SESSION_DISCONNECT. Modules
 * tell what changes (daemon/roster.h); what a module told goes with its connection. Kept in order of their coming. */
#include "base/log.h"
#include "base/map.h"
#include "base/wildcard.h"
#include "dir/dir.h"

#include <stdlib.h>
#include <string.h>

enum { SESSIONS_MAX = 1000 * 1000, LIST_DEFAULT = 100, LIST_MAX = 1000, ENDS_MAX = 1000 };

struct live {
    struct list node;
    struct rpc_session *module;
    uint64_t serial;       /* in the list of all */
    uint64_t key[2];       /* module, and its number there */
    Dir__SessionNote note; /* strings are our own */
};

static struct list all = LIST_INIT(all);
static struct map *by_key;
static uint64_t last_serial;

static void strings_free(Dir__SessionNote *n) {
    free(n->id);
    free(n->user);
    free(n->service);
    free(n->peer);
    free(n->folder);
}

static void live_free(struct live *l) {
    (void)map_remove(by_key, str_of(l->key, sizeof l->key));
    list_remove(&l->node);
    strings_free(&l->note);
    free(l);
}

void sessions_forget(struct rpc_session *module) {
    list_foreach_safe(it, &all) {
        struct live *l = list_entry(it, struct live, node);
        if (l->module == module) live_free(l);
    }
}

/* A copy with strings of its own; out of memory it says nothing of what it lacks. */
static int note_copy(const Dir__SessionNote *from, Dir__SessionNote *out) {
    *out = *from;
    out->id = str_dup(str_from(from->id));
    out->user = str_dup(str_from(from->user));
    out->service = str_dup(str_from(from->service));
    out->peer = str_dup(str_from(from->peer));
    out->folder = str_dup(str_from(from->folder));
    if (out->id != NULL && out->user != NULL && out->service != NULL && out->peer != NULL && out->folder != NULL)
        return 0;
    strings_free(out);
    return ERR_NOMEM;
}

static int take_note(struct rpc_session *module, const Dir__SessionNote *n) {
    uint64_t key[2] = {rpc_session_id(module), n->number};
    struct live *l = map_get(by_key, str_of(key, sizeof key));
    if (n->gone) {
        if (l != NULL) live_free(l);
        return 0;
    }
    Dir__SessionNote copy;
    if (l == NULL && map_count(by_key) >= SESSIONS_MAX) return ERR_LIMIT;
    if (note_copy(n, &copy) != 0) return ERR_NOMEM;
    if (l != NULL) {
        strings_free(&l->note);
        l->note = copy;
        return 0;
    }
    l = calloc(1, sizeof *l);
    if (l == NULL || map_put(by_key, str_of(key, sizeof key), l, NULL) != 0) {
        strings_free(&copy);
        free(l);
        return ERR_NOMEM;
    }
    memcpy(l->key, key, sizeof key);
    l->module = module;
    l->note = copy;
    l->serial = ++last_serial;
    list_push_back(&all, &l->node);
    return 0;
}

static void end_some(struct rpc_session *module, uint64_t *numbers, size_t count, const char *by) {
    Dir__SessionEnd end = DIR__SESSION_END__INIT;
    if (count == 0) return;
    end.numbers = numbers;
    end.n_numbers = count;
    end.by = (char *)(uintptr_t)by;
    (void)!rpc_session_event(module, DIR_EVENT_SESSION_END, &end.base, STR_EMPTY);
}

/* Modules gather their news for a moment. An account that was deleted in it had a session that nobody knew of when the
 * others were ended. */
static void end_if_nobodys(struct dir *d, struct rpc_request *r, Dir__SessionNote *n) {
    if (resolve_entry(d->mirror, &d->settings, str_from(n->user), NULL, r->arena) != NULL) return;
    end_some(r->session, &n->number, 1, rpc_session_name(r->session));
}

int handle_session_report(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__SessionReport *q = (const void *)r->msg;
    if (by_key == NULL) by_key = map_new(MAP_BYTES);
    if (by_key == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    if (q->anew) sessions_forget(r->session);
    for (size_t i = 0; i < q->n_notes; i++) {
        uint64_t before = last_serial;
        int rc = take_note(r->session, q->notes[i]);
        if (rc != 0) return error_set(err, rc, "too many sessions to remember");
        if (last_serial != before) end_if_nobodys(d, r, q->notes[i]);
    }
    Dir__Empty empty = DIR__EMPTY__INIT;
    rpc_answer(r, &empty.base, STR_EMPTY);
    return 0;
}

static bool text_fits(const char *pattern, const char *text) {
    return pattern[0] == '\0' || wildcard_match(str_from(pattern), str_from(text));
}

static bool is_wanted(const struct live *l, const Dir__SessionFilter *f) {
    if (f == NULL) return true;
    return text_fits(f->user, l->note.user) && text_fits(f->service, l->note.service) &&
           text_fits(f->peer, l->note.peer) &&
           (f->id[0] == '\0' || str_eq_nocase(str_from(f->id), str_from(l->note.id)));
}

int handle_session_list(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__SessionList *q = (const void *)r->msg;
    Dir__SessionListed reply = DIR__SESSION_LISTED__INIT;
    size_t limit = q->limit == 0 ? LIST_DEFAULT : q->limit > LIST_MAX ? LIST_MAX : q->limit;
    (void)d;
    reply.sessions = arena_alloc(r->arena, limit * sizeof *reply.sessions);
    if (reply.sessions == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    list_foreach(it, &all) {
        struct live *l = list_entry(it, struct live, node);
        if (!is_wanted(l, q->filter)) continue;
        reply.total++;
        if (l->serial <= q->after) continue;
        reply.more = reply.n_sessions == limit;
        if (reply.more) continue;
        reply.sessions[reply.n_sessions++] = &l->note;
        reply.next = l->serial;
    }
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

void sessions_end_user(struct str address, const char *by) {
    list_foreach(it, &all) {
        struct live *l = list_entry(it, struct live, node);
        if (str_eq_nocase(str_from(l->note.user), address)) end_some(l->module, &l->note.number, 1, by);
    }
}

/* What stands together in the list is told together. */
int handle_session_disconnect(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__SessionFilter *f = (const void *)r->msg;
    Dir__SessionCount reply = DIR__SESSION_COUNT__INIT;
    uint64_t numbers[ENDS_MAX];
    size_t count = 0;
    struct rpc_session *module = NULL;
    const char *by = rpc_session_name(r->session);
    (void)d;
    if (f->user[0] == '\0' && f->service[0] == '\0' && f->peer[0] == '\0' && f->id[0] == '\0')
        return error_set(err, ERR_INVALID, "which sessions? all of them are user *");
    list_foreach(it, &all) {
        struct live *l = list_entry(it, struct live, node);
        if (!is_wanted(l, f)) continue;
        if (l->module != module || count == ENDS_MAX) {
            end_some(module, numbers, count, by);
            count = 0;
        }
        module = l->module;
        numbers[count++] = l->note.number;
        reply.count++;
    }
    end_some(module, numbers, count, by);
    log_event(LOG_MESSAGE, "-", "sessions-ended", "count=%llu user=\"%s\" service=\"%s\" peer=\"%s\" by=%s",
              (unsigned long long)reply.count, f->user, f->service, f->peer, by);
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}
