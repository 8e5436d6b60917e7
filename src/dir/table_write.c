/* Rows written to the directory: "iekey=KEY,ietable=TABLE,o=iems". The container of a table is made when its first row
 * is, so an instance that is older than a table gets it by itself. */
#include "base/log.h"
#include "base/map.h"
#include "dir/tables.h"
#include "directory/slapd_config.h"

#include <string.h>

enum { DN_MAX = 2048, TRIES = 4, DEFAULTS_ARENA_MAX = 1024 * 1024 };

static char *table_dn(const struct table *t, const char *key, struct arena *arena) {
    BUF_AUTO dn = BUF_INIT(DN_MAX);
    if (key != NULL) {
        buf_adds(&dn, "iekey=");
        directory_dn_escape(&dn, str_from(key));
        buf_addc(&dn, ',');
    }
    buf_printf(&dn, "ietable=%s," DIRECTORY_CONFIG_DN, t->name);
    return dn.error != 0 ? NULL : arena_cstr(arena, buf_str(&dn));
}

static int make_container(struct dir *d, const struct table *t, struct arena *arena, struct error *err) {
    char *dn = table_dn(t, NULL, arena);
    struct write_op *op = dn == NULL ? NULL : write_op_new(arena, WRITE_ADD, dn);
    if (op == NULL || write_op_value(op, LDAP_MOD_ADD, ATTR_OBJECT_CLASS, STR("ietableconfig")) != 0) {
        return error_set(err, ERR_NOMEM, "out of memory"); /* slapd adds ietable of the DN by itself */
    }
    int rc = dir_write(d, op, err);
    return rc == ERR_EXISTS ? 0 : rc;
}

static struct write_op *row_op(const struct table *t, const struct row *row, bool exists, struct arena *arena) {
    char *dn = table_dn(t, row_key(row), arena);
    struct write_op *op = dn == NULL ? NULL : write_op_new(arena, exists ? WRITE_MODIFY : WRITE_ADD, dn);
    int mod = exists ? LDAP_MOD_REPLACE : LDAP_MOD_ADD;
    if (op == NULL) return NULL;
    int rc = exists ? write_op_set(op, mod, ATTR_ROW_VALUE, STR_EMPTY)
                    : write_op_value(op, mod, ATTR_OBJECT_CLASS, STR("ietablerow"));
    if (rc == 0 && !exists && strcmp(t->name, "host") == 0) /* RESP-12 */
        rc = write_op_value(op, mod, ATTR_OBJECT_CLASS, STR("iemachine"));
    if (rc == 0 && !exists) rc = write_op_set(op, mod, ATTR_ROW_KEY, str_from(row_key(row)));
    const struct option *column;
    const char *value;
    for (size_t pos = 0; rc == 0 && row_next(row, &pos, &column, &value);) {
        char *text = arena_printf(arena, "%s=%s", column->name, value);
        rc = text == NULL ? ERR_NOMEM : write_op_value(op, mod, ATTR_ROW_VALUE, str_from(text));
    }
    return rc == 0 ? op : NULL;
}

int tables_write(struct dir *d, const struct table *t, const struct row *row, struct arena *arena, struct error *err) {
    char *dn = table_dn(t, row_key(row), arena);
    if (dn == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    bool exists = mirror_row(d->mirror, str_from(row_key(row)), t->name) != NULL;
    int rc = ERR_AGAIN;
    for (int i = 0; i < TRIES; i++) {
        struct write_op *op = row_op(t, row, exists, arena);
        if (op == NULL) return error_set(err, ERR_NOMEM, "out of memory");
        rc = dir_write(d, op, err);
        if (rc == ERR_NOTFOUND && !exists) {
            if ((rc = make_container(d, t, arena, err)) != 0) return rc;
        } else if (rc == ERR_NOTFOUND || (rc == ERR_EXISTS && !exists)) {
            exists = !exists; /* the mirror is a step behind */
        } else {
            return rc;
        }
    }
    return rc;
}

/* ---------------------------------------------------------------- one at a time */

int tables_hold(struct dir *d, const char *name, struct error *err) {
    static char held;
    while (map_get(d->pending, str_from(name)) != NULL) {
        int rc = cond_wait(&d->row_released, DEADLINE_NEVER);
        if (rc != 0) return error_set(err, rc, "cancelled");
    }
    return map_put(d->pending, str_from(name), &held, NULL) == 0 ? 0 : error_set(err, ERR_NOMEM, "out of memory");
}

void tables_release(struct dir *d, const char *name) {
    (void)map_remove(d->pending, str_from(name));
    cond_broadcast(&d->row_released);
}

/* ---------------------------------------------------------------- PEER-03 */

void tables_make_defaults(struct dir *d) {
    const struct table *t = table_find(STR("peer"));
    ARENA_AUTO arena = arena_new(DEFAULTS_ARENA_MAX);
    struct rows *rows;
    struct row *row = NULL;
    struct error err = {0};
    int rc = arena == NULL ? ERR_NOMEM : tables_rows(d->tables, t, &rows);
    if (rc == 0 && rows_find(rows, STR("*")) != NULL) return;
    if (rc == 0) rc = row_new(t, STR("*"), NULL, 0, &row, &err);
    if (rc == 0) rc = tables_write(d, t, row, arena, &err);
    row_free(row);
    if (rc != 0) log_event(LOG_WARNING, "-", "table", "table=peer key=* error=\"%s\"", err.text);
}
