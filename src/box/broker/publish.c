#include "box/broker/publish.h"

#include <stdlib.h>
#include <string.h>

#include "box/broker/page_cache.h"
#include "box/broker/task.h"

/* Which indices are in use: those below `used` that are not among the free ones. */
struct indices {
    uint32_t *free;
    uint32_t free_count, used, limit;
};
static struct indices places, files, inodes;
static struct node *nodes[PUBLISHED_INODES]; /* that have these indices */
static uint32_t lives[PUBLISHED_INODES];     /* published_inode.life, as it was written */

static struct published *at; /* NULL: nothing is published, as in a fuzzer */

static int indices_start(struct indices *i, uint32_t limit)
{
    *i = (struct indices){.free = malloc(limit * sizeof *i->free), .used = 1, .limit = limit};
    return i->free ? 0 : -ENOMEM;
}

static uint32_t take(struct indices *i)
{
    if (i->free_count)
        return i->free[--i->free_count];
    return i->used < i->limit ? i->used++ : 0;
}

static void give(struct indices *i, uint32_t index)
{
    i->free[i->free_count++] = index;
}

/* Odd from here on, and even again. */
static void begin(uint32_t *seq)
{
    __atomic_store_n(seq, *seq + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void end(uint32_t *seq)
{
    __atomic_store_n(seq, *seq + 1, __ATOMIC_RELEASE);
}

int publish_start(struct published *memory, uint32_t page_count)
{
    if (indices_start(&places, PLACES) != 0 || indices_start(&files, PUBLISHED_FILES) != 0 ||
        indices_start(&inodes, PUBLISHED_INODES) != 0)
        return -ENOMEM;
    at = box.published = memory;
    at->page_mask = page_count / PAGE_WAYS - 1;
    return page_cache_start(page_count);
}

void publish_root(uint32_t inode)
{
    if (!inode)
        return;
    publish_names_begin();
    at->root = inode;
    publish_names_end();
}

void publish_off(void)
{
    at->is_off = 1;
}

/* Processes --------------------------------------------------------------------------------*/

uint32_t publish_place(void)
{
    return at ? take(&places) : 0;
}

void publish_drop_place(uint32_t place)
{
    if (!place)
        return;
    publish_names_begin();
    memset(&at->places[place], 0, sizeof at->places[place]);
    publish_names_end();
    give(&places, place);
}

void publish_cwd(uint32_t place, const struct node *cwd)
{
    if (!place)
        return;
    publish_names_begin();
    at->places[place].cwd = cwd->published;
    publish_names_end();
}

void publish_fd(uint32_t place, unsigned fd, bool used, uint32_t file)
{
    if (!place || fd >= PLACE_FDS)
        return;
    uint64_t *word = &at->places[place].used[fd / 64], bit = UINT64_C(1) << fd % 64;
    __atomic_store_n(&at->places[place].fds[fd], file, __ATOMIC_RELEASE);
    __atomic_store_n(word, used ? *word | bit : *word & ~bit, __ATOMIC_RELEASE);
}

void publish_watched(bool is)
{
    if (at)
        __atomic_store_n(&at->is_watched, is, __ATOMIC_SEQ_CST);
}

/* Open files -------------------------------------------------------------------------------*/

uint32_t publish_file(uint32_t inode, uint32_t flags)
{
    uint32_t index =
        at && (inode || flags & ~(uint32_t)(FILE_HAS_POSITION | FILE_CAN_READ)) ? take(&files) : 0;
    if (!index)
        return 0;
    struct published_file *f = &at->files[index];
    __atomic_store_n(&box.channel->positions[index], 0, __ATOMIC_RELAXED);
    begin(&f->seq);
    f->inode = inode;
    f->flags = flags;
    end(&f->seq);
    return index;
}

void publish_drop_file(uint32_t file)
{
    if (!file)
        return;
    begin(&at->files[file].seq);
    at->files[file].inode = at->files[file].flags = 0;
    end(&at->files[file].seq);
    give(&files, file);
}

/* Inodes -----------------------------------------------------------------------------------*/

uint32_t publish_inode(struct node *n)
{
    uint32_t index = at ? take(&inodes) : 0;
    if (index)
        nodes[index] = n;
    return index;
}

struct node *publish_node(uint32_t inode, const uint32_t *life)
{
    if (!at || inode >= PUBLISHED_INODES || (life && *life != lives[inode]))
        return NULL;
    return nodes[inode];
}

uint32_t publish_next_life(uint32_t inode)
{
    uint32_t life = lives[inode]++;
    __atomic_store_n(&at->inodes[inode].life, lives[inode], __ATOMIC_SEQ_CST);
    return life;
}

void publish_locked(uint32_t inode)
{
    if (inode)
        __atomic_store_n(&at->inodes[inode].locked, 1, __ATOMIC_SEQ_CST);
}

void publish_drop_inode(uint32_t inode)
{
    if (!inode)
        return;
    publish_changing(inode);
    at->inodes[inode].locked = 0;
    publish_changed(inode);
    nodes[inode] = NULL;
    give(&inodes, inode);
}

void publish_changing(uint32_t inode)
{
    if (inode)
        begin(&at->inodes[inode].seq);
}

void publish_changed(uint32_t inode)
{
    if (!inode)
        return;
    at->inodes[inode].flags = 0;
    end(&at->inodes[inode].seq);
}

void publish_attr(uint32_t inode, const struct published_attr *attr, uint32_t flags,
                  const char *target)
{
    if (!inode)
        return;
    struct published_inode *to = &at->inodes[inode];
    begin(&to->seq);
    to->flags = flags | INODE_KNOWN;
    to->attr = *attr;
    memcpy(to->target, target, attr->target_size);
    end(&to->seq);
}

/* Names ------------------------------------------------------------------------------------*/

void publish_names_begin(void)
{
    if (at)
        begin(&at->names_seq);
}

void publish_names_end(void)
{
    if (at)
        end(&at->names_seq);
}
