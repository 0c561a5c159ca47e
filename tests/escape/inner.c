/* inner: runs one attempt or one twin, and ends with its errno.
 * usage: inner NAME attempt|twin DIR OUTSIDER ADDRESS NUMBER */
#include "escape.h"

#include <stdlib.h>
#include <string.h>

#define THEME_ROWS(name) escapes_##name,
static const struct escape *const themes[] = {THEMES(THEME_ROWS)};

static const struct escape *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(themes); i++)
        for (const struct escape *row = themes[i]; row->name; row++)
            if (strcmp(row->name, name) == 0)
                return row;
    return NULL;
}

int main(int argc, char **argv)
{
    const struct escape *row = argc == 7 ? find(argv[1]) : NULL;
    if (!row)
        return 120;
    struct scene scene = {
        .dir = argv[3],
        .outsider = atoi(argv[4]),
        .address = strtoul(argv[5], NULL, 0),
        .number = atoi(argv[6]),
    };
    return strcmp(argv[2], "twin") == 0 ? row->twin(&scene) : row->attempt(&scene);
}
