/* Dialogues with a session about the corners of extensions, and several of them together. Each runs whole and byte by
 * byte. */
#include "imapd/dialogue.h"

#include "net/net_test.h"

#define GREETING "< * OK [CAPABILITY *\n"
#define LOGIN    GREETING "> l LOGIN u p\n< l OK [CAPABILITY *] Logged in\n"
/* clang-format off: one string a step or two, as a dialogue is read */
#define OPENED(n, unseen)                                                                                              \
    "< * " n " EXISTS\n< * 0 RECENT\n< * FLAGS *\n< * OK [PERM*\n" unseen "< * OK [UIDV*\n< * OK [UIDN*\n"             \
    "< * OK [HIGH*\n< * OK [MAILB*\n< * OK [URLM*\n"
#define SHUT(n)                                                                                                        \
    "< * " n " EXISTS\n< * 0 RECENT\n< * FLAGS *\n< * OK [PERM*\n< * OK [UIDV*\n< * OK [UIDN*\n< * OK [HIGH*\n"        \
    "< * OK [MAILB*\n< * OK [URLM*\n"
#define UNSEEN  "< * OK [UNSEEN 1]*\n"
#define ARRIVED LOGIN "! deliver\n! deliver\n! deliver\n"
#define THREE   ARRIVED "> s SELECT INBOX\n" OPENED("3", UNSEEN) "< s OK *\n"
#define QRESYNC                                                                                                        \
    ARRIVED "> q ENABLE QRESYNC\n< * ENABLED QRESYNC\n< q OK *\n> s SELECT INBOX\n" OPENED(                            \
        "3", UNSEEN) "< s OK *\n> d UID STORE 1:2 +FLAGS.SILENT \\Deleted\n< * 1 FETCH *\n< * 2 FETCH *\n< d OK *\n"
#define UIDONLY THREE "> u ENABLE UIDONLY\n< * ENABLED UIDONLY\n< u OK *\n"

static const struct dialogue dialogues[] = {
    {"MESSAGELIMIT and SAVELIMIT: RFC 9738",
     THREE
     "> 0 CAPABILITY\n< * CAPABILITY * MESSAGELIMIT=2 SAVELIMIT=2 *\n< 0 OK *\n"
     "> 1 FETCH 1:3 UID\n< * 2 FETCH (UID 2)\n< * 3 FETCH (UID 3)\n< 1 OK [MESSAGELIMIT 2 2] *\n"
     "> 2 UID FETCH 1:2 UID\n< * 1 FETCH (UID 1)\n< * 2 FETCH (UID 2)\n< 2 OK UID FETCH completed\n"
     "> 3 UID SEARCH ALL\n< * SEARCH 2 3\n< 3 OK [MESSAGELIMIT 2 2] *\n"
     "> 4 UID SEARCH RETURN (COUNT) ALL\n< * ESEARCH (TAG \"4\") UID COUNT 3\n< 4 OK UID SEARCH completed\n"
     "> 5 STORE 1:3 +FLAGS.SILENT \\Deleted\n< 5 OK [MESSAGELIMIT 2 2] *\n"
     "> 6 UID STORE 1 +FLAGS.SILENT \\Deleted\n< 6 OK UID STORE completed\n> 7 CREATE a\n< 7 OK *\n"
     "> 8 COPY 1:3 a\n< 8 NO [MESSAGELIMIT 2] *\n"
     "> 9 MOVE 1:3 a\n< * OK [COPYUID 1002 2:3 1:2] Moved\n< * 3 EXPUNGE\n< * 2 EXPUNGE\n< 9 OK [MESSAGELIMIT 2 2] *\n"
     "> a APPEND a {9+}\n>> A: b~~x\n>  {9+}\n>> A: b~~x\n>  {9+}\n>> A: b~~x\n> \n< a NO [MESSAGELIMIT 2] *\n"
     "! deliver\n! deliver\n> b NOOP\n< * 3 EXISTS\n< b OK *\n> c UID STORE 4:5 +FLAGS.SILENT \\Deleted\n< c OK *\n"
     "> d UID EXPUNGE 1:5\n< * 3 EXPUNGE\n< * 2 EXPUNGE\n< d OK [MESSAGELIMIT 2 4] *\n> e EXPUNGE\n< * 1 EXPUNGE\n< e "
     "OK *\n",
     .message_limit = 2},
    {"MESSAGELIMIT: THREAD of more is refused, SORT gives a part: RFC 9738, with SORT and THREAD",
     THREE "> 1 THREAD REFERENCES UTF-8 ALL\n< 1 NO [MESSAGELIMIT 2] *\n> 2 THREAD REFERENCES UTF-8 2:3\n"
           "< * THREAD *\n< 2 OK THREAD completed\n> 3 SORT (ARRIVAL) UTF-8 ALL\n< * SORT 2 3\n"
           "< 3 OK [MESSAGELIMIT 2 2] *\n",
     .message_limit = 2},
    {"MESSAGELIMIT: UID EXPUNGE counts what is deleted; a PARTIAL that is too large is refused: RFC 9738 3.1",
     THREE
     "> 1 UID STORE 1 +FLAGS.SILENT \\Deleted\n< 1 OK *\n> 2 UID EXPUNGE 1:3\n< * 1 EXPUNGE\n< 2 OK UID *\n"
     "! deliver\n> 3 NOOP\n< * 3 EXISTS\n< 3 OK *\n> 4 UID FETCH 1:* UID (PARTIAL 1:3)\n< 4 NO [MESSAGELIMIT 2] *\n"
     "> 5 UID FETCH 1:* UID (PARTIAL -1:-2)\n< * 2 FETCH (UID 3)\n< * 3 FETCH (UID 4)\n< 5 OK UID *\n"
     "! other SELECT INBOX | STORE 3 +FLAGS \\Deleted | EXPUNGE\n> 6 FETCH 1:3 UID\n< * 2 FETCH (UID 3)\n"
     "< * NO [MESSAGELIMIT 2 3] *\n< 6 NO [EXPUNGEISSUED] *\n",
     .message_limit = 2},
    {"one body of many is damaged: the others are given, and it is told: RFC 5530 3",
     LOGIN "> 1 APPEND INBOX {9+}\n>> A: b~~x\n> \n< 1 OK *\n> 2 APPEND INBOX {15+}\n>> Damaged: b~~x\n> \n< 2 OK *\n"
           "> 3 APPEND INBOX {9+}\n>> A: c~~y\n> \n< 3 OK *\n"
           "> 4 SELECT INBOX\n" OPENED("3", UNSEEN) "< 4 OK *\n"
                                                    "> 5 FETCH 1:3 BODY.PEEK[]\n< * 1 FETCH (BODY[] {9}\n< A: b\n< \n< "
                                                    "x)\n< * 3 FETCH (BODY[] {9}\n< A: c\n< \n< y)\n"
                                                    "< 5 NO [CORRUPTION] *\n"},
    {"RENAME and DELETE of the selected mailbox: RFC 9051 6.3.5, 6.3.6",
     LOGIN "> 1 CREATE a\n< 1 OK *\n> 2 CREATE a/b\n< 2 OK *\n> 3 SELECT a/b\n" SHUT(
         "0") "< 3 OK *\n"
              "> 4 RENAME a c\n< 4 OK *\n> 5 DELETE nowhere\n< 5 NO [NONEXISTENT] *\n> 6 ESEARCH RETURN (COUNT) ALL\n< "
              "6 OK *\n"
              "> 7 APPEND c/b {9+}\n>> A: b~~x\n> \n< * 1 EXISTS\n< 7 OK *\n> 8 ESEARCH RETURN (COUNT) ALL\n"
              "< * ESEARCH (TAG \"8\" MAILBOX c/b UIDVALIDITY *) UID COUNT 1\n< 8 OK *\n> 9 CREATE a/b\n< 9 OK *\n"
              "> a DELETE a/b\n< a OK *\n> b FETCH 1 UID\n< * 1 FETCH (UID 1)\n< b OK *\n"
              "> c DELETE c/b\n< * OK [CLOSED] *\n< c OK *\n> d FETCH 1 UID\n< d BAD *\n"},
    {"DELETE of a mailbox that others have selected ends them, also when it is made anew: RFC 2180 3.3",
     LOGIN "> 1 CREATE a\n< 1 OK *\n> 2 SELECT a\n" SHUT("0") "< 2 OK *\n! other DELETE a | CREATE a\n"
                                                              "> 3 NOOP\n< * BYE *\n< 3 OK *\n! closed\n"},
    {"a name that no mailbox can have: NO, and none is selected: RFC 9051 6.3.2",
     THREE "> 1 STATUS \"\" (MESSAGES)\n< 1 NO [CANNOT] *\n> 2 FETCH 1 UID\n< * 1 FETCH (UID 1)\n< 2 OK *\n"
           "> 3 SELECT \"\"\n< * OK [CLOSED] *\n< 3 NO [CANNOT] *\n> 4 FETCH 1 UID\n< 4 BAD *\n"
           "> 5 APPEND \"\" {9+}\n>> A: b~~x\n> \n< 5 NO [CANNOT] *\n"},
    {"flags of APPEND: \\Recent is passed over, others that are none are not: RFC 9051 2.3.2",
     LOGIN "> 1 APPEND INBOX (\\Recent \\Seen) {9+}\n>> A: b~~x\n> \n< 1 OK *\n"
           "> 2 APPEND INBOX (\\Foo) {9+}\n>> A: b~~x\n> \n< 2 BAD No such system flag\n"
           "> 3 STATUS INBOX (MESSAGES UNSEEN)\n< * STATUS INBOX (MESSAGES 1 UNSEEN 0)\n< 3 OK *\n"},
    {"ENABLE in a selected mailbox: RFC 7162 3.1, RFC 5464 4.1",
     THREE "> 1 ENABLE CONDSTORE METADATA X-FOO\n< * ENABLED CONDSTORE METADATA\n< * OK [HIGHESTMODSEQ 4] *\n< 1 OK *\n"
           "> 2 ENABLE QRESYNC\n< * ENABLED QRESYNC\n< 2 OK *\n"},
    {"UIDAFTER and UIDBEFORE: RFC 9738 3.4",
     THREE "> 1 UID SEARCH UIDBEFORE 3\n< * SEARCH 1 2\n< 1 OK *\n> 2 UID SEARCH UIDAFTER 2\n< * SEARCH 3\n< 2 OK *\n"
           "> 3 UID SEARCH UIDAFTER 3\n< * SEARCH\n< 3 OK *\n> 4 SEARCH UIDBEFORE 1\n< * SEARCH\n< 4 OK *\n"
           "> 5 SEARCH NOT UIDAFTER 4294967295\n< * SEARCH 1 2 3\n< 5 OK *\n> 6 SEARCH UIDAFTER 0\n< 6 BAD *\n"
           "> 7 SEARCH UIDBEFORE 1:2\n< 7 BAD *\n"},
    {"QRESYNC: another UIDVALIDITY tells nothing, no list of known UIDs tells all: RFC 7162 3.2.5", QRESYNC
     "> 1 UID EXPUNGE 1\n< * VANISHED 1\n< 1 OK [HIGHESTMODSEQ 6] *\n"
     "> 2 SELECT INBOX (QRESYNC (999 1 1:3))\n< * OK [CLOSED]*\n" OPENED(
         "2",
         UNSEEN) "< 2 OK *\n"
                 "> 3 SELECT INBOX (QRESYNC (1001 4))\n< * OK [CLOSED]*\n" OPENED(
                     "2",
                     UNSEEN) "< * VANISHED (EARLIER) 1\n< * 1 FETCH (UID 2 FLAGS (\\Deleted) MODSEQ (5))\n< 3 OK *\n"
                             "> 4 SELECT INBOX (QRESYNC (1001 1 2:3))\n< * OK [CLOSED]*\n" OPENED(
                                 "2",
                                 UNSEEN) "< * 1 FETCH (UID 2 *)\n< * 2 FETCH (UID 3 *)\n< 4 OK *\n"
                                         "> 5 SELECT INBOX (QRESYNC (1001 6 1:3 (1:3 1:3)))\n< * OK [CLOSED]*\n" OPENED(
                                             "2",
                                             UNSEEN) "< 5 OK *\n"
                                                     "> 6 SELECT INBOX (QRESYNC (1001 999999 1:3))\n< * OK "
                                                     "[CLOSED]*\n" OPENED(
                                                         "2",
                                                         UNSEEN) "< 6 OK *\n"
                                                                 "> 7 SELECT INBOX (QRESYNC (1001 4 (1:2 1:2)))\n< * "
                                                                 "OK [CLOSED]*\n" OPENED(
                                                                     "2",
                                                                     UNSEEN) "< * VANISHED (EARLIER) 1\n< * 1 FETCH "
                                                                             "(UID 2 *)\n< 7 OK *\n> 8 SELECT INBOX "
                                                                             "(QRESYNC (1001))\n< 8 BAD *\n"
                                                                             "> 9 UID FETCH 2:9 FLAGS (CHANGEDSINCE 1 "
                                                                             "VANISHED)\n< * 1 FETCH (UID 2 *)\n< * 2 "
                                                                             "FETCH (UID 3 *)\n< 9 OK *\n"
                                                                             "> a UID FETCH 1 FLAGS (CHANGEDSINCE 5 "
                                                                             "VANISHED)\n< * VANISHED (EARLIER) 1\n< a "
                                                                             "OK *\n"
                                                                             "> b UID FETCH 1 FLAGS (VANISHED)\n< b "
                                                                             "BAD *\n"},
    {"QRESYNC: what others expunge is VANISHED; CLOSE tells no HIGHESTMODSEQ: RFC 7162 3.2.7, 3.2.8", QRESYNC
     "! other SELECT INBOX | UID EXPUNGE 1\n> 1 NOOP\n< * VANISHED 1\n< 1 OK *\n"
     "> 2 UID MOVE 3 INBOX\n< * OK [COPYUID 1001 3 4] Moved\n< * VANISHED 3\n< * 2 EXISTS\n< 2 OK [HIGHESTMODSEQ *] *\n"
     "> 3 CLOSE\n< 3 OK CLOSE completed\n> 4 SELECT INBOX\n" OPENED("1", UNSEEN) "< 4 OK *\n"
                                                                                 "> 5 CLOSE\n< 5 OK *\n"},
    {"a keyword that another session has made is told before it is used, and found: RFC 9051 7.3.5",
     THREE "! other SELECT INBOX | STORE 1 +FLAGS ($x)\n> 1 FETCH 1 (FLAGS)\n< * FLAGS (* $x)\n< * OK [PERM*\n"
           "< * 1 FETCH (FLAGS ($x))\n< * 1 FETCH (UID 1 FLAGS ($x))\n< 1 OK *\n"
           "! other SELECT INBOX | STORE 2 +FLAGS ($y)\n> 2 SEARCH KEYWORD $y\n< * FLAGS (* $y)\n< * OK [PERM*\n"
           "< * SEARCH 2\n< * 2 FETCH (UID 2 FLAGS ($y))\n< 2 OK *\n> 3 SEARCH KEYWORD $z\n< * SEARCH\n< 3 OK *\n"
           "! other SELECT INBOX | STORE 3 +FLAGS ($z)\n> 4 STORE 3 +FLAGS ($y)\n< * FLAGS (* $z)\n< * OK [PERM*\n"
           "< * 3 FETCH (UID 3 FLAGS ($y $z))\n< 4 OK *\n"},
    {"QRESYNC: what happens while the mailbox is opened is told behind it: RFC 7162 3.2.5, 3.2.10, 5",
     QRESYNC "> 1 UID EXPUNGE 1\n< * VANISHED 1\n< 1 OK [HIGHESTMODSEQ 6] *\n! deliver\n! overtake\n"
             "> 2 SELECT INBOX (QRESYNC (1001 4))\n< * OK [CLOSED]*\n" OPENED(
                 "3", UNSEEN) "< * VANISHED (EARLIER) 1\n< * 3 FETCH (UID 4 FLAGS (\\Flagged) MODSEQ (9))\n< * OK "
                              "[HIGHESTMODSEQ 7] *\n< 2 OK *\n"
                              "> 3 NOOP\n< * 3 FETCH (UID 4 FLAGS (\\Flagged) MODSEQ (9))\n< * VANISHED 2\n< 3 OK *\n"
                              "! overtake\n> 5 UID FETCH 1:9 FLAGS (CHANGEDSINCE 9 VANISHED)\n< * 2 FETCH (UID 4 *)\n< "
                              "* 2 FETCH (UID 4 *)\n< * VANISHED 3\n< 5 OK *\n"},
    {"QRESYNC: HIGHESTMODSEQ of EXPUNGE is none whose changes the client was not told: RFC 7162 3.2.7",
     QRESYNC "! overtake\n> 1 UID EXPUNGE 1\n< * 3 FETCH (UID 3 FLAGS (\\Flagged) MODSEQ (7))\n< * VANISHED 1\n"
             "< 1 OK [HIGHESTMODSEQ 7] *\n"},
    {"EXPUNGEISSUED: a search that passed over what others have expunged tells so: RFC 5530 3",
     THREE "! other SELECT INBOX | STORE 2 +FLAGS \\Deleted | EXPUNGE\n> 1 SEARCH UNSEEN\n< * SEARCH 1 3\n"
           "< 1 OK [EXPUNGEISSUED] *\n> 2 SORT (ARRIVAL) UTF-8 UNSEEN\n< * SORT 1 3\n< 2 OK [EXPUNGEISSUED] *\n"
           "> 3 SEARCH NONSENSE\n< 3 BAD *\n> 4 UID SEARCH UNSEEN\n< * SEARCH 1 3\n< * 2 EXPUNGE\n"
           "< 4 OK UID SEARCH completed\n> 5 SEARCH UNSEEN\n< * SEARCH 1 2\n< 5 OK SEARCH completed\n"},
    {"EXPUNGEISSUED also when nobody was told yet: the store is asked",
     THREE "! overtake\n> 1 SEARCH UNSEEN\n< * SEARCH 2 3\n< * 3 FETCH (UID 3 FLAGS (\\Flagged))\n"
           "< 1 OK [EXPUNGEISSUED] *\n> 2 NOOP\n< * 1 EXPUNGE\n< 2 OK *\n"},
    {"STORE by numbers tells NO when it has no flags to tell of messages that are gone: RFC 2180 4.2",
     THREE "! other SELECT INBOX | STORE 2 +FLAGS \\Deleted | EXPUNGE\n> 1 STORE 1:3 +FLAGS (\\Flagged)\n"
           "< * 1 FETCH (UID 1 FLAGS (\\Flagged))\n< * 3 FETCH (UID 3 FLAGS (\\Flagged))\n< 1 NO [EXPUNGEISSUED] *\n"
           "> 2 STORE 2 FLAGS ()\n< 2 NO [EXPUNGEISSUED] *\n> 3 STORE 1:3 +FLAGS.SILENT (\\Draft)\n< 3 OK STORE *\n"
           "> 4 UID STORE 2:3 -FLAGS (\\Draft)\n< * 3 FETCH (UID 3 FLAGS (\\Flagged))\n< * 2 EXPUNGE\n< 4 OK UID *\n"},
    {"QRESYNC must be enabled first: RFC 7162 3.2.5",
     LOGIN "> 1 SELECT INBOX (QRESYNC (1001 1))\n< 1 BAD *\n> 2 ENABLE QRESYNC\n< * ENABLED QRESYNC\n< 2 OK *\n"
           "> 3 SELECT INBOX (QRESYNC (1001 1))\n" OPENED("0", "") "< 3 OK *\n"},
    {"QRESYNC: while an expunge may not be told, HIGHESTMODSEQ stays below it: RFC 7162 3.2, 5", QRESYNC
     "! other SELECT INBOX | UID EXPUNGE 1\n> 1 STORE 3 +FLAGS.SILENT \\Flagged\n< * 3 FETCH (UID 3 MODSEQ (7))\n< * 3 "
     "FETCH (UID 3 FLAGS (\\Flagged) MODSEQ (7))\n"
     "< * OK [HIGHESTMODSEQ 5] *\n< 1 OK *\n> 2 SEARCH UNSEEN\n< * SEARCH 2 3\n< * OK [HIGHESTMODSEQ 5] *\n< 2 OK *\n"
     "> 3 NOOP\n< * VANISHED 1\n< * OK [HIGHESTMODSEQ 7] *\n< 3 OK *\n> 4 NOOP\n< 4 OK *\n"
     "! other SELECT INBOX | STORE 2 +FLAGS \\Draft | UID EXPUNGE 2\n> 5 UID FETCH 3 FLAGS\n< * 2 FETCH (UID 3 FLAGS "
     "(*))\n"
     "< * 2 FETCH (UID 3 FLAGS (\\Flagged \\Draft) MODSEQ (8))\n< * VANISHED 2\n< 5 OK *\n"},
    {"FETCH that sets \\Seen tells UID and MODSEQ to who knows MODSEQ: RFC 7162 3.2.4", THREE
     "> 1 FETCH 1 BODY[TEXT]\n< * 1 FETCH (FLAGS (\\Seen) BODY[TEXT] {6}\n< body\n< )\n< 1 OK *\n"
     "> 2 ENABLE CONDSTORE\n< * ENABLED *\n< * OK [HIGH*\n< 2 OK *\n"
     "> 3 FETCH 2 BODY[TEXT]\n< * 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (6) BODY[TEXT] {6}\n< body\n< )\n< 3 OK *\n"
     "> 4 FETCH 2 BODY[TEXT]\n< * 2 FETCH (BODY[TEXT] {6}\n< body\n< )\n< 4 OK *\n"},
    {"QRESYNC: what is not as section 7 has it: RFC 7162 7",
     QRESYNC "> 1 SELECT INBOX (QRESYNC (0 1))\n< 1 BAD *\n> 2 SELECT INBOX (QRESYNC (1 0))\n< 2 BAD *\n"
             "> 3 SELECT INBOX (QRESYNC (1 1 1:*))\n< 3 BAD *\n> 4 SELECT INBOX (QRESYNC (1 1 $))\n< 4 BAD *\n> 5 "
             "NOOP\n< 5 OK *\n"},
    {"QRESYNC: what is not as section 7 has it, again: RFC 7162 7", QRESYNC
     "> 1 SELECT INBOX (QRESYNC (1 1 1:6 (1 1,2)))\n< 1 BAD *\n> 2 SELECT INBOX (QRESYNC (1 1 (1:* 1:6)))\n< 2 BAD *\n"
     "> 3 SELECT INBOX (QRESYNC (1 1) QRESYNC (1 1))\n< 3 BAD *\n> 4 SELECT INBOX (QRESYNC (1 1 (1 1) 1:3))\n< 4 BAD "
     "*\n"
     "> 5 FETCH 1 UID\n< * 1 FETCH (UID 1)\n< 5 OK *\n"},
    {"UNCHANGEDSINCE: those that changed are MODIFIED, in the numbers of the command: RFC 7162 3.1.3",
     THREE "> 1 STORE 2 +FLAGS.SILENT \\Flagged\n< 1 OK *\n"
           "> 2 STORE 1:3 (UNCHANGEDSINCE 4) +FLAGS \\Seen\n< * OK [HIGHESTMODSEQ 5] *\n"
           "< * 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (6))\n< * 3 FETCH (UID 3 FLAGS (\\Seen) MODSEQ (6))\n< 2 OK "
           "[MODIFIED 2] *\n"
           "> 3 UID STORE 1:3 (UNCHANGEDSINCE 5) +FLAGS.SILENT \\Draft\n< * 2 FETCH (UID 2 MODSEQ (7))\n< 3 OK "
           "[MODIFIED 1,3] *\n"
           "> 4 STORE 1:3 (UNCHANGEDSINCE 0) -FLAGS \\Seen\n< 4 OK [MODIFIED 1:3] *\n"
           "! other SELECT INBOX | STORE 1 +FLAGS \\Deleted | EXPUNGE\n"
           "> 5 UID STORE 1:2 (UNCHANGEDSINCE 7) FLAGS.SILENT ()\n< * 2 FETCH (UID 2 MODSEQ (*))\n"
           "< * 2 FETCH (UID 2 FLAGS () MODSEQ (*))\n< * 1 EXPUNGE\n< 5 OK *\n"},
    {"UIDONLY with MOVE, COPY, SORT, EXPUNGE of others: RFC 9586 3", UIDONLY
     "> 1 CREATE a\n< 1 OK *\n> 2 COPY 1 a\n< 2 BAD [UIDREQUIRED] *\n> 3 MOVE 1 a\n< 3 BAD [UIDREQUIRED] *\n"
     "> 4 SORT (ARRIVAL) UTF-8 ALL\n< 4 BAD [UIDREQUIRED] *\n> 5 THREAD REFERENCES UTF-8 ALL\n< 5 BAD [UIDREQUIRED] *\n"
     "> 6 UID COPY 1:2 a\n< 6 OK [COPYUID 1002 1:2 1:2] *\n"
     "> 7 UID MOVE 1 a\n< * OK [COPYUID 1002 1 3] Moved\n< * VANISHED 1\n< 7 OK *\n"
     "> 8 UID SORT (REVERSE ARRIVAL) UTF-8 ALL\n< * SORT *\n< 8 OK *\n"
     "! other SELECT INBOX | UID STORE 2 +FLAGS \\Deleted | EXPUNGE\n> 9 NOOP\n< * VANISHED 2\n< 9 OK *\n"
     "> b UID FETCH 1:* (UID)\n< * 3 UIDFETCH (UID 3)\n< b OK *\n"},
    {"UIDONLY and CONTEXT with expunges: RFC 9586 3, RFC 5267 4.3",
     UIDONLY "> 1 UID SEARCH RETURN (UPDATE ALL) UNDELETED\n< * ESEARCH (TAG \"1\") UID ALL 1:3\n< 1 OK *\n"
             "! other SELECT INBOX | STORE 2 +FLAGS.SILENT \\Deleted | EXPUNGE\n> 2 NOOP\n"
             "< * ESEARCH (TAG \"1\") UID REMOVEFROM (0 2)\n< * VANISHED 2\n< 2 OK *\n"
             "! deliver\n> 3 NOOP\n< * 3 EXISTS\n< * ESEARCH (TAG \"1\") UID ADDTO (0 4)\n< 3 OK *\n"},
    {"UIDONLY and QRESYNC: RFC 9586 3.5", QRESYNC
     "> u ENABLE UIDONLY\n< * ENABLED UIDONLY\n< u OK *\n> 1 EXPUNGE\n< * VANISHED 1:2\n< 1 OK [HIGHESTMODSEQ 6] *\n"
     "> 2 UID FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)\n< * VANISHED (EARLIER) 1:2\n< * 3 UIDFETCH (FLAGS () MODSEQ "
     "(4))\n"
     "< 2 OK *\n> 4 SELECT INBOX (QRESYNC (1001 1 1:3 (1:3 1:3)))\n< 4 BAD [UIDREQUIRED] *\n"
     "> 5 UID SEARCH RETURN (SAVE) ALL\n< 5 OK *\n> 6 UID SEARCH RETURN (SAVE) 1\n< 6 BAD [UIDREQUIRED] *\n"
     "> 7 UID FETCH $ UID\n< * 3 UIDFETCH (*)\n< 7 OK *\n> 8 REPLACE 3 INBOX {9+}\n>> A: b~~x\n> \n< 8 BAD "
     "[UIDREQUIRED] *\n"
     "> 3 SELECT INBOX (QRESYNC (1001 1 1:3))\n< * OK [CLOSED]*\n" OPENED(
         "1", "") "< * VANISHED (EARLIER) 1:2\n< * 3 UIDFETCH (FLAGS () MODSEQ (4))\n< 3 OK *\n"},
    {"SEARCHRES: RFC 5182",
     THREE "> 1 UID STORE 2:3 +FLAGS.SILENT \\Deleted\n< 1 OK *\n> 2 SEARCH RETURN (SAVE) DELETED\n< 2 OK *\n"
           "> 3 FETCH $ UID\n< * 2 FETCH (UID 2)\n< * 3 FETCH (UID 3)\n< 3 OK *\n> 4 UID EXPUNGE $\n< * 3 EXPUNGE\n< * "
           "2 EXPUNGE\n"
           "< 4 OK *\n> 5 SEARCH $\n< * SEARCH\n< 5 OK *\n> 6 SEARCH RETURN (SAVE COUNT) ALL\n< * ESEARCH (TAG \"6\") "
           "COUNT 1\n"
           "< 6 OK *\n> 7 SEARCH RETURN (SAVE) CHARSET X-NONE TEXT x\n< 7 NO [BADCHARSET *\n> 8 STORE $ FLAGS "
           "\\Seen\n< 8 OK *\n"
           "> 9 FETCH 1 FLAGS\n< * 1 FETCH (FLAGS ())\n< 9 OK *\n"},
    {"UNSELECT: RFC 3691; CHILDREN: RFC 3348; APPENDLIMIT: RFC 7889; STATUS=SIZE: RFC 8438", THREE
     "> 1 STORE 1 +FLAGS.SILENT \\Deleted\n< 1 OK *\n> 2 UNSELECT\n< 2 OK *\n> 3 FETCH 1 UID\n< 3 BAD *\n"
     "> 4 STATUS INBOX (MESSAGES SIZE APPENDLIMIT)\n< * STATUS INBOX (MESSAGES 3 SIZE 270 APPENDLIMIT 1000000)\n< 4 OK "
     "*\n"
     "> 5 CAPABILITY\n< * CAPABILITY * APPENDLIMIT=1000000\n< 5 OK *\n> 6 APPEND INBOX {1000001}\n< 6 NO [TOOBIG] *\n"
     "> 7 CREATE a/b\n< 7 OK *\n> 8 CREATE a\n< 8 OK *\n> 9 LIST \"\" a*\n< * LIST (\\HasChildren) \"/\" a\n"
     "< * LIST (\\HasNoChildren) \"/\" a/b\n< 9 OK *\n"},
    {"SAVEDATE: RFC 8514; WITHIN: RFC 5032",
     LOGIN "> 1 APPEND INBOX \"01-Jan-2020 00:00:00 +0000\" {9+}\n>> A: b~~x\n> \n< 1 OK *\n> 2 SELECT INBOX\n" OPENED(
         "1", UNSEEN) "< 2 OK *\n> 3 FETCH 1 SAVEDATE\n< * 1 FETCH (SAVEDATE \"*\")\n< 3 OK *\n> 4 SEARCH "
                      "SAVEDATESUPPORTED\n< * SEARCH 1\n"
                      "< 4 OK *\n> 5 SEARCH SAVEDSINCE 1-Jan-2019\n< * SEARCH 1\n< 5 OK *\n> 6 SEARCH SAVEDBEFORE "
                      "1-Jan-2019\n< * SEARCH\n"
                      "< 6 OK *\n> 7 SEARCH OLDER 100\n< * SEARCH 1\n< 7 OK *\n> 8 SEARCH YOUNGER 100\n< * SEARCH\n< 8 "
                      "OK *\n"
                      "> 9 SEARCH OLDER 0\n< 9 BAD *\n"},
    {"MOVE: RFC 6851; response codes: RFC 5530",
     THREE "> 1 MOVE 1 nowhere\n< 1 NO [TRYCREATE] *\n> 2 CREATE a\n< 2 OK *\n> 3 CREATE a\n< 3 NO [ALREADYEXISTS] *\n"
           "> 4 MOVE 1,3 a\n< * OK [COPYUID 1002 1,3 1:2] Moved\n< * 3 EXPUNGE\n< * 1 EXPUNGE\n< 4 OK *\n"
           "> 5 UID MOVE 9 a\n< 5 OK *\n> 6 EXAMINE INBOX\n< * OK [CLOSED]*\n" OPENED(
               "1", UNSEEN) "< 6 OK [READ-ONLY] *\n"
                            "> 7 MOVE 1 a\n< 7 NO [CANNOT] *\n> 8 DELETE nowhere\n< 8 NO [NONEXISTENT] *\n"},
};
/* clang-format on */

int main(void) {
    return dialogue_main(dialogues, sizeof dialogues / sizeof *dialogues);
}
