/* TABLE_*: rows are set, listed, matched and watched (daemon/tables.h). */
#include "base/log.h"
#include "dir/admin.h"
#include "dir/tables.h"
#include "dir/watchers.h"

#include <string.h>

enum { LIST_DEFAULT = 100, LIST_MAX = 5000, HOLD_MAX = TABLE_KEY_MAX + 64 };

static int find_table(const char *name, const struct table **out, struct error *err) {
    const struct table *t = table_find(str_from(name));
    if (t == NULL) return error_set(err, ERR_INVALID, "there is no table '%.60s'", name);
    *out = t;
    return 0;
}

/* A change under way: the row as it is, held so that no other change comes between. */
struct editing {
    const struct table *table;
    struct buf key;
    char hold[HOLD_MAX];
    const struct row *row; /* NULL = there is none */
    struct row_value values[TABLE_COLUMNS_MAX];
    size_t count;
};

static int editing_begin(struct dir *d, const char *table, const char *key, struct editing *e, struct error *err) {
    *e = (struct editing){.key = BUF_INIT(TABLE_KEY_MAX)};
    int rc = find_table(table, &e->table, err);
    if (rc == 0) rc = table_key_normal(e->table, str_from(key), &e->key, err);
    if (rc != 0) return rc;
    BUF_AUTO hold = BUF_INIT(HOLD_MAX - 1);
    buf_printf(&hold, "%s %s", e->table->name, buf_cstr(&e->key));
    rc = str_to_cstr(buf_str(&hold), e->hold, sizeof e->hold);
    if (rc == 0) rc = tables_hold(d, e->hold, err);
    if (rc != 0) e->hold[0] = '\0';
    struct rows *rows;
    if (rc == 0 && (rc = tables_rows(d->tables, e->table, &rows)) != 0) return error_set(err, rc, "out of memory");
    if (rc == 0) e->row = rows_find(rows, buf_str(&e->key));
    return rc;
}

static void editing_end(struct dir *d, struct editing *e) {
    if (e->hold[0] != '\0') tables_release(d, e->hold);
    buf_done(&e->key);
}

static void take_values(struct editing *e) {
    const struct option *column;
    const char *value;
    for (size_t pos = 0; e->row != NULL && row_next(e->row, &pos, &column, &value);) {
        e->values[e->count++] = (struct row_value){str_from(column->name), str_from(value)};
    }
}

static struct row_value *find_value(struct editing *e, struct str column) {
    for (size_t i = 0; i < e->count; i++) {
        if (str_eq_nocase(e->values[i].column, column)) return &e->values[i];
    }
    return NULL;
}

static int put_value(struct editing *e, struct row_value v, struct error *err) {
    int rc = table_value_check(e->table, v.column, v.value, err);
    if (rc != 0) return rc;
    struct row_value *old = find_value(e, v.column);
    if (old == NULL) old = &e->values[e->count++]; /* a known column: there is room for each */
    *old = v;
    return 0;
}

static int answer_row(struct rpc_request *r, const struct row *row, struct error *err) {
    Dir__TableRow answer;
    size_t bytes = 0;
    int rc = table_row_message(row, r->arena, &answer, &bytes);
    if (rc != 0) return error_set(err, rc, "out of memory");
    rpc_answer(r, &answer.base, STR_EMPTY);
    return 0;
}

/* Writes the values as they are now, and answers. */
static int save(struct dir *d, struct rpc_request *r, struct editing *e, const char *what, struct error *err) {
    struct row *row = NULL;
    int rc = row_new(e->table, buf_str(&e->key), e->values, e->count, &row, err);
    if (rc == 0) rc = table_rules_check(e->table, row, err);
    if (rc == 0) rc = tables_write(d, e->table, row, r->arena, err);
    if (rc == 0) {
        log_event(LOG_INFO, "-", what, "table=%s key=\"%s\" by=%s", e->table->name, row_key(row),
                  rpc_session_name(r->session));
        rc = answer_row(r, row, err);
    }
    row_free(row);
    return rc;
}

int handle_table_set(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__TableSet *q = (const void *)r->msg;
    struct editing e;
    int rc = editing_begin(d, q->table, q->key, &e, err);
    if (rc == 0 && e.row == NULL && tables_count(d->tables) >= TABLE_ROWS_MAX) {
        rc = error_set(err, ERR_LIMIT, "the tables have %d rows already", TABLE_ROWS_MAX);
    }
    if (rc == 0) take_values(&e);
    for (size_t i = 0; rc == 0 && i < q->n_columns; i++) {
        struct row_value v;
        rc = row_value_parse(str_from(q->columns[i]), &v) != 0
                 ? error_set(err, ERR_INVALID, "'%.80s' is not column=value", q->columns[i])
                 : put_value(&e, v, err);
    }
    if (rc == 0) rc = save(d, r, &e, "table-set", err);
    editing_end(d, &e);
    return rc;
}

static int no_row(const struct editing *e, struct error *err) {
    return error_set(err, ERR_NOTFOUND, "%s has no row '%s'", e->table->name, buf_cstr(&e->key));
}

int handle_table_unset(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__TableUnset *q = (const void *)r->msg;
    struct editing e;
    int rc = editing_begin(d, q->table, q->key, &e, err);
    if (rc == 0 && e.row == NULL) rc = no_row(&e, err);
    if (rc == 0) take_values(&e);
    for (size_t i = 0; rc == 0 && i < q->n_columns; i++) {
        struct str name = str_from(q->columns[i]);
        const struct option *o = table_column(e.table, name);
        rc = table_value_check(e.table, name, str_from(o == NULL ? "" : o->def), err);
        struct row_value *v = find_value(&e, name);
        if (rc == 0 && v != NULL) *v = e.values[--e.count];
    }
    if (rc == 0) rc = save(d, r, &e, "table-unset", err);
    editing_end(d, &e);
    return rc;
}

static int delete_row(struct dir *d, struct rpc_request *r, const struct editing *e, struct error *err) {
    const struct entry *entry = mirror_row(d->mirror, buf_str(&e->key), e->table->name);
    if (entry == NULL) return no_row(e, err);
    unsigned char uuid[RECORD_UUID_LEN];
    memcpy(uuid, entry->uuid, sizeof uuid);
    const char *dn = admin_dn(entry, r->arena);
    struct write_op *op = dn == NULL ? NULL : write_op_new(r->arena, WRITE_DELETE, dn);
    if (op == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    int rc = dir_write(d, op, err);
    if (rc != 0 && rc != ERR_NOTFOUND) return rc;
    mirror_remove(d->mirror, uuid);
    tables_refresh(d->tables);
    log_event(LOG_INFO, "-", "table-delete", "table=%s key=\"%s\" by=%s", e->table->name, buf_cstr(&e->key),
              rpc_session_name(r->session));
    Dir__Empty empty = DIR__EMPTY__INIT;
    rpc_answer(r, &empty.base, STR_EMPTY);
    return 0;
}

int handle_table_delete(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__TableDelete *q = (const void *)r->msg;
    struct editing e;
    int rc = editing_begin(d, q->table, q->key, &e, err);
    if (rc == 0 && strcmp(e.table->name, "peer") == 0 && strcmp(buf_cstr(&e.key), "*") == 0) { /* PEER-03 */
        rc = error_set(err, ERR_DENIED, "the row * has the defaults of all peers and stays; unset its columns instead");
    }
    if (rc == 0) rc = delete_row(d, r, &e, err);
    editing_end(d, &e);
    return rc;
}

/* ---------------------------------------------------------------- reading */

static int match(struct rows *rows, const char *text, const struct row **out, struct error *err) {
    struct net_addr a;
    int rc = rows_index(rows);
    if (rc != 0) return error_set(err, rc, "out of memory");
    switch (rows_table(rows)->key) {
    case KEY_DOMAIN: *out = rows_match_domain(rows, str_from(text)); return 0;
    case KEY_SENDER: *out = rows_match_sender(rows, str_from(text)); return 0;
    case KEY_NAME: *out = rows_find(rows, str_from(text)); return 0;
    case KEY_NETWORK: break;
    }
    if (net_addr_parse(str_from(text), 0, &a) != 0) {
        return error_set(err, ERR_INVALID, "'%.80s' is not an address", text);
    }
    *out = rows_match_address(rows, &a);
    return 0;
}

/* The only row that is wanted, by key or match; NULL = none. */
static int one_row(struct rows *rows, const Dir__TableList *q, const struct row **out, struct error *err) {
    BUF_AUTO key = BUF_INIT(TABLE_KEY_MAX);
    if (q->match[0] != '\0') return match(rows, q->match, out, err);
    int rc = table_key_normal(rows_table(rows), str_from(q->key), &key, err);
    if (rc == 0) *out = rows_find(rows, buf_str(&key));
    return rc;
}

static int add_row(Dir__TableRows *page, const struct row *row, struct arena *arena, size_t *bytes) {
    Dir__TableRow *m = arena_alloc(arena, sizeof *m);
    if (m == NULL || table_row_message(row, arena, m, bytes) != 0) return ERR_NOMEM;
    page->rows[page->n_rows++] = m;
    return 0;
}

int handle_table_list(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__TableList *q = (const void *)r->msg;
    const struct table *t;
    struct rows *rows;
    const struct row *only = NULL;
    Dir__TableRows page = DIR__TABLE_ROWS__INIT;
    size_t limit = q->limit == 0 ? LIST_DEFAULT : q->limit > LIST_MAX ? LIST_MAX : q->limit, bytes = 0;
    int rc = find_table(q->table, &t, err);
    if (rc != 0) return rc;
    if ((rc = tables_rows(d->tables, t, &rows)) != 0) return error_set(err, rc, "out of memory");
    bool single = q->match[0] != '\0' || q->key[0] != '\0';
    if (single && (rc = one_row(rows, q, &only, err)) != 0) return rc;
    page.total = rows_count(rows);
    page.rows = arena_alloc(r->arena, limit * sizeof(Dir__TableRow *));
    if (page.rows == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    if (only != NULL) rc = add_row(&page, only, r->arena, &bytes);
    size_t i = single ? rows_count(rows) : rows_after(rows, str_from(q->after));
    for (; rc == 0 && i < rows_count(rows) && page.n_rows < limit && bytes < RPC_PAGE_BYTES; i++) {
        rc = add_row(&page, rows_at(rows, i), r->arena, &bytes);
    }
    if (rc != 0) return error_set(err, rc, "out of memory");
    page.more = i < rows_count(rows);
    rpc_answer(r, &page.base, STR_EMPTY);
    return 0;
}

int handle_table_watch(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__TableWatch *q = (const void *)r->msg;
    uint64_t bits = 0;
    (void)d;
    for (size_t i = 0; i < q->n_tables; i++) {
        const struct table *t;
        int rc = find_table(q->tables[i], &t, err);
        if (rc != 0) return rc;
        bits |= UINT64_C(1) << (t - table_table);
    }
    struct watcher *w = watcher_of(r->session);
    if (w == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    w->tables |= bits;
    Dir__Empty empty = DIR__EMPTY__INIT;
    rpc_answer(r, &empty.base, STR_EMPTY);
    return 0;
}
