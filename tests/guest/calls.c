/* usage: calls THEME
 * Runs one theme in the current directory, which is empty; without an argument
 * lists them. */
#include "calls.h"

#include <stdlib.h>
#include <sys/stat.h>

/* clang-format off */
static const struct theme *const all[] = {
    file_themes,
    process_themes,
    signal_themes,
    memory_themes,
    time_themes,
    tty_themes,
    socket_themes,
    site_themes,
    inet_themes,
    message_themes,
    ipc_themes,
    identity_themes,
    futex_themes,
    more_themes,
    become_themes, proc_themes, inotify_themes, limit_themes, map_themes, library_themes,
    claim_themes, where_themes, barrier_themes, strict_themes, async_themes,
    NULL,
};
/* clang-format on */

int main(int argc, char **argv)
{
    umask(022);
    for (const struct theme *const *themes = all; *themes; themes++)
        for (const struct theme *t = *themes; t->name; t++) {
            if (argc < 2)
                puts(t->name);
            else if (strcmp(argv[1], t->name) == 0) {
                t->run();
                return 0;
            }
        }
    return argc < 2 ? 0 : 2;
}
