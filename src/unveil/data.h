/* data: unveil() without a broker, by Landlock alone (VOW_DATA_ONLY).
 *
 * Rules are kept until the lock, and then become one domain: what a file holds
 * is protected, its name is not. A rule can add to those above it, not take
 * away, since rights add up from a file to the root. */
#ifndef VOW_UNVEIL_DATA_H
#define VOW_UNVEIL_DATA_H

#include "base/base.h"

/* unveil_data_add: 0; -ENOENT for what is absent, -EINVAL for what takes away,
 * -E2BIG. unveil_data_ruleset: the domain of the rules, a descriptor. */
int unveil_data_add(const char *path, const char *permissions);
int unveil_data_ruleset(void);

#endif
