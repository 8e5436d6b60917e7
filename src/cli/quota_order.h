/* Who uses most: lines of `iems quota list` put into an order, or added up by domain. */
#ifndef IEMS_CLI_QUOTA_ORDER_H
#define IEMS_CLI_QUOTA_ORDER_H

#include "base/str.h"

#include <jansson.h>

/* By "used", "messages" or "percent", the highest first; at most `top` (0 = all). A new array. NULL: no such order, or
 * out of memory. */
json_t *quota_order(const json_t *lines, const char *by, size_t top);
bool quota_order_known(const char *by);
/* One line for each domain, with `user` = "@domain". A new array; NULL: out of memory. */
json_t *quota_by_domain(const json_t *lines);
void quota_order_print(const json_t *lines);

#endif
