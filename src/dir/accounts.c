/* Account numbers: given in rising order and never twice, even when the account with the highest one was deleted.
 * Blocks are reserved in the directory (cn=accounts) before one of them is used. */
#include "base/log.h"
#include "dir/dir.h"
#include "directory/slapd_config.h"
#include "net/loop.h"

#include <stdio.h>

enum { BLOCK = 100, NUMBER_WAIT_MS = 5000, NUMBER_AGAIN_MS = 50 };

static uint64_t last_reserved(const struct mirror *m) {
    size_t pos = 0;
    uint64_t last = 0, n;
    for (const struct entry *e; (e = mirror_next(m, &pos)) != NULL;) {
        if ((e->classes & ENTRY_CONFIG) && str_to_u64(entry_get(e, ATTR_LAST_ACCOUNT), INT64_MAX, &n) == 0 && n > last)
            last = n;
    }
    return last;
}

/* The number is changed only if it is still the one that was read: another host may have been first. */
static int reserve_once(struct dir *d, uint64_t *from, struct error *err) {
    uint64_t last = last_reserved(d->mirror), highest = mirror_highest_account(d->mirror), next = last;
    if (highest > next) next = highest;
    ARENA_AUTO arena = arena_new(DIR_ARENA_MAX);
    char old[24], fresh[24];
    int m = snprintf(old, sizeof old, "%llu", (unsigned long long)last);
    int n = snprintf(fresh, sizeof fresh, "%llu", (unsigned long long)(next + BLOCK));
    struct write_op *op = arena == NULL ? NULL : write_op_new(arena, WRITE_MODIFY, DIRECTORY_ACCOUNTS_DN);
    if (op == NULL || write_op_set(op, LDAP_MOD_DELETE, ATTR_LAST_ACCOUNT, str_of(old, (size_t)m)) != 0 ||
        write_op_set(op, LDAP_MOD_ADD, ATTR_LAST_ACCOUNT, str_of(fresh, (size_t)n)) != 0) {
        return error_set(err, ERR_NOMEM, "out of memory");
    }
    int rc = dir_write(d, op, err);
    if (rc == 0) *from = next;
    return rc;
}

static int reserve(struct dir *d, struct error *err) {
    uint64_t until = loop_now_ms() + NUMBER_WAIT_MS, from = 0;
    int rc;
    while ((rc = reserve_once(d, &from, err)) == ERR_NOTFOUND && loop_now_ms() < until) { /* the mirror is behind */
        if (fiber_sleep(NUMBER_AGAIN_MS) != 0) return error_set(err, ERR_CANCELLED, "cancelled");
    }
    if (rc != 0) return rc;
    d->next_account = from + 1;
    d->last_account = from + BLOCK;
    return 0;
}

int account_number(struct dir *d, uint64_t *out, struct error *err) {
    int rc = semaphore_take(&d->numbers, DEADLINE_NEVER);
    if (rc != 0) return error_set(err, rc, "cancelled");
    while (rc == 0 && (d->next_account == 0 || d->next_account > d->last_account ||
                       mirror_by_account(d->mirror, d->next_account) != NULL)) {
        if (d->next_account != 0 && d->next_account <= d->last_account)
            d->next_account++;
        else
            rc = reserve(d, err);
    }
    if (rc == 0) *out = d->next_account++;
    semaphore_give(&d->numbers);
    return rc;
}

static const struct entry *find_unnumbered(const struct mirror *m) {
    size_t pos = 0;
    const struct entry *e;
    while ((e = mirror_next(m, &pos)) != NULL && (e->account != 0 || !(e->classes & (ENTRY_STORE_USER | ENTRY_SHARED))))
        continue;
    return e;
}

static int number_one(struct dir *d, const struct entry *e, struct error *err) {
    ARENA_AUTO arena = arena_new(DIR_ARENA_MAX);
    char *dn = arena == NULL ? NULL : arena_cstr(arena, entry_get(e, (enum directory_attr)ENTRY_DN));
    struct write_op *op = dn == NULL ? NULL : write_op_new(arena, WRITE_MODIFY, dn);
    uint64_t number;
    char text[24];
    if (op == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    int rc = account_number(d, &number, err);
    if (rc != 0) return rc;
    int n = snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    rc = write_op_set(op, LDAP_MOD_REPLACE, ATTR_ACCOUNT, str_of(text, (size_t)n));
    if (rc == 0) rc = dir_write(d, op, err);
    if (rc == 0) log_event(LOG_INFO, "-", "account-numbered", "dn=\"%s\" account=%s", dn, text);
    return rc;
}

static void number_all(void *arg) {
    struct dir *d = arg;
    struct error err = {0};
    d->unnumbered = false;
    for (const struct entry *e; (e = find_unnumbered(d->mirror)) != NULL;) {
        if (number_one(d, e, &err) == 0) continue;
        log_event(LOG_WARNING, "-", "account-numbered", "error=\"%s\"", err.text);
        break;
    }
    d->numbering = false;
}

void accounts_number_all(struct dir *d) {
    if (d->numbering || d->replica) return; /* one host does it: the provider */
    d->numbering = fiber_spawn("number accounts", number_all, d, NULL) == 0;
}
