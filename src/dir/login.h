/* One attempt to log in, and the mechanisms that decide it. */
#ifndef IEMS_DIR_LOGIN_H
#define IEMS_DIR_LOGIN_H

#include "dir/dir.h"
#include "proto/sasl/scram.h"

enum { LOGIN_USER_MAX = 1100, LOGIN_WORD_MAX = 32, LOGIN_PEER_MAX = 64 };

struct login {
    char name[LOGIN_USER_MAX];
    char service[LOGIN_WORD_MAX], mechanism[LOGIN_WORD_MAX], peer[LOGIN_PEER_MAX];
    bool tls;
    struct brake_key brake_account, brake_network;
};

struct login_user {
    const struct entry *entry; /* NULL: there is no such account; good until the fiber waits */
    uint64_t account;
    uint32_t verifier;
};

/* The name as the client gave it. ERR_LIMIT, ERR_INVALID. */
NODISCARD int login_set_name(struct login *l, struct str name);

/* The account of l->name, as of now. */
void login_find(struct dir *d, struct login *l, struct arena *arena, struct login_user *out);
/* Nobody acts for somebody else: empty, or another name of the same account (RFC 4616 section 2). */
bool login_authzid_ok(struct dir *d, struct str authzid, const struct login_user *u, struct arena *arena);
/* The network has failed too often. */
bool login_is_braked(struct dir *d, const struct login *l);

/* Answers: the proof was right (the account may be disabled); it was not (counted by the brake); come later.
 * `challenge`: additional data with success. */
NODISCARD int login_accept(struct dir *d, struct rpc_request *r, struct login *l, const struct login_user *u,
                           struct str challenge, struct error *err);
int login_refuse(struct dir *d, struct rpc_request *r, const struct login *l);
int login_throttle(struct dir *d, struct rpc_request *r);
int login_fail_for_now(struct rpc_request *r);

/* Each of these answers the request (and returns 0), but for login_scram_first: 0 = `challenge` is to be sent,
 * RPC_LATER = the request was answered, the exchange is over. */
NODISCARD int login_password(struct dir *d, struct rpc_request *r, struct login *l, struct str authzid,
                             struct str password, struct error *err);
NODISCARD int login_scram_first(struct dir *d, struct rpc_request *r, struct login *l, enum scram_hash hash,
                                struct scram *s, struct scram_keys *keys, struct str message, struct buf *challenge);
NODISCARD int login_scram_final(struct dir *d, struct rpc_request *r, struct login *l, struct scram *s,
                                const struct scram_keys *keys, const struct scram_bindings *bindings,
                                struct str message, struct error *err);

/* A token of OAUTHBEARER or XOAUTH2. ERR_DENIED: it is not good; nothing was answered yet. */
NODISCARD int login_token(struct dir *d, struct rpc_request *r, struct login *l, struct str name, struct str token,
                          struct error *err);
/* EXTERNAL: `certificate` (DER) as the client showed it in its handshake. */
NODISCARD int login_certificate(struct dir *d, struct rpc_request *r, struct login *l, struct str certificate,
                                struct str authzid, struct error *err);

#endif
