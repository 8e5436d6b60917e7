/* Which entries a filter means: by what the index knows where that is enough, else by the entry itself. */
#include "store/queue/select.h"

bool filter_needs_entry(const Store__QueueFilter *f) {
    return f != NULL && f->recipient[0] != 0;
}

static bool sender_in(struct str sender, struct str domain) {
    ptrdiff_t at = str_rfind(sender, '@');
    return at >= 0 && str_eq_nocase(str_sub(sender, (size_t)at + 1, sender.len), domain);
}

bool filter_matches_index(const Store__QueueFilter *f, const struct indexed *i) {
    if (f == NULL) return true;
    if (f->channel[0] != 0 && !str_eq_nocase(str_from(f->channel), i->channel)) return false;
    if (!dest_name_matches(i->dest, str_from(f->destination))) return false;
    if (f->held && i->state != ENTRY_HELD) return false;
    if (f->sender[0] != 0 && str_find_str_nocase(i->sender, str_from(f->sender)) < 0) return false;
    return f->sender_domain[0] == 0 || sender_in(i->sender, str_from(f->sender_domain));
}

bool filter_matches(const Store__QueueFilter *f, const Store__Entry *e, enum entry_state state) {
    struct indexed i = index_of(e, state);
    if (!filter_matches_index(f, &i)) return false;
    if (!filter_needs_entry(f)) return true;
    for (size_t n = 0; n < e->n_recipients; n++)
        if (str_find_str_nocase(str_from(e->recipients[n]->address), str_from(f->recipient)) >= 0) return true;
    return false;
}

/* Cheaper than taking the entry apart, and mostly the answer. */
bool filter_may_match(const Store__QueueFilter *f, struct str value) {
    return !filter_needs_entry(f) || str_find_str_nocase(value, str_from(f->recipient)) >= 0;
}
