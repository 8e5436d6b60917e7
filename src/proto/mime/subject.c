/* The base subject, RFC 5256 section 2.1:
 *   subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"      subj-blob = "[" *BLOBCHAR "]" *WSP
 *   subj-leader = (*subj-blob subj-refwd) / WSP                  subj-trailer = "(fwd)" / WSP */
#include "proto/mime/word.h"

enum { SUBJECT_MAX = 64 * 1024 };

/* Step 1: UTF-8, runs of blanks made one blank. */
static void normalize(struct buf *out, struct str subject) {
    BUF_AUTO text = BUF_INIT(SUBJECT_MAX);
    word_decode(&text, subject);
    struct str rest = buf_str(&text);
    for (struct str w = str_word(&rest); w.len > 0; w = str_word(&rest)) {
        if (out->len > 0) buf_addc(out, ' ');
        buf_add(out, w);
    }
}

/* Length of a subj-blob at the beginning, with the blanks behind it; 0 = none. */
static size_t blob_length(struct str s) {
    if (s.len == 0 || s.ptr[0] != '[') return 0;
    size_t i = 1;
    while (i < s.len && s.ptr[i] != '[' && s.ptr[i] != ']') i++;
    if (i == s.len || s.ptr[i] != ']') return 0;
    i++;
    while (i < s.len && ascii_isspace(s.ptr[i])) i++;
    return i;
}

static size_t refwd_length(struct str s) {
    size_t i;
    if (str_starts_nocase(s, STR("re"))) {
        i = 2;
    } else if (str_starts_nocase(s, STR("fwd"))) {
        i = 3;
    } else if (str_starts_nocase(s, STR("fw"))) {
        i = 2;
    } else {
        return 0;
    }
    while (i < s.len && ascii_isspace(s.ptr[i])) i++;
    i += blob_length(str_sub(s, i, s.len));
    return i < s.len && s.ptr[i] == ':' ? i + 1 : 0;
}

static bool cut_trailer(struct str *s) {
    struct str t = str_trim(*s);
    if (!str_ends_nocase(t, STR("(fwd)"))) {
        *s = t;
        return false;
    }
    *s = str_sub(t, 0, t.len - 5);
    return true;
}

/* Steps 3 to 5, once; false when nothing changed. */
static bool cut_leader(struct str *s, bool *is_reply) {
    struct str t = str_trim(*s);
    size_t blobs = 0;
    for (size_t n; (n = blob_length(str_sub(t, blobs, t.len))) > 0;) blobs += n;
    size_t refwd = refwd_length(str_sub(t, blobs, t.len));
    if (refwd > 0) {
        *s = str_trim(str_sub(t, blobs + refwd, t.len));
        *is_reply = true;
        return true;
    }
    size_t blob = blob_length(t);
    if (blob > 0 && blob < t.len) {
        *s = str_sub(t, blob, t.len);
        return true;
    }
    *s = t;
    return false;
}

void subject_base(struct buf *out, struct str subject, bool *is_reply) {
    BUF_AUTO text = BUF_INIT(SUBJECT_MAX);
    normalize(&text, subject);
    struct str s = buf_str(&text);
    bool reply = false;
    for (;;) {
        while (cut_trailer(&s)) reply = true;
        while (cut_leader(&s, &reply)) continue;
        if (!str_starts_nocase(s, STR("[fwd:")) || !str_ends(s, STR("]"))) break;
        s = str_sub(s, 5, s.len - 6);
        reply = true;
    }
    buf_add(out, s);
    if (is_reply != NULL) *is_reply = reply;
}
