/* LANGUAGE (RFC 5255 section 3): texts are in English, which is what i-default means, too. */
#include "imapd/command.h"

static bool is_known(struct str range) {
    return str_eq_nocase(range, STR("en")) || str_starts_nocase(range, STR("en-")) ||
           str_eq_nocase(range, STR("i-default")) || str_eq_nocase(range, STR("default")) || str_eq(range, STR("*"));
}

int cmd_language(struct cmd *c) {
    struct str range;
    bool known = false, asked = false;
    while (imap_args_space(c->args)) {
        if (!imap_args_list_mailbox(c->args, &range)) return cmd_bad_args(c);
        known = known || is_known(range);
        asked = true;
    }
    if (!imap_args_end(c->args)) return cmd_bad_args(c);
    if (asked && !known) return cmd_no(c, "CANNOT", "This language is not available");
    session_puts(c->s, asked ? "* LANGUAGE (\"en\")\r\n" : "* LANGUAGE (\"en\" \"i-default\")\r\n");
    return cmd_done(c);
}
