/* Received fields that this host wrote: "Received: ... by HOSTNAME ..." (LOOP-01, LOOP-04). */
#ifndef IEMS_MTA_TRIPS_H
#define IEMS_MTA_TRIPS_H

#include "base/str.h"

/* `header`: CRLF lines; stops at the empty line. */
unsigned mta_loop_trips(struct str header, struct str hostname);

#endif
