/* INV-4 to INV-9: accounts, folders, messages, counters. */
#include "store/mailbox/expunged.h"
#include "store/mailbox/private.h"
#include "store/service/check.h"

#include <stdlib.h>

#define ULL(v) (unsigned long long)(v)

static struct check_folder *folder_of(struct check *c, uint64_t id) {
    return map_get(c->folder_of, map_u64_key(&id));
}

static struct check_folder *folder_add(struct check *c, uint64_t account, uint64_t id) {
    struct check_folder *f = folder_of(c, id);
    if (f != NULL) return f;
    f = calloc(1, sizeof *f);
    IEMS_ASSERT(f != NULL);
    f->account = account;
    f->id = id;
    IEMS_ASSERT(map_put(c->folder_of, map_u64_key(&f->id), f, NULL) == 0);
    return f;
}

static bool name_decodes(struct str value, uint64_t *id) {
    struct folder f = {0};
    bool good = folder_decode_name(&f, value) == 0;
    for (unsigned i = 0; i < f.keyword_count; i++) free(f.keywords[i]);
    *id = f.id;
    return good;
}

/* Nothing of folders that have no name is removed while there is a name that cannot be read. */
static void each_name(struct check *c, struct str key, struct str value) {
    uint64_t id = 0, account = key.len < 10 ? 0 : key_get_u64(key, 1);
    if (key.len < 10 || !name_decodes(value, &id)) {
        check_fault(c, REPAIR_NONE, account, "a folder name record of account %llu is damaged", ULL(account));
        c->nameless = true;
        return;
    }
    if (folder_of(c, id) != NULL) check_fault(c, REPAIR_NONE, id, "folder %llu has two names", ULL(id));
    folder_add(c, account, id);
    c->folders++;
    struct key k = key_of_id(KEY_ACCOUNT, account);
    if (!check_has(c, key_str(&k)))
        check_fault(c, REPAIR_COUNTERS, id, "account %llu has folder %llu but no record", ULL(account), ULL(id));
}

static void each_purge(struct check *c, struct str key, struct str value) {
    (void)value;
    if (key.len == 9) folder_add(c, 0, key_get_u64(key, 1))->purged = true;
}

static void each_counters(struct check *c, struct str key, struct str value) {
    struct folder f = {0};
    uint64_t id = key.len == 17 ? key_get_u64(key, 9) : 0;
    struct check_folder *cf = folder_of(c, id);
    if (cf == NULL) {
        check_fault(c, REPAIR_NONE, id, "counters of folder %llu, which has no name", ULL(id));
        if (!c->nameless) check_fault_key(c, REPAIR_INDEX, key);
        return;
    }
    if (folder_decode_counters(&f, value) != 0) {
        check_fault(c, REPAIR_COUNTERS, id, "counters of folder %llu are damaged", ULL(id));
        return;
    }
    cf->has_counters = true;
    cf->uidnext = f.uidnext;
    cf->highestmodseq = f.highestmodseq;
    cf->messages = f.messages;
    cf->unseen = f.unseen;
    cf->deleted = f.deleted;
    cf->size = f.size;
    cf->first_recent = f.first_recent;
    cf->recent = f.recent;
}

static const unsigned char no_flags[16];

static void each_flags(struct check *c, struct str key, struct str value) {
    uint64_t id = key.len == 13 ? key_get_u64(key, 1) : 0;
    uint32_t uid = key.len == 13 ? key_get_u32(key, 9) : 0;
    struct check_folder *f = folder_of(c, id);
    if (f == NULL) {
        check_fault(c, REPAIR_NONE, id, "flags of message %u in folder %llu, which is not there", uid, ULL(id));
        if (!c->nameless) check_fault_key(c, REPAIR_INDEX, key);
        return;
    }
    if (f->purged) return;
    if (value.len != 16) { /* the message counts as one without flags, and has them again when they change */
        check_fault(c, REPAIR_NONE, id, "the flags of message UID %u of folder %llu are damaged", uid, ULL(id));
        value = str_of(no_flags, sizeof no_flags);
    }
    uint64_t flags = key_get_u64(value, 0), modseq = key_get_u64(value, 8);
    f->seen_flags++;
    f->seen_unseen += !(flags & MAILBOX_SEEN);
    f->seen_deleted += (flags & MAILBOX_DELETED) != 0;
    f->seen_recent += uid >= f->first_recent;
    if (uid >= f->uidnext)
        check_fault(c, REPAIR_COUNTERS, id, "UID %u of folder %llu is not below UIDNEXT %u", uid, ULL(id), f->uidnext);
    if (modseq > f->highestmodseq)
        check_fault(c, REPAIR_COUNTERS, id, "MODSEQ %llu of UID %u in folder %llu is above the highest", ULL(modseq),
                    uid, ULL(id));
    struct key k;
    message_key(&k, KEY_MESSAGE, id, uid);
    if (check_has(c, key_str(&k))) return;
    check_fault(c, REPAIR_NONE, id, "message UID %u of folder %llu has flags but no record", uid, ULL(id));
    check_fault_key(c, REPAIR_FLAGS, key);
}

static void each_message(struct check *c, struct str key, struct str value) {
    struct message_stored m;
    uint64_t id = key.len == 13 ? key_get_u64(key, 1) : 0;
    struct check_folder *f = folder_of(c, id);
    if (f == NULL) {
        check_fault(c, REPAIR_NONE, id, "a message record of folder %llu, which is not there", ULL(id));
        if (!c->nameless) check_fault_key(c, REPAIR_INDEX, key);
        if (c->nameless && message_decode(value, &m) == 0) check_ref(c, m.blob);
        return;
    }
    if (message_decode(value, &m) != 0) {
        check_fault(c, REPAIR_NONE, id, "message UID %u of folder %llu is damaged", key_get_u32(key, 9), ULL(id));
        return;
    }
    check_ref(c, m.blob);
    struct key k = key_of_id(KEY_BLOB, m.blob);
    if (!check_has(c, key_str(&k)))
        check_fault(c, REPAIR_NONE, id, "message UID %u of folder %llu has no body", key_get_u32(key, 9), ULL(id));
    if (f->purged) return;
    c->messages++;
    f->seen_messages++;
    f->seen_size += m.size;
    message_key(&k, KEY_FLAGS, id, key_get_u32(key, 9));
    if (!check_has(c, key_str(&k)))
        check_fault(c, REPAIR_FLAGS, id, "message UID %u of folder %llu has no flags", key_get_u32(key, 9), ULL(id));
}

static void check_counters(struct check *c, const struct check_folder *f) {
    if (f->purged) return;
    if (!f->has_counters)
        check_fault(c, REPAIR_COUNTERS, f->id, "folder %llu has no counters", ULL(f->id));
    else if (f->messages != f->seen_messages || f->unseen != f->seen_unseen || f->deleted != f->seen_deleted ||
             f->size != f->seen_size)
        check_fault(
            c, REPAIR_COUNTERS, f->id,
            "folder %llu counts %llu messages, %llu unseen, %llu deleted, %llu bytes; there are %llu, %llu, %llu, %llu",
            ULL(f->id), ULL(f->messages), ULL(f->unseen), ULL(f->deleted), ULL(f->size), ULL(f->seen_messages),
            ULL(f->seen_unseen), ULL(f->seen_deleted), ULL(f->seen_size));
    else if (f->recent != f->seen_recent)
        check_fault(c, REPAIR_COUNTERS, f->id, "folder %llu counts %llu recent messages; there are %llu", ULL(f->id),
                    ULL(f->recent), ULL(f->seen_recent));
}

static void each_account(struct check *c, struct str key, struct str value) {
    if (value.len < 1 || value.ptr[0] != 0) return; /* deleted */
    if (key.len == 9) c->accounts++;
}

/* INV-14 */
static void each_expunged(struct check *c, struct str key, struct str value) {
    struct expunged x;
    if (expunged_decode(key, value, &x) != 0) {
        check_fault(c, REPAIR_NONE, 0, "the record of an expunged message is damaged");
        check_fault_key(c, REPAIR_INDEX, key);
        return;
    }
    check_ref(c, x.message.blob);
    struct key k = key_of_id(KEY_BLOB, x.message.blob);
    if (check_has(c, key_str(&k))) return;
    check_fault(c, REPAIR_NONE, x.folder, "expunged message UID %u of folder %llu has no body", x.uid, ULL(x.folder));
    check_fault_key(c, REPAIR_INDEX, key);
}

/* INV-18 */
static void each_quota(struct check *c, struct str key, struct str value) {
    struct quota_state q;
    uint64_t account = key.len == 9 ? key_get_u64(key, 1) : 0;
    struct key k = key_of_id(KEY_ACCOUNT, account);
    if (quota_state_decode(value, &q) == 0 && check_has(c, key_str(&k))) return;
    check_fault(c, REPAIR_NONE, account, "the state of the quota of account %llu is damaged, or of no account",
                ULL(account));
    check_fault_key(c, REPAIR_INDEX, key);
}

int check_mailboxes(struct check *c) {
    int rc = check_each_kind(c, KEY_NAME, each_name);
    if (rc == 0) rc = check_each_kind(c, KEY_PURGE, each_purge);
    if (rc == 0) rc = check_each_kind(c, KEY_COUNTERS, each_counters);
    if (rc == 0) rc = check_each_kind(c, KEY_FLAGS, each_flags);
    if (rc == 0) rc = check_each_kind(c, KEY_MESSAGE, each_message);
    if (rc == 0) rc = check_each_kind(c, KEY_EXPUNGED, each_expunged);
    if (rc == 0) rc = check_each_kind(c, KEY_QUOTA, each_quota);
    struct str k;
    void *p;
    for (size_t pos = 0; rc == 0 && map_next(c->folder_of, &pos, &k, &p);) check_counters(c, p);
    return rc != 0 ? rc : check_each_kind(c, KEY_ACCOUNT, each_account);
}
