#include "proto/imap/notify_parse.h"

const char imap_notify_events[] = "MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange "
                                  "MailboxMetadataChange ServerMetadataChange";

/* --- mailboxes */
static bool add_source(struct imap_sources *x, enum imap_source_kind kind, struct str name) {
    if (x->count == IMAP_SOURCES_MAX) return false;
    x->source[x->count++] = (struct imap_source){kind, name};
    return true;
}

/* SP one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")" */
static bool take_names(struct imap_args *a, struct imap_sources *x, enum imap_source_kind kind) {
    struct str name;
    if (!imap_args_space(a)) return false;
    if (!imap_args_char(a, '(')) return imap_args_mailbox(a, &name) && add_source(x, kind, name);
    do {
        if (!imap_args_mailbox(a, &name) || !add_source(x, kind, name)) return false;
    } while (imap_args_space(a));
    return imap_args_char(a, ')');
}

static bool take_source(struct imap_args *a, struct imap_sources *x) {
    bool delayed = imap_args_word(a, "selected-delayed");
    if (delayed || imap_args_word(a, "selected")) {
        x->selected = true;
        x->delayed = delayed;
        return true;
    }
    if (imap_args_word(a, "inboxes")) return add_source(x, IMAP_SOURCE_INBOXES, STR_EMPTY);
    if (imap_args_word(a, "personal")) return add_source(x, IMAP_SOURCE_PERSONAL, STR_EMPTY);
    if (imap_args_word(a, "subscribed")) return add_source(x, IMAP_SOURCE_SUBSCRIBED, STR_EMPTY);
    if (imap_args_word(a, "subtree-one")) return take_names(a, x, IMAP_SOURCE_SUBTREE_ONE);
    if (imap_args_word(a, "subtree")) return take_names(a, x, IMAP_SOURCE_SUBTREE);
    return imap_args_word(a, "mailboxes") && take_names(a, x, IMAP_SOURCE_MAILBOX);
}

bool imap_args_sources(struct imap_args *a, struct imap_sources *out) {
    struct imap_args b = *a;
    struct imap_sources x = {.selected = false};
    if (!imap_args_char(&b, '(')) return false;
    do {
        if (!take_source(&b, &x)) return false;
    } while (imap_args_space(&b));
    if (!imap_args_char(&b, ')')) return false;
    *a = b;
    *out = x;
    return true;
}

bool imap_mailbox_is_other(struct str name) {
    return str_starts(name, STR("Other Users/")) || str_starts(name, STR("Shared/"));
}

static bool is_meant(const struct imap_source *src, struct str name, bool subscribed) {
    switch (src->kind) {
    case IMAP_SOURCE_INBOXES: return str_eq(name, STR("INBOX"));
    case IMAP_SOURCE_PERSONAL: return !imap_mailbox_is_other(name);
    case IMAP_SOURCE_SUBSCRIBED: return subscribed;
    default: break;
    }
    if (str_eq(name, src->name)) return true;
    if (src->kind == IMAP_SOURCE_MAILBOX || !str_starts(name, src->name)) return false;
    struct str below = str_sub(name, src->name.len, SIZE_MAX);
    bool one = str_find(str_sub(below, 1, SIZE_MAX), '/') == STR_NPOS;
    return below.ptr[0] == '/' && (src->kind == IMAP_SOURCE_SUBTREE || one);
}

bool imap_sources_match(const struct imap_sources *x, struct str name, bool subscribed) {
    for (size_t i = 0; i < x->count; i++)
        if (is_meant(&x->source[i], name, subscribed)) return true;
    return false;
}

/* --- events */
static const struct {
    const char *name;
    unsigned bit;
} events[] = {
    {"MessageNew", IMAP_NOTIFY_MESSAGE_NEW},
    {"MessageExpunge", IMAP_NOTIFY_MESSAGE_EXPUNGE},
    {"FlagChange", IMAP_NOTIFY_FLAG_CHANGE},
    {"MailboxName", IMAP_NOTIFY_MAILBOX_NAME},
    {"SubscriptionChange", IMAP_NOTIFY_SUBSCRIPTION},
    {"MailboxMetadataChange", IMAP_NOTIFY_MAILBOX_METADATA},
    {"ServerMetadataChange", IMAP_NOTIFY_SERVER_METADATA},
};

/* SP "(" fetch-att *(SP fetch-att) ")" behind MessageNew: only of the selected mailbox. */
static int take_fetch(struct imap_args *a, struct imap_notify *n, bool selected) {
    struct imap_args b = *a;
    if (!imap_args_space(&b) || !imap_args_peek_char(&b, '(')) return 0;
    if (!selected) return ERR_INVALID;
    *a = b;
    n->has_fetch = true;
    int err = imap_fetch_parse(a, &n->fetch);
    n->fetch.sets_seen = false;
    return err;
}

static int take_event(struct imap_args *a, struct imap_notify *n, struct imap_notify_group *g, bool *unknown) {
    struct str other;
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        if (!imap_args_word(a, events[i].name)) continue;
        g->events |= events[i].bit;
        return events[i].bit == IMAP_NOTIFY_MESSAGE_NEW ? take_fetch(a, n, g->sources.selected) : 0;
    }
    *unknown = true;
    return imap_args_atom(a, &other) ? 0 : ERR_INVALID;
}

/* RFC 5465 section 5: MessageNew and MessageExpunge come together; FlagChange only with them. Only message events have
 * to do with the selected mailbox. */
static bool is_consistent(const struct imap_notify_group *g) {
    unsigned pair = g->events & (IMAP_NOTIFY_MESSAGE_NEW | IMAP_NOTIFY_MESSAGE_EXPUNGE);
    bool both = pair == (IMAP_NOTIFY_MESSAGE_NEW | IMAP_NOTIFY_MESSAGE_EXPUNGE);
    if (!both && (pair != 0 || (g->events & IMAP_NOTIFY_FLAG_CHANGE) != 0)) return false;
    return !g->sources.selected || (g->events & ~(unsigned)IMAP_NOTIFY_MESSAGES) == 0;
}

/* events = ("(" event *(SP event) ")") / "NONE" */
static int take_events(struct imap_args *a, struct imap_notify *n, struct imap_notify_group *g, bool *unknown) {
    bool strange = false;
    if (imap_args_word(a, "NONE")) return 0;
    if (!imap_args_char(a, '(')) return ERR_INVALID;
    do {
        int err = take_event(a, n, g, &strange);
        if (err != 0) return err;
    } while (imap_args_space(a));
    *unknown = *unknown || strange;
    return imap_args_char(a, ')') && (strange || is_consistent(g)) ? 0 : ERR_INVALID;
}

/* event-group = "(" filter-mailboxes SP events ")" */
static int take_group(struct imap_args *a, struct imap_notify *n, bool *unknown) {
    if (n->groups == IMAP_NOTIFY_GROUPS_MAX) return ERR_LIMIT;
    struct imap_notify_group *g = &n->group[n->groups++];
    if (!imap_args_char(a, '(') || !take_source(a, &g->sources) || !imap_args_space(a)) return ERR_INVALID;
    int err = take_events(a, n, g, unknown);
    if (err != 0) return err;
    bool again = false;
    for (size_t i = 0; i + 1 < n->groups; i++) again = again || (n->group[i].sources.selected && g->sources.selected);
    return imap_args_char(a, ')') && !again ? 0 : ERR_INVALID;
}

int imap_notify_parse(struct imap_args *a, struct imap_notify *out) {
    struct imap_notify n = {.none = false};
    bool unknown = false;
    if (!imap_args_space(a)) return ERR_INVALID;
    n.none = imap_args_word(a, "NONE");
    if (!n.none) {
        if (!imap_args_word(a, "SET") || !imap_args_space(a)) return ERR_INVALID;
        n.status = imap_args_word(a, "STATUS");
        if (n.status && !imap_args_space(a)) return ERR_INVALID;
        n.group = arena_alloc(a->arena, IMAP_NOTIFY_GROUPS_MAX * sizeof *n.group);
        if (n.group == NULL) return ERR_NOMEM;
        do {
            int err = take_group(a, &n, &unknown);
            if (err != 0) return err;
        } while (imap_args_space(a));
    }
    if (!imap_args_end(a)) return ERR_INVALID;
    if (unknown) return ERR_UNSUPPORTED;
    *out = n;
    return 0;
}
