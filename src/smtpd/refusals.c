#include "smtpd/refusals.h"

#include "net/loop.h"

#include <string.h>

enum {
    TELL_TIMEOUT_MS = 5000,
    TELL_REJECTS_MAX = 20, /* of a session: who guesses addresses shall not fill the trace */
};

/* Lives in the arena of the transaction, which it takes over. */
struct telling {
    struct arena *arena;
    struct rpc_client *store;
    char trace[IDENT_SIZE];
    char *lines[TRANSACTION_NOTES_MAX], *keys[TRANSACTION_NOTES_MAX + 1];
    size_t line_count, key_count;
};

static void tell(void *arg) {
    struct telling *t = arg;
    Store__TraceAdd request = STORE__TRACE_ADD__INIT;
    request.trace = t->trace;
    request.lines = t->lines;
    request.n_lines = t->line_count;
    request.keys = t->keys;
    request.n_keys = t->key_count;
    (void)!rpc_call(t->store, STORE_TRACE_ADD, &request.base, STR_EMPTY, loop_now_ms() + TELL_TIMEOUT_MS, NULL, NULL);
    arena_free(t->arena);
}

void refusals_tell(struct session *s) {
    struct transaction *tx = &s->tx;
    struct telling *t = tx->note_count > 0 && s->rejects <= TELL_REJECTS_MAX ? arena_alloc(tx->arena, sizeof *t) : NULL;
    if (t != NULL) {
        t->arena = tx->arena;
        t->store = s->d->store.client;
        memcpy(t->trace, tx->trace, sizeof t->trace);
        memcpy(t->lines, tx->notes, sizeof t->lines);
        memcpy(t->keys, tx->note_keys, sizeof tx->note_keys);
        t->line_count = t->key_count = tx->note_count;
        if (tx->sender[0] != '\0') t->keys[t->key_count++] = tx->sender;
        if (fiber_spawn("refusals", tell, t, NULL) == 0) tx->arena = NULL;
    }
    transaction_reset(tx);
}
