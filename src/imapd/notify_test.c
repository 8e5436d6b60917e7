/* Dialogues with a session about NOTIFY (RFC 5465); each runs whole and byte by byte. */
#include "imapd/dialogue.h"

#include "net/net_test.h"

#define GREETING "< * OK [CAPABILITY *\n"
#define LOGIN    GREETING "> l LOGIN u p\n< l OK [CAPABILITY *] Logged in\n"
/* clang-format off: one string a step or two, as a dialogue is read */
#define SELECTED                                                                                                       \
    "> s SELECT INBOX\n< * 3 EXISTS\n< * 0 RECENT\n< * FLAGS *\n< * OK [PERM*\n< * OK [UNSEEN 1]*\n< * OK [UIDV*\n"    \
    "< * OK [UIDN*\n< * OK [HIGH*\n< * OK [MAILB*\n< * OK [URLM*\n< s OK *\n"
#define THREE   LOGIN "! deliver\n! deliver\n! deliver\n" SELECTED
#define ADD(to) "APPEND " to " {9+}~A: b~~x"

static const struct dialogue dialogues[] = {
    {"selected: told at once, with what was asked for of new messages: RFC 5465 5.2, 5.3, 6.1", THREE
     "> 1 NOTIFY SET (selected (MessageNew (UID FLAGS BODY.PEEK[HEADER.FIELDS (Subject)]) MessageExpunge FlagChange))\n"
     "< 1 OK NOTIFY completed\n! deliver\n< * 4 EXISTS\n< * 4 FETCH (UID 4 FLAGS () BODY[HEADER.FIELDS (Subject)] "
     "{17}\n"
     "< Subject: news\n< \n< )\n! other SELECT INBOX | STORE 1 +FLAGS \\Deleted\n< * 1 FETCH (UID 1 FLAGS "
     "(\\Deleted))\n"
     "! other SELECT INBOX | EXPUNGE\n< * 1 EXPUNGE\n> 2 NOOP\n< 2 OK *\n> 3 FETCH 3 FLAGS\n< * 3 FETCH (FLAGS ())\n< "
     "3 OK *\n"},
    {"selected-delayed: expunges wait for a command: RFC 5465 6.1; without FlagChange flags are not told: 5.1", THREE
     "> 1 NOTIFY SET (selected-delayed (MessageNew MessageExpunge))\n< 1 OK *\n"
     "! other SELECT INBOX | STORE 1 +FLAGS \\Deleted | EXPUNGE\n! deliver\n< * 4 EXISTS\n> 2 NOOP\n< * 1 EXPUNGE\n"
     "< 2 OK *\n> 3 SEARCH ALL\n< * SEARCH 1 2 3\n< 3 OK *\n"},
    {"NONE: nothing is told, also not of the selected mailbox: RFC 5465 3.2",
     THREE "> 1 NOTIFY NONE\n< 1 OK *\n! deliver\n> 2 NOOP\n< 2 OK *\n> 3 NOOP\n< 3 OK *\n"
           "> 4 NOTIFY SET (selected NONE)\n< 4 OK *\n> 5 NOOP\n< 5 OK *\n"
           "> 6 NOTIFY SET (selected (MessageNew MessageExpunge))\n< * 4 EXISTS\n< 6 OK *\n"},
    {"a mailbox that is left: what came to it is told as STATUS too: RFC 5465 5",
     THREE "> 1 CREATE b\n< 1 OK *\n> 2 NOTIFY SET (selected (MessageNew MessageExpunge)) (personal (MessageNew "
           "MessageExpunge))\n< 2 OK *\n! deliver\n< * 4 EXISTS\n"
           "> 3 SELECT b\n< * OK [CLOSED] *\n< * 0 EXISTS\n< * 0 RECENT\n< * FLAGS *\n< * OK [PERM*\n< * OK [UIDV*\n"
           "< * OK [UIDN*\n< * OK [HIGH*\n< * OK [MAILB*\n< * OK [URLM*\n< 3 OK *\n"
           "< * STATUS INBOX (MESSAGES 4 UIDNEXT 5 UIDVALIDITY 1001 UNSEEN 4)\n"
           "> 4 SELECT INBOX\n< * OK [CLOSED] *\n< * 4 EXISTS\n< * 0 RECENT\n< * FLAGS *\n< * OK [PERM*\n"
           "< * OK [UNSEEN*\n< * OK [UIDV*\n"
           "< * OK [UIDN*\n< * OK [HIGH*\n< * OK [MAILB*\n< * OK [URLM*\n< 4 OK *\n> 5 NOOP\n< 5 OK *\n"},
    {"other mailboxes: messages, names, subscriptions, annotations: RFC 5465 5.1 to 5.7", LOGIN
     "> 1 NOTIFY SET STATUS (personal (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange "
     "MailboxMetadataChange ServerMetadataChange))\n"
     "< * STATUS INBOX (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 1001 UNSEEN 0 HIGHESTMODSEQ 1)\n< 1 OK *\n"
     "! other CREATE b\n< * LIST (\\HasNoChildren) \"/\" b\n"
     "! other " ADD("b") "\n< * STATUS b (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 1002 UNSEEN 1)\n"
                         "! other SELECT b | STORE 1 +FLAGS \\Deleted\n< * STATUS b (MESSAGES 1 UIDNEXT 2 UIDVALIDITY "
                         "1002 UNSEEN 1)\n"
                         "! other SELECT b | EXPUNGE\n< * STATUS b (MESSAGES 0 UIDNEXT 2 UIDVALIDITY 1002 UNSEEN 0)\n"
                         "! other RENAME b c\n< * LIST (\\HasNoChildren) \"/\" c (\"OLDNAME\" (b))\n"
                         "! other SUBSCRIBE c\n< * LIST (\\HasNoChildren \\Subscribed) \"/\" c\n"
                         "! other UNSUBSCRIBE c\n< * LIST (\\HasNoChildren) \"/\" c\n"
                         "! other SETMETADATA c (/shared/comment \"x\" /private/y NIL)\n< * METADATA c /shared/comment "
                         "/private/y\n"
                         "! other SETMETADATA \"\" (/private/comment \"x\")\n< * METADATA \"\" /private/comment\n"
                         "! other DELETE c\n< * LIST (\\NonExistent) \"/\" c\n"
                         "> 2 NOTIFY NONE\n< 2 OK *\n! other CREATE d\n> 3 NOOP\n< 3 OK *\n> 4 NOOP\n< 4 OK *\n"},
    {"ENABLE METADATA alone: annotations that others change, at the end of a command and in IDLE: RFC 5464 4.1", THREE
     "> 1 ENABLE METADATA\n< * ENABLED METADATA\n< 1 OK *\n! other CREATE b\n"
     "! other SETMETADATA INBOX (/shared/comment \"x\")\n> 2 NOOP\n< * METADATA INBOX /shared/comment\n< 2 OK *\n"
     "> 3 SETMETADATA INBOX (/shared/comment \"own\")\n< 3 OK *\n! deliver\n> 4 NOOP\n< * 4 EXISTS\n< 4 OK *\n"
     "> 5 IDLE\n< + *\n! other SETMETADATA b (/private/y \"x\")\n< * METADATA b /private/y\n! deliver\n< * 5 EXISTS\n"
     "! other SETMETADATA \"\" (/private/y \"x\")\n< * METADATA \"\" /private/y\n> DONE\n< 5 OK *\n"
     "> 6 NOTIFY NONE\n< 6 OK *\n! other SETMETADATA b (/private/y \"z\")\n> 7 NOOP\n< 7 OK *\n"},
    {"a changed flag is told only with FlagChange; HIGHESTMODSEQ with CONDSTORE: RFC 5465 5.1",
     LOGIN "> 1 ENABLE CONDSTORE\n< * ENABLED CONDSTORE\n< 1 OK *\n! other CREATE b | " ADD(
         "b") "\n"
              "> 2 NOTIFY SET (mailboxes (b x) (MessageNew MessageExpunge))\n< 2 OK *\n"
              "! other SELECT b | STORE 1 +FLAGS \\Seen\n> 3 NOOP\n< 3 OK *\n"
              "> 4 NOTIFY SET (mailboxes b (MessageNew MessageExpunge FlagChange))\n< 4 OK *\n"
              "! other SELECT b | STORE 1 +FLAGS \\Flagged\n"
              "< * STATUS b (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 1002 UNSEEN 0 HIGHESTMODSEQ 4)\n> 5 NOOP\n< 5 OK *\n"},
    {"STATUS: HIGHESTMODSEQ with FlagChange though CONDSTORE is not enabled, nor is it by this: RFC 5465 3.1",
     LOGIN "> 1 NOTIFY SET STATUS (mailboxes INBOX (MessageNew MessageExpunge))\n"
           "< * STATUS INBOX (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 1001 UNSEEN 0)\n< 1 OK *\n"
           "> 2 NOTIFY SET STATUS (mailboxes INBOX (MessageNew MessageExpunge FlagChange))\n"
           "< * STATUS INBOX (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 1001 UNSEEN 0 HIGHESTMODSEQ 1)\n< 2 OK *\n"
           "! deliver\n< * STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 1001 UNSEEN 1)\n"},
    {"all groups that are about a mailbox count, NONE before all: RFC 5465 6", LOGIN
     "! other CREATE b | CREATE b/c | CREATE b/c/d | SUBSCRIBE b/c\n"
     "> 1 NOTIFY SET STATUS (subtree b (MailboxName)) (subscribed (MessageNew MessageExpunge)) (mailboxes b NONE) "
     "(inboxes (MessageNew MessageExpunge))\n< * STATUS INBOX *\n< * STATUS b/c *\n< 1 OK *\n"
     "! other " ADD("b") " | " ADD(
         "b/c/d") "\n! deliver\n< * STATUS INBOX (MESSAGES 1 *\n"
                  "! other RENAME b/c/d e\n< * LIST (\\HasNoChildren) \"/\" e (\"OLDNAME\" (b/c/d))\n"
                  "! other " ADD("b/c") "\n< * STATUS b/c (MESSAGES 1 *\n"
                                        "! other CREATE b/c/f\n< * LIST (\\HasNoChildren) \"/\" b/c/f\n"
                                        "< * LIST (\\HasChildren \\Subscribed) \"/\" b/c\n> 2 NOOP\n< 2 OK *\n"},
    {"the level above is told with what is made or removed; what was renamed along is not: RFC 5465 5.4",
     LOGIN "! other CREATE b\n> 1 NOTIFY SET (personal (MailboxName))\n< 1 OK *\n"
           "! other CREATE b/c\n< * LIST (\\HasNoChildren) \"/\" b/c\n< * LIST (\\HasChildren) \"/\" b\n"
           "! other CREATE b/c/d\n< * LIST (\\HasNoChildren) \"/\" b/c/d\n< * LIST (\\HasChildren) \"/\" b/c\n"
           "! other RENAME b e\n< * LIST (\\HasChildren) \"/\" e (\"OLDNAME\" (b))\n"
           "! other DELETE e/c/d\n< * LIST (\\NonExistent) \"/\" e/c/d\n< * LIST (\\HasNoChildren) \"/\" e/c\n"
           "> 2 NOOP\n< 2 OK *\n"},
    {"without a group for it, nothing is told of the selected mailbox: RFC 5465 3.1", THREE
     "> 1 NOTIFY SET (mailboxes b (MessageNew MessageExpunge))\n< 1 OK *\n! deliver\n> 2 NOOP\n< 2 OK *\n"
     "> 3 NOTIFY SET (personal (MessageNew MessageExpunge))\n< 3 OK *\n! deliver\n> 4 NOOP\n< 4 OK *\n"
     "> 5 NOTIFY SET (personal (MessageNew MessageExpunge)) (selected (MessageNew MessageExpunge))\n< * 5 EXISTS\n"
     "< 5 OK *\n"},
    {"IDLE tells the same: RFC 5465 3", LOGIN
     "> 1 NOTIFY SET (personal (MessageNew MessageExpunge MailboxName))\n< 1 OK *\n> 2 IDLE\n< + idling\n! deliver\n"
     "< * STATUS INBOX (MESSAGES 1 *\n! other CREATE b\n< * LIST (\\HasNoChildren) \"/\" b\n> DONE\n< 2 OK *\n"},
    {"too much to tell: RFC 5465 5.8",
     LOGIN "! other CREATE b | CREATE c | CREATE d | CREATE e\n> 1 NOTIFY SET (personal (MessageNew "
           "MessageExpunge))\n< 1 OK *\n"
           "> 2 APPEND INBOX {9}\n< + OK\n! other " ADD("b") " | " ADD("c") " | " ADD("d") " | " ADD(
               "e") "\n>> A: b~~x\n> \n"
                    "< * OK [NOTIFICATIONOVERFLOW] *\n< 2 OK *\n! other " ADD(
                        "b") "\n> 3 NOOP\n< 3 OK *\n> 4 NOOP\n< 4 OK *\n"
                             "> 5 NOTIFY SET (personal (MessageNew MessageExpunge))\n< 5 OK *\n! other " ADD(
                                 "b") "\n< * STATUS b (MESSAGES 3 *\n"},
    {"a restart of the store is made up for",
     LOGIN "> 1 NOTIFY SET (personal (MessageNew MessageExpunge MailboxName))\n< 1 OK *\n! restart\n! other CREATE b\n"
           "< * LIST (\\HasNoChildren) \"/\" b\n! restart\n! deliver\n< * STATUS INBOX (MESSAGES 1 *\n"},
    {"with UIDONLY and without numbers: RFC 9586, RFC 5465 5.3", THREE
     "> 1 ENABLE UIDONLY\n< * ENABLED UIDONLY\n< 1 OK *\n"
     "> 2 NOTIFY SET (selected (MessageNew (FLAGS) MessageExpunge FlagChange))\n< 2 OK *\n! deliver\n< * 4 EXISTS\n"
     "< * 4 UIDFETCH (FLAGS ())\n! other SELECT INBOX | STORE 2 +FLAGS \\Deleted\n< * 2 UIDFETCH (FLAGS (\\Deleted))\n"
     "! other SELECT INBOX | EXPUNGE\n< * VANISHED 2\n> 3 NOOP\n< 3 OK *\n"},
    {"what is no NOTIFY: RFC 5465 8", LOGIN
     "> 1 NOTIFY\n< 1 BAD *\n> 2 NOTIFY SET (selected (MessageNew))\n< 2 BAD *\n"
     "> 3 NOTIFY SET (personal (MessageNew (UID) MessageExpunge))\n< 3 BAD *\n> 4 NOTIFY SET (personal "
     "(AnnotationChange))\n"
     "< 4 NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange "
     "ServerMetadataChange)] *\n> 5 UNAUTHENTICATE\n< 5 OK *\n> 6 NOTIFY NONE\n< 6 BAD *\n"},
};
/* clang-format on */

int main(void) {
    return dialogue_main(dialogues, sizeof dialogues / sizeof *dialogues);
}
