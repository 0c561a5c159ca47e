/* loader: what a program may execute, for Landlock. */
#ifndef VOW_BROKER_LOADER_H
#define VOW_BROKER_LOADER_H

#include "broker/rules.h"

/* loader_executable: a readable descriptor (the kernel hands over no others) of the number-th of
 * these: every directory and file whose rule has x, then the loaders of this machine. -ESRCH: that
 * one is not there, or must not be given: Landlock knows no rule that takes away, so a directory
 * with x is left out where below it something has none. -ENOENT: there are no more. */
int loader_executable(const struct rules *rules, int number);

#endif
