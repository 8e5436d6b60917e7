#include "cli/import_imap.h"

#include "base/wildcard.h"
#include "cli/local_files.h"
#include "cli/progress.h"
#include "net/loop.h"

#include <stdlib.h>
#include <string.h>

enum { ATTEMPTS = 3, RETRY_MS = 1000 };

struct worker {
    struct import_run *x;
    struct remote remote;
    struct import_account *account; /* whose connection it is */
};

/* --- an account: login on both sides, its folders */
static int open_remote(struct worker *w, struct import_account *a, struct error *err) {
    const struct import_options *o = w->x->options;
    BUF_AUTO both = BUF_INIT(IMPORT_PASSWORD_MAX);
    const char *user = a->user, *as = "";
    if (w->account == a && !w->remote.failed && w->remote.fetch != NULL) return 0;
    remote_close(&w->remote);
    w->account = a;
    if (o->master != NULL && o->master_separator != NULL) {
        buf_printf(&both, "%s%s%s", a->user, o->master_separator, o->master);
        user = buf_cstr(&both);
    } else if (o->master != NULL) {
        user = o->master;
        as = a->user;
    }
    return remote_open(&o->server, user, as, a->password, &w->remote, err);
}

static bool matches(const char *const *list, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (wildcard_match(str_from(list[i]), str_from(name))) return true;
    return false;
}

static void push(struct import_run *x, struct import_folder *f) {
    f->next_waiting = NULL;
    if (x->last != NULL)
        x->last->next_waiting = f;
    else
        x->first = f;
    x->last = f;
}

static int add_folder(struct import_run *x, struct import_account *a, const Fetch__Folder *from, struct error *err) {
    const struct import_options *o = x->options;
    if (o->folder_count > 0 && !matches(o->folders, o->folder_count, from->name)) return 0;
    if (matches(o->excludes, o->exclude_count, from->name)) return 0;
    struct import_folder *f = arena_alloc(x->arena, sizeof *f);
    if (f == NULL) return error_set(err, ERR_NOMEM, "too many folders");
    f->account = a;
    f->raw = arena_str(x->arena, rpc_bytes(from->raw));
    f->name = o->subfolder == NULL ? arena_cstr(x->arena, str_from(from->name))
                                   : arena_printf(x->arena, "%s/%s", o->subfolder, from->name);
    f->special_use = o->subfolder == NULL ? arena_cstr(x->arena, str_from(from->special_use)) : "";
    f->messages = from->messages;
    f->subscribed = from->subscribed;
    if (f->raw.ptr == NULL || f->name == NULL || f->special_use == NULL)
        return error_set(err, ERR_NOMEM, "too many folders");
    if (from->no_select) return 0; /* made with those below it */
    if (a->last_folder != NULL)
        a->last_folder->next = f;
    else
        a->folders = f;
    a->last_folder = f;
    return 0;
}

static int list_folders(struct worker *w, struct import_account *a, struct error *err) {
    Fetch__Empty req = FETCH__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    int rc = remote_call(&w->remote, FETCH_FOLDERS, &req.base, &reply, err);
    if (rc != 0) return rc;
    const Fetch__Folders *l = (const Fetch__Folders *)reply.msg;
    a->skipped = l->skipped;
    for (size_t i = 0; rc == 0 && i < l->n_folders; i++) rc = add_folder(w->x, a, l->folders[i], err);
    return rc;
}

static void begin_account(struct worker *w, struct import_account *a) {
    struct import_run *x = w->x;
    x->listing++;
    int rc = mail_login(x->dir, x->store, a->address, &a->session, &a->err);
    if (rc == ERR_NOTFOUND) error_fill(&a->err, rc, "there is no such account here");
    if (rc == 0 && !x->options->dry_run) rc = folder_make(a->state_dir, 0700, &a->err);
    if (rc == 0) rc = open_remote(w, a, &a->err);
    if (rc == 0) rc = list_folders(w, a, &a->err);
    if (rc == 0 && !x->options->dry_run) rc = import_uses_give(x, a, &a->err);
    if (rc != 0 && a->err.code == 0) error_fill(&a->err, rc, "%s", err_name(rc));
    for (struct import_folder *f = a->err.code == 0 ? a->folders : NULL; f != NULL; f = f->next) {
        x->total += f->messages;
        push(x, f);
    }
    x->listing--;
    cond_broadcast(&x->changed);
}

/* --- folders */
static struct import_folder *take(struct import_run *x, const struct import_account *a) {
    struct import_folder **at = &x->first, *before = NULL;
    for (struct import_folder *f = x->first; f != NULL && f->account != a; f = f->next_waiting) {
        before = f;
        at = &f->next_waiting;
    }
    if (*at == NULL) { /* none of the account that we are logged in to */
        at = &x->first;
        before = NULL;
    }
    struct import_folder *f = *at;
    if (f == NULL) return NULL;
    *at = f->next_waiting;
    if (x->last == f) x->last = before;
    return f;
}

/* False: this connection cannot be had, others do its work. */
static bool do_folder(struct worker *w, struct import_folder *f) {
    f->err = (struct error){0};
    int rc = open_remote(w, f->account, &f->err);
    if (rc != 0 && w->x->workers > 1) {
        push(w->x, f);
        return false;
    }
    if (rc == 0) rc = import_folder_run(w->x, &w->remote, f, &f->err);
    if (rc == 0) f->err = (struct error){0}; /* what was missing was made */
    if (rc == 0) return true;
    if (f->err.code == 0) error_fill(&f->err, rc, "%s", err_name(rc));
    if (!w->remote.failed || ++f->attempts >= ATTEMPTS) return true;
    remote_close(&w->remote);
    if (fiber_sleep(RETRY_MS) == 0) push(w->x, f); /* on a new connection, from where it was */
    return true;
}

static void work(void *arg) {
    struct worker *w = arg;
    struct import_run *x = w->x;
    for (;;) {
        struct import_folder *f = take(x, w->account);
        if (f != NULL) {
            if (!do_folder(w, f)) break;
        } else if (x->next_account < x->account_count) {
            begin_account(w, &x->accounts[x->next_account++]);
        } else if (x->listing == 0) {
            break; /* who puts a folder back either goes on itself or is not the last */
        } else if (cond_wait(&x->changed, DEADLINE_NEVER) != 0) {
            break;
        }
    }
    remote_close(&w->remote);
    free(w);
    x->workers--;
    cond_broadcast(&x->changed);
}

void import_pool_run(struct import_run *x) {
    cond_init(&x->changed);
    x->begun_ms = loop_now_ms();
    for (unsigned i = 0; i < x->options->connections; i++) {
        struct worker *w = calloc(1, sizeof *w);
        IEMS_ASSERT(w != NULL);
        w->x = x;
        x->workers++;
        if (fiber_spawn("import", work, w, NULL) == 0) continue;
        x->workers--;
        free(w);
    }
    while (x->workers > 0 && cond_wait(&x->changed, DEADLINE_NEVER) == 0) continue;
    progress_end();
}
