/* Which process listens on a port, as /proc tells it: for the one who has to end it (TRBL-09, TRBL-10). */
#ifndef IEMS_NET_PORT_OWNER_H
#define IEMS_NET_PORT_OWNER_H

#include "net/address.h"

enum { PORT_OWNER_MAX = 80 };

/* "process 4711 (master)". False when it cannot be told: nobody does, or /proc shows the processes of others to root
 * alone. */
bool port_owner(const struct net_addr *at, char out[static PORT_OWNER_MAX]);

#endif
