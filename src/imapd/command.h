/* The table of commands: name, states in which they are allowed, handler. The only dispatch. */
#ifndef IEMS_IMAPD_COMMAND_H
#define IEMS_IMAPD_COMMAND_H

#include "imapd/session.h"
#include "proto/imap/args.h"

enum {
    COMMAND_UID = 1, /* exists as UID X too */
    COMMAND_NO_EXPUNGE =
        4, /* no untagged EXPUNGE may be sent at its end unless it came as UID X (RFC 9051 section 7.5.1) */
    COMMAND_NUMBERS = 16, /* without UID it takes or gives message numbers */
    COMMAND_NO_SYNC = 8,  /* no news of the mailbox at its end */
    COMMAND_FINDS = 32,   /* what others have expunged is not found, though it still has a number */
};

struct command {
    const char *name;
    unsigned states;
    unsigned flags;
    int (*run)(struct cmd *c);
    const char *usage; /* its arguments, for who got them wrong; "" = none */
};

extern const struct command command_table[];
extern const size_t command_count;
/* NULL: there is none of this name. */
const struct command *command_find(struct str name);

/* Runs a gathered command; writes the tagged reply. */
void command_dispatch(struct session *s, struct str text);
/* Runs an APPEND whose message literal comes next. */
void command_append(struct session *s);

/* Handlers: take the arguments behind the name apart, act, write the tagged reply. */
int cmd_append(struct cmd *c);
int cmd_authenticate(struct cmd *c);
int cmd_cancelupdate(struct cmd *c);
int cmd_capability(struct cmd *c);
int cmd_check(struct cmd *c);
int cmd_close(struct cmd *c);
int cmd_compress(struct cmd *c);
int cmd_copy(struct cmd *c);
int cmd_create(struct cmd *c);
int cmd_delete(struct cmd *c);
int cmd_deleteacl(struct cmd *c);
int cmd_enable(struct cmd *c);
int cmd_esearch(struct cmd *c);
int cmd_examine(struct cmd *c);
int cmd_expunge(struct cmd *c);
int cmd_fetch(struct cmd *c);
int cmd_getmetadata(struct cmd *c);
int cmd_getacl(struct cmd *c);
int cmd_getquota(struct cmd *c);
int cmd_getquotaroot(struct cmd *c);
int cmd_setquota(struct cmd *c);
int cmd_id(struct cmd *c);
int cmd_idle(struct cmd *c);
int cmd_language(struct cmd *c);
int cmd_listrights(struct cmd *c);
int cmd_list(struct cmd *c);
int cmd_login(struct cmd *c);
int cmd_logout(struct cmd *c);
int cmd_lsub(struct cmd *c);
int cmd_myrights(struct cmd *c);
int cmd_move(struct cmd *c);
int cmd_namespace(struct cmd *c);
int cmd_noop(struct cmd *c);
int cmd_notify(struct cmd *c);
int cmd_replace(struct cmd *c);
int cmd_rename(struct cmd *c);
int cmd_search(struct cmd *c);
int cmd_setacl(struct cmd *c);
int cmd_select(struct cmd *c);
int cmd_setmetadata(struct cmd *c);
int cmd_sort(struct cmd *c);
int cmd_starttls(struct cmd *c);
int cmd_status(struct cmd *c);
int cmd_store(struct cmd *c);
int cmd_subscribe(struct cmd *c);
int cmd_thread(struct cmd *c);
int cmd_genurlauth(struct cmd *c);
int cmd_resetkey(struct cmd *c);
int cmd_urlfetch(struct cmd *c);
int cmd_uidbatches(struct cmd *c);
int cmd_unauthenticate(struct cmd *c);
int cmd_unselect(struct cmd *c);
int cmd_unsubscribe(struct cmd *c);

#endif
