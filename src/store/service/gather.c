#include "store/service/gather.h"

#include <stdlib.h>

enum { GATHER_BYTES = 24 * 1024 * 1024 };

static void take_value(void *arg, struct str value) {
    struct gather *g = arg;
    struct gathered *m = &g->list[g->count];
    m->value = g->values.len;
    m->value_len = value.len;
    buf_add(&g->values, value);
}

struct gather_work {
    struct gather *g;
    const uint32_t *uids;
    size_t max;
    int rc;
};

static void gather_work(void *arg) {
    struct gather_work *w = arg;
    struct gather *g = w->g;
    for (; g->count < w->max && g->values.len < GATHER_BYTES; g->count++) {
        struct key k;
        g->list[g->count] = (struct gathered){.uid = w->uids[g->count]};
        message_key(&k, KEY_MESSAGE, g->folder, w->uids[g->count]);
        int rc = engine_visit(g->s->st->engine, SPACE_META, key_str(&k), READ_ANY, take_value, g);
        if (rc == 0) rc = g->values.error;
        if (rc != 0 && rc != ERR_NOTFOUND && rc != ERR_CORRUPT) {
            w->rc = rc;
            return;
        }
    }
}

int gather_take(struct gather *g, struct service *s, uint64_t folder, const uint32_t *uids, size_t max) {
    *g = (struct gather){.s = s, .folder = folder, .values = BUF_INIT(GATHER_BYTES + STORE_VALUE_MAX)};
    g->list = calloc(max + 1, sizeof *g->list);
    IEMS_ASSERT(g->list != NULL);
    struct gather_work w = {g, uids, max, 0};
    int rc = store_work(gather_work, &w);
    if (rc == 0) rc = w.rc;
    for (size_t i = 0; i < g->count && rc == 0; i++) {
        struct gathered *m = &g->list[i];
        if (m->value_len == 0 || message_decode(str_of(g->values.ptr + m->value, m->value_len), &m->stored) != 0)
            continue;
        rc = blob_pin(s->bs, m->stored.blob, &m->blob);
        if (rc == ERR_NOTFOUND || rc == ERR_CORRUPT) rc = 0;
    }
    if (rc != 0) gather_done(g);
    return rc;
}

void gather_done(struct gather *g) {
    for (size_t i = 0; i < g->count; i++) blob_unpin(g->s->bs, g->list[i].blob);
    free(g->list);
    buf_done(&g->values);
    *g = (struct gather){0};
}
