/* Messages whose time for a notice or for giving up has come while their destination rests: handled without a
 * connection. */
#include "smtpc/smtpc.h"

/* "450 4.2.0 text" or "4.4.1 text" as it was stored, back into an outcome. */
static struct outcome outcome_stored(const Store__Entry *e, const Store__Recipient *r) {
    struct str text = str_from(r->status[0] != '\0' ? r->status : e->reason), rest = text, first = str_word(&rest);
    struct outcome o = outcome_make(OUTCOME_TEMPORARY, "4.4.7", text);
    uint64_t code = 0;
    if (first.len == 3 && str_to_u64(first, 599, &code) == 0) {
        o.reply = text;
        o.reason = STR_EMPTY;
        struct str status = str_word(&rest);
        if (dsn_status_valid(status) && str_to_cstr(status, o.status, sizeof o.status) == 0) return o;
    } else if (dsn_status_valid(first) && str_to_cstr(first, o.status, sizeof o.status) == 0) {
        o.reason = str_trim(rest);
    }
    return o;
}

void smtpc_attention(struct lease *l, void *arg) {
    struct smtpc *s = arg;
    size_t count = l->entry->n_recipients;
    struct outcome *outcomes = arena_alloc(l->arena, count * sizeof *outcomes + 1);
    if (outcomes == NULL) return;
    for (size_t i = 0; i < count; i++) outcomes[i] = outcome_stored(l->entry, l->entry->recipients[i]);
    struct settlement settlement = {.smtpc = s, .lease = l, .outcomes = outcomes};
    settle_now(&settlement);
}
