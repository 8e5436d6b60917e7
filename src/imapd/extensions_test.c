/* Dialogues with a session about the extensions of IMAP. Each names the RFC that it proves; each runs whole and byte by
 * byte. */
#include "imapd/dialogue.h"

#include "net/net_test.h"

#define GREETING "< * OK [CAPABILITY *\n"
#define LOGIN    GREETING "> l LOGIN u p\n< l OK [CAPABILITY *] Logged in\n"
/* clang-format off: one string a step or two, as a dialogue is read */
#define OPENED(n, unseen)                                                                                              \
    "< * " n " EXISTS\n< * 0 RECENT\n< * FLAGS *\n< * OK [PERM*\n" unseen "< * OK [UIDV*\n< * OK [UIDN*\n"             \
    "< * OK [HIGH*\n< * OK [MAILB*\n< * OK [URLM*\n"
#define SELECT_(n)      "> s SELECT INBOX\n" OPENED(n, "< * OK [UNSEEN 1]*\n") "< s OK *\n"
#define THREE           LOGIN "! deliver\n! deliver\n! deliver\n" SELECT_("3")
#define ADD(size, text) "> a APPEND INBOX {" size "+}\n>> " text "\n> \n< a OK *\n"

#define AT_IT(tag) "< * OK [INPROGRESS (\"" tag "\" NIL NIL)] *\n"

static const struct dialogue dialogues[] = {
    {"MULTIAPPEND: RFC 3502, all or nothing", LOGIN
     "> 1 APPEND INBOX (\\Seen) {9+}\n>> A: b~~x\n>  \"21-Nov-2026 07:24:00 +0100\" {10}\n< + OK\n>> A: c~~yy\n> \n"
     "< 1 OK [APPENDUID 1001 1:2] APPEND completed\n"
     "> 2 APPEND nowhere {9+}\n>> A: b~~x\n>  {9+}\n>> A: b~~x\n> \n< 2 NO [TRYCREATE] *\n"
     "> 3 APPEND INBOX {9+}\n>> A: b~~x\n>  {0+}\n> \n< 3 NO [CANNOT] An empty message*\n"
     "> 4 APPEND INBOX {9+}\n>> A: b~~x\n>  {2000000}\n< 4 NO [TOOBIG] *\n"
     "> 5 APPEND INBOX {9+}\n>> A: b~~x\n>  (\\Seen {3+}\n>> abc\n> \n< 5 BAD *\n"
     "> 6 STATUS INBOX (MESSAGES UNSEEN SIZE)\n< * STATUS INBOX (MESSAGES 2 UNSEEN 1 SIZE 19)\n< 6 OK *\n"},
    {"MULTIAPPEND of large messages: RFC 3502",
     LOGIN "> 1 APPEND INBOX {300010+}\n! big 300010\n>  {300020+}\n! big 300020\n>  {9+}\n>> A: b~~x\n> \n"
           "< 1 OK [APPENDUID 1001 1:3] *\n> 2 STATUS INBOX (MESSAGES SIZE)\n"
           "< * STATUS INBOX (MESSAGES 3 SIZE 600039)\n< 2 OK *\n"},
    {"CATENATE: RFC 4469 section 3", THREE
     "> 1 APPEND INBOX CATENATE (TEXT {13+}\n>> A: b~~one~\n>  URL \"/INBOX;UIDVALIDITY=1001/;UID=1/;SECTION=TEXT\" "
     "URL /INBOX/;UID=2/;SECTION=1/;PARTIAL=0.2)\n< * 4 EXISTS\n< 1 OK [APPENDUID 1001 4] *\n"
     "> 2 FETCH 4 BODY.PEEK[]\n< * 4 FETCH (BODY[] {21}\n< A: b\n< \n< one\n< body\n< bo)\n< 2 OK *\n"
     "> 3 APPEND INBOX CATENATE (URL \"/INBOX/;UID=1\")\n< * 5 EXISTS\n< 3 OK [APPENDUID 1001 5] *\n"
     "> 4 APPEND INBOX CATENATE (URL \"/INBOX/;UID=99\")\n< 4 NO [BADURL \"/INBOX/;UID=99\"] *\n"
     "> 5 APPEND INBOX CATENATE (URL \"/INBOX;UIDVALIDITY=7/;UID=1\" TEXT {3}\n< 5 NO [BADURL *\n"
     "> 6 APPEND INBOX CATENATE (URL {13+}\n>> /INBOX/;UID=1\n> \n< 6 BAD *\n"
     "> 7 APPEND INBOX CATENATE ()\n< 7 BAD *\n"
     "> 8 APPEND INBOX CATENATE (URL \"http://x/\")\n< 8 NO [BADURL \"http://x/\"] *\n"},
    {"CATENATE with UTF8: RFC 6855 section 4",
     THREE "> 1 APPEND INBOX CATENATE (UTF8 (~{13+}\n>> A: b~~one~\n> ))\n< 1 BAD *\n"
           "> 2 ENABLE UTF8=ACCEPT\n< * ENABLED UTF8=ACCEPT\n< 2 OK *\n"
           "> 3 APPEND INBOX CATENATE (UTF8 (~{14+}\n>> A: ü~~one~\n> ) URL /INBOX/;UID=2/;SECTION=1/;PARTIAL=0.2 "
           "UTF8 (~{2}\n< + OK\n>> zz\n> ))\n< * 4 EXISTS\n< 3 OK [APPENDUID 1001 4] *\n"
           "> 4 FETCH 4 BODY.PEEK[]\n< * 4 FETCH (BODY[] {18}\n< A: ü\n< \n< one\n< bozz)\n< 4 OK *\n"
           "> 5 APPEND INBOX CATENATE (UTF8 (~{2+}\n>> zz\n> )\n< 5 BAD *\n"
           "> 6 APPEND INBOX CATENATE (UTF8 ({2+}\n>> zz\n> ))\n< 6 BAD *\n"},
    {"REPLACE: RFC 8508", THREE
     "> 1 REPLACE 2 INBOX (\\Draft) {9+}\n>> A: b~~x\n> \n< * OK [APPENDUID 1001 4] *\n< * 4 EXISTS\n< * 2 EXPUNGE\n"
     "< 1 OK REPLACE completed\n> 2 UID REPLACE 9 INBOX {7}\n< 2 NO [NONEXISTENT] *\n"
     "> 3 REPLACE 9 INBOX {7}\n< 3 BAD *\n> 4 CREATE Sent\n< 4 OK *\n"
     "> 5 UID REPLACE 4 Sent {9}\n< + OK\n>> A: b~~z\n> \n< * OK [APPENDUID 1002 1] *\n< * 3 EXPUNGE\n< 5 OK *\n"
     "> 6 UID FETCH 1:* FLAGS\n< * 1 FETCH (UID 1 *\n< * 2 FETCH (UID 3 *\n< 6 OK *\n"
     "> 7 REPLACE 1 nowhere {9+}\n>> A: b~~x\n> \n< 7 NO [TRYCREATE] *\n> 8 REPLACE 1:2 INBOX {7}\n< 8 BAD *\n"},
    {"OLDNAME: RFC 9051 6.3.9.7",
     LOGIN "> 1 ENABLE IMAP4rev2\n< * ENABLED IMAP4rev2\n< 1 OK *\n> 2 CREATE a\n< 2 OK [MAILBOXID (F2)] *\n"
           "> 3 RENAME a b\n< * LIST () \"/\" b (\"OLDNAME\" (a))\n< 3 OK *\n"},
    {"OBJECTID: RFC 8474",
     LOGIN "> 1 CREATE a\n< 1 OK [MAILBOXID (F2)] CREATE completed\n! deliver\n> 2 STATUS a (MAILBOXID)\n"
           "< * STATUS a (MAILBOXID (F2))\n< 2 OK *\n> 3 SELECT INBOX\n"
           "< * 1 EXISTS\n< * 0 R*\n< * FL*\n< * OK [P*\n< * OK [UNS*\n< * OK [UIDV*\n< * OK [UIDN*\n< * OK [H*\n"
           "< * OK [MAILBOXID (F1)] Ok\n< * OK [URLM*\n< 3 OK *\n"
           "> 4 FETCH 1 (EMAILID THREADID)\n< * 1 FETCH (EMAILID (M1-0) THREADID (T*))\n< 4 OK *\n"
           "> 5 SEARCH EMAILID M1-0\n< * SEARCH 1\n< 5 OK *\n> 6 SEARCH EMAILID M7 THREADID T1\n< * SEARCH\n< 6 OK *\n"
           "> 7 COPY 1 a\n< 7 OK *\n> 8 SELECT a\n< * OK [CLOSED]*\n" OPENED(
               "1", "< * OK [UNSEEN 1]*\n") "< 8 OK *\n> 9 FETCH 1 EMAILID\n< * 1 FETCH (EMAILID (M1-0))\n< 9 OK *\n"},
    {"a reply has the THREADID of what it answers: RFC 8474 5.2",
     LOGIN ADD("22", "Message-ID: <a@b>~~x") ADD("41", "References: <a@b>~Message-ID: <c@d>~~x")
         ADD("42", "In-Reply-To: <a@b>~Message-ID: <e@f>~~x") SELECT_(
             "3") "> 1 SEARCH THREADID Tfd42a84f5894fff57e5203d6\n< * SEARCH 1 2 3\n< 1 OK *\n> 2 FETCH 2 THREADID\n"
                  "< * 2 FETCH (THREADID (Tfd42a84f5894fff57e5203d6))\n< 2 OK *\n"},
    {"PREVIEW: RFC 8970",
     THREE "> 1 FETCH 1 (PREVIEW)\n< * 1 FETCH (PREVIEW \"body\")\n< 1 OK *\n> 2 FETCH 1 (PREVIEW (LAZY) UID)\n"
           "< * 1 FETCH (UID 1 PREVIEW \"body\")\n< 2 OK *\n> 3 FETCH 1 (PREVIEW (FOO))\n< 3 BAD *\n"},
    {"PARTIAL: RFC 9394", THREE
     "> 1 UID FETCH 1:* FLAGS (PARTIAL -1:-2)\n< * 2 FETCH (UID 2 *\n< * 3 FETCH (UID 3 *\n< 1 OK *\n"
     "> 2 UID FETCH 1:* FLAGS (PARTIAL 3:9)\n< * 3 FETCH *\n< 2 OK *\n> 3 FETCH 1:3 FLAGS (PARTIAL 1:1)\n< 3 BAD *\n"
     "> 4 UID SEARCH RETURN (PARTIAL 1:2 COUNT) ALL\n< * ESEARCH (TAG \"4\") UID PARTIAL (1:2 1:2) COUNT 3\n< 4 OK *\n"
     "> 5 SEARCH RETURN (PARTIAL -1:-2) ALL\n< * ESEARCH (TAG \"5\") PARTIAL (-1:-2 2:3)\n< 5 OK *\n"
     "> 6 SEARCH RETURN (PARTIAL 5:9) ALL\n< * ESEARCH (TAG \"6\") PARTIAL (5:9 NIL)\n< 6 OK *\n"
     "> 7 SEARCH RETURN (ALL PARTIAL 1:2) ALL\n< 7 BAD *\n> 8 SEARCH RETURN (PARTIAL 0:2) ALL\n< 8 BAD *\n"
     "> 9 SEARCH RETURN (PARTIAL 1:-2) ALL\n< 9 BAD *\n> a UID SEARCH RETURN (SAVE PARTIAL 2:3) ALL\n"
     "< * ESEARCH (TAG \"a\") UID PARTIAL (2:3 2:3)\n< a OK *\n> b SEARCH $\n< * SEARCH 2 3\n< b OK *\n"
     "> c UID SEARCH RETURN (SAVE PARTIAL -1:-1 MIN) ALL\n< * ESEARCH (TAG \"c\") UID MIN 1 PARTIAL (-1:-1 3)\n"
     "< c OK *\n> d SEARCH $\n< * SEARCH 1 3\n< d OK *\n"
     "> e UID SEARCH RETURN (SAVE PARTIAL 1:1 COUNT) ALL\n< * ESEARCH (TAG \"e\") UID PARTIAL (1:1 1) COUNT 3\n"
     "< e OK *\n> f SEARCH $\n< * SEARCH 1 2 3\n< f OK *\n"},
    {"UNAUTHENTICATE: RFC 8437",
     THREE "> 1 ENABLE CONDSTORE\n< * ENABLED CONDSTORE\n< * OK [HIGH*\n< 1 OK *\n> 2 UNAUTHENTICATE\n< 2 OK *\n> 3 "
           "NOOP\n< 3 OK *\n"
           "> 4 SELECT INBOX\n< 4 BAD Please log in first\n> 5 LOGIN u p\n< 5 OK *\n" SELECT_("3")},
    {"SORT: RFC 5256, RFC 5957",
     LOGIN ADD("81", "Subject: Re: b~From: Zoe <a@x>~To: b@x~Date: 1 Jan 2020 10:00:00 +0000~~one.")
         ADD("74", "Subject: A~From: Adam <z@x>~To: a@x~Date: 1 Jan 2019 10:00:00 +0000~~")
             ADD("67", "Subject: b~From: m@x~Cc: c@x~Date: 1 Jan 2021 10:00:00 +0000~~")
                 SELECT_("3") "> 1 SORT (SUBJECT) UTF-8 ALL\n< * SORT 2 1 3\n< 1 OK *\n> 2 SORT (REVERSE DATE) "
                              "US-ASCII ALL\n< * SORT 3 1 2\n< 2 OK *\n"
                              "> 3 UID SORT (FROM) UTF-8 1:2\n< * SORT 1 2\n< 3 OK *\n> 4 SORT (DISPLAYFROM) UTF-8 "
                              "ALL\n< * SORT 2 3 1\n< 4 OK *\n"
                              "> 5 SORT (REVERSE SIZE) UTF-8 ALL\n< * SORT 1 2 3\n< 5 OK *\n> 6 SORT (TO REVERSE "
                              "ARRIVAL) UTF-8 ALL\n< * SORT 3 2 1\n< 6 OK *\n"
                              "> 7 SORT (REVERSE SUBJECT REVERSE DATE) UTF-8 ALL\n< * SORT 3 1 2\n< 7 OK *\n> 8 SORT "
                              "(CC DISPLAYTO) UTF-8 ALL\n< * SORT 2 1 3\n< 8 OK *\n"
                              "> 9 SORT (FOO) UTF-8 ALL\n< 9 BAD *\n> a SORT (DATE) FOO ALL\n< a NO [BADCHARSET "
                              "(US-ASCII UTF-8)] *\n"
                              "> b SORT (DATE) ALL\n< b BAD *\n> c SORT () UTF-8 ALL\n< c BAD *\n> d SORT (DATE) UTF-8 "
                              "FLAGGED\n< * SORT\n< d OK *\n"},
    {"ESORT: RFC 5267 section 3", THREE
     "> 1 SORT RETURN (MIN MAX COUNT ALL) (REVERSE ARRIVAL REVERSE SIZE) UTF-8 ALL\n"
     "< * ESEARCH (TAG \"1\") MIN 1 MAX 3 ALL 1:3 COUNT 3\n< 1 OK *\n"
     "> 2 UID SORT RETURN (PARTIAL 2:3) (ARRIVAL) UTF-8 ALL\n< * ESEARCH (TAG \"2\") UID PARTIAL (2:3 2:3)\n< 2 OK *\n"
     "> 3 SORT RETURN () (ARRIVAL) UTF-8 ALL\n< * ESEARCH (TAG \"3\") ALL 1:3\n< 3 OK *\n"
     "> 4 SORT RETURN (SAVE) (ARRIVAL) UTF-8 2:3\n< 4 OK *\n> 5 SEARCH $\n< * SEARCH 2 3\n< 5 OK *\n"},
    {"SORT and THREAD without a charset where UTF-8 is enabled: violations.md",
     THREE "> 1 THREAD REFS LARGER 1\n< 1 NO [BADCHARSET *\n> 2 ENABLE UTF8=ACCEPT\n< * ENABLED UTF8=ACCEPT\n< 2 OK *\n"
           "> 3 UID THREAD REFS LARGER 1\n< * THREAD (1)(2)(3)\n< 3 OK *\n"
           "> 4 THREAD REFS ALL\n< * THREAD (1)(2)(3)\n< 4 OK *\n"
           "> 5 SORT (ARRIVAL) UID 1:2\n< * SORT 1 2\n< 5 OK *\n"
           "> 6 THREAD REFS UTF-8 UID 2\n< * THREAD (2)\n< 6 OK *\n"
           "> 7 SORT (ARRIVAL) ISO-8859-1 UID 3\n< * SORT 3\n< 7 OK *\n> 8 THREAD REFS FOO ALL\n< 8 NO [BADCHARSET *\n"
           "> 9 THREAD REFS LARGER\n< 9 BAD *\n"},
    {"UTF-8 in quoted strings of a search that names it: violations.md", THREE
     "> 1 SEARCH CHARSET UTF-8 SUBJECT \"ü\"\n< * SEARCH\n< 1 OK *\n> 2 SEARCH CHARSET utf8 SUBJECT \"ü\"\n< * "
     "SEARCH\n< 2 OK *\n"
     "> 3 SORT (ARRIVAL) UTF-8 NOT SUBJECT \"ü\"\n< * SORT 1 2 3\n< 3 OK *\n> 4 SEARCH SUBJECT \"ü\"\n< 4 BAD *\n"
     "> 5 SEARCH CHARSET UTF-8 SUBJECT \"\xff\"\n< 5 BAD *\n> 6 SEARCH CHARSET US-ASCII SUBJECT \"ü\"\n< 6 BAD *\n"
     "> 7 STATUS \"ü\" (MESSAGES)\n< 7 BAD *\n"},
    {"THREAD: RFC 5256",
     LOGIN ADD("37", "Message-ID: <a@b>~Subject: one~~xx") ADD(
         "54", "References: <a@b>~Message-ID: <c@d>~Subject: two~~") ADD("39", "Message-ID: <e@f>~Subject: Re: one~~")
         SELECT_("3") "> 1 THREAD REFERENCES UTF-8 ALL\n< * THREAD (1 (2)(3))\n< 1 OK *\n"
                      "> 2 UID THREAD ORDEREDSUBJECT UTF-8 ALL\n< * THREAD (1 3)(2)\n< 2 OK *\n"
                      "> 3 THREAD REFS UTF-8 ALL\n< * THREAD (1 2)(3)\n< 3 OK *\n> 4 THREAD FOO UTF-8 ALL\n< 4 BAD *\n"
                      "> 5 THREAD REFERENCES FOO ALL\n< 5 NO [BADCHARSET *\n> 6 THREAD REFS UTF-8 FLAGGED\n< * "
                      "THREAD\n< 6 OK *\n"},
    {"SEARCH=FUZZY: RFC 6203",
     LOGIN ADD("28", "Subject: quick brown fox~~") ADD("28", "Subject: brown quick fox~~")
         SELECT_("2") "> 1 SEARCH SUBJECT \"quick brown\"\n< * SEARCH 1\n< 1 OK *\n> 2 SEARCH FUZZY SUBJECT \"Quick "
                      "brown\"\n< * SEARCH 1 2\n< 2 OK *\n"
                      "> 3 SEARCH RETURN (RELEVANCY ALL) FUZZY SUBJECT \"quick brown\"\n"
                      "< * ESEARCH (TAG \"3\") ALL 1:2 RELEVANCY (100 50)\n< 3 OK *\n"
                      "> 4 SORT (REVERSE RELEVANCY) UTF-8 FUZZY (SUBJECT \"quick brown\")\n< * SORT 2 1\n< 4 OK *\n"
                      "> 5 SEARCH RETURN (RELEVANCY) ALL\n< 5 BAD *\n"},
    {"MODSEQ of MIN and MAX: RFC 7162 3.1.10", THREE
     "> 1 STORE 2 +FLAGS.SILENT \\Flagged\n< 1 OK *\n"
     "> 2 SEARCH RETURN (MIN) MODSEQ 1\n< * OK [HIGHESTMODSEQ 5] *\n< * ESEARCH (TAG \"2\") MIN 1 MODSEQ 2\n< 2 OK *\n"
     "> 3 SEARCH RETURN (MIN MAX) MODSEQ 1\n< * ESEARCH (TAG \"3\") MIN 1 MAX 3 MODSEQ 4\n< 3 OK *\n"
     "> 4 SEARCH RETURN (COUNT) MODSEQ 1\n< * ESEARCH (TAG \"4\") COUNT 3 MODSEQ 5\n< 4 OK *\n"},
    {"CONTEXT=SEARCH: RFC 5267 4.3", THREE
     "> 1 SEARCH RETURN (UPDATE COUNT CONTEXT) SEEN\n< * ESEARCH (TAG \"1\") COUNT 0\n< 1 OK *\n"
     "> 2 STORE 1:2 +FLAGS.SILENT \\Seen\n< * ESEARCH (TAG \"1\") ADDTO (0 1:2)\n< 2 OK *\n"
     "> 3 UID SEARCH RETURN (UPDATE ALL) KEYWORD $x\n< * ESEARCH (TAG \"3\") UID\n< 3 OK *\n"
     "! other SELECT INBOX | STORE 1 -FLAGS (\\Seen) | STORE 3 +FLAGS ($x)\n> 4 NOOP\n< * FLAGS *\n< * OK [PERM*\n"
     "< * 1 FETCH *\n< * 3 FETCH *\n< * ESEARCH (TAG \"3\") UID ADDTO (0 3)\n"
     "< * ESEARCH (TAG \"1\") REMOVEFROM (0 1)\n< 4 OK *\n"
     "> 5 STORE 2 +FLAGS.SILENT \\Deleted\n< 5 OK *\n> 6 EXPUNGE\n< * ESEARCH (TAG \"1\") REMOVEFROM (0 2)\n"
     "< * 2 EXPUNGE\n< 6 OK *\n> 7 CANCELUPDATE \"1\"\n< 7 OK *\n> 8 CANCELUPDATE \"1\"\n< 8 NO [CANNOT] *\n"
     "> 9 STORE 1 +FLAGS.SILENT \\Seen\n< 9 OK *\n> a CANCELUPDATE\n< a BAD *\n"},
    {"CONTEXT=SORT: RFC 5267 4.3", THREE
     "> 1 UID SORT RETURN (UPDATE) (REVERSE ARRIVAL SIZE) UTF-8 UNSEEN\n< * ESEARCH (TAG \"1\") UID ALL *\n< 1 OK *\n"
     "> 2 STORE 2 +FLAGS.SILENT \\Seen\n< * ESEARCH (TAG \"1\") UID REMOVEFROM (2 2)\n< 2 OK *\n"
     "> 3 STORE 2 -FLAGS.SILENT \\Seen\n< * ESEARCH (TAG \"1\") UID ADDTO (2 2)\n< 3 OK *\n"
     "> 4 SORT RETURN (UPDATE COUNT) (SIZE) UTF-8 ALL\n< * ESEARCH (TAG \"4\") COUNT 3\n< 4 OK *\n! deliver\n> 5 NOOP\n"
     "< * 4 EXISTS\n< * ESEARCH (TAG \"4\") ADDTO (4 4)\n< * ESEARCH (TAG \"1\") UID ADDTO (4 4)\n< 5 OK *\n"
     "> 6 SORT RETURN (UPDATE) (SIZE) UTF-8 ALL\n< * ESEARCH *\n< 6 OK *\n> 7 UNSELECT\n< 7 OK *\n"},
    {"METADATA: RFC 5464", LOGIN
     "> 1 SETMETADATA INBOX (/private/comment \"My box\" /shared/Vendor/x {3+}\n>> a~\n> )\n< 1 OK *\n"
     "> 2 GETMETADATA INBOX /private/comment\n< * METADATA INBOX (/private/comment \"My box\")\n< 2 OK *\n"
     "> 3 GETMETADATA (DEPTH infinity MAXSIZE 4) INBOX (/private/comment /shared/vendor)\n"
     "< * METADATA INBOX (/shared/vendor/x {3}\n< a\n< )\n< 3 OK [METADATA LONGENTRIES 6] *\n"
     "> 4 GETMETADATA (DEPTH 1) INBOX /shared/vendor\n< * METADATA INBOX (/shared/vendor/x {3}\n< a\n< )\n< 4 OK *\n"
     "> 5 GETMETADATA INBOX /shared/vendor\n< * METADATA INBOX (/shared/vendor NIL)\n< 5 OK *\n> 6 SETMETADATA INBOX "
     "(/private/comment NIL)\n< 6 OK *\n"
     "> 7 GETMETADATA INBOX (/private/comment)\n< * METADATA INBOX (/private/comment NIL)\n< 7 OK *\n> 8 SETMETADATA "
     "\"\" (/shared/x \"x\")\n< 8 OK *\n"
     "> 9 GETMETADATA \"\" /shared/x\n< * METADATA \"\" (/shared/x \"x\")\n< 9 OK *\n"
     "> A SETMETADATA \"\" (/Shared/admin \"x\")\n< A NO [NOPERM] *\n"
     "> B GETMETADATA \"\" (MAXSIZE 0 DEPTH 1) (/shared/x)\n< B OK [METADATA LONGENTRIES 1] *\n"
     "> C GETMETADATA \"\" /private/y /shared/x\n< * METADATA \"\" (/shared/x \"x\" /private/y NIL)\n< C OK *\n"
     "> a GETMETADATA nowhere /shared/admin\n< a NO [NONEXISTENT] *\n> b GETMETADATA INBOX /foo/x\n< b BAD *\n"
     "> c SETMETADATA INBOX (/private/a*b \"x\")\n< c BAD *\n> d SETMETADATA INBOX (/private//x \"x\")\n< d BAD *\n"
     "> e GETMETADATA (DEPTH 2) INBOX /private/x\n< e BAD *\n"},
    {"all entries below a root; a value that is too long: RFC 5464 4.2.2, 4.3",
     LOGIN "> 1 SETMETADATA INBOX (/private/a \"1\" /private/vendor/b \"2\" /shared/comment \"3\")\n< 1 OK *\n"
           "> 2 GETMETADATA (DEPTH infinity) INBOX (/private)\n< * METADATA INBOX (/private/a \"1\" /private/vendor/b "
           "\"2\")\n< 2 OK *\n> 3 GETMETADATA (DEPTH 1) INBOX (/Private /Shared)\n"
           "< * METADATA INBOX (/private/a \"1\" /shared/comment \"3\")\n< 3 OK *\n"
           "> 4 SETMETADATA INBOX (/private \"x\")\n< 4 BAD *\n> 5 GETMETADATA INBOX /privates\n< 5 BAD *\n"
           "> 6 SETMETADATA INBOX (/private/x {70000}\n< 6 NO [METADATA MAXSIZE 65536] *\n> 7 NOOP\n< 7 OK *\n"
           "> 8 SETMETADATA INBOX (/private/x {70000+}\n! big 70000\n> )\n< 8 NO [METADATA MAXSIZE 65536] *\n"
           "> 9 NOOP\n< 9 OK *\n"},
    {"LIST-METADATA: RFC 9590",
     LOGIN "> 1 CREATE a\n< 1 OK *\n> 2 SETMETADATA a (/shared/comment \"x\")\n< 2 OK *\n"
           "> 3 LIST \"\" * RETURN (METADATA (/shared/comment /private/comment))\n< * LIST (*) \"/\" INBOX\n"
           "< * METADATA INBOX (/shared/comment NIL /private/comment NIL)\n"
           "< * LIST (*) \"/\" a\n< * METADATA a (/shared/comment \"x\" /private/comment NIL)\n< 3 OK *\n"
           "> 4 LIST \"\" * RETURN (METADATA)\n< 4 BAD *\n"},
    {"FILTERS: RFC 5466", THREE
     "> 1 SETMETADATA \"\" (/private/filters/values/flags \"OR FLAGGED SEEN\" /shared/filters/values/both \"FILTER "
     "flags 2:3\")\n"
     "< 1 OK *\n> 2 STORE 1,3 +FLAGS.SILENT \\Seen\n< 2 OK *\n> 3 SEARCH FILTER flags\n< * SEARCH 1 3\n< 3 OK *\n"
     "> 4 SEARCH NOT FILTER both\n< * SEARCH 1 2\n< 4 OK *\n> 5 SEARCH FILTER none\n< 5 NO [UNDEFINED-FILTER none] *\n"
     "> 6 SETMETADATA \"\" (/private/filters/values/self \"FILTER self\" /private/filters/values/bad \"FOO\")\n< 6 OK "
     "*\n"
     "> 7 SEARCH FILTER self\n< 7 NO [LIMIT] *\n> 8 SEARCH FILTER bad\n< 8 NO [UNDEFINED-FILTER bad] *\n"
     "> 9 THREAD REFS UTF-8 FILTER none\n< 9 NO [UNDEFINED-FILTER] *\n"},
    {"BINARY: RFC 3516 4.4: a part that came as binary is stored as base64", LOGIN
     "> 1 APPEND INBOX ~{58+}\n>> Content-Type: a/b~Content-Transfer-Encoding: binary~~xy\n> \n< 1 OK *\n" SELECT_(
         "1") "> 2 FETCH 1 (BODY.PEEK[1] BINARY.SIZE[1] BINARY.PEEK[1])\n"
              "< * 1 FETCH (BODY[1] {6}\n< eHk=\n<  BINARY.SIZE[1] 2 BINARY[1] {2}\n< xy)\n< 2 OK *\n"},
    {"MULTISEARCH: RFC 7377", LOGIN
     "! deliver\n! deliver\n> 1 CREATE a/b\n< 1 OK *\n> 2 CREATE a/b/c\n< 2 OK *\n> 3 APPEND a/b (\\Seen) {9+}\n>> A: "
     "b~~x\n> \n< 3 OK *\n"
     "> 4 ESEARCH IN (personal) ALL\n< * ESEARCH (TAG \"4\" MAILBOX INBOX UIDVALIDITY 1001) UID ALL 1:2\n"
     "< * ESEARCH (TAG \"4\" MAILBOX a/b UIDVALIDITY 1002) UID ALL 1\n< 4 OK *\n"
     "> 5 ESEARCH IN (mailboxes (a/b nowhere) inboxes) RETURN (COUNT MIN) SEEN\n"
     "< * ESEARCH (TAG \"5\" MAILBOX a/b UIDVALIDITY 1002) UID MIN 1 COUNT 1\n< 5 OK *\n"
     "> 6 ESEARCH IN (subtree a/b) UNSEEN\n< 6 OK *\n> 7 ESEARCH ALL\n< 7 BAD *\n"
     "> 8 ESEARCH IN (personal) RETURN (COUNT) 1:9\n< * ESEARCH (TAG \"8\" MAILBOX INBOX *) UID COUNT 2\n"
     "< * ESEARCH (TAG \"8\" MAILBOX a/b *) UID COUNT 1\n< 8 OK *\n"
     "> 9 SELECT a/b\n" OPENED(
         "1",
         "") "< 9 OK *\n! deliver\n> a ESEARCH IN (selected inboxes) ALL\n"
             "< * ESEARCH (TAG \"a\" MAILBOX a/b UIDVALIDITY 1002) UID ALL 1\n"
             "< * ESEARCH (TAG \"a\" MAILBOX INBOX UIDVALIDITY 1001) UID ALL 1:3\n< a OK *\n> b "
             "FETCH 1 UID\n< * 1 FETCH (UID 1)\n< b OK *\n"
             "> c ESEARCH IN (frob) ALL\n< c BAD *\n> d ESEARCH IN (inboxes) RETURN (SAVE) ALL\n< d BAD *\n"
             "> e ESEARCH RETURN (SAVE COUNT) SEEN\n< * ESEARCH (TAG \"e\" MAILBOX a/b UIDVALIDITY 1002) "
             "UID COUNT 1\n< e OK *\n> f SEARCH $\n< * SEARCH 1\n< f OK *\n"
             "> g ESEARCH IN (selected) UNSEEN\n< g OK *\n"
             "> h ESEARCH RETURN (UPDATE COUNT) SEEN\n< * NO [NOUPDATE \"h\"] *\n< * ESEARCH *UID COUNT 1\n< h OK *\n"
             "> i CLOSE\n< i OK *\n> j ESEARCH IN (inboxes) RETURN (UPDATE COUNT) ALL\n< j BAD *\n"},
    {"UPDATE: tags are not used twice (RFC 5267 4.3), attributes of new messages are not told (RFC 5465 7)",
     THREE "> 1 SEARCH RETURN (UPDATE COUNT) SEEN\n< * ESEARCH *COUNT 0\n< 1 OK *\n"
           "> 1 SEARCH RETURN (UPDATE COUNT) SEEN\n< 1 BAD The tag *\n> 2 CANCELUPDATE \"1\"\n< 2 OK *\n"
           "> 1 SEARCH RETURN (UPDATE COUNT) SEEN\n< * ESEARCH *COUNT 0\n< 1 OK *\n"
           "> 3 SEARCH RETURN (COUNT UPDATE (UID BODY.PEEK[HEADER.FIELDS (TO)])) SEEN\n< * NO [NOUPDATE \"3\"] *\n"
           "< * ESEARCH *COUNT 0\n< 3 OK *\n> 4 SEARCH RETURN (UPDATE (FROB)) ALL\n< 4 BAD *\n"},
    {"BAD tells where, in a text that has no quotes and no single parenthesis",
     LOGIN "> 6 LIST \"\" * RETURN (STATUS ())\n< 6 BAD Bad arguments of LIST at: a closing parenthesis; *\n"
           "> 7 STATUS (\"x\n< 7 BAD Bad arguments of STATUS at: ('x); *\n"},
    {"BAD tells where",
     THREE "> 1 FETCH 1 (FLAGS FROB)\n< 1 BAD Bad arguments of FETCH at: FROB; *\n"
           "> 2 COPY 1\n< 2 BAD Bad arguments of COPY: something is missing at the end; it takes set mailbox\n"
           "> 3 SEARCH RETURN (COUNT) FROM x FROB\n< 3 BAD Bad arguments of SEARCH at: FROB; *\n"
           "> 4 COPY 1 \"\"\n< 4 NO [CANNOT] *\n> 5 CREATE \"a\x01b\"\n< 5 NO [CANNOT] *\n"},
    {"URLAUTH: RFC 4467",
     THREE "> 1 GENURLAUTH \"imap://u%40example.test@mail.example.test/INBOX/;UID=2/;SECTION=TEXT;URLAUTH=anonymous\" "
           "INTERNAL\n< * GENURLAUTH \"imap://*URLAUTH=anonymous:internal:*\"\n< 1 OK *\n"
           "> 2 URLFETCH \"imap://u%40example.test@mail.example.test/INBOX/;UID=2;URLAUTH=anonymous:internal:00\"\n"
           "< * URLFETCH \"imap://*:00\" NIL\n< 2 OK *\n"
           "> 3 GENURLAUTH \"imap://x%40example.test@mail.example.test/INBOX/;UID=2;URLAUTH=authuser\" INTERNAL\n"
           "< 3 NO *\n> 4 GENURLAUTH \"imap://u%40example.test@mail.example.test/INBOX/;UID=2;URLAUTH=x\" INTERNAL\n"
           "< 4 NO *\n> 5 GENURLAUTH \"imap://u%40example.test@mail.example.test/no/;UID=2;URLAUTH=authuser\" "
           "INTERNAL\n< 5 NO *\n> 6 GENURLAUTH /INBOX/;UID=2 FOO\n< 6 BAD *\n> 7 GENURLAUTH\n< 7 BAD *\n"
           "> 8 RESETKEY INBOX INTERNAL\n< 8 OK [URLMECH INTERNAL] *\n> 9 RESETKEY\n< 9 OK RESETKEY *\n"
           "> a RESETKEY nowhere\n< a NO [NONEXISTENT] *\n> b URLFETCH\n< b BAD *\n"},
    {"UIDBATCHES: RFC 10022",
     THREE "> 1 UIDBATCHES 500\n< * UIDBATCHES (TAG \"1\") 3:1\n< 1 OK *\n> 2 UIDBATCHES 10\n< 2 NO [TOOFEW] *\n"
           "> 3 UIDBATCHES 500 20:10\n< 3 BAD [CLIENTBUG] *\n> 4 UIDBATCHES 500 1:100000\n< 4 NO [TOOMANY] *\n"
           "> 5 UIDBATCHES 500 2:9\n< * UIDBATCHES (TAG \"5\")\n< 5 OK *\n> 6 UIDBATCHES 500 10\n< 6 BAD *\n"
           "> 7 UIDBATCHES\n< 7 BAD *\n> 8 UIDBATCHES 4000000000 1:1\n< * UIDBATCHES (TAG \"8\") 3:1\n< 8 OK *\n"
           "> 9 SELECT INBOX\n< * OK [CLOSED]*\n" OPENED("3", "< * OK [UNSEEN 1]*\n") "< 9 OK *\n"},
    {"UIDONLY: RFC 9586",
     THREE "> 1 ENABLE UIDONLY\n< * ENABLED UIDONLY\n< 1 OK *\n> 2 FETCH 1 FLAGS\n< 2 BAD [UIDREQUIRED] *\n"
           "> 3 UID FETCH 2 (UID RFC822.SIZE)\n< * 2 UIDFETCH (RFC822.SIZE 90)\n< 3 OK *\n"
           "> 4 UID STORE 1 +FLAGS (\\Deleted)\n< * 1 UIDFETCH (FLAGS (\\Deleted))\n< 4 OK *\n> 5 EXPUNGE\n< * "
           "VANISHED 1\n< 5 OK *\n"
           "> 6 UID SEARCH 1:2\n< 6 BAD [UIDREQUIRED] *\n> 7 UID SEARCH UID 1:2\n< * SEARCH 2\n< 7 OK *\n> 8 SEARCH "
           "ALL\n< 8 BAD [UIDREQUIRED] *\n"
           "> 9 UID STORE 2 (UNCHANGEDSINCE 9) +FLAGS.SILENT \\Seen\n< * OK [HIGHESTMODSEQ *\n< * 2 UIDFETCH (MODSEQ "
           "(*))\n< 9 OK *\n"},
    {"INPROGRESS: RFC 9585",
     THREE "! deliver\n> 1 NOOP\n< * 4 EXISTS\n< 1 OK *\n! slow\n> 2 SEARCH UNSEEN\n"
           "< * OK [INPROGRESS (\"2\" 3 4)] *\n< * SEARCH 1 2 3 4\n< 2 OK *\n> a]b SEARCH UNSEEN\n"
           "< * OK [INPROGRESS (NIL 3 4)] *\n< * SEARCH 1 2 3 4\n< a]b OK *\n",
     .progress_ms = 20},
    {"INPROGRESS of SORT and THREAD: RFC 9585",
     THREE "! deliver\n> 1 NOOP\n< * 4 EXISTS\n< 1 OK *\n! slow\n> 2 SORT (SIZE) UTF-8 1:4\n"
           "< * OK [INPROGRESS (\"2\" 3 4)] *\n< * SORT 1 2 3 4\n< 2 OK *\n> 3 THREAD REFERENCES UTF-8 1:4\n"
           "< * OK [INPROGRESS (\"3\" 3 4)] *\n< * THREAD *\n< 3 OK *\n",
     .progress_ms = 20},
    {"INPROGRESS of a single call about many messages: RFC 9585",
     THREE "! skip * OK [INPROGRESS*\n> 1 CREATE a\n< 1 OK *\n"
           "! hold\n> 2 COPY 1:3 a\n" AT_IT("2")
               AT_IT("2") "! release\n< 2 OK [COPYUID *\n"
                          "! hold\n> 3 STORE 1:2 +FLAGS.SILENT \\Deleted\n" AT_IT(
                              "3") "! release\n< 3 OK *\n"
                                   "! hold\n> 4 EXPUNGE\n" AT_IT(
                                       "4") "! release\n< * 2 EXPUNGE\n< * 1 EXPUNGE\n< 4 OK *\n"
                                            "! deliver\n> 5 NOOP\n< * 2 EXISTS\n< 5 OK *\n! hold\n> 6 CLOSE\n" AT_IT(
                                                "6") "! release\n< 6 OK *\n"
                                                     "! hold\n> 7 RENAME INBOX b\n" AT_IT("7") "! release\n< 7 OK *\n",
     .progress_ms = 20},
    {"LANGUAGE: RFC 5255 3",
     LOGIN "> 1 LANGUAGE\n< * LANGUAGE (\"en\" \"i-default\")\n< 1 OK *\n> 2 LANGUAGE de en\n< * LANGUAGE (\"en\")\n< "
           "2 OK *\n"
           "> 3 LANGUAGE fr\n< 3 NO [CANNOT] *\n> 4 LANGUAGE default\n< * LANGUAGE (\"en\")\n< 4 OK *\n"},
    {"COMPRESS=DEFLATE: RFC 4978",
     LOGIN "> 1 COMPRESS FOO\n< 1 NO [CANNOT] *\n> 2 COMPRESS DEFLATE\n< 2 OK *\n! compress\n> 3 CAPABILITY\n"
           "< * CAPABILITY *\n< 3 OK *\n> 4 COMPRESS DEFLATE\n< 4 NO [COMPRESSIONACTIVE] *\n"
           "> 5 APPEND INBOX {300010+}\n! big 300010\n> \n< 5 OK *\n> 6 SELECT INBOX\n" OPENED(
               "1", "< * OK [UNSEEN 1]*\n") "< 6 OK *\n> 7 FETCH 1 BODY.PEEK[]\n< * 1 FETCH (BODY[] {300010}\n< \n< "
                                            "xxx*xxx)\n< 7 OK *\n"
                                            "> 8 LOGOUT\n< * BYE *\n< 8 OK *\n! closed\n"},
    {"STATUS of deleted messages: RFC 9208 4.2",
     THREE "> 1 STORE 1:2 +FLAGS.SILENT \\Deleted\n< 1 OK *\n> 2 STATUS INBOX (DELETED DELETED-STORAGE)\n"
           "< * STATUS INBOX (DELETED 2 DELETED-STORAGE 180)\n< 2 OK *\n"},
};
/* clang-format on */

int main(void) {
    return dialogue_main(dialogues, sizeof dialogues / sizeof *dialogues);
}
