#include "cli/secret.h"

#include <errno.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

int secret_line(FILE *f, struct buf *out, struct error *err) {
    for (int c; (c = fgetc(f)) != EOF && c != '\n';) {
        if (c != '\r') buf_addc(out, (char)c);
    }
    if (ferror(f)) return error_set(err, ERR_IO, "the password cannot be read: %s", strerror(errno));
    return out->error == 0 ? 0 : error_set(err, ERR_LIMIT, "the password is too long");
}

int secret_ask(const char *prompt, struct buf *out, struct error *err) {
    FILE *tty = fopen("/dev/tty", "r+");
    struct termios before, quiet;
    if (tty == NULL)
        return error_set(err, ERR_INVALID,
                         "no terminal to ask for the password: use --password-stdin or --password-file");
    bool hide = tcgetattr(fileno(tty), &before) == 0;
    if (hide) {
        quiet = before;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(fileno(tty), TCSAFLUSH, &quiet);
    }
    (void)fputs(prompt, tty);
    (void)fflush(tty);
    int rc = secret_line(tty, out, err);
    if (hide) (void)tcsetattr(fileno(tty), TCSAFLUSH, &before);
    (void)fputc('\n', tty);
    (void)fclose(tty);
    return rc;
}

int secret_file(const char *path, struct buf *out, struct error *err) {
    FILE *f = fopen(path, "re");
    if (f == NULL) return error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    int rc = secret_line(f, out, err);
    (void)fclose(f);
    return rc;
}
