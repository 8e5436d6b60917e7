#include "imapd/list.h"

#include "proto/imap/args.h"
#include "proto/imap/write.h"

enum { LINE_BYTES = 32 * IMAP_MAILBOX_MAX + 64 };

void list_tell_name(struct session *s, struct str name, struct str old) {
    BUF_AUTO b = BUF_INIT(LINE_BYTES);
    buf_adds(&b, "* LIST () \"/\" ");
    imap_write_mailbox(&b, name, s->utf8);
    if (!str_eq(name, old)) {
        buf_adds(&b, " (\"OLDNAME\" (");
        imap_write_mailbox(&b, old, s->utf8);
        buf_adds(&b, "))");
    }
    buf_adds(&b, "\r\n");
    session_put(s, buf_str(&b));
}
