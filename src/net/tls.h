/* TLS 1.2 and 1.3 (OpenSSL 3) as a filter on a stream. RFC 8446, RFC 9325 for what is offered. */
#ifndef IEMS_NET_TLS_H
#define IEMS_NET_TLS_H

#include "base/buf.h"
#include "net/stream.h"

struct tls_server; /* certificate, key, settings: shared by all sessions */
struct tls_client;

/* From PEM text (chain first, key anywhere). ERR_INVALID with a reason: "key does not match certificate". */
NODISCARD int tls_server_new(struct str pem, struct tls_server **out, struct error *err);
/* Replaces the certificate for new sessions; the old stays if the new one is bad. */
NODISCARD int tls_server_reload(struct tls_server *t, struct str pem, struct error *err);
void tls_server_free(struct tls_server *t);
int64_t tls_server_not_after(const struct tls_server *t); /* wall seconds of expiry */

enum tls_verify {
    TLS_VERIFY_NONE, /* opportunistic: encrypt, whoever it is */
    TLS_VERIFY_NAME, /* chain to a trusted root and name */
};
/* `roots_pem`: trusted roots, or empty for the system's (loaded now, before the jail closes). */
NODISCARD int tls_client_new(struct str roots_pem, struct tls_client **out, struct error *err);
void tls_client_free(struct tls_client *t);

/* Handshakes. The stream's input must be empty (see stream_discard_input). On failure the stream is failed. */
NODISCARD int tls_accept(struct stream *s, struct tls_server *t, uint64_t deadline_ms, struct error *err);
NODISCARD int tls_connect(struct stream *s, struct tls_client *t, struct str server_name, enum tls_verify verify,
                          uint64_t deadline_ms, struct error *err);

bool stream_is_tls(const struct stream *s);
struct tls_info {
    const char *version; /* "TLSv1.3" */
    const char *cipher;  /* "TLS_AES_256_GCM_SHA384" */
    int bits;
    char sni[256]; /* server side: name asked for, or "" */
    bool verified; /* client side: chain and name were good */
};
NODISCARD int tls_get_info(const struct stream *s, struct tls_info *out); /* ERR_NOTFOUND when not TLS */
/* Channel binding data: "tls-exporter" (RFC 9266, TLS 1.3) or "tls-server-end-point" (RFC 5929). ERR_NOTFOUND. */
NODISCARD int tls_channel_binding(const struct stream *s, const char *type, struct buf *out);

#endif
