#include "box/broker/claim.h"

#include <string.h>

#include "box/broker/calls.h"
#include "box/broker/page_cache.h"
#include "box/broker/publish.h"
#include "box/broker/task.h"

static struct fd_table *tables; /* those with a place, by next */

/* An inode whose index is about to lose its meaning, and what its life was. */
static struct {
    uint32_t inode, life;
} leaving;

static struct claims *of(const struct fd_table *fds)
{
    return &box.channel->claims[fds->place];
}

void claims_start(struct fd_table *fds)
{
    if (!fds->place)
        return;
    memset(of(fds), 0, sizeof *of(fds)); /* nobody uses it */
    fds->next = tables;
    tables = fds;
}

void claims_end(struct fd_table *fds)
{
    struct fd_table **at = &tables;
    while (*at && *at != fds)
        at = &(*at)->next;
    if (*at)
        *at = fds->next;
}

/* Each word once: a guest may change it at any moment. */
static struct claim copy(const volatile struct claim *from)
{
    return (struct claim){
        .fd = from->fd, .flags = from->flags, .inode = from->inode, .life = from->life};
}

/* What a claim is of, if an open would have led there; NULL. */
static struct node *judge(const struct fd_table *fds, const struct claim *c)
{
    bool leaves = leaving.inode && c->inode == leaving.inode && c->life == leaving.life;
    struct node *n = publish_node(c->inode, leaves ? NULL : &c->life);
    if (!fds->may_claim || c->fd >= fds->limit || fds->files[c->fd] || c->flags & ~CLAIM_FLAGS)
        return NULL;
    bool is_directory = n && n->type == S_IFDIR;
    return is_directory || (n && n->type == S_IFREG && !(c->flags & O_DIRECTORY)) ? n : NULL;
}

/* Makes a descriptor of an entry; false: it is not to be had. */
static bool take(struct fd_table *fds, struct claim *entry)
{
    const struct claim c = copy(entry);
    struct node *n = judge(fds, &c);
    const struct file_ops *ops = n && n->type == S_IFDIR ? &directory_ops : &regular_ops;
    struct file *f =
        n ? file_new(ops, c.flags & ~(uint32_t)(O_NOCTTY | O_CLOEXEC), node_hold(n), NULL) : NULL;
    /* Who reads or seeks just now finds that it was moved; who sees that it was, finds
     * that it is no open file any more. */
    __atomic_fetch_or(&entry->seq, 1, __ATOMIC_SEQ_CST);
    uint64_t position = __atomic_exchange_n(&entry->position, UINT64_MAX, __ATOMIC_SEQ_CST);
    if (f && ops == &regular_ops)
        file_move(f, 0, position & INT64_MAX);
    if (f)
        fds_set(fds, c.fd, f, c.flags & O_CLOEXEC);
    return f;
}

/* What is claimed under a number, which stays a claim; NULL. */
static struct node *claimed(const struct fd_table *fds, uint64_t fd)
{
    uint32_t valid =
        fds->place ? claims_valid(__atomic_load_n(&of(fds)->word, __ATOMIC_SEQ_CST)) : 0;
    for (; valid; valid &= valid - 1) {
        const struct claim c = copy(&of(fds)->of[__builtin_ctz(valid)]);
        if (c.fd == fd)
            return judge(fds, &c);
    }
    return NULL;
}

/* A claimed fd, offset, size: makes that readable without asking, so that what is
 * opened, read once and closed need not become a descriptor. */
int64_t box_load(struct thread *t, struct call *c)
{
    static char bytes[WINDOW_SIZE];
    struct store_attr attr;
    struct node *n = claimed(t->process->fds, c->a[0]);
    if (!n || n->type != S_IFREG || window_covers(n) || n->ops->attr(n, &attr) != 0)
        return -EBADF;
    size_t size = c->a[2] < sizeof bytes ? (size_t)c->a[2] : sizeof bytes;
    return page_cache_read(n, attr.size, c->a[1], bytes, size);
}

void claims_bar(struct fd_table *fds)
{
    struct claims *c = of(fds);
    uint32_t unowned = 0;
    if (!fds->place)
        return;
    uint64_t word = __atomic_fetch_or(&c->word, CLAIMS_BARRED, __ATOMIC_SEQ_CST);
    if (!claims_valid(word))
        return;
    for (uint32_t rest = claims_valid(word); rest; rest &= rest - 1) {
        struct claim *entry = &c->of[__builtin_ctz(rest)];
        uint32_t became = take(fds, entry) ? CLAIM_TAKEN : CLAIM_DROPPED;
        uint32_t was = __atomic_exchange_n(&entry->state, became, __ATOMIC_SEQ_CST);
        unowned |= was == CLAIM_BUSY ? 0 : rest & -rest;
    }
    __atomic_store_n(&c->word, claims_next(word, 0) | CLAIMS_BARRED, __ATOMIC_SEQ_CST);
    for (; unowned; unowned &= unowned - 1)
        __atomic_store_n(&c->of[__builtin_ctz(unowned)].state, CLAIM_FREE, __ATOMIC_RELEASE);
}

void claims_open(struct fd_table *fds)
{
    struct claims *c = of(fds);
    if (fds->place)
        __atomic_store_n(&c->word, claims_next(__atomic_load_n(&c->word, __ATOMIC_RELAXED), 0),
                         __ATOMIC_SEQ_CST);
}

void claims_take(struct fd_table *fds)
{
    if (!fds->place || !claims_valid(__atomic_load_n(&of(fds)->word, __ATOMIC_SEQ_CST)))
        return;
    claims_bar(fds);
    claims_open(fds);
}

void claims_forget(struct fd_table *fds)
{
    claims_bar(fds);
    for (int i = 0; fds->place && i < CLAIMS; i++)
        __atomic_store_n(&of(fds)->of[i].state, CLAIM_FREE, __ATOMIC_RELAXED);
    claims_open(fds);
}

void claims_take_all(void)
{
    for (struct fd_table *fds = tables; fds; fds = fds->next)
        claims_take(fds);
}

/* First the life: who claims from now on sees that it is another one, and the claims
 * that came before are seen here. */
void claims_keep(struct node *n)
{
    if (!n->published || leaving.inode)
        return;
    leaving.inode = n->published;
    leaving.life = publish_next_life(n->published);
    claims_take_all();
    leaving.inode = 0;
}
