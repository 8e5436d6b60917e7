/* Tokens of authorized URLs (RFC 4467): the HMAC of the URL before the token, with the access key of the mailbox, which
 * the store keeps with its annotations under URL_KEY_NAME: no client can ask for that name. */
#ifndef IEMS_PROTO_IMAP_URL_TOKEN_H
#define IEMS_PROTO_IMAP_URL_TOKEN_H

#include "proto/imap/url.h"

#define URL_KEY_NAME "urlauth"
enum { URL_KEY_HEX = 64, URL_TOKEN_MAX = 65 };

/* `key`: in hexadecimal. ERR_CORRUPT: it is none. */
NODISCARD int imap_url_token(const struct imap_url *u, struct str key, char out[static URL_TOKEN_MAX]);
/* May this user have what the URL means, as far as ";URLAUTH=" says? `submission`: the one who asks is a server that
 * sends mail for him. Not whether the token is right. */
bool imap_url_may_use(const struct imap_url *u, struct str address, bool submission);

#endif
