/* Reports for the tests: one of each kind, hostile text, international addresses. */
#ifndef IEMS_PROTO_DSN_SAMPLE_H
#define IEMS_PROTO_DSN_SAMPLE_H

#include "proto/dsn/dsn.h"

#define TEXT(lit)                                                                                                      \
    { lit, sizeof(lit) - 1 }

static const char sample_message[] =
    "Received: from x by y; Sat, 21 Nov 2026 07:00:00 +0000\r\n"
    "Message-ID: <m1@example.test>\r\nSubject: Lunch\r\n on Friday\r\nFrom: bart@example.test\r\n"
    "\r\nBody line\r\n";

static const char sample_message_utf8[] =
    "Message-ID: <m1@example.test>\r\nSubject: Mittagessen f\xc3\xbcr alle\r\nFrom: bart@example.test\r\n"
    "\r\nBody line\r\n";

static const struct dsn_recipient sample_failed[] = {
    {.action = DSN_FAILED,
     .address = TEXT("homer@example.com"),
     .original = TEXT("dad@example.com"),
     .orcpt = TEXT("rfc822;dad+2Bx@example.com"),
     .status = TEXT("5.1.1"),
     .remote_mta = TEXT("mx.example.com"),
     .diagnostic = TEXT("550-5.1.1 no such user\r\n550 5.1.1 see \x01 https://example.com/"),
     .last_attempt = 1795244640},
    {.action = DSN_DELIVERED, .address = TEXT("lisa@example.test"), .status = TEXT("2.0.0")},
};
static const struct dsn_recipient sample_delayed[] = {
    {.action = DSN_DELAYED,
     .address = TEXT("moe@example.com"),
     .status = TEXT("4.4.1"),
     .reason = TEXT("connect to mx.example.com[192.0.2.1]:25: connection refused"),
     .will_retry_until = 1795500000},
};
static const struct dsn_recipient sample_utf8[] = {
    {.action = DSN_FAILED,
     .address = TEXT("\xce\xb1@ex\xc3\xa4mple.com"),
     .orcpt = TEXT("utf-8;\\x{3B1}\\x{2B}\xc3\xa4@ex\\x{E4}mple.com"),
     .status = TEXT("5.6.7")},
};
static const struct dsn_recipient sample_relayed[] = {
    {.action = DSN_RELAYED,
     .address = TEXT("a@b.example"),
     .status = TEXT("2.0.0"),
     .remote_mta = TEXT("mx.b.example")},
    {.action = DSN_EXPANDED, .address = TEXT("list@example.test")},
};

struct sample {
    const char *name;
    const struct dsn_recipient *recipients;
    size_t count;
    bool full, smtputf8, utf8_sender, utf8_header;
};
static const struct sample samples[] = {
    {.name = "failed", .recipients = sample_failed, .count = 2, .full = true},
    {.name = "failed-headers", .recipients = sample_failed, .count = 2},
    {.name = "delayed", .recipients = sample_delayed, .count = 1},
    {.name = "utf8",
     .recipients = sample_utf8,
     .count = 1,
     .full = true,
     .smtputf8 = true,
     .utf8_sender = true,
     .utf8_header = true},
    {.name = "utf8-in-7bit", .recipients = sample_utf8, .count = 1, .full = true},
    {.name = "relayed", .recipients = sample_relayed, .count = 2},
    {.name = "utf8-to-ascii",
     .recipients = sample_utf8,
     .count = 1,
     .full = true,
     .smtputf8 = true,
     .utf8_header = true},
    {.name = "utf8-headers-to-ascii", .recipients = sample_utf8, .count = 1, .smtputf8 = true, .utf8_header = true},
};
enum { SAMPLES = sizeof samples / sizeof samples[0] };

static inline int sample_build(const struct sample *s, struct buf *out, bool *eightbit) {
    struct dsn_report r = {.hostname = STR("mail.example.test"),
                           .from = STR("postmaster@example.test"),
                           .to = s->utf8_sender ? STR("b\xc3\xa4rt@example.test") : STR("bart@example.test"),
                           .envid = STR("env+2D42"),
                           .ident = STR("0abc123"),
                           .trace = STR("tr1"),
                           .arrival = 1795244000,
                           .now = 1795245000,
                           .smtputf8 = s->smtputf8,
                           .recipients = s->recipients,
                           .count = s->count,
                           .message = str_from(s->utf8_header ? sample_message_utf8 : sample_message),
                           .return_full = s->full};
    return dsn_build(&r, out, eightbit);
}

#endif
