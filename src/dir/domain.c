/* DOMAIN_*: MTA-02, MTA-03, ALIAS-01, ALIAS-03, FWD-01 to FWD-07, DIR-07, DIR-09. */
#include "base/log.h"
#include "dir/admin.h"
#include "dir/host.h"
#include "directory/slapd_config.h"
#include "proto/smtp/address.h"
#include "proto/smtp/destination.h"

#include <stdlib.h>
#include <string.h>

enum { DOMAIN_DN_MAX = 2048 };

static int domain_name(const char *text, bool wildcard, char key[static ADDRESS_KEY_MAX], struct error *err) {
    if (domain_key_make(str_from(text), wildcard, key, ADDRESS_KEY_MAX, NULL) == 0) return 0;
    return error_set(err, ERR_INVALID, "'%.200s' is not a domain name", text);
}

static int find_domain(const struct dir *d, const char *text, const struct entry **out, struct error *err) {
    char key[ADDRESS_KEY_MAX];
    int rc = domain_name(text, true, key, err);
    if (rc != 0) return rc;
    *out = mirror_domain(d->mirror, str_from(key));
    return *out == NULL ? error_set(err, ERR_NOTFOUND, "%s is not a local domain", key) : 0;
}

/* Values of alias, catch-all and forwarding, checked and in key form. */
struct domain_values {
    char alias_of[ADDRESS_KEY_MAX];
    struct address_key catch_all;
    const char *forward;
    struct str host;
};

/* FWD-01 to FWD-05, LIM-19 */
static int check_forward(const char *text, struct error *err) {
    struct connector c;
    struct destination hop;
    struct error why = {0};
    struct address_key k;
    if (forward_parse(str_from(text), &c) != 0) {
        return error_set(err, ERR_INVALID,
                         "forwarding '%.200s' is not CHANNEL$identifier: SMTPC$host, SMTPC$[host]:port, SMTPC$, "
                         "LOCAL$address, DL$list, BSMTPOUT$address",
                         text);
    }
    if (c.address.len > 0) {
        int rc = admin_check_connector(text, err);
        if (rc != 0) return rc;
    }
    if (str_eq_nocase(c.channel, STR("SMTPC"))) {
        if (c.address.len == 0 || destination_parse(c.address, 0, &hop, &why) == 0) return 0;
        return error_set(err, ERR_INVALID, "'%.200s' is no next hop (host, [host] or address, each with :port): %.80s",
                         c.address.ptr, why.text);
    }
    bool address = str_eq_nocase(c.channel, STR("LOCAL")) || str_eq_nocase(c.channel, STR("DL")) ||
                   str_starts_nocase(c.channel, STR("BSMTP"));
    if (c.address.len == 0 || !address || address_key_make(c.address, STR_EMPTY, &k, NULL) == 0) return 0;
    return error_set(err, ERR_INVALID, "'%.200s' is not an address", c.address.ptr);
}

static int check(const struct dir *d, const Dir__Domain *q, const char *name, struct arena *arena,
                 struct domain_values *v, struct error *err) {
    *v = (struct domain_values){.forward = q->forward};
    int rc = q->alias_of[0] == '\0' ? 0 : domain_name(q->alias_of, false, v->alias_of, err);
    if (rc == 0 && strcmp(v->alias_of, name) == 0) {
        rc = error_set(err, ERR_INVALID, "%s cannot be an alias of itself", name);
    }
    if (rc == 0 && v->alias_of[0] != '\0' && mirror_domain_match(d->mirror, str_from(v->alias_of)) == NULL) {
        rc = error_set(err, ERR_INVALID, "%s is not a local domain (add it first: iems domain add %s)", v->alias_of,
                       v->alias_of);
    }
    if (rc == 0 && q->catch_all[0] != '\0') rc = admin_address(d, q->catch_all, &v->catch_all, err);
    if (rc == 0 && q->forward[0] != '\0') rc = check_forward(q->forward, err);
    return rc == 0 ? host_check(d, q->host, arena, &v->host, err) : rc;
}

static int set_values(struct write_op *op, int mod, const struct domain_values *v) {
    int rc = write_op_set(op, mod, ATTR_ALIAS_OF, str_from(v->alias_of));
    if (rc == 0) rc = write_op_set(op, mod, ATTR_CATCH_ALL, str_of(v->catch_all.text, v->catch_all.len));
    if (rc == 0) rc = write_op_set(op, mod, ATTR_MAILBOX_HOST, v->host);
    return rc == 0 ? write_op_set(op, mod, ATTR_FORWARD, str_from(v->forward)) : rc;
}

static char *domain_dn(struct str name, struct arena *arena) {
    BUF_AUTO dn = BUF_INIT(DOMAIN_DN_MAX);
    return directory_domain_dn(name, &dn) != 0 ? NULL : arena_cstr(arena, buf_str(&dn));
}

static struct write_op *node_op(struct str name, struct arena *arena) {
    char *dn = domain_dn(name, arena);
    struct write_op *op = dn == NULL ? NULL : write_op_new(arena, WRITE_ADD, dn);
    if (op == NULL || write_op_value(op, LDAP_MOD_ADD, ATTR_OBJECT_CLASS, STR("iedc")) != 0) return NULL;
    return op; /* slapd adds the dc of the DN by itself */
}

/* Every component of the tree above the domain; those that are there are fine. */
static int make_parents(struct dir *d, struct str name, struct arena *arena, struct error *err) {
    for (size_t from = name.len;;) {
        ptrdiff_t dot = str_rfind(str_sub(name, 0, from), '.');
        if (dot == STR_NPOS) return 0;
        struct str part = str_sub(name, (size_t)dot + 1, name.len);
        struct write_op *op = node_op(part, arena);
        if (op == NULL) return error_set(err, ERR_NOMEM, "out of memory");
        int rc = dir_write(d, op, err);
        if (rc == 0 && mirror_by_uuid(d->mirror, op->record->uuid) != NULL) mirror_remove(d->mirror, op->record->uuid);
        if (rc != 0 && rc != ERR_EXISTS) return rc;
        from = (size_t)dot;
    }
}

static int make_domain(struct dir *d, struct str name, const struct domain_values *v, struct arena *arena,
                       struct error *err) {
    struct write_op *op = node_op(name, arena);
    int rc = op == NULL ? ERR_NOMEM : write_op_value(op, LDAP_MOD_ADD, ATTR_OBJECT_CLASS, STR("iedomain"));
    if (rc == 0) rc = write_op_set(op, LDAP_MOD_ADD, ATTR_DOMAIN, name);
    if (rc == 0) rc = set_values(op, LDAP_MOD_ADD, v);
    if (rc != 0) return error_set(err, rc, "out of memory");
    rc = dir_write(d, op, err);
    if (rc != ERR_EXISTS) return rc;
    /* A node of the tree that was no mail domain until now. */
    op = write_op_new(arena, WRITE_MODIFY, domain_dn(name, arena));
    rc = op == NULL ? ERR_NOMEM : write_op_value(op, LDAP_MOD_ADD, ATTR_OBJECT_CLASS, STR("iedomain"));
    if (rc == 0) rc = write_op_set(op, LDAP_MOD_ADD, ATTR_DOMAIN, name);
    if (rc == 0) rc = set_values(op, LDAP_MOD_ADD, v);
    return rc == 0 ? dir_write(d, op, err) : error_set(err, rc, "out of memory");
}

static int answer_empty(struct rpc_request *r) {
    Dir__Empty empty = DIR__EMPTY__INIT;
    rpc_answer(r, &empty.base, STR_EMPTY);
    return 0;
}

int handle_domain_add(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__Domain *q = (const void *)r->msg;
    char name[ADDRESS_KEY_MAX];
    struct domain_values v;
    int rc = domain_name(q->name, true, name, err);
    if (rc == 0 && mirror_domain(d->mirror, str_from(name)) != NULL)
        rc = error_set(err, ERR_EXISTS, "domain %s exists already", name);
    if (rc == 0) rc = check(d, q, name, r->arena, &v, err);
    if (rc == 0) rc = make_parents(d, str_from(name), r->arena, err);
    if (rc == 0) rc = make_domain(d, str_from(name), &v, r->arena, err);
    if (rc != 0) return rc;
    log_event(LOG_INFO, "-", "domain-add", "name=%s alias_of=%s by=%s", name, v.alias_of, rpc_session_name(r->session));
    return answer_empty(r);
}

int handle_domain_set(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__Domain *q = (const void *)r->msg;
    const struct entry *e;
    struct domain_values v;
    int rc = find_domain(d, q->name, &e, err);
    if (rc == 0) rc = check(d, q, entry_get(e, ATTR_DOMAIN).ptr, r->arena, &v, err);
    if (rc != 0) return rc;
    struct write_op *op = write_op_new(r->arena, WRITE_MODIFY, admin_dn(e, r->arena));
    rc = op == NULL ? ERR_NOMEM : set_values(op, LDAP_MOD_REPLACE, &v);
    rc = rc == 0 ? dir_write(d, op, err) : error_set(err, rc, "out of memory");
    if (rc != 0) return rc;
    log_event(LOG_INFO, "-", "domain-set", "name=%s by=%s", q->name, rpc_session_name(r->session));
    return answer_empty(r);
}

/* ---------------------------------------------------------------- delete and list */

static uint64_t count_users(const struct dir *d, struct str name) {
    uint64_t n = 0;
    size_t pos = 0;
    for (const struct entry *e; (e = mirror_next(d->mirror, &pos)) != NULL;) {
        struct str primary = e->classes & ENTRY_DELETED ? STR_EMPTY : entry_get(e, ATTR_ADDRESS);
        if (primary.len > 0 && str_eq(address_domain_of(primary), name)) n++;
    }
    return n;
}

static const char *alias_domain_of(const struct dir *d, struct str name) {
    size_t pos = 0;
    for (const struct entry *e; (e = mirror_next(d->mirror, &pos)) != NULL;) {
        if (str_eq(entry_get(e, ATTR_ALIAS_OF), name) && name.len > 0) return entry_get(e, ATTR_DOMAIN).ptr;
    }
    return NULL;
}

static int may_delete(const struct dir *d, struct str name, struct error *err) {
    uint64_t users = count_users(d, name);
    const char *alias = alias_domain_of(d, name);
    if (str_eq(name, d->settings.default_domain)) {
        return error_set(err, ERR_CONFLICT, "%.*s is the default domain of the instance", STR_ARG(name));
    }
    if (users > 0) {
        return error_set(err, ERR_CONFLICT, "%.*s has still %llu address%s: delete or rename them first", STR_ARG(name),
                         (unsigned long long)users, users == 1 ? "" : "es");
    }
    if (alias != NULL)
        return error_set(err, ERR_CONFLICT, "%s is an alias of %.*s: delete that first", alias, STR_ARG(name));
    return 0;
}

/* A node with sub-domains below it stays, without being a mail domain. */
static int strip_domain(struct dir *d, const char *dn, struct str name, struct arena *arena, struct error *err) {
    struct write_op *op = write_op_new(arena, WRITE_MODIFY, dn);
    int rc = op == NULL ? ERR_NOMEM : write_op_value(op, LDAP_MOD_DELETE, ATTR_OBJECT_CLASS, STR("iedomain"));
    if (rc == 0) rc = write_op_value(op, LDAP_MOD_DELETE, ATTR_DOMAIN, name);
    static const enum directory_attr rest[] = {ATTR_ALIAS_OF, ATTR_CATCH_ALL, ATTR_FORWARD, ATTR_ENABLED,
                                               ATTR_MAILBOX_HOST};
    for (size_t i = 0; rc == 0 && i < sizeof rest / sizeof rest[0]; i++)
        rc = write_op_set(op, LDAP_MOD_REPLACE, rest[i], STR_EMPTY);
    return rc == 0 ? dir_write(d, op, err) : error_set(err, rc, "out of memory");
}

int handle_domain_delete(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__Domain *q = (const void *)r->msg;
    const struct entry *e;
    int rc = find_domain(d, q->name, &e, err);
    if (rc == 0) rc = may_delete(d, entry_get(e, ATTR_DOMAIN), err);
    if (rc != 0) return rc;
    unsigned char uuid[RECORD_UUID_LEN];
    memcpy(uuid, e->uuid, sizeof uuid);
    const char *dn = admin_dn(e, r->arena);
    struct str name = arena_str(r->arena, entry_get(e, ATTR_DOMAIN));
    struct write_op *op = dn == NULL ? NULL : write_op_new(r->arena, WRITE_DELETE, dn);
    if (op == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    rc = dir_write(d, op, err);
    if (rc == ERR_CONFLICT) rc = strip_domain(d, dn, name, r->arena, err);
    if (rc != 0) return rc;
    mirror_remove(d->mirror, uuid);
    log_event(LOG_INFO, "-", "domain-delete", "name=%.*s by=%s", STR_ARG(name), rpc_session_name(r->session));
    return answer_empty(r);
}

static int by_name(const void *a, const void *b) {
    return strcmp((*(Dir__Domain *const *)a)->name, (*(Dir__Domain *const *)b)->name);
}

static void count_all_users(const struct dir *d, Dir__DomainList *list) {
    size_t pos = 0;
    for (const struct entry *e; (e = mirror_next(d->mirror, &pos)) != NULL;) {
        struct str domain = address_domain_of(entry_get(e, ATTR_ADDRESS));
        if (domain.len == 0 || !(e->classes & (ENTRY_PERSON | ENTRY_SHARED))) continue;
        size_t low = 0, high = list->n_domains;
        while (low < high) {
            size_t mid = (low + high) / 2;
            int c = str_cmp(str_from(list->domains[mid]->name), domain);
            if (c == 0) list->domains[mid]->users++;
            if (c == 0) break;
            if (c < 0)
                low = mid + 1;
            else
                high = mid;
        }
    }
}

int handle_domain_list(struct dir *d, struct rpc_request *r, struct error *err) {
    struct mirror_counts counts;
    mirror_get_counts(d->mirror, &counts);
    Dir__DomainList answer = DIR__DOMAIN_LIST__INIT;
    Dir__Domain *domains = arena_alloc(r->arena, (counts.domains + 1) * sizeof *domains);
    answer.domains = arena_alloc(r->arena, (counts.domains + 1) * sizeof(Dir__Domain *));
    if (domains == NULL || answer.domains == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    size_t pos = 0;
    for (const struct entry *e; (e = mirror_next(d->mirror, &pos)) != NULL;) {
        Dir__Domain *to = &domains[answer.n_domains];
        if (!(e->classes & ENTRY_DOMAIN) || entry_get(e, ATTR_DOMAIN).len == 0) continue;
        dir__domain__init(to);
        to->name = arena_cstr(r->arena, entry_get(e, ATTR_DOMAIN));
        to->alias_of = arena_cstr(r->arena, entry_get(e, ATTR_ALIAS_OF));
        to->catch_all = arena_cstr(r->arena, entry_get(e, ATTR_CATCH_ALL));
        to->forward = arena_cstr(r->arena, entry_get(e, ATTR_FORWARD));
        to->host = arena_cstr(r->arena, entry_get(e, ATTR_MAILBOX_HOST));
        if (to->name == NULL || to->alias_of == NULL || to->catch_all == NULL || to->forward == NULL ||
            to->host == NULL) {
            return error_set(err, ERR_NOMEM, "out of memory");
        }
        answer.domains[answer.n_domains++] = to;
    }
    qsort(answer.domains, answer.n_domains, sizeof *answer.domains, by_name);
    count_all_users(d, &answer);
    rpc_answer(r, &answer.base, STR_EMPTY);
    return 0;
}
