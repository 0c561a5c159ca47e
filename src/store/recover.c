/* recover: replays a journal as jbd2 writes it, the kernel's or ours.
 *
 * Two walks over the log. The first finds the last transaction with a valid
 * commit block, and collects revoked blocks: those that must not get what
 * transactions up to the revoking one wrote. The second writes the blocks of
 * these transactions home. */
#include <stdlib.h>

#include "store/fs.h"
#include "store/jbd2.h"

struct revoked {
    uint64_t number;
    uint32_t sequence;
};

struct walk {
    struct store *s;
    bool replay;             /* the second walk */
    uint32_t incompat, seed; /* of the journal */
    uint32_t position, sequence, end_sequence;
    uint32_t visited; /* blocks, so that a damaged ring ends */
    struct revoked *revoked;
    size_t revoked_count, revoked_capacity;
    uint8_t *page, *data;
};

static uint32_t be(uint32_t n)
{
    return __builtin_bswap32(n);
}

static bool has_checksums(const struct walk *w)
{
    return w->incompat & (JBD2_CSUM_V2 | JBD2_CSUM_V3);
}

/* The next block of the log; 1: the ring is exhausted. */
static int next_block(struct walk *w, uint8_t *to)
{
    const struct journal *j = &w->s->journal;
    if (w->visited++ >= j->end - j->first)
        return 1;
    uint64_t number = journal_block(j, w->position);
    w->position = w->position + 1 == j->end ? j->first : w->position + 1;
    return device_read(w->s, number << w->s->block_bits, to, w->s->block_size);
}

/* A block with its checksum in the last word. */
static bool tail_is_right(const struct walk *w)
{
    uint32_t have, size = w->s->block_size;
    if (!has_checksums(w))
        return true;
    memcpy(&have, w->page + size - 4, sizeof have);
    memset(w->page + size - 4, 0, sizeof have);
    return be(have) == csum(w->seed, w->page, size);
}

static bool commit_is_right(const struct walk *w)
{
    struct jbd2_commit c;
    if (!has_checksums(w))
        return true;
    memcpy(&c, w->page, sizeof c);
    uint32_t have = be(c.checksum[0]);
    c.checksum[0] = 0;
    memcpy(w->page, &c, sizeof c);
    return have == csum(w->seed, w->page, w->s->block_size);
}

/* Tags ----------------------------------------------------------------------*/

struct tag {
    uint64_t number;
    uint32_t flags, checksum;
    uint32_t size; /* on disk, with what follows it */
};

static bool read_tag(const struct walk *w, uint32_t at, struct tag *out)
{
    uint32_t end = w->s->block_size - (has_checksums(w) ? 4u : 0u);
    uint32_t size = w->incompat & JBD2_CSUM_V3
                        ? 16
                        : (w->incompat & JBD2_WIDE ? 12 : 8) + (w->incompat & JBD2_CSUM_V2 ? 2 : 0);
    if (at + size > end)
        return false;
    *out = (struct tag){.size = size};
    if (w->incompat & JBD2_CSUM_V3) {
        struct jbd2_tag3 t;
        memcpy(&t, w->page + at, sizeof t);
        out->number = be(t.number);
        out->flags = be(t.flags);
        out->checksum = be(t.checksum);
        if (w->incompat & JBD2_WIDE)
            out->number |= (uint64_t)be(t.number_high) << 32;
    } else {
        struct jbd2_tag t = {0};
        memcpy(&t, w->page + at, w->incompat & JBD2_WIDE ? 12 : 8);
        out->number = be(t.number);
        out->flags = __builtin_bswap16(t.flags);
        out->checksum = __builtin_bswap16(t.checksum);
        if (w->incompat & JBD2_WIDE)
            out->number |= (uint64_t)be(t.number_high) << 32;
    }
    if (!(out->flags & JBD2_SAME_UUID))
        out->size += 16;
    return true;
}

static bool is_revoked(const struct walk *w, uint64_t number)
{
    for (size_t i = 0; i < w->revoked_count; i++)
        if (w->revoked[i].number == number && (int32_t)(w->revoked[i].sequence - w->sequence) >= 0)
            return true;
    return false;
}

static bool data_is_right(const struct walk *w, const struct tag *tag)
{
    uint32_t sequence = be(w->sequence);
    if (!has_checksums(w))
        return true;
    uint32_t sum = csum(csum(w->seed, &sequence, 4), w->data, w->s->block_size);
    return tag->checksum == (w->incompat & JBD2_CSUM_V3 ? sum : sum & 0xffff);
}

static int replay_block(struct walk *w, const struct tag *tag)
{
    const uint32_t magic = be((uint32_t)JBD2_MAGIC);
    if (is_revoked(w, tag->number))
        return 0;
    if (tag->number >= w->s->block_count || !data_is_right(w, tag))
        return -EUCLEAN;
    if (tag->flags & JBD2_ESCAPED)
        memcpy(w->data, &magic, sizeof magic);
    w->s->counters.replayed++;
    return device_write(w->s, tag->number << w->s->block_bits, w->data, w->s->block_size);
}

/* A descriptor block and the blocks behind it. */
static int walk_descriptor(struct walk *w)
{
    struct tag tag = {0};
    uint32_t at = sizeof(struct jbd2_header);
    if (!tail_is_right(w))
        return 1;
    while (!(tag.flags & JBD2_LAST_TAG) && read_tag(w, at, &tag)) {
        at += tag.size;
        int r = next_block(w, w->data);
        if (r == 0 && w->replay)
            r = replay_block(w, &tag);
        if (r != 0)
            return r;
    }
    return 0;
}

static int walk_revoke(struct walk *w)
{
    struct jbd2_revoke h;
    uint32_t each = w->incompat & JBD2_WIDE ? 8 : 4;
    if (!tail_is_right(w))
        return 1;
    memcpy(&h, w->page, sizeof h);
    uint32_t end = be(h.size);
    if (w->replay || end > w->s->block_size)
        return end > w->s->block_size ? -EUCLEAN : 0;
    for (uint32_t at = sizeof h; at + each <= end; at += each) {
        uint32_t words[2] = {0};
        memcpy(words, w->page + at, each);
        uint64_t number = each == 8 ? (uint64_t)be(words[0]) << 32 | be(words[1]) : be(words[0]);
        int r = array_grow((void **)&w->revoked, &w->revoked_capacity, w->revoked_count,
                           sizeof *w->revoked);
        if (r != 0)
            return r;
        w->revoked[w->revoked_count++] = (struct revoked){number, w->sequence};
    }
    return 0;
}

/* One block of the log and what belongs to it; 1: the log ends here. */
static int step(struct walk *w)
{
    struct jbd2_header h;
    if (w->replay && w->sequence == w->end_sequence)
        return 1;
    int r = next_block(w, w->page);
    if (r != 0)
        return r;
    memcpy(&h, w->page, sizeof h);
    if (be(h.magic) != (uint32_t)JBD2_MAGIC || be(h.sequence) != w->sequence)
        return 1;
    switch (be(h.type)) {
    case JBD2_DESCRIPTOR: return walk_descriptor(w);
    case JBD2_REVOKE: return walk_revoke(w);
    case JBD2_COMMIT:
        if (!commit_is_right(w))
            return 1;
        w->sequence++;
        return 0;
    default: return 1;
    }
}

static int walk(struct walk *w, const struct jbd2_super *js)
{
    int r = 0;
    w->position = be(js->start);
    w->sequence = be(js->sequence);
    w->visited = 0;
    while (r == 0)
        r = step(w);
    return r < 0 ? r : 0;
}

/* Revokes of a transaction that was not committed do not count. */
static void forget_uncommitted(struct walk *w)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->revoked_count; i++)
        if ((int32_t)(w->revoked[i].sequence - w->end_sequence) < 0)
            w->revoked[kept++] = w->revoked[i];
    w->revoked_count = kept;
}

static int replay(struct walk *w, struct jbd2_super *js)
{
    int r = w->page && w->data ? walk(w, js) : -ENOMEM;
    if (r != 0)
        return r;
    w->end_sequence = w->sequence;
    forget_uncommitted(w);
    w->replay = true;
    r = walk(w, js);
    return r == 0 && w->sequence != w->end_sequence ? -EUCLEAN : r;
}

/* The log is empty from now on. The next sequence number leaves one out: the
 * transaction that was cut off may have used it. */
static int empty_log(struct store *s, struct jbd2_super *js, uint32_t sequence)
{
    js->start = 0;
    js->sequence = be(sequence + 1);
    if (be(js->incompat) & (JBD2_CSUM_V2 | JBD2_CSUM_V3)) {
        js->checksum = 0;
        js->checksum = be(csum(~0u, js, sizeof *js));
    }
    int r = device_flush(s); /* what was replayed */
    if (r == 0)
        r = device_write(s, journal_block(&s->journal, 0) << s->block_bits, js, sizeof *js);
    return r == 0 ? device_flush(s) : r;
}

int journal_replay(struct store *s, struct err *err)
{
    struct jbd2_super js;
    struct walk w = {.s = s,
                     .seed = s->journal.seed,
                     .page = malloc(s->block_size),
                     .data = malloc(s->block_size)};
    int r = device_read(s, journal_block(&s->journal, 0) << s->block_bits, &js, sizeof js);
    w.incompat = be(js.incompat);
    if (r == 0 && js.start) {
        r = replay(&w, &js);
        if (r == 0)
            r = empty_log(s, &js, w.end_sequence);
    }
    if (r == 0)
        r = super_mark(s, false);
    free(w.revoked);
    free(w.page);
    free(w.data);
    return r == 0 ? 0 : err_set(err, r, "the image's journal cannot be replayed: run e2fsck");
}
