/* claim: files that are opened and closed without the broker (box/claim.h). */
#include "box/claim.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

#include "box/arch/x86_64/cpu.h"
#include "box/shim/look.h"

static struct claims *claims_of(const struct thread *t)
{
    return &channel()->claims[look_place_number(t)];
}

static uint64_t read_word(const struct claims *c)
{
    return __atomic_load_n(&c->word, __ATOMIC_SEQ_CST);
}

/* The word becomes another, if it still is what it was. */
static bool change(struct claims *c, uint64_t word, uint32_t valid)
{
    return __atomic_compare_exchange_n(&c->word, &word, claims_next(word, valid), false,
                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static bool change_state(struct claim *e, uint32_t from, uint32_t to)
{
    return __atomic_compare_exchange_n(&e->state, &from, to, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

static struct claim *entry_of(struct claims *c, uint64_t word, uint32_t fd)
{
    for (uint32_t rest = claims_valid(word); rest; rest &= rest - 1)
        if (*(volatile uint16_t *)&c->of[__builtin_ctz(rest)].fd == fd)
            return &c->of[__builtin_ctz(rest)];
    return NULL;
}

bool claim_find(const struct thread *t, uint32_t fd, struct look_file *out)
{
    struct claims *c = claims_of(t);
    struct claim *e = entry_of(c, read_word(c), fd);
    if (!e)
        return false;
    out->seq_at = &e->seq;
    out->seq = look_begin(&e->seq);
    out->position = &e->position;
    out->inode = e->inode;
    out->flags = e->how;
    bool is_it = e->fd == fd && out->inode < PUBLISHED_INODES;
    return look_holds(&e->seq, out->seq) && is_it;
}

/* The lowest number that is neither used nor claimed; negative: none may be. */
static long lowest(const struct thread *t, struct claims *c, uint64_t word)
{
    const struct published_place *p = look_place(t);
    uint32_t limit = t->slot->file_limit;
    for (uint32_t i = 0; i < PLACE_FDS / 64 && i * 64 < limit; i++) {
        uint64_t used = __atomic_load_n(&p->used[i], __ATOMIC_ACQUIRE);
        for (uint32_t rest = claims_valid(word); rest; rest &= rest - 1) {
            uint32_t fd = c->of[__builtin_ctz(rest)].fd;
            if (fd / 64 == i)
                used |= UINT64_C(1) << fd % 64;
        }
        long fd = (long)i * 64 + __builtin_ctzll(~used ? ~used : 1);
        if (~used)
            return fd < (long)limit ? fd : -1;
    }
    return -1;
}

/* An entry of the calling thread's; NULL: there is none free. */
static struct claim *take_entry(struct claims *c, uint64_t word)
{
    for (uint32_t rest = ~claims_valid(word); rest; rest &= rest - 1) {
        struct claim *e = &c->of[__builtin_ctz(rest)];
        if (__atomic_load_n(&e->state, __ATOMIC_RELAXED) == CLAIM_FREE &&
            change_state(e, CLAIM_FREE, CLAIM_BUSY))
            return e;
    }
    return NULL;
}

static void give_entry(struct claim *e)
{
    __atomic_store_n(&e->state, CLAIM_FREE, __ATOMIC_RELEASE);
}

static void fill(struct claim *e, const struct look_found *found, uint32_t flags, long fd)
{
    bool is_file = (found->mode & S_IFMT) == S_IFREG;
    uint32_t seq = e->seq | 1;
    __atomic_store_n(&e->seq, seq, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    e->fd = (uint16_t)fd;
    e->how = is_file ? FILE_CAN_READ | FILE_HAS_POSITION : 0;
    e->flags = flags;
    e->inode = found->inode;
    e->life = found->life;
    __atomic_store_n(&e->position, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&e->seq, seq + 1, __ATOMIC_RELEASE);
}

/* No longer valid by the calling thread's doing, whose the entry is. */
static void empty(struct claim *e)
{
    __atomic_store_n(&e->seq, e->seq | 1, __ATOMIC_RELEASE);
    give_entry(e);
}

/* Takes an entry of the calling thread's back: false: the broker came first, and has
 * said in the entry what became of it. */
static bool withdraw(struct claims *c, const struct claim *e)
{
    uint32_t bit = 1U << (e - c->of);
    for (uint64_t word = read_word(c); claims_valid(word) & bit; word = read_word(c)) {
        if (word & CLAIMS_BARRED)
            cpu_pause();
        else if (change(c, word, claims_valid(word) & ~bit))
            return true;
    }
    return false;
}

/* Lets go of an entry that may still be valid: what became of it if the broker had it
 * meanwhile, CLAIM_OPEN if not. */
static uint32_t settle(struct claim *e)
{
    if (change_state(e, CLAIM_BUSY, CLAIM_OPEN))
        return CLAIM_OPEN;
    uint32_t became = e->state;
    give_entry(e);
    return became;
}

/* One try; word and number are from before the walk. */
static long try_open(struct claims *c, uint64_t word, const struct look_found *found,
                     uint32_t flags, long fd)
{
    struct claim *e = take_entry(c, word);
    if (!e)
        return LOOK_ASK;
    fill(e, found, flags, fd);
    if (!change(c, word, claims_valid(word) | 1U << (e - c->of))) {
        empty(e);
        return -EAGAIN;
    }
    /* Whoever claims the inode is looked for after its index has another life. */
    const uint32_t *life = &published()->inodes[found->inode].life;
    if (__atomic_load_n(life, __ATOMIC_SEQ_CST) != found->life && withdraw(c, e)) {
        empty(e);
        return LOOK_ASK;
    }
    return settle(e) == CLAIM_DROPPED ? LOOK_ASK : fd;
}

static bool may_claim(const struct thread *t, uint32_t flags)
{
    return look_place_number(t) && !published()->is_off && !published()->is_watched &&
           t->slot->euid == 0 && !t->slot->asks && !(flags & ~CLAIM_FLAGS);
}

long claim_open(const struct thread *t, const struct look_object *o, uint32_t flags)
{
    struct look_found found;
    const long how = flags & CLAIM_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0;
    struct claims *c = claims_of(t);
    for (int i = 0; i < LOOK_TRIES; i++) {
        uint64_t word = read_word(c);
        long fd = may_claim(t, flags) && !(word & CLAIMS_BARRED) ? lowest(t, c, word) : -1;
        if (fd < 0)
            return LOOK_ASK;
        long result = look_for(t, &(struct look_object){o->dir, o->path, how}, &found);
        if (result != 0)
            return result;
        uint32_t kind = found.mode & S_IFMT;
        if (kind != S_IFDIR && (kind != S_IFREG || flags & CLAIM_DIRECTORY))
            return LOOK_ASK;
        result = try_open(c, word, &found, flags, fd);
        if (result != -EAGAIN)
            return result;
        cpu_pause();
    }
    return LOOK_ASK;
}

long claim_close(const struct thread *t, uint32_t fd)
{
    struct claims *c = claims_of(t);
    struct claim *e = entry_of(c, read_word(c), fd);
    if (!e || published()->is_off || !change_state(e, CLAIM_OPEN, CLAIM_BUSY))
        return LOOK_ASK;
    uint32_t inode = e->inode < PUBLISHED_INODES ? e->inode : 0;
    bool tells = published()->is_watched || published()->inodes[inode].locked;
    if (e->fd != fd || tells || !withdraw(c, e)) {
        settle(e);
        return LOOK_ASK;
    }
    empty(e);
    return 0;
}
