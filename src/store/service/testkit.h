/* A store service with clients over socket pairs, on the loop of the test. Tests of the service and the load test use
 * it. */
#ifndef IEMS_STORE_SERVICE_TESTKIT_H
#define IEMS_STORE_SERVICE_TESTKIT_H

#include "store/engine/testdir.h"
#include "store/service/service.h"

/* Which engine a round of kit_run_each uses. */
extern bool kit_on_disk;
extern char kit_dir[TESTDIR_MAX];

struct kit {
    struct service *service;
    struct engine *engine;
    const char *dir; /* NULL: memory engine */
    const char *data_dir;
    uint64_t drive_min, drive_warn;
    uint64_t undelete_s;
    const char *domain; /* NULL: no notices */
    bool quarantine_quiet;
    char logged[64]; /* name of the last event for the log */
    bool failed;
};

struct kit_lease {
    Store__Entry *entry; /* in memory of its own */
    struct arena *arena;
    char *body;
    size_t body_len;
    bool attention, has_body;
};

struct kit_client {
    struct kit *kit;
    struct rpc_client *rpc;
    uint32_t role;
    struct kit_lease leases[512];
    size_t lease_count;
    struct cond changed;
    unsigned ready_events, folder_events, status_events;
    char ready_destination[128];
    uint64_t folder_modseq;
    unsigned account_events;
    struct {
        uint32_t session;
        uint64_t folder;
        size_t entries;
        char entry[128]; /* the first */
    } account_event[64]; /* in a ring */
    bool accepting, closed;
};

/* Runs `body` in a fiber of a new loop; ends when it returns. */
void kit_run(void (*body)(void));
/* Twice: with the engine in memory, and with RocksDB in kit_dir, which is empty at the start of either. */
void kit_run_each(void (*body)(void));
#define KIT_TEST(name)                                                                                                 \
    static void test_##name(void **state) {                                                                            \
        (void)state;                                                                                                   \
        kit_run_each(body_##name);                                                                                     \
    }
/* Once: the body opens what it wants. */
#define KIT_TEST_ONCE(name)                                                                                            \
    static void test_##name(void **state) {                                                                            \
        (void)state;                                                                                                   \
        kit_run(body_##name);                                                                                          \
    }
/* Random numbers below n for models: the same ones in each run, from a seed. */
void kit_seed(unsigned seed);
unsigned kit_pick(unsigned n);
/* In a fiber. Opens (again); fails the test on error. */
void kit_open(struct kit *k);
void kit_close(struct kit *k);
struct kit_client *kit_connect(struct kit *k, uint32_t role);
void kit_disconnect(struct kit_client *c);
/* Calls; returns the code, fills reply and err. */
int kit_call(struct kit_client *c, uint16_t method, const ProtobufCMessage *msg, struct str attach,
             struct rpc_reply *reply, struct error *err);
/* Waits until the condition holds; fails the test after a time that no disk needs. */
#define KIT_WAIT(condition)                                                                                            \
    for (uint64_t until_ = 0; !(condition);) kit_pause(&until_, #condition)
void kit_pause(uint64_t *until_ms, const char *what);
/* Waits for a lease; takes the oldest. */
struct kit_lease kit_take(struct kit_client *c);
void kit_lease_done(struct kit_lease *l);
/* Records of a kind of META; 0: chunks of bodies. */
size_t kit_records(const struct kit *k, char kind);
/* Of the queue; the name is not told. */
Store__ChannelCount kit_counts(struct kit_client *c, const char *channel);
uint64_t kit_submit(struct kit_client *c, const char *to, struct str body);
void kit_listen(struct kit_client *c, const char *channel, unsigned credit, uint64_t body_max, bool by_destination);
/* The switch: moves a leased INPUT entry to LOCAL, all recipients to `account`. */
void kit_route_local(struct kit_client *mta, struct kit_lease *l, uint64_t account);
/* Local delivery of a whole leased entry. */
int kit_deliver(struct kit_client *lmda, struct kit_lease *l, uint64_t quota, const char *folder,
                struct rpc_reply *reply, struct error *err);
uint32_t kit_login(struct kit_client *c, uint64_t account, uint64_t quota);
uint32_t kit_login_as(struct kit_client *c, uint64_t account, uint64_t quota, const char *address);
extern const struct str kit_key;

#endif
