/* The checks of who may send mail: what each is called, which option switches it, what it answers (SMTPD-16). */
#ifndef IEMS_ACCESS_CHECKS_H
#define IEMS_ACCESS_CHECKS_H

#include "base/str.h"

enum { FINDING_RULE_MAX = 224 };

/* In the order of the words of the options. */
enum check_mode { MODE_OFF, MODE_LOG, MODE_TEMPORARY, MODE_PERMANENT };

/* Those before CHECK_SENDER_LIST are about the client, the others about the sender. */
enum check {
    CHECK_CONNECT,       /* the table `access`, smtpd.connect_default (CONNCTL-01) */
    CHECK_PEER,          /* peer.accept = no (SMTPD-17, PEER-05) */
    CHECK_DNSLIST,       /* DNS lists (DNSBL-01) */
    CHECK_RDNS,          /* no PTR record (RDNS-02) */
    CHECK_RDNS_FORWARD,  /* a PTR record that its name does not confirm */
    CHECK_HELO_SYNTAX,   /* no domain and no address literal (RFC 5321 section 4.1.1.1) */
    CHECK_HELO_MATCH,    /* not the name of the PTR record (RDNS-03) */
    CHECK_HELO_DNS,      /* a name without addresses */
    CHECK_SENDER_LIST,   /* the table `sender`, and domains of peers with accept = no (SNDCHK-02) */
    CHECK_SENDER_DOMAIN, /* no MX and no address, or null MX (SNDCHK-01, RFC 7505) */
    CHECK_COUNT,
};

struct check_info {
    const char *name;              /* for log, metrics and tags */
    const char *option;            /* its mode */
    unsigned temporary, permanent; /* reply codes */
    const char *status;            /* enhanced code without its class: "7.25" (RFC 7372) */
};
extern const struct check_info check_table[CHECK_COUNT];

/* A check that did not pass: what the peer is told, if its mode says so. */
struct finding {
    enum check check;
    char status[8];              /* enhanced code without class where the check has several; "" = that of the table */
    char detail[24];             /* one word for log and tag: "missing", "null-mx" */
    char rule[FINDING_RULE_MAX]; /* the row that decided, as "access 192.0.2.0/24"; "" = the option of the check */
    char text[400];
};
void finding_rule(struct finding *f, const char *table, const char *key);
__attribute__((format(printf, 4, 5))) void finding_set(struct finding *f, enum check check, const char *detail,
                                                       const char *fmt, ...);
unsigned finding_code(const struct finding *f, enum check_mode mode);
/* "5.7.25" */
void finding_status(const struct finding *f, enum check_mode mode, char out[static 12]);

#endif
