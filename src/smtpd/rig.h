/* For tests: a session of smtpd over a socket pair, with a directory and a store made for the purpose behind RPC, and a
 * client that plays scripts. */
#ifndef IEMS_SMTPD_RIG_H
#define IEMS_SMTPD_RIG_H

#include "net/net_test.h"
#include "smtpd/session.h"

enum { RIG_BODY_MAX = 64 * 1024 * 1024, RIG_REPLIES_MAX = 512 * 1024 };

struct rig {
    struct smtpd d;
    struct rpc_server *store_server, *dir_server;
    /* What the store was given last. */
    unsigned submitted;
    struct buf body; /* without the prefix */
    struct buf prefix, sender, recipients, trace, auth_user, envid, ret, refusals;
    bool smtputf8, body_8bit, body_binary, chunked, requiretls, tls_optional;
    int64_t ready, deliver_by;
    int mt_priority, priority_field;
    char by_mode[4], future_release[64];
    unsigned received, uploads_open, uploads_dropped, appends;
    struct buf upload;
    /* What it shall do. */
    int submit_error, append_error, run_error;
    struct buf ran; /* destinations of QUEUE_RUN; those that begin with "empty" have nothing waiting */
    unsigned append_delay_ms;
    uint64_t resolves;
    bool hold_resolve; /* of userheld@..., until `resolve_go` is signalled */
    struct cond resolve_go;
    struct buf tags;    /* of the entry: "name=value" lines */
    unsigned questions; /* to DNS */
    Store__Usage usage; /* of everybody who is logged in */
    unsigned brakes, releases;
};
extern struct rig rig;

/* Runs `fn` in a fiber with everything made anew, options at their defaults. */
void rig_run(void (*fn)(void));
/* A test whose body runs in it. */
#define RIG_TEST(name)                                                                                                 \
    static void name##_rig(void);                                                                                      \
    static void name(void **state) {                                                                                   \
        (void)state;                                                                                                   \
        rig_run(name##_rig);                                                                                           \
    }                                                                                                                  \
    static void name##_rig(void)

#define STRANGER  "192.0.2.7"
#define LOCAL     "127.0.0.1"
#define RIG_HELLO "< 220 mail.example.test ESMTP\n> EHLO client.example\n< 250 mail.example.test\n"

/* Gives a table rows, as rows_parse takes them: "access", "sender", "dnslist", "peer". */
void rig_table(const char *name, const char *lines);
/* What DNS says: lines "NAME TYPE DATA", or "NAME TYPE !" for no answer before the time is over; names that are not
 * listed do not exist. Types A, AAAA, PTR, MX (DATA "10 host", or "0 ." for a null MX), TXT. */
void rig_dns(const char *lines);

/* From now on the server has a certificate. */
void rig_offer_tls(void);

struct rig_client {
    struct stream *stream;
    struct fiber *server;
    bool ended; /* the session has returned */
    struct smtpd *d;
    const struct service *service;
    struct stream *server_stream;
};
/* `peer`: the client's address as the session sees it. */
void rig_connect(struct rig_client *c, const char *service, const char *peer);
/* Plays a script, one step a line; `step`: bytes that are written at once.
 *   > text     sends the line and CRLF        >> text   sends text with \r \n \0 \t \\ for what they mean, nothing
 * added < prefix   a whole reply, its lines joined by blanks, begins so            <~ text   the next reply has text in
 * it =          the server has closed the connection */
void rig_play(struct rig_client *c, const char *script, size_t step);
/* Waits for the next reply and gives it as one line; valid until the next. */
const char *rig_reply(struct rig_client *c);
void rig_send(struct rig_client *c, struct str bytes, size_t step);
void rig_close(struct rig_client *c);
/* Connects, plays, closes: whole and byte by byte. */
void rig_talk(const char *service, const char *peer, const char *script);

#endif
