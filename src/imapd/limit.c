#include "imapd/limit.h"

#include "imapd/command.h"

#include <stdio.h>

bool limit_exceeded(const struct session *s, const struct imap_runs *uids) {
    return s->imapd->config.message_limit != 0 && imap_runs_total(uids) > s->imapd->config.message_limit;
}

int limit_refuse(struct cmd *c, const char *text) {
    struct limit l;
    (void)snprintf(l.code, sizeof l.code, "MESSAGELIMIT %u", c->s->imapd->config.message_limit);
    return cmd_no(c, l.code, text);
}

int limit_apply(const struct session *s, struct imap_runs *uids, struct limit *out) {
    uint32_t limit = s->imapd->config.message_limit, total = imap_runs_total(uids);
    struct imap_runs kept = {0};
    out->code[0] = '\0';
    if (!limit_exceeded(s, uids)) return 0;
    int err = imap_runs_slice(uids, total - limit + 1, total, &kept);
    if (err != 0) {
        imap_runs_done(&kept);
        return err;
    }
    (void)snprintf(out->code, sizeof out->code, "MESSAGELIMIT %u %u", limit, imap_runs_at(&kept, 1));
    imap_runs_done(uids);
    *uids = kept;
    return 0;
}

bool limit_allows(const struct session *s, uint32_t count, struct limit *out) {
    uint32_t all = s->imapd->config.message_limit, save = s->imapd->config.save_limit;
    uint32_t limit = save == 0 || (all != 0 && all < save) ? all : save;
    if (limit == 0 || count <= limit) return true;
    (void)snprintf(out->code, sizeof out->code, "MESSAGELIMIT %u", limit);
    return false;
}

void limit_capability(const struct session *s, struct buf *out) {
    const struct imapd_config *c = &s->imapd->config;
    if (c->message_limit != 0) buf_printf(out, " MESSAGELIMIT=%u", c->message_limit);
    if (c->save_limit != 0) buf_printf(out, " SAVELIMIT=%u", c->save_limit);
}

int limit_done(struct cmd *c, const struct limit *l) {
    char text[64];
    if (l->code[0] == '\0') return cmd_done(c);
    (void)snprintf(text, sizeof text, "%s%s done with a part of the messages", c->uid ? "UID " : "", c->def->name);
    return cmd_ok(c, l->code, text);
}
