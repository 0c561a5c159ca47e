/* rows: what the attempts of all themes use. */
#include "escape.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *escape_path(const struct scene *s, const char *name)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % ARRAY_COUNT(paths)];
    snprintf(path, sizeof paths[0], "%s/%s", s->dir, name);
    return path;
}

int escape_write(const char *path, const char *text)
{
    CLEAN_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return fd < 0 ? errno : TRY(write(fd, text, strlen(text)));
}

int escape_read(const char *path)
{
    char byte;
    CLEAN_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? errno : TRY(read(fd, &byte, 1));
}
