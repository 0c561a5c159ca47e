#include "box/broker/name_cache.h"

#include <string.h>

#include "box/broker/publish.h"

enum { ENTRIES = NAME_SETS * NAME_WAYS };

struct entry {
    struct node *dir, *child; /* held; no dir: free */
    uint32_t next, previous;  /* of the same directory, by index + 1; 0: none */
    uint8_t size;
    char name[NAME_ROOM];
};
static struct entry entries[ENTRIES];
static unsigned hand; /* what goes when a set is full */

static struct entry *set_of(const struct node *dir, const char *name, size_t size)
{
    uint32_t hash = published_hash_start(dir->published);
    for (size_t i = 0; i < size; i++)
        hash = published_hash_byte(hash, name[i]);
    return &entries[published_name_set(hash)];
}

static struct entry *find(const struct node *dir, const char *name, size_t size)
{
    if (size > NAME_ROOM || !dir->published)
        return NULL;
    struct entry *set = set_of(dir, name, size);
    for (int i = 0; i < NAME_WAYS; i++)
        if (set[i].dir == dir && set[i].size == size && memcmp(set[i].name, name, size) == 0)
            return &set[i];
    return NULL;
}

/* What has no index of its own cannot be told from what is not there. */
static void show(const struct entry *e)
{
    struct published_name *to = &box.published->names[e - entries];
    publish_names_begin();
    to->dir = !e->child || e->child->published ? e->dir->published : 0;
    to->inode = e->child ? e->child->published : 0;
    to->size = e->size;
    memcpy(to->name, e->name, e->size);
    publish_names_end();
}

static void hide(const struct entry *e)
{
    publish_names_begin();
    box.published->names[e - entries].dir = 0;
    publish_names_end();
}

static void remove_entry(struct entry *e)
{
    struct node *dir = e->dir, *child = e->child;
    hide(e);
    if (e->next)
        entries[e->next - 1].previous = e->previous;
    if (e->previous)
        entries[e->previous - 1].next = e->next;
    else
        dir->names = e->next;
    e->dir = e->child = NULL;
    if (child)
        node_drop(child);
    node_drop(dir);
}

bool name_cache_find(struct node *dir, const char *name, size_t size, struct node **out)
{
    struct entry *e = find(dir, name, size);
    if (!e)
        return false;
    *out = e->child ? node_hold(e->child) : NULL;
    return true;
}

static struct entry *place_for(const struct node *dir, const char *name, size_t size)
{
    struct entry *set = set_of(dir, name, size);
    for (int i = 0; i < NAME_WAYS; i++)
        if (!set[i].dir)
            return &set[i];
    struct entry *e = &set[hand++ % NAME_WAYS];
    remove_entry(e);
    return e;
}

void name_cache_put(struct node *dir, const char *name, size_t size, struct node *child)
{
    if (size > NAME_ROOM || !dir->published)
        return;
    name_cache_forget(dir, name, size);
    struct entry *e = place_for(dir, name, size);
    uint32_t index = (uint32_t)(e - entries) + 1;
    *e = (struct entry){.dir = node_hold(dir),
                        .child = child ? node_hold(child) : NULL,
                        .next = dir->names,
                        .size = (uint8_t)size};
    memcpy(e->name, name, size);
    if (dir->names)
        entries[dir->names - 1].previous = index;
    dir->names = index;
    show(e);
}

void name_cache_forget(struct node *dir, const char *name, size_t size)
{
    struct entry *e = find(dir, name, size);
    if (e)
        remove_entry(e);
}

void name_cache_forget_in(struct node *dir)
{
    node_hold(dir);
    while (dir->names)
        remove_entry(&entries[dir->names - 1]);
    node_drop(dir);
}
