/* See prefix.h. */
#include "lmda/prefix.h"

#include "proto/smtp/address.h"

/* Addresses were checked when they came in; a line end must not get out whatever they hold. */
static void address_put(struct buf *out, struct str address) {
    for (size_t i = 0; i < address.len; i++)
        if ((unsigned char)address.ptr[i] >= 0x20 && address.ptr[i] != 0x7f) buf_addc(out, address.ptr[i]);
}

void prefix_make(struct str sender, struct str recipient, struct str before, struct buf *out) {
    buf_adds(out, "Return-Path: <");
    address_put(out, sender);
    buf_adds(out, ">\r\nDelivered-To: ");
    address_put(out, recipient);
    buf_adds(out, "\r\n");
    buf_add(out, before);
}

bool prefix_delivered_before(struct str header, struct str recipient) {
    for (struct str rest = header; rest.len > 0;) {
        ptrdiff_t eol = str_find_str(rest, STR("\r\n"));
        struct str line = str_sub(rest, 0, eol < 0 ? rest.len : (size_t)eol);
        rest = str_sub(rest, line.len + 2, rest.len);
        if (line.len == 0) return false;
        if (!str_starts_nocase(line, STR("Delivered-To:"))) continue;
        if (address_same(str_trim(str_sub(line, sizeof "Delivered-To:" - 1, line.len)), recipient)) return true;
    }
    return false;
}
