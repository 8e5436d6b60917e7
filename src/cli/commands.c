/* The table of commands. Keep groups together; classic names at the end. */
#include "cli/commands.h"

#include <string.h>

/* The same commands for every table; what is particular is told from its columns. */
#define TABLE_BEGIN(name, key, summary, key_doc, req)                                                                  \
    {name " list",                                                                                                     \
     "[PATTERN] [--json]",                                                                                             \
     "List the rows of the table " name,                                                                               \
     "PATTERN is a part of the key. Columns that are not shown have their defaults.",                                  \
     cmd_table_list,                                                                                                   \
     GROUP_TABLES},                                                                                                    \
        {name " show", "KEY [--json]", "Show which row counts for KEY, and all its columns",                           \
         NULL,         cmd_table_show, GROUP_TABLES},                                                                  \
        {name " set",                                                                                                  \
         "KEY [COLUMN=VALUE...]",                                                                                      \
         "Set columns of a row, which is made if there is none",                                                       \
         "It applies to all hosts at once.",                                                                           \
         cmd_table_set,                                                                                                \
         GROUP_TABLES},                                                                                                \
        {name " unset", "KEY COLUMN...", "Return columns of a row to their defaults",                                  \
         NULL,          cmd_table_unset, GROUP_TABLES},                                                                \
        {name " delete", "KEY...", "Delete rows", NULL, cmd_table_delete, GROUP_TABLES},                               \
        {name " import",                                                                                               \
         "[--dry-run] FILE",                                                                                           \
         "Set many rows from a file",                                                                                  \
         "Lines KEY COLUMN=VALUE COLUMN=\"VALUE WITH BLANKS\", or CSV whose first line is key,COLUMN,COLUMN.\n"        \
         "# begins a remark. FILE may be - for standard input. Nothing is changed unless every line is right.",        \
         cmd_table_import,                                                                                             \
         GROUP_TABLES},                                                                                                \
        {name " export", "[--csv]", "Print all rows as import takes them", NULL, cmd_table_export, GROUP_TABLES},
#define COLUMN(name, type, def, min, max, unit, doc, req)
#define TABLE_END

const struct command command_table[] = {
    {"init", "DIR {--hostname NAME --domain NAME | --join FILE} [--port-base N] [--user NAME]", "Make a new instance",
     "Makes the folder DIR with iems.conf, a self-signed certificate and an empty directory for the domain.\n"
     "  --hostname NAME   full name of this mail server, as mail.example.org\n"
     "  --domain NAME     the first mail domain, as example.org\n"
     "  --join FILE       share the directory of another host: the file of iems directory invite, given there\n"
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
    {"restart", "[MODULE[@HOST]]", "Restart one module, or the whole instance",
     "Without MODULE the instance is stopped and started. Modules: `iems status`.", cmd_restart, GROUP_INSTANCE},
    {"module start", "MODULE[@HOST]...", "Start modules by hand, here or on another host of the organisation",
     "MODULE may be all: those with auto_start. Until the instance ends; for always see auto_start in iems.conf.\n"
     "Example: iems module start imapd@mail2.example.org",
     cmd_module_start, GROUP_INSTANCE},
    {"module stop", "MODULE[@HOST]...", "Stop modules, here or on another host of the organisation",
     "MODULE may be all; another host goes on listening for remote control. Sessions are ended within some seconds.",
     cmd_module_stop, GROUP_INSTANCE},
    {"module restart", "MODULE[@HOST]...", "Restart modules, here or on another host of the organisation", NULL,
     cmd_module_restart, GROUP_INSTANCE},
    {"status", "[DIR] [--host NAME | --all-hosts] [--json]",
     "Show modules, their state, pid, uptime, memory and restarts",
     "The exit status is 0 only when every module is ready.\n"
     "  --host NAME   of another host (iems host list), also its store: room, queues, format\n"
     "  --all-hosts   a line for each host",
     cmd_status, GROUP_INSTANCE},
    {"doctor", "[DIR] [--full] [--dns | --no-dns] [--json]",
     "Look for what keeps the server from working, and say what to do",
     "Looks at configuration, owners and modes of files, disk, clock, ports, modules, directory, queues, store,\n"
     "certificates, relaying, and at what DNS tells of this server. Changes nothing; the instance may run or not.\n"
     "  --full     every record of the store, as iems store check\n"
     "  --dns      ask DNS also for a test instance (one with port_base); --no-dns: never\n"
     "Exit status: 0 all is in order, 1 something to look at (warn), 2 something does not work (fail).",
     cmd_doctor, GROUP_INSTANCE},
    {"metrics", "[DIR] | --host NAME", "Print the measurements of all modules, as Prometheus reads them", NULL,
     cmd_metrics, GROUP_INSTANCE},

    {"user add", "ADDRESS [--first NAME] [--last NAME] [--quota MB] [...]", "Make an account",
     "The password is asked for, or read from standard input or a file, never taken from the arguments.\n"
     "  --first NAME --last NAME --telephone NUMBER\n"
     "  --quota MB|unlimited      mail quota (default unlimited)\n"
     "  --max-messages NUMBER|unlimited   how many messages it may hold (default unlimited)\n"
     "  --permission PERM         send, receive, send+receive (default) or none\n"
     "  --alias ADDRESS           one more address; may stand several times\n"
     "  --connector CHANNEL$ADDR  LOCAL, SMTPC (forward), DL, BSMTPOUT; may stand several times\n"
     "  --host NAME               the host that has the mailbox, of several with one directory; '' = that of the "
     "domain\n"
     "  --home DIR --web-dir DIR\n"
     "  --files enable|disable    web folders (default disable; iems help files ls)\n"
     "  --files-quota MB|unlimited   what they may hold (default unlimited)\n"
     "  --imap|--pop3|--smtp|--web on|off   whether the account may log in there (default on)\n"
     "  --disable                 no login and no mail yet\n"
     "  --password-stdin          first line of standard input\n"
     "  --password-file FILE      first line of the file\n"
     "  --no-password             nobody can log in until `iems user passwd`\n"
     "Example: iems user add bart@example.org --first Bart --last Simpson --quota 100",
     cmd_user_add, GROUP_ACCOUNTS},
    {"user list", "[PATTERN] [--domain DOMAIN] [--deleted] [--json]", "List accounts",
     "PATTERN is looked for in addresses and names; * stands for any text, ? for one character.\n"
     "  --deleted   those that were deleted and may be brought back, and until when\n"
     "Example: iems user list 'R*' --domain example.org",
     cmd_user_list, GROUP_ACCOUNTS},
    {"user show", "ADDRESS [--folders] [--json]", "Show an account, its addresses, quota and mailbox",
     "  --folders   also its folders, with all, unread and recent messages and their size", cmd_user_show,
     GROUP_ACCOUNTS},
    {"user set", "ADDRESS [--rename ADDRESS] [--quota MB] [--disable|--enable] [...]", "Change an account",
     "Options as of `iems user add`, and:\n"
     "  --rename ADDRESS   the account, its mail and every forwarding to it follow; aliases stay\n"
     "  --enable, --disable",
     cmd_user_set, GROUP_ACCOUNTS},
    {"user passwd", "ADDRESS [--password-stdin | --password-file FILE]", "Set the password of an account",
     "At least 6 characters. Clients that are logged in stay so; the next login needs the new password.",
     cmd_user_passwd, GROUP_ACCOUNTS},
    {"user release", "ADDRESS", "Let an account send as before after it was slowed down",
     "An account that suddenly sends far more than usual, or to many addresses that do not exist, is slowed down\n"
     "(smtpd.brake_recipients, smtpd.brake_bounces); `iems user show` tells why.",
     cmd_user_release, GROUP_ACCOUNTS},
    {"user slowed", "[--json]", "List the accounts that were slowed down, and why",
     "`iems user release` lets one send as before.", cmd_user_slowed, GROUP_ACCOUNTS},
    {"user delete", "ADDRESS... | --file FILE [--yes] [--now]", "Delete accounts with all their mail",
     "They may be brought back for store.undelete_time (a week). FILE has one address a line. Interrupted, the same\n"
     "command finishes the work.\n"
     "  --now   for good at once, also those that were deleted before",
     cmd_user_delete, GROUP_ACCOUNTS},
    {"user undelete", "ADDRESS [--as ADDRESS] [--account NUMBER]", "Bring back an account that was deleted",
     "With password, quota, aliases, memberships and all folders, for store.undelete_time (a week) after it was "
     "deleted;\n"
     "shared accounts too.\n"
     "  --as ADDRESS       under another address, when somebody else has its own now\n"
     "  --account NUMBER   which one, when several were deleted (iems user list --deleted); else the last",
     cmd_user_undelete, GROUP_ACCOUNTS},
    {"user import", "[--dry-run] FILE", "Make many accounts from a CSV file",
     "Columns: address,password,first name,last name,quota in MB,aliases separated by blanks; all but the first may "
     "be\n"
     "empty. A password may be an argon2id hash ($argon2id$...). FILE may be - for standard input. Lines that fail are "
     "told,\n"
     "the others are done.",
     cmd_user_import, GROUP_ACCOUNTS},
    {"quota list", "[PATTERN] [--sort ORDER] [--top N] [--domains] [--json]",
     "Show what accounts hold and may hold, and who was warned",
     "PATTERN is looked for in addresses; * stands for any text, ? for one character.\n"
     "  --sort ORDER   used, messages or percent, the highest first\n"
     "  --top N        only the first of them (by used, if nothing else is said)\n"
     "  --domains      one line for each domain\n"
     "Folders of one account: iems user show ADDRESS --folders",
     cmd_quota_list, GROUP_ACCOUNTS},
    {"quota show", "ADDRESS [--json]", "Show one account's quota", NULL, cmd_quota_show, GROUP_ACCOUNTS},
    {"quota set",
     "PATTERN [MB|unlimited] [--messages NUMBER|unlimited] | @DOMAIN [--total SIZE] [--default MB] [--users N] "
     "[--files SIZE]",
     "Set quotas of accounts, of a domain, of new accounts",
     "  --messages N   how many messages each of the accounts may hold\n"
     "  --total SIZE   what all accounts of the domain may hold together, as 50G; 0 or unlimited = no limit\n"
     "  --default MB   quota of new accounts of the domain\n"
     "  --users N      accounts that the domain may have; those that are there stay\n"
     "  --files SIZE   what the web folders of all its accounts may hold together; unlimited, or disabled: nobody has "
     "any\n"
     "Examples: iems quota set 'b*@example.org' 500, iems quota set @example.org --total 50G",
     cmd_quota_set, GROUP_ACCOUNTS},
    {"quota run", "", "Check all mailboxes now, and print the report", NULL, cmd_quota_run, GROUP_ACCOUNTS},
    {"quota report", "[NUMBER] [--html]", "Print a report, the newest if none is named", NULL, cmd_quota_report,
     GROUP_ACCOUNTS},
    {"quota history", "[--json] | --delete NUMBER...", "List the checks that were, and when the next one is",
     "NUMBER is that of the list; --delete deletes these reports.", cmd_quota_history, GROUP_ACCOUNTS},
    {"files ls", "ADDRESS[:PATH] [-r] [--json]", "List a user's web folders",
     "Web folders are files that an account keeps on the server. PATH has \"/\" between its names.\n"
     "Nobody has them for whom they were not enabled (iems help user add), and nobody of a domain that has them\n"
     "disabled (iems help quota set).\n"
     "  -r   with all that is in folders",
     cmd_files_ls, GROUP_ACCOUNTS},
    {"files put", "[-r] [--replace] [--type TYPE] FILE... ADDRESS[:PATH]", "Put files into a user's web folders",
     "PATH is the folder for them, or of one file its new name. FILE may be - for standard input.\n"
     "A file is there when it is whole; one that is there stays, if --replace is not said.\n"
     "  -r            folders, too, with all that they hold\n"
     "  --type TYPE   content type, as image/png\n"
     "Example: iems files put -r reports/ bart@example.org:archive/",
     cmd_files_put, GROUP_ACCOUNTS},
    {"files get", "[-r] [--replace] ADDRESS[:PATH] [FILE|FOLDER|-]", "Get files from a user's web folders",
     "- is standard output; without an operand into the folder where you are.\n"
     "  -r          a folder, with all that it holds\n"
     "  --replace   files that are there",
     cmd_files_get, GROUP_ACCOUNTS},
    {"files mkdir", "[-p] ADDRESS:PATH...", "Make folders in a user's web folders",
     "  -p   also those above; one that is there is right", cmd_files_mkdir, GROUP_ACCOUNTS},
    {"files mv", "[--replace] ADDRESS:PATH PATH", "Move or rename in a user's web folders",
     "Into the second PATH if that is a folder. Example: iems files mv bart@example.org:plan.pdf 2026/", cmd_files_mv,
     GROUP_ACCOUNTS},
    {"files cp", "[--replace] ADDRESS:PATH PATH", "Copy in a user's web folders",
     "Folders with all that they hold. A copy counts for the quota, but takes no room on the disk.", cmd_files_cp,
     GROUP_ACCOUNTS},
    {"files rm", "[-r] ADDRESS:PATH...", "Remove from a user's web folders",
     "For good: nothing brings it back but a backup.\n"
     "  -r   folders with all that they hold",
     cmd_files_rm, GROUP_ACCOUNTS},
    {"files usage", "ADDRESS [--json]", "Show what a user's web folders hold and may hold", NULL, cmd_files_usage,
     GROUP_ACCOUNTS},
    {"sessions list", "[--user U] [--service S] [--peer P] [--limit N | --all] [--after PLACE] [--json]",
     "Show who is logged in over IMAP, POP3 and SMTP",
     "Filters may have * and ? for any text. Services: imap, pop3, smtp. A hundred are shown if nothing else is said; "
     "a\n"
     "list that is not whole ends with the place to go on from, for --after.\n"
     "Example: iems sessions list --user '*@example.org' --service imap",
     cmd_sessions_list, GROUP_ACCOUNTS},
    {"sessions show", "ID [--json]", "Show one session: user, address, folder, bytes", NULL, cmd_sessions_show,
     GROUP_ACCOUNTS},
    {"sessions disconnect", "ID... | [--user U] [--service S] [--peer P]", "End sessions at once",
     "The client is told that the administrator ended the session. It may log in again: see iems user set --imap off,\n"
     "or --disable.",
     cmd_sessions_disconnect, GROUP_ACCOUNTS},
    {"shared add", "ADDRESS --member ADDRESS[:RIGHTS] [...] [--name NAME] [--quota MB]", "Make a shared account",
     "A mailbox that several users work with, each with the own login; it stands under Shared/ADDRESS/ in IMAP.\n"
     "  --member ADDRESS[:RIGHTS]  at least one; RIGHTS: read, write (default), admin. May stand several times\n"
     "  --name NAME                as it is shown in lists\n"
     "  --quota MB|unlimited       its own quota (default unlimited)\n"
     "  --alias ADDRESS            one more address; may stand several times\n"
     "  --home DIR                 (or --root) home folder as the administrator names it\n"
     "Example: iems shared add team@example.org --name 'The Team' --member ann@example.org --member "
     "bob@example.org:read",
     cmd_shared_add, GROUP_ACCOUNTS},
    {"shared list", "[PATTERN] [--json]", "List shared accounts",
     "PATTERN is looked for in addresses and names; * stands for any text, ? for one character.", cmd_shared_list,
     GROUP_ACCOUNTS},
    {"shared show", "ADDRESS [--json]", "Show a shared account, its members, quota and mailbox", NULL, cmd_shared_show,
     GROUP_ACCOUNTS},
    {"shared set", "ADDRESS [--name NAME] [--quota MB] [--rename ADDRESS] [--home DIR]", "Change a shared account",
     NULL, cmd_shared_set, GROUP_ACCOUNTS},
    {"shared member", "add|remove|list ADDRESS [MEMBER] [--rights read|write|admin]",
     "Change who uses a shared account",
     "It takes effect at once, also for those who are logged in.\n"
     "Example: iems shared member add team@example.org kim@example.org --rights read",
     cmd_shared_member, GROUP_ACCOUNTS},
    {"shared delete", "ADDRESS [--yes]", "Delete a shared account with all its mail", NULL, cmd_shared_delete,
     GROUP_ACCOUNTS},
    {"alias add", "ALIAS ADDRESS", "Give an account one more address, or forward an address",
     "When ADDRESS is not of this server, mail to ALIAS is sent on to it.", cmd_alias_add, GROUP_ACCOUNTS},
    {"alias list", "[PATTERN] [--json]", "List aliases and forwarded addresses", NULL, cmd_alias_list, GROUP_ACCOUNTS},
    {"alias delete", "ALIAS", "Delete an alias", NULL, cmd_alias_delete, GROUP_ACCOUNTS},
    {"domain add", "DOMAIN [--alias-of DOMAIN] [--catch-all ADDRESS] [--forward CHANNEL$ID] [--host NAME]",
     "Add a local mail domain",
     "*.example.org stands for the sub-domains of example.org, not for itself.\n"
     "  --catch-all ADDRESS    gets mail to addresses that do not exist\n"
     "  --forward CHANNEL$ID   where mail to addresses that do not exist goes:\n"
     "      SMTPC$HOST, SMTPC$[HOST]:PORT   to this host; in brackets: without its MX\n"
     "      SMTPC$                          by the domain's own MX or route\n"
     "      LOCAL$ADDRESS, DL$ADDRESS, BSMTPOUT$ADDRESS   to a mailbox, a list, a tunnel\n"
     "      LOCAL$                          nowhere: there is no such user\n"
     "  --host NAME            the host that has the mailboxes, of several with one directory (docs/admin/hosts.md)\n"
     "Example: iems domain add dept.example.org --forward 'SMTPC$[10.0.0.5]'",
     cmd_domain_add, GROUP_ACCOUNTS},
    {"domain alias", "NEW DOMAIN", "Add a domain whose addresses are those of another",
     "An address that exists in NEW itself goes first.", cmd_domain_alias, GROUP_ACCOUNTS},
    {"domain set", "DOMAIN [--alias-of DOMAIN] [--catch-all ADDRESS] [--forward CHANNEL$ID] [--host NAME]",
     "Change a local mail domain", "As for `iems domain add`. Empty values remove a setting: --catch-all ''.",
     cmd_domain_set, GROUP_ACCOUNTS},
    {"domain list", "[--json]", "List local mail domains", NULL, cmd_domain_list, GROUP_ACCOUNTS},
    {"domain dns", "DOMAIN [--zone | --json]",
     "Show the DNS records that a domain should have, and whether it has them",
     "MX, address, TLSA of this server's certificate, MTA-STS, reports on TLS, SPF, and where mail programs find their "
     "servers.\n"
     "  --zone   only the records, as lines of a zone file\n"
     "Exit status: 0 all are there, 1 one that is advised is missing, 2 one without which no mail comes is missing or "
     "wrong.",
     cmd_domain_dns, GROUP_ACCOUNTS},
    {"domain delete", "DOMAIN", "Delete a local mail domain that has no addresses any more", NULL, cmd_domain_delete,
     GROUP_ACCOUNTS},
    {"directory export", "[FILE]", "Write the whole directory as LDIF",
     "FILE (default iems.ldif) is never overwritten: FILE.0, FILE.1, ... are taken then. It holds password hashes.",
     cmd_directory_export, GROUP_ACCOUNTS},
    {"directory import", "[--dry-run] [--replace] FILE", "Bring entries of an LDIF file into the directory",
     "A backup is made first. Entries of the file are added or changed, nothing is deleted.\n"
     "  --dry-run   only tell what would be done\n"
     "  --replace   load the file in place of the whole directory (the instance must be stopped)",
     cmd_directory_import, GROUP_ACCOUNTS},
    {"directory invite", "NAME [FILE]", "Let another host have a copy of the directory",
     "Writes a join file (default NAME.join, - for standard output), which holds a secret that is good for one time:\n"
     "on the host NAME, iems init DIR --join FILE makes an instance that shares the directory of this one.\n"
     "Changes are made at this host from then on, wherever the command is given. See docs/admin/hosts.md.",
     cmd_directory_invite, GROUP_ACCOUNTS},
    {"directory expel", "NAME", "Give a host no changes of the directory any more",
     "It keeps the copy that it has. Give the command where changes are made.", cmd_directory_expel, GROUP_ACCOUNTS},
    {"directory status", "[--json]", "Show the hosts that share the directory, and how far each copy is",
     "Asks each host. The exit status is 75 when one cannot be reached or is behind.", cmd_directory_status,
     GROUP_ACCOUNTS},
    {"directory promote", "[--force]", "Let this host take the changes of the directory in place of one that is lost",
     "The host that took them before must be stopped; --force does not look. Then, on the others: iems directory "
     "follow.",
     cmd_directory_promote, GROUP_ACCOUNTS},
    {"directory follow", "[--force] NAME",
     "Take a new copy of the directory from the host NAME, and changes from now on",
     "For replicas after the promotion of NAME or a restoration of its directory from a backup, and for a provider\n"
     "that was away when NAME was promoted. What only this host has is not in the new copy, for which --force is\n"
     "needed; the former copy is kept in directory/data.before.",
     cmd_directory_follow, GROUP_ACCOUNTS},

    {"queue list",
     "[--channel C] [--destination D] [--sender S] [--recipient R] [--sort KEY] [--limit N | --all] [--json]",
     "Show what is queued, a hundred at a time",
     "Filters (all that are given must match):\n"
     "  --channel INPUT|LOCAL|SMTPC|QUARANTINE   one queue\n"
     "  --destination DOMAIN   for one domain; @DOMAIN also for those below it\n"
     "  --sender TEXT          part of the sender's address\n"
     "  --recipient TEXT       part of a recipient's address\n"
     "  --sender-domain DOMAIN\n"
     "  --held                 only what is held\n"
     "Order: --sort id|priority|size|time|sender\n"
     "--limit N shows N messages (100 if not given), --all shows all. A list that is not whole ends with the place to "
     "go\n"
     "on from, for --after; that stays right while messages come and go.",
     cmd_queue_list, GROUP_MAIL},
    {"queue show", "ID [--header | --body | --json]", "Show one queued message",
     "Without an option: envelope, state and reason. --header and --body print the message itself.", cmd_queue_show,
     GROUP_MAIL},
    {"queue header", "ID", "Show the header of a queued message", NULL, cmd_queue_header, GROUP_MAIL},
    {"queue status", "[DESTINATION] [--channel CHANNEL] [--json]",
     "Show the queues, the destinations with reason and next try, and room on the disk",
     "With a destination (@DOMAIN: with all below it): its messages, and for a single one the profile that applies to "
     "it\n"
     "(`iems peer`). The channel is SMTPC if not given.",
     cmd_queue_status, GROUP_MAIL},
    {"queue retry", "ID... | FILTER... | --all [--yes] [--json]", "Try to deliver now",
     "Filters as for `iems queue list`. What is not named by id is asked about first; --yes answers.\n"
     "--json tells how many it were. Exit status, here and for reset, hold, release, delete and bounce: 0 done, also "
     "if no\n"
     "message matches the filters; 64 usage, or --yes is needed; 65 no such id; 69 not running; 75 you said no, or "
     "try\n"
     "again later.",
     cmd_queue_retry, GROUP_MAIL},
    {"queue reset", "ID... | FILTER... | --all [--yes] [--json]", "Forget attempts and waits, and try to deliver now",
     "The messages are tried as if they were new; so are the intervals of their destinations.", cmd_queue_reset,
     GROUP_MAIL},
    {"queue run", "DESTINATION | --all [--channel CHANNEL] [--json]",
     "Send what waits for a destination now, as ETRN does",
     "Its rest ends, and its deferred messages are tried at once; what is held stays. @DOMAIN means the domain and "
     "all\n"
     "below it. The channel is SMTPC if not given. Exit status: 0, also if nothing waits; 64 usage; 69 not running.\n"
     "Example: iems queue run example.net",
     cmd_queue_run, GROUP_MAIL},
    {"atrn", "NAME [DOMAIN...]", "Call a server of the table fetch now and get the mail that waits there",
     "NAME is a row of the table, which says whom to call, how and as whom. Without DOMAIN its domains are asked for.\n"
     "Returns when all mail has come.\n"
     "Example: iems fetch set provider host=odmr.provider.example method=atrn user=me password_file=provider "
     "interval=15m\n"
     "         iems atrn provider",
     cmd_atrn, GROUP_MAIL},
    {"etrn", "HOST[:PORT] [DOMAIN...]", "Ask another server to send what waits there for our domains",
     "For a machine that is not always connected: run it when the line is up, by a timer for instance. Without DOMAIN\n"
     "all domains of this server are asked for; @DOMAIN means the domain and all below it.\n"
     "Example: iems etrn mail.provider.example",
     cmd_etrn, GROUP_MAIL},
    {"queue hold", "ID... | FILTER... | --all [--yes] [--json]", "Keep messages from being delivered", NULL,
     cmd_queue_hold, GROUP_MAIL},
    {"queue release", "ID... | FILTER... | --all [--yes] [--json]", "Deliver messages that were held", NULL,
     cmd_queue_release, GROUP_MAIL},
    {"queue delete", "ID... | FILTER... | --all [--yes] [--json]", "Drop messages: nobody is told", NULL,
     cmd_queue_delete, GROUP_MAIL},
    {"queue bounce", "ID... | FILTER... | --all [--reason TEXT] [--yes] [--json]",
     "Send messages back to their senders",
     "The reason stands in the report to the sender.\nExample: iems queue bounce 4711 --reason \"Wrong address\"",
     cmd_queue_bounce, GROUP_MAIL},
    {"resolve", "ADDRESS... [--json]", "Show where mail to an address goes, without sending any",
     "One line for each place: a mailbox here, a next hop, a route, the servers of the domain. Those servers, and how "
     "mail "
     "to\n"
     "them is protected: iems tls check DOMAIN. Exit status 67 if an address gets no mail.\n"
     "Example: iems resolve postmaster@example.org",
     cmd_resolve, GROUP_MAIL},
    {"trace", "KEY [--json]", "Show the whole way of a message",
     "KEY is a queue id, a trace identifier (as in the log), a Message-ID or an address.\n"
     "Example: iems trace bart@example.org",
     cmd_trace, GROUP_MAIL},
    {"access test", "ADDRESS [HELO [SENDER]]", "Show what a client would be answered, and which row or option decides",
     "Goes through the checks of strangers on port 25 with the tables and name servers of now: reverse DNS, DNS "
     "lists,\n"
     "what the client says in HELO, its sender (<> is the null sender). The status is 77 when it would be refused.\n"
     "Example: iems access test 192.0.2.7 mail.example.org somebody@example.org",
     cmd_access_test, GROUP_MAIL},
    {"tls check", "DOMAIN [--port N]", "Show how mail to a domain is protected, and why",
     "Looks up what the domain publishes (MX, TLSA, MTA-STS) as iems-smtpc does, and applies the settings of the "
     "peer.\n"
     "Example: iems tls check example.org",
     cmd_tls_check, GROUP_MAIL},
    {"tlsrpt", "ADDRESS|FILE... [--last N]", "Show reports on TLS that other sites have sent",
     "ADDRESS is an account that reports came to: the last messages of its inbox are looked through (default 1000).\n"
     "FILE is a message, or the JSON of a report, which may be gzip'ed; - is standard input.\n"
     "Example: iems tlsrpt postmaster@example.org",
     cmd_tlsrpt, GROUP_MAIL},

    {"config list", "[PATTERN] [--all]", "Show options that are set; with --all every option",
     "PATTERN is a part of the name. Each line tells the value and where it comes from.", cmd_config_list,
     GROUP_CONFIG},
    {"config get", "NAME", "Show one option: value, default, range, what it does", NULL, cmd_config_get, GROUP_CONFIG},
    {"config set", "NAME VALUE", "Set an option in the directory: it applies to all hosts, at once",
     "What iems.conf says of an option wins over the directory.\nExample: iems config set smtpd.max_sessions 500",
     cmd_config_set, GROUP_CONFIG},
    {"config unset", "NAME", "Return an option to its default", NULL, cmd_config_unset, GROUP_CONFIG},
    {"config reload", "[--host NAME]", "Read iems.conf and the certificates again, here or on another host", NULL,
     cmd_config_reload, GROUP_CONFIG},
    {"log level", "[error|warning|message|smtp|info|debug|default] [--host NAME]",
     "Show or set how much is logged, until the instance ends",
     "Of this host alone, or of another one, at once; default: as server.log_level says, which also lasts.",
     cmd_log_level, GROUP_CONFIG},
    {"certificate status", "[--json]", "Show the certificates in use, when they end, and what ACME did",
     "* stands for names that are not known. The rows behind them: iems certificate list", cmd_certificate_status,
     GROUP_CONFIG},
    {"certificate request", "NAME", "Get a certificate for NAME by ACME, now and from now on",
     "Sets acme=yes in the row of NAME and waits for the authority. Beforehand: iems config set acme.agree_terms yes,\n"
     "and port 80 of NAME must lead to acme.listen_http (or port 443 to a TLS port, see acme.challenge).\n"
     "Example: iems certificate request mail.example.org",
     cmd_certificate_request, GROUP_CONFIG},
    {"certificate renew", "[NAME]", "Renew certificates of ACME now, whatever is left of the old", NULL,
     cmd_certificate_renew, GROUP_CONFIG},
    {"certificate install", "NAME FILE...", "Use the certificate and key in FILE for NAME",
     "FILE is PEM: certificate, chain and key, in one file or several. NAME is a name, *.DOMAIN, or * for names that "
     "are\n"
     "not known. ACME leaves the name alone from then on.\n"
     "Example: iems certificate install mail.example.org fullchain.pem privkey.pem",
     cmd_certificate_install, GROUP_CONFIG},

    {"store check", "[DIR] [--repair]", "Check the message store while it runs; with --repair put right what can be",
     "Verifies queue, mailboxes, counters and bodies against each other and lists what is wrong.\n"
     "The exit status is 0 when everything is in order.",
     cmd_store_check, GROUP_INSTANCE},
    {"search status", "[--json]", "Show how far the search index is",
     "Messages that wait for the index are found as well; a search only takes longer.", cmd_search_status,
     GROUP_INSTANCE},
    {"search rebuild", "[ADDRESS]", "Make the search index anew, of one account or of all, while everything runs",
     "It goes on in the background, after a restart too.", cmd_search_rebuild, GROUP_INSTANCE},

    {"backup", "DIR [--incremental] [--verify] [--keys]", "Make a consistent copy of the running instance",
     "Everything as of one moment: queue, mailboxes, directory and configuration, in a new folder DIR/TIME.\n"
     "  --incremental   link what did not change since the last backup in DIR; each backup is whole all the same\n"
     "  --verify        read the copy again and compare\n"
     "  --keys          with tls/ and secrets/ (private keys, passwords)",
     cmd_backup, GROUP_INSTANCE},
    {"backup list", "DIR", "Show the backups in a folder", NULL, cmd_backup_list, GROUP_INSTANCE},
    {"backup verify", "DIR [NAME]", "Verify a backup: every file, and the records of the store",
     "Without NAME the newest one.", cmd_backup_verify, GROUP_INSTANCE},
    {"restore",
     "DIR --instance NEW [--port-base N] | DIR --account ADDRESS [--folder NAME [--message UID] | --files PATH] | "
     "DIR --all | DIR --list",
     "Make an instance from a backup, or bring back mail into the running one",
     "DIR is a backup or a folder of backups, of which the newest is taken.\n"
     "  --instance NEW      a folder that is not there or empty\n"
     "  --account ADDRESS   into the running instance; messages and files that are there stay as they are\n"
     "  --folder NAME, --message UID   only these\n"
     "  --files PATH        no mail, but this file or folder of the web folders; \"\" = all of them\n"
     "  --from ADDRESS      the account had this address then, or another one's mail is meant\n"
     "  --all               mail and web folders of all accounts, into the running instance\n"
     "  --list              show the accounts of the backup, with --account its folders, with --folder the messages\n"
     "  --backup NAME       this backup of the folder\n"
     "  --dry-run           only tell what would be done\n"
     "What is damaged in the backup is told, the rest is restored; the exit status is 65 then.",
     cmd_restore, GROUP_INSTANCE},
    {"export", "ADDRESS --maildir DIR | --mbox DIR [--folder NAME]",
     "Write the mail of an account as other programs keep it",
     "With folders, flags, keywords and dates. See docs/admin/migration.md for the forms.", cmd_export, GROUP_MAIL},
    {"import", "ADDRESS --maildir DIR | --mbox DIR|FILE | --imap HOST[:PORT] [--user NAME] [--dry-run]",
     "Bring mail of other programs and servers into accounts",
     "What is there already is not added again: an import may be repeated or interrupted.\n"
     "  --imap HOST[:PORT]       from an IMAP server: folders, flags, keywords, dates, UIDs where they are free\n"
     "  --tls | --starttls | --plain   how (--tls, port 993)\n"
     "  --ca-file FILE, --fingerprint SHA256, --no-verify   whom to believe, instead of the system's authorities\n"
     "  --user NAME              the user there, if it is not ADDRESS\n"
     "  --password-file FILE     else $IEMS_IMPORT_PASSWORD, else asked for\n"
     "  --mechanism NAME         PLAIN, LOGIN, CLEAR (the command), or with a token OAUTHBEARER, XOAUTH2\n"
     "  --accounts FILE          many accounts: lines of address, user there, password file\n"
     "  --master NAME            log in as this user for all others; with --master-separator '*' as user*NAME\n"
     "  --folder NAME, --exclude NAME   only these, not these; '*' stands for anything; may be repeated\n"
     "  --subfolder NAME         everything below this folder\n"
     "  --connections N          at a time (4)\n"
     "  --state DIR              where it stands what was copied (DIR/import/ADDRESS)\n"
     "  --json                   the report as JSON",
     cmd_import, GROUP_MAIL},
    {"undelete list", "ADDRESS [--folder NAME] [--since TIME]", "Show expunged messages that may be brought back",
     "For store.undelete_time (a week) after they were expunged, or their folder was deleted.\n"
     "  --since TIME   2h, 3d or 2026-11-21",
     cmd_undelete_list, GROUP_MAIL},
    {"undelete restore", "ADDRESS [--folder NAME [--uid UID]] [--since TIME]", "Bring expunged messages back",
     "Into their folders, with flags; a folder that was deleted is made again.", cmd_undelete_restore, GROUP_MAIL},
    {"rebuild", "-f | ADDRESS [FOLDER]", "Derive summaries, counters and indexes of mailboxes anew",
     "While everything runs, one folder at a time. -f: all accounts. Damaged messages go to the folder Recovered.\n"
     "The whole of an account is preferred to one FOLDER.",
     cmd_rebuild, GROUP_INSTANCE},
    {"upgrade", "--dry-run [DIR]", "Tell what the start of this version would do to the data",
     "Brings a working copy of the store to the format of this version and checks it.", cmd_upgrade, GROUP_INSTANCE},

#include "daemon/tables.tbl"

    {"host key", "", "Print the fingerprint of the key by which other hosts know this one",
     "The key is DIR/tls/control.pem, made when it is first needed.", cmd_host_key, GROUP_TABLES},
    {"host trust", "NAME ADDRESS[:PORT] FINGERPRINT [--role none|monitor|operate]",
     "Let a host of the organisation see or control the others, and be controlled",
     "FINGERPRINT is what `iems host key` prints there; PORT is 1234 if not given.\n"
     "  --role ROLE   what it may do on the others: none, monitor (see, the default), operate (also start and stop)\n"
     "Example: iems host trust mail2.example.org 192.0.2.12 4f0c...9a --role operate",
     cmd_host_trust, GROUP_TABLES},
    {"host untrust", "NAME...", "Forget the key and the role of hosts; calls of theirs that are under way end",
     "The rest of the row stays. To delete it all: iems host delete NAME.", cmd_host_untrust, GROUP_TABLES},

    {"help", "[COMMAND] [--man]", "Show the commands, or all about one", NULL, cmd_help, GROUP_CONFIG},
    {"completion", "bash", "Print the tab completion for a shell", "Example: source <(iems completion bash)",
     cmd_completion, GROUP_CONFIG},

    {"mailq", "[-h] [-v] [-s priority|size|time] [-q QUEUE]", "Show what is queued, as the classic program does",
     "  -v  show priorities\n  -s  order (by priority if not given)\n"
     "  -q  one queue (INPUT, LOCAL, SMTPC) or one destination domain; \"\" for what is not deferred",
     cmd_mailq, GROUP_CLASSIC},
    {"dbupdate", "[-h] [-r] [-u] [DIR]",
     "Check the queues and put their indexes right, while the system runs (classic name)",
     "  -r  all indexes of the message store, not of the queues alone\n"
     "  -u  tell the format of the store (it is brought up to date by itself at the start)\n"
     "  -h  this help",
     cmd_dbupdate, GROUP_CLASSIC},
    {"sendmail", "[-f SENDER] [-F NAME] [-t] [-i] [-N DSN] [-R RET] [-V ENVID] [-bs | -bp | -bv | -q] [RECIPIENT...]",
     "Submit the message on standard input, as the classic program does",
     "  -f ADDRESS  sender (\"\" = none)      -F NAME   its full name\n"
     "  -t          recipients are those of To, Cc and Bcc; Bcc is taken out\n"
     "  -i, -oi     a line with a single dot does not end the message\n"
     "  -N never | success,failure,delay    what the sender wants to be told\n"
     "  -R full | hdrs                      what a report gives back\n"
     "  -V ENVID    identifier that stands in reports (+ as +2B, = as +3D, a blank as +20)\n"
     "  -bs         talk SMTP on standard input and output\n"
     "  -bp         the same as mailq\n"
     "  -bv         show where mail to the recipients goes, as iems resolve does, and send none\n"
     "  -q          try what waits now; -qRTEXT, -qSTEXT: of a recipient or sender with TEXT; -qIID: one message\n"
     "-bi, -q with an interval, -A -B -G -h -L -n -m -O -o -p -U -X and -d are taken and do nothing; -bd, -bt are "
     "not.\n"
     "Root, daemon and network may name any sender, others only themselves (LOGIN@DOMAIN). Who is neither root nor the "
     "user\n"
     "of the instance sends through its SMTP port, as a client of 127.0.0.1: to send to other domains, let it relay.\n"
     "Exit status: 0 taken, 64 usage, 65 bad message, 67 bad recipient, 75 try again later, 77 not allowed.",
     cmd_sendmail, GROUP_CLASSIC},
    {"iemsuser",
     "-C|-D|-L [-a ADDR] [-p PASSWD] [-f FNAME] [-l LNAME] [-h HDIR] [-r PERM] [-q MB] [-w DIR] [-m PERM] [-t MB]",
     "Create, delete and list accounts (classic name)",
     "  -C  create, -D  delete, -L  list all accounts\n"
     "  -a ADDR    full address           -p PASSWD  password, at least 6 characters\n"
     "  -f FNAME   first name             -l LNAME   last name\n"
     "  -h HDIR    home folder            -r PERM    send, receive or send+receive (default)\n"
     "  -q MB      mail quota (default unlimited)\n"
     "  -w DIR     web folder  -m enable|disable  web folders (default disable)  -t MB  web folder quota\n"
     "  -c DIR     the instance (else $IEMS_DIR)\n"
     "Example: iemsuser -C -a bart@jade.net -p password -f Bart -l Simpson -q 100 -t 50",
     cmd_iemsuser, GROUP_CLASSIC},
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
