/* See queue_sending.h. */
#include "cli/queue_sending.h"

#include <stddef.h>

static const struct {
    const char *name;
    size_t at;
} values[] = {
    {"iems_smtpc_connections_open", offsetof(struct queue_sending, connections)},
    {"iems_smtpc_lookups", offsetof(struct queue_sending, lookups)},
    {"iems_smtpc_probes", offsetof(struct queue_sending, probes)},
    {"iems_smtpc_sent_total", offsetof(struct queue_sending, sent)},
    {"iems_smtpc_deferred_total", offsetof(struct queue_sending, deferred)},
    {"iems_smtpc_bounced_total", offsetof(struct queue_sending, bounced)},
    {"iems_smtpc_connections_total", offsetof(struct queue_sending, connected)},
};

bool queue_sending_parse(struct str metrics, struct queue_sending *out) {
    bool found = false;
    *out = (struct queue_sending){0};
    for (struct str rest = metrics; rest.len > 0;) {
        struct str line = str_cut(&rest, '\n'), name = str_word(&line);
        ptrdiff_t brace = str_find(name, '{'); /* labels */
        if (brace >= 0) name = str_sub(name, 0, (size_t)brace);
        for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
            uint64_t n = 0;
            if (!str_eq(name, str_from(values[i].name)) || str_to_u64(str_word(&line), UINT64_MAX, &n) != 0) continue;
            *(uint64_t *)(void *)((char *)out + values[i].at) += n;
            found = true;
        }
    }
    return found;
}

void queue_sending_text(const struct queue_sending *s, struct buf *out) {
    buf_printf(out, "Sending: %llu connections (%llu to destinations that failed the last time), %llu look-ups\n",
               (unsigned long long)s->connections, (unsigned long long)s->probes, (unsigned long long)s->lookups);
    buf_printf(out, "Since the start of smtpc: %llu connections, %llu sent, %llu deferred, %llu sent back\n",
               (unsigned long long)s->connected, (unsigned long long)s->sent, (unsigned long long)s->deferred,
               (unsigned long long)s->bounced);
}
