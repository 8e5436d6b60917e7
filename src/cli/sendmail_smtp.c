/* `sendmail -bs`: a mail program talks SMTP on standard input and output; it is carried to this instance's own port. */
#include "cli/sendmail.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

enum { PIECE = 16 * 1024 };

int sendmail_dial(unsigned port) {
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0) return fd;
    cli_error("cannot connect to port %u of this machine: %s", port, strerror(errno));
    if (fd >= 0) close(fd);
    return -1;
}

static bool write_all(int fd, const char *p, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

/* Moves what is there; false at the end or on an error. */
static bool carry(int from, int to) {
    char piece[PIECE];
    ssize_t n = read(from, piece, sizeof piece);
    if (n < 0 && errno == EINTR) return true;
    return n > 0 && write_all(to, piece, (size_t)n);
}

int sendmail_smtp(unsigned port) {
    int fd = sendmail_dial(port);
    if (fd < 0) return EX_TEMPFAIL;
    struct pollfd fds[2] = {{STDIN_FILENO, POLLIN, 0}, {fd, POLLIN, 0}};
    bool server = true;
    while (server && (poll(fds, 2, -1) >= 0 || errno == EINTR)) {
        if (fds[0].fd >= 0 && (fds[0].revents & (POLLIN | POLLHUP | POLLERR)) && !carry(STDIN_FILENO, fd)) {
            (void)shutdown(fd, SHUT_WR);
            fds[0].fd = -1;
        }
        if (fds[1].revents & (POLLIN | POLLHUP | POLLERR)) server = carry(fd, STDOUT_FILENO);
    }
    close(fd);
    return EX_OK;
}
