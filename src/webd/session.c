/* One HTTP connection: reads requests, finds the route, writes answers (RFC 9112). Keep-alive; bodies are not used yet
 * and are read away up to a limit. */
#include "webd/webd.h"

#include "net/fiber.h"
#include "net/loop.h"

static int answer_write(struct stream *s, const struct webd_answer *a, bool head_only, bool keep_alive) {
    int rc = stream_printf(s,
                           "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
                           "X-Content-Type-Options: nosniff\r\nConnection: %s\r\n%s\r\n",
                           a->status, http_reason(a->status), a->type, a->body.len, keep_alive ? "keep-alive" : "close",
                           a->status == 405 ? "Allow: GET, HEAD\r\n" : "");
    if (rc == 0 && !head_only) rc = stream_put(s, buf_str(&a->body));
    return rc == 0 ? stream_flush(s) : rc;
}

static void answer_error(struct webd_answer *a, unsigned status) {
    a->status = status;
    buf_clear(&a->body);
    buf_printf(&a->body, "%s\n", http_reason(status));
}

static void route(const struct webd_service *service, const struct http_request *r, struct webd_answer *a) {
    bool get = str_eq(r->method, STR("GET")) || str_eq(r->method, STR("HEAD"));
    for (size_t i = 0; i < webd_route_count; i++) {
        const struct webd_route *candidate = &webd_routes[i];
        if (!str_eq(str_from(candidate->listener), str_from(service->listener))) continue;
        if (!str_eq(r->path, str_from(candidate->path))) continue;
        if (!get) {
            answer_error(a, 405);
            return;
        }
        candidate->answer(service->webd, r, a);
        if (a->body.error != 0) answer_error(a, 500);
        return;
    }
    answer_error(a, 404);
}

/* Waits for a whole head. 0, or an ERR_ when the connection has ended; `*status` set when the request is bad. */
static int read_request(struct stream *s, struct http_request *r, unsigned *status) {
    uint64_t deadline = loop_now_ms() + WEBD_IDLE_MS;
    for (;;) {
        *status = 0;
        if (http_request_parse(stream_peek(s), r, status) != HTTP_MORE) return 0;
        int rc = stream_fill(s, deadline);
        if (rc != 0) return rc;
    }
}

static int skip_body(struct stream *s, uint64_t left) {
    uint64_t deadline = loop_now_ms() + WEBD_IDLE_MS;
    while (left > 0) {
        struct str in = stream_peek(s);
        size_t n = in.len < left ? in.len : (size_t)left;
        stream_consume(s, n);
        left -= n;
        int rc = left > 0 && n == 0 ? stream_fill(s, deadline) : 0;
        if (rc != 0) return rc;
    }
    return 0;
}

/* Answers one request; true when another may follow. */
static bool serve_one(struct stream *s, const struct webd_service *service) {
    struct http_request r;
    unsigned status;
    if (read_request(s, &r, &status) != 0) return false;
    struct webd_answer a = {.status = 200, .type = "text/plain; charset=utf-8", .body = BUF_INIT(WEBD_ANSWER_MAX)};
    bool keep_alive = status == 0 && r.keep_alive, head_only = false;
    uint64_t body = status == 0 ? r.content_length : 0;
    service->webd->requests++;
    if (status == 0 && (r.chunked || body > WEBD_BODY_MAX)) {
        status = r.chunked ? 501 : 413;
        keep_alive = false;
    }
    if (status != 0) {
        answer_error(&a, status);
    } else {
        head_only = str_eq(r.method, STR("HEAD"));
        route(service, &r, &a);
        stream_consume(s, r.head_len);
        if (skip_body(s, body) != 0) keep_alive = false;
    }
    if (a.status >= 400) service->webd->errors++;
    if (answer_write(s, &a, head_only, keep_alive) != 0) keep_alive = false;
    buf_done(&a.body);
    return keep_alive;
}

void webd_serve(struct stream *s, void *service) {
    while (!fiber_cancelled() && serve_one(s, service)) continue;
}

void webd_refuse(struct stream *s, const char *reason, void *service) {
    (void)service;
    (void)reason;
    struct webd_answer a = {.status = 503, .type = "text/plain; charset=utf-8", .body = BUF_INIT(WEBD_BODY_MAX)};
    answer_error(&a, a.status);
    (void)!answer_write(s, &a, false, false);
    buf_done(&a.body);
}
