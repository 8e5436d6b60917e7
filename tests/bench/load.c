/* Load generator. Prints one JSON line.
 *   load smtp   HOST PORT SESSIONS MESSAGES SIZE USERS DOMAIN       one message a connection, recipients u000@.. in
 * turn load login  HOST PORT SESSIONS LOGINS PASSWORD USERS DOMAIN     IMAP LOGIN + LOGOUT load append HOST PORT
 * SESSIONS MESSAGES SIZE PASSWORD DOMAIN    IMAP APPEND, session n as user a00n SMTP runs in one thread over epoll, so
 * that the generator takes little of the processor that it measures; IMAP has few sessions, each a thread with blocking
 * calls. LOAD_CLIENTS=N in the environment: SMTP sessions say that they come from N addresses (PROXY protocol). */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 16384, SESSIONS_MAX = 1000, TIMEOUT_S = 120 };

struct client {
    int fd;
    size_t begin, end;
    char in[LINE_MAX_BYTES];
};

static struct {
    const char *mode, *domain, *password;
    struct sockaddr_in to;
    int sessions, count, size, users, clients; /* clients: addresses that are told by the PROXY protocol; 0 = none */
    char *body;                                /* dot-free message text, CRLF line ends */
    atomic_int next, failed;
    double *latency;
} job;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool dial(struct client *c) {
    int one = 1;
    struct timeval limit = {.tv_sec = TIMEOUT_S};
    c->begin = c->end = 0;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0) return false;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(c->fd, (struct sockaddr *)&job.to, sizeof job.to) == 0) return true;
    close(c->fd);
    return false;
}

static bool send_all(struct client *c, const char *data, size_t len) {
    while (len > 0) {
        ssize_t n = write(c->fd, data, len);
        if (n <= 0) return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* The next line without its end, NUL-terminated; NULL when the connection is gone. */
static char *read_line(struct client *c) {
    for (;;) {
        char *start = c->in + c->begin, *stop = memchr(start, '\n', c->end - c->begin);
        if (stop != NULL) {
            *stop = '\0';
            c->begin = (size_t)(stop + 1 - c->in);
            return start;
        }
        memmove(c->in, start, c->end - c->begin);
        c->end -= c->begin;
        c->begin = 0;
        if (c->end == sizeof c->in) return NULL;
        ssize_t n = read(c->fd, c->in + c->end, sizeof c->in - c->end);
        if (n <= 0) return NULL;
        c->end += (size_t)n;
    }
}

static bool imap_tagged(struct client *c, const char *tag) {
    char *line;
    do {
        line = read_line(c);
    } while (line != NULL && strncmp(line, tag, strlen(tag)) != 0 && line[0] != '+');
    return line != NULL && (line[0] == '+' || strncmp(line + strlen(tag), " OK", 3) == 0);
}

static bool imap_command(struct client *c, const char *text) {
    return send_all(c, text, strlen(text)) && imap_tagged(c, "a");
}

static bool one_login(struct client *c, int n) {
    char login[256];
    snprintf(login, sizeof login, "a LOGIN u%03d@%s %s\r\n", n % job.users, job.domain, job.password);
    return read_line(c) != NULL && imap_command(c, login) && imap_command(c, "a LOGOUT\r\n");
}

static bool append_session(struct client *c, int session) {
    char text[256];
    snprintf(text, sizeof text, "a LOGIN a%03d@%s %s\r\n", session, job.domain, job.password);
    if (!dial(c) || read_line(c) == NULL || !imap_command(c, text)) return false;
    for (;;) {
        int n = atomic_fetch_add(&job.next, 1);
        if (n >= job.count) break;
        double begin = now();
        snprintf(text, sizeof text, "a APPEND INBOX {%d}\r\n", job.size);
        if (!imap_command(c, text) || !send_all(c, job.body, (size_t)job.size) || !imap_command(c, "\r\n"))
            return false;
        job.latency[n] = now() - begin;
    }
    bool ok = imap_command(c, "a LOGOUT\r\n");
    close(c->fd);
    return ok;
}

/* ---------------------------------------------------------------- SMTP over epoll */

enum step { GREETING, HELLO, SENDER, RECIPIENT, DATA, END, QUIT, STEPS };

struct session {
    int fd, number;
    enum step step;
    bool told; /* where the client comes from */
    double begin;
    size_t have; /* of the reply line that is under way */
    size_t sent; /* of the body */
    char line[512];
};

static const char expected[STEPS] = {'2', '2', '2', '2', '3', '2', '2'};

static bool session_open(struct session *s, int poll, int number) {
    int one = 1;
    *s = (struct session){.number = number, .begin = now()};
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (s->fd < 0) return false;
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = s};
    if (connect(s->fd, (struct sockaddr *)&job.to, sizeof job.to) != 0 && errno != EINPROGRESS) return false;
    return epoll_ctl(poll, EPOLL_CTL_ADD, s->fd, &e) == 0;
}

/* PROXY protocol, version 1: 198.18.0.1 and up, each in turn. */
static bool session_tell(struct session *s) {
    char text[100];
    int client = 1 + (s->number) % job.clients;
    int n =
        snprintf(text, sizeof text, "PROXY TCP4 198.18.%d.%d 127.0.0.1 4711 25\r\n", client / 256 % 256, client % 256);
    s->told = true;
    return write(s->fd, text, (size_t)n) == n;
}

/* The rest of the body with the final dot, as far as the socket takes it. */
static bool session_body(struct session *s) {
    size_t size = (size_t)job.size + 3;
    while (s->sent < size) {
        ssize_t n = write(s->fd, job.body + s->sent, size - s->sent);
        if (n < 0) return errno == EAGAIN;
        s->sent += (size_t)n;
    }
    return true;
}

/* What follows a good reply. */
static bool session_next(struct session *s) {
    char text[512];
    int n = 0;
    switch (++s->step) {
    case HELLO: n = snprintf(text, sizeof text, "EHLO bench.example\r\n"); break;
    case SENDER: n = snprintf(text, sizeof text, "MAIL FROM:<sender@bench.example>\r\n"); break;
    case RECIPIENT: n = snprintf(text, sizeof text, "RCPT TO:<u%03d@%s>\r\n", s->number % job.users, job.domain); break;
    case DATA: n = snprintf(text, sizeof text, "DATA\r\n"); break;
    case END: return session_body(s);
    case QUIT: n = snprintf(text, sizeof text, "QUIT\r\n"); break;
    default: return true;
    }
    return write(s->fd, text, (size_t)n) == n;
}

/* One line of a reply, without its end. */
static bool session_line(struct session *s, const char *line, size_t len) {
    if (len > 3 && line[3] == '-') return true;
    return len > 0 && line[0] == expected[s->step] && session_next(s);
}

/* False when it failed; s->step is STEPS at the good end. */
static bool session_read(struct session *s) {
    for (;;) {
        ssize_t n = read(s->fd, s->line + s->have, sizeof s->line - s->have);
        if (n < 0) return errno == EAGAIN;
        if (n == 0) return false;
        s->have += (size_t)n;
        bool drained = s->have < sizeof s->line;
        for (char *end; (end = memchr(s->line, '\n', s->have)) != NULL;) {
            size_t len = (size_t)(end + 1 - s->line);
            if (!session_line(s, s->line, len)) return false;
            if (s->step == STEPS) return true;
            s->have -= len;
            memmove(s->line, s->line + len, s->have);
        }
        if (drained) return true; /* edge: more bytes make another event */
        if (s->have == sizeof s->line) return false;
    }
}

static void session_event(struct session *s, int poll, unsigned events, int *open) {
    bool good = !(events & EPOLLERR) && (s->told || job.clients == 0 || !(events & EPOLLOUT) || session_tell(s)) &&
                (!(events & EPOLLOUT) || s->step != END || session_body(s)) &&
                (!(events & (EPOLLIN | EPOLLHUP)) || session_read(s));
    if (good && s->step != STEPS) return;
    if (!good) job.failed++;
    job.latency[s->number] = now() - s->begin;
    close(s->fd);
    while (true) {
        int n = atomic_fetch_add(&job.next, 1);
        if (n >= job.count) break;
        if (session_open(s, poll, n)) return;
        job.failed++;
    }
    (*open)--;
}

static void run_smtp(void) {
    static struct session sessions[SESSIONS_MAX];
    struct epoll_event events[SESSIONS_MAX];
    int poll = epoll_create1(0), open = 0;
    for (int i = 0; i < job.sessions && i < job.count; i++) {
        if (session_open(&sessions[i], poll, atomic_fetch_add(&job.next, 1)))
            open++;
        else
            job.failed++;
    }
    while (open > 0) {
        int n = epoll_wait(poll, events, SESSIONS_MAX, TIMEOUT_S * 1000);
        if (n <= 0) {
            job.failed += open;
            break;
        }
        for (int i = 0; i < n; i++) session_event(events[i].data.ptr, poll, events[i].events, &open);
    }
    close(poll);
}

/* ---------------------------------------------------------------- IMAP in threads */

static void *run(void *arg) {
    int session = (int)(size_t)arg;
    struct client *c = calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    if (strcmp(job.mode, "append") == 0) {
        if (!append_session(c, session)) job.failed++;
        free(c);
        return NULL;
    }
    for (;;) {
        int n = atomic_fetch_add(&job.next, 1);
        if (n >= job.count) break;
        double begin = now();
        if (!dial(c) || !one_login(c, n)) job.failed++;
        job.latency[n] = now() - begin;
        close(c->fd);
    }
    free(c);
    return NULL;
}

static char *make_body(int size) {
    static const char head[] = "From: <sender@bench.example>\r\nTo: <list@bench.example>\r\nSubject: measured\r\n"
                               "Date: Sat, 21 Nov 2026 07:24:00 +0000\r\nMessage-ID: <m@bench.example>\r\n\r\n";
    char *body = malloc((size_t)size + 3);
    if (body == NULL) exit(1);
    unsigned seed = 12345;
    for (int i = 0; i < size; i++) {
        seed = seed * 1103515245 + 12345;
        int column = i % 76;
        body[i] = (char)(column == 74   ? '\r'
                         : column == 75 ? '\n'
                                        : "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJ"[seed >> 16 & 31]);
    }
    memcpy(body, head, sizeof head - 1);
    memcpy(body + size - 2, "\r\n.\r\n", 5);
    return body;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
    if (argc != 9) {
        fprintf(stderr, "usage: see the head of load.c\n");
        return 2;
    }
    job.mode = argv[1];
    job.to.sin_family = AF_INET;
    inet_pton(AF_INET, argv[2], &job.to.sin_addr);
    job.to.sin_port = htons((uint16_t)strtol(argv[3], NULL, 10));
    job.sessions = (int)strtol(argv[4], NULL, 10);
    job.count = (int)strtol(argv[5], NULL, 10);
    bool login = strcmp(job.mode, "login") == 0, append = strcmp(job.mode, "append") == 0;
    job.size = login ? 1024 : (int)strtol(argv[6], NULL, 10);
    job.password = login ? argv[6] : append ? argv[7] : "";
    job.users = append ? 1 : (int)strtol(argv[7], NULL, 10);
    job.domain = argv[8];
    const char *clients = getenv("LOAD_CLIENTS");
    job.clients = clients == NULL ? 0 : (int)strtol(clients, NULL, 10);
    if (job.sessions < 1 || job.sessions > SESSIONS_MAX || job.count < 1 || job.size < 512 || job.users < 1) return 2;
    job.body = make_body(job.size);
    job.latency = calloc((size_t)job.count, sizeof *job.latency);
    static pthread_t threads[SESSIONS_MAX];
    double begin = now();
    if (strcmp(job.mode, "smtp") == 0) {
        run_smtp();
    } else {
        for (int i = 0; i < job.sessions; i++) pthread_create(&threads[i], NULL, run, (void *)(size_t)i);
        for (int i = 0; i < job.sessions; i++) pthread_join(threads[i], NULL);
    }
    double took = now() - begin;
    qsort(job.latency, (size_t)job.count, sizeof *job.latency, by_value);
    printf("{\"seconds\": %.4f, \"rate\": %.1f, \"failed\": %d, \"p50_ms\": %.2f, \"p99_ms\": %.2f}\n", took,
           job.count / took, atomic_load(&job.failed), job.latency[job.count / 2] * 1e3,
           job.latency[job.count * 99 / 100] * 1e3);
    free(job.latency);
    free(job.body);
    return 0;
}
