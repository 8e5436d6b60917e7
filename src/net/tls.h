/* TLS 1.2 and 1.3 (OpenSSL 3) as a filter on a stream. RFC 8446, RFC 9325 for what is offered. */
#ifndef IEMS_NET_TLS_H
#define IEMS_NET_TLS_H

#include "base/buf.h"
#include "net/stream.h"

struct tls_server; /* certificate, key, settings: shared by all sessions */
struct tls_client;

/* From PEM text (see tls_identity.h): the certificate for clients that ask for no name or one that is not known.
 * ERR_INVALID with a reason: "key does not match certificate". */
NODISCARD int tls_server_new(struct str pem, struct tls_server **out, struct error *err);
/* Replaces that certificate for new sessions; the old stays if the new one is bad. */
NODISCARD int tls_server_reload(struct tls_server *t, struct str pem, struct error *err);

struct tls_named {
    struct str name; /* "" = see tls_server_new; "mail.example.org"; "*.example.org": one label below */
    struct str pem;
    bool challenge; /* proof for a certificate authority, shown only to one that asks by "acme-tls/1" (RFC 8737) */
};
/* Without any certificate yet: every handshake fails. */
NODISCARD int tls_server_new_empty(struct tls_server **out);
/* Replaces all certificates for new sessions. Those that are bad are left out and told to `bad` (may be NULL); the one
 * for unknown names stays when there is no good new one. ERR_NOMEM leaves all as it was. */
NODISCARD int tls_server_set(struct tls_server *t, const struct tls_named *list, size_t count,
                             void (*bad)(struct str name, const struct error *err, void *arg), void *arg);
/* Protocols that clients may name by ALPN (RFC 7301), separated by blanks, lent for ever: who names only others is
 * refused. "" = nobody is. */
void tls_server_set_protocols(struct tls_server *t, const char *protocols);
/* Whether clients are asked for a certificate. Any that shows the key to it will do: see tls_peer_certificate. */
void tls_server_ask_certificates(struct tls_server *t, bool ask);
/* TLS 1.3 alone. */
void tls_server_require_13(struct tls_server *t);
bool tls_server_is_empty(const struct tls_server *t);
void tls_server_free(struct tls_server *t);
int64_t tls_server_not_after(const struct tls_server *t); /* wall seconds of expiry */

enum tls_verify {
    TLS_VERIFY_NONE,        /* opportunistic: encrypt, whoever it is */
    TLS_VERIFY_NAME,        /* chain to a trusted root and name */
    TLS_VERIFY_FINGERPRINT, /* SHA-256 of the certificate or of its public key is one of those given */
    TLS_VERIFY_DANE,        /* TLSA records of usage 2 and 3 (RFC 7671, RFC 7672) */
};
struct tls_tlsa {
    uint8_t usage, selector, matching;
    struct str data;
};
enum { TLS_FINGERPRINT = 32 };
/* What a client wants of the server. */
struct tls_expect {
    enum tls_verify verify;
    struct str name;         /* said as SNI; the certificate must be for it (not with FINGERPRINT, DANE usage 3) */
    const struct str *names; /* other names that will do as well */
    size_t name_count;
    const struct tls_tlsa *tlsa;
    size_t tlsa_count;
    const unsigned char (*fingerprints)[TLS_FINGERPRINT];
    size_t fingerprint_count;
    bool san_only;     /* the name must be a DNS-ID of the certificate, its CN does not count (RFC 8461 section 4.2) */
    struct str resume; /* address and port: sessions with the same expectations are resumed; empty = never */
};
/* What is wrong with the server's certificate. */
enum tls_fault {
    TLS_FAULT_NONE,
    TLS_FAULT_HANDSHAKE, /* it did not come to a certificate */
    TLS_FAULT_UNTRUSTED, /* chain to no trusted root */
    TLS_FAULT_EXPIRED,
    TLS_FAULT_NAME,
    TLS_FAULT_TLSA, /* matches no TLSA record */
    TLS_FAULT_FINGERPRINT,
};
/* `roots_pem`: trusted roots, or empty for the system's (loaded now, before the jail closes). */
NODISCARD int tls_client_new(struct str roots_pem, struct tls_client **out, struct error *err);
void tls_client_free(struct tls_client *t);
/* Shows the certificate of `pem` (see tls_identity.h) to servers that ask for one, and speaks TLS 1.3 alone. */
NODISCARD int tls_client_identify(struct tls_client *t, struct str pem, struct error *err);

/* Handshakes. The stream's input must be empty (see stream_discard_input). On failure the stream is failed. */
NODISCARD int tls_accept(struct stream *s, struct tls_server *t, uint64_t deadline_ms, struct error *err);
NODISCARD int tls_connect(struct stream *s, struct tls_client *t, struct str server_name, enum tls_verify verify,
                          uint64_t deadline_ms, struct error *err);

/* The same with all that can be expected. `fault` tells what is wrong with the certificate, also when TLS_VERIFY_NONE
 * goes on with it: then as with TLS_VERIFY_NAME. With DANE and no usable record: as with TLS_VERIFY_NONE, see tls_info.
 */
NODISCARD int tls_connect_as(struct stream *s, struct tls_client *t, const struct tls_expect *e, uint64_t deadline_ms,
                             enum tls_fault *fault, struct error *err);

bool stream_is_tls(const struct stream *s);
struct tls_info {
    const char *version; /* "TLSv1.3" */
    const char *cipher;  /* "TLS_AES_128_GCM_SHA256" */
    int bits;
    char sni[256]; /* server side: name asked for, or "" */
    bool verified; /* client side: chain and name were good, or what else was expected */
    bool resumed;
    enum tls_verify by; /* client side: how it was verified */
};
NODISCARD int tls_get_info(const struct stream *s, struct tls_info *out); /* ERR_NOTFOUND when not TLS */
/* The certificate of the other side, DER, verified or not; `out` may be NULL. ERR_NOTFOUND when there is none. */
NODISCARD int tls_peer_certificate(const struct stream *s, struct buf *out);
/* Its public key, as the SHA-256 that TLS_VERIFY_FINGERPRINT knows, and its last second (wall seconds; of one that is
 * not valid yet: 0). ERR_NOTFOUND when there is none. */
NODISCARD int tls_peer_key(const struct stream *s, unsigned char digest[static TLS_FINGERPRINT], int64_t *not_after);
/* Channel binding data: "tls-exporter" (RFC 9266, TLS 1.3) or "tls-server-end-point" (RFC 5929). ERR_NOTFOUND. */
NODISCARD int tls_channel_binding(const struct stream *s, const char *type, struct buf *out);

#endif
