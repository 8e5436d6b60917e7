#include "imapd/view.h"

#include "imapd/context.h"
#include "imapd/store_call.h"
#include "proto/imap/args.h"
#include "store/mailbox/record.h"
#include "store/mailbox/rights.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

static bool take_runs(struct imap_runs *out, struct str s) {
    if (s.len % (2 * sizeof(uint32_t)) != 0) return false;
    for (size_t i = 0; i < s.len; i += 2 * sizeof(uint32_t)) {
        uint32_t pair[2];
        memcpy(pair, s.ptr + i, sizeof pair);
        uint32_t first = le32toh(pair[0]), last = le32toh(pair[1]);
        if (first <= imap_runs_last(out) || imap_runs_add(out, first, last) != 0) return false;
    }
    return true;
}

struct view *view_new(const Store__FolderOpened *opened, struct str runs, bool read_only) {
    const Store__Folder *f = opened->folder;
    struct view *v = calloc(1, sizeof *v);
    if (v == NULL || f == NULL) {
        free(v);
        return NULL;
    }
    v->folder = f->id;
    v->name = strdup(f->name);
    v->rights = f->rights;
    v->read_only = read_only || (f->rights & RIGHTS_CHANGE) == 0; /* RFC 4314 section 4 */
    v->uidvalidity = f->uidvalidity;
    v->uidnext = f->uidnext;
    v->known = v->event = f->highestmodseq;
    (void)view_set_keywords(v, f->keywords, f->n_keywords);
    if (v->name == NULL || !take_runs(&v->uids, runs)) {
        view_free(v);
        return NULL;
    }
    return v;
}

void view_free(struct view *v) {
    if (v == NULL) return;
    imap_runs_done(&v->uids);
    imap_runs_done(&v->gone);
    imap_runs_done(&v->recent);
    imap_runs_done(&v->saved);
    contexts_free(v->contexts);
    free(v->keyword);
    free(v->name);
    free(v);
}

void view_release_memory(struct view *v) {
    if (v == NULL) return;
    free(v->uids.before);
    v->uids.before = NULL;
}

void view_note_change(struct view *v, uint64_t modseq) {
    if (modseq > v->event) v->event = modseq;
}

void view_set_name(struct view *v, const char *name) {
    if (strcmp(v->name, name) == 0) return;
    char *copy = strdup(name);
    if (copy == NULL) return;
    free(v->name);
    v->name = copy;
}

bool view_is_stale(const struct view *v) {
    return v->event > v->known;
}

void view_own_change(struct view *v, uint64_t modseq, bool told) {
    if (modseq <= v->known) return;
    if (modseq == v->known + 1) { /* nobody else was in between */
        v->known = modseq;
    } else if (told) {
        if (v->own_count == VIEW_OWN_MAX) {
            memmove(v->own, v->own + 1, sizeof v->own - sizeof *v->own);
            v->own_count--;
        }
        v->own[v->own_count++] = modseq;
    }
    view_note_change(v, modseq);
}

bool view_is_own(const struct view *v, uint64_t modseq) {
    for (unsigned i = 0; i < v->own_count; i++)
        if (v->own[i] == modseq) return true;
    return false;
}

bool view_set_keywords(struct view *v, char **names, size_t count) {
    bool same = count == v->keywords;
    size_t bytes = count * sizeof(struct str);
    for (size_t i = 0; i < count; i++) {
        same = same && str_eq(v->keyword[i], str_from(names[i]));
        bytes += strlen(names[i]);
    }
    if (same) return false;
    struct str *list = malloc(bytes);
    if (list == NULL) return false;
    char *text = (char *)(list + count);
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(names[i]);
        memcpy(text, names[i], len);
        list[i] = str_of(text, len);
        text += len;
    }
    free(v->keyword);
    v->keyword = list;
    v->keywords = count;
    return true;
}

bool view_lacks_keyword(const struct view *v, uint64_t flags) {
    return flags >> MAILBOX_KEYWORD_SHIFT >> v->keywords != 0;
}

void view_take_recent(struct view *v, const Store__Folder *f) {
    uint32_t from = imap_runs_last(&v->recent) + 1;
    if (f->first_recent > from) from = f->first_recent;
    if (f->recent > 0 && from < f->uidnext) (void)!imap_runs_add(&v->recent, from, f->uidnext - 1);
}

uint32_t view_recent(const struct view *v) {
    struct imap_runs known = {0};
    if (v->recent.count == 0 || imap_runs_intersect(&v->recent, &v->uids, &known) != 0) return 0;
    uint32_t total = imap_runs_total(&known);
    imap_runs_done(&known);
    return total;
}

uint64_t view_flags(const struct view *v, uint32_t uid, uint64_t flags) {
    return v->recent.count > 0 && imap_runs_has(&v->recent, uid) ? flags | IMAP_RECENT : flags;
}

static int resolve_positions(struct view *v, const struct imap_runs *positions, struct imap_runs *out) {
    uint32_t total = imap_runs_total(&v->uids);
    if (positions->count == 0 || imap_runs_last(positions) > total) return ERR_INVALID;
    for (size_t i = 0; i < positions->count; i++) {
        int err = imap_runs_slice(&v->uids, positions->run[i].first, positions->run[i].last, out);
        if (err != 0) return err;
    }
    return 0;
}

static bool has_star(const struct imap_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        if (set->range[i].first == 0 || set->range[i].last == 0) return true;
    }
    return false;
}

int view_resolve_some(struct view *v, const struct imap_set *set, struct imap_runs *out) {
    if (set->saved) return imap_runs_intersect(&v->saved, &v->uids, out);
    struct imap_runs numbers = {0};
    uint32_t total = imap_runs_total(&v->uids);
    int err = imap_set_resolve(set, total, &numbers);
    for (size_t i = 0; i < numbers.count && err == 0 && numbers.run[i].first <= total; i++)
        err = imap_runs_slice(&v->uids, numbers.run[i].first, numbers.run[i].last, out);
    imap_runs_done(&numbers);
    return err;
}

int view_resolve(struct view *v, const struct imap_set *set, bool uid, struct imap_runs *out) {
    if (set->saved) return imap_runs_intersect(&v->saved, &v->uids, out);
    /* "1:*" in an empty mailbox: no message has the number "*", but clients mean "all there are" and expect OK. */
    if (!uid && imap_runs_total(&v->uids) == 0 && has_star(set)) return 0;
    struct imap_runs numbers = {0};
    uint32_t star = uid ? imap_runs_last(&v->uids) : imap_runs_total(&v->uids);
    int err = imap_set_resolve(set, star, &numbers);
    if (err == 0) err = uid ? imap_runs_intersect(&numbers, &v->uids, out) : resolve_positions(v, &numbers, out);
    imap_runs_done(&numbers);
    return err;
}

void session_enable_condstore(struct session *s) {
    if (s->condstore) return;
    s->condstore = true;
    if (s->view != NULL) session_printf(s, "* OK [HIGHESTMODSEQ %llu] Highest\r\n", (unsigned long long)s->view->known);
}

void session_drop_view(struct session *s) {
    if (s->view == NULL) return;
    view_free(s->view);
    s->view = NULL;
    s->imapd->selected_count--;
    if (s->state == STATE_SELECTED) s->state = STATE_AUTHENTICATED;
}

void session_unwatch(struct session *s, uint64_t folder) {
    Store__FolderClose req = STORE__FOLDER_CLOSE__INIT;
    req.folder = folder;
    (void)!session_call(s, STORE_FOLDER_CLOSE, &req, STR_EMPTY, NULL, NULL);
}

void session_deselect(struct session *s) {
    if (s->view == NULL) return;
    uint64_t folder = s->view->folder;
    session_drop_view(s);
    session_unwatch(s, folder);
}
