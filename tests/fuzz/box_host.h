/* box_host: the host that a fuzzed broker sees, in place of src/box/broker/host.c:
 * no call of the kernel, no sleep, children that exist because they were named. */
#ifndef FUZZ_BOX_HOST_H
#define FUZZ_BOX_HOST_H

#include "box/broker/host.h"

/* box_host_post: when the broker would sleep: the next call of the input is posted;
 * false: there is none. box_host_end: then this ends the box. */
bool box_host_post(void);
void box_host_end(void);
int box_host_new_pid(void);

#endif
