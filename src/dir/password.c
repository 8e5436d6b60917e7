#include "dir/password.h"

#include "base/encode.h"
#include "proto/sasl/scram_keys.h"

#include <argon2.h>
#include <gsasl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* What somebody else's hash may cost here. */
enum { MEMORY_KIB_MAX = 256 * 1024, PASSES_MAX = 16, LANES_MAX = 8, BASE64_MAX = 128 };

/* mmap and munmap: malloc would keep blocks of this size for later. */
static int take_memory(uint8_t **memory, size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return ARGON2_MEMORY_ALLOCATION_ERROR;
    *memory = p;
    return ARGON2_OK;
}

static void give_memory(uint8_t *memory, size_t bytes) {
    explicit_bzero(memory,
                   bytes < 1024 * 1024 ? bytes : 1024 * 1024); /* the kernel clears pages before anyone gets them */
    (void)munmap(memory, bytes);
}

static int run(const struct phc *p, struct str password, unsigned char *out, size_t out_len) {
    unsigned char salt[sizeof p->salt];
    memcpy(salt, p->salt, sizeof salt);
    argon2_context ctx = {.out = out,
                          .outlen = (uint32_t)out_len,
                          .pwd = (uint8_t *)(uintptr_t)password.ptr,
                          .pwdlen = (uint32_t)password.len,
                          .salt = salt,
                          .saltlen = p->salt_len,
                          .t_cost = p->passes,
                          .m_cost = p->memory_kib,
                          .lanes = p->lanes,
                          .threads = 1,
                          .version = ARGON2_VERSION_13,
                          .allocate_cbk = take_memory,
                          .free_cbk = give_memory,
                          .flags = ARGON2_DEFAULT_FLAGS};
    return argon2_ctx(&ctx, Argon2_id) == ARGON2_OK ? 0 : ERR_NOMEM;
}

static int number(struct str *rest, char name, char end, uint32_t max, uint32_t *out) {
    struct str item = str_cut(rest, end);
    uint64_t n;
    if (item.len < 3 || item.ptr[0] != name || item.ptr[1] != '=') return ERR_INVALID;
    if (str_to_u64(str_sub(item, 2, item.len), max, &n) != 0 || n == 0) return ERR_INVALID;
    *out = (uint32_t)n;
    return 0;
}

/* Base64 without padding, as PHC strings have it. */
static int bytes(struct str text, unsigned char *out, size_t max, uint8_t *len) {
    BUF_AUTO padded = BUF_INIT(BASE64_MAX);
    BUF_AUTO raw = BUF_INIT(BASE64_MAX);
    buf_add(&padded, text);
    while (padded.error == 0 && padded.len % 4 != 0) buf_addc(&padded, '=');
    if (padded.error != 0 || base64_decode(&raw, buf_str(&padded)) != 0 || raw.len < 8 || raw.len > max)
        return ERR_INVALID;
    memcpy(out, raw.ptr, raw.len);
    *len = (uint8_t)raw.len;
    return 0;
}

int phc_parse(struct str text, struct phc *out) {
    if (!str_starts(text, STR("$argon2id$v=19$"))) return ERR_INVALID;
    struct str rest = str_sub(text, sizeof "$argon2id$v=19$" - 1, text.len);
    struct phc p = {0};
    if (number(&rest, 'm', ',', MEMORY_KIB_MAX, &p.memory_kib) != 0 ||
        number(&rest, 't', ',', PASSES_MAX, &p.passes) != 0 || number(&rest, 'p', '$', LANES_MAX, &p.lanes) != 0 ||
        p.memory_kib < 8 * p.lanes) {
        return ERR_INVALID;
    }
    struct str salt = str_cut(&rest, '$');
    if (bytes(salt, p.salt, sizeof p.salt, &p.salt_len) != 0 || bytes(rest, p.hash, sizeof p.hash, &p.hash_len) != 0) {
        return ERR_INVALID;
    }
    *out = p;
    return 0;
}

static void add_unpadded(struct buf *out, const unsigned char *p, size_t len) {
    base64_encode(out, str_of(p, len));
    while (out->len > 0 && out->ptr[out->len - 1] == '=') buf_truncate(out, out->len - 1);
}

int phc_format(const struct phc *p, struct buf *out) {
    buf_printf(out, "$argon2id$v=19$m=%u,t=%u,p=%u$", p->memory_kib, p->passes, p->lanes);
    add_unpadded(out, p->salt, p->salt_len);
    buf_addc(out, '$');
    add_unpadded(out, p->hash, p->hash_len);
    return out->error;
}

int phc_verify(const struct phc *p, struct str password) {
    unsigned char hash[sizeof p->hash];
    int rc = run(p, password, hash, p->hash_len);
    if (rc == 0 && !str_eq_secret(str_of(hash, p->hash_len), str_of(p->hash, p->hash_len))) rc = ERR_DENIED;
    explicit_bzero(hash, sizeof hash);
    return rc;
}

int phc_make(struct str password, struct phc *out) {
    struct phc p = {.memory_kib = PASSWORD_MEMORY_KIB,
                    .passes = PASSWORD_PASSES,
                    .lanes = PASSWORD_LANES,
                    .salt_len = PASSWORD_SALT_LEN,
                    .hash_len = PASSWORD_HASH_LEN};
    random_bytes(p.salt, p.salt_len);
    int rc = run(&p, password, p.hash, p.hash_len);
    if (rc == 0) *out = p;
    return rc;
}

int password_prepare(struct str password, struct buf *out) {
    struct buf text = BUF_INIT(PASSWORD_MAX);
    char *prepared = NULL;
    buf_add(&text, password);
    if (!str_is_ascii(password) && text.error == 0 &&
        gsasl_saslprep(buf_cstr(&text), GSASL_ALLOW_UNASSIGNED, &prepared, NULL) == GSASL_OK) {
        buf_adds(out, prepared);
        explicit_bzero(prepared, strlen(prepared));
    } else {
        buf_add(out, password);
    }
    free(prepared);
    int rc = text.error != 0 ? text.error : out->error;
    buf_wipe(&text);
    return rc;
}

int password_check(struct str password, struct error *err) {
    size_t characters = 0;
    if (!str_is_utf8(password)) return error_set(err, ERR_INVALID, "password is not well-formed UTF-8");
    for (size_t i = 0; i < password.len; i++) {
        unsigned char c = (unsigned char)password.ptr[i];
        if (c < 0x20 || c == 0x7f) return error_set(err, ERR_INVALID, "password must not contain control characters");
        if ((c & 0xc0) != 0x80) characters++;
    }
    if (characters < PASSWORD_MIN) {
        return error_set(err, ERR_INVALID, "password is too short: at least %d characters", PASSWORD_MIN);
    }
    if (password.len > PASSWORD_MAX)
        return error_set(err, ERR_INVALID, "password is too long: at most %d bytes", PASSWORD_MAX);
    return 0;
}

void password_texts_init(struct password_texts *t) {
    buf_init(&t->phc, PASSWORD_TEXT_MAX);
    buf_init(&t->scram, PASSWORD_TEXT_MAX);
    buf_init(&t->scram_sha1, PASSWORD_TEXT_MAX);
}

void password_texts_done(struct password_texts *t) {
    buf_wipe(&t->phc);
    buf_wipe(&t->scram);
    buf_wipe(&t->scram_sha1);
}

static int scram_text(enum scram_hash hash, struct str password, struct buf *out) {
    struct scram_keys k;
    unsigned char salt[PASSWORD_SALT_LEN];
    random_bytes(salt, sizeof salt);
    int rc = scram_keys_derive(hash, password, str_of(salt, sizeof salt), PASSWORD_SCRAM_ITERATIONS, &k);
    return rc == 0 ? scram_keys_format(&k, out) : rc;
}

int password_verifiers(struct str password, struct password_texts *out) {
    struct buf prepared = BUF_INIT(4 * PASSWORD_MAX);
    struct phc p;
    int rc = password_prepare(password, &prepared);
    if (rc == 0) rc = phc_make(buf_str(&prepared), &p);
    if (rc == 0) rc = phc_format(&p, &out->phc);
    if (rc == 0) rc = scram_text(SCRAM_SHA256, buf_str(&prepared), &out->scram);
    if (rc == 0) rc = scram_text(SCRAM_SHA1, buf_str(&prepared), &out->scram_sha1);
    buf_wipe(&prepared);
    return rc;
}
