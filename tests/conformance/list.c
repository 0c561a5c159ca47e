/* list: the rows that Linux must answer otherwise, as the list of a manual
 * page (man/vow-differences.7). */
#include "conform.h"

#include <stdio.h>
#include <string.h>

static struct row *first, **last = &first;

void row_register(struct row *row)
{
    *last = row;
    last = &row->next;
}

/* topic: "…/paths.c" is paths. */
static void topic(const struct row *row, char *name, size_t size)
{
    const char *slash = strrchr(row->file, '/');
    const char *from = slash ? slash + 1 : row->file;
    snprintf(name, size, "%.*s", (int)strcspn(from, "."), from);
    for (; (name = strchr(name, '_')); name++)
        *name = ' ';
}

static void print_difference(const struct row *row)
{
    printf(".It Sy \"%s\"\nOn OpenBSD %s.\nHere %s.\n", row->rule, row->openbsd, row->because);
}

int main(void)
{
    char now[32] = "", before[32] = "";
    for (const struct row *row = first; row; row = row->next) {
        if (!row->openbsd)
            continue;
        topic(row, now, sizeof now);
        if (strcmp(now, before) != 0)
            printf("%s.Ss %s\n.Bl -tag -width Ds\n", *before ? ".El\n" : "", now);
        print_difference(row);
        memcpy(before, now, sizeof before);
    }
    if (*before)
        puts(".El");
    return 0;
}
