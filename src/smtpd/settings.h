/* The options of smtpd as its sessions use them: read once, and again when they change. */
#ifndef IEMS_SMTPD_SETTINGS_H
#define IEMS_SMTPD_SETTINGS_H

#include "net/address.h"

struct daemon;

struct network_list {
    struct net_range *ranges;
    size_t count;
};

/* Who may ask for a queue run by ETRN, and for the mail itself by ATRN; each includes those behind it. */
enum etrn_policy { ETRN_NEVER, ETRN_AUTH, ETRN_NETWORK, ETRN_ANYONE };

/* Extensions beyond those of the first ESMTP servers (ESMTP-04, ESMTP-08). */
struct smtpd_extensions {
    bool atrn, burl, chunking, smtputf8, limits, deliverby, mt_priority, requiretls, mailbox;
    enum etrn_policy etrn;
    uint64_t future_release_s;                    /* longest hold; 0 = not offered */
    uint64_t deliverby_min_s;                     /* shortest deadline that is taken; 0 = any */
    unsigned max_messages, max_recipient_domains; /* of a session, of a message; 0 = none */
};

/* What a user who is logged in may send in a day (SMTPD-11, SMTPD-12), and what makes an account suspicious. 0 = none.
 */
struct smtpd_quotas {
    uint32_t daily_messages, daily_recipients;
    uint64_t daily_bytes;
    uint32_t brake_recipients, brake_factor, brake_bounces, brake_rate; /* see options */
    uint64_t brake_period_s;
};

struct smtpd_settings {
    struct smtpd_quotas quotas;
    struct smtpd_extensions ext;
    /* ESMTP-01 to ESMTP-06, SAUTH-02, SAUTH-03 */
    bool esmtp, ext_size, ext_8bitmime, ext_dsn, ext_auth, auth_login, auth_plain, auth_on_smtp;
    bool reject_unqualified, qualify; /* SMTPD-05, SMTPD-06 */
    bool disable_vrfy, disable_expn;  /* SMTPD-09, SMTPD-10 */
    bool fix_bare_newline;            /* else: refuse */
    bool submission_null_sender, sent_copies;
    unsigned max_sessions, max_per_address; /* 0 = none */
    unsigned over_quota;                    /* enum over_quota */
    unsigned max_recipients, max_received, max_errors, max_rejects, max_auth_failures, max_idle_commands;
    uint64_t max_message_size;
    uint64_t timeout_ms, greet_pause_ms, error_delay_ms;
    char banner[256];
    struct network_list trusted, relay, unlimited, own;
};

void settings_load(struct smtpd_settings *s, const struct daemon *d);
void quotas_load(struct smtpd_quotas *q, const struct daemon *d);
void extensions_load(struct smtpd_extensions *x, const struct daemon *d);
/* "A B,C" into a list that replaces the old one; false (and the old list stays) when an item is malformed. */
bool network_list_set(struct network_list *list, const char *text, struct error *err);
bool network_list_has(const struct network_list *list, const struct net_addr *a);

/* RELAY-04: the list has addresses of strangers; `example` gets one. */
bool network_list_is_open(const struct network_list *list, char example[static NET_ADDR_TEXT_MAX]);

#endif
