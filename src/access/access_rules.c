#include "access/access_rules.h"

#include <string.h>

static const struct table *table_of(const char *name) {
    const struct table *t = table_find(str_from(name));
    IEMS_ASSERT(t != NULL);
    return t;
}

void access_rule_of(const struct access_tables *t, const struct net_addr *a, struct access_rule *out) {
    const struct table *table = table_of("access");
    const struct row *row = t->access == NULL ? NULL : rows_match_address(t->access, a);
    *out = (struct access_rule){
        .connect = (enum rule)row_u64(table, row, "connect"),
        .relay = (enum rule)row_u64(table, row, "relay"),
        .dnsbl = row_bool(table, row, "dnsbl"),
        .checks = row_bool(table, row, "checks"),
        .proxy = row_bool(table, row, "proxy"),
        .xclient = row_bool(table, row, "xclient"),
        .max_sessions = (unsigned)row_u64(table, row, "max_sessions"),
        .max_rate = (unsigned)row_u64(table, row, "max_rate"),
    };
    if (row != NULL && str_to_cstr(str_from(row_key(row)), out->key, sizeof out->key) != 0) out->key[0] = '\0';
}

void peer_rule_of(const struct access_tables *t, struct str name, struct peer_rule *out) {
    const struct table *table = table_of("peer");
    const struct row *row = t->peer == NULL ? NULL
                            : name.len == 0 ? rows_find(t->peer, STR("*"))
                                            : rows_match_domain(t->peer, name);
    *out = (struct peer_rule){
        .key = row != NULL ? row_key(row) : "",
        .own = row != NULL && strcmp(row_key(row), "*") != 0,
        .accept = row_bool(table, row, "accept"),
        .keep_tags = row_bool(table, row, "keep_tags"),
        .tls_in = row_bool(table, row, "tls_in"),
        .max_in = row_u64(table, row, "max_in"),
    };
}

bool peers_concern_clients(const struct access_tables *t) {
    static const char *const columns[] = {"accept", "keep_tags", "tls_in", "max_in"};
    for (size_t i = 0; t->peer != NULL && i < rows_count(t->peer); i++)
        for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++)
            if (row_has(rows_at(t->peer, i), columns[c])) return true;
    return false;
}

const char *sender_rejected_by(const struct access_tables *t, struct str address) {
    const struct row *row = t->sender == NULL ? NULL : rows_match_sender(t->sender, address);
    bool rejects = row != NULL && strcmp(row_str(table_of("sender"), row, "action"), "reject") == 0;
    return rejects ? row_key(row) : NULL;
}

static int list_load(const struct row *row, struct dnslist *out, struct error *err) {
    const struct table *table = table_of("dnslist");
    int rc = str_to_cstr(str_from(row_key(row)), out->zone, sizeof out->zone);
    if (rc != 0) return error_set(err, rc, "dnslist %s: the name is too long", row_key(row));
    struct str answers = str_from(row_str(table, row, "answers"));
    out->allow = strcmp(row_str(table, row, "kind"), "allow") == 0;
    out->policy = (enum dnslist_policy)row_u64(table, row, "policy");
    if (answers.len == 0) return 0;
    rc = net_range_list_parse(answers, &out->answers, &out->answer_count, err);
    return rc == 0 ? 0 : error_prefix(err, "dnslist %s: answers", row_key(row));
}

struct dnslists *dnslists_load(const struct access_tables *t, struct error *err) {
    size_t rows = t->dnslist == NULL ? 0 : rows_count(t->dnslist);
    struct dnslists *l = dnslists_new(rows);
    if (l == NULL) return NULL;
    l->count = 0;
    for (size_t i = 0; i < rows; i++) {
        memset(&l->list[l->count], 0, sizeof l->list[0]);
        if (list_load(rows_at(t->dnslist, i), &l->list[l->count], err) == 0) l->count++;
    }
    return l;
}
