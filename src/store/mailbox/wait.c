/* Waiting for records that a transfer has promised and not written, or has not read yet. */
#include "store/mailbox/private.h"

static bool records_missing(const struct folder *f, uint32_t last) {
    return f->unwritten != 0 && f->unwritten <= last;
}

static int wait(struct folder *f) {
    return f->account->m->ended ? ERR_CANCELLED : cond_wait(&f->written, DEADLINE_NEVER);
}

int folder_wait_records(struct folder *f, uint32_t last) {
    int rc = 0;
    if (f->unwritten != 0 && last >= f->uidnext) last = f->uidnext - 1; /* what comes later is not waited for */
    while (rc == 0 && records_missing(f, last)) rc = wait(f);
    return rc != 0 ? rc : store_wait_applied(f->account->m->st, f->seq);
}

int folder_wait_sources(struct folder *f) {
    int rc = 0;
    while (rc == 0 && f->sources > 0) rc = wait(f);
    return rc;
}

int folder_wait_transfers(struct folder *f) {
    int rc = 0;
    while (rc == 0 && folder_in_transfer(f)) rc = wait(f);
    return rc;
}

static void wake_all(struct account *a) {
    for (size_t i = 0; i < a->folder_count; i++) cond_broadcast(&a->folders[i]->written);
}

void mailboxes_end(struct mailboxes *m) {
    struct str key;
    void *a;
    m->ended = true;
    for (size_t pos = 0; map_next(m->accounts, &pos, &key, &a);) wake_all(a);
}
