#include "policy/path.h"

#include <string.h>

/* Appends the components of `path` to `out`, which holds a normal path
 * without its last slash. */
static void add_components(struct str *out, const char *path)
{
    for (const char *at = path + strspn(path, "/"); *at; at += strspn(at, "/")) {
        size_t size = strcspn(at, "/");
        if (size == 2 && memcmp(at, "..", 2) == 0) {
            char *last = out->size ? strrchr(out->at, '/') : NULL;
            out->size = last ? (size_t)(last - out->at) : 0;
            if (last)
                *last = '\0';
        } else if (size != 1 || *at != '.') {
            str_add_char(out, '/');
            str_add_bytes(out, at, size);
        }
        at += size;
    }
}

char *path_normalise(const char *path, const char *cwd)
{
    struct str out CLEAN_STR = {0};
    if (path[0] != '/')
        add_components(&out, cwd);
    add_components(&out, path);
    if (out.size == 0)
        str_add_char(&out, '/');
    return str_take(&out);
}

bool path_covers(const char *above, const char *path)
{
    if (above[1] == '\0')
        return true;
    for (; *above; above++, path++)
        if (*above != *path)
            return false;
    return *path == '/' || *path == '\0';
}

char *path_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

int path_compare(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    unsigned char left = *a == '/' ? 1 : (unsigned char)*a;
    unsigned char right = *b == '/' ? 1 : (unsigned char)*b;
    return left - right;
}
