#include "broker/public.h"

#include "policy/paths.h"

#include <string.h>

static bool climbs(const char *path)
{
    for (const char *at = path; (at = strstr(at, "..")); at += 2)
        if ((at == path || at[-1] == '/') && (at[2] == '/' || at[2] == '\0'))
            return true;
    return false;
}

bool public_exception(const char *path, uint8_t letters)
{
    const promise_set known = PROMISE(STDIO) | PROMISE(GETPW) | PROMISE(DNS);
    uint8_t asked =
        (uint8_t)((letters & RULE_READ ? PERM_READ : 0) | (letters & RULE_WRITE ? PERM_WRITE : 0));
    if (letters & ~(RULE_READ | RULE_WRITE))
        return false;
    return path[0] == '/' && !climbs(path) && (paths_exception(path, asked) & known);
}

bool public_library(const char *path)
{
    static const char places[][16] = {"/lib/",       "/lib32/",         "/lib64/",
                                      "/libx32/",    "/usr/lib/",       "/usr/lib32/",
                                      "/usr/lib64/", "/usr/local/lib/", "/etc/ld"};
    for (size_t i = 0; i < ARRAY_COUNT(places); i++)
        if (strncmp(path, places[i], strlen(places[i])) == 0)
            return !climbs(path);
    return false;
}

bool public_threads(const char *path)
{
    static const char threads[] = "/proc/self/task";
    size_t size = sizeof threads - 1;
    if (strncmp(path, threads, size) != 0)
        return false;
    path += size;
    size = path[0] == '/' ? strspn(path + 1, "0123456789") : 0;
    return path[0] == '\0' || (size > 0 && strcmp(path + 1 + size, "/stat") == 0);
}
