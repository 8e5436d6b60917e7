/* Authorized URLs of messages (RFC 4467): the access key of a mailbox and the tokens made with it. Without the key
 * every token is void. */
#ifndef IEMS_IMAPD_URLAUTH_H
#define IEMS_IMAPD_URLAUTH_H

#include "imapd/session.h"
#include "proto/imap/url_token.h"

/* The URL names a message of this user on this server, and who may use it in a way that is known. */
bool urlauth_is_own(const struct session *s, const struct imap_url *u);
/* The token that fits the URL, hexadecimal; with `make` a mailbox without a key gets one. ERR_NOTFOUND: no such
 * mailbox, or no key. */
NODISCARD int urlauth_token(struct session *s, const struct imap_url *u, bool make, char out[static URL_TOKEN_MAX]);
/* Whether the user of the session may have what the URL means. ERR_DENIED; ERR_ of urlauth_token. */
NODISCARD int urlauth_check(struct session *s, const struct imap_url *u);
/* Forgets the key: tokens of the mailbox are void from now on. */
NODISCARD int urlauth_reset(struct session *s, struct str mailbox, struct error *err);

#endif
