/* All accounts with mailboxes on this host as directory and store know them, and their states. */
#include "daemon/tables.h"
#include "net/loop.h"
#include "quota/quota.h"
#include "rpc/dir_methods.h"
#include "rpc/store_methods.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 500, MB = 1024 * 1024, AFTER_MAX = 1000, ARENA_MAX = 512 * 1024 * 1024, ACCOUNTS_MAX = 4 * 1024 * 1024 };

static int add(struct report *r, const Dir__User *u) {
    if (r->count == ACCOUNTS_MAX) return ERR_LIMIT;
    if (r->count == r->cap) {
        size_t cap = r->cap * 2 + PAGE;
        struct report_account *grown = realloc(r->accounts, cap * sizeof *grown);
        if (grown == NULL) return ERR_NOMEM;
        r->accounts = grown;
        r->cap = cap;
    }
    char *address = arena_cstr(r->arena, str_from(u->address));
    if (address == NULL) return ERR_NOMEM;
    const char *at = strrchr(address, '@');
    r->accounts[r->count++] =
        (struct report_account){.address = address,
                                .domain = at == NULL ? "" : at + 1,
                                .id = u->account,
                                .limit = u->quota_mb * MB,
                                .files = {.enabled = u->web_enabled, .limit = u->web_quota_mb * MB}};
    return 0;
}

static int gather_users(struct quota *q, struct report *r, struct error *err) {
    Dir__UserFind find = DIR__USER_FIND__INIT;
    BUF_AUTO after = BUF_INIT(AFTER_MAX);
    find.limit = PAGE;
    find.here = true;
    for (bool more = true; more;) {
        RPC_REPLY_AUTO reply = {0};
        int rc = rpc_call(q->dir, DIR_USER_FIND, &find.base, STR_EMPTY, loop_now_ms() + QUOTA_CALL_MS, &reply, err);
        if (rc != 0) return rc;
        const Dir__UserFound *found = (const void *)reply.msg;
        for (size_t i = 0; i < found->n_users; i++) {
            if (found->users[i]->account == 0) continue;
            if ((rc = add(r, found->users[i])) != 0) return error_set(err, rc, "too many accounts");
        }
        more = found->more && found->n_users > 0;
        if (!more) break;
        buf_clear(&after);
        buf_adds(&after, found->users[found->n_users - 1]->address);
        find.after = (char *)(uintptr_t)buf_cstr(&after);
    }
    return 0;
}

static void take_usage(struct report_account *a, const Store__AccountUsage *u) {
    a->used = u->bytes;
    a->messages = u->messages;
    a->files.used = u->file_bytes;
    a->files.count = u->files;
    a->blocked = u->state != NULL && u->state->blocked;
    if (u->state == NULL) return;
    a->life = (struct life){u->state->stage, u->state->since, u->state->until, u->state->level};
}

/* Answers come in the order of the numbers. */
static int gather_usage(struct quota *q, struct report *r, struct error *err) {
    uint64_t ids[PAGE];
    for (size_t first = 0; first < r->count; first += PAGE) {
        Store__AccountsWanted wanted = STORE__ACCOUNTS_WANTED__INIT;
        RPC_REPLY_AUTO reply = {0};
        size_t n = r->count - first < PAGE ? r->count - first : PAGE;
        for (size_t i = 0; i < n; i++) ids[i] = r->accounts[first + i].id;
        wanted.accounts = ids;
        wanted.n_accounts = n;
        int rc = rpc_call(q->store, STORE_ACCOUNTS_USAGE, &wanted.base, STR_EMPTY, loop_now_ms() + QUOTA_CALL_MS,
                          &reply, err);
        if (rc != 0) return rc;
        const Store__AccountsUsage *got = (const void *)reply.msg;
        if (got->n_accounts != n) return error_set(err, ERR_CORRUPT, "the store gave a damaged list");
        for (size_t i = 0; i < n; i++) take_usage(&r->accounts[first + i], got->accounts[i]);
    }
    return 0;
}

static void domain_limits(struct quota *q, struct report *r) {
    const struct table *t = table_find(STR("domainquota"));
    const struct rows *rows = daemon_table(q->daemon, "domainquota");
    for (size_t i = 0; i < r->domain_count; i++) {
        const struct row *row = rows_match_domain(rows, str_from(r->domains[i].name));
        r->domains[i].limit = row_u64(t, row, "total");
        r->domains[i].files_disabled = !row_bool(t, row, "files");
        r->domains[i].files_limit = row_u64(t, row, "files_total");
    }
}

int accounts_gather(struct quota *q, struct report *out, struct error *err) {
    struct report r = {.arena = arena_new(ARENA_MAX), .hostname = daemon_hostname(q->daemon)};
    if (r.arena == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    r.home = arena_printf(r.arena, "%s/data/store", daemon_instance_dir(q->daemon));
    int rc = gather_users(q, &r, err);
    if (rc == 0) rc = gather_usage(q, &r, err);
    if (rc == 0 && (rc = report_sort(&r)) != 0) (void)error_set(err, rc, "out of memory");
    if (rc != 0) {
        report_done(&r);
        return rc;
    }
    domain_limits(q, &r);
    *out = r;
    return 0;
}

int accounts_state_put(struct quota *q, const struct report_account *a, struct error *err) {
    Store__QuotaState s = STORE__QUOTA_STATE__INIT;
    s.account = a->id;
    s.address = (char *)(uintptr_t)a->address;
    s.stage = a->life.stage;
    s.since = a->life.since;
    s.until = a->life.until;
    s.level = a->life.level;
    s.blocked = a->blocked;
    return rpc_call(q->store, STORE_QUOTA_STATE_SET, &s.base, STR_EMPTY, loop_now_ms() + QUOTA_CALL_MS, NULL, err);
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct report_domain *)a)->name, ((const struct report_domain *)b)->name);
}

/* Domains that have no accounts yet count from nothing: the first mail may come before they are looked at again. */
static int domains_put(struct quota *q, const struct report *r, const Dir__DomainList *known, struct error *err) {
    const struct table *t = table_find(STR("domainquota"));
    const struct rows *rows = daemon_table(q->daemon, "domainquota");
    Store__QuotaDomains all = STORE__QUOTA_DOMAINS__INIT;
    size_t most = r->domain_count + known->n_domains;
    Store__QuotaDomain *list = arena_alloc(r->arena, (most + 1) * sizeof *list);
    all.domains = arena_alloc(r->arena, (most + 1) * sizeof(Store__QuotaDomain *));
    if (list == NULL || all.domains == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < most; i++) {
        bool counted = i < r->domain_count;
        struct report_domain d = {.name = counted ? r->domains[i].name : known->domains[i - r->domain_count]->name};
        if (counted) d = r->domains[i];
        if (!counted && bsearch(&d, r->domains, r->domain_count, sizeof d, by_name) != NULL) continue;
        if (!counted) d.limit = row_u64(t, rows_match_domain(rows, str_from(d.name)), "total");
        if (d.limit == 0) continue;
        Store__QuotaDomain *to = &list[all.n_domains];
        store__quota_domain__init(to);
        to->name = (char *)(uintptr_t)d.name;
        to->total = d.limit;
        to->used = d.used;
        all.domains[all.n_domains++] = to;
    }
    return rpc_call(q->store, STORE_QUOTA_DOMAINS, &all.base, STR_EMPTY, loop_now_ms() + QUOTA_CALL_MS, NULL, err);
}

int accounts_domains_put(struct quota *q, const struct report *r, struct error *err) {
    Dir__Empty empty = DIR__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    int rc = rpc_call(q->dir, DIR_DOMAIN_LIST, &empty.base, STR_EMPTY, loop_now_ms() + QUOTA_CALL_MS, &reply, err);
    return rc == 0 ? domains_put(q, r, (const void *)reply.msg, err) : rc;
}
