/* open: opening and closing, and the device. */
#include <stdlib.h>

#include "store/alloc.h"
#include "store/inode.h"

/* Device --------------------------------------------------------------------*/

static bool inside(const struct store *s, uint64_t offset, size_t size)
{
    return offset <= s->device.size && size <= s->device.size - offset;
}

int device_read(struct store *s, uint64_t offset, void *to, size_t size)
{
    return inside(s, offset, size) ? s->device.read(s->device.context, offset, to, size) : -EUCLEAN;
}

int device_write(struct store *s, uint64_t offset, const void *from, size_t size)
{
    if (!s->device.write)
        return -EROFS;
    return inside(s, offset, size) ? s->device.write(s->device.context, offset, from, size)
                                   : -EUCLEAN;
}

int device_flush(struct store *s)
{
    int r = s->device.flush ? s->device.flush(s->device.context) : 0;
    s->data_written = s->data_written && r != 0;
    return r;
}

/* Opening -------------------------------------------------------------------*/

static int load(struct store *s, struct err *err)
{
    int r = cache_init(s);
    s->node_limit = STORE_NODES_KEPT;
    s->name_limit = STORE_NAMES_KEPT;
    if (r == 0)
        r = super_load(s, err);
    if (r == 0 && (super_view(s)->s_feature_compat & EXT3_FEATURE_COMPAT_HAS_JOURNAL) &&
        super_view(s)->s_journal_inum)
        r = journal_open(s, err);
    return r;
}

static void unload(struct store *s)
{
    nodes_free(s);
    cache_free(s);
    op_free(s);
    journal_close(s);
    for (uint32_t i = 0; s->groups && i < s->group_count; i++)
        free(s->groups[i].resting);
    free(s->groups);
    free(s->zones);
    free(s->rests);
    free(s->changed);
    s->groups = NULL;
}

/* Replays a journal that was left; into memory if nothing may be written. */
static int recover(struct store *s, struct err *err)
{
    if (!(super_view(s)->s_feature_incompat & EXT3_FEATURE_INCOMPAT_RECOVER))
        return 0;
    if (s->journal.run_count == 0)
        return err_set(err, -EUCLEAN, "the image needs a journal that is not in it: run e2fsck");
    if (s->read_only) {
        s->replayed = overlay_new(&s->device);
        if (!s->replayed)
            return err_set(err, -ENOMEM, "no memory");
        s->device = *s->replayed;
    }
    int r = journal_replay(s, err);
    if (r != 0)
        return r;
    unload(s); /* all that was read before may be old */
    struct store fresh = {.device = s->device,
                          .replayed = s->replayed,
                          .options = s->options,
                          .read_only = s->read_only,
                          .transaction = 1};
    fresh.counters.replayed = s->counters.replayed;
    *s = fresh;
    return load(s, err);
}

/* What only writing needs: the places that no file may have, and the inodes
 * that a crash left. */
static int prepare(struct store *s, struct err *err)
{
    int r = super_zones(s, err);
    if (r != 0)
        return r;
    for (size_t i = 0; i < s->journal.run_count && r == 0; i++)
        r = zone_add(s, s->journal.runs[i].physical, s->journal.runs[i].count);
    if (r == 0)
        r = zones_sort(s);
    if (r != 0)
        return err_set(err, r, "the image's journal overlaps its tables: run e2fsck first");
    if (super_view(s)->s_state & EXT2_ERROR_FS)
        return err_set(err, -EUCLEAN, "the image is marked as damaged: run e2fsck first");
    r = orphans_free(s);
    return r == 0 ? 0
                  : err_set(err, r, "files that a crash left cannot be freed: run e2fsck first");
}

int store_open(struct store **out, const struct device *device, const struct store_options *options,
               struct err *err)
{
    struct store *s = calloc(1, sizeof *s);
    *out = NULL;
    err->text[0] = 0;
    if (!s)
        return err_set(err, -ENOMEM, "no memory");
    s->device = *device;
    s->options = *options;
    s->read_only = options->read_only || !device->write;
    s->transaction = 1;
    int r = load(s, err);
    if (r == 0)
        r = recover(s, err);
    if (r == 0 && !s->read_only)
        r = prepare(s, err);
    struct node *root;
    if (r == 0) {
        r = node_get(s, STORE_ROOT, &root);
        if (r != 0 || node_type(root) != S_IFDIR)
            r = err_set(err, -EUCLEAN, "the image has no root directory: run e2fsck first");
    }
    if (r != 0) {
        if (!*err->text)
            err_set(err, r, "the image cannot be opened: %s", strerror(-r));
        s->failed = true;
        (void)store_close(s);
        return r;
    }
    *out = s;
    return 0;
}

int store_close(struct store *s)
{
    int r = 0;
    if (!s)
        return 0;
    if (!s->read_only && !s->failed) {
        r = orphans_free(s);
        int committed = store_commit(s);
        r = r == 0 ? committed : r;
        if (committed == 0 && journal_stop(s) != 0)
            r = -EIO;
    } else if (s->failed && !s->read_only) {
        r = -EROFS;
    }
    unload(s);
    overlay_free(s->replayed);
    free(s);
    return r;
}

int store_sync(struct store *s, uint32_t ino)
{
    struct node *n;
    int r = node_get(s, ino, &n);
    if (r != 0)
        return r;
    if (s->failed)
        return -EROFS;
    if (n->changed == s->transaction)
        return store_commit(s);
    r = s->data_written ? device_flush(s) : 0;
    s->failed = r != 0;
    return r;
}
