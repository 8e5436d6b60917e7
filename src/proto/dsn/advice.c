/* What the status codes of RFC 3463 mean for the person who sent the message. */
#include "proto/dsn/dsn.h"

static const struct dsn_advice table[] = {
    {"1.1", "There is no mailbox of that name.",
     "Check the spelling of the address, or ask the recipient for the current one."},
    {"1.2", "The domain of the address does not exist or takes no mail.",
     "Check the spelling of the part behind the \"@\"."},
    {"1.3", "The address is not written correctly.", "Check the spelling of the address."},
    {"1.6", "The recipient has moved and left no new address.", "Ask the recipient for the current address."},
    {"1.7", "The recipient's server does not accept your address as sender.",
     "Check the sender address that your mail program uses."},
    {"1.8", "The recipient's server does not accept your address as sender.",
     "Check the sender address that your mail program uses."},
    {"1.10", "The domain of the address takes no mail at all.", "Check the spelling of the part behind the \"@\"."},
    {"2.1", "The mailbox is closed or may not receive mail.", "Reach the recipient in another way."},
    {"2.2", "The mailbox of the recipient is full.", "Try again later, or reach the recipient in another way."},
    {"2.3", "The message is larger than the recipient may receive.",
     "Send it in a smaller form, or as a link to the file."},
    {"3.4", "The message is larger than the recipient's server accepts.",
     "Send it in a smaller form, or as a link to the file."},
    {"3.5", "The mail system is not set up correctly.", "Please tell the postmaster."},
    {"3.", "The recipient's mail system has a fault or is full.", "Try again later."},
    {"4.1", "The recipient's server did not answer.", "Try again later, or reach the recipient in another way."},
    {"4.2", "The connection to the recipient's server broke.", "Try again later."},
    {"4.3", "The name service of the recipient's domain did not answer.", "Try again later."},
    {"4.4", "No way to the recipient's server is known.", "Check the spelling of the part behind the \"@\"."},
    {"4.6", "The message was going in a circle between servers.",
     "Please tell the postmaster: an address is being forwarded to itself."},
    {"4.7", "The message could not be delivered within the time allowed.",
     "Try again later, or reach the recipient in another way."},
    {"4.", "The recipient's server could not be reached.", "Try again later."},
    {"5.3", "The recipient's server takes fewer recipients at a time.", "Send it to fewer recipients at once."},
    {"5.", "The recipient's server did not understand this one.", "Please tell the postmaster."},
    {"6.7", "The recipient's server does not support international addresses.",
     "Use an address of plain letters, if there is one."},
    {"6.", "The recipient's server cannot take a message in this form.", "Send it in a simpler form."},
    {"7.", "The message was refused by a rule.",
     "If you think that this is wrong, reach the recipient or the postmaster in another way."},
};

static const struct dsn_advice other = {"", "The mail system gave no closer reason.",
                                        "Try again later, or reach the recipient in another way."};

const struct dsn_advice *dsn_advice_find(struct str status) {
    if (!dsn_status_valid(status)) return &other;
    struct str code = str_sub(status, 2, status.len);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct str entry = str_from(table[i].code);
        if (str_ends(entry, STR(".")) ? str_starts(code, entry) : str_eq(code, entry)) return &table[i];
    }
    return &other;
}

static bool digits(struct str s) {
    if (s.len < 1 || s.len > 3) return false;
    for (size_t i = 0; i < s.len; i++)
        if (!ascii_isdigit(s.ptr[i])) return false;
    return true;
}

bool dsn_status_valid(struct str status) {
    struct str rest = status, class = str_cut(&rest, '.'), subject = str_cut(&rest, '.');
    return class.len == 1 && (class.ptr[0] == '2' || class.ptr[0] == '4' || class.ptr[0] == '5') && digits(subject) &&
           digits(rest);
}
