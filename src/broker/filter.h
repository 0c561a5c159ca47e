/* filter: which calls the kernel holds for a broker. */
#ifndef VOW_BROKER_FILTER_H
#define VOW_BROKER_FILTER_H

#include "bpf/bpf.h"

#define FILTER_ROOM 512
/* filter_calls: the filter of a program with a broker: every call of the table
 * is held, the refused ones fail, the rest goes on. `identity`: those that
 * change who the caller is are held, too. The number of instructions. */
size_t filter_calls(struct insn to[FILTER_ROOM], bool identity);
/* filter_broker: what a broker itself may do. */
size_t filter_broker(struct insn to[FILTER_ROOM]);

#endif
