/* See peer.h. */
#include "channel/peer.h"

#include "daemon/rows.h"

#include <stddef.h>
#include <string.h>

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

/* What a row sets, column by column: most rows set little, and this is asked for each message. */
static void take(struct peer *p, const struct table *t, const struct row *row, const char *column) {
    static const struct {
        const char *name;
        size_t at, size;
    } fields[] = {
#define FIELD(name) {#name, offsetof(struct peer, name), sizeof((struct peer *)NULL)->name}
        FIELD(transmit),     FIELD(queue_first),          FIELD(keep_tags),  FIELD(max_out),
        FIELD(max_sessions), FIELD(messages_per_session), FIELD(precedence),
#undef FIELD
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcmp(fields[i].name, column) != 0) continue;
        uint64_t n = row_u64(t, row, column);
        char *to = (char *)p + fields[i].at;
        if (fields[i].size == sizeof(bool))
            *(bool *)(void *)to = n != 0;
        else if (fields[i].size == sizeof(unsigned))
            *(unsigned *)(void *)to = (unsigned)n;
        else
            *(uint64_t *)(void *)to = n;
        return;
    }
    if (strcmp(column, "run_interval") == 0) p->run_interval_s = row_u64(t, row, column);
    if (strcmp(column, "retry_period") == 0) p->retry_period_s = row_u64(t, row, column);
    p->runs |= strcmp(column, "run_interval") == 0;
}

void peer_get(const struct rows *rows, struct str name, struct peer *out) {
    static const struct table *table;
    static uint64_t run_interval_s;
    const struct option *column;
    const char *value;
    if (table == NULL) {
        table = table_find(STR("peer"));
        run_interval_s = row_u64(table, NULL, "run_interval");
    }
    *out = (struct peer){.transmit = true, .run_interval_s = run_interval_s};
    const struct row *row = rows_count(rows) == 0 ? NULL : rows_match_domain(rows, peer_host_of(name));
    for (size_t pos = 0; row != NULL && row_next(row, &pos, &column, &value);) take(out, table, row, column->name);
    out->runs |= out->queue_first;
}

int64_t peer_next_run(struct str name, uint64_t run_interval_s, int64_t now_ms) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    int64_t interval = (int64_t)(run_interval_s > 0 ? run_interval_s : 1) * 1000;
    for (size_t i = 0; i < name.len; i++) hash = (hash ^ (unsigned char)name.ptr[i]) * 16777619u;
    int64_t offset = (int64_t)hash % interval;
    return (now_ms - offset) / interval * interval + interval + offset;
}
