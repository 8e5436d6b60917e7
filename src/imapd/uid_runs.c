#include "imapd/uid_runs.h"

int uid_runs_make(const struct imap_runs *r, size_t from, size_t max, struct arena *arena, struct uid_runs *out) {
    size_t n = r->count - from < max ? r->count - from : max;
    Store__UidRun **list = arena_alloc(arena, n * sizeof *list);
    Store__UidRun *run = arena_alloc(arena, n * sizeof *run);
    if (list == NULL || run == NULL) return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        store__uid_run__init(&run[i]);
        run[i].first = r->run[from + i].first;
        run[i].last = r->run[from + i].last;
        list[i] = &run[i];
    }
    *out = (struct uid_runs){list, n};
    return 0;
}

int uid_runs_read(Store__UidRun *const *run, size_t count, struct imap_runs *out) {
    for (size_t i = 0; i < count; i++) {
        int err = imap_runs_add(out, run[i]->first, run[i]->last);
        if (err != 0) return err;
    }
    return 0;
}
