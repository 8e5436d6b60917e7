#include "imapd/context.h"

#include "imapd/filter.h"
#include "imapd/search.h"
#include "imapd/sort.h"
#include "proto/imap/write.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 16 * 1024 * 1024 };

struct context {
    char *tag;
    bool uid;
    struct arena *arena; /* of the program */
    struct imap_search program;
    struct search search;
    struct imap_runs found;
    uint32_t *order; /* of a SORT */
    size_t count;    /* in `order` */
    size_t keywords; /* of the mailbox when the search was prepared */
};

struct contexts {
    struct context *list[CONTEXTS_MAX];
    unsigned count;
    struct imap_runs touched;
};

static void context_free(struct context *x) {
    if (x == NULL) return;
    search_done(&x->search);
    imap_runs_done(&x->found);
    arena_free(x->arena);
    free(x->order);
    free(x->tag);
    free(x);
}

void contexts_free(struct contexts *all) {
    if (all == NULL) return;
    for (unsigned i = 0; i < all->count; i++) context_free(all->list[i]);
    imap_runs_done(&all->touched);
    free(all);
}

static int prepare(struct session *s, struct context *x) {
    struct search fresh;
    int err = search_prepare(s, &x->program, false, x->arena, &fresh);
    if (err == 0) {
        search_done(&x->search);
        x->search = fresh;
        x->keywords = s->view->keywords;
    } else {
        search_done(&fresh);
    }
    return err;
}

static int fill(struct cmd *c, struct context *x, struct str text, bool sort) {
    x->tag = str_dup(c->tag);
    x->uid = c->uid;
    x->arena = arena_new(CONTEXT_ARENA_MAX);
    if (x->tag == NULL || x->arena == NULL) return ERR_NOMEM;
    struct imap_args args = {.rest = arena_str(x->arena, text), .arena = x->arena, .utf8 = c->args->utf8};
    if (args.rest.ptr == NULL) return ERR_NOMEM;
    int err = sort ? imap_sort_parse(&args, &x->program) : imap_search_parse(&args, &x->program);
    struct str name;
    if (err == 0) err = filter_resolve(c->s, &x->program, x->arena, &name);
    return err != 0 ? err : prepare(c->s, x);
}

int context_add(struct cmd *c, struct str text, bool sort, const struct imap_runs *found, const uint32_t *order,
                size_t count) {
    struct view *v = c->s->view;
    if (v->contexts == NULL) v->contexts = calloc(1, sizeof *v->contexts);
    if (v->contexts == NULL) return ERR_NOMEM;
    struct contexts *all = v->contexts;
    if (all->count == CONTEXTS_MAX || (sort && count > CONTEXT_SORTED_MAX)) return ERR_LIMIT;
    struct context *x = calloc(1, sizeof *x);
    if (x == NULL) return ERR_NOMEM;
    int err = fill(c, x, text, sort);
    if (err == 0) err = imap_runs_copy(found, &x->found);
    if (err == 0 && sort) {
        x->order = malloc((count + 1) * sizeof *order);
        x->count = count;
        if (x->order == NULL)
            err = ERR_NOMEM;
        else
            memcpy(x->order, order, count * sizeof *order);
    }
    if (err == 0)
        all->list[all->count++] = x;
    else
        context_free(x);
    return err;
}

bool context_known(const struct session *s, struct str tag) {
    const struct contexts *all = s->view->contexts;
    for (size_t i = 0; all != NULL && i < all->count; i++)
        if (str_eq(str_from(all->list[i]->tag), tag)) return true;
    return false;
}

bool context_cancel(struct session *s, struct str tag) {
    struct contexts *all = s->view == NULL ? NULL : s->view->contexts;
    for (unsigned i = 0; all != NULL && i < all->count; i++) {
        if (!str_eq(str_from(all->list[i]->tag), tag)) continue;
        context_free(all->list[i]);
        all->list[i] = all->list[--all->count];
        return true;
    }
    return false;
}

void context_touch(struct session *s, uint32_t uid) {
    if (s->view->contexts != NULL && s->view->contexts->count > 0)
        (void)!imap_runs_add(&s->view->contexts->touched, uid, uid);
}

/* --- telling */
static void begin(struct buf *b, const struct context *x, const char *what) {
    buf_adds(b, "* ESEARCH (TAG ");
    imap_write_string(b, str_from(x->tag), false);
    buf_printf(b, ")%s %s (", x->uid ? " UID" : "", what);
}

static void end(struct session *s, struct buf *b) {
    buf_adds(b, ")\r\n");
    if (b->error == 0) session_put(s, buf_str(b));
}

static void write_number(struct session *s, const struct context *x, uint32_t uid, struct buf *b) {
    buf_addu(b, x->uid ? uid : imap_runs_position(&s->view->uids, uid));
}

/* Without an order the position is 0 (RFC 5267 section 4.3). */
static void tell_unsorted(struct session *s, const struct context *x, const char *what, const struct imap_runs *uids) {
    struct imap_runs numbers = {0};
    BUF_AUTO b = BUF_INIT(LINE_BYTES);
    int err = 0;
    size_t at = 0;
    for (uint32_t uid = 0; err == 0 && (uid = imap_runs_next(uids, &at, uid)) != 0;) {
        uint32_t n = x->uid ? uid : imap_runs_position(&s->view->uids, uid);
        if (n != 0) err = imap_runs_add(&numbers, n, n);
    }
    begin(&b, x, what);
    buf_adds(&b, "0 ");
    imap_runs_write(&numbers, &b);
    if (err == 0 && numbers.count > 0) end(s, &b);
    imap_runs_done(&numbers);
}

/* From the last to the first, so that each position is right when it is told. */
static void tell_removed(struct session *s, struct context *x, const struct imap_runs *uids) {
    BUF_AUTO b = BUF_INIT(LINE_BYTES);
    const char *separator = "";
    size_t to = 0;
    begin(&b, x, "REMOVEFROM");
    for (size_t i = x->count; i-- > 0;) {
        if (!imap_runs_has(uids, x->order[i])) continue;
        buf_printf(&b, "%s%zu ", separator, i + 1);
        write_number(s, x, x->order[i], &b);
        separator = " ";
    }
    end(s, &b);
    for (size_t i = 0; i < x->count; i++)
        if (!imap_runs_has(uids, x->order[i])) x->order[to++] = x->order[i];
    x->count = to;
}

static int tell_added(struct session *s, struct context *x, const struct imap_runs *uids) {
    BUF_AUTO b = BUF_INIT(LINE_BYTES);
    const char *separator = "";
    uint32_t *order;
    size_t count;
    const struct imap_runs none = {0};
    int err = sort_run(s, &x->program, &x->found, &none, &order, &count);
    if (err != 0) return err;
    free(x->order);
    x->order = order;
    x->count = count;
    begin(&b, x, "ADDTO");
    for (size_t i = 0; i < count; i++) {
        if (!imap_runs_has(uids, order[i])) continue;
        buf_printf(&b, "%s%zu ", separator, i + 1);
        write_number(s, x, order[i], &b);
        separator = " ";
    }
    end(s, &b);
    return 0;
}

static int remove_from(struct session *s, struct context *x, const struct imap_runs *uids) {
    if (uids->count == 0) return 0;
    if (x->program.sorts > 0)
        tell_removed(s, x, uids);
    else
        tell_unsorted(s, x, "REMOVEFROM", uids);
    return imap_runs_subtract(&x->found, uids);
}

static int add_to(struct session *s, struct context *x, const struct imap_runs *uids) {
    int err = 0;
    if (uids->count == 0) return 0;
    for (size_t i = 0; i < uids->count && err == 0; i++)
        err = imap_runs_add(&x->found, uids->run[i].first, uids->run[i].last);
    if (err != 0) return err;
    if (x->program.sorts > 0) return tell_added(s, x, uids);
    tell_unsorted(s, x, "ADDTO", uids);
    return 0;
}

/* --- changes */
static int look_again(struct session *s, struct context *x, const struct imap_runs *touched) {
    struct imap_runs match = {0}, was = {0}, joined = {0};
    uint64_t modseq = 0;
    int err = x->keywords == s->view->keywords ? 0 : prepare(s, x);
    if (err == ERR_INVALID) err = 0; /* sequence numbers that are no more: as they were meant at first */
    if (err == 0) err = search_run_among(&x->search, touched, &match, &modseq);
    if (err == 0) err = imap_runs_intersect(touched, &x->found, &was);
    if (err == 0) err = imap_runs_copy(&match, &joined);
    if (err == 0) err = imap_runs_subtract(&joined, &was);
    if (err == 0) err = imap_runs_subtract(&was, &match);
    if (err == 0) err = remove_from(s, x, &was);
    if (err == 0) err = add_to(s, x, &joined);
    imap_runs_done(&match);
    imap_runs_done(&was);
    imap_runs_done(&joined);
    return err;
}

static void give_up(struct session *s, struct contexts *all, unsigned i) {
    session_puts(s, "* NO [NOUPDATE ");
    BUF_AUTO b = BUF_INIT(LINE_BYTES);
    imap_write_string(&b, str_from(all->list[i]->tag), false);
    session_put(s, buf_str(&b));
    session_puts(s, "] The search is no longer kept up to date\r\n");
    context_free(all->list[i]);
    all->list[i] = all->list[--all->count];
}

void contexts_update(struct session *s) {
    struct contexts *all = s->view->contexts;
    if (all == NULL || all->touched.count == 0) return;
    struct imap_runs touched = all->touched, known = {0};
    all->touched = (struct imap_runs){0};
    int err = imap_runs_intersect(&touched, &s->view->uids, &known);
    for (unsigned i = all->count; i-- > 0;) {
        if (err == 0 && look_again(s, all->list[i], &known) == 0) continue;
        give_up(s, all, i);
    }
    imap_runs_done(&touched);
    imap_runs_done(&known);
}

void contexts_expunge(struct session *s, const struct imap_runs *gone) {
    struct contexts *all = s->view->contexts;
    for (unsigned i = all == NULL ? 0 : all->count; i-- > 0;) {
        struct imap_runs left = {0};
        int err = imap_runs_intersect(gone, &all->list[i]->found, &left);
        if (err == 0) err = remove_from(s, all->list[i], &left);
        if (err != 0) give_up(s, all, i);
        imap_runs_done(&left);
    }
}
