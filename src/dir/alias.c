/* ALIAS_ADD and ALIAS_DELETE: ALIAS-04 to ALIAS-06, DIR-35, DIR-34. An alias of a local address is one more address of
 * its entry; an alias of an address elsewhere is an entry of its own with a forwarding. */
#include "base/log.h"
#include "dir/admin.h"
#include "directory/slapd_config.h"

#include <string.h>

enum { ALIAS_DN_MAX = 2048 };

static struct write_op *forward_op(const struct address_key *alias, const struct address_key *to,
                                   const struct entry *domain, struct arena *arena) {
    BUF_AUTO dn = BUF_INIT(ALIAS_DN_MAX);
    struct str key = address_key_str(alias);
    buf_adds(&dn, str_is_ascii(key) ? "mail=" : "ieaddress=");
    directory_dn_escape(&dn, key);
    buf_addc(&dn, ',');
    buf_add(&dn, entry_get(domain, (enum directory_attr)ENTRY_DN));
    struct write_op *op = dn.error != 0 ? NULL : write_op_new(arena, WRITE_ADD, buf_cstr(&dn));
    char *connector = arena_printf(arena, "SMTPC$%s", to->text);
    if (op == NULL || connector == NULL) return NULL;
    int rc = write_op_value(op, LDAP_MOD_ADD, ATTR_OBJECT_CLASS, STR("ieperson"));
    if (rc == 0 && str_is_ascii(key)) rc = write_op_set(op, LDAP_MOD_ADD, ATTR_MAIL, key);
    if (rc == 0) rc = write_op_set(op, LDAP_MOD_ADD, ATTR_ADDRESS, key);
    if (rc == 0) rc = write_op_set(op, LDAP_MOD_ADD, ATTR_CN, address_key_local(alias));
    if (rc == 0) rc = write_op_set(op, LDAP_MOD_ADD, ATTR_SN, address_key_local(alias));
    if (rc == 0) rc = write_op_set(op, LDAP_MOD_ADD, ATTR_CONNECTOR, str_from(connector));
    return rc == 0 ? op : NULL;
}

static int alias_op(struct dir *d, const Dir__AliasSet *q, const struct address_key *alias, struct arena *arena,
                    struct write_op **out, struct error *err) {
    struct address_key to;
    const struct entry *domain = NULL;
    int rc = admin_domain_of(d, alias, &domain, err);
    if (rc == 0) rc = admin_address(d, q->address, &to, err);
    if (rc != 0) return rc;
    const struct entry *owner = resolve_entry(d->mirror, &d->settings, address_key_str(&to), NULL, arena);
    if (owner == NULL && mirror_domain_match(d->mirror, address_key_domain(&to)) != NULL) {
        return error_set(err, ERR_NOTFOUND, "%s does not exist", to.text);
    }
    struct write_op *op = owner == NULL ? forward_op(alias, &to, domain, arena)
                                        : write_op_new(arena, WRITE_MODIFY, admin_dn(owner, arena));
    if (op != NULL && owner != NULL && write_op_value(op, LDAP_MOD_ADD, ATTR_ADDRESS, address_key_str(alias)) != 0)
        op = NULL;
    if (op == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    *out = op;
    return 0;
}

static int answer_empty(struct rpc_request *r) {
    Dir__Empty empty = DIR__EMPTY__INIT;
    rpc_answer(r, &empty.base, STR_EMPTY);
    return 0;
}

int handle_alias_add(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__AliasSet *q = (const void *)r->msg;
    struct address_key alias;
    struct write_op *op = NULL;
    int rc = admin_address(d, q->alias, &alias, err);
    if (rc == 0) rc = address_is_free(d, address_key_str(&alias), NULL, err);
    if (rc == 0) rc = alias_op(d, q, &alias, r->arena, &op, err);
    if (rc == 0) rc = admin_hold(d, address_key_str(&alias), err);
    if (rc != 0) return rc;
    rc = dir_write(d, op, err);
    admin_release(d, address_key_str(&alias));
    if (rc != 0) return rc;
    log_event(LOG_INFO, "-", "alias-add", "alias=%s address=%s by=%s", alias.text, q->address,
              rpc_session_name(r->session));
    return answer_empty(r);
}

int handle_alias_delete(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__AliasSet *q = (const void *)r->msg;
    struct address_key alias;
    int rc = admin_address(d, q->alias, &alias, err);
    if (rc != 0) return rc;
    struct str key = address_key_str(&alias);
    const struct entry *e = mirror_by_address(d->mirror, key);
    if (e == NULL) return error_set(err, ERR_NOTFOUND, "alias %s does not exist", alias.text);
    struct str primary = entry_get(e, ATTR_ADDRESS);
    bool own = str_eq(primary, key), forward = own && e->account == 0 && e->classes == ENTRY_PERSON;
    if (own && !forward)
        return error_set(err, ERR_INVALID, "%s is no alias but the address of an account or list", alias.text);
    struct address_key owner;
    if (!own && q->address[0] != '\0') {
        if ((rc = admin_address(d, q->address, &owner, err)) != 0) return rc;
        if (!str_eq(address_key_str(&owner), primary)) {
            return error_set(err, ERR_INVALID, "%s is an alias of %.*s", alias.text, STR_ARG(primary));
        }
    }
    unsigned char uuid[RECORD_UUID_LEN];
    memcpy(uuid, e->uuid, sizeof uuid);
    struct write_op *op = write_op_new(r->arena, forward ? WRITE_DELETE : WRITE_MODIFY, admin_dn(e, r->arena));
    if (op == NULL || (!forward && write_op_value(op, LDAP_MOD_DELETE, ATTR_ADDRESS, key) != 0)) {
        return error_set(err, ERR_NOMEM, "out of memory");
    }
    if ((rc = dir_write(d, op, err)) != 0) return rc;
    if (forward) mirror_remove(d->mirror, uuid);
    log_event(LOG_INFO, "-", "alias-delete", "alias=%s by=%s", alias.text, rpc_session_name(r->session));
    return answer_empty(r);
}
