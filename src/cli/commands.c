/* The table of commands. Keep groups together; classic names at the end. */
#include "cli/commands.h"

#include <string.h>

const struct command command_table[] = {
    {"init", "DIR --hostname NAME --domain NAME [--port-base N] [--user NAME]", "Make a new instance",
     "Makes the folder DIR with iems.conf, a self-signed certificate and an empty directory for the domain.\n"
     "  --hostname NAME   full name of this mail server, as mail.example.org\n"
     "  --domain NAME     the first mail domain, as example.org\n"
     "  --port-base N     listen on N + usual port (SMTP N+25, IMAP N+143, ...) on 127.0.0.1 and ::1 only;\n"
     "                    without it on the standard ports of all addresses, for which root is needed\n"
     "  --user NAME       user to become when started as root (default iems without --port-base)\n"
     "Example: iems init /srv/mail --hostname mail.example.org --domain example.org",
     cmd_init, GROUP_INSTANCE},
    {"start", "[DIR]", "Start the instance and wait until every module is ready",
     "Puts the responder into the background and returns when all modules are ready, or tells which is not and why.",
     cmd_start, GROUP_INSTANCE},
    {"stop", "[DIR]", "Stop the instance: no process is left",
     "Modules end their sessions within some seconds; what is queued stays queued.", cmd_stop, GROUP_INSTANCE},
    {"restart", "[MODULE]", "Restart one module, or the whole instance",
     "Without MODULE the instance is stopped and started. Modules: `iems status`.", cmd_restart, GROUP_INSTANCE},
    {"status", "[DIR] [--json]", "Show modules, their state, pid, uptime, memory and restarts",
     "The exit status is 0 only when every module is ready.", cmd_status, GROUP_INSTANCE},

    {"queue list", "[--channel C] [--sender S] [--recipient R] [--sort KEY] [--limit N] [--json]",
     "Show what is queued",
     "Filters (all that are given must match):\n"
     "  --channel NAME         one queue: INPUT, LOCAL, SMTPC\n"
     "  --destination DOMAIN   for one domain\n"
     "  --sender TEXT          part of the sender's address\n"
     "  --recipient TEXT       part of a recipient's address\n"
     "  --sender-domain DOMAIN\n"
     "  --held                 only what is held\n"
     "Order: --sort id|priority|size|time|sender",
     cmd_queue_list, GROUP_MAIL},
    {"queue show", "ID [--header | --body | --json]", "Show one queued message",
     "Without an option: envelope, state and reason. --header and --body print the message itself.", cmd_queue_show,
     GROUP_MAIL},
    {"queue status", "[--json]", "Show the queues, the destinations that rest, and room on the disk", NULL,
     cmd_queue_status, GROUP_MAIL},
    {"queue retry", "ID... | FILTER... | --all [--yes]", "Try to deliver now",
     "Filters as for `iems queue list`. What is not named by id is asked about first; --yes answers.", cmd_queue_retry,
     GROUP_MAIL},
    {"queue hold", "ID... | FILTER... | --all [--yes]", "Keep messages from being delivered", NULL, cmd_queue_hold,
     GROUP_MAIL},
    {"queue release", "ID... | FILTER... | --all [--yes]", "Deliver messages that were held", NULL, cmd_queue_release,
     GROUP_MAIL},
    {"queue delete", "ID... | FILTER... | --all [--yes]", "Drop messages: nobody is told", NULL, cmd_queue_delete,
     GROUP_MAIL},
    {"queue bounce", "ID... | FILTER... | --all [--reason TEXT] [--yes]", "Send messages back to their senders",
     "The reason stands in the report to the sender.\nExample: iems queue bounce 4711 --reason \"Wrong address\"",
     cmd_queue_bounce, GROUP_MAIL},
    {"trace", "KEY [--json]", "Show the whole way of a message",
     "KEY is a queue id, a trace identifier (as in the log), a Message-ID or an address.\n"
     "Example: iems trace bart@example.org",
     cmd_trace, GROUP_MAIL},

    {"config list", "[PATTERN] [--all]", "Show options that are set; with --all every option",
     "PATTERN is a part of the name. Each line tells the value and where it comes from.", cmd_config_list,
     GROUP_CONFIG},
    {"config get", "NAME", "Show one option: value, default, range, what it does", NULL, cmd_config_get, GROUP_CONFIG},
    {"config set", "NAME VALUE", "Set an option in the directory: it applies to all hosts, at once",
     "What iems.conf says of an option wins over the directory.\nExample: iems config set smtpd.max_sessions 500",
     cmd_config_set, GROUP_CONFIG},
    {"config unset", "NAME", "Return an option to its default", NULL, cmd_config_unset, GROUP_CONFIG},
    {"config reload", "", "Read iems.conf and the certificate again", NULL, cmd_config_reload, GROUP_CONFIG},

    {"store check", "[DIR] [--repair]", "Check the message store while it runs; with --repair put right what can be",
     "Verifies queue, mailboxes, counters and bodies against each other and lists what is wrong.\n"
     "The exit status is 0 when everything is in order.",
     cmd_store_check, GROUP_INSTANCE},

    {"help", "[COMMAND] [--man]", "Show the commands, or all about one", NULL, cmd_help, GROUP_CONFIG},
    {"completion", "bash", "Print the tab completion for a shell", "Example: source <(iems completion bash)",
     cmd_completion, GROUP_CONFIG},

    {"mailq", "[-h] [-v] [-s priority|size|time] [-q QUEUE]", "Show what is queued, as the classic program does",
     "  -v  show priorities\n  -s  order (by priority if not given)\n"
     "  -q  one queue (INPUT, LOCAL, SMTPC) or one destination domain; \"\" for what is not deferred",
     cmd_mailq, GROUP_CLASSIC},
    {"sendmail", "[-f SENDER] [-F NAME] [-t] [-i] [-N DSN] [-R RET] [-V ENVID] [-bs | -bp] [RECIPIENT...]",
     "Submit the message on standard input, as the classic program does",
     "  -f ADDRESS  sender (\"\" = none)      -F NAME   its full name\n"
     "  -t          recipients are those of To, Cc and Bcc; Bcc is taken out\n"
     "  -i, -oi     a line with a single dot does not end the message\n"
     "  -N never | success,failure,delay    what the sender wants to be told\n"
     "  -R full | hdrs                      what a report gives back\n"
     "  -bs         talk SMTP on standard input and output\n"
     "  -bp         the same as mailq\n"
     "Exit status: 0 taken, 64 usage, 65 bad message, 67 bad recipient, 75 try again later.",
     cmd_sendmail, GROUP_CLASSIC},
};
const size_t command_count = sizeof command_table / sizeof command_table[0];

bool cli_is_classic(const struct command *cmd) {
    return cmd->group == GROUP_CLASSIC;
}

const struct command *cli_find(const char *first, const char *second) {
    size_t len = strlen(first);
    const struct command *one_word = NULL;
    for (size_t i = 0; i < command_count; i++) {
        const struct command *c = &command_table[i];
        if (strcmp(c->name, first) == 0) one_word = c;
        bool two = strncmp(c->name, first, len) == 0 && c->name[len] == ' ';
        if (two && second != NULL && strcmp(c->name + len + 1, second) == 0) return c;
    }
    return one_word;
}
