/* Dialogues with a session. Each names what it proves; each runs whole and byte by byte. */
#include "imapd/dialogue.h"

#include "net/net_test.h"

#define GREETING "< * OK [CAPABILITY *\n"
#define LOGIN    GREETING "> l LOGIN u p\n< l OK [CAPABILITY *] Logged in\n"
/* clang-format off: one string a step or two, as a dialogue is read */
/* INBOX with delivered messages, selected */
#define SELECT_(n)                                                                                                     \
    "> s SELECT INBOX\n< * " n " EXISTS\n< * 0 RECENT\n< * FLAGS *\n< * OK [PERM*\n< * OK [UNSEEN 1]*\n< * OK "        \
    "[UIDV*\n< * OK [UIDN*\n< * OK [HIGH*\n< * OK [MAILB*\n< * OK [URLM*\n< s OK *\n"
#define ONE   LOGIN "! deliver\n" SELECT_("1")
#define THREE LOGIN "! deliver\n! deliver\n! deliver\n" SELECT_("3")

static const struct dialogue dialogues[] = {
    {"greeting, CAPABILITY, LOGOUT: RFC 9051 6.1", "< * OK [CAPABILITY IMAP4rev2 IMAP4rev1 SASL-IR LITERAL+ ID ENABLE "
                                                   "AUTH=PLAIN AUTH=SCRAM-SHA-256] mail.example.test *\n"
                                                   "> 1 CAPABILITY\n< * CAPABILITY IMAP4rev2*\n< 1 OK *\n"
                                                   "> 2 NOOP\n< 2 OK NOOP completed\n"
                                                   "> 3 LOGOUT\n< * BYE *\n< 3 OK *\n! closed\n"},
    {"syntax errors and states: RFC 9051 2.2.1, 3", GREETING
     "> nonsense\n< * BAD *\n> 1 FROB\n< 1 BAD Unknown command\n> 2 SELECT INBOX\n< 2 BAD Please log in first\n"
     "> 3 NOOP x\n< 3 BAD Bad arguments of NOOP; it takes none\n> 4 NOOP x\n< 4 BAD *\n< * BYE Too many bad "
     "commands\n! closed\n"},
    {"LOGIN: IMAPPOP-08, RFC 9051 6.2.3",
     GREETING "> 1 LOGIN u wrong\n< 1 NO [AUTHENTICATIONFAILED] *\n> 2 LOGIN later p\n< 2 NO [UNAVAILABLE] *\n"
              "> 3 LOGIN {1}\n< + OK\n>> u\n> "
              " {1+}\n>> p\n> \n< 3 OK [CAPABILITY *IDLE*] Logged in\n"
              "> 4 LOGIN u p\n< 4 BAD Already logged in\n"},
    {"AUTHENTICATE: RFC 9051 6.2.2, RFC 4959",
     GREETING "> 1 AUTHENTICATE PLAIN AHUAcA==\n< 1 OK [CAPABILITY *\n> 2 LOGOUT\n< * BYE *\n< 2 OK *\n"},
    {"AUTHENTICATE with a challenge, cancelled, malformed, unknown",
     GREETING "> 1 AUTHENTICATE PLAIN\n< + *\n> *\n< 1 BAD *\n> 2 AUTHENTICATE PLAIN\n< + *\n> !!\n< 2 BAD *\n"
              "> 3 AUTHENTICATE FOO\n< 3 NO [CANNOT] *\n> 4 authenticate plain\n< + *\n> AHUAcA==\n< 4 OK *\n"},
    {"oversized lines and literals before login: LIM",
     GREETING "> 1 LOGIN {5000}\n< 1 BAD [TOOBIG] *\n> 2 LOGIN {x}\n< 2 BAD *\n> 3 NOOP\n< 3 OK *\n"},
    {"ID, ENABLE, NAMESPACE: RFC 2971, RFC 5161, RFC 2342",
     LOGIN "> 1 ID (\"name\" \"x\" \"y\" NIL)\n< * ID (\"name\" \"IEMS\" *\n< 1 OK *\n> 2 ID NIL\n< * ID *\n< 2 OK *\n"
           "> 3 ENABLE CONDSTORE FOO UTF8=ACCEPT\n< * ENABLED CONDSTORE UTF8=ACCEPT\n< 3 OK *\n"
           "> 4 NAMESPACE\n< * NAMESPACE ((\"\" \"/\")) ((\"Other Users/\" \"/\")) ((\"Shared/\" \"/\"))\n< 4 OK *\n> "
           "5 ENABLE\n< 5 BAD *\n"},
    {"SELECT of an empty INBOX: RFC 9051 6.3.2", LOGIN
     "> 1 SELECT inbox\n< * 0 EXISTS\n< * 0 RECENT\n< * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\n"
     "< * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] *\n< * OK [UIDVALIDITY 1001] *\n"
     "< * OK [UIDNEXT 1] *\n< * OK [HIGHESTMODSEQ 1] *\n< * OK [MAILB*\n< * OK [URLM*\n< 1 OK [READ-WRITE] *\n"
     "> 2 SELECT nothing\n< * OK [CLOSED] *\n< 2 NO [NONEXISTENT] *\n> 3 CLOSE\n< 3 BAD No mailbox is selected\n"
     "> 4 EXAMINE INBOX\n< * 0 EXISTS\n< * 0 RECENT\n< * FLAGS *\n< * OK [PERMANENTFLAGS ()] *\n< * OK [UIDV*\n< * OK "
     "[UIDN*\n"
     "< * OK [HIGH*\n< * OK [MAILB*\n< * OK [URLM*\n< 4 OK [READ-ONLY] *\n> 5 FETCH 1 FLAGS\n< 5 BAD *\n> 6 UID FETCH "
     "1:* FLAGS\n< 6 "
     "OK *\n> 7 FETCH "
     "1:* FLAGS\n< 7 OK *\n"
     "> 7 UNSELECT\n< 7 OK *\n"},
    {"IMAP4rev2 after ENABLE: RFC 9051 6.3.1",
     LOGIN "> 1 ENABLE IMAP4rev2\n< * ENABLED IMAP4rev2\n< 1 OK *\n> 2 SELECT INBOX\n< * 0 EXISTS\n< * FLAGS *\n< * OK "
           "[PERM*\n"
           "< * OK [UIDV*\n< * OK [UIDN*\n< * OK [HIGH*\n< * OK [MAILB*\n< * OK [URLM*\n< * LIST (\\HasNoChildren) "
           "\"/\" INBOX\n< 2 OK *\n"
           "> 3 SEARCH ALL\n< * ESEARCH (TAG \"3\")*\n< 3 OK *\n! deliver\n> 4 NOOP\n< * 1 EXISTS\n< 4 OK *\n"
           "> 5 UID SEARCH ALL\n< * ESEARCH (TAG \"5\") UID ALL 1\n< 5 OK *\n"
           "> 6 CREATE \"gr\xc3\xbcn\"\n< 6 OK *\n> 7 LIST \"\" gr*\n< * LIST (\\HasNoChildren) \"/\" "
           "\"gr\xc3\xbcn\"\n< 7 OK *\n"},
    {"APPEND and FETCH: RFC 9051 6.3.12, 6.4.5, RFC 4315, RFC 7888", LOGIN
     "> 1 APPEND INBOX (\\Seen $One) \"21-Nov-2026 07:24:00 +0100\" {30}\n< + OK\n>> Subject: x~~line one~1234~\n> \n"
     "< 1 OK [APPENDUID 1001 1] APPEND completed\n"
     "> 2 APPEND nowhere {5+}\n>> hello\n> \n< 2 NO [TRYCREATE] *\n"
     "> 3 APPEND INBOX {2000000}\n< 3 NO [TOOBIG] *\n> 4 APPEND INBOX (\\Seen {5}\n< 4 BAD *\n"
     "> 5 SELECT INBOX\n< * 1 EXISTS\n< * 0 RECENT\n< * FLAGS (*$One)\n< * OK [PERM*\n< * OK [UIDV*\n< * OK [UIDNEXT "
     "2] *\n"
     "< * OK [HIGH*\n< * OK [MAILB*\n< * OK [URLM*\n< 5 OK *\n"
     "> 6 FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE)\n"
     "< * 1 FETCH (UID 1 FLAGS (\\Seen $One) INTERNALDATE \"21-Nov-2026 06:24:00 +0000\" RFC822.SIZE 30)\n< 6 OK *\n"
     "> 7 FETCH 1 BODY[TEXT]<5.3>\n< * 1 FETCH (BODY[TEXT]<5> {3}\n< one)\n< 7 OK *\n"
     "> 8 FETCH 1 BODY.PEEK[HEADER.FIELDS (subject)]\n< * 1 FETCH (BODY[HEADER.FIELDS (subject)] {14}\n< Subject: x\n< "
     "\n< )\n< 8 OK *\n"},

    {"delivered message: prefix belongs to it (RFC 9051 6.4.5), STORE-09",
     ONE "> 1 FETCH 1 (RFC822.SIZE ENVELOPE)\n"
         "< * 1 FETCH (RFC822.SIZE 90 ENVELOPE (NIL \"news\" ((NIL NIL \"a\" \"b.example\")) *\n< 1 OK *\n"
         "> 2 FETCH 1 BODY.PEEK[]\n< * 1 FETCH (BODY[] {90}\n< Return-Path: <a@b.example>\n< From: a@b.example\n< To: "
         "u@example.test\n< Subject: news\n< \n< body\n< )\n< 2 OK *\n"
         "> 3 FETCH 1 BODY.PEEK[HEADER]<0.8>\n< * 1 FETCH (BODY[HEADER]<0> {8}\n< Return-P)\n< 3 OK *\n"
         "> 4 FETCH 1 BODY.PEEK[TEXT]\n< * 1 FETCH (BODY[TEXT] {6}\n< body\n< )\n< 4 OK *\n"
         "> 5 FETCH 1 BODY.PEEK[1]\n< * 1 FETCH (BODY[1] {6}\n< body\n< )\n< 5 OK *\n"
         "> 6 FETCH 1 BODY.PEEK[2]\n< * 1 FETCH (BODY[2] NIL)\n< 6 OK *\n"
         "> 7 FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (from to return-path)]\n< * 1 FETCH (BODY[HEADER.FIELDS.NOT (from to "
         "return-path)] {17}\n< Subject: news\n< \n< )\n< 7 OK *\n"
         "> 8 FETCH 1 RFC822.HEADER\n< * 1 FETCH (RFC822.HEADER {84}\n< Return-Path: *\n< From*\n< To*\n< Subject*\n< "
         "\n< )\n< 8 OK *\n"
         "> 9 FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1]<1.3>)\n< * 1 FETCH (BINARY.SIZE[1] 6 BINARY[1]<1> {3}\n< ody)\n< "
         "9 OK *\n"
         "> a FETCH 1 BODY.PEEK[]<87.50>\n< * 1 FETCH (BODY[]<87> {3}\n< y\n< )\n< a OK *\n"
         "> b FETCH 1 BODY.PEEK[]<900.50>\n< * 1 FETCH (BODY[]<900> {0}\n< )\n< b OK *\n"
         "> c FETCH 1 (UID BODYSTRUCTURE BODY)\n< * 1 FETCH (UID 1 BODYSTRUCTURE (\"text\" \"plain\" *) BODY (\"text\" "
         "\"plain\" *))\n< c OK *\n"},
    {"\\Seen by FETCH: RFC 9051 6.4.5", ONE
     "> 1 FETCH 1 BODY[TEXT]\n< * 1 FETCH (FLAGS (\\Seen) BODY[TEXT] {6}\n< body\n< )\n< 1 OK *\n"
     "> 2 FETCH 1 BODY[TEXT]\n< * 1 FETCH (BODY[TEXT] {6}\n< body\n< )\n< 2 OK *\n> 3 NOOP\n< 3 OK *\n"
     "> 4 EXAMINE INBOX\n< * OK [CLOSED]*\n< * 1 EXISTS\n< * 0 REC*\n< * FLAGS*\n< * OK [PERM*\n< * OK [UIDV*\n< * OK "
     "[UIDN*\n< * OK [HIGH*\n< * OK [MAILB*\n< * OK [URLM*\n< 4 OK [READ-ONLY]*\n"
     "> 5 STORE 1 FLAGS ()\n< 5 NO [CANNOT] *\n> 6 EXPUNGE\n< 6 NO [CANNOT] *\n> 7 MOVE 1 INBOX\n< 7 NO [CANNOT] *\n"},
    {"STORE: RFC 9051 6.4.6",
     THREE "> 1 STORE 1:2 +FLAGS (\\Flagged $Work)\n< * FLAGS (*$Work)\n< * OK [PERM*\n< * 1 FETCH (UID 1 FLAGS "
           "(\\Flagged $Work))\n< * 2 FETCH (UID 2 FLAGS (\\Flagged $Work))\n< 1 OK *\n"
           "> 2 STORE 1 -FLAGS.SILENT \\Flagged\n< 2 OK *\n> 3 UID STORE 2,3,9 FLAGS \\Seen\n< * 2 FETCH (UID 2 FLAGS "
           "(\\Seen))\n< * 3 FETCH (UID 3 FLAGS (\\Seen))\n< 3 OK *\n"
           "> 4 FETCH 1:* FLAGS\n< * 1 FETCH (FLAGS ($Work))\n< * 2 FETCH (FLAGS (\\Seen))\n< * 3 FETCH (FLAGS "
           "(\\Seen))\n< 4 OK *\n"
           "> 5 STORE 4 FLAGS \\Seen\n< 5 BAD *\n> 6 STORE 1 FLAGS \\Frob\n< 6 BAD *\n> 7 STORE 1 FROB x\n< 7 BAD *\n> "
           "8 NOOP\n< 8 OK *\n"},
    {"CONDSTORE: RFC 7162 3.1",
     ONE "> 1 FETCH 1 (MODSEQ)\n< * OK [HIGHESTMODSEQ 2] *\n< * 1 FETCH (MODSEQ (2))\n< 1 OK *\n> 2 STORE 1 "
         "(UNCHANGEDSINCE 1) FLAGS \\Seen\n< 2 "
         "OK [MODIFIED 1] *\n"
         "> 3 STORE 1 (UNCHANGEDSINCE 2) FLAGS.SILENT \\Seen\n< * 1 FETCH (UID 1 MODSEQ (3))\n< 3 OK *\n"
         "> 4 UID FETCH 1:* FLAGS (CHANGEDSINCE 3)\n< 4 OK *\n> 5 UID FETCH 1:* FLAGS (CHANGEDSINCE 2)\n< * 1 FETCH "
         "(UID 1 FLAGS (\\Seen) MODSEQ (3))\n< 5 OK *\n"
         "> 6 SEARCH MODSEQ 3\n< * SEARCH 1 (MODSEQ 3)\n< 6 OK *\n> 7 SEARCH MODSEQ 4\n< * SEARCH\n< 7 OK *\n> 8 "
         "STATUS INBOX (HIGHESTMODSEQ)\n< * STATUS INBOX (HIGHESTMODSEQ 3)\n< 8 OK *\n"},
    {"EXPUNGE and UID EXPUNGE: RFC 9051 6.4.3, RFC 4315",
     THREE "> 1 STORE 1:3 +FLAGS.SILENT (\\Deleted)\n< 1 OK *\n> 2 UID EXPUNGE 2\n< * 2 EXPUNGE\n< 2 OK *\n> 3 "
           "EXPUNGE\n< * 2 EXPUNGE\n< * 1 EXPUNGE\n< 3 OK *\n> 4 NOOP\n< 4 OK *\n"},
    {"QRESYNC: RFC 7162 3.2",
     LOGIN "! deliver\n! deliver\n! deliver\n> 0 ENABLE QRESYNC\n< * ENABLED QRESYNC\n< 0 OK *\n" SELECT_(
         "3") "> 1 STORE 1:2 +FLAGS.SILENT (\\Deleted)\n< * 1 FETCH *\n< * 2 FETCH *\n< 1 OK *\n> 2 EXPUNGE\n< * "
              "VANISHED 1:2\n< 2 OK [HIGHESTMODSEQ 6] *\n"
              "> 3 UNSELECT\n< 3 OK *\n> 4 SELECT INBOX (QRESYNC (1001 4 1:3 (1:3 1:3)))\n< * 1 EXISTS\n< * 0 R*\n< * "
              "FLAGS*\n< * OK [PERM*\n< * OK [UNSEEN 1]*\n< * OK [UIDV*\n< * OK [UIDN*\n< * OK [HIGH*\n< * OK "
              "[MAILB*\n< * OK [URLM*\n< * VANISHED "
              "(EARLIER) 1:2\n< 4 OK *\n"
              "> 5 UID FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)\n< * VANISHED (EARLIER) 1:2\n< * 1 FETCH (UID 3 *)\n< "
              "5 OK *\n"
              "> 6 FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)\n< 6 BAD *\n"},
    {"news of another session: RFC 9051 5.2, 7.5.1, STORE-08",
     THREE "! other SELECT INBOX | STORE 2 +FLAGS (\\Deleted \\Flagged) | EXPUNGE | STORE 1 +FLAGS (\\Seen)\n"
           "> 1 FETCH 2 FLAGS\n< * 1 FETCH (UID 1 FLAGS (\\Seen))\n< 1 NO [EXPUNGEISSUED] *\n> 2 NOOP\n< * 2 "
           "EXPUNGE\n< 2 OK *\n> 3 FETCH 2 UID\n< * 2 FETCH (UID 3)\n< 3 OK *\n"
           "! other APPEND INBOX {3+}~abc\n! deliver\n> 4 NOOP\n< * 4 EXISTS\n< 4 OK *\n"},
    {"COPY and MOVE: RFC 9051 6.4.7, 6.4.8, RFC 4315",
     THREE "> 1 COPY 1:2 Away\n< 1 NO [TRYCREATE] *\n> 2 CREATE Away\n< 2 OK *\n> 3 COPY 1:2 Away\n< 3 OK [COPYUID "
           "1002 1:2 1:2] *\n"
           "> 4 UID MOVE 2:3 Away\n< * OK [COPYUID 1002 2:3 3:4] Moved\n< * 3 EXPUNGE\n< * 2 EXPUNGE\n< 4 OK *\n> 5 "
           "UID COPY 77 Away\n< 5 OK *\n"
           "> 6 COPY 1 INBOX\n< * 2 EXISTS\n< 6 OK [COPYUID 1001 1 4] *\n> 7 STATUS Away (MESSAGES UIDNEXT UNSEEN SIZE "
           "DELETED UIDVALIDITY APPENDLIMIT RECENT)\n"
           "< * STATUS Away (MESSAGES 4 RECENT 0 UIDNEXT 5 UIDVALIDITY 1002 UNSEEN 4 DELETED 0 SIZE 360 APPENDLIMIT "
           "1000000)\n< 7 OK *\n> 8 MOVE 9 Away\n< 8 BAD *\n"},
    {"mailboxes: RFC 9051 6.3.4 to 6.3.9, STORE-05", LOGIN
     "> 1 CREATE a/b/\n< 1 OK *\n> 2 CREATE a\n< 2 OK *\n> 3 CREATE a\n< 3 NO [ALREADYEXISTS] *\n> 4 CREATE Sent "
     "(USE (\\Sent))\n< 4 OK *\n> 5 CREATE x (USE (\\Frob))\n< 5 NO [USEATTR] *\n"
     "> u CREATE x (USE (\\Sent))\n< u NO [USEATTR] *\n> v CREATE Sent (USE (\\Junk))\n< v NO [ALREADYEXISTS] *\n"
     "> 6 LIST \"\" *\n< * LIST (\\HasNoChildren) \"/\" INBOX\n< * LIST (\\HasNoChildren \\Sent) \"/\" Sent\n< * "
     "LIST (\\HasChildren) \"/\" a\n< * LIST (\\HasNoChildren) \"/\" a/b\n< 6 OK *\n"
     "> 7 LIST \"\" \"\"\n< * LIST (\\Noselect) \"/\" \"\"\n< 7 OK *\n> 8 LIST a/ %\n< * LIST (\\HasNoChildren) "
     "\"/\" a/b\n< 8 OK *\n"
     "> 9 RENAME a/b a/c\n< 9 OK *\n> a RENAME a/b a/d\n< a NO [NONEXISTENT] *\n> b DELETE a/b\n< b NO "
     "[NONEXISTENT] *\n> c DELETE INBOX\n< c NO [CANNOT] *\n> d DELETE a/c\n< d OK *\n"
     "> e SELECT a\n< * 0 EX*\n< * 0 R*\n< * FL*\n< * OK*\n< * OK*\n< * OK*\n< * OK*\n< * OK*\n< * OK*\n< e OK *\n> f "
     "DELETE a\n< "
     "* OK [CLOSED] *\n< f OK *\n> g NOOP\n< g OK *\n"
     "> h CREATE Entw&APw-rfe\n< h OK *\n> i LIST \"\" E%\n< * LIST (*) \"/\" Entw&APw-rfe\n< i OK *\n> j LIST \"\" "
     "\"a\x7f*\"\n< j OK LIST *\n"},
    {"subscriptions and extended LIST: RFC 9051 6.3.9, RFC 5258, RFC 5819, RFC 6154",
     LOGIN "> 1 CREATE a/b\n< 1 OK *\n> 2 SUBSCRIBE a/b\n< 2 OK *\n> 3 CREATE Sent (USE (\\Sent))\n< 3 OK *\n> 4 "
           "SUBSCRIBE INBOX\n< 4 OK *\n"
           "> 5 LSUB \"\" *\n< * LSUB (\\HasNoChildren) \"/\" INBOX\n< * LSUB (\\HasNoChildren) \"/\" a/b\n< 5 OK *\n> "
           "6 LSUB \"\" %\n< * LSUB (*) \"/\" INBOX\n< * LSUB (\\Noselect) \"/\" a\n< 6 OK *\n"
           "> 7 LIST (SUBSCRIBED) \"\" * RETURN (CHILDREN STATUS (MESSAGES))\n< * LIST (\\HasNoChildren \\Subscribed) "
           "\"/\" INBOX\n< * STATUS INBOX (MESSAGES 0)\n< * LIST (\\HasNoChildren \\Subscribed) \"/\" a/b\n< * STATUS "
           "a/b (MESSAGES 0)\n< 7 OK *\n"
           "> 8 LIST (SPECIAL-USE) \"\" *\n< * LIST (\\HasNoChildren \\Sent) \"/\" Sent\n< 8 OK *\n> 9 LIST "
           "(SUBSCRIBED RECURSIVEMATCH) \"\" %\n< * LIST (*\\Subscribed) \"/\" INBOX\n< * LIST (\\NonExistent) \"/\" a "
           "(\"CHILDINFO\" (\"SUBSCRIBED\"))\n< 9 OK *\n"
           "> a LIST \"\" (I% S%) RETURN (SUBSCRIBED)\n< * LIST (*\\Subscribed) \"/\" INBOX\n< * LIST (\\HasNoChildren "
           "\\Sent) \"/\" Sent\n< a OK *\n> b UNSUBSCRIBE a/b\n< b OK *\n> c LSUB \"\" a*\n< c OK *\n"
           "> e CREATE x\n< e OK *\n> f CREATE x/y\n< f OK *\n> g SUBSCRIBE x/y\n< g OK *\n"
           "> h LIST (SUBSCRIBED RECURSIVEMATCH) \"\" x\n< * LIST (\\HasChildren) \"/\" x "
           "(\"CHILDINFO\" (\"SUBSCRIBED\"))\n< h OK *\n"
           "> d SUBSCRIBE nowhere\n< d NO [NONEXISTENT] *\n"
           "> d LIST (RECURSIVEMATCH) \"\" *\n< d BAD *\n"},
    {"SEARCH: RFC 9051 6.4.4, IMAPPOP-06",
     THREE "> 0 APPEND INBOX (\\Flagged) \"1-Jan-2020 00:00:00 +0000\" {132}\n< + OK\n>> Subject: "
           "=?utf-8?q?Gr=C3=BC=C3=9Fe?=~Date: Tue, 31 Dec 2019 23:30:00 -0500~Content-Transfer-Encoding: "
           "base64~~Wmx1dMO8IFdPUkxE~\n> \n< * 4 EXISTS\n< 0 OK *\n"
           "> 1 SEARCH FLAGGED\n< * SEARCH 4\n< 1 OK *\n> 2 SEARCH SUBJECT news\n< * SEARCH 1 2 3\n< 2 OK *\n> 3 "
           "SEARCH CHARSET UTF-8 SUBJECT {7+}\n>> GR\xc3\x9c\xc3\x9f"
           "e\n> \n< * SEARCH 4\n< 3 OK *\n"
           "> 4 SEARCH BODY world\n< * SEARCH 4\n< 4 OK *\n> 5 SEARCH TEXT return-path NOT BODY xyz\n< * SEARCH 1 2 "
           "3\n< 5 OK *\n> 6 UID SEARCH BEFORE 2-Jan-2020 SINCE 1-Jan-2020\n< * SEARCH 4\n< 6 OK *\n"
           "> 7 SEARCH SENTON 31-Dec-2019\n< * SEARCH 4\n< 7 OK *\n> 8 SEARCH OR FROM a@b.example UID 4 2:*\n< * "
           "SEARCH 2 3 4\n< 8 OK *\n> 9 SEARCH LARGER 100\n< * SEARCH 4\n< 9 OK *\n"
           "> a SEARCH RETURN (MIN MAX COUNT ALL) UNFLAGGED\n< * ESEARCH (TAG \"a\") MIN 1 MAX 3 ALL 1:3 COUNT 3\n< a "
           "OK *\n> b UID SEARCH RETURN (COUNT) SEEN\n< * ESEARCH (TAG \"b\") UID COUNT 0\n< b OK *\n"
           "> c SEARCH RETURN (SAVE) FLAGGED\n< c OK *\n> d FETCH $ UID\n< * 4 FETCH (UID 4)\n< d OK *\n> e SEARCH "
           "CHARSET FOO SUBJECT x\n< e NO [BADCHARSET (US-ASCII UTF-8)] *\n> f SEARCH 9\n< * SEARCH\n< f OK *\n"
           "> g SEARCH KEYWORD nope\n< * SEARCH\n< g OK *\n> h SEARCH HEADER Subject \"\"\n< * SEARCH 1 2 3 4\n< h OK "
           "*\n> i SEARCH YOUNGER 100\n< * SEARCH*\n< i OK *\n> j SEARCH\n< j BAD *\n"},
    {"IDLE: RFC 2177",
     ONE "> 1 IDLE\n< + idling\n! deliver\n< * 2 EXISTS\n! other SELECT INBOX | STORE 1 FLAGS (\\Deleted) | EXPUNGE\n< "
         "* 1 FETCH (UID 1 FLAGS (\\Deleted))\n< * 1 EXPUNGE\n> DONE\n< 1 OK IDLE completed\n"
         "> 2 IDLE\n< + idling\n> NOOP\n< 2 BAD *\n> 3 NOOP\n< 3 OK *\n"},
    {"the selected mailbox is deleted by another session: RFC 2180 3.3",
     LOGIN "> 1 CREATE a\n< 1 OK *\n> 2 SELECT a\n< * 0 EX*\n< * 0 R*\n< * FL*\n< * OK*\n< * OK*\n< * OK*\n< * OK*\n< "
           "* OK*\n< * OK*\n< "
           "2 OK *\n! other DELETE a\n> 3 NOOP\n< * BYE *\n< 3 OK *\n! closed\n"},
    {"QUOTA: RFC 9208",
     LOGIN "> 1 GETQUOTAROOT INBOX\n< * QUOTAROOT INBOX \"\"\n< * QUOTA \"\" (STORAGE 2 1024)\n< 1 OK *\n> 2 GETQUOTA "
           "\"\"\n< * QUOTA \"\" (STORAGE 2 1024)\n< 2 OK *\n> 3 GETQUOTA x\n< 3 NO [NONEXISTENT] *\n"
           "> 4 SETQUOTA \"\" (STORAGE 512)\n< 4 NO [NOPERM] *\n> 5 SETQUOTA \"\" ()\n< 5 NO [NOPERM] *\n"
           "> 6 SETQUOTA \"\" (STORAGE 1 MESSAGE 2)\n< 6 NO [NOPERM] *\n> 7 SETQUOTA \"\" (STORAGE)\n< 7 BAD *\n"
           "> 8 SETQUOTA \"\"\n< 8 BAD *\n> 9 SETQUOTA \"\" (STORAGE 1\n< 9 BAD *\n"},
    {"CLOSE expunges silently: RFC 9051 6.4.1",
     ONE "> 1 STORE 1 +FLAGS.SILENT (\\Deleted)\n< 1 OK *\n> 2 CLOSE\n< 2 OK *\n> 3 STATUS INBOX (MESSAGES)\n< * "
         "STATUS INBOX (MESSAGES 0)\n< 3 OK *\n"},
    {"the store restarts under a session: it goes on, and is in step again",
     THREE "! restart\n! deliver\n> 1 FETCH 1 FLAGS\n< * 1 FETCH (FLAGS ())\n< * 4 EXISTS\n< 1 OK *\n> 2 IDLE\n< + "
           "idling\n! restart\n! deliver\n< * 5 EXISTS\n> DONE\n< 2 OK *\n"
           "! fail\n> 3 STATUS INBOX (MESSAGES)\n< 3 NO [UNAVAILABLE] *\n> 4 STATUS INBOX (MESSAGES)\n< * STATUS INBOX "
           "(MESSAGES 5)\n< 4 OK *\n"},
    {"a large message is uploaded in pieces: RFC 9051 6.3.12, LIM",
     LOGIN "> 1 APPEND INBOX {300010+}\n! big 300010\n> \n< 1 OK [APPENDUID 1001 1] *\n> 2 APPEND nowhere {300010}\n< "
           "2 NO [TRYCREATE] *\n"
           "> 3 EXAMINE INBOX\n< * 1 EXISTS\n< * 0 R*\n< * F*\n< * OK*\n< * OK*\n< * OK*\n< * OK*\n< * OK*\n< * OK*\n< "
           "* OK*\n< 3 OK "
           "*\n> 4 FETCH 1 (RFC822.SIZE BODY.PEEK[]<299999.5>)\n< * 1 FETCH (RFC822.SIZE 300010 BODY[]<299999> {5}\n< "
           "xxxxx)\n< 4 OK *\n"
           "> 5 SEARCH BODY xxxxxxxx\n< * SEARCH 1\n< 5 OK *\n> 6 FETCH 1 BINARY.SIZE[1]\n< * 1 FETCH (BINARY.SIZE[1] "
           "300008)\n< 6 OK *\n"},
    {"refused non-synchronizing literals are skipped: RFC 7888 4",
     LOGIN "> 1 APPEND INBOX {1000001+}\n! big 1000001\n> \n< 1 NO [TOOBIG] *\n> 2 NOOP\n< 2 OK *\n> 3 SELECT "
           "{70000+}\n! big 70000\n> \n< 3 BAD [TOOBIG] *\n> 4 NOOP\n< 4 OK *\n"},
    {"STARTTLS: RFC 9051 6.2.1, 11.1: plain text behind it is thrown away, state and capabilities are new",
     "< * OK [CAPABILITY * STARTTLS LOGINDISABLED AUTH=SCRAM-SHA-256] *\n> 1 LOGIN u p\n< 1 NO [PRIVACYREQUIRED] *\n> "
     "2 AUTHENTICATE PLAIN AHUAcA==\n< 2 NO [PRIVACYREQUIRED] *\n"
     ">> 3 STARTTLS~x NOOP~\n< 3 OK *\n! tls\n> 4 CAPABILITY\n< * CAPABILITY * ENABLE AUTH=PLAIN AUTH=*\n< 4 OK *\n> 5 "
     "STARTTLS\n< 5 BAD *\n> 6 LOGIN u p\n< 6 OK *\n",
     .remote = true},
    {"access control by network: IMAPPOP-05", "< * BYE Access from your address is not allowed\n! closed\n",
     .denied = true},
    {"the store fails in the middle of a FETCH", THREE "! fail\n> 1 FETCH 1:* FLAGS\n< 1 NO [UNAVAILABLE] *\n> 2 UID "
                                                       "FETCH 1 FLAGS\n< * 1 FETCH (UID 1 FLAGS ())\n< 2 OK *\n"},
    {"login timeout: LIM", GREETING "< * BYE Login timeout\n! closed\n", .login_timeout_ms = 60},
    {"the server goes down: RFC 9051 7.1.5",
     ONE "> 1 IDLE\n< + idling\n! shutdown\n< * BYE Server is going down*\n! closed\n"},
    {"STORE of flags that are set already: RFC 9051 6.4.6",
     ONE "> 1 STORE 1 +FLAGS (\\Seen)\n< * 1 FETCH (UID 1 FLAGS (\\Seen))\n< 1 OK *\n> 2 STORE 1 +FLAGS (\\Seen)\n< * "
         "1 FETCH (UID 1 FLAGS (\\Seen))\n< 2 OK *\n"},
    {"recent messages: RFC 3501 2.3.2, 6.3.1, 6.4.4, 7.3.2", LOGIN
     "! deliver\n! deliver\n! recent\n> 1 STATUS INBOX (RECENT)\n< * STATUS INBOX (RECENT 2)\n< 1 OK *\n> 2 EXAMINE "
     "INBOX\n< * 2 EXISTS\n< * 2 RECENT\n< * F*\n< * OK*\n< * OK [UNSEEN 1]*\n< * OK*\n< * OK*\n< * OK*\n< * OK*\n< * "
     "OK*\n"
     "< 2 OK *\n> 3 STATUS INBOX (RECENT)\n< * STATUS INBOX (RECENT 2)\n< 3 OK *\n"
     "> 4 SELECT INBOX\n< * OK [CLOSED] *\n< * 2 EXISTS\n< * 2 RECENT\n< * F*\n< * OK*\n< * OK [UNSEEN 1]*\n< * "
     "OK*\n< * OK*\n< * OK*\n< * OK*\n< * OK*\n< 4 OK *\n> 5 FETCH 1:2 FLAGS\n< * 1 FETCH (FLAGS (\\Recent))\n< * 2 "
     "FETCH "
     "(FLAGS "
     "(\\Recent))\n< 5 OK *\n> 6 STORE 1 +FLAGS (\\Seen)\n< * 1 FETCH (UID 1 FLAGS (\\Seen \\Recent))\n< 6 OK *\n> 7 "
     "SEARCH NEW\n< * SEARCH 2\n< 7 OK *\n> 8 SEARCH RECENT\n< * SEARCH 1 2\n< 8 OK *\n> 9 SEARCH OLD\n< * SEARCH\n< 9 "
     "OK *\n! deliver\n> 10 NOOP\n< * 3 EXISTS\n< * 3 RECENT\n< 10 OK *\n> 11 STATUS INBOX (RECENT)\n< * STATUS INBOX "
     "(RECENT 3)\n< 11 OK *\n> 12 STORE 2 +FLAGS.SILENT (\\Deleted)\n< 12 OK *\n> 13 EXPUNGE\n< * 2 EXPUNGE\n< * 2 "
     "RECENT\n< 13 OK "
     "*\n"
     "> 14 STORE 1 FLAGS (\\Recent)\n< 14 BAD *\n> 15 SELECT INBOX\n< * OK [CLOSED] *\n< * 2 EXISTS\n< * 0 RECENT\n"
     "< * F*\n< * OK*\n< * OK [UNSEEN 2]*\n< * OK*\n< * OK*\n< * OK*\n< * OK*\n< * OK*\n< 15 OK *\n> 16 SEARCH OLD\n< "
     "* SEARCH "
     "1 "
     "2\n< 16 OK *\n> 17 SEARCH NEW\n< * SEARCH\n< 17 OK *\n"},
    {"no message is recent with IMAP4rev2: RFC 9051 appendix E", LOGIN
     "! recent\n! deliver\n> 1 ENABLE IMAP4rev2\n< * ENABLED IMAP4rev2\n< 1 OK *\n> 2 SELECT INBOX\n< * 1 EXISTS\n< * "
     "FLAGS *\n< * OK [PERM*\n< * OK [UIDV*\n< * OK [UIDN*\n< * OK [HIGH*\n< * OK [MAILB*\n< * OK [URLM*\n< * LIST "
     "(\\HasNoChildren) "
     "\"/\" INBOX\n< "
     "2 "
     "OK *\n> 3 FETCH 1 FLAGS\n< * 1 FETCH (FLAGS ())\n< 3 OK *\n> 4 STATUS INBOX (RECENT)\n< * STATUS INBOX (RECENT "
     "0)\n< 4 OK *\n! deliver\n> 5 NOOP\n< * 2 EXISTS\n< 5 OK *\n"},
    {"sessions of a user are limited: IMAPPOP-08",
     LOGIN "! other NOOP\n! other NOOP\n! other NOOP\n> 1 NOOP\n< 1 OK *\n"},
};
/* clang-format on */

int main(void) {
    return dialogue_main(dialogues, sizeof dialogues / sizeof *dialogues);
}
