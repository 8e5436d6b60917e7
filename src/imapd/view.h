/* The client's view of the selected mailbox: which message has which sequence number. It changes only where the
 * protocol lets the client be told (RFC 9051 section 5.2, 7.5.1), and is kept as runs of UIDs. */
#ifndef IEMS_IMAPD_VIEW_H
#define IEMS_IMAPD_VIEW_H

#include "imapd/session.h"
#include "proto/imap/set.h"
#include "rpc/store_methods.h"

enum { VIEW_OWN_MAX = 8 };

struct view {
    uint64_t folder;
    char *name; /* UTF-8 */
    bool read_only;
    uint32_t rights; /* when it was opened */
    uint32_t uidvalidity, uidnext;
    struct imap_runs uids;      /* what the client knows, in the order of its sequence numbers */
    struct imap_runs gone;      /* of these: expunged, but the client was not told yet */
    struct imap_runs recent;    /* UIDs of which this session is the first that is told (RFC 3501 section 2.3.2) */
    uint32_t recent_told;       /* "* n RECENT" */
    struct imap_runs saved;     /* "$" of the last SEARCH that saved */
    uint64_t known;             /* changes up to this MODSEQ were told, but for `gone` */
    uint64_t held;              /* with `gone`: up to this one all were told */
    bool lowered;               /* and the client was told so (RFC 7162 section 5) */
    uint64_t event;             /* changes up to this one have happened */
    uint64_t own[VIEW_OWN_MAX]; /* MODSEQs above `known` of the client's own changes, which it knows */
    unsigned own_count;
    struct contexts *contexts; /* searches kept up to date, or NULL */
    struct str *keyword;       /* names of the folder's keywords; index 0 is bit 8 */
    size_t keywords;
};

/* From the answer to FOLDER_OPEN. NULL: out of memory or damaged. */
struct view *view_new(const Store__FolderOpened *opened, struct str runs, bool read_only);
void view_free(struct view *v);           /* NULL is fine */
void view_release_memory(struct view *v); /* what can be made again; NULL is fine */
void view_note_change(struct view *v, uint64_t modseq);
/* The mailbox was renamed, perhaps. */
void view_set_name(struct view *v, const char *name);
bool view_is_stale(const struct view *v); /* something has happened that was not looked at */
/* The client made a change by itself. `told`: it has seen the outcome, so that it need not be told again; else only if
 * nobody else made a change since the client was last told. */
void view_own_change(struct view *v, uint64_t modseq, bool told);
bool view_is_own(const struct view *v, uint64_t modseq);
/* Takes over a list of keyword names if it has changed. True: changed. */
bool view_set_keywords(struct view *v, char **names, size_t count);
/* Whether there are flags among these whose names are not known: another session has just made a keyword. */
bool view_lacks_keyword(const struct view *v, uint64_t flags);
/* Takes over which messages are recent, as the store tells. Not for IMAP4rev2, which does not know them. */
void view_take_recent(struct view *v, const Store__Folder *f);
uint32_t view_recent(const struct view *v);                              /* so many of those that the client knows */
uint64_t view_flags(const struct view *v, uint32_t uid, uint64_t flags); /* with IMAP_RECENT */
/* The messages of a set that the client gave, as UIDs. ERR_INVALID: a sequence number that is not in use. Numbers of
 * UIDs that are not there are left out. */
NODISCARD int view_resolve(struct view *v, const struct imap_set *set, bool uid, struct imap_runs *out);

/* Message numbers of a search: those that are not in use find nothing. */
NODISCARD int view_resolve_some(struct view *v, const struct imap_set *set, struct imap_runs *out);

/* Deselects: forgets the view, and at the store the watch on the folder. */
void session_deselect(struct session *s);
/* The watch only. */
void session_unwatch(struct session *s, uint64_t folder);
/* Forgets the view only. */
void session_drop_view(struct session *s);

#endif
