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

    {"config list", "[PATTERN] [--all]", "Show options that are set; with --all every option",
     "PATTERN is a part of the name. Each line tells the value and where it comes from.", cmd_config_list,
     GROUP_CONFIG},
    {"config get", "NAME", "Show one option: value, default, range, what it does", NULL, cmd_config_get, GROUP_CONFIG},
    {"config set", "NAME VALUE", "Set an option in the directory: it applies to all hosts, at once",
     "What iems.conf says of an option wins over the directory.\nExample: iems config set smtpd.max_sessions 500",
     cmd_config_set, GROUP_CONFIG},
    {"config unset", "NAME", "Return an option to its default", NULL, cmd_config_unset, GROUP_CONFIG},
    {"config reload", "", "Read iems.conf and the certificate again", NULL, cmd_config_reload, GROUP_CONFIG},

    {"help", "[COMMAND] [--man]", "Show the commands, or all about one", NULL, cmd_help, GROUP_CONFIG},
    {"completion", "bash", "Print the tab completion for a shell", "Example: source <(iems completion bash)",
     cmd_completion, GROUP_CONFIG},
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
