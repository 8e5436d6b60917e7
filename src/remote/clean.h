/* Replies of other hosts go to terminals and into JSON, and the host may have been taken over. */
#ifndef IEMS_REMOTE_CLEAN_H
#define IEMS_REMOTE_CLEAN_H

#include <protobuf-c/protobuf-c.h>

/* In all texts of the message, in place: control bytes but line ends become "?", and where a text is not UTF-8 all
 * bytes beyond ASCII. */
void remote_clean(ProtobufCMessage *msg);

#endif
