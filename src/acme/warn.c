/* One mail to the postmaster when certificates end soon: on the days that server.certificate_warn names, once each. */
#include "acme/acme.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "channel/notice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DAY_S = 86400, MAIL_MAX = 256 * 1024, ADDRESS_LEN = 400 };

/* The smallest of the days that has come, 0 after the end. */
static bool is_due(const struct acme *a, int64_t left_s, uint64_t *due) {
    bool any = false;
    uint64_t days;
    struct str list = str_from(option_str(a->daemon, "server.certificate_warn"));
    for (struct str word; (word = str_word(&list)).len > 0;) {
        if (str_to_u64(word, 10000, &days) != 0 || days == 0 || left_s > (int64_t)days * DAY_S) continue;
        if (!any || days < *due) *due = days;
        any = true;
    }
    if (any && left_s < 0) *due = 0;
    return any;
}

static void add_line(const struct acme *a, const Control__CertificateState *s, int64_t left, struct buf *out) {
    char end[CLOCK_TEXT_MAX];
    struct acme_name n;
    clock_rfc5322(s->not_after, end);
    buf_printf(out, "\r\n%s (tls/%s)\r\n    %s %s", s->name[0] == '\0' ? "for names that are not known" : s->name,
               s->file, left < 0 ? "has ended on" : "ends on", end);
    if (left >= 0) buf_printf(out, ", in %" PRId64 " days", left / DAY_S);
    buf_adds(out, "\r\n");
    acme_state_get(a->state, s->name, &n);
    if (s->acme && n.problem[0] != '\0') buf_printf(out, "    It could not be renewed: %s\r\n", n.problem);
    if (!s->acme)
        buf_adds(out, "    Nobody renews it by itself: iems certificate install, or iems certificate request.\r\n");
}

/* Names of which the postmaster is to be told; the lines about them. *ended: of one that is of no use any more. */
static bool gather(struct acme *a, const Control__CertificateList *list, struct buf *lines, bool *ended) {
    bool changed = false;
    int64_t now = clock_wall_s();
    for (size_t i = 0; i < list->n_list; i++) {
        const Control__CertificateState *s = list->list[i];
        struct acme_name n;
        uint64_t due = 0;
        if (!s->loaded || !is_due(a, s->not_after - now, &due)) continue;
        acme_state_get(a->state, s->name, &n);
        if (n.warned_end == s->not_after && n.warned_days <= due) continue;
        n.warned_end = s->not_after;
        n.warned_days = due;
        if (acme_state_set(a->state, s->name, &n) != 0) continue;
        add_line(a, s, s->not_after - now, lines);
        *ended |= s->not_after < now;
        changed = true;
    }
    return changed;
}

static void compose(const struct acme *a, const char *to, const char *ident, struct str lines, bool ended,
                    struct buf *out) {
    char date[CLOCK_TEXT_MAX];
    const char *host = daemon_hostname(a->daemon);
    clock_rfc5322(clock_wall_s(), date);
    buf_printf(out,
               "From: IEMS on %s <%s>\r\nTo: <%s>\r\nSubject: Certificates of %s %s\r\nDate: %s\r\n"
               "Message-ID: <%s@%s>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
               "Content-Type: text/plain; charset=utf-8\r\n\r\n"
               "Clients and other servers refuse a certificate that has ended:\r\n",
               host, to, to, host, ended ? "have ended" : "end soon", date, ident, host);
    buf_add(out, lines);
    buf_adds(out, "\r\nAll of them: iems certificate status\r\n");
}

void acme_warn(struct acme *a, const Control__CertificateList *list) {
    BUF_AUTO lines = BUF_INIT(MAIL_MAX), mail = BUF_INIT(MAIL_MAX + 4096);
    char to[ADDRESS_LEN], ident[IDENT_SIZE];
    struct error err = {0};
    bool ended = false;
    if (!gather(a, list, &lines, &ended)) return;
    ident_new(ident);
    (void)snprintf(to, sizeof to, "postmaster@%s", daemon_default_domain(a->daemon));
    compose(a, to, ident, buf_str(&lines), ended, &mail);
    struct notice n = {
        .to = to, .trace = ident, .line = "acme accepted certificate warning", .message = buf_str(&mail)};
    int rc = mail.error != 0 ? ERR_LIMIT : notice_submit(a->store, &n, &err);
    if (rc == 0) {
        log_event(LOG_MESSAGE, ident, "certificate-warning", "to=<%s>", to);
        (void)!acme_save(a);
    } else {
        /* what was noted is forgotten: it is tried again in a minute */
        log_event(LOG_WARNING, "-", "certificate-warning", "to=<%s> error=\"%s\"", to,
                  err.text[0] != '\0' ? err.text : err_name(rc));
        acme_state_free(a->state);
        a->state = NULL;
    }
}
