/* `iems doctor` (TRBL-46): each check looks at one thing that administrators of mail servers stumble over, and tells
 * what it found, and if something is wrong what to do. Nothing is changed. */
#ifndef IEMS_CLI_DOCTOR_H
#define IEMS_CLI_DOCTOR_H

#include "cli/cli.h"
#include "daemon/config.h"

#include <jansson.h>
#include <sys/types.h>

enum finding { FINDING_OK, FINDING_WARN, FINDING_FAIL, FINDINGS };

struct doctor {
    struct cli *cli;
    struct instance_config *conf;
    struct settings *settings; /* without those of the directory while the instance does not run */
    bool running, full, ask_dns;
    uid_t uid;                                /* of the service; what root may do is not looked at */
    struct rpc_client *control, *dir, *store; /* NULL: not running, or it does not answer */
    const char *about;                        /* the check that runs */
    json_t *json;                             /* NULL: lines of text */
    unsigned counts[FINDINGS];
};

/* One finding of the check that runs. `remedy` (NULL: none is needed) says what to do. */
__attribute__((format(printf, 4, 5))) void doctor_tell(struct doctor *d, enum finding f, const char *remedy,
                                                       const char *fmt, ...);

void doctor_files(struct doctor *d);
void doctor_disk(struct doctor *d);
void doctor_clock(struct doctor *d);
void doctor_ports(struct doctor *d); /* of an instance that does not run */
void doctor_modules(struct doctor *d);
void doctor_directory(struct doctor *d);
void doctor_queue(struct doctor *d);
void doctor_store(struct doctor *d);
void doctor_certificates(struct doctor *d);
void doctor_relay(struct doctor *d);
void doctor_dns(struct doctor *d);

#endif
