/* A module's tables: pulled page by page when the connection to the directory comes up, kept right by events
 * afterwards. What comes while the pages are under way waits until they are there, so an event is never overtaken by an
 * older page. While the directory is away the rows stay as they were. */
#include "base/log.h"
#include "daemon/private.h"
#include "daemon/rows.h"
#include "net/loop.h"

#include <stdlib.h>
#include <string.h>

enum {
    PAGE_ROWS = 2000,
    PAGE_CALL_MS = 30000,
    TABLES_WAIT_MS = 10000,
    LARGE_ROWS = 4096, /* from here on changes are gathered: putting them in costs a walk over all rows */
    LARGE_WAIT_MS = 100,
    ROWS_PER_WAIT_MS = 200, /* a million rows take 0.4 s and wait 5 s: less than a tenth of the module's time */
};

struct row_list {
    struct row **list;
    size_t count, room;
};

static int list_add(struct row_list *l, struct row *row) {
    if (l->count == l->room) {
        size_t room = l->room == 0 ? 16 : l->room * 2;
        struct row **grown = realloc(l->list, room * sizeof(struct row *));
        if (grown == NULL) return ERR_NOMEM;
        l->list = grown;
        l->room = room;
    }
    l->list[l->count++] = row;
    return 0;
}

static void list_free(struct row_list *l) {
    for (size_t i = 0; i < l->count; i++) row_free(l->list[i]);
    free(l->list);
    *l = (struct row_list){0};
}

static int add_row(struct row_list *l, const struct table *t, const Dir__TableRow *r) {
    struct row_value values[TABLE_COLUMNS_MAX];
    struct error err = {0};
    struct row *row = NULL;
    size_t count = 0;
    int rc = 0;
    for (size_t i = 0; i < r->n_columns && rc == 0; i++) {
        rc = count == TABLE_COLUMNS_MAX ? ERR_LIMIT : row_value_parse(str_from(r->columns[i]), &values[count++]);
    }
    if (rc == 0) {
        rc = r->gone ? row_new_gone(t, str_from(r->key), &row, &err)
                     : row_new(t, str_from(r->key), values, count, &row, &err);
    }
    if (rc == 0 && (rc = list_add(l, row)) != 0) row_free(row);
    if (rc == ERR_NOMEM) return rc;
    if (rc != 0) {
        log_event(LOG_WARNING, "-", "row-refused", "table=%s key=\"%s\" error=\"%s\"", t->name, r->key, err.text);
    }
    return 0;
}

static void tell_module(struct daemon *d) {
    if (d->started && !d->stopping && d->ops->options_changed != NULL) d->ops->options_changed(d);
}

static void tables_failed(const struct daemon_table *t) {
    log_event(LOG_ERROR, "-", "table", "table=%s error=\"out of memory\" action=\"the rows before stay\"",
              t->table->name);
}

/* Puts the changes over the rows; `*old` gets what is to be freed when the module has been told. */
static int apply(struct daemon_table *t, struct row_list *changes, struct rows **old) {
    struct rows *fresh = NULL;
    if (rows_change(t->rows, changes->list, changes->count, &fresh) != 0) return ERR_NOMEM;
    changes->count = 0; /* they belong to the sets now */
    *old = t->rows;
    t->rows = fresh;
    return rows_index(fresh);
}

/* ---------------------------------------------------------------- events */

static struct row_list pending_take(struct daemon_table *t) {
    struct row_list l = {t->pending, t->pending_count, t->pending_room};
    t->pending = NULL;
    t->pending_count = t->pending_room = 0;
    return l;
}

static void pending_apply(struct daemon *d) {
    struct rows *old[DAEMON_TABLES_MAX] = {NULL};
    bool changed = false;
    if (d->tables_loading) return;
    for (size_t i = 0; i < d->table_count; i++) {
        struct row_list l = pending_take(&d->tables[i]);
        if (l.count > 0 && apply(&d->tables[i], &l, &old[i]) != 0) tables_failed(&d->tables[i]);
        changed = changed || old[i] != NULL;
        list_free(&l);
    }
    if (changed) tell_module(d);
    for (size_t i = 0; i < d->table_count; i++) rows_free(old[i]);
}

static void on_timer(void *arg) {
    struct daemon *d = arg;
    loop_timer_free(d->tables_timer);
    d->tables_timer = NULL;
    pending_apply(d);
}

static struct daemon_table *find(struct daemon *d, const char *name) {
    const struct table *t = table_find(str_from(name));
    for (size_t i = 0; i < d->table_count; i++) {
        if (d->tables[i].table == t) return &d->tables[i];
    }
    return NULL;
}

static void event_came(struct daemon *d, const Dir__TableEvent *e) {
    struct daemon_table *t = find(d, e->table);
    if (t == NULL) return;
    struct row_list l = pending_take(t);
    for (size_t i = 0; i < e->n_rows; i++) {
        if (add_row(&l, t->table, e->rows[i]) != 0) tables_failed(t);
    }
    t->pending = l.list;
    t->pending_count = l.count;
    t->pending_room = l.room;
    log_event(LOG_INFO, "-", "table", "table=%s serial=%llu changes=%zu", e->table, (unsigned long long)e->serial,
              e->n_rows);
    if (d->tables_loading) return;
    if (rows_count(t->rows) + l.count >= LARGE_ROWS) {
        uint64_t wait = rows_count(t->rows) / ROWS_PER_WAIT_MS;
        if (wait < LARGE_WAIT_MS) wait = LARGE_WAIT_MS;
        if (d->tables_timer == NULL) d->tables_timer = loop_timer_new(wait, 0, on_timer, d);
        if (d->tables_timer != NULL) return;
    }
    pending_apply(d);
}

static void dir_event(struct rpc_client *client, uint16_t method, const ProtobufCMessage *msg, struct str attach,
                      void *arg) {
    (void)client;
    (void)attach;
    if (method == DIR_EVENT_TABLE) event_came(arg, (const Dir__TableEvent *)(const void *)msg);
}

/* ---------------------------------------------------------------- the first pull */

struct load {
    struct daemon *daemon;
    struct rpc_client *client;
    uint64_t round;
};

static int call(const struct load *l, uint16_t method, const ProtobufCMessage *request, struct rpc_reply *reply,
                struct error *err) {
    int rc = rpc_call(l->client, method, request, STR_EMPTY, loop_now_ms() + PAGE_CALL_MS, reply, err);
    return rc == 0 && l->round != l->daemon->tables_round ? (int)ERR_CANCELLED : rc;
}

static int pull(const struct load *l, const struct table *t, struct row_list *rows, struct error *err) {
    char after[TABLE_KEY_MAX + 1] = "";
    for (bool more = true; more;) {
        Dir__TableList list = DIR__TABLE_LIST__INIT;
        RPC_REPLY_AUTO reply = {0};
        list.table = (char *)(uintptr_t)t->name;
        list.after = after;
        list.limit = PAGE_ROWS;
        int rc = call(l, DIR_TABLE_LIST, &list.base, &reply, err);
        if (rc != 0) return rc;
        const Dir__TableRows *page = (const Dir__TableRows *)(const void *)reply.msg;
        for (size_t i = 0; i < page->n_rows; i++) {
            if (add_row(rows, t, page->rows[i]) != 0) return error_set(err, ERR_NOMEM, "out of memory");
        }
        more = page->more && page->n_rows > 0;
        if (!more) break;
        if (str_to_cstr(str_from(page->rows[page->n_rows - 1]->key), after, sizeof after) != 0) return ERR_CORRUPT;
    }
    return 0;
}

static int watch(const struct load *l, struct error *err) {
    char *names[DAEMON_TABLES_MAX];
    Dir__TableWatch watch = DIR__TABLE_WATCH__INIT;
    for (size_t i = 0; i < l->daemon->table_count; i++) {
        names[i] = (char *)(uintptr_t)l->daemon->tables[i].table->name;
    }
    watch.tables = names;
    watch.n_tables = l->daemon->table_count;
    return call(l, DIR_TABLE_WATCH, &watch.base, NULL, err);
}

/* All rows of a table in place of those before. */
static int replace(struct daemon_table *t, struct row_list *rows, struct rows **old) {
    struct rows *empty = NULL, *fresh = NULL;
    if (rows_new(t->table, &empty) != 0) return ERR_NOMEM;
    int rc = rows_change(empty, rows->list, rows->count, &fresh);
    rows_free(empty);
    if (rc != 0) return rc;
    rows->count = 0;
    rc = rows_index(fresh);
    if (rc != 0 || rows_same(fresh, t->rows)) {
        rows_free(fresh);
        return rc;
    }
    *old = t->rows;
    t->rows = fresh;
    return 0;
}

static int load_all(const struct load *l, struct error *err) {
    struct daemon *d = l->daemon;
    struct row_list rows[DAEMON_TABLES_MAX] = {{0}};
    struct rows *old[DAEMON_TABLES_MAX] = {NULL};
    int rc = watch(l, err);
    for (size_t i = 0; rc == 0 && i < d->table_count; i++) rc = pull(l, d->tables[i].table, &rows[i], err);
    bool changed = false;
    for (size_t i = 0; i < d->table_count; i++) {
        size_t count = rows[i].count;
        if (rc == 0 && replace(&d->tables[i], &rows[i], &old[i]) != 0) tables_failed(&d->tables[i]);
        if (rc == 0) log_event(LOG_INFO, "-", "table", "table=%s rows=%zu", d->tables[i].table->name, count);
        changed = changed || old[i] != NULL;
        list_free(&rows[i]);
    }
    if (changed) tell_module(d);
    for (size_t i = 0; i < d->table_count; i++) rows_free(old[i]);
    return rc;
}

static void load_main(void *arg) {
    struct load l = *(struct load *)arg;
    struct error err = {0};
    free(arg);
    int rc = load_all(&l, &err);
    if (l.round != l.daemon->tables_round) return; /* another one has begun */
    l.daemon->tables_loading = false;
    if (rc != 0) {
        if (rc != ERR_CANCELLED) log_event(LOG_WARNING, "-", "table", "error=\"%s\"", err.text);
        return;
    }
    pending_apply(l.daemon);
    l.daemon->tables_ready = true;
    cond_broadcast(&l.daemon->configured);
}

static void dir_connected(struct rpc_client *client, void *arg) {
    struct daemon *d = arg;
    struct load *l = malloc(sizeof *l);
    d->tables_loading = true;
    d->tables_round++;
    for (size_t i = 0; i < d->table_count; i++) { /* of the connection before */
        struct row_list stale = pending_take(&d->tables[i]);
        list_free(&stale);
    }
    if (l != NULL) *l = (struct load){d, client, d->tables_round};
    if (l != NULL && fiber_spawn("tables", load_main, l, NULL) == 0) return;
    free(l);
    rpc_client_reset(client); /* tried again with the next connection */
}

/* ---------------------------------------------------------------- for modules */

int daemon_tables_use(struct daemon *d, const char *const *names, size_t count, struct error *err) {
    static const struct rpc_client_ops ops = {.connected = dir_connected, .event = dir_event};
    IEMS_ASSERT(d->table_count == 0 && count > 0 && count <= DAEMON_TABLES_MAX);
    for (size_t i = 0; i < count; i++) {
        struct daemon_table *t = &d->tables[i];
        *t = (struct daemon_table){.table = table_find(str_from(names[i]))};
        IEMS_ASSERT(t->table != NULL);
        if (rows_new(t->table, &t->rows) != 0) return error_set(err, ERR_NOMEM, "out of memory");
        d->table_count++;
    }
    uint64_t deadline = loop_now_ms() + TABLES_WAIT_MS;
    int rc = daemon_client(d, &dir_service, &ops, d, NULL);
    if (rc != 0) return error_set(err, rc, "cannot ask the directory for tables");
    while (rc == 0 && !d->tables_ready) rc = cond_wait(&d->configured, deadline);
    if (rc == ERR_CANCELLED) return error_set(err, rc, "stopped");
    if (rc != 0) log_event(LOG_WARNING, "-", "table", "error=\"no answer of the directory\" action=\"go on\"");
    return 0;
}

const struct rows *daemon_table(const struct daemon *d, const char *name) {
    for (size_t i = 0; i < d->table_count; i++) {
        if (strcmp(d->tables[i].table->name, name) == 0) return d->tables[i].rows;
    }
    const bool named_in_daemon_tables_use = false;
    IEMS_ASSERT(named_in_daemon_tables_use);
    return NULL;
}
