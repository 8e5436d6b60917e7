/* For tests: a scratch instance folder with a real slapd on its ldapi socket. */
#ifndef IEMS_DIRECTORY_SLAPD_FIXTURE_H
#define IEMS_DIRECTORY_SLAPD_FIXTURE_H

#include "directory/ldap_conn.h"

#include <sys/types.h>

struct slapd_fixture {
    char dir[64];
    pid_t pid;
    struct ldap_account agent; /* filled by slapd_fixture_config */
};
/* Each returns false and says why on standard error. */
bool slapd_fixture_init(struct slapd_fixture *f);
bool slapd_fixture_config(struct slapd_fixture *f, const char *domain);
bool slapd_fixture_start(struct slapd_fixture *f); /* returns when it answers */
void slapd_fixture_stop(struct slapd_fixture *f, int signum);
void slapd_fixture_done(struct slapd_fixture *f); /* stops, removes the folder */
LDAP *slapd_fixture_connect(const struct slapd_fixture *f, const char *dn, const char *password, int *rc);
void slapd_fixture_sleep_ms(long ms);

#endif
