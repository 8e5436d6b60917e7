/* EXPN: RFC 5321 sections 3.5.2 and 7.3. Where mail to an address goes; only for who is logged in or may relay. Members
 * of lists are nobody's business (SMTPD-10). */
#include "smtpd/commands.h"
#include "smtpd/lookup.h"

enum { EXPANSION_MAX = 1400 }; /* of one reply */

static int answer(struct session *s, const struct smtp_command *c, const struct address *a, const Dir__Resolved *r) {
    BUF_AUTO text = BUF_INIT(EXPANSION_MAX);
    if (r->kind == DIR__KIND__UNKNOWN) return session_reply(s, 550, "5.1.1", "<%s> No such address here", a->text);
    for (size_t i = 0; r->kind == DIR__KIND__LOCAL && i < r->n_targets; i++) {
        if (str_eq_nocase(str_from(r->targets[i]->channel), STR("DL"))) break;
        if (!lookup_may_say(c, r->targets[i]->address)) return lookup_unsayable(s);
        buf_printf(&text, "%s<%s>", text.len > 0 ? "\n" : "", r->targets[i]->address);
        if (i + 1 == r->n_targets && text.error == 0) return session_reply(s, 250, "2.1.5", "%s", buf_cstr(&text));
    }
    return session_reply(s, 252, "2.5.0", "Cannot expand, but will try to deliver");
}

int cmd_expn(struct session *s, struct smtp_command *c) {
    if (s->d->set.disable_expn) return session_reply(s, 550, "5.7.1", "EXPN is disabled");
    struct address a;
    int rc = lookup_argument(s, c, &a);
    if (rc != 0) return rc < 0 ? rc : 0;
    if (!session_is_known(s)) return session_reply(s, 252, "2.5.0", "Cannot expand, but will try to deliver");
    RPC_REPLY_AUTO reply = {0};
    if (lookup_address(s, &a, &reply) < 0)
        return session_reply(s, 451, "4.3.0", "Directory is not available, try again later");
    return answer(s, c, &a, (const Dir__Resolved *)reply.msg);
}
