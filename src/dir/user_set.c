/* USER_SET: changes to an account; renaming keeps the account number and follows every reference (LIM-01, ACCT-09,
 * ACCT-11, DIR-37). */
#include "base/log.h"
#include "dir/admin.h"
#include "dir/host.h"
#include "directory/slapd_config.h"
#include "proto/smtp/address.h"

#include <string.h>

enum { RENAME_DN_MAX = 2048 };

static int set_name(struct write_op *op, const struct entry *e, const Dir__UserSet *q, struct arena *arena) {
    if (!q->first_name && !q->last_name) return 0;
    struct str first = q->first_name ? str_trim(str_from(q->user->first_name)) : entry_get(e, ATTR_GIVEN_NAME);
    struct str last = q->last_name ? str_trim(str_from(q->user->last_name)) : entry_get(e, ATTR_SN);
    struct str local = address_local_of(entry_get(e, ATTR_ADDRESS));
    const char *both =
        arena_printf(arena, "%.*s%s%.*s", STR_ARG(first), first.len > 0 && last.len > 0 ? " " : "", STR_ARG(last));
    if (both == NULL) return ERR_NOMEM;
    int rc = write_op_set(op, LDAP_MOD_REPLACE, ATTR_CN, both[0] == '\0' ? local : str_from(both));
    if (rc == 0 && q->last_name) {
        rc = write_op_set(op, LDAP_MOD_REPLACE, ATTR_SN, last.len > 0 ? last : first.len > 0 ? first : local);
    }
    return rc == 0 && q->first_name ? write_op_set(op, LDAP_MOD_REPLACE, ATTR_GIVEN_NAME, first) : rc;
}

static int set_account(struct write_op *op, const Dir__UserSet *q, uint8_t services) {
    const Dir__User *u = q->user;
    int rc = 0;
    if (u->has_quota) rc = admin_set_number(op, LDAP_MOD_REPLACE, ATTR_QUOTA, u->quota_mb);
    if (rc == 0 && u->has_max_messages)
        rc = admin_set_number(op, LDAP_MOD_REPLACE, ATTR_QUOTA_MESSAGES, u->max_messages);
    if (rc == 0 && u->home[0] != '\0') rc = write_op_set(op, LDAP_MOD_REPLACE, ATTR_HOME, str_from(u->home));
    if (rc == 0 && u->web_dir[0] != '\0') rc = write_op_set(op, LDAP_MOD_REPLACE, ATTR_WEB_DIR, str_from(u->web_dir));
    if (rc == 0 && u->has_web)
        rc = write_op_set(op, LDAP_MOD_REPLACE, ATTR_WEB_ENABLED, u->web_enabled ? STR("TRUE") : STR("FALSE"));
    if (rc == 0 && u->has_web_quota) rc = admin_set_number(op, LDAP_MOD_REPLACE, ATTR_WEB_QUOTA, u->web_quota_mb);
    if (rc == 0 && u->has_enabled)
        rc = write_op_set(op, LDAP_MOD_REPLACE, ATTR_ENABLED, u->enabled ? STR("TRUE") : STR("FALSE"));
    if (rc == 0 && q->telephone)
        rc = write_op_set(op, LDAP_MOD_REPLACE, ATTR_TELEPHONE, str_trim(str_from(u->telephone)));
    if (rc == 0 && u->n_services > 0) rc = admin_set_services(op, LDAP_MOD_REPLACE, services);
    if (rc == 0 && q->connectors) {
        rc = write_op_set(op, LDAP_MOD_REPLACE, ATTR_CONNECTOR, STR_EMPTY);
        for (size_t i = 0; rc == 0 && i < u->n_connectors; i++) {
            rc = write_op_value(op, LDAP_MOD_REPLACE, ATTR_CONNECTOR, str_from(u->connectors[i]));
        }
    }
    return rc;
}

static int check(const Dir__UserSet *q, unsigned *permission, struct error *err) {
    const Dir__User *u = q->user;
    const struct {
        const char *what, *text;
    } texts[] = {{"first name", u->first_name},
                 {"last name", u->last_name},
                 {"home folder", u->home},
                 {"web folder", u->web_dir},
                 {"telephone number", u->telephone}};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof texts / sizeof texts[0]; i++)
        rc = admin_check_text(texts[i].what, texts[i].text, err);
    for (size_t i = 0; rc == 0 && i < u->n_connectors; i++) rc = admin_check_connector(u->connectors[i], err);
    if (rc == 0 && u->permission[0] != '\0') rc = admin_check_permission(u->permission, permission, err);
    return rc;
}

/* ---------------------------------------------------------------- renaming */

/* A connector that names the old address, with the new one instead. NULL: it does not. */
static char *moved_connector(struct str value, struct str from, const char *to, struct arena *arena) {
    struct connector c;
    struct address_key k;
    if (connector_parse(value, &c) != 0 || address_key_make(c.address, STR_EMPTY, &k, NULL) != 0) return NULL;
    return str_eq(address_key_str(&k), from) ? arena_printf(arena, "%.*s$%s", STR_ARG(c.channel), to) : NULL;
}

/* "address rights" of a member, the same. */
static char *moved_member(struct str value, struct str from, const char *to, struct arena *arena) {
    struct str rest = value;
    return str_eq_nocase(str_cut(&rest, ' '), from) ? arena_printf(arena, "%s %.*s", to, STR_ARG(rest)) : NULL;
}

/* The change that one entry needs when `from` becomes `to`; NULL when it needs none. */
static struct write_op *reference_op(const struct entry *e, struct str from, const char *to, struct arena *arena) {
    struct write_op *op = write_op_new(arena, WRITE_MODIFY, admin_dn(e, arena));
    struct entry_value v;
    int rc = op == NULL ? ERR_NOMEM : 0;
    for (uint32_t pos = 0; rc == 0 && entry_next(e, &pos, &v);) {
        char *moved = v.attr == ATTR_CONNECTOR ? moved_connector(v.value, from, to, arena)
                      : v.attr == ATTR_MEMBER  ? moved_member(v.value, from, to, arena)
                                               : NULL;
        if (moved != NULL) {
            rc = write_op_value(op, LDAP_MOD_DELETE, v.attr, v.value);
            if (rc == 0) rc = write_op_value(op, LDAP_MOD_ADD, v.attr, str_from(moved));
        } else if (v.attr == ATTR_CATCH_ALL && str_eq_nocase(v.value, from)) {
            rc = write_op_set(op, LDAP_MOD_REPLACE, ATTR_CATCH_ALL, str_from(to));
        }
    }
    return rc == 0 && op->change_count > 0 ? op : NULL;
}

/* Connectors of anybody and catch-alls of domains that name the address. One after the other: each write is looked for
 * anew, because entries are replaced while it waits. */
static int move_references(struct dir *d, struct str from, const char *to, struct error *err) {
    for (;;) {
        ARENA_AUTO arena = arena_new(DIR_ARENA_MAX);
        struct write_op *op = NULL;
        size_t pos = 0;
        if (arena == NULL) return error_set(err, ERR_NOMEM, "out of memory");
        for (const struct entry *e; op == NULL && (e = mirror_next(d->mirror, &pos)) != NULL;) {
            bool may = entry_get(e, ATTR_CONNECTOR).len > 0 || entry_get(e, ATTR_CATCH_ALL).len > 0 ||
                       entry_get(e, ATTR_MEMBER).len > 0;
            if (may) op = reference_op(e, from, to, arena);
            if (op == NULL) arena_reset(arena);
        }
        if (op == NULL) return 0;
        int rc = dir_write(d, op, err);
        if (rc != 0) return rc;
    }
}

static int rename_dn(struct dir *d, const struct entry *e, const struct address_key *to, const struct entry *domain,
                     struct arena *arena, struct error *err) {
    struct write_op *op = write_op_new(arena, WRITE_RENAME, admin_dn(e, arena));
    BUF_AUTO rdn = BUF_INIT(RENAME_DN_MAX);
    buf_adds(&rdn, str_is_ascii(address_key_str(to)) ? "mail=" : "ieaddress=");
    directory_dn_escape(&rdn, address_key_str(to));
    if (op == NULL || rdn.error != 0) return error_set(err, ERR_NOMEM, "out of memory");
    op->new_rdn = arena_cstr(arena, buf_str(&rdn));
    op->new_parent = admin_dn(domain, arena);
    if (op->new_rdn == NULL || op->new_parent == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    return dir_write(d, op, err);
}

/* Each step leaves a working account, and a second call goes on where the first one broke off: the new address is
 * added, the entry is renamed, references follow, the old address goes last. */
int admin_rename(struct dir *d, struct rpc_request *r, const struct entry *e, const char *new_address,
                 struct error *err) {
    struct address_key to;
    const struct entry *domain;
    int rc = admin_address(d, new_address, &to, err);
    if (rc == 0) rc = admin_domain_of(d, &to, &domain, err);
    if (rc == 0) rc = address_is_free(d, address_key_str(&to), e, err);
    if (rc != 0) return rc;
    unsigned char uuid[RECORD_UUID_LEN];
    memcpy(uuid, e->uuid, sizeof uuid);
    struct str from = arena_str(r->arena, entry_get(e, ATTR_ADDRESS));
    if (str_eq(from, address_key_str(&to))) return 0;
    if (!str_is_ascii(address_key_str(&to)) || !str_is_ascii(from)) {
        return error_set(err, ERR_UNSUPPORTED,
                         "an address with letters beyond ASCII cannot be renamed: add an alias instead");
    }
    if ((rc = admin_hold(d, address_key_str(&to), err)) != 0) return rc;
    struct write_op *op = write_op_new(r->arena, WRITE_MODIFY, admin_dn(e, r->arena));
    if (mirror_by_address(d->mirror, address_key_str(&to)) == NULL) { /* else it was an alias of the same account */
        rc = op == NULL ? ERR_NOMEM : write_op_value(op, LDAP_MOD_ADD, ATTR_ADDRESS, address_key_str(&to));
        rc = rc == 0 ? dir_write(d, op, err) : error_set(err, rc, "out of memory");
    }
    if (rc == 0 && (e = mirror_by_uuid(d->mirror, uuid)) == NULL)
        rc = error_set(err, ERR_CONFLICT, "the account was deleted meanwhile");
    if (rc == 0) rc = admin_domain_of(d, &to, &domain, err);
    if (rc == 0) rc = rename_dn(d, e, &to, domain, r->arena, err);
    if (rc == 0) rc = move_references(d, from, to.text, err);
    if (rc == 0 && (e = mirror_by_uuid(d->mirror, uuid)) != NULL) {
        op = write_op_new(r->arena, WRITE_MODIFY, admin_dn(e, r->arena));
        rc = op == NULL ? ERR_NOMEM : write_op_value(op, LDAP_MOD_DELETE, ATTR_ADDRESS, from);
        rc = rc == 0 ? dir_write(d, op, err) : error_set(err, rc, "out of memory");
    }
    admin_release(d, address_key_str(&to));
    return rc;
}

int handle_user_set(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__UserSet *q = (const void *)r->msg;
    const struct entry *e;
    unsigned permission = PERMIT_BOTH;
    uint8_t services = 0;
    struct str host = STR_EMPTY;
    if (q->user == NULL) return error_set(err, ERR_INVALID, "no user was given");
    int rc = admin_find(d, q->user->address, &e, err);
    if (rc == 0) rc = check(q, &permission, err);
    if (rc == 0) rc = admin_services(e, q->user->services, q->user->n_services, &services, err);
    if (rc == 0) rc = host_check(d, q->user->host, r->arena, &host, err);
    if (rc != 0) return rc;
    unsigned char uuid[RECORD_UUID_LEN];
    memcpy(uuid, e->uuid, sizeof uuid);
    struct write_op *op = write_op_new(r->arena, WRITE_MODIFY, admin_dn(e, r->arena));
    rc = op == NULL ? ERR_NOMEM : set_name(op, e, q, r->arena);
    if (rc == 0) rc = set_account(op, q, services);
    if (rc == 0 && q->host) rc = write_op_set(op, LDAP_MOD_REPLACE, ATTR_MAILBOX_HOST, host);
    if (rc == 0 && q->user->permission[0] != '\0') rc = admin_set_permission(op, LDAP_MOD_REPLACE, e, permission);
    if (rc != 0) return error_set(err, rc, "out of memory");
    if (q->user->password[0] != '\0') rc = admin_set_password(d, op, LDAP_MOD_REPLACE, q->user->password, err);
    if (rc == 0 && op->change_count > 0) rc = dir_write(d, op, err);
    if (rc == 0 && (e = mirror_by_uuid(d->mirror, uuid)) == NULL)
        rc = error_set(err, ERR_CONFLICT, "the account was deleted meanwhile");
    if (rc == 0 && q->user->new_address[0] != '\0') rc = admin_rename(d, r, e, q->user->new_address, err);
    if (rc != 0) return rc;
    if ((e = mirror_by_uuid(d->mirror, uuid)) == NULL)
        return error_set(err, ERR_CONFLICT, "the account was deleted meanwhile");
    if (q->user->has_max_messages) rc = limits_tell(d, e->account, err);
    if (rc != 0) return error_prefix(err, "the limit of messages is set, but not in force yet");
    if ((e = mirror_by_uuid(d->mirror, uuid)) == NULL)
        return error_set(err, ERR_CONFLICT, "the account was deleted meanwhile");
    Dir__User answer;
    if ((rc = admin_user_message(e, r->arena, &answer)) != 0) return error_set(err, rc, "out of memory");
    log_event(LOG_INFO, "-", "user-set", "address=%s new_address=%s password=%s by=%s", q->user->address,
              answer.address, q->user->password[0] != '\0' ? "changed" : "kept", rpc_session_name(r->session));
    rpc_answer(r, &answer.base, STR_EMPTY);
    return 0;
}
