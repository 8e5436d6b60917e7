#include "imapd/metadata.h"

#include "imapd/store_call.h"
#include "proto/imap/write.h"

enum { LINE_BYTES = 1024 * 1024 };

/* No wildcards, no empty levels (RFC 5464 section 3.2). */
bool metadata_take_name(struct imap_args *a, struct str *out) {
    struct imap_args b = *a;
    struct str name;
    if (!imap_args_astring(&b, &name) || name.len > METADATA_NAME_MAX || !str_is_ascii(name)) return false;
    if (!str_starts_nocase(name, STR("/private/")) && !str_starts_nocase(name, STR("/shared/"))) return false;
    if (str_ends(name, STR("/")) || str_find_str(name, STR("//")) != STR_NPOS) return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] <= ' ' || name.ptr[i] == 0x7f || name.ptr[i] == '*' || name.ptr[i] == '%') return false;
    *a = b;
    *out = name;
    return true;
}

static bool take_root(struct imap_args *a, struct str *out) {
    struct imap_args b = *a;
    if (!imap_args_astring(&b, out) || (!str_eq_nocase(*out, STR("/private")) && !str_eq_nocase(*out, STR("/shared"))))
        return false;
    *a = b;
    return true;
}

bool metadata_take_names(struct imap_args *a, struct metadata_names *out) {
    out->count = 0;
    bool list = imap_args_char(a, '('); /* also without: the examples of section 4.4.1 */
    do {
        struct str *name = &out->name[out->count];
        if (out->count++ == METADATA_ENTRIES_MAX || (!metadata_take_name(a, name) && !take_root(a, name))) return false;
    } while (imap_args_space(a));
    return !list || imap_args_char(a, ')');
}

/* The entry itself, or one at most `depth` levels below it (RFC 5464 section 4.2.2). */
static bool is_asked(struct str entry, const struct metadata_names *names, uint32_t depth) {
    for (size_t i = 0; i < names->count; i++) {
        struct str name = names->name[i];
        if (!str_starts_nocase(entry, name)) continue;
        struct str below = str_sub(entry, name.len, SIZE_MAX);
        if (below.len == 0) return true;
        uint32_t levels = 0;
        for (size_t k = 0; k < below.len; k++) levels += below.ptr[k] == '/';
        if (below.ptr[0] == '/' && levels <= depth) return true;
    }
    return false;
}

static bool is_there(const Store__Metadata *all, struct str name) {
    for (size_t i = 0; i < all->n_entries; i++)
        if (str_eq_nocase(str_from(all->entries[i]->name), name)) return true;
    return false;
}

/* NIL for what was named and is not there (RFC 5464 section 4.2: a METADATA response is required; RFC 9590 section 4).
 */
static const char *add_missing(const struct session *s, const Store__Metadata *all, const struct metadata_names *names,
                               const char *separator, struct buf *b) {
    for (size_t i = 0; i < names->count; i++) {
        if (is_there(all, names->name[i])) continue;
        buf_adds(b, separator);
        imap_write_astring(b, names->name[i], s->utf8);
        buf_adds(b, " NIL");
        separator = " ";
    }
    return separator;
}

static int get(struct session *s, struct str mailbox, struct rpc_reply *reply, struct error *err) {
    Store__FolderName req = STORE__FOLDER_NAME__INIT;
    BUF_AUTO name = BUF_INIT(IMAP_MAILBOX_MAX + 1);
    buf_add(&name, mailbox);
    if (name.error != 0) return name.error;
    req.name = (char *)(uintptr_t)buf_cstr(&name);
    return session_call(s, STORE_METADATA_GET, &req, STR_EMPTY, reply, err);
}

int metadata_tell(struct session *s, struct str mailbox, const struct metadata_names *names, uint32_t depth,
                  uint64_t max_size, uint64_t *longest, struct error *err) {
    RPC_REPLY_AUTO reply = {0};
    BUF_AUTO b = BUF_INIT(LINE_BYTES);
    int rc = get(s, mailbox, &reply, err);
    if (rc != 0) return rc;
    const Store__Metadata *all = (const Store__Metadata *)reply.msg;
    const char *separator = " (";
    buf_adds(&b, "* METADATA ");
    imap_write_mailbox(&b, mailbox, s->utf8);
    for (size_t i = 0; i < all->n_entries; i++) {
        struct str value = rpc_bytes(all->entries[i]->value);
        if (!is_asked(str_from(all->entries[i]->name), names, depth)) continue;
        if (value.len > max_size) {
            if (value.len > *longest) *longest = value.len;
            continue;
        }
        buf_adds(&b, separator);
        imap_write_astring(&b, str_from(all->entries[i]->name), s->utf8);
        buf_addc(&b, ' ');
        imap_write_string(&b, value, s->utf8);
        separator = " ";
    }
    if (depth == 0) separator = add_missing(s, all, names, separator, &b);
    buf_adds(&b, ")\r\n");
    if (b.error == 0 && separator[1] == '\0') session_put(s, buf_str(&b));
    return b.error;
}

int metadata_value(struct session *s, struct str mailbox, const char *name, struct arena *arena, struct str *out) {
    RPC_REPLY_AUTO reply = {0};
    int rc = get(s, mailbox, &reply, NULL);
    if (rc != 0) return rc;
    const Store__Metadata *all = (const Store__Metadata *)reply.msg;
    for (size_t i = 0; i < all->n_entries; i++) {
        if (!str_eq_nocase(str_from(all->entries[i]->name), str_from(name))) continue;
        *out = arena_str(arena, rpc_bytes(all->entries[i]->value));
        return out->ptr == NULL ? ERR_NOMEM : 0;
    }
    return ERR_NOTFOUND;
}
