#include "dir/gone.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "dir/admin.h"
#include "dir/host.h"
#include "dir/shared.h"
#include "directory/slapd_config.h"
#include "net/loop.h"
#include "rpc/store_methods.h"

#include <stdio.h>
#include <string.h>

enum {
    STORE_MS = 120000,
    LOOK_MS = 3600 * 1000,
    AGAIN_MS = 30 * 1000,
    SOON_MS = 200,
    HELD_NAME_MAX = 48,
    WORD_MAX = 40
};

uint64_t gone_keep_ms(const struct dir *d) {
    return option_u64(d->daemon, "store.undelete_time") * 1000;
}

int64_t gone_at(const struct entry *e) {
    uint64_t at;
    return str_to_u64(entry_get(e, ATTR_DELETED_AT), INT64_MAX, &at) == 0 ? (int64_t)at : 0;
}

const struct entry *gone_find(const struct dir *d, struct str address, uint64_t account) {
    const struct entry *found = NULL;
    size_t pos = 0;
    for (const struct entry *e; (e = mirror_next(d->mirror, &pos)) != NULL;) {
        if (!(e->classes & ENTRY_DELETED) || (account != 0 && e->account != account)) continue;
        if (address.len > 0 && !str_eq(entry_get(e, ATTR_ADDRESS), address)) continue;
        if (found == NULL || gone_at(e) > gone_at(found)) found = e;
    }
    return found;
}

static const char *held_name(uint64_t account, char out[static HELD_NAME_MAX]) {
    (void)snprintf(out, HELD_NAME_MAX, "deleted account %llu", (unsigned long long)account);
    return out;
}

int gone_hold(struct dir *d, uint64_t account, struct error *err) {
    char name[HELD_NAME_MAX];
    struct str key = str_from(held_name(account, name));
    if (map_get(d->pending, key) != NULL)
        return error_set(err, ERR_CONFLICT, "the account is being deleted or brought back at this moment");
    return admin_hold(d, key, err);
}

void gone_release(struct dir *d, uint64_t account) {
    char name[HELD_NAME_MAX];
    admin_release(d, str_from(held_name(account, name)));
}

int gone_tell_store(struct dir *d, uint64_t account, bool restore, bool keep, struct error *err) {
    Store__AccountId id = STORE__ACCOUNT_ID__INIT;
    id.account = account;
    id.keep = keep;
    int rc = rpc_call(d->store, restore ? STORE_ACCOUNT_RESTORE : STORE_ACCOUNT_DELETE, &id.base, STR_EMPTY,
                      loop_now_ms() + STORE_MS, NULL, err);
    return rc == ERR_NOTFOUND ? 0 : rc;
}

/* ---------------------------------------------------------------- deletion */

/* "17 write" for each shared account, beside what an interrupted call has noted before. */
static int note_memberships(struct dir *d, const struct entry *e, struct write_op *op, struct arena *arena) {
    struct str address = entry_get(e, ATTR_ADDRESS);
    struct entry_value v;
    size_t pos = 0;
    int rc = write_op_set(op, LDAP_MOD_REPLACE, ATTR_WAS_MEMBER, STR_EMPTY);
    for (uint32_t at = 0; rc == 0 && entry_next(e, &at, &v);)
        if (v.attr == ATTR_WAS_MEMBER) rc = write_op_value(op, LDAP_MOD_REPLACE, ATTR_WAS_MEMBER, v.value);
    for (const struct entry *s; rc == 0 && (s = mirror_next(d->mirror, &pos)) != NULL;) {
        struct shared_member m;
        if (!(s->classes & ENTRY_SHARED) || s->account == 0) continue;
        for (uint32_t at = 0; rc == 0 && entry_next(s, &at, &v);) {
            if (v.attr != ATTR_MEMBER || shared_member_parse(v.value, &m) != 0 || !str_eq_nocase(m.address, address))
                continue;
            const char *text = arena_printf(arena, "%llu %.*s", (unsigned long long)s->account, STR_ARG(m.word));
            rc = text == NULL ? ERR_NOMEM : write_op_value(op, LDAP_MOD_REPLACE, ATTR_WAS_MEMBER, str_from(text));
        }
    }
    return rc;
}

int gone_mark(struct dir *d, const struct entry *e, struct error *err) {
    ARENA_AUTO arena = arena_new(DIR_ARENA_MAX);
    char *dn = arena == NULL ? NULL : arena_cstr(arena, entry_get(e, (enum directory_attr)ENTRY_DN));
    struct write_op *op = dn == NULL ? NULL : write_op_new(arena, WRITE_MODIFY, dn);
    int rc = op == NULL ? ERR_NOMEM : write_op_value(op, LDAP_MOD_ADD, ATTR_OBJECT_CLASS, STR("iedeletedaccount"));
    if (rc == 0) rc = admin_set_number(op, LDAP_MOD_REPLACE, ATTR_DELETED_AT, (uint64_t)clock_wall_ms());
    if (rc == 0) rc = note_memberships(d, e, op, arena);
    return rc != 0 ? error_set(err, rc, "out of memory") : dir_write(d, op, err);
}

static int make_container(struct dir *d, struct arena *arena, struct error *err) {
    struct write_op *op = write_op_new(arena, WRITE_ADD, DIRECTORY_DELETED_DN);
    if (op == NULL || write_op_value(op, LDAP_MOD_ADD, ATTR_OBJECT_CLASS, STR("ieconfig")) != 0 ||
        write_op_value(op, LDAP_MOD_ADD, ATTR_CN, STR("deleted")) != 0)
        return error_set(err, ERR_NOMEM, "out of memory");
    int rc = dir_write(d, op, err);
    return rc == ERR_EXISTS ? 0 : rc;
}

/* Out of the tree of its domain, so that another may have its name. */
static int move_away(struct dir *d, const struct entry *e, struct error *err) {
    ARENA_AUTO arena = arena_new(DIR_ARENA_MAX);
    if (arena == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    const char *rdn = arena_printf(arena, "ieaccountid=%llu", (unsigned long long)e->account);
    char *dn = arena_cstr(arena, entry_get(e, (enum directory_attr)ENTRY_DN));
    if (rdn == NULL || dn == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    if (str_ends_nocase(str_from(dn), STR("," DIRECTORY_DELETED_DN))) return 0;
    int rc = make_container(d, arena, err);
    struct write_op *op = rc == 0 ? write_op_new(arena, WRITE_RENAME, dn) : NULL;
    if (op == NULL) return rc != 0 ? rc : error_set(err, ERR_NOMEM, "out of memory");
    op->new_rdn = rdn;
    op->new_parent = DIRECTORY_DELETED_DN;
    op->keep_old = true;
    return dir_write(d, op, err);
}

int gone_settle(struct dir *d, uint64_t account, struct error *err) {
    const struct entry *e = gone_find(d, STR_EMPTY, account);
    if (e == NULL) return 0;
    BUF_AUTO address = BUF_INIT(ADDRESS_KEY_MAX);
    buf_add(&address, entry_get(e, ATTR_ADDRESS));
    int rc = 0;
    if (mirror_by_address(d->mirror, buf_str(&address)) == NULL) /* whoever gets the address next is no member */
        rc = shared_forget(d, buf_str(&address), err);
    if (rc == 0 && (e = gone_find(d, STR_EMPTY, account)) != NULL) rc = move_away(d, e, err);
    return rc == 0 ? gone_tell_store(d, account, false, true, err) : rc;
}

int gone_purge(struct dir *d, uint64_t account, struct error *err) {
    int rc = gone_tell_store(d, account, false, false, err);
    const struct entry *e = gone_find(d, STR_EMPTY, account);
    if (rc != 0 || e == NULL) return rc;
    ARENA_AUTO arena = arena_new(DIR_ARENA_MAX);
    unsigned char uuid[RECORD_UUID_LEN];
    memcpy(uuid, e->uuid, sizeof uuid);
    struct write_op *op =
        arena == NULL ? NULL : write_op_new(arena, WRITE_DELETE, entry_get(e, (enum directory_attr)ENTRY_DN).ptr);
    rc = op == NULL ? error_set(err, ERR_NOMEM, "out of memory") : dir_write(d, op, err);
    if (rc != 0 && rc != ERR_NOTFOUND) return rc;
    mirror_remove(d->mirror, uuid);
    log_event(LOG_INFO, "-", "user-purged", "account=%llu", (unsigned long long)account);
    return 0;
}

/* ---------------------------------------------------------------- back again */

static bool is_member(const struct entry *shared, struct str address) {
    struct entry_value v;
    struct shared_member m;
    for (uint32_t pos = 0; entry_next(shared, &pos, &v);)
        if (v.attr == ATTR_MEMBER && shared_member_parse(v.value, &m) == 0 && str_eq_nocase(m.address, address))
            return true;
    return false;
}

/* Makes one membership; which are left is looked for anew, as entries change while a write waits. */
static int rejoin_one(struct dir *d, struct str was, struct str address, struct error *err) {
    ARENA_AUTO arena = arena_new(DIR_ARENA_MAX);
    struct str rest = was;
    uint64_t number;
    if (str_to_u64(str_cut(&rest, ' '), INT64_MAX, &number) != 0 || shared_rights(str_trim(rest)) == NULL) return 0;
    const struct entry *s = mirror_by_account(d->mirror, number);
    if (s == NULL || !(s->classes & ENTRY_SHARED) || is_member(s, address)) return 0;
    const char *value = arena == NULL ? NULL : arena_printf(arena, "%.*s %.*s", STR_ARG(address), STR_ARG(rest));
    struct write_op *op = value == NULL ? NULL : write_op_new(arena, WRITE_MODIFY, admin_dn(s, arena));
    if (op == NULL || write_op_value(op, LDAP_MOD_ADD, ATTR_MEMBER, str_from(value)) != 0)
        return error_set(err, ERR_NOMEM, "out of memory");
    return dir_write(d, op, err);
}

int gone_rejoin(struct dir *d, const unsigned char uuid[static RECORD_UUID_LEN], struct error *err) {
    const struct entry *e = mirror_by_uuid(d->mirror, uuid);
    ARENA_AUTO arena = arena_new(DIR_ARENA_MAX);
    if (e == NULL || entry_get(e, ATTR_WAS_MEMBER).len == 0) return 0;
    struct write_op *op = arena == NULL ? NULL : write_op_new(arena, WRITE_MODIFY, admin_dn(e, arena));
    if (op == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    struct str address = arena_str(arena, entry_get(e, ATTR_ADDRESS));
    struct entry_value v;
    int rc = 0;
    for (uint32_t pos = 0; rc == 0 && entry_next(e, &pos, &v);) /* copied: the entry may be replaced */
        if (v.attr == ATTR_WAS_MEMBER) rc = write_op_value(op, LDAP_MOD_DELETE, ATTR_WAS_MEMBER, v.value);
    if (rc != 0) return error_set(err, rc, "out of memory");
    for (size_t i = 0; rc == 0 && i < op->changes[0].count; i++)
        rc = rejoin_one(d, op->changes[0].values[i], address, err);
    if (rc == 0) rc = dir_write(d, op, err);
    shared_refresh(d);
    return rc;
}

/* ---------------------------------------------------------------- what is left to do */

/* An account whose time is over, or of which something is not done; 0 = none. `*due`: when the next one's time is over.
 */
static uint64_t next_work(struct dir *d, uint64_t after, int64_t *due) {
    int64_t keep = (int64_t)gone_keep_ms(d);
    uint64_t found = 0;
    size_t pos = 0;
    *due = INT64_MAX;
    for (const struct entry *e; (e = mirror_next(d->mirror, &pos)) != NULL;) {
        bool back = !(e->classes & ENTRY_DELETED) && entry_get(e, ATTR_WAS_MEMBER).len > 0;
        if (!back && !(e->classes & ENTRY_DELETED)) continue;
        if (host_of(d->mirror, &d->settings, e).len > 0) continue; /* that host does it */
        int64_t until = back ? 0 : gone_at(e) + keep;
        struct str dn = entry_get(e, (enum directory_attr)ENTRY_DN);
        bool left =
            back || d->gone.stale || until <= clock_wall_ms() || !str_ends_nocase(dn, STR("," DIRECTORY_DELETED_DN));
        if (left && e->account > after && (found == 0 || e->account < found)) found = e->account;
        if (!left && until < *due) *due = until;
    }
    return found;
}

static int do_one(struct dir *d, uint64_t account, struct error *err) {
    const struct entry *e = gone_find(d, STR_EMPTY, account), *live = mirror_by_account(d->mirror, account);
    int rc = gone_hold(d, account, err);
    if (rc != 0) return rc;
    if (e == NULL) {
        unsigned char uuid[RECORD_UUID_LEN];
        if (live != NULL) memcpy(uuid, live->uuid, sizeof uuid);
        rc = live == NULL ? 0 : gone_rejoin(d, uuid, err);
    } else if (gone_at(e) + (int64_t)gone_keep_ms(d) <= clock_wall_ms()) {
        rc = gone_purge(d, account, err);
    } else {
        rc = gone_settle(d, account, err);
    }
    gone_release(d, account);
    return rc;
}

static void on_timer(void *arg) {
    struct dir *d = arg;
    loop_timer_free(d->gone.timer);
    d->gone.timer = NULL;
    gone_look(d);
}

static void look_in(struct dir *d, uint64_t ms) {
    if (d->gone.timer != NULL) loop_timer_free(d->gone.timer);
    d->gone.timer = loop_timer_new(ms, 0, on_timer, d);
}

static void look(void *arg) {
    struct dir *d = arg;
    struct error err = {0};
    int64_t due = INT64_MAX;
    int failed = 0;
    bool stale = d->gone.stale;
    uint64_t account = 0;
    while ((account = next_work(d, account, &due)) != 0) {
        int rc = do_one(d, account, &err);
        if (rc == 0) continue;
        failed = rc;
        log_event(LOG_WARNING, "-", "user-gone", "account=%llu error=\"%s\" action=\"tried again\"",
                  (unsigned long long)account, err.text);
        if (rc == ERR_CANCELLED || rc == ERR_CLOSED) break;
    }
    if (stale && failed == 0) d->gone.stale = false;
    int64_t now = clock_wall_ms(), wait = due == INT64_MAX ? LOOK_MS : due - now;
    if (failed != 0 && wait > AGAIN_MS) wait = AGAIN_MS;
    d->gone.busy = false;
    look_in(d, wait < SOON_MS ? SOON_MS : wait > LOOK_MS ? LOOK_MS : (uint64_t)wait);
}

void gone_look(struct dir *d) {
    if (d->gone.busy || !d->synced || d->store == NULL) return;
    d->gone.busy = fiber_spawn("deleted accounts", look, d, NULL) == 0;
    if (!d->gone.busy) look_in(d, AGAIN_MS);
}

void gone_store_connected(struct dir *d) {
    d->gone.stale = true;
    look_in(d, SOON_MS);
}

void gone_start(struct dir *d) {
    gone_look(d);
}
