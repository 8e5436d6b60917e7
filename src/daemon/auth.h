/* Authentication as the network modules see it: drives the exchange between a client and iems-dir. */
#ifndef IEMS_DAEMON_AUTH_H
#define IEMS_DAEMON_AUTH_H

#include "base/buf.h"
#include "net/stream.h"
#include "rpc/dir_methods.h"

struct auth_result {
    Dir__AuthState state; /* OK, FAILED, TEMPORARY, DISABLED, THROTTLED */
    char text[160];       /* for the reply line */
    struct buf ticket;    /* OK: for STORE_SESSION_OPEN */
    char address[320];    /* OK: primary address; also with `host` */
    char host[256];       /* DISABLED: that has the mailbox; "" = another reason */
    uint64_t account, quota;
    bool may_send;
};
void auth_result_done(struct auth_result *r);

struct auth_io {
    /* Sends a challenge (raw, not yet base64) and reads the client's answer (decoded) into `response`.
     * ERR_CANCELLED: the client gave up with "*"; ERR_INVALID: not base64; others: connection. */
    int (*challenge)(void *arg, struct str challenge, struct buf *response);
    void *arg;
};

/* Mechanisms to announce, separated by blanks: of the table in proto/sasl/mechanism.c those that this connection and
 * the options allow; what would tell a secret only when `plaintext_ok`. Good until the next call. */
const char *auth_mechanisms(const struct stream *s, bool plaintext_ok);
/* Whether `mechanism`, in any case, is one of them: ask before auth_sasl. */
static inline bool auth_is_offered(const struct stream *s, bool plaintext_ok, struct str mechanism) {
    struct str all = str_from(auth_mechanisms(s, plaintext_ok));
    for (struct str word; (word = str_word(&all)).len > 0;) {
        if (str_eq_nocase(word, mechanism)) return true;
    }
    return false;
}
/* 0 when the exchange ended with a state in `out`; waits out->delay before it tells a failure. ERR_UNSUPPORTED: unknown
 * mechanism; others as from the io, or ERR_TIMEOUT/ERR_IO from iems-dir (tell the client a temporary failure). */
NODISCARD int auth_sasl(struct rpc_client *dir, const char *service, struct stream *s, struct str mechanism,
                        bool has_initial, struct str initial, const struct auth_io *io, struct auth_result *out,
                        struct error *err);
/* LOGIN of IMAP, USER/PASS of POP3. */
NODISCARD int auth_login(struct rpc_client *dir, const char *service, struct stream *s, struct str user,
                         struct str password, struct auth_result *out, struct error *err);

#endif
