/* SHARED_ADD, SHARED_SET, SHARED_MEMBER, SHARED_DELETE: SHARE-02, SHARE-05, SHARE-07. When a call is answered, the
 * store knows of it too. */
#include "base/log.h"
#include "dir/admin.h"
#include "dir/shared.h"
#include "dir/shared_message.h"
#include "directory/slapd_config.h"

#include <string.h>

enum { SHARED_DN_MAX = 2048, SHARED_ALIASES_MAX = 1000 };

/* "address rights" as it stands in the entry: the member's primary address. */
static int member_value(struct dir *d, const Dir__SharedMember *m, struct arena *arena, struct str *out,
                        struct error *err) {
    struct address_key k;
    const char *word = m->rights[0] == '\0' ? "write" : m->rights;
    int rc = admin_address(d, m->address, &k, err);
    if (rc != 0) return rc;
    if (shared_rights(str_from(word)) == NULL)
        return error_set(err, ERR_INVALID, "rights '%.100s' are unknown: read, write or admin", word);
    const struct entry *who = resolve_entry(d->mirror, &d->settings, address_key_str(&k), NULL, arena);
    if (who == NULL || who->account == 0 || !(who->classes & ENTRY_STORE_USER))
        return error_set(err, ERR_NOTFOUND, "%s is no user with a mailbox", k.text);
    struct str primary = entry_get(who, ATTR_ADDRESS);
    const char *text = arena_printf(arena, "%.*s %s", STR_ARG(primary), word);
    if (text == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    *out = str_from(text);
    return 0;
}

/* The value of a member that is there; empty: none. */
static struct str member_of(const struct entry *e, struct str address) {
    struct entry_value v;
    struct shared_member m;
    for (uint32_t pos = 0; entry_next(e, &pos, &v);)
        if (v.attr == ATTR_MEMBER && shared_member_parse(v.value, &m) == 0 && str_eq_nocase(m.address, address))
            return v.value;
    return STR_EMPTY;
}

static int find_shared(struct dir *d, const char *address, const struct entry **out, struct error *err) {
    int rc = admin_find(d, address, out, err);
    if (rc != 0) return rc;
    return (*out)->classes & ENTRY_SHARED ? 0 : error_set(err, ERR_INVALID, "%s is not a shared account", address);
}

static int answer(struct dir *d, struct rpc_request *r, const unsigned char *uuid, struct error *err) {
    shared_tell_store(d);
    const struct entry *e = mirror_by_uuid(d->mirror, uuid);
    Dir__Shared m;
    if (e == NULL) return error_set(err, ERR_CONFLICT, "the account was deleted meanwhile");
    if (shared_message(e, r->arena, &m) != 0) return error_set(err, ERR_NOMEM, "out of memory");
    rpc_answer(r, &m.base, STR_EMPTY);
    return 0;
}

/* --- add */
struct adding {
    struct address_key *keys; /* primary first */
    size_t count, held;
    struct str *members;
    const struct entry *domain;
};

static int check_addresses(struct dir *d, const Dir__Shared *s, struct arena *arena, struct adding *a,
                           struct error *err) {
    if (s->n_aliases > SHARED_ALIASES_MAX) return error_set(err, ERR_LIMIT, "more than %d aliases", SHARED_ALIASES_MAX);
    a->keys = arena_alloc(arena, (s->n_aliases + 1) * sizeof *a->keys);
    if (a->keys == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    a->count = s->n_aliases + 1;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < a->count; i++) {
        const struct entry *domain = NULL;
        rc = admin_address(d, i == 0 ? s->address : s->aliases[i - 1], &a->keys[i], err);
        if (rc == 0) rc = admin_domain_of(d, &a->keys[i], &domain, err);
        if (rc == 0) rc = address_is_free(d, address_key_str(&a->keys[i]), NULL, err);
        if (i == 0) a->domain = domain;
    }
    return rc;
}

static int check(struct dir *d, const Dir__Shared *s, struct arena *arena, struct adding *a, struct error *err) {
    int rc = check_addresses(d, s, arena, a, err);
    if (rc == 0) rc = admin_check_text("name", s->name, err);
    if (rc == 0) rc = admin_check_text("home folder", s->home, err);
    if (rc == 0 && s->n_members == 0) rc = error_set(err, ERR_INVALID, "a shared account needs at least one member");
    if (rc == 0 && s->n_members > SHARED_MEMBERS_MAX)
        rc = error_set(err, ERR_LIMIT, "a shared account may have at most %d members", SHARED_MEMBERS_MAX);
    if (rc != 0) return rc;
    a->members = arena_alloc(arena, s->n_members * sizeof *a->members);
    if (a->members == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < s->n_members; i++)
        rc = member_value(d, s->members[i], arena, &a->members[i], err);
    return rc;
}

static struct write_op *add_op(const Dir__Shared *s, const struct adding *a, uint64_t account, const char *dn,
                               struct arena *arena) {
    struct write_op *op = write_op_new(arena, WRITE_ADD, dn);
    struct str primary = address_key_str(&a->keys[0]), name = str_trim(str_from(s->name));
    const char *local = arena_printf(arena, "LOCAL$%s", a->keys[0].text);
    if (op == NULL || local == NULL) return NULL;
    int rc = write_op_value(op, LDAP_MOD_ADD, ATTR_OBJECT_CLASS, STR("iemessagestoreshared"));
    if (rc == 0) rc = write_op_set(op, LDAP_MOD_ADD, ATTR_CN, name.len > 0 ? name : address_key_local(&a->keys[0]));
    if (rc == 0 && str_is_ascii(primary)) rc = write_op_set(op, LDAP_MOD_ADD, ATTR_MAIL, primary);
    for (size_t i = 0; rc == 0 && i < a->count; i++)
        rc = write_op_value(op, LDAP_MOD_ADD, ATTR_ADDRESS, address_key_str(&a->keys[i]));
    for (size_t i = 0; rc == 0 && i < s->n_members; i++)
        rc = write_op_value(op, LDAP_MOD_ADD, ATTR_MEMBER, a->members[i]);
    if (rc == 0) rc = write_op_set(op, LDAP_MOD_ADD, ATTR_CONNECTOR, str_from(local));
    if (rc == 0) rc = admin_set_number(op, LDAP_MOD_ADD, ATTR_ACCOUNT, account);
    if (rc == 0 && s->has_quota && s->quota_mb > 0) rc = admin_set_number(op, LDAP_MOD_ADD, ATTR_QUOTA, s->quota_mb);
    if (rc == 0) rc = write_op_set(op, LDAP_MOD_ADD, ATTR_HOME, str_from(s->home));
    return rc == 0 ? op : NULL;
}

static int add(struct dir *d, struct rpc_request *r, const Dir__Shared *s, struct adding *a, struct error *err) {
    BUF_AUTO dn = BUF_INIT(SHARED_DN_MAX);
    struct str primary = address_key_str(&a->keys[0]);
    uint64_t account;
    buf_adds(&dn, str_is_ascii(primary) ? "mail=" : "ieaddress=");
    directory_dn_escape(&dn, primary);
    buf_addc(&dn, ',');
    buf_add(&dn, entry_get(a->domain, (enum directory_attr)ENTRY_DN)); /* before anything waits */
    int rc = 0;
    for (; rc == 0 && a->held < a->count; a->held += rc == 0) {
        struct str key = address_key_str(&a->keys[a->held]);
        rc = address_is_free(d, key, NULL, err);
        if (rc == 0) rc = admin_hold(d, key, err);
    }
    if (rc == 0) rc = account_number(d, &account, err);
    struct write_op *op = rc == 0 && dn.error == 0 ? add_op(s, a, account, buf_cstr(&dn), r->arena) : NULL;
    if (rc == 0) rc = op == NULL ? error_set(err, ERR_NOMEM, "out of memory") : dir_write(d, op, err);
    while (a->held > 0) admin_release(d, address_key_str(&a->keys[--a->held]));
    return rc;
}

int handle_shared_add(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__Shared *s = (const void *)r->msg;
    struct adding a = {0};
    int rc = check(d, s, r->arena, &a, err);
    if (rc == 0) rc = add(d, r, s, &a, err);
    if (rc != 0) return rc;
    const struct entry *e = mirror_by_address(d->mirror, address_key_str(&a.keys[0]));
    if (e == NULL) return error_set(err, ERR_IO, "the account was made, but the directory does not show it yet");
    unsigned char uuid[RECORD_UUID_LEN];
    memcpy(uuid, e->uuid, sizeof uuid);
    log_event(LOG_INFO, "-", "shared-add", "address=%s account=%llu members=%zu by=%s", a.keys[0].text,
              (unsigned long long)e->account, s->n_members, rpc_session_name(r->session));
    return answer(d, r, uuid, err);
}

/* --- set */
int handle_shared_set(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__Shared *s = (const void *)r->msg;
    const struct entry *e;
    int rc = find_shared(d, s->address, &e, err);
    if (rc == 0) rc = admin_check_text("name", s->name, err);
    if (rc != 0) return rc;
    unsigned char uuid[RECORD_UUID_LEN];
    memcpy(uuid, e->uuid, sizeof uuid);
    struct write_op *op = write_op_new(r->arena, WRITE_MODIFY, admin_dn(e, r->arena));
    rc = op == NULL ? ERR_NOMEM : 0;
    if (rc == 0 && s->name[0] != '\0') rc = write_op_set(op, LDAP_MOD_REPLACE, ATTR_CN, str_trim(str_from(s->name)));
    if (rc == 0 && s->has_quota) rc = admin_set_number(op, LDAP_MOD_REPLACE, ATTR_QUOTA, s->quota_mb);
    if (rc == 0 && s->home[0] != '\0') rc = write_op_set(op, LDAP_MOD_REPLACE, ATTR_HOME, str_from(s->home));
    if (rc != 0) return error_set(err, rc, "out of memory");
    if (op->change_count > 0) rc = dir_write(d, op, err);
    if (rc == 0 && s->new_address[0] != '\0') {
        e = mirror_by_uuid(d->mirror, uuid);
        rc = e == NULL ? error_set(err, ERR_CONFLICT, "the account was deleted meanwhile")
                       : admin_rename(d, r, e, s->new_address, err);
    }
    if (rc != 0) return rc;
    log_event(LOG_INFO, "-", "shared-set", "address=%s by=%s", s->address, rpc_session_name(r->session));
    return answer(d, r, uuid, err);
}

/* --- members */
static int member_op(struct dir *d, const struct entry *e, const Dir__SharedMemberSet *q, struct arena *arena,
                     struct write_op **out, struct error *err) {
    struct str value = STR_EMPTY, address;
    struct shared_member m;
    struct address_key k;
    int rc = q->remove ? admin_address(d, q->member->address, &k, err) : member_value(d, q->member, arena, &value, err);
    if (rc != 0) return rc;
    address = q->remove ? address_key_str(&k) : shared_member_parse(value, &m) == 0 ? m.address : STR_EMPTY;
    const struct entry *who = q->remove ? resolve_entry(d->mirror, &d->settings, address, NULL, arena) : NULL;
    struct str old = member_of(e, address);
    if (old.len == 0 && who != NULL) old = member_of(e, entry_get(who, ATTR_ADDRESS)); /* by an alias */
    if (q->remove && old.len == 0)
        return error_set(err, ERR_NOTFOUND, "%s is no member of %s", q->member->address, q->address);
    size_t count = 0;
    struct entry_value v;
    for (uint32_t pos = 0; entry_next(e, &pos, &v);) count += v.attr == ATTR_MEMBER;
    if (q->remove && count == 1)
        return error_set(err, ERR_DENIED, "%s is the only member; delete the account, or add another first",
                         q->member->address);
    if (!q->remove && old.len == 0 && count >= SHARED_MEMBERS_MAX)
        return error_set(err, ERR_LIMIT, "a shared account may have at most %d members", SHARED_MEMBERS_MAX);
    struct write_op *op = write_op_new(arena, WRITE_MODIFY, admin_dn(e, arena));
    rc = op == NULL ? ERR_NOMEM : 0;
    if (rc == 0 && str_eq_nocase(old, value)) old = value = STR_EMPTY; /* it is so already */
    if (rc == 0 && old.len > 0) rc = write_op_value(op, LDAP_MOD_DELETE, ATTR_MEMBER, arena_str(arena, old));
    if (rc == 0 && value.len > 0) rc = write_op_value(op, LDAP_MOD_ADD, ATTR_MEMBER, value);
    if (rc != 0) return error_set(err, rc, "out of memory");
    *out = op;
    return 0;
}

int handle_shared_member(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__SharedMemberSet *q = (const void *)r->msg;
    const struct entry *e;
    struct write_op *op;
    if (q->member == NULL) return error_set(err, ERR_INVALID, "no member was given");
    int rc = find_shared(d, q->address, &e, err);
    if (rc != 0) return rc;
    unsigned char uuid[RECORD_UUID_LEN];
    memcpy(uuid, e->uuid, sizeof uuid);
    rc = member_op(d, e, q, r->arena, &op, err);
    if (rc == 0 && op->change_count > 0) rc = dir_write(d, op, err);
    if (rc != 0) return rc;
    log_event(LOG_INFO, "-", q->remove ? "shared-member-remove" : "shared-member-add",
              "address=%s member=%s rights=%s by=%s", q->address, q->member->address, q->member->rights,
              rpc_session_name(r->session));
    return answer(d, r, uuid, err);
}

int shared_forget(struct dir *d, struct str address, struct error *err) {
    for (;;) { /* entries are replaced while a write waits: each time looked for anew */
        ARENA_AUTO arena = arena_new(DIR_ARENA_MAX);
        struct write_op *op = NULL;
        size_t pos = 0;
        if (arena == NULL) return error_set(err, ERR_NOMEM, "out of memory");
        for (const struct entry *e; op == NULL && (e = mirror_next(d->mirror, &pos)) != NULL;) {
            struct str value = e->classes & ENTRY_SHARED ? member_of(e, address) : STR_EMPTY;
            if (value.len == 0) continue;
            op = write_op_new(arena, WRITE_MODIFY, admin_dn(e, arena));
            if (op == NULL || write_op_value(op, LDAP_MOD_DELETE, ATTR_MEMBER, arena_str(arena, value)) != 0)
                return error_set(err, ERR_NOMEM, "out of memory");
        }
        if (op == NULL) break;
        int rc = dir_write(d, op, err);
        if (rc != 0) return rc;
    }
    shared_refresh(d);
    return 0;
}

/* --- delete */
int handle_shared_delete(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__UserName *q = (const void *)r->msg;
    const struct entry *e;
    int rc = find_shared(d, q->address, &e, err);
    return rc != 0 ? rc : handle_user_delete(d, r, err);
}
