/* iems-fetch USER HOST PORT ROOTS: an IMAP client that reads mail of another server for its parent, `iems import`, whom
 * it serves on descriptor 3. It looks up the host, loads the trusted roots (the file ROOTS, "" = the system's), becomes
 * USER (started as root) and closes its jail before it says a word: what the server sends is parsed where nothing but
 * sockets can be reached. Passwords come by the channel. */
#include "daemon/daemon.h"
#include "daemon/jail.h"
#include "fetch/fetch.h"
#include "net/fiber.h"
#include "net/loop.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>

enum { SOCKET = 3, ROOTS_MAX = 4 * 1024 * 1024 };

static const struct rpc_server_method methods[] = {
    {FETCH_LOGIN, fetch_on_login, true}, {FETCH_FOLDERS, fetch_on_folders, true}, {FETCH_SELECT, fetch_on_select, true},
    {FETCH_LIST, fetch_on_list, true},   {FETCH_BODIES, fetch_on_bodies, true},   {FETCH_NEXT, fetch_on_next, true},
};

static void closed(struct rpc_session *s, void *arg) {
    (void)s;
    (void)arg;
    loop_stop();
}

static void find_host(struct fetch *f, const char *host, const char *port) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV}, *list = NULL;
    int rc = getaddrinfo(host, port, &hints, &list);
    if (rc != 0) {
        error_fill(&f->start, ERR_NOTFOUND, "%.200s: %s", host, gai_strerror(rc));
        return;
    }
    for (const struct addrinfo *a = list; a != NULL && f->address_count < FETCH_ADDRESSES_MAX; a = a->ai_next)
        net_addr_from_sockaddr(a->ai_addr, &f->addresses[f->address_count++]);
    freeaddrinfo(list);
}

static void load_roots(struct fetch *f, const char *path) {
    BUF_AUTO roots = BUF_INIT(ROOTS_MAX);
    char piece[8192];
    FILE *file = path[0] == '\0' ? NULL : fopen(path, "re");
    if (path[0] != '\0' && file == NULL) {
        error_fill(&f->start, ERR_IO, "%.200s: %s", path, strerror(errno));
        return;
    }
    for (size_t n; file != NULL && (n = fread(piece, 1, sizeof piece, file)) > 0;) buf_add(&roots, str_of(piece, n));
    if (file != NULL) (void)fclose(file);
    if (tls_client_new(buf_str(&roots), &f->tls, &f->start) != 0 && f->start.code == 0)
        error_fill(&f->start, ERR_IO, "the trusted certificates cannot be loaded");
}

static void serve(void *arg) {
    static const struct rpc_server_ops ops = {
        .methods = methods, .count = sizeof methods / sizeof methods[0], .session_closed = closed};
    struct fetch *f = arg;
    if (rpc_server_new(&fetch_service, &ops, f, &f->server) != 0 ||
        rpc_server_add(f->server, SOCKET, ROLE_CLI, "import") != 0)
        loop_stop();
}

int main(int argc, char **argv) {
    static struct fetch f;
    struct error err = {0};
    if (argc != 5) {
        fputs("iems-fetch is started by `iems import --imap`\n", stderr);
        return EX_USAGE;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    load_roots(&f, argv[4]);
    const struct jail jail = {.needs = NEEDS_CONNECT, .user = argv[1]};
    if (jail_drop_user(argv[1], &err) == 0) find_host(&f, argv[2], argv[3]);
    f.arena = arena_new(FETCH_MEMORY_MAX);
    f.capabilities = BUF_INIT(FETCH_TEXT_MAX);
    imap_responses_init(&f.responses, FETCH_TEXT_MAX);
    if (err.code != 0 || loop_init(&err) != 0 || jail_enter(&jail, &err) != 0) {
        fprintf(stderr, "iems-fetch: %s\n", err.text);
        return EX_OSERR;
    }
    if (f.arena == NULL || fiber_spawn("serve", serve, &f, NULL) != 0) return EX_OSERR;
    loop_run();
    return EX_OK;
}
