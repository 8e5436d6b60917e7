#include "imapd/sort.h"

#include "imapd/order.h"
#include "imapd/pages.h"
#include "imapd/progress.h"
#include "imapd/search_text.h"
#include "proto/imap/envelope.h"
#include "proto/mime/word.h"

#include <stdlib.h>

enum { ENVELOPE_ARENA = 4 * 1024 * 1024, WORD_MAX = 256 * 1024, NAME_LEN_BITS = 24 };

/* Of a number the number, of a text its place in `texts`: offset << NAME_LEN_BITS | length. */
union value {
    int64_t number;
    uint64_t text;
};

struct sorting {
    const struct imap_search *program;
    struct session *s;
    const struct imap_runs *exact;
    unsigned fields;
    uint32_t *uid;
    union value *value; /* program->sorts of each message */
    size_t count;
    struct buf texts;
    struct arena *arena;
};

static bool is_text(enum imap_sort_type type) {
    return type != IMAP_SORT_ARRIVAL && type != IMAP_SORT_DATE && type != IMAP_SORT_SIZE && type != IMAP_SORT_RELEVANCY;
}

static unsigned fields_of(enum imap_sort_type type) {
    switch (type) {
    case IMAP_SORT_ARRIVAL: return FIELD_DATES;
    case IMAP_SORT_SIZE: return FIELD_SIZE;
    case IMAP_SORT_RELEVANCY: return 0;
    case IMAP_SORT_DATE: return FIELD_DATES | FIELD_ENVELOPE | FIELD_SIZE;
    default: return FIELD_ENVELOPE | FIELD_SIZE;
    }
}

void sort_fold(struct str text, struct buf *out) {
    size_t from = out->len;
    word_decode(out, text);
    if (out->error != 0 || out->len == from) return;
    search_fold(out->ptr + from, out->len - from);
    for (size_t i = from; i < out->len; i++) out->ptr[i] = ascii_upper(out->ptr[i]); /* i;ascii-casemap orders so */
}

/* RFC 5957 section 3: the display name, else the address. */
static void add_display(const struct imap_address *a, struct buf *out) {
    if (a->name.len > 0) {
        sort_fold(a->name, out);
        return;
    }
    sort_fold(a->mailbox, out);
    if (a->host.len == 0) return;
    buf_addc(out, '@');
    sort_fold(a->host, out);
}

static void add_text(const struct imap_envelope *e, const struct summary *summary, enum imap_sort_type type,
                     struct buf *out) {
    switch (type) {
    case IMAP_SORT_CC: sort_fold(e->cc.mailbox, out); break;
    case IMAP_SORT_FROM: sort_fold(e->from.mailbox, out); break;
    case IMAP_SORT_TO: sort_fold(e->to.mailbox, out); break;
    case IMAP_SORT_DISPLAYFROM: add_display(&e->from, out); break;
    case IMAP_SORT_DISPLAYTO: add_display(&e->to, out); break;
    default: sort_fold(summary->base_subject, out); break;
    }
}

static int take_values(struct sorting *x, const struct content *c, union value *value) {
    const struct message_record *r = c->record;
    struct imap_envelope e = {.date = STR_EMPTY};
    bool has_envelope = false;
    for (size_t i = 0; i < x->program->sorts; i++) {
        enum imap_sort_type type = x->program->sort[i].type;
        if (type == IMAP_SORT_ARRIVAL) value[i].number = r->internal_date;
        if (type == IMAP_SORT_SIZE) value[i].number = (int64_t)r->size;
        if (type == IMAP_SORT_RELEVANCY) value[i].number = imap_runs_has(x->exact, r->uid) ? 0 : 1;
        if (type == IMAP_SORT_DATE) value[i].number = c->summary.date == INT64_MIN ? r->internal_date : c->summary.date;
        if (!is_text(type)) continue;
        if (!has_envelope && type != IMAP_SORT_SUBJECT) {
            arena_reset(x->arena);
            if (imap_envelope_parse(c->summary.envelope, x->arena, &e) != 0)
                e = (struct imap_envelope){.date = STR_EMPTY};
            has_envelope = true;
        }
        size_t from = x->texts.len;
        add_text(&e, &c->summary, type, &x->texts);
        if (x->texts.error != 0) return ERR_LIMIT;
        size_t len = x->texts.len - from;
        if (len >= 1u << NAME_LEN_BITS) len = (1u << NAME_LEN_BITS) - 1;
        value[i].text = (uint64_t)from << NAME_LEN_BITS | len;
    }
    return 0;
}

static int take_page(struct sorting *x, struct str records, size_t max) {
    struct message_record r;
    int err;
    while ((err = message_record_get(&records, x->fields, &r)) == 0 && x->count < max) {
        struct content c;
        err = content_open(&c, x->s, &r, x->fields);
        if (err == 0) err = take_values(x, &c, &x->value[x->count * x->program->sorts]);
        content_close(&c);
        if (err == ERR_NOTFOUND) continue; /* expunged meanwhile */
        if (err != 0) return err;
        x->uid[x->count++] = r.uid;
    }
    return err == ERR_NOTFOUND ? 0 : err;
}

static int collect(struct sorting *x, const struct imap_runs *found, size_t max) {
    struct pages *p = pages_open(x->s, found, x->fields, 0);
    struct progress progress = {0};
    struct str records;
    if (p == NULL) return ERR_NOMEM;
    int err;
    while ((err = pages_next(p, &records)) == 0) {
        progress_tell(&progress, x->s, x->count, max);
        if ((err = take_page(x, records, max)) != 0) break;
    }
    pages_close(p);
    return err == ERR_NOTFOUND ? 0 : err;
}

static struct str text_of(const struct sorting *x, union value v) {
    return str_of(x->texts.ptr + (v.text >> NAME_LEN_BITS), v.text & ((1u << NAME_LEN_BITS) - 1));
}

static int compare(const void *arg, uint32_t a, uint32_t b) {
    const struct sorting *x = arg;
    size_t n = x->program->sorts;
    const union value *p = &x->value[a * n], *q = &x->value[b * n];
    for (size_t i = 0; i < n; i++) {
        int c;
        if (is_text(x->program->sort[i].type))
            c = str_cmp(text_of(x, p[i]), text_of(x, q[i]));
        else
            c = p[i].number < q[i].number ? -1 : p[i].number > q[i].number;
        if (c != 0) return x->program->sort[i].reverse ? -c : c;
    }
    return a < b ? -1 : a > b; /* in the order of sequence numbers, whatever is reversed */
}

static int put_in_order(struct sorting *x, uint32_t **out) {
    uint32_t *order = malloc((x->count + 1) * sizeof *order);
    if (order == NULL) return ERR_NOMEM;
    for (size_t i = 0; i < x->count; i++) order[i] = (uint32_t)i;
    int err = order_sort(order, x->count, compare, x, fiber_yield);
    for (size_t i = 0; i < x->count && err == 0; i++) order[i] = x->uid[order[i]];
    if (err == 0)
        *out = order;
    else
        free(order);
    return err;
}

int sort_run(struct session *s, const struct imap_search *program, const struct imap_runs *found,
             const struct imap_runs *exact, uint32_t **out, size_t *count) {
    size_t max = imap_runs_total(found);
    struct sorting x = {.program = program, .s = s, .exact = exact, .texts = BUF_INIT(SORT_TEXT_MAX)};
    for (size_t i = 0; i < program->sorts; i++) x.fields |= fields_of(program->sort[i].type);
    x.uid = malloc((max + 1) * sizeof *x.uid);
    x.value = malloc((max + 1) * program->sorts * sizeof *x.value);
    x.arena = arena_new(ENVELOPE_ARENA);
    int err = x.uid == NULL || x.value == NULL || x.arena == NULL ? ERR_NOMEM : 0;
    if (err == 0) err = collect(&x, found, max);
    if (err == 0) err = put_in_order(&x, out);
    if (err == 0) *count = x.count;
    free(x.uid);
    free(x.value);
    arena_free(x.arena);
    buf_done(&x.texts);
    return err;
}
