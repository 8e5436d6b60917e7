#include "smtpd/transaction.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_RECIPIENTS = 8, NOTE_MAX = 1200 };

void transaction_reset(struct transaction *t) {
    body_free(t->body);
    t->body = NULL;
    if (t->arena != NULL) arena_reset(t->arena);
    struct arena *keep = t->arena;
    *t = (struct transaction){.arena = keep, .sender = NULL};
}

void transaction_done(struct transaction *t) {
    transaction_reset(t);
    arena_free(t->arena);
    t->arena = NULL;
}

int transaction_begin(struct transaction *t, const struct smtp_command *mail, const char *trace) {
    transaction_reset(t);
    if (t->arena == NULL) t->arena = arena_new(TRANSACTION_MEMORY_MAX);
    if (t->arena == NULL) return ERR_NOMEM;
    t->sender = arena_cstr(t->arena, address_text(&mail->path));
    t->envid = arena_cstr(t->arena, mail->mail.envid);
    if (t->sender == NULL || t->envid == NULL) return ERR_NOMEM;
    t->ret = mail->mail.ret;
    t->body_type = mail->mail.body;
    t->smtputf8 = mail->mail.smtputf8;
    t->size_hint = mail->mail.size;
    if (trace != NULL)
        memcpy(t->trace, trace, IDENT_SIZE);
    else
        ident_new(t->trace);
    t->open = true;
    return 0;
}

static int make_room(struct transaction *t) {
    if (t->count < t->room) return 0;
    unsigned room = t->room == 0 ? FIRST_RECIPIENTS : t->room * 2;
    struct recipient *more = arena_alloc(t->arena, room * sizeof *more);
    if (more == NULL) return ERR_NOMEM;
    if (t->count > 0) memcpy(more, t->recipients, t->count * sizeof *more);
    t->recipients = more;
    t->room = room;
    return 0;
}

int transaction_add(struct transaction *t, const struct address *to, const struct smtp_rcpt_params *params) {
    if (make_room(t) < 0) return ERR_NOMEM;
    struct recipient r = {.address = arena_cstr(t->arena, address_text(to)),
                          .orcpt = arena_cstr(t->arena, params->orcpt),
                          .notify = params->notify};
    if (r.address == NULL || r.orcpt == NULL) return ERR_NOMEM;
    t->recipients[t->count++] = r;
    return 0;
}

void transaction_note(struct transaction *t, const char *key, const char *fmt, ...) {
    char text[NOTE_MAX];
    if (t->note_count == TRANSACTION_NOTES_MAX) return;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    char *copy = arena_cstr(t->arena, str_from(text));
    char *key_copy = arena_cstr(t->arena, str_from(key));
    if (copy == NULL || key_copy == NULL) return;
    t->notes[t->note_count] = copy;
    t->note_keys[t->note_count++] = key_copy;
}
