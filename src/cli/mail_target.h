/* A folder into which messages are put that may be there already: what stands in it when it is opened is compared by
 * date, size and then by every byte, so that a repeated import or restore adds nothing twice. Messages that the source
 * itself has twice stay two. New ones go in batches, each one durable commit. */
#ifndef IEMS_CLI_MAIL_TARGET_H
#define IEMS_CLI_MAIL_TARGET_H

#include "cli/mail.h"

enum { MAIL_KEYWORDS_MAX = MAILBOX_KEYWORDS_MAX };

struct mail_item {
    uint64_t flags; /* system flags */
    char *keywords[MAIL_KEYWORDS_MAX];
    size_t keyword_count;
    int64_t date; /* 0 = now */
    struct str body;
    struct str summary; /* of the body, if it is known already (proto/mime/summary.h) */
    uint32_t uid;       /* wished for; 0 = any */
    uint64_t key;       /* what `done` is told once it is in */
};

struct mail_counts {
    uint64_t added, present, kept_uid, bytes;
};

struct mail_target;

struct mail_target_config {
    const struct mail_session *session;
    const char *name, *special_use;
    bool dry_run, subscribe;
    bool adopt; /* a folder that is there but never had a message counts as new: it is subscribed or not as asked for */
    uint32_t keep_uidvalidity; /* of the UIDs that are wished for; 0 = none are */
    bool keep_new;             /* UIDs are wished for behind those that the folder has had, whatever its UIDVALIDITY */
    /* Told for each, in the order of `put`, once it is durable under a UID. May be NULL. */
    void (*done)(void *arg, const struct mail_item *item, uint32_t uid);
    void *arg;
    struct mail_counts *counts;
};

/* Makes the folder when it is missing (unless dry_run). */
NODISCARD int mail_target_open(const struct mail_target_config *cfg, struct mail_target **out, struct error *err);
NODISCARD int mail_target_put(struct mail_target *t, const struct mail_item *item, struct error *err);
/* Writes what waits. */
NODISCARD int mail_target_flush(struct mail_target *t, struct error *err);
void mail_target_free(struct mail_target *t);
uint32_t mail_target_uidvalidity(const struct mail_target *t); /* 0: the folder is not there (dry_run) */
uint64_t mail_target_folder(const struct mail_target *t);

#endif
