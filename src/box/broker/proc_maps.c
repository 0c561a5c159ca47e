/* proc_maps: /proc/self/maps, of what the shim told. It is believed in nothing but
 * its own addresses: a place of the arena that is no file's has no name. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "box/broker/arena.h"
#include "box/broker/node.h"
#include "box/broker/proc.h"
#include "box/broker/text.h"
#include "box/broker/where.h"

enum { NAME_COLUMN = 73 };

static struct node *file_of(const struct told_mapping *m, uint64_t *offset)
{
    struct node *n = text_node(m->arena, offset);
    return n ? n : arena_node(m->arena, offset);
}

/* A line has one path, whatever is in it. */
static void add_path(struct str *s, const struct thread *t, struct node *n)
{
    CLEAN_STR struct str path = {0};
    path_add(n, &(struct seen){.root = t->where->root}, &path);
    for (const char *at = str_get(&path); *at; at++)
        if (*at == '\n')
            str_add(s, "\\012");
        else
            str_add_bytes(s, at, 1);
}

static void add_name(struct str *s, const struct thread *t, const struct told_mapping *m,
                     struct node *n)
{
    static const char *const names[] = {[TOLD_HEAP] = "[heap]", [TOLD_STACK] = "[stack]"};
    if (n)
        add_path(s, t, n);
    else if (m->kind == TOLD_SHARED)
        str_add(s, "/dev/zero (deleted)");
    else if (m->kind < ARRAY_COUNT(names) && names[m->kind])
        str_add(s, names[m->kind]);
}

static void add_line(struct str *s, const struct thread *t, const struct told_mapping *m)
{
    uint64_t offset = 0;
    bool is_file = m->kind == TOLD_PRIVATE || m->kind == TOLD_SHARED;
    struct node *n = is_file ? file_of(m, &offset) : NULL;
    size_t start = s->size;
    str_addf(s, "%08jx-%08jx %c%c%c%c %08jx %02x:%02x %u ", (uintmax_t)m->start, (uintmax_t)m->end,
             m->prot & PROT_READ ? 'r' : '-', m->prot & PROT_WRITE ? 'w' : '-',
             m->prot & PROT_EXEC ? 'x' : '-', m->kind == TOLD_SHARED ? 's' : 'p',
             (uintmax_t)(n ? offset : 0), n ? major(n->ops->device) : 0,
             n ? minor(n->ops->device) : 0, n ? n->ino : 0);
    size_t end = s->size;
    if (n || m->kind == TOLD_SHARED || m->kind == TOLD_HEAP || m->kind == TOLD_STACK)
        while (end++ - start < NAME_COLUMN)
            str_add(s, " ");
    add_name(s, t, m, n);
    str_add(s, "\n");
}

void proc_add_maps(struct str *s, const struct thread *t)
{
    struct told_mapping m;
    for (size_t at = 0; t->told.size - at >= sizeof m; at += sizeof m) {
        memcpy(&m, str_get(&t->told) + at, sizeof m);
        add_line(s, t, &m);
    }
}
