/* The two ends of a relay with TLS 1.3, for the benchmark: senders and a sink, each session a thread with blocking
 * calls. tls_peer send PORT SESSIONS MESSAGES SIZE DOMAIN     one message a connection, by STARTTLS; sessions are
 * resumed. Prints one JSON line. tls_peer sink PORT CERT_AND_KEY.pem                  takes mail by STARTTLS only;
 * prints "mesg=N" after each message Both insist on TLS 1.3. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { IN_MAX = 65536, SESSIONS_MAX = 200, TIMEOUT_S = 120, BACKLOG = 512 };

struct peer {
    int fd;
    SSL *ssl; /* NULL before STARTTLS */
    size_t begin, end;
    char in[IN_MAX];
};

static struct {
    SSL_CTX *ctx;
    struct sockaddr_in at;
    int count, size;
    const char *domain;
    char *body;
    atomic_int next, failed, taken, resumed;
} job;

static bool put(struct peer *p, const char *data, size_t len) {
    while (len > 0) {
        int part = len > INT32_MAX ? INT32_MAX : (int)len;
        ssize_t n = p->ssl != NULL ? SSL_write(p->ssl, data, part) : write(p->fd, data, (size_t)part);
        if (n <= 0) return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static bool put_text(struct peer *p, const char *text) {
    return put(p, text, strlen(text));
}

/* The next line without its end; NULL when the connection is gone. */
static char *get_line(struct peer *p) {
    for (;;) {
        char *start = p->in + p->begin, *stop = memchr(start, '\n', p->end - p->begin);
        if (stop != NULL) {
            p->begin = (size_t)(stop + 1 - p->in);
            *stop = '\0';
            if (stop > start && stop[-1] == '\r') stop[-1] = '\0';
            return start;
        }
        memmove(p->in, start, p->end - p->begin);
        p->end -= p->begin;
        p->begin = 0;
        size_t room = sizeof p->in - p->end;
        if (room == 0) return NULL;
        ssize_t n = p->ssl != NULL ? SSL_read(p->ssl, p->in + p->end, (int)room) : read(p->fd, p->in + p->end, room);
        if (n <= 0) return NULL;
        p->end += (size_t)n;
    }
}

static void hang_up(struct peer *p) {
    if (p->ssl != NULL) SSL_shutdown(p->ssl);
    SSL_free(p->ssl);
    close(p->fd);
}

static void set_up(struct peer *p, int fd) {
    int one = 1;
    struct timeval limit = {.tv_sec = TIMEOUT_S};
    *p = (struct peer){.fd = fd};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

/* ---------------------------------------------------------------- sending */

static bool reply(struct peer *p, char class) {
    for (;;) {
        const char *line = get_line(p);
        if (line == NULL || line[0] != class) return false;
        if (strlen(line) < 4 || line[3] != '-') return true;
    }
}

static bool say(struct peer *p, const char *text, char class) {
    return put_text(p, text) && reply(p, class);
}

static bool start_tls(struct peer *p, SSL_SESSION **session) {
    if (!say(p, "STARTTLS\r\n", '2') || (p->ssl = SSL_new(job.ctx)) == NULL) return false;
    SSL_set_fd(p->ssl, p->fd);
    if (*session != NULL) SSL_set_session(p->ssl, *session);
    if (SSL_connect(p->ssl) != 1) return false;
    if (SSL_session_reused(p->ssl)) job.resumed++;
    return true;
}

static bool send_one(struct peer *p, SSL_SESSION **session) {
    char rcpt[300];
    snprintf(rcpt, sizeof rcpt, "RCPT TO:<u000@%s>\r\n", job.domain);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    set_up(p, fd);
    if (connect(fd, (struct sockaddr *)&job.at, sizeof job.at) != 0) return false;
    bool ok = reply(p, '2') && say(p, "EHLO bench.example\r\n", '2') && start_tls(p, session) &&
              say(p, "EHLO bench.example\r\n", '2') && say(p, "MAIL FROM:<sender@bench.example>\r\n", '2') &&
              say(p, rcpt, '2') && say(p, "DATA\r\n", '3') && put(p, job.body, (size_t)job.size + 3) && reply(p, '2') &&
              say(p, "QUIT\r\n", '2');
    if (ok) { /* a ticket has come with what was read */
        SSL_SESSION_free(*session);
        *session = SSL_get1_session(p->ssl);
    }
    return ok;
}

static void *sender(void *arg) {
    SSL_SESSION *session = NULL;
    struct peer *p = malloc(sizeof *p);
    (void)arg;
    if (p == NULL) exit(1);
    while (atomic_fetch_add(&job.next, 1) < job.count) {
        if (!send_one(p, &session)) job.failed++;
        hang_up(p);
    }
    SSL_SESSION_free(session);
    free(p);
    return NULL;
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

static int run_senders(int sessions) {
    static pthread_t threads[SESSIONS_MAX];
    struct timespec a, b;
    job.body = make_body(job.size);
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < sessions; i++) pthread_create(&threads[i], NULL, sender, NULL);
    for (int i = 0; i < sessions; i++) pthread_join(threads[i], NULL);
    clock_gettime(CLOCK_MONOTONIC, &b);
    double took = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
    printf("{\"seconds\": %.4f, \"rate\": %.1f, \"failed\": %d, \"resumed\": %d}\n", took, job.count / took,
           atomic_load(&job.failed), atomic_load(&job.resumed));
    free(job.body);
    return 0;
}

/* ---------------------------------------------------------------- taking */

static bool take_body(struct peer *p) {
    char text[32];
    const char *line;
    if (!put_text(p, "354 go on\r\n")) return false;
    while ((line = get_line(p)) != NULL && strcmp(line, ".") != 0) continue;
    if (line == NULL) return false;
    int n = snprintf(text, sizeof text, "mesg=%d\n", atomic_fetch_add(&job.taken, 1) + 1);
    if (write(STDOUT_FILENO, text, (size_t)n) != n) exit(1);
    return put_text(p, "250 2.0.0 taken\r\n");
}

static bool take_tls(struct peer *p) {
    if (!put_text(p, "220 2.0.0 go on\r\n") || (p->ssl = SSL_new(job.ctx)) == NULL) return false;
    SSL_set_fd(p->ssl, p->fd);
    p->begin = p->end = 0;
    return SSL_accept(p->ssl) == 1;
}

static bool take_command(struct peer *p, const char *line) {
    if (strncasecmp(line, "EHLO", 4) == 0)
        return put_text(p, p->ssl != NULL ? "250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
                                          : "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 STARTTLS\r\n");
    if (strcasecmp(line, "STARTTLS") == 0 && p->ssl == NULL) return take_tls(p);
    if (strcasecmp(line, "DATA") == 0 && p->ssl != NULL) return take_body(p);
    if (strcasecmp(line, "QUIT") == 0) return put_text(p, "221 2.0.0 bye\r\n") && false;
    return put_text(p, p->ssl != NULL ? "250 2.0.0 fine\r\n" : "530 5.7.0 STARTTLS first\r\n");
}

static void *taker(void *arg) {
    struct peer *p = arg;
    const char *line = "";
    bool ok = put_text(p, "220 sink ESMTP\r\n");
    while (ok && (line = get_line(p)) != NULL) ok = take_command(p, line);
    hang_up(p);
    free(p);
    return NULL;
}

static int run_sink(const char *pem) {
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (SSL_CTX_use_certificate_chain_file(job.ctx, pem) != 1 ||
        SSL_CTX_use_PrivateKey_file(job.ctx, pem, SSL_FILETYPE_PEM) != 1 ||
        bind(listener, (struct sockaddr *)&job.at, sizeof job.at) != 0 || listen(listener, BACKLOG) != 0) {
        fprintf(stderr, "cannot listen\n");
        return 1;
    }
    for (;;) {
        pthread_t thread;
        struct peer *p = malloc(sizeof *p);
        int fd = accept(listener, NULL, NULL);
        if (p != NULL && fd >= 0) set_up(p, fd);
        if (p == NULL || fd < 0 || pthread_create(&thread, NULL, taker, p) != 0) {
            free(p);
            return 1;
        }
        pthread_detach(thread);
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
    job.ctx = SSL_CTX_new(TLS_method());
    if (job.ctx == NULL || SSL_CTX_set_min_proto_version(job.ctx, TLS1_3_VERSION) != 1) return 1;
    if (sink) return run_sink(argv[3]);
    int sessions = (int)strtol(argv[3], NULL, 10);
    job.count = (int)strtol(argv[4], NULL, 10);
    job.size = (int)strtol(argv[5], NULL, 10);
    job.domain = argv[6];
    if (sessions < 1 || sessions > SESSIONS_MAX || job.count < 1 || job.size < 512) return 2;
    return run_senders(sessions);
}
