/* USER_ADD: IEMSUSER-01 to IEMSUSER-06, ACCT-01 to ACCT-05, ALIAS-06, DIR-08, DIR-11. */
#include "base/log.h"
#include "dir/admin.h"
#include "dir/host.h"
#include "dir/password.h"
#include "dir/tables.h"
#include "directory/slapd_config.h"
#include "proto/smtp/address.h"

#include <string.h>

enum { USER_ALIASES_MAX = 1000, USER_DN_MAX = 2048 };

/* One account being made: its addresses are held meanwhile. */
struct adding {
    struct address_key *keys; /* primary first */
    size_t count, held;
    const struct entry *domain;
    unsigned permission;
    uint8_t services;
    struct str host;
};

/* ACCT-13: nobody is refused anything but new accounts. */
static int check_count(struct dir *d, const struct address_key *k, struct error *err) {
    const struct table *t = table_find(STR("domainquota"));
    struct str domain = address_key_domain(k);
    struct rows *rows;
    uint64_t max = tables_rows(d->tables, t, &rows) == 0 ? row_u64(t, rows_match_domain(rows, domain), "max_users") : 0;
    uint64_t count = 0;
    size_t pos = 0;
    if (max == 0) return 0;
    for (const struct entry *e; (e = mirror_next(d->mirror, &pos)) != NULL;)
        count += (e->classes & ENTRY_STORE_USER) && str_eq(address_domain_of(entry_get(e, ATTR_ADDRESS)), domain);
    if (count < max) return 0;
    return error_set(err, ERR_LIMIT,
                     "%.*s has %llu accounts and may have no more (iems quota set @%.*s --users NUMBER)",
                     STR_ARG(domain), (unsigned long long)count, STR_ARG(domain));
}

static int check(struct dir *d, const Dir__User *u, struct arena *arena, struct adding *a, struct error *err) {
    if (u->n_aliases > USER_ALIASES_MAX) return error_set(err, ERR_LIMIT, "more than %d aliases", USER_ALIASES_MAX);
    a->keys = arena_alloc(arena, (u->n_aliases + 1) * sizeof *a->keys);
    if (a->keys == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    a->count = u->n_aliases + 1;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < a->count; i++) {
        const struct entry *domain = NULL;
        rc = admin_address(d, i == 0 ? u->address : u->aliases[i - 1], &a->keys[i], err);
        if (rc == 0) rc = admin_domain_of(d, &a->keys[i], &domain, err);
        if (rc == 0) rc = address_is_free(d, address_key_str(&a->keys[i]), NULL, err);
        if (i == 0) a->domain = domain;
    }
    if (rc == 0) rc = check_count(d, &a->keys[0], err);
    a->permission = PERMIT_BOTH;
    if (rc == 0 && u->permission[0] != '\0') rc = admin_check_permission(u->permission, &a->permission, err);
    if (rc == 0) rc = admin_services(NULL, u->services, u->n_services, &a->services, err);
    if (rc == 0) rc = host_check(d, u->host, arena, &a->host, err);
    for (size_t i = 0; rc == 0 && i < u->n_connectors; i++) rc = admin_check_connector(u->connectors[i], err);
    const struct {
        const char *what, *text;
    } texts[] = {{"first name", u->first_name},
                 {"last name", u->last_name},
                 {"home folder", u->home},
                 {"web folder", u->web_dir},
                 {"telephone number", u->telephone}};
    for (size_t i = 0; rc == 0 && i < sizeof texts / sizeof texts[0]; i++)
        rc = admin_check_text(texts[i].what, texts[i].text, err);
    if (rc == 0 && u->password[0] != '\0') rc = password_check(str_from(u->password), err);
    return rc;
}

static int hold(struct dir *d, struct adding *a, struct error *err) {
    for (; a->held < a->count; a->held++) {
        struct str key = address_key_str(&a->keys[a->held]);
        int rc = address_is_free(d, key, NULL, err); /* the same address twice in one request, too */
        if (rc == 0) rc = admin_hold(d, key, err);
        if (rc != 0) return rc;
    }
    return 0;
}

static void release(struct dir *d, struct adding *a) {
    while (a->held > 0) admin_release(d, address_key_str(&a->keys[--a->held]));
}

static int set_names(struct write_op *op, const Dir__User *u, const struct adding *a, struct arena *arena) {
    struct str first = str_trim(str_from(u->first_name)), last = str_trim(str_from(u->last_name));
    struct str local = address_key_local(&a->keys[0]);
    const char *both =
        arena_printf(arena, "%.*s%s%.*s", STR_ARG(first), first.len > 0 && last.len > 0 ? " " : "", STR_ARG(last));
    if (both == NULL) return ERR_NOMEM;
    int rc = write_op_set(op, LDAP_MOD_ADD, ATTR_CN, both[0] == '\0' ? local : str_from(both)); /* DIR-11 */
    if (rc == 0) rc = write_op_set(op, LDAP_MOD_ADD, ATTR_SN, last.len > 0 ? last : first.len > 0 ? first : local);
    if (rc == 0) rc = write_op_set(op, LDAP_MOD_ADD, ATTR_GIVEN_NAME, first);
    return rc == 0 ? write_op_set(op, LDAP_MOD_ADD, ATTR_TELEPHONE, str_trim(str_from(u->telephone))) : rc;
}

static int set_addresses(struct write_op *op, const Dir__User *u, const struct adding *a, struct arena *arena) {
    struct str primary = address_key_str(&a->keys[0]);
    int rc = str_is_ascii(primary) ? write_op_set(op, LDAP_MOD_ADD, ATTR_MAIL, primary) : 0;
    for (size_t i = 0; rc == 0 && i < a->count; i++) {
        rc = write_op_value(op, LDAP_MOD_ADD, ATTR_ADDRESS, address_key_str(&a->keys[i]));
    }
    for (size_t i = 0; rc == 0 && i < u->n_connectors; i++) {
        rc = write_op_value(op, LDAP_MOD_ADD, ATTR_CONNECTOR, str_from(u->connectors[i]));
    }
    if (rc == 0 && u->n_connectors == 0) { /* ACCT-01 */
        const char *local = arena_printf(arena, "LOCAL$%s", a->keys[0].text);
        rc = local == NULL ? ERR_NOMEM : write_op_value(op, LDAP_MOD_ADD, ATTR_CONNECTOR, str_from(local));
    }
    return rc;
}

/* QUOTA-01: what was said, or what the domain or the option has for new accounts. */
static uint64_t quota_of(struct dir *d, const Dir__User *u, const struct adding *a) {
    const struct table *t = table_find(STR("domainquota"));
    struct rows *rows;
    if (u->has_quota) return u->quota_mb;
    uint64_t mb = tables_rows(d->tables, t, &rows) == 0
                      ? row_u64(t, rows_match_domain(rows, address_key_domain(&a->keys[0])), "user_default")
                      : 0;
    return mb > 0 ? mb : option_u64(d->daemon, "quota.user_default");
}

static int set_account(struct dir *d, struct write_op *op, const Dir__User *u, const struct adding *a,
                       uint64_t account) {
    uint64_t quota = quota_of(d, u, a);
    int rc = admin_set_number(op, LDAP_MOD_ADD, ATTR_ACCOUNT, account);
    if (rc == 0 && quota > 0) rc = admin_set_number(op, LDAP_MOD_ADD, ATTR_QUOTA, quota);
    if (rc == 0 && u->max_messages > 0) rc = admin_set_number(op, LDAP_MOD_ADD, ATTR_QUOTA_MESSAGES, u->max_messages);
    if (rc == 0) rc = write_op_set(op, LDAP_MOD_ADD, ATTR_HOME, str_from(u->home));
    if (rc == 0) rc = write_op_set(op, LDAP_MOD_ADD, ATTR_WEB_DIR, str_from(u->web_dir));
    if (rc == 0 && u->has_web)
        rc = write_op_set(op, LDAP_MOD_ADD, ATTR_WEB_ENABLED, u->web_enabled ? STR("TRUE") : STR("FALSE"));
    if (rc == 0 && u->has_web_quota && u->web_quota_mb > 0)
        rc = admin_set_number(op, LDAP_MOD_ADD, ATTR_WEB_QUOTA, u->web_quota_mb);
    if (rc == 0 && u->has_enabled && !u->enabled) rc = write_op_set(op, LDAP_MOD_ADD, ATTR_ENABLED, STR("FALSE"));
    if (rc == 0) rc = write_op_set(op, LDAP_MOD_ADD, ATTR_MAILBOX_HOST, a->host);
    if (rc == 0) rc = admin_set_services(op, LDAP_MOD_ADD, a->services);
    return rc == 0 ? admin_set_permission(op, LDAP_MOD_ADD, NULL, a->permission) : rc;
}

/* "mail=bart@example.test,dc=example,dc=test" (DIR-08). */
static char *user_dn(const struct adding *a, struct arena *arena) {
    BUF_AUTO dn = BUF_INIT(USER_DN_MAX);
    struct str primary = address_key_str(&a->keys[0]);
    buf_adds(&dn, str_is_ascii(primary) ? "mail=" : "ieaddress=");
    directory_dn_escape(&dn, primary);
    buf_addc(&dn, ',');
    buf_add(&dn, entry_get(a->domain, (enum directory_attr)ENTRY_DN));
    return dn.error != 0 ? NULL : arena_cstr(arena, buf_str(&dn));
}

static int write_user(struct dir *d, struct rpc_request *r, const Dir__User *u, const struct adding *a,
                      struct write_op **out, struct error *err) {
    uint64_t account;
    char *dn = user_dn(a, r->arena); /* before anything waits: the domain's entry may be replaced then */
    struct write_op *op = dn == NULL ? NULL : write_op_new(r->arena, WRITE_ADD, dn);
    if (op == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    int rc = account_number(d, &account, err);
    if (rc != 0) return rc;
    rc = write_op_value(op, LDAP_MOD_ADD, ATTR_OBJECT_CLASS, STR("ieperson"));
    if (rc == 0) rc = write_op_value(op, LDAP_MOD_ADD, ATTR_OBJECT_CLASS, STR("iemessagestoreuser"));
    if (rc == 0) rc = set_names(op, u, a, r->arena);
    if (rc == 0) rc = set_addresses(op, u, a, r->arena);
    if (rc == 0) rc = set_account(d, op, u, a, account);
    if (rc != 0) return error_set(err, rc, "out of memory");
    if (u->password[0] != '\0') rc = admin_set_password(d, op, LDAP_MOD_ADD, u->password, err);
    if (rc == 0) rc = dir_write(d, op, err);
    *out = op;
    return rc;
}

int handle_user_add(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__UserAdd *q = (const void *)r->msg;
    const Dir__User *u = q->user;
    struct adding a = {0};
    struct write_op *op = NULL;
    if (u == NULL) return error_set(err, ERR_INVALID, "no user was given");
    int rc = check(d, u, r->arena, &a, err);
    if (rc == 0) rc = hold(d, &a, err);
    if (rc == 0) rc = write_user(d, r, u, &a, &op, err);
    release(d, &a);
    if (rc != 0) return rc;
    const struct entry *e = mirror_by_address(d->mirror, address_key_str(&a.keys[0]));
    Dir__User answer;
    if (e == NULL) return error_set(err, ERR_IO, "the account was made, but the directory does not show it yet");
    rc = admin_user_message(e, r->arena, &answer);
    if (rc != 0) return error_set(err, rc, "out of memory");
    if (u->max_messages > 0) rc = limits_tell(d, answer.account, err);
    if (rc != 0) return error_prefix(err, "the account was made, but its limit of messages is not in force yet");
    log_event(LOG_INFO, "-", "user-add", "address=%s account=%llu by=%s", a.keys[0].text,
              (unsigned long long)answer.account, rpc_session_name(r->session));
    rpc_answer(r, &answer.base, STR_EMPTY);
    return 0;
}
