/* Reports on TLS to addresses "https:" (RFC 8460 section 5.4), each in a fiber of its own: what is not taken is offered
 * again, after growing waits, for as long as a period (section 5.5). */
#include "base/log.h"
#include "net/loop.h"
#include "smtpc/secure_private.h"

#include <stdlib.h>
#include <string.h>

enum {
    POSTS_MAX = 100,             /* that wait or are under way */
    POST_MS = 60 * 1000,         /* one attempt */
    ANSWER_MAX = 64 * 1024,      /* read, and thrown away */
    WAIT_PART = 288,             /* of the period: five minutes of a day, then twice as long each time */
    RETRY_LEAST_MS = 120 * 1000, /* so that a short period leaves time for another attempt */
};

struct post {
    struct smtpc *smtpc;
    char *url, *domain;
    struct buf body;
    uint64_t wait_ms, until_ms;
};

static void post_free(struct post *p) {
    free(p->url);
    free(p->domain);
    buf_done(&p->body);
    free(p);
}

/* 0: it was taken. ERR_DENIED: it never will be. */
static int post_once(const struct post *p, struct error *err) {
    HTTP_ANSWER_AUTO answer = {.body = BUF_INIT(0)};
    const struct http_ask ask = {.method = "POST",
                                 .content_type = "application/tlsrpt+gzip",
                                 .url = str_from(p->url),
                                 .body = buf_str(&p->body),
                                 .answer_max = ANSWER_MAX,
                                 .deadline_ms = loop_now_ms() + POST_MS};
    int rc = http_fetch(&p->smtpc->secure->http, &ask, &answer, err);
    if (rc != 0) return rc == ERR_INVALID ? ERR_DENIED : rc == ERR_DENIED ? ERR_AGAIN : rc;
    unsigned status = answer.response.status;
    if (status / 100 == 2) return 0;
    bool later = status >= 500 || status == 408 || status == 429;
    return error_set(err, later ? ERR_AGAIN : ERR_DENIED, "the server answers %u", status);
}

static void post_fiber(void *arg) {
    struct post *p = arg;
    struct secure *x = p->smtpc->secure;
    int rc = ERR_AGAIN;
    while (rc != 0 && !x->stopping) {
        struct error err = {0};
        rc = post_once(p, &err);
        bool again = rc != 0 && rc != ERR_DENIED && rc != ERR_CANCELLED && loop_now_ms() + p->wait_ms < p->until_ms;
        if (rc == 0) x->reports++;
        log_event(rc == 0 ? LOG_MESSAGE : LOG_WARNING, "-", rc == 0 ? "tls-report" : "tls-report-failed",
                  "domain=%s to=%s again=%s error=\"%s\"", p->domain, p->url, again ? "yes" : "no", err.text);
        if (!again || fiber_sleep(p->wait_ms) != 0) break;
        p->wait_ms *= 2;
    }
    x->posts--;
    post_free(p);
}

int secure_post(struct smtpc *s, const struct tlsrpt_report *r, struct str url, uint64_t period_s) {
    BUF_AUTO json = BUF_INIT(TLSRPT_JSON_MAX);
    struct secure *x = s->secure;
    uint64_t period_ms = period_s * 1000, wait_ms = period_ms / WAIT_PART;
    if (x->posts >= POSTS_MAX) return ERR_LIMIT;
    struct post *p = calloc(1, sizeof *p);
    if (p == NULL) return ERR_NOMEM;
    *p = (struct post){.smtpc = s,
                       .url = str_dup(url),
                       .domain = str_dup(r->domain),
                       .body = BUF_INIT(TLSRPT_JSON_MAX),
                       .wait_ms = wait_ms > 0 ? wait_ms : 1,
                       .until_ms = loop_now_ms() + (period_ms > RETRY_LEAST_MS ? period_ms : RETRY_LEAST_MS)};
    int rc = p->url == NULL || p->domain == NULL ? ERR_NOMEM : tlsrpt_write(r, &json);
    if (rc == 0) rc = gzip_pack(buf_str(&json), &p->body);
    if (rc == 0) rc = fiber_spawn("tls report", post_fiber, p, NULL);
    if (rc == 0)
        x->posts++;
    else
        post_free(p);
    return rc;
}
