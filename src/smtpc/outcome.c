/* See outcome.h. */
#include "smtpc/outcome.h"

#include <stdio.h>

static const char *general_status(enum smtp_stage stage, unsigned code) {
    bool permanent = code >= 500;
    switch (stage) {
    case STAGE_MAIL: return permanent ? "5.1.0" : "4.1.0";
    case STAGE_RCPT: return permanent ? "5.1.1" : "4.2.0";
    case STAGE_CONNECT: return permanent ? "5.4.0" : "4.4.0";
    default: return permanent ? "5.0.0" : "4.0.0";
    }
}

/* A reply that fits no class of RFC 5321 section 4.2.1 (a 2xx or 3xx where it makes no sense) is taken as temporary. */
static enum outcome_class class_of(enum smtp_stage stage, const struct smtp_reply *r, bool retry_554) {
    if (r->code < 300 && stage != STAGE_DATA) return OUTCOME_SENT;
    if (r->code < 500) return OUTCOME_TEMPORARY;
    if (stage == STAGE_RCPT && r->code == 552) return OUTCOME_TEMPORARY; /* RFC 5321 section 4.5.3.1.10 */
    bool during_data = stage == STAGE_DATA || stage == STAGE_END;
    if (during_data && r->code == 554 && retry_554 && r->enhanced[0] != '5') return OUTCOME_TEMPORARY;
    return OUTCOME_PERMANENT;
}

int outcome_of_reply(struct arena *a, enum smtp_stage stage, const struct smtp_reply *r, bool retry_554,
                     struct outcome *out) {
    struct outcome o = {.class = class_of(stage, r, retry_554), .reason = STR_EMPTY};
    struct str text = str_sub(r->text, 0, OUTCOME_TEXT_MAX);
    char *copy = arena_printf(a, "%u%s%s%s%.*s", r->code, r->enhanced[0] ? " " : "", r->enhanced,
                              text.len > 0 ? " " : "", STR_ARG(text));
    if (copy == NULL) return ERR_NOMEM;
    for (char *p = copy; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f) *p = ' ';
    o.reply = str_from(copy);
    char wanted = o.class == OUTCOME_SENT ? '2' : o.class == OUTCOME_TEMPORARY ? '4' : '5';
    const char *status = r->enhanced[0] == wanted  ? r->enhanced
                         : o.class == OUTCOME_SENT ? "2.0.0"
                                                   : general_status(stage, o.class == OUTCOME_TEMPORARY ? 400 : 500);
    (void)snprintf(o.status, sizeof o.status, "%s", status);
    o.again = stage == STAGE_RCPT && (r->code == 452 || r->code == 552) &&
              (r->enhanced[0] == '\0' || str_ends(str_from(r->enhanced), STR(".5.3")));
    *out = o;
    return 0;
}

struct outcome outcome_make(enum outcome_class class, const char *status, struct str reason) {
    struct outcome o = {.class = class, .reply = STR_EMPTY, .reason = reason};
    (void)snprintf(o.status, sizeof o.status, "%s", status);
    return o;
}

void outcome_text(const struct outcome *o, struct buf *out) {
    if (o->reply.len > 0) {
        buf_add(out, o->reply);
        return;
    }
    buf_printf(out, "%s %.*s", o->status, STR_ARG(o->reason));
}

int64_t patience_end_ms(const struct patience *p) {
    return p->expires_ms != 0 ? p->expires_ms : p->created_ms + (int64_t)p->retry_period_s * 1000;
}

bool patience_is_over(const struct patience *p, int64_t now_ms) {
    return now_ms >= patience_end_ms(p);
}

bool patience_wants_notice(const struct patience *p, int64_t now_ms) {
    return p->warn_ms != 0 && now_ms >= p->warn_ms && !patience_is_over(p, now_ms);
}
