/* box_package: which files belong to the package of a program, and to those
 * that it depends on, by Debian's package database on this machine. */
#ifndef VOW_CLI_BOX_PACKAGE_H
#define VOW_CLI_BOX_PACKAGE_H

#include "base/base.h"

/* package_files: calls each(context, path) for the files of the package that
 * owns one of the `count` paths of a program (as it was asked for, and where
 * its links lead), and of all packages that it depends on; documentation,
 * manuals and translations are left out. 1: there is no such database, or no
 * package has it; else 0, what `each` returned if that is not 0, or -errno. */
int package_files(const char *const *paths, size_t count,
                  int (*each)(void *context, const char *path), void *context);
/* package_named: the same for a package by its name. */
int package_named(const char *name, int (*each)(void *context, const char *path), void *context);

#endif
