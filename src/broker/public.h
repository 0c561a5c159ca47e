/* public: files that are open to a program whatever its rules are. */
#ifndef VOW_BROKER_PUBLIC_H
#define VOW_BROKER_PUBLIC_H

#include "broker/rules.h"

/* public_exception: does a promise (stdio, getpw, dns) open this path so by
 * itself? public_library: is it where a loader looks for libraries? Both ask
 * the path as it is written; one with ".." is none of them. */
bool public_exception(const char *path, uint8_t letters);
bool public_library(const char *path);
/* public_threads: the list of the caller's own threads, and the state of one:
 * what reaches all of them looks there. */
bool public_threads(const char *path);

#endif
