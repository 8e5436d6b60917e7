/* Delivery reports made of hostile addresses, replies and messages: whatever goes in, the lines stay lines. */
#include "proto/dsn/dsn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Lines of what the report itself writes must be ended by CRLF and short; the message given back may be anything. */
static void check(struct str report, struct str back) {
    struct str own = str_sub(report, 0, report.len > back.len ? report.len - back.len : 0);
    for (struct str rest = own; rest.len > 0;) {
        ptrdiff_t eol = str_find_str(rest, STR("\r\n"));
        if (eol < 0) break; /* into the message given back */
        struct str line = str_sub(rest, 0, (size_t)eol);
        if (str_find_str(line, STR("message")) >= 0) break;
        IEMS_ASSERT(eol <= 998 && str_find(line, '\n') < 0 && str_find(line, '\r') < 0);
        rest = str_sub(rest, (size_t)eol + 2, rest.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str in = str_of(data, size), rest = in;
    unsigned flags = size > 0 ? data[0] : 0;
    struct dsn_recipient p = {.action = (enum dsn_action)(flags % 5)};
    p.address = str_cut(&rest, '|');
    p.original = str_cut(&rest, '|');
    p.orcpt = str_cut(&rest, '|');
    p.status = str_cut(&rest, '|');
    p.reason = str_cut(&rest, '|');
    p.diagnostic = str_cut(&rest, '|');
    p.remote_mta = p.reason;
    struct dsn_report r = {.hostname = STR("mail.example.test"),
                           .from = STR("postmaster@example.test"),
                           .to = p.original,
                           .envid = p.orcpt,
                           .ident = STR("id"),
                           .trace = p.address,
                           .smtputf8 = flags & 8,
                           .recipients = &p,
                           .count = 1,
                           .message = rest,
                           .return_full = flags & 16,
                           .now = 1};
    BUF_AUTO out = BUF_INIT(4 << 20);
    if (dsn_build(&r, &out, NULL) == 0) check(buf_str(&out), rest);
    return 0;
}
