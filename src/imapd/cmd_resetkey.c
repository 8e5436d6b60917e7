/* RESETKEY (RFC 4467 section 7): the tokens of a mailbox, or of all of them, are void from now on. */
#include "imapd/command.h"
#include "imapd/sources.h"
#include "imapd/urlauth.h"

static int reset_all(struct session *s, struct error *err) {
    struct sources *all = arena_alloc(session_arena(s), sizeof *all);
    if (all == NULL) return ERR_NOMEM;
    *all = (struct sources){.meant = {.source = {{.kind = IMAP_SOURCE_PERSONAL}}, .count = 1}};
    int rc = sources_resolve(s, all, session_arena(s));
    for (size_t i = 0; i < all->count && rc == 0; i++) rc = urlauth_reset(s, all->name[i], err);
    return rc;
}

int cmd_resetkey(struct cmd *c) {
    struct imap_args *a = c->args;
    struct str mailbox = STR_EMPTY, mechanism;
    struct error err = {0};
    bool one = imap_args_space(a);
    if (one && !imap_args_mailbox(a, &mailbox)) return cmd_bad_args(c);
    while (one && imap_args_space(a))
        if (!imap_args_atom(a, &mechanism)) return cmd_bad_args(c);
    if (!imap_args_end(a)) return cmd_bad_args(c);
    int rc = one ? urlauth_reset(c->s, mailbox, &err) : reset_all(c->s, &err);
    if (rc != 0) return cmd_fail(c, rc, &err);
    return cmd_ok(c, one ? "URLMECH INTERNAL" : NULL, "RESETKEY completed");
}
