/* What other programs keep beside the messages of a Maildir: keywords (Dovecot's dovecot-keywords, which names the
 * letters a to z of file names; Courier's courierimapkeywords, which names files) and which folders are subscribed
 * (Dovecot's subscriptions, Courier's courierimapsubscribed). What cannot be read is as if it were not there. */
#ifndef IEMS_CLI_MAILDIR_NOTES_H
#define IEMS_CLI_MAILDIR_NOTES_H

#include "base/map.h"
#include "cli/mail_target.h"

enum { MAILDIR_LETTERS = 26, MAILDIR_NOTES_MAX = 16 * 1024 * 1024 };

#define MAILDIR_KEYWORDS      "dovecot-keywords"
#define MAILDIR_SUBSCRIPTIONS "subscriptions"

struct maildir_keywords {
    char *letters[MAILDIR_LETTERS];
    struct map *files; /* name without flags -> words, each ended by NUL, and an empty one */
    struct buf text;
};

void maildir_keywords_read(const char *dir, struct maildir_keywords *k);
void maildir_keywords_done(struct maildir_keywords *k);
/* Those of a file in cur or new; they live as long as `k`. */
void maildir_keywords_take(const struct maildir_keywords *k, const char *file, struct mail_item *item);

struct maildir_subscriptions {
    bool known;
    struct map *names; /* ".a.b", as folders are named */
};

void maildir_subscriptions_read(const char *dir, struct maildir_subscriptions *s);
void maildir_subscriptions_done(struct maildir_subscriptions *s);
/* Without any file all are. */
bool maildir_subscribed(const struct maildir_subscriptions *s, const char *folder_file);

#endif
