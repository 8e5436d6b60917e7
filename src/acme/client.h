/* An ACME client (RFC 8555): one account at one authority; linear, in a fiber. What shows proofs to the outside is
 * given by the caller. */
#ifndef IEMS_ACME_CLIENT_H
#define IEMS_ACME_CLIENT_H

#include "acme/keys.h"
#include "http/fetch.h"
#include "proto/acme/acme.h"

enum { ACME_URL_MAX = 1000, ACME_NONCE_MAX = 300, ACME_CHAIN_MAX = 64 * 1024, ACME_CONTACT_MAX = 400 };

struct acme_ops {
    /* Shows the proof of a challenge ("http-01", "tls-alpn-01") from when it returns until `hide`. */
    int (*show)(void *arg, const char *type, const char *name, struct str token, struct str key_authorization,
                struct error *err);
    void (*hide)(void *arg, const char *type, const char *name, struct str token);
};

struct acme_client {
    struct http_client http;
    const struct acme_ops *ops;
    void *arg;
    const char *directory_url, *contact; /* contact: a mail address or "" */
    bool terms_agreed;
    EVP_PKEY *key;               /* of the account */
    char kid[ACME_URL_MAX];      /* the account's URL; "" = it is to be made */
    uint64_t deadline_ms;        /* of what is under way */
    struct acme_problem problem; /* the authority's last refusal */
    /* inside */
    struct arena *arena;
    struct acme_directory directory;
    char nonce[ACME_NONCE_MAX];
};

/* Gets a certificate for `name`, proved by one type of challenge: the chain in PEM. ERR_DENIED: the authority refuses
 * (terms, account, proof), with its reason. ERR_AGAIN: it wants to be left alone for a while. Others as http_fetch. */
NODISCARD int acme_order(struct acme_client *c, const char *name, const char *type, EVP_PKEY *key, struct buf *chain,
                         struct error *err);

/* request.c */
NODISCARD int acme_get_directory(struct acme_client *c, struct error *err);
/* A signed request. 0 = an answer of 2xx. `payload` empty: POST-as-GET. */
NODISCARD int acme_post(struct acme_client *c, struct str url, struct str payload, struct http_answer *out,
                        struct error *err);
/* Makes the account, or finds the one of this key. */
NODISCARD int acme_account(struct acme_client *c, struct error *err);

#endif
