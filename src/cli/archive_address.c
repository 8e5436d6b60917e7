/* Addresses of accounts in the LDIF file of a backup. */
#include "base/encode.h"
#include "cli/archive.h"
#include "directory/slapd_config.h"
#include "rpc/ticket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PIECE = 4096, LINE_BYTES = 64 * 1024 };

struct entry {
    struct buf line; /* with what goes on in the next ones; of a longer one the beginning */
    struct buf mail;
    uint64_t number;
    bool deleted;
};

static void take_line(struct entry *e) {
    struct str value = str_sub(buf_str(&e->line), 0, LINE_BYTES), name = str_cut(&value, ':');
    bool coded = str_starts(value, STR(":"));
    BUF_AUTO text = BUF_INIT(LINE_BYTES);
    struct str plain = str_trim(coded ? str_sub(value, 1, value.len) : value);
    if (!coded)
        buf_add(&text, plain);
    else if (base64_decode(&text, plain) != 0)
        buf_clear(&text);
    if (str_eq_nocase(name, STR("dn"))) e->deleted = str_ends_nocase(buf_str(&text), STR("," DIRECTORY_DELETED_DN));
    if (str_eq_nocase(name, STR("mail")) && e->mail.len == 0) buf_add(&e->mail, buf_str(&text));
    uint64_t number;
    if (str_eq_nocase(name, STR("ieaccountid")) && str_to_u64(buf_str(&text), INT64_MAX, &number) == 0)
        e->number = number;
    buf_clear(&e->line);
}

/* A piece of the file up to the end of a line. True: the entry is over. */
static bool take_piece(struct entry *e, struct str piece, bool start) {
    if (start && str_starts(piece, STR(" "))) {
        piece = str_sub(piece, 1, piece.len);
    } else if (start) {
        take_line(e);
    }
    bool over = start && str_eq(piece, STR("\n"));
    if (piece.len > 0 && piece.ptr[piece.len - 1] == '\n') piece = str_sub(piece, 0, piece.len - 1);
    if (e->line.len + piece.len <= LINE_BYTES) buf_add(&e->line, piece);
    return over;
}

int archive_address(const char *ldif, uint64_t number, struct buf *out, struct error *err) {
    struct entry e = {.line = BUF_INIT(LINE_BYTES), .mail = BUF_INIT(TICKET_ADDRESS_MAX)};
    char piece[PIECE];
    FILE *f = fopen(ldif, "re");
    bool found = false;
    if (f == NULL) return error_set(err, ERR_IO, "%s: %s", ldif, strerror(errno));
    for (bool start = true; !found;) {
        bool more = fgets(piece, sizeof piece, f) != NULL;
        struct str s = more ? str_from(piece) : STR("\n");
        bool over = take_piece(&e, s, start);
        found = over && e.number == number && !e.deleted && e.mail.error == 0;
        if (!more) break;
        start = str_ends(s, STR("\n"));
        if (!over || found) continue;
        buf_clear(&e.mail);
        e.number = 0;
        e.deleted = false;
    }
    if (found) buf_add(out, buf_str(&e.mail));
    (void)fclose(f);
    buf_done(&e.line);
    buf_done(&e.mail);
    return out->error;
}
