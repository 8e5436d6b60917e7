/* XCLIENT (postfix.org/XCLIENT_README.html): a front end says for whom it speaks. Values are xtext. */
#ifndef IEMS_PROTO_SMTP_XCLIENT_H
#define IEMS_PROTO_SMTP_XCLIENT_H

#include "base/str.h"

enum { XCLIENT_NAME_MAX = 255, XCLIENT_ADDRESS_MAX = 63 };
/* For EHLO. */
#define XCLIENT_ATTRIBUTES "NAME ADDR PORT PROTO HELO"

struct xclient {
    bool has_name, has_address, has_port, has_helo;
    /* "" = the front end does not know */
    char name[XCLIENT_NAME_MAX + 1], helo[XCLIENT_NAME_MAX + 1];
    char address[XCLIENT_ADDRESS_MAX + 1]; /* without "IPV6:"; not checked further */
    uint16_t port;                         /* 0 = not known */
};

/* "NAME=spike.example ADDR=192.0.2.1". ERR_INVALID: err says what is wrong. Attributes that are not offered are an
 * error. */
NODISCARD int smtp_xclient_parse(struct str args, struct xclient *out, struct error *err);

#endif
