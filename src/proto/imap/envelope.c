#include "proto/imap/envelope.h"

/* address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")" */
static bool take_address(struct imap_args *a, struct imap_address *out) {
    struct str adl;
    bool nil;
    return imap_args_char(a, '(') && imap_args_nstring(a, &out->name, &nil) && imap_args_space(a) &&
           imap_args_nstring(a, &adl, &nil) && imap_args_space(a) && imap_args_nstring(a, &out->mailbox, &nil) &&
           imap_args_space(a) && imap_args_nstring(a, &out->host, &nil) && imap_args_char(a, ')');
}

/* "(" 1*address ")" / nil. The start of a group, whose name is in `mailbox`, counts as its first. */
static bool take_list(struct imap_args *a, struct imap_address *out) {
    bool found = false;
    *out = (struct imap_address){STR_EMPTY, STR_EMPTY, STR_EMPTY};
    if (imap_args_word(a, "NIL")) return true;
    if (!imap_args_char(a, '(')) return false;
    while (imap_args_peek_char(a, '(')) {
        struct imap_address one;
        if (!take_address(a, &one)) return false;
        if (!found) *out = one;
        found = true;
        (void)imap_args_space(a);
    }
    return imap_args_char(a, ')');
}

int imap_envelope_parse(struct str text, struct arena *arena, struct imap_envelope *out) {
    struct imap_args a = {.rest = text, .arena = arena, .utf8 = true};
    struct imap_envelope e;
    bool nil;
    if (!imap_args_char(&a, '(') || !imap_args_nstring(&a, &e.date, &nil) || !imap_args_space(&a) ||
        !imap_args_nstring(&a, &e.subject, &nil))
        return ERR_INVALID;
    struct imap_address *lists[] = {&e.from, &e.sender, &e.reply_to, &e.to, &e.cc, &e.bcc};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (!imap_args_space(&a) || !take_list(&a, lists[i])) return ERR_INVALID;
    if (!imap_args_space(&a) || !imap_args_nstring(&a, &e.in_reply_to, &nil) || !imap_args_space(&a) ||
        !imap_args_nstring(&a, &e.message_id, &nil) || !imap_args_char(&a, ')') || a.rest.len > 0)
        return ERR_INVALID;
    *out = e;
    return 0;
}
