/* The text of schema/iems.schema, built into the program so that an instance never depends on an installed file. */
#ifndef IEMS_DIRECTORY_SLAPD_SCHEMA_H
#define IEMS_DIRECTORY_SLAPD_SCHEMA_H

#include <stddef.h>

extern const char iems_schema[];
extern const size_t iems_schema_len;

#endif
