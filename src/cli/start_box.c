/* vow box: becomes vow-box, which lies beside vow. */
#include "cli/cli.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

int cmd_box(int argc UNUSED, char **argv)
{
    static const char name[] = "vow-box";
    char path[PATH_MAX + sizeof name];
    ssize_t size = readlink("/proc/self/exe", path, PATH_MAX);
    if (size <= 0) {
        cli_error("box", "cannot tell where vow lies: /proc/self/exe: %s", strerror(errno));
        return EXIT_SETUP;
    }
    char *last = memrchr(path, '/', (size_t)size);
    strcpy(last ? last + 1 : path, name);
    execv(path, argv);
    int status = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
    cli_error("box", "%s: %s", path, strerror(errno));
    return status;
}
