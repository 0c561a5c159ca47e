#include "store/journal.h"

#include <stdlib.h>

#include "store/alloc.h"
#include "store/inode.h"
#include "store/jbd2.h"
#include "store/map.h"

enum {
    JOURNAL_BLOCKS_MIN = 1000, /* of the log: no journal is made smaller */
    SHARE = 4,                 /* a transaction has at most this part of the log, about */
};

static uint32_t be(uint32_t n)
{
    return __builtin_bswap32(n);
}

uint64_t journal_block(const struct journal *j, uint32_t logical)
{
    for (size_t i = 0; i < j->run_count; i++)
        if (logical - j->runs[i].logical < j->runs[i].count)
            return j->runs[i].physical + (logical - j->runs[i].logical);
    return 0;
}

/* Opening -------------------------------------------------------------------*/

/* The runs of the journal's inode; all of it must be there. */
static int read_map(struct store *s, struct node *n)
{
    struct journal *j = &s->journal;
    uint64_t end = node_size(n) >> s->block_bits;
    j->runs = calloc(map_runs(n->map) + 1, sizeof *j->runs);
    if (!j->runs)
        return -ENOMEM;
    for (uint64_t at = 0; at < end;) {
        struct run run = map_find(n->map, (uint32_t)at);
        if (run.physical == 0 || run.unwritten)
            return -EUCLEAN;
        j->runs[j->run_count++] =
            (struct log_run){.logical = run.logical, .count = run.count, .physical = run.physical};
        at += run.count;
    }
    return j->run_count ? 0 : -EUCLEAN;
}

static int read_super(struct store *s, struct jbd2_super *out)
{
    return device_read(s, s->journal.runs[0].physical << s->block_bits, out, sizeof *out);
}

static uint32_t super_csum(const struct jbd2_super *js)
{
    struct jbd2_super copy = *js;
    copy.checksum = 0;
    return csum(~0u, &copy, sizeof copy);
}

static int check_super(struct store *s, const struct jbd2_super *js, uint64_t blocks,
                       struct err *err)
{
    const uint32_t known =
        JBD2_HAS_REVOKE | JBD2_WIDE | JBD2_ASYNC_COMMIT | JBD2_CSUM_V2 | JBD2_CSUM_V3;
    uint32_t features = be(js->incompat), first = be(js->first), end = be(js->block_count);
    if (be(js->header.magic) != (uint32_t)JBD2_MAGIC || be(js->header.type) != JBD2_SUPER_2 ||
        be(js->block_size) != s->block_size || end > blocks || first == 0 || first >= end ||
        end - first < JOURNAL_BLOCKS_MIN || be(js->start) >= end ||
        (js->start && be(js->start) < first))
        return err_set(err, -EUCLEAN, "the image's journal is damaged: run e2fsck first");
    if (features & ~known)
        return err_set(err, -EOPNOTSUPP,
                       "the image's journal has a feature that is not known (%#x): mount it once "
                       "or run e2fsck",
                       features & ~known);
    if ((features & (JBD2_CSUM_V2 | JBD2_CSUM_V3)) &&
        (js->checksum_type != JBD2_CRC32C || be(js->checksum) != super_csum(js)))
        return err_set(err, -EUCLEAN, "the journal's checksum is wrong: run e2fsck first");
    if (js->error)
        return err_set(err, -EUCLEAN, "the kernel noted an error in the image: run e2fsck first");
    return 0;
}

int journal_open(struct store *s, struct err *err)
{
    struct journal *j = &s->journal;
    struct jbd2_super js;
    struct node *n;
    int r = node_load(s, super_view(s)->s_journal_inum, &n);
    if (r == 0)
        r = node_type(n) == S_IFREG ? map_load(s, n) : -EUCLEAN;
    if (r == 0)
        r = read_map(s, n);
    if (r == 0)
        r = read_super(s, &js);
    if (r != 0)
        return err_set(err, r, "the image's journal cannot be read: run e2fsck first");
    r = check_super(s, &js, node_size(n) >> s->block_bits, err);
    if (r != 0)
        return r;
    const struct ext2_super_block *sb = super_view(s);
    j->first = be(js.first);
    j->end = be(js.block_count);
    j->head = j->first;
    j->sequence = be(js.sequence);
    j->seed = csum(~0u, js.uuid, sizeof js.uuid);
    j->wide = sb->s_feature_incompat & EXT4_FEATURE_INCOMPAT_64BIT;
    j->checksums = s->checksums;
    return 0;
}

void journal_close(struct store *s)
{
    free(s->journal.runs);
    s->journal = (struct journal){0};
}

size_t journal_limit(const struct store *s)
{
    return (s->journal.end - s->journal.first) / SHARE;
}

/* Writing the log -----------------------------------------------------------*/

/* Where the oldest transaction is from now on; 0: there is none. */
static int write_super(struct store *s, uint32_t start)
{
    struct journal *j = &s->journal;
    struct jbd2_super js;
    int r = read_super(s, &js);
    if (r != 0)
        return r;
    uint32_t features = be(js.incompat) & (JBD2_HAS_REVOKE | JBD2_CSUM_V2 | JBD2_WIDE);
    if (j->wide)
        features |= JBD2_WIDE;
    if (j->checksums) {
        features = (features & ~(uint32_t)JBD2_CSUM_V2) | JBD2_CSUM_V3;
        js.compat = 0;
        js.checksum_type = JBD2_CRC32C;
    }
    js.incompat = be(features);
    js.start = be(start);
    js.sequence = be(j->sequence);
    js.head = 0;
    if (features & (JBD2_CSUM_V2 | JBD2_CSUM_V3))
        js.checksum = be(super_csum(&js));
    r = device_write(s, j->runs[0].physical << s->block_bits, &js, sizeof js);
    return r == 0 ? device_flush(s) : r;
}

/* The image must say that it needs its journal before there is anything in it. */
static int start(struct store *s)
{
    int r = s->journal.started ? 0 : super_mark(s, true);
    if (r == 0 && !s->journal.started)
        r = write_super(s, s->journal.head);
    if (r == 0)
        s->journal.started = true;
    return r;
}

static int append(struct store *s, const void *data)
{
    struct journal *j = &s->journal;
    uint64_t number = journal_block(j, j->head);
    int r = device_write(s, number << s->block_bits, data, s->block_size);
    j->used++;
    j->head = j->head + 1 == j->end ? j->first : j->head + 1;
    return r;
}

static size_t tag_size(const struct journal *j)
{
    return j->checksums ? sizeof(struct jbd2_tag3) : j->wide ? 12 : 8;
}

/* How many blocks one descriptor block describes. */
static size_t tags_max(const struct store *s)
{
    return (s->block_size - sizeof(struct jbd2_header) - 16 - 4) / tag_size(&s->journal);
}

static void put_tag(const struct journal *j, uint8_t *to, uint64_t number, uint32_t flags,
                    uint32_t sum)
{
    if (j->checksums) {
        struct jbd2_tag3 tag = {be((uint32_t)number), be(flags), be((uint32_t)(number >> 32)),
                                be(sum)};
        memcpy(to, &tag, sizeof tag);
        return;
    }
    struct jbd2_tag tag = {.number = be((uint32_t)number),
                           .flags = __builtin_bswap16((uint16_t)flags),
                           .number_high = be((uint32_t)(number >> 32))};
    memcpy(to, &tag, tag_size(j));
}

/* A block as it stands in the log: one that begins like a block of the journal
 * itself would be taken for one, so its first word is taken away. */
static uint32_t log_form(const struct store *s, const struct block *b, uint8_t *to)
{
    const uint32_t magic = be((uint32_t)JBD2_MAGIC);
    memcpy(to, b->data, s->block_size);
    if (memcmp(to, &magic, sizeof magic) != 0)
        return 0;
    memset(to, 0, sizeof magic);
    return JBD2_ESCAPED;
}

struct pages {
    uint8_t *descriptor, *block;
};

static struct jbd2_header header(const struct journal *j, uint32_t type)
{
    return (struct jbd2_header){be((uint32_t)JBD2_MAGIC), be(type), be(j->sequence)};
}

static void put_descriptor(struct store *s, struct block **blocks, size_t count,
                           const struct pages *p)
{
    struct journal *j = &s->journal;
    uint32_t sequence = be(j->sequence);
    struct jbd2_header h = header(j, JBD2_DESCRIPTOR);
    uint8_t *at = p->descriptor + sizeof h;
    struct jbd2_super js = {0};
    memset(p->descriptor, 0, s->block_size);
    memcpy(p->descriptor, &h, sizeof h);
    for (size_t i = 0; i < count; i++) {
        uint32_t flags = log_form(s, blocks[i], p->block);
        uint32_t sum =
            j->checksums ? csum(csum(j->seed, &sequence, 4), p->block, s->block_size) : 0;
        flags |= (i > 0 ? JBD2_SAME_UUID : 0u) | (i + 1 == count ? JBD2_LAST_TAG : 0u);
        put_tag(j, at, blocks[i]->number, flags, sum);
        at += tag_size(j) + (i == 0 ? sizeof js.uuid : 0);
    }
    if (j->checksums) {
        uint32_t sum = be(csum(j->seed, p->descriptor, s->block_size));
        memcpy(p->descriptor + s->block_size - sizeof sum, &sum, sizeof sum);
    }
}

/* The blocks of the transaction, each part with its descriptor. */
static int write_blocks(struct store *s, const struct pages *p)
{
    const struct block_list *dirty = &s->cache.dirty;
    int r = 0;
    for (size_t at = 0; at < dirty->count && r == 0;) {
        size_t part = (size_t)min_u64(dirty->count - at, tags_max(s));
        put_descriptor(s, dirty->at + at, part, p);
        r = append(s, p->descriptor);
        for (size_t end = at + part; at < end && r == 0; at++) {
            log_form(s, dirty->at[at], p->block);
            r = append(s, p->block);
        }
    }
    return r;
}

static int write_commit(struct store *s, uint8_t *page)
{
    struct journal *j = &s->journal;
    struct timespec now = {0};
    if (s->options.now)
        s->options.now(s->options.context, &now);
    struct jbd2_commit c = {.header = header(j, JBD2_COMMIT),
                            .seconds = __builtin_bswap64((uint64_t)now.tv_sec),
                            .nanoseconds = be((uint32_t)now.tv_nsec)};
    memset(page, 0, s->block_size);
    memcpy(page, &c, sizeof c);
    if (j->checksums) {
        c.checksum[0] = be(csum(j->seed, page, s->block_size));
        memcpy(page, &c, sizeof c);
    }
    int r = device_flush(s); /* file data, and all of the log before this block */
    if (r == 0)
        r = append(s, page);
    return r == 0 ? device_flush(s) : r;
}

static int write_log(struct store *s)
{
    struct journal *j = &s->journal;
    size_t count = s->cache.dirty.count;
    size_t needed = count + (count + tags_max(s) - 1) / tags_max(s) + 1;
    if (needed + j->used >= j->end - j->first)
        return -EFBIG; /* journal_limit keeps transactions far below */
    struct pages p = {malloc(s->block_size), malloc(s->block_size)};
    int r = p.descriptor && p.block ? write_blocks(s, &p) : -ENOMEM;
    if (r == 0)
        r = write_commit(s, p.block);
    free(p.descriptor);
    free(p.block);
    return r;
}

/* Checkpoints ---------------------------------------------------------------*/

/* Right after a commit the cache is what was committed: all goes home. */
static int checkpoint(struct store *s, bool stop)
{
    struct journal *j = &s->journal;
    struct block_list *logged = &s->cache.logged;
    int r = 0;
    assert(s->cache.dirty.count == 0);
    for (size_t i = 0; i < logged->count && r == 0; i++)
        r = device_write(s, logged->at[i]->number << s->block_bits, logged->at[i]->data,
                         s->block_size);
    if (r == 0)
        r = device_flush(s);
    if (r == 0)
        r = write_super(s, stop ? 0 : j->head);
    if (r != 0)
        return r;
    while (logged->count > 0)
        logged->at[--logged->count]->state &= ~(uint32_t)BLOCK_LOGGED;
    j->used = 0;
    j->checkpoint_asked = false;
    s->counters.checkpoints++;
    rests_wake(s, true);
    return 0;
}

int journal_stop(struct store *s)
{
    if (!s->journal.started)
        return 0;
    int r = checkpoint(s, true);
    if (r == 0)
        r = super_mark(s, false);
    s->journal.started = r != 0;
    return r;
}

/* Committing ----------------------------------------------------------------*/

/* Brings all that changed into blocks. */
static int gather(struct store *s)
{
    struct node *n;
    int r = 0;
    for (size_t i = 0; i < s->changed_count && r == 0; i++)
        if (node_load(s, s->changed[i], &n) == 0 && n->dirty)
            r = node_write(s, n);
    for (uint32_t group = 0; group < s->group_count && r == 0; group++)
        if (s->groups[group].changed)
            r = group_seal(s, group);
    return r == 0 ? super_seal(s) : r;
}

/* The transaction is in the log: its blocks wait for their checkpoint. */
static int committed(struct store *s)
{
    struct cache *c = &s->cache;
    int r = 0;
    s->counters.commits++;
    s->counters.committed_blocks += c->dirty.count;
    for (; c->dirty.count > 0; c->dirty.count--) {
        struct block *b = c->dirty.at[c->dirty.count - 1];
        b->state &= ~(uint32_t)BLOCK_DIRTY;
        if (!(b->state & BLOCK_LOGGED) && r == 0) {
            r = block_list_add(&c->logged, b, &b->logged_index);
            b->state |= r == 0 ? BLOCK_LOGGED : 0u;
        }
    }
    for (uint32_t group = 0; group < s->group_count; group++)
        s->groups[group].changed = false;
    s->changed_count = 0;
    s->journal.sequence++;
    s->transaction++;
    rests_wake(s, false);
    return r;
}

static int commit(struct store *s)
{
    struct journal *j = &s->journal;
    int r = start(s);
    if (r == 0) {
        s->in_op = true;
        s->op.rest_count = s->rest_count;
        r = (int)op_end(s, gather(s));
    }
    if (r != 0)
        return r;
    for (size_t i = 0; i < s->cache.dirty.count; i++)
        block_seal(s, s->cache.dirty.at[i]);
    r = write_log(s);
    if (r == 0)
        r = committed(s);
    if (r == 0 && (j->checkpoint_asked || j->used > (j->end - j->first) / 2))
        r = checkpoint(s, false);
    return r;
}

int store_commit(struct store *s)
{
    int r = 0;
    if (s->read_only)
        return 0;
    if (s->failed)
        return -EROFS;
    if (s->changed_count > 0 || s->cache.dirty.count > 0)
        r = commit(s);
    else if (s->data_written)
        r = device_flush(s);
    if (r == 0 && s->journal.checkpoint_asked && s->journal.started)
        r = checkpoint(s, false);
    s->failed = r != 0;
    return r;
}
