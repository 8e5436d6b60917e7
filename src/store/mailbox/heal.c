/* What of an account cannot be read when it is brought into memory is put right, so that one damaged record costs what
 * it held and not the account (REBLD-06): counters are counted anew, a folder whose name lost its record gets it back
 * from the key, rights that cannot be read give none. UIDVALIDITY is new wherever UIDNEXT or the old one is lost. */
#include "store/mailbox/private.h"

#include <stdlib.h>

void account_take_damaged(struct account *a, struct folder *f) {
    for (unsigned i = 0; i < f->keyword_count; i++) free(f->keywords[i]);
    f->keyword_count = 0;
    f->id = 0;
    f->special_use = "";
    f->no_select = false;
    a->damaged = true;
}

static struct folder *only_nameless(const struct account *a, size_t *count) {
    struct folder *found = NULL;
    *count = 0;
    for (size_t i = 0; i < a->folder_count; i++) {
        if (a->folders[i]->id != 0) continue;
        found = a->folders[i];
        ++*count;
    }
    return found;
}

/* The key has the name, counters that belong to no name have the number: if there is one of each, they belong together.
 * Otherwise nobody can say which is which: the folders are left out, and their messages stay where they are. */
static void heal_names(struct account *a) {
    size_t count;
    struct folder *f = only_nameless(a, &count);
    if (count == 1 && a->unnamed_count == 1) {
        f->id = a->unnamed;
        f->special_use = account_first_use(f->name);
        f->recount = true;
        return;
    }
    while (count > 0) {
        account_remove_folder(a, f);
        f = only_nameless(a, &count);
    }
}

int account_heal(struct account *a) {
    struct batch b;
    int rc = 0;
    batch_init(&b);
    heal_names(a);
    for (size_t i = 0; rc == 0 && i < a->folder_count; i++) {
        struct folder *f = a->folders[i];
        if (!f->recount) continue;
        f->uidvalidity = account_new_uidvalidity(a, &b);
        folder_put_name(f, &b);
        rc = folder_recount(f, &b);
        if (rc == ERR_CORRUPT) { /* its messages are damaged, too: a rebuild takes them out */
            folder_put_counters(f, &b);
            rc = 0;
        }
        f->recount = false;
    }
    account_recount(a);
    account_put_record(a, &b);
    if (rc == 0) {
        uint64_t seq = commit_submit(a->m->st->commits, &b, COMMIT_RELAXED, NULL, NULL);
        for (size_t i = 0; i < a->folder_count; i++) a->folders[i]->seq = seq;
        a->damaged = false;
    }
    batch_done(&b);
    if (rc == 0 && a->m->healed != NULL) a->m->healed(a->m->healed_arg, a->id);
    return rc;
}

void mailboxes_on_healed(struct mailboxes *m, void (*healed)(void *arg, uint64_t account), void *arg) {
    m->healed = healed;
    m->healed_arg = arg;
}
