/* domain: Landlock for all threads of the process. */
#ifndef VOW_UNVEIL_DOMAIN_H
#define VOW_UNVEIL_DOMAIN_H

#include <stdbool.h>

/* domain_enter: every thread, or none and -errno where the kernel restricts one
 * at a time and one does not answer. `stopped`: the caller has stopped the
 * others. Sets no_new_privs. */
int domain_enter(int ruleset, int abi, bool stopped);

#endif
