/* The two ends of a relay with TLS 1.3, for the benchmark: one thread each, over epoll, one read and one write for what
 * comes and goes at once, so that they take little of the processor that they measure.
 *   tls_peer send PORT SESSIONS MESSAGES SIZE DOMAIN   one message a connection, by STARTTLS; TLS sessions are resumed;
 *                                                      prints one JSON line
 *   tls_peer sink PORT CERT_AND_KEY.pem                takes mail by STARTTLS only; prints "mesg=N" as messages come
 * Both insist on TLS 1.3. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum {
    IN_MAX = 16384,
    OUT_MAX = 1024,
    SESSIONS_MAX = 200,
    SINK_MAX = 512,
    EVENTS = 64,
    TIMEOUT_MS = 120 * 1000,
    BACKLOG = 512
};

enum step { GREETING, HELLO, STARTTLS, SECURE_HELLO, SENDER, RECIPIENT, DATA, END, QUIT, STEPS };

/* A connection, of either end. */
struct peer {
    int fd;   /* sink: 0 = nobody's */
    SSL *ssl; /* NULL before STARTTLS */
    bool shaking;
    enum step step;       /* sender: what the next reply is to */
    bool in_data;         /* sink */
    SSL_SESSION *session; /* sender: of the connection before */
    size_t begin, end;    /* of what came and is not used yet */
    size_t out_len;       /* of what waits to be written */
    char out[OUT_MAX];
    char in[IN_MAX];
};

static struct {
    SSL_CTX *ctx;
    struct sockaddr_in at;
    int poll, count, size, next, failed, resumed, open;
    int taken, told; /* sink */
    const char *domain;
    char *body;
} job;

/* ---------------------------------------------------------------- bytes */

static bool wait_writable(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, TIMEOUT_MS) == 1;
}

static bool put(struct peer *p, const char *data, size_t len) {
    while (len > 0) {
        ssize_t n = p->ssl != NULL ? SSL_write(p->ssl, data, (int)len) : write(p->fd, data, len);
        bool again =
            n <= 0 && (p->ssl != NULL ? SSL_get_error(p->ssl, (int)n) == SSL_ERROR_WANT_WRITE : errno == EAGAIN);
        if (n <= 0 && (!again || !wait_writable(p->fd))) return false;
        if (n <= 0) continue;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static bool flush(struct peer *p) {
    size_t len = p->out_len;
    p->out_len = 0;
    return put(p, p->out, len);
}

/* Gathers what is said, until nothing more is there to be answered. */
static bool say(struct peer *p, const char *text) {
    size_t len = strlen(text);
    if (len > sizeof p->out - p->out_len && !flush(p)) return false;
    memcpy(p->out + p->out_len, text, len);
    p->out_len += len;
    return true;
}

/* Reads once: more than 0, 0 = nothing is there now, less = the connection is gone. */
static int fill(struct peer *p) {
    memmove(p->in, p->in + p->begin, p->end - p->begin);
    p->end -= p->begin;
    p->begin = 0;
    size_t room = sizeof p->in - p->end;
    if (room == 0) return -1;
    ssize_t n = p->ssl != NULL ? SSL_read(p->ssl, p->in + p->end, (int)room) : read(p->fd, p->in + p->end, room);
    if (n > 0) p->end += (size_t)n;
    if (n > 0) return 1;
    if (p->ssl == NULL) return n < 0 && errno == EAGAIN ? 0 : -1;
    return SSL_get_error(p->ssl, (int)n) == SSL_ERROR_WANT_READ ? 0 : -1;
}

/* The next line without its end, or NULL. */
static char *get_line(struct peer *p) {
    char *start = p->in + p->begin, *stop = memchr(start, '\n', p->end - p->begin);
    if (stop == NULL) return NULL;
    p->begin = (size_t)(stop + 1 - p->in);
    *stop = '\0';
    if (stop > start && stop[-1] == '\r') stop[-1] = '\0';
    return start;
}

static bool watch(struct peer *p, int fd) {
    int one = 1;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = p};
    p->fd = fd;
    p->ssl = NULL;
    p->shaking = p->in_data = false;
    p->step = GREETING;
    p->begin = p->end = p->out_len = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return epoll_ctl(job.poll, EPOLL_CTL_ADD, fd, &e) == 0;
}

/* The server has said its end: there is nobody to say ours to. */
static void hang_up(struct peer *p) {
    if (p->ssl != NULL) SSL_set_shutdown(p->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(p->ssl);
    p->ssl = NULL;
    close(p->fd);
}

static bool shake(struct peer *p, bool server) {
    if (p->ssl == NULL) {
        p->ssl = SSL_new(job.ctx);
        if (p->ssl == NULL || SSL_set_fd(p->ssl, p->fd) != 1) return false;
        if (server) SSL_set_accept_state(p->ssl);
        if (!server) SSL_set_connect_state(p->ssl);
        if (p->session != NULL) SSL_set_session(p->ssl, p->session);
    }
    ERR_clear_error();
    int n = SSL_do_handshake(p->ssl);
    p->shaking = n != 1;
    return n == 1 || SSL_get_error(p->ssl, n) == SSL_ERROR_WANT_READ;
}

/* ---------------------------------------------------------------- sending */

static bool dial(struct peer *p) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0) return false;
    if (connect(fd, (struct sockaddr *)&job.at, sizeof job.at) != 0 && errno != EINPROGRESS) return false;
    return watch(p, fd);
}

/* The end of the handshake and the EHLO behind it go in one packet. */
static void hold_back(const struct peer *p, int on) {
    setsockopt(p->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

static bool secured(struct peer *p) {
    if (p->shaking) {
        hold_back(p, 1);
        return true;
    }
    if (SSL_session_reused(p->ssl)) job.resumed++;
    p->step = SECURE_HELLO;
    bool said = say(p, "EHLO bench.example\r\n") && flush(p);
    hold_back(p, 0);
    return said;
}

/* What follows a good reply. */
static bool sender_next(struct peer *p) {
    char rcpt[300];
    switch (++p->step) {
    case HELLO: return say(p, "EHLO bench.example\r\n");
    case STARTTLS: return say(p, "STARTTLS\r\n");
    case SECURE_HELLO: return shake(p, false) && secured(p);
    case SENDER: return say(p, "MAIL FROM:<sender@bench.example>\r\n");
    case RECIPIENT: snprintf(rcpt, sizeof rcpt, "RCPT TO:<u000@%s>\r\n", job.domain); return say(p, rcpt);
    case DATA: return say(p, "DATA\r\n");
    case END: return put(p, job.body, (size_t)job.size + 3);
    case QUIT: /* a ticket has come with what was read */
        SSL_SESSION_free(p->session);
        p->session = SSL_get1_session(p->ssl);
        return say(p, "QUIT\r\n");
    default: return true;
    }
}

static bool sender_line(struct peer *p, const char *line) {
    static const char expected[STEPS] = {'2', '2', '2', '2', '2', '2', '3', '2', '2'};
    if (strlen(line) > 3 && line[3] == '-') return true;
    return line[0] == expected[p->step] && sender_next(p);
}

/* Another message begins, or the session ends. */
static void sender_over(struct peer *p, bool good) {
    if (!good) job.failed++;
    hang_up(p);
    while (job.next < job.count) {
        job.next++;
        if (dial(p)) return;
        job.failed++;
    }
    SSL_SESSION_free(p->session);
    p->session = NULL;
    job.open--;
}

static bool is_pending(const struct peer *p) {
    return p->ssl != NULL && SSL_has_pending(p->ssl) == 1;
}

static bool sender_event(struct peer *p) {
    if (p->shaking && !(shake(p, false) && secured(p))) return false;
    while (!p->shaking && p->step != STEPS) {
        if (!flush(p)) return false;
        int n = fill(p);
        if (n < 0) return false;
        if (n == 0) break;
        for (char *line; p->step != STEPS && !p->shaking && (line = get_line(p)) != NULL;)
            if (!sender_line(p, line)) return false;
        if (!is_pending(p)) break;
    }
    return flush(p);
}

static char *make_body(int size) {
    static const char head[] = "From: <sender@bench.example>\r\nTo: <list@bench.example>\r\nSubject: measured\r\n"
                               "Date: Sat, 21 Nov 2026 07:24:00 +0000\r\nMessage-ID: <m@bench.example>\r\n\r\n";
    static const char line[] = "a line of seventy-four characters, which is what people write in their mails\r\n";
    char *body = malloc((size_t)size + sizeof line);
    if (body == NULL) exit(1);
    for (int i = 0; i < size; i++) body[i] = line[(size_t)i % (sizeof line - 1)];
    memcpy(body, head, sizeof head - 1);
    memcpy(body + size - 2, "\r\n.\r\n", 6);
    return body;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run_senders(int sessions) {
    static struct peer peers[SESSIONS_MAX];
    struct epoll_event events[EVENTS];
    job.body = make_body(job.size);
    double begin = now();
    for (; job.open < sessions && job.next < job.count; job.next++)
        if (!dial(&peers[job.open++])) return 1;
    while (job.open > 0) {
        int n = epoll_wait(job.poll, events, EVENTS, TIMEOUT_MS);
        if (n <= 0) {
            job.failed += job.open;
            break;
        }
        for (int i = 0; i < n; i++) {
            struct peer *p = events[i].data.ptr;
            bool good = sender_event(p);
            if (!good || p->step == STEPS) sender_over(p, good);
        }
    }
    double took = now() - begin;
    printf("{\"seconds\": %.4f, \"rate\": %.1f, \"failed\": %d, \"resumed\": %d}\n", took, job.count / took, job.failed,
           job.resumed);
    free(job.body);
    return 0;
}

/* ---------------------------------------------------------------- taking */

static bool sink_data(struct peer *p, const char *line) {
    if (line[0] != '.' || line[1] != '\0') return true;
    p->in_data = false;
    job.taken++;
    return say(p, "250 2.0.0 taken\r\n");
}

static bool sink_line(struct peer *p, const char *line) {
    if (p->in_data) return sink_data(p, line);
    if (strncasecmp(line, "EHLO", 4) == 0)
        return say(p, p->ssl != NULL ? "250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
                                     : "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 STARTTLS\r\n");
    if (strcasecmp(line, "STARTTLS") == 0 && p->ssl == NULL) {
        p->begin = p->end = 0;
        return say(p, "220 2.0.0 go on\r\n") && flush(p) && shake(p, true);
    }
    if (strcasecmp(line, "DATA") == 0 && p->ssl != NULL) {
        p->in_data = true;
        return say(p, "354 go on\r\n");
    }
    if (strcasecmp(line, "QUIT") == 0) return say(p, "221 2.0.0 bye\r\n") && flush(p) && false;
    return say(p, p->ssl != NULL ? "250 2.0.0 fine\r\n" : "530 5.7.0 STARTTLS first\r\n");
}

static bool sink_event(struct peer *p) {
    if (p->shaking && !shake(p, true)) return false;
    while (!p->shaking) {
        int n = fill(p);
        if (n < 0) return false;
        if (n == 0) break;
        for (char *line; !p->shaking && (line = get_line(p)) != NULL;)
            if (!sink_line(p, line)) return false;
        if (!is_pending(p)) break;
    }
    return flush(p);
}

static void sink_accept(int listener) {
    static struct peer peers[SINK_MAX];
    struct peer *p = peers;
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    while (p < peers + SINK_MAX && p->fd != 0) p++;
    if (p < peers + SINK_MAX && watch(p, fd) && say(p, "220 sink ESMTP\r\n") && flush(p)) return;
    if (p < peers + SINK_MAX) p->fd = 0;
    close(fd);
}

static void sink_tell(void) {
    char text[32];
    if (job.told == job.taken) return;
    int n = snprintf(text, sizeof text, "mesg=%d\n", job.told = job.taken);
    if (write(STDOUT_FILENO, text, (size_t)n) != n) exit(1);
}

static int run_sink(const char *pem) {
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct epoll_event events[EVENTS], e = {.events = EPOLLIN};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    SSL_CTX_set_session_cache_mode(job.ctx, SSL_SESS_CACHE_OFF); /* tickets alone */
    SSL_CTX_set_num_tickets(job.ctx, 1);
    if (SSL_CTX_use_certificate_chain_file(job.ctx, pem) != 1 ||
        SSL_CTX_use_PrivateKey_file(job.ctx, pem, SSL_FILETYPE_PEM) != 1 ||
        bind(listener, (struct sockaddr *)&job.at, sizeof job.at) != 0 || listen(listener, BACKLOG) != 0 ||
        epoll_ctl(job.poll, EPOLL_CTL_ADD, listener, &e) != 0) {
        fprintf(stderr, "cannot listen\n");
        return 1;
    }
    for (;;) {
        int n = epoll_wait(job.poll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            struct peer *p = events[i].data.ptr;
            if (p == NULL) {
                sink_accept(listener);
            } else if (!sink_event(p)) {
                hang_up(p);
                p->fd = 0;
            }
        }
        sink_tell();
    }
}

int main(int argc, char **argv) {
    bool sink = argc == 4 && strcmp(argv[1], "sink") == 0;
    if (!sink && (argc != 7 || strcmp(argv[1], "send") != 0)) {
        fprintf(stderr, "usage: see the head of tls_peer.c\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    job.at = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(argv[2], NULL, 10))};
    job.at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    job.poll = epoll_create1(0);
    job.ctx = SSL_CTX_new(TLS_method());
    if (job.ctx == NULL || SSL_CTX_set_min_proto_version(job.ctx, TLS1_3_VERSION) != 1) return 1;
    SSL_CTX_set_read_ahead(job.ctx, 1);
    if (sink) return run_sink(argv[3]);
    int sessions = (int)strtol(argv[3], NULL, 10);
    job.count = (int)strtol(argv[4], NULL, 10);
    job.size = (int)strtol(argv[5], NULL, 10);
    job.domain = argv[6];
    if (sessions < 1 || sessions > SESSIONS_MAX || job.count < 1 || job.size < 512) return 2;
    return run_senders(sessions);
}
