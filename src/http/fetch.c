#include "http/fetch.h"

#include "net/loop.h"
#include "proto/http/url.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_MAX = 256 * 1024 };

struct fetch {
    const struct http_client *client;
    const struct http_ask *ask;
    struct http_url url;
    struct stream *stream;
    struct error *err;
};

void http_answer_done(struct http_answer *a) {
    buf_done(&a->head);
    buf_done(&a->body);
}

/* Failures name the host. */
static int failed(struct fetch *f, int rc, const char *what) {
    return error_set(f->err, rc, "%.*s: %s", STR_ARG(f->url.host), what);
}

/* ---------------------------------------------------------------- connection */

static int connect_to(struct fetch *f, const struct net_addr *at) {
    struct error err = {0};
    uint64_t until = loop_now_ms() + HTTP_FETCH_CONNECT_MS;
    if (until > f->ask->deadline_ms) until = f->ask->deadline_ms;
    int rc = stream_connect(at, NULL, until, &f->stream, &err);
    if (rc == 0 && f->url.tls) {
        rc = tls_connect(f->stream, f->client->tls, f->url.host, TLS_VERIFY_NAME, until, &err);
    }
    if (rc == 0) return 0;
    stream_free(f->stream);
    f->stream = NULL;
    return failed(f, rc, err.text);
}

static int find_addresses(struct fetch *f, struct arena *arena, struct net_addr **list, size_t *count) {
    struct net_addr *one = arena_alloc(arena, sizeof *one);
    enum dns_status status;
    bool secure;
    if (one == NULL) return failed(f, ERR_NOMEM, "out of memory");
    if (net_addr_parse(f->url.host, f->url.port, one) == 0) {
        *list = one;
        *count = 1;
        return 0;
    }
    int rc = resolver_addresses(f->client->resolver, f->url.host, f->url.port, arena, &status, &secure, list, count);
    if (rc != 0) return failed(f, rc, err_name(rc));
    if (status == DNS_TEMPFAIL) return failed(f, ERR_AGAIN, "DNS gives no answer");
    return *count > 0 ? 0 : failed(f, ERR_NOTFOUND, "there is no such host");
}

static int connect_any(struct fetch *f) {
    ARENA_AUTO arena = arena_new(ARENA_MAX);
    struct net_addr *list = NULL;
    size_t count = 0;
    if (arena == NULL) return failed(f, ERR_NOMEM, "out of memory");
    int rc = find_addresses(f, arena, &list, &count);
    if (rc != 0) return rc;
    rc = ERR_IO;
    for (size_t i = 0; i < count && i < HTTP_FETCH_ADDRESSES_MAX; i++) {
        rc = connect_to(f, &list[i]);
        if (rc == 0 || rc == ERR_CANCELLED || loop_now_ms() >= f->ask->deadline_ms) break;
    }
    return rc;
}

/* ---------------------------------------------------------------- request */

static int send_request(struct fetch *f) {
    const struct http_ask *a = f->ask;
    struct stream *s = f->stream;
    int rc = stream_printf(s, "%s %.*s HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: %s\r\nConnection: close\r\n", a->method,
                           STR_ARG(f->url.target), STR_ARG(f->url.authority), f->client->user_agent);
    if (rc == 0 && a->accept != NULL) rc = stream_printf(s, "Accept: %s\r\n", a->accept);
    if (rc == 0 && a->content_type != NULL) {
        rc = stream_printf(s, "Content-Type: %s\r\nContent-Length: %zu\r\n", a->content_type, a->body.len);
    }
    if (rc == 0) rc = stream_put(s, STR("\r\n"));
    if (rc == 0 && a->content_type != NULL) rc = stream_put(s, a->body);
    return rc == 0 ? stream_flush(s) : rc;
}

/* ---------------------------------------------------------------- answer */

/* The head, with views into a copy of its own. Interim answers are passed over. */
static int read_head(struct fetch *f, struct http_answer *out) {
    enum { INTERIM_MAX = 8 };
    bool head_request = strcmp(f->ask->method, "HEAD") == 0;
    for (int interim = 0; interim < INTERIM_MAX;) {
        struct str in = stream_peek(f->stream);
        enum parse p = http_response_parse(in, head_request, &out->response);
        if (p == PARSE_ERROR) return failed(f, ERR_INVALID, "the answer is no HTTP");
        if (p == PARSE_MORE) {
            int rc = stream_fill(f->stream, f->ask->deadline_ms);
            if (rc != 0) return failed(f, rc, rc == ERR_CLOSED ? "the connection was closed" : err_name(rc));
            continue;
        }
        size_t len = out->response.head_len;
        if (out->response.status >= 200) {
            buf_add(&out->head, str_sub(in, 0, len));
            if (out->head.error != 0) return failed(f, ERR_NOMEM, "out of memory");
            stream_consume(f->stream, len);
            p = http_response_parse(buf_str(&out->head), head_request, &out->response);
            IEMS_ASSERT(p == PARSE_EVENT);
            return 0;
        }
        stream_consume(f->stream, len);
        interim++;
    }
    return failed(f, ERR_INVALID, "only interim answers");
}

static int read_body(struct fetch *f, struct http_answer *out) {
    struct http_body b;
    http_body_init(&b, &out->response);
    while (!b.done) {
        struct str data;
        size_t used;
        enum parse p = http_body_parse(&b, stream_peek(f->stream), &data, &used);
        if (p == PARSE_ERROR) return failed(f, ERR_INVALID, "the answer's framing is broken");
        buf_add(&out->body, data);
        stream_consume(f->stream, used);
        if (out->body.error != 0) return failed(f, ERR_LIMIT, "the answer is too large");
        if (b.done || p == PARSE_EVENT) continue;
        int rc = stream_fill(f->stream, f->ask->deadline_ms);
        if (rc == ERR_CLOSED) {
            rc = http_body_closed(&b);
            if (rc == 0) return 0;
        }
        if (rc != 0) return failed(f, rc, rc == ERR_CLOSED ? "the answer was cut off" : err_name(rc));
    }
    return 0;
}

int http_fetch(const struct http_client *c, const struct http_ask *ask, struct http_answer *out, struct error *err) {
    struct fetch f = {.client = c, .ask = ask, .err = err};
    struct http_answer a = {.head = BUF_INIT(HTTP_RESPONSE_HEAD_MAX), .body = BUF_INIT(ask->answer_max)};
    int rc = http_url_parse(ask->url, &f.url);
    if (rc != 0 || (!f.url.tls && !ask->allow_plain)) {
        return error_set(err, ERR_INVALID, "\"%.*s\" is no %s address", (int)(ask->url.len % 200), ask->url.ptr,
                         ask->allow_plain ? "http" : "https");
    }
    rc = connect_any(&f);
    if (rc != 0) return rc;
    rc = send_request(&f);
    if (rc != 0) rc = failed(&f, rc, err_name(rc));
    if (rc == 0) rc = read_head(&f, &a);
    if (rc == 0) rc = read_body(&f, &a);
    stream_free(f.stream);
    if (rc == 0)
        *out = a; /* views are into the heap block of a.head, which moves along */
    else
        http_answer_done(&a);
    return rc;
}
