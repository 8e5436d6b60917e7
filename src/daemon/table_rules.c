/* What columns of one row ask of each other, checked when a row is set. Rows that are in the directory are taken as
 * they are: a rule that is new must not put out of force what has worked. */
#include "daemon/rows.h"
#include "proto/smtp/destination.h"

#include <string.h>

static bool has_text(const struct row *row, const char *table, const char *column) {
    return row_str(table_find(str_from(table)), row, column)[0] != '\0';
}

static bool says(const struct row *row, const char *table, const char *column, const char *word) {
    return str_eq_nocase(str_from(row_str(table_find(str_from(table)), row, column)), str_from(word));
}

/* SMTPC-07: they are compared with the addresses that log in. */
static int check_atrn(const struct row *row, struct error *err) {
    struct str rest = str_from(row_str(table_find(STR("peer")), row, "atrn"));
    for (struct str word; (word = str_word(&rest)).len > 0;) {
        ptrdiff_t at = str_rfind(word, '@');
        if (at < 1 || (size_t)at + 1 == word.len || str_find(word, ',') >= 0)
            return error_set(err, ERR_INVALID, "atrn: '%.*s' is no account: its whole address is meant, name@domain",
                             STR_ARG(word));
    }
    return 0;
}

/* STLS-03 */
static int check_peer(const struct row *row, struct error *err) {
    int rc = check_atrn(row, err);
    if (rc != 0) return rc;
    if (!says(row, "peer", "tls", "fingerprint") || has_text(row, "peer", "tls_fingerprint")) return 0;
    return error_set(
        err, ERR_INVALID,
        "tls=fingerprint needs tls_fingerprint: the SHA-256 of the certificate or key, in the same command");
}

/* A list whose words are separated by blanks or commas, as routes read them. */
static void list_get(const struct row *row, const char *column, struct buf *out) {
    for (const char *p = row_str(table_find(STR("route")), row, column); *p != '\0'; p++)
        buf_addc(out, *p == ',' ? ' ' : *p);
}

/* Word `i`, or the last one; "-" is none. */
static bool has_word(struct str list, size_t i) {
    struct str last = STR_EMPTY;
    for (struct str word; (word = str_word(&list)).len > 0;) {
        last = word;
        if (i-- == 0) break;
    }
    return last.len > 0 && !str_eq(last, STR("-"));
}

/* SAUTH-04: whoever is to be logged in to needs a user and a password. */
static int check_route(const struct row *row, struct error *err) {
    BUF_AUTO hosts = BUF_INIT(TABLE_VALUE_MAX);
    BUF_AUTO users = BUF_INIT(TABLE_VALUE_MAX);
    BUF_AUTO files = BUF_INIT(TABLE_VALUE_MAX);
    list_get(row, "hosts", &hosts);
    list_get(row, "user", &users);
    list_get(row, "password_file", &files);
    if (users.len > 0 && hosts.len == 0) return error_set(err, ERR_INVALID, "user needs hosts: who is it known to?");
    size_t i = 0;
    for (struct str host, rest = buf_str(&hosts); (host = str_word(&rest)).len > 0; i++) {
        if (!has_word(buf_str(&users), i) || has_word(buf_str(&files), i)) continue;
        return error_set(err, ERR_INVALID, "%.*s has a user, but no password_file", STR_ARG(host));
    }
    return 0;
}

/* SCHED-15, SAUTH-04; RFC 2645 section 5.1: ATRN only after AUTH. */
static int check_fetch(const struct row *row, struct error *err) {
    struct destination d;
    bool user = has_text(row, "fetch", "user");
    if (user && !has_text(row, "fetch", "password_file"))
        return error_set(err, ERR_INVALID, "user needs password_file");
    if (!user && says(row, "fetch", "method", "atrn"))
        return error_set(err, ERR_INVALID, "method=atrn needs user and password_file: such servers ask for a log-in");
    if (has_text(row, "fetch", "host")) return 0;
    int rc = destination_parse(str_from(row_key(row)), 25, &d, err);
    return rc == 0 ? 0 : error_set(err, rc, "host is missing: '%.80s' is not the name of one", row_key(row));
}

/* RFC 8555 section 7.1.3: names with "*" are proved by DNS, which is not done. */
static int check_certificate(const struct row *row, struct error *err) {
    bool wide = strchr(row_key(row), '*') != NULL;
    if (!wide || row_u64(table_find(STR("certificate")), row, "acme") == 0) return 0;
    return error_set(err, ERR_INVALID,
                     "acme=yes: a name with * needs a proof by DNS, which is not done; name each host");
}

static const struct {
    const char *table;
    int (*check)(const struct row *row, struct error *err);
} rules[] = {
    {"certificate", check_certificate},
    {"fetch", check_fetch},
    {"peer", check_peer},
    {"route", check_route},
};

int table_rules_check(const struct table *t, const struct row *row, struct error *err) {
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (strcmp(rules[i].table, t->name) == 0) return rules[i].check(row, err);
    return 0;
}
