#include "imapd/list.h"

#include "proto/imap/args.h"
#include "proto/imap/write.h"
#include "store/mailbox/rights.h"

enum { LINE_BYTES = 32 * IMAP_MAILBOX_MAX + 64 };

void list_add_attribute(struct buf *b, const char *attribute) {
    if (b->len > 0 && b->ptr[b->len - 1] != '(') buf_addc(b, ' ');
    buf_adds(b, attribute);
}

void list_add_attributes(struct buf *b, const Store__Folder *f) {
    if (f->no_select || (f->rights & RIGHT_READ) == 0) list_add_attribute(b, "\\Noselect");
    list_add_attribute(b, f->has_children ? "\\HasChildren" : "\\HasNoChildren");
    if (f->special_use != NULL && f->special_use[0] != '\0') list_add_attribute(b, f->special_use);
}

void list_tell_name(struct session *s, const char *attributes, struct str name, struct str old) {
    BUF_AUTO b = BUF_INIT(LINE_BYTES);
    buf_printf(&b, "* LIST (%s) \"/\" ", attributes);
    imap_write_mailbox(&b, name, s->utf8);
    if (!str_eq(name, old)) {
        buf_adds(&b, " (\"OLDNAME\" (");
        imap_write_mailbox(&b, old, s->utf8);
        buf_adds(&b, "))");
    }
    buf_adds(&b, "\r\n");
    session_put(s, buf_str(&b));
}
