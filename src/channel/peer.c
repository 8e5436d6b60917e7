/* See peer.h. */
#include "channel/peer.h"

struct str peer_host_of(struct str destination) {
    struct str d = destination;
    if (str_starts(d, STR("["))) {
        ptrdiff_t end = str_find(d, ']');
        struct str inner = str_sub(d, 1, end > 0 ? (size_t)end - 1 : d.len);
        struct net_addr a;
        bool literal = str_starts_nocase(inner, STR("IPv6:")) || net_addr_parse(inner, 0, &a) == 0;
        return literal ? str_sub(d, 0, inner.len + 2) : inner;
    }
    ptrdiff_t colon = str_find(d, ':');
    return colon >= 0 && colon == str_rfind(d, ':') ? str_sub(d, 0, (size_t)colon) : d;
}

void peer_get(const struct rows *rows, struct str name, struct peer *out) {
    static const struct table *table;
    if (table == NULL) table = table_find(STR("peer"));
    const struct row *row = rows_count(rows) == 0 ? NULL : rows_match_domain(rows, peer_host_of(name));
    if (row == NULL) {
        *out = (struct peer){.transmit = true, .run_interval_s = row_u64(table, NULL, "run_interval")};
        return;
    }
    *out = (struct peer){
        .transmit = row_bool(table, row, "transmit"),
        .queue_first = row_bool(table, row, "queue_first"),
        .keep_tags = row_bool(table, row, "keep_tags"),
        .runs = row_bool(table, row, "queue_first") || row_has(row, "run_interval"),
        .run_interval_s = row_u64(table, row, "run_interval"),
        .retry_period_s = row_u64(table, row, "retry_period"),
        .max_out = row_u64(table, row, "max_out"),
        .max_sessions = (unsigned)row_u64(table, row, "max_sessions"),
        .messages_per_session = (unsigned)row_u64(table, row, "messages_per_session"),
        .precedence = (unsigned)row_u64(table, row, "precedence"),
    };
}

int64_t peer_next_run(struct str name, uint64_t run_interval_s, int64_t now_ms) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    int64_t interval = (int64_t)(run_interval_s > 0 ? run_interval_s : 1) * 1000;
    for (size_t i = 0; i < name.len; i++) hash = (hash ^ (unsigned char)name.ptr[i]) * 16777619u;
    int64_t offset = (int64_t)hash % interval;
    return (now_ms - offset) / interval * interval + interval + offset;
}
