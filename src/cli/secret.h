/* Passwords, from where other processes of the host cannot read them: one line of a file, a terminal, standard input.
 */
#ifndef IEMS_CLI_SECRET_H
#define IEMS_CLI_SECRET_H

#include "base/buf.h"

#include <stdio.h>

/* Each appends one line without its end. ERR_IO, ERR_LIMIT; secret_ask: ERR_INVALID when there is no terminal. */
NODISCARD int secret_line(FILE *f, struct buf *out, struct error *err);
NODISCARD int secret_file(const char *path, struct buf *out, struct error *err);
NODISCARD int secret_ask(const char *prompt, struct buf *out, struct error *err);

#endif
