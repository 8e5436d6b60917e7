/* sendmail for those who are neither root nor the user of the instance: as any client, by SMTP to this machine's port.
 * One message, all of its recipients or none (RFC 5321; RFC 3461 where the server offers it). */
#include "cli/sendmail.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sysexits.h>
#include <unistd.h>

enum { REPLY_MAX = 64 * 1024, COMMAND_MAX = 4096, WAIT_S = 300 };

struct dialog {
    int fd;
    struct buf in;    /* received and not used */
    struct buf reply; /* the last one, all lines */
    unsigned code;
};

static bool send_all(struct dialog *d, struct str s) {
    while (s.len > 0) {
        ssize_t n = send(d->fd, s.ptr, s.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        s = str_sub(s, (size_t)n, s.len);
    }
    return true;
}

static bool read_line(struct dialog *d, struct str *line) {
    ptrdiff_t end;
    while ((end = str_find(buf_str(&d->in), '\n')) < 0) {
        char piece[4096];
        ssize_t n = recv(d->fd, piece, sizeof piece, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        buf_add(&d->in, str_of(piece, (size_t)n));
        if (d->in.error != 0) return false;
    }
    *line = str_sub(buf_str(&d->in), 0, (size_t)end + 1);
    return true;
}

/* Reads a reply with all its lines. False: the connection is lost. */
static bool hear(struct dialog *d) {
    buf_clear(&d->reply);
    for (bool more = true; more;) {
        struct str line;
        uint64_t code;
        if (!read_line(d, &line) || line.len < 4 || str_to_u64(str_sub(line, 0, 3), 999, &code) != 0) return false;
        more = line.ptr[3] == '-';
        d->code = (unsigned)code;
        buf_add(&d->reply, line);
        buf_consume(&d->in, line.len);
        if (d->reply.error != 0) return false;
    }
    return true;
}

/* Prints what went wrong. */
static int refused(const struct dialog *d, const char *what) {
    if (d->code == 0 || d->reply.len == 0) {
        cli_error("%s: the connection to the mail server was lost", what);
        return EX_TEMPFAIL;
    }
    cli_error("%s: %.*s", what, STR_ARG(str_trim(buf_str(&d->reply))));
    return d->code < 500 ? EX_TEMPFAIL : EX_NOUSER;
}

static int ask(struct dialog *d, struct str command, unsigned want, const char *what) {
    d->code = 0;
    if (command.len > 0 && !send_all(d, command)) return refused(d, what);
    if (!hear(d)) d->code = 0;
    return d->code / 100 == want ? EX_OK : refused(d, what);
}

static bool offers(const struct buf *ehlo, const char *word) {
    return str_find_str_nocase(buf_str(ehlo), str_from(word)) >= 0;
}

static int say_mail(struct dialog *d, const struct sendmail *s, const struct buf *ehlo) {
    const Store__Entry *e = &s->entry;
    BUF_AUTO c = BUF_INIT(COMMAND_MAX);
    buf_printf(&c, "MAIL FROM:<%s>", s->sender);
    if (e->body_8bit && offers(ehlo, "8BITMIME")) buf_adds(&c, " BODY=8BITMIME");
    if (e->smtputf8 && offers(ehlo, "SMTPUTF8")) buf_adds(&c, " SMTPUTF8");
    if (offers(ehlo, "DSN") && e->ret[0] != '\0') buf_printf(&c, " RET=%s", e->ret);
    if (offers(ehlo, "DSN") && e->envid[0] != '\0') buf_printf(&c, " ENVID=%s", e->envid);
    buf_adds(&c, "\r\n");
    return ask(d, buf_str(&c), 2, s->sender);
}

static int say_rcpt(struct dialog *d, const Store__Recipient *r, const struct buf *ehlo) {
    static const char *const words[] = {"NEVER", "SUCCESS", "FAILURE", "DELAY"};
    BUF_AUTO c = BUF_INIT(COMMAND_MAX);
    buf_printf(&c, "RCPT TO:<%s>", r->address);
    const char *before = " NOTIFY=";
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if ((r->notify & (1u << i)) == 0 || !offers(ehlo, "DSN")) continue;
        buf_printf(&c, "%s%s", before, words[i]);
        before = ",";
    }
    buf_adds(&c, "\r\n");
    return ask(d, buf_str(&c), 2, r->address);
}

/* RFC 5321 section 4.5.2 */
static bool send_message(struct dialog *d, struct str message) {
    bool ok = true;
    while (ok && message.len > 0) {
        ptrdiff_t end = str_find(message, '\n');
        struct str line = str_sub(message, 0, end < 0 ? message.len : (size_t)end + 1);
        message = str_sub(message, line.len, message.len);
        if (line.ptr[0] == '.') ok = send_all(d, STR("."));
        if (ok) ok = send_all(d, line);
        if (ok && message.len == 0 && end < 0) ok = send_all(d, STR("\r\n"));
    }
    return ok && send_all(d, STR(".\r\n"));
}

static int converse(struct dialog *d, struct sendmail *s, struct str message) {
    BUF_AUTO ehlo = BUF_INIT(REPLY_MAX), c = BUF_INIT(COMMAND_MAX);
    int status = ask(d, STR_EMPTY, 2, "the mail server");
    buf_printf(&c, "EHLO %s\r\n", s->hostname);
    if (status == EX_OK) status = ask(d, buf_str(&c), 2, "EHLO");
    buf_add(&ehlo, buf_str(&d->reply));
    if (status == EX_OK) status = say_mail(d, s, &ehlo);
    for (size_t i = 0; i < s->entry.n_recipients && status == EX_OK; i++)
        status = say_rcpt(d, s->entry.recipients[i], &ehlo);
    if (status == EX_OK) status = ask(d, STR("DATA\r\n"), 3, "DATA");
    if (status != EX_OK) return status;
    d->code = 0;
    buf_clear(&d->reply);
    if (!send_message(d, message) || !hear(d) || d->code / 100 != 2) {
        status = refused(d, "the message was not accepted");
        return status == EX_NOUSER ? EX_DATAERR : status;
    }
    if (s->args->verbose) printf("%.*s\n", STR_ARG(str_trim(buf_str(&d->reply))));
    (void)send_all(d, STR("QUIT\r\n"));
    return EX_OK;
}

int sendmail_send(struct sendmail *s, struct str message) {
    const struct timeval wait = {.tv_sec = WAIT_S};
    struct dialog d = {.fd = sendmail_dial(s->port), .in = BUF_INIT(REPLY_MAX), .reply = BUF_INIT(REPLY_MAX)};
    if (d.fd < 0) return EX_TEMPFAIL;
    (void)setsockopt(d.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    (void)setsockopt(d.fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    int status = converse(&d, s, message);
    close(d.fd);
    buf_done(&d.in);
    buf_done(&d.reply);
    return status;
}
