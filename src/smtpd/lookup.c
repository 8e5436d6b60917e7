/* See lookup.h. */
#include "smtpd/lookup.h"

#include "base/log.h"
#include "net/loop.h"
#include "smtpd/own.h"

enum { DIRECTORY_TIMEOUT_MS = 30 * 1000 };

static const struct str word = {" SMTPUTF8", sizeof " SMTPUTF8" - 1};

/* The argument may end with SMTPUTF8 (RFC 6531 section 3.7.4.2); without it the reply could not be read. */
static struct str utf8_take(struct str argument, unsigned *flags) {
    if (!str_ends_nocase(argument, word)) return argument;
    *flags |= ADDRESS_UTF8;
    return str_trim(str_sub(argument, 0, argument.len - word.len));
}

bool lookup_may_say(const struct smtp_command *c, const char *address) {
    return str_is_ascii(str_from(address)) || str_ends_nocase(c->argument, word);
}

int lookup_unsayable(struct session *s) {
    return session_reply(s, 252, "2.6.8", "The address is international and told only if SMTPUTF8 is said");
}

int lookup_argument(struct session *s, const struct smtp_command *c, struct address *out) {
    struct error err = {0};
    unsigned flags = ADDRESS_UNQUALIFIED;
    struct str text = s->d->set.ext.smtputf8 ? utf8_take(c->argument, &flags) : c->argument;
    int rc = address_parse_lenient(text, flags, out, &err);
    if (rc == 0 && !address_has_domain(out)) rc = address_qualify(out, str_from(s->d->default_domain));
    if (rc == 0) rc = own_literal_replace(s, out);
    if (rc == 0) return 0;
    rc = str_is_ascii(text) || (flags & ADDRESS_UTF8) ? session_error(s, 501, "5.1.3", "Bad address: %s", err.text)
                                                      : session_error(s, 553, "5.6.7", "Address needs SMTPUTF8");
    return rc < 0 ? rc : 1;
}

int lookup_address(struct session *s, const struct address *a, struct rpc_reply *reply) {
    struct error err = {0};
    Dir__Resolve request = DIR__RESOLVE__INIT;
    request.address = (char *)(uintptr_t)a->text;
    request.source = (char *)(uintptr_t) "SMTPD";
    int rc =
        rpc_call(s->d->dir, DIR_RESOLVE, &request.base, STR_EMPTY, loop_now_ms() + DIRECTORY_TIMEOUT_MS, reply, &err);
    if (rc < 0)
        log_event(LOG_WARNING, s->id, "directory_failed", "what=verify address=<%s> reason=\"%s\"", a->text, err.text);
    return rc;
}
