/* ESEARCH: a search in several mailboxes (RFC 7377). Each is opened for the time of its search, beside the selected
 * one. */
#include "imapd/command.h"
#include "imapd/esearch.h"
#include "imapd/filter.h"
#include "imapd/search.h"
#include "imapd/sources.h"
#include "imapd/store_call.h"
#include "imapd/sync.h"

struct multi {
    struct cmd *c;
    struct imap_search program;
    struct sources sources;
};

/* [SP "IN" SP "(" source *(SP source) ")"] */
static bool take_sources(struct imap_args *a, struct multi *x) {
    struct imap_args b = *a;
    if (!imap_args_space(&b) || !imap_args_word(&b, "IN")) {
        x->sources.meant.selected = true;
        return true;
    }
    if (!imap_args_space(&b) || !imap_args_sources(&b, &x->sources.meant) || x->sources.meant.delayed) return false;
    *a = b;
    return true;
}

/* In the mailbox of the session's view, whose message numbers the keys mean (RFC 7377 section 2). Mailboxes without a
 * match are not told. */
static int search_one(struct multi *x, struct arena *arena) {
    struct session *s = x->c->s;
    struct search prepared;
    struct imap_runs found = {0};
    const struct imap_runs none = {0};
    uint64_t modseq = 0;
    int err = search_prepare(s, &x->program, false, arena, &prepared);
    if (err == 0) err = search_run(&prepared, &found, &modseq);
    search_done(&prepared);
    if (err == 0 && found.count > 0) {
        struct found f = {.runs = &found, .count = imap_runs_total(&found)};
        esearch_tell_mailbox(x->c, &x->program, &f, x->program.uses_modseq ? modseq : 0, &none);
    }
    imap_runs_done(&found);
    return err;
}

static int open_view(struct session *s, const char *name, struct view **out) {
    Store__FolderOpen req = STORE__FOLDER_OPEN__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.name = (char *)(uintptr_t)name;
    int err = session_call(s, STORE_FOLDER_OPEN, &req, STR_EMPTY, &reply, NULL);
    if (err != 0) return err;
    *out = view_new((const Store__FolderOpened *)reply.msg, reply.attach, true);
    return *out == NULL ? ERR_NOMEM : 0;
}

/* The session looks at the mailbox for a while. What happens to the selected one meanwhile is asked for afterwards. */
static int search_other(struct multi *x, const char *name) {
    struct session *s = x->c->s;
    struct view *selected = s->view, *other;
    ARENA_AUTO arena = arena_new(SESSION_ARENA_MAX);
    int err = arena == NULL ? ERR_NOMEM : open_view(s, name, &other);
    if (err == ERR_NOTFOUND || err == ERR_DENIED) return 0; /* RFC 7377 section 2.2: passed over */
    if (err != 0) return err;
    uint64_t generation = s->store_generation;
    s->view = other;
    err = search_one(x, arena);
    s->view = selected;
    view_free(other);
    if (s->store_generation != generation) s->store_generation = 0; /* opened again with the other: once more */
    return err == ERR_NOTFOUND ? 0 : err;
}

static int search_all(struct multi *x) {
    struct session *s = x->c->s;
    struct arena *arena = x->c->args->arena;
    const char *selected = s->view == NULL ? NULL : s->view->name;
    int err = sources_resolve(s, &x->sources, arena);
    if (err == 0 && x->sources.meant.selected) err = search_one(x, arena);
    for (size_t i = 0; i < x->sources.count && err == 0; i++) {
        bool is_selected = selected != NULL && str_eq(str_from(selected), x->sources.name[i]);
        if (is_selected && x->sources.meant.selected) continue;
        const char *name = arena_cstr(arena, x->sources.name[i]);
        err = name == NULL ? ERR_NOMEM : search_other(x, name);
    }
    if (s->view != NULL && !s->closing) (void)sync_view(s, SYNC_ASK);
    return err;
}

int cmd_esearch(struct cmd *c) {
    struct multi x = {.c = c};
    struct str name = STR_EMPTY;
    if (!take_sources(c->args, &x) || imap_search_parse(c->args, &x.program) != 0 || !imap_args_end(c->args))
        return cmd_bad_args(c);
    if (x.sources.meant.selected && c->s->view == NULL) return cmd_bad(c, "No mailbox is selected");
    bool alone = x.sources.meant.selected && x.sources.meant.count == 0,
         update = x.program.returns & IMAP_RETURN_UPDATE;
    if ((x.program.returns & IMAP_RETURN_RELEVANCY) != 0) return cmd_bad(c, "ESEARCH tells no RELEVANCY");
    if (!alone && (x.program.returns & IMAP_RETURN_SAVE) != 0)
        return cmd_bad(c, "SAVE is about the selected mailbox alone");
    if (update && c->s->view == NULL) return cmd_bad(c, "UPDATE is about the selected mailbox, and there is none");
    int err = filter_resolve(c->s, &x.program, c->args->arena, &name);
    if (err == ERR_NOTFOUND) return cmd_no(c, "UNDEFINED-FILTER", "There is no such filter");
    if (err == 0 && alone) return search_in_selected(c, &x.program);
    if (err == 0) err = search_all(&x);
    if (err == 0 && update) search_no_update(c, "ESEARCH is not kept up to date");
    return search_answer(c, err);
}
