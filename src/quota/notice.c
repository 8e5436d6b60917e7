/* Mail of the agent: warnings and notices in words that the administrator may replace (files below DIR/texts), and the
 * report. Each is delivered also to a mailbox that is full (QUOTA-02 to QUOTA-04, QUOTA-10). */
#include "channel/notice.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "daemon/files.h"
#include "quota/quota.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 16 * 1024, MAIL_MAX = RPC_INLINE_MAX - 1024, REPORT_IN_MAIL_MAX = 180 * 1024, ADDRESS_LEN = 400 };

static const struct {
    const char *option, *text;
} kinds[] = {
    [LIFE_WARN] =
        {"quota.warning_text",
         "Subject: Your mailbox is almost full\n\nThe mailbox ${user} holds ${used} of ${limit} (${percent} %).\n"
         "Please delete messages that you do not need, or ask ${postmaster} for more room.\n${expiry}\n"},
    [LIFE_EXPIRE] =
        {"quota.disabled_text",
         "Subject: The mailbox ${user} takes no more mail\n\nThe mailbox ${user} was too full for too long: it "
         "holds ${used} of ${limit} (${percent} %).\nNo mail is delivered to it any more. Messages can be read "
         "and deleted as before; when it holds\nless than ${level}, mail is delivered again by itself.\n"},
    [LIFE_RECOVER] =
        {"quota.enabled_text",
         "Subject: The mailbox ${user} takes mail again\n\nThe mailbox ${user} holds ${used} of ${limit}. Mail "
         "is delivered to it as before.\n"},
};

/* ---------------------------------------------------------------- words */

struct words {
    char used[32], limit[32], level[32], percent[24], until[CLOCK_TEXT_MAX], expiry[200], postmaster[ADDRESS_LEN];
    const char *user, *hostname;
};

static void words_fill(const struct quota *q, const struct report_account *a, struct words *w) {
    struct life_rule rule = quota_rule(q);
    *w = (struct words){.user = a->address, .hostname = daemon_hostname(q->daemon)};
    report_size(a->used, w->used);
    report_size(a->limit, w->limit);
    report_size(life_level(&rule, a->limit), w->level);
    (void)snprintf(w->percent, sizeof w->percent, "%.0f",
                   a->limit == 0 ? 0 : 100.0 * (double)a->used / (double)a->limit);
    (void)snprintf(w->postmaster, sizeof w->postmaster, "postmaster@%s", daemon_default_domain(q->daemon));
    if (a->life.until <= 0) return;
    clock_rfc5322(a->life.until, w->until);
    (void)snprintf(w->expiry, sizeof w->expiry,
                   "If it is as full on %s, no more mail will be delivered to it until there is room.", w->until);
}

static void put_word(const struct words *w, struct str name, struct buf *out) {
    const struct {
        const char *name, *value;
    } list[] = {{"user", w->user},        {"used", w->used},     {"limit", w->limit},     {"level", w->level},
                {"until", w->until},      {"expiry", w->expiry}, {"percent", w->percent}, {"postmaster", w->postmaster},
                {"hostname", w->hostname}};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        if (!str_eq_nocase(name, str_from(list[i].name))) continue;
        buf_adds(out, list[i].value);
        return;
    }
    buf_printf(out, "${%.*s}", STR_ARG(name)); /* what is not known stays as it is written */
}

static void expand(const struct words *w, struct str text, struct buf *out) {
    while (text.len > 0) {
        ptrdiff_t at = str_find_str(text, STR("${")),
                  end = at < 0 ? -1 : str_find(str_sub(text, (size_t)at, text.len), '}');
        if (end < 0) {
            buf_add(out, text);
            return;
        }
        buf_add(out, str_sub(text, 0, (size_t)at));
        put_word(w, str_sub(text, (size_t)at + 2, (size_t)end - 2), out);
        text = str_sub(text, (size_t)(at + end) + 1, text.len);
    }
}

/* The administrator's text, or the built-in one when there is no file. */
static void text_get(struct quota *q, enum life_event what, struct buf *out) {
    const char *file = option_str(q->daemon, kinds[what].option);
    char name[300];
    struct error err = {0};
    (void)snprintf(name, sizeof name, "texts/%s", file);
    if (file[0] != '\0' && daemon_file_read(q->daemon, name, NULL, out, &err) == 0) return;
    buf_clear(out);
    buf_adds(out, kinds[what].text);
}

/* ---------------------------------------------------------------- messages */

static void head_put(const struct quota *q, const char *to, const char *copy, struct str subject, const char *ident,
                     const char *type, struct buf *out) {
    char date[CLOCK_TEXT_MAX];
    clock_rfc5322(clock_wall_s(), date);
    buf_printf(out, "From: Mail system <postmaster@%s>\r\nTo: <%s>\r\n", daemon_default_domain(q->daemon), to);
    if (copy != NULL) buf_printf(out, "Cc: <%s>\r\n", copy);
    buf_printf(out,
               "Subject: %.*s\r\nDate: %s\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: auto-generated\r\n"
               "MIME-Version: 1.0\r\nContent-Type: %s\r\n",
               STR_ARG(subject), date, ident, daemon_hostname(q->daemon), type);
}

/* Lines end with CRLF whatever the file has. */
static void lines_put(struct str text, struct buf *out) {
    while (text.len > 0) {
        struct str line = str_cut(&text, '\n');
        if (line.len > 0 && line.ptr[line.len - 1] == '\r') line.len--;
        buf_add(out, line);
        buf_adds(out, "\r\n");
    }
}

/* The tag makes lmda file it whatever the mailbox holds; nobody outside can set it for messages of this server. */
static int submit(struct quota *q, const char *to, const char *copy, const char *ident, struct str message,
                  struct error *err) {
    struct notice n = {.to = to,
                       .copy = copy,
                       .trace = ident,
                       .line = "quota wrote a notice",
                       .tag = "quota-notice",
                       .message = message};
    return notice_submit(q->store, &n, err);
}

int notice_send(struct quota *q, enum life_event what, const struct report_account *a, struct error *err) {
    BUF_AUTO text = BUF_INIT(TEXT_MAX), filled = BUF_INIT(2 * TEXT_MAX), mail = BUF_INIT(MAIL_MAX);
    struct words w;
    char ident[IDENT_SIZE];
    text_get(q, what, &text);
    words_fill(q, a, &w);
    expand(&w, buf_str(&text), &filled);
    struct str rest = buf_str(&filled), subject = STR("About your mailbox");
    if (str_starts_nocase(rest, STR("Subject:"))) {
        subject = str_trim(str_sub(str_cut(&rest, '\n'), sizeof "Subject:" - 1, SIZE_MAX));
        if (rest.len > 0 && rest.ptr[0] == '\n') rest = str_sub(rest, 1, rest.len);
    }
    const char *copy = what == LIFE_WARN ? NULL : w.postmaster;
    ident_new(ident);
    head_put(q, a->address, copy, subject, ident, "text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit",
             &mail);
    buf_adds(&mail, "\r\n");
    lines_put(rest, &mail);
    if (mail.error != 0 || filled.error != 0 || text.error != 0)
        return error_set(err, ERR_LIMIT, "the text is too long");
    return submit(q, a->address, copy, ident, buf_str(&mail), err);
}

/* A report that is too long for a mail is told in short; the whole is in the history. */
int notice_report(struct quota *q, const struct report *r, struct error *err) {
    BUF_AUTO text = BUF_INIT(REPORT_MAX), mail = BUF_INIT(MAIL_MAX);
    char to[ADDRESS_LEN], ident[IDENT_SIZE], date[CLOCK_TEXT_MAX], type[100];
    const char *wanted = option_str(q->daemon, "quota.report_to");
    report_text(r, true, &text);
    bool whole = text.error == 0 && text.len <= REPORT_IN_MAIL_MAX;
    if (!whole) {
        buf_clear(&text);
        report_text(r, false, &text);
        if (text.len > REPORT_IN_MAIL_MAX) buf_truncate(&text, REPORT_IN_MAIL_MAX);
    }
    if (wanted[0] != '\0')
        (void)snprintf(to, sizeof to, "%s", wanted);
    else
        (void)snprintf(to, sizeof to, "postmaster@%s", daemon_default_domain(q->daemon));
    struct report_sums s = report_sum(r);
    ident_new(ident);
    clock_rfc3339(r->at * 1000, date);
    (void)snprintf(type, sizeof type, "multipart/mixed; boundary=\"%s\"", ident);
    head_put(q, to, NULL, STR("Mailbox quotas"), ident, type, &mail);
    buf_printf(&mail,
               "\r\n--%s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%" PRIu64 " users: %" PRIu64
               " over quota, %" PRIu64 " warned, %" PRIu64 " disabled.\r\nThe report is attached%s; earlier ones: iems "
               "quota history\r\n\r\n",
               ident, s.users, s.over, s.warned, s.expired, whole ? "" : " in short");
    buf_printf(&mail,
               "--%s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
               "Content-Disposition: attachment; filename=\"quota-%.10s.txt\"\r\n\r\n",
               ident, date);
    lines_put(buf_str(&text), &mail);
    buf_printf(&mail, "\r\n--%s--\r\n", ident);
    if (mail.error != 0) return error_set(err, ERR_LIMIT, "the report is too long");
    return submit(q, to, NULL, ident, buf_str(&mail), err);
}
