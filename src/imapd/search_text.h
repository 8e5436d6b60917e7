/* Finding text in messages: without case, in UTF-8, over transfer encodings, charsets and encoded-words. */
#ifndef IEMS_IMAPD_SEARCH_TEXT_H
#define IEMS_IMAPD_SEARCH_TEXT_H

#include "imapd/content.h"
#include "proto/mime/search_text.h"

/* `needle` is folded. 1 = found, 0 = not, negative = ERR_. */
NODISCARD int search_header_field(struct str header, struct str name, struct str needle);
/* The same for fields of addresses: also as the envelope has them. */
NODISCARD int search_header_address(struct str header, struct str name, struct str needle);
NODISCARD int search_header_text(struct str header, struct str needle);
/* The text of all parts; with their MIME headers, without the header of the message. */
NODISCARD int search_body(struct content *c, struct str needle);

#endif
