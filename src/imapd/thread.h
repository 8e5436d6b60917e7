/* Threads of messages: ORDEREDSUBJECT and REFERENCES (RFC 5256), REFS (draft-ietf-morg-inthread: as REFERENCES, without
 * joining by subject, the thread with the newest message last). Knows nothing of sessions; nothing here recurses. */
#ifndef IEMS_IMAPD_THREAD_H
#define IEMS_IMAPD_THREAD_H

#include "base/buf.h"
#include "proto/imap/search_parse.h"

enum { THREAD_NODES_MAX = 8 * 1024 * 1024, THREAD_TEXT_MAX = 512 * 1024 * 1024 };

struct threads;

struct thread_message {
    uint32_t number;       /* what the client calls it; ascending */
    int64_t sent, arrived; /* seconds */
    struct str subject;    /* base subject, folded for comparison */
    bool is_reply;         /* something was removed from the subject */
    struct str message_id; /* empty: none */
    struct str references; /* as the field stands */
    struct str in_reply_to;
};

struct threads *threads_new(enum imap_thread algorithm);
void threads_free(struct threads *t); /* NULL is fine */
/* Copies what it keeps. ERR_NOMEM, ERR_LIMIT. */
NODISCARD int threads_add(struct threads *t, const struct thread_message *m);
/* Builds the threads and gives them, "(2)(3 6 (4 23)(44 7 96))", in pieces. */
NODISCARD int threads_write(struct threads *t, void (*put)(void *arg, struct str piece), void *arg,
                            void (*pause)(void));

/* The next msg-id of a field, "<a@b>" without blanks and comments left as they are; false at the end. */
bool thread_next_id(struct str *rest, struct str *id);

#endif
