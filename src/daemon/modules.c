#include "daemon/modules.h"

/* Who waits for an answer comes first: those who talk to users and to other servers, with the directory and the store
 * behind them, before those who move what has been accepted already, and these before housekeeping (DEPL-22). What
 * moves mail later does so in larger groups, which costs less. */
enum { NICE_MOVES_MAIL = 10, NICE_HOUSEKEEPING = 15 };

/* In the order in which `iems status` shows them. Ports: PORT-01, PORT-02. */
const struct module_def module_table[] = {
    {.name = "slapd"},
    {.name = "dir", .program = "iems-dir", .depends = {"slapd"}, .ticket_key = true, .serves = true},
    {.name = "store", .program = "iems-store", .ticket_key = true, .serves = true},
    {.name = "mta", .program = "iems-mta", .depends = {"dir", "store"}, .nice = NICE_MOVES_MAIL},
    {.name = "lmda", .program = "iems-lmda", .depends = {"dir", "store"}, .nice = NICE_MOVES_MAIL},
    {.name = "index", .program = "iems-index", .depends = {"store"}, .nice = NICE_HOUSEKEEPING},
    {.name = "smtpc", .program = "iems-smtpc", .depends = {"dir", "store"}, .tls = true, .nice = NICE_MOVES_MAIL},
    {.name = "smtpd",
     .program = "iems-smtpd",
     .listeners = {{"smtp", 25, false, false},
                   {"submission", 587, false, false},
                   {"submissions", 465, false, true},
                   {"lmtp", 24, true, false},
                   {"odmr", 366, false, false}},
     .depends = {"dir", "store"},
     .tls = true,
     .workers = true},
    {.name = "imapd",
     .program = "iems-imapd",
     .listeners = {{"imap", 143, false, false}, {"imaps", 993, false, true}},
     .depends = {"dir", "store"},
     .tls = true,
     .workers = true},
    {.name = "pop3d",
     .program = "iems-pop3d",
     .listeners = {{"pop3", 110, false, false}, {"pop3s", 995, false, true}},
     .depends = {"dir", "store"},
     .tls = true,
     .workers = true},
    {.name = "webd",
     .program = "iems-webd",
     .listeners = {{"metrics", 9090, true, false}},
     .depends = {"dir", "store"},
     .tls = true},
    {.name = "quota", .program = "iems-quota", .depends = {"dir", "store"}, .serves = true, .nice = NICE_HOUSEKEEPING},
    {.name = "acme",
     .program = "iems-acme",
     .listeners = {{"http", 80, false, false}, {"tls", 443, false, false}},
     .depends = {"dir", "store"},
     .tls = true,
     .serves = true},
    {.name = "remote", .program = "iems-remote", .listeners = {{"control", 1234, false, false}}, .serves = true},
};
const size_t module_count = sizeof module_table / sizeof module_table[0];
