#include "box/shim/look.h"

#include <linux/fcntl.h>
#include <linux/stat.h>
#include <linux/uio.h>

enum { TEXT_ROOM = 4096, LINKS_MAX = 8 };

uint32_t look_place_number(const struct thread *t)
{
    uint32_t index = *(volatile uint32_t *)&t->slot->place;
    return index < PLACES ? index : 0;
}

struct access_ids look_ids(const struct thread *t, bool effective)
{
    const struct slot *s = t->slot;
    return effective ? (struct access_ids){s->euid, s->egid} : (struct access_ids){s->uid, s->gid};
}

bool look_file(const struct thread *t, long fd, struct look_file *out)
{
    const struct published_place *p = look_place(t);
    uint32_t number = (uint32_t)fd;
    if (published()->is_off || number >= PLACE_FDS)
        return false;
    uint32_t index = __atomic_load_n(&p->fds[number], __ATOMIC_ACQUIRE);
    if (!index)
        return claim_find(t, number, out);
    const struct published_file *f = &published()->files[index];
    out->seq_at = &f->seq;
    out->position = &channel()->positions[index];
    out->seq = look_begin(&f->seq);
    out->inode = f->inode;
    out->flags = f->flags;
    return look_holds(&f->seq, out->seq) &&
           __atomic_load_n(&p->fds[number], __ATOMIC_RELAXED) == index;
}

static bool copy_inode(uint32_t index, struct published_inode *out)
{
    const struct published_inode *n = &published()->inodes[index];
    uint32_t seq = look_begin(&n->seq);
    *out = *n;
    return look_holds(&n->seq, seq) && out->flags & INODE_KNOWN;
}

/* Walking: as path_walk of the broker ------------------------------------------------------*/

struct walking {
    struct access_ids me;
    uint32_t at;
    uint32_t mode, life; /* of `at` */
    struct access_ids owner;
    const char *rest;
    int links;
    char text[TEXT_ROOM];
};

/* Goes to an inode. */
static bool arrive(struct walking *w, uint32_t index)
{
    const struct published_inode *n = &published()->inodes[index];
    uint32_t seq = look_begin(&n->seq), flags = n->flags;
    w->at = index;
    w->mode = n->attr.mode;
    w->life = n->life;
    w->owner = (struct access_ids){n->attr.uid, n->attr.gid};
    return index && look_holds(&n->seq, seq) && flags & INODE_KNOWN;
}

static bool is_kind(const struct walking *w, uint32_t kind)
{
    return (w->mode & S_IFMT) == kind;
}

static long child(uint32_t dir, uint32_t hash, const char *name, size_t size)
{
    const struct published_name *set = &published()->names[published_name_set(hash)];
    for (int i = 0; i < NAME_WAYS; i++) {
        if (set[i].dir != dir || set[i].size != size)
            continue;
        size_t same = 0;
        while (same < size && set[i].name[same] == name[same])
            same++;
        if (same == size)
            return set[i].inode ? (long)set[i].inode : -ENOENT;
    }
    return LOOK_ASK;
}

/* Puts the target of the link where the walk is in front of the rest. */
static long follow(struct walking *w, uint32_t dir)
{
    struct published_inode link;
    size_t more = text_length(w->rest);
    if (!copy_inode(w->at, &link) || !link.attr.target_size || ++w->links > LINKS_MAX)
        return LOOK_ASK;
    size_t size = link.attr.target_size;
    if (size > TARGET_ROOM || size + more >= TEXT_ROOM)
        return LOOK_ASK;
    memmove(w->text + size, w->rest, more + 1);
    memcpy(w->text, link.target, size);
    w->rest = w->text;
    return arrive(w, w->text[0] == '/' ? published()->root : dir) ? 0 : LOOK_ASK;
}

/* One step down, to the name that starts at `rest`. */
static long step(struct walking *w, bool follows)
{
    const char *name = w->rest;
    uint32_t hash = published_hash_start(w->at), dir = w->at;
    while (*w->rest && *w->rest != '/')
        hash = published_hash_byte(hash, *w->rest++);
    size_t size = (size_t)(w->rest - name);
    const char *behind = w->rest;
    while (*behind == '/')
        behind++;
    if (!is_kind(w, S_IFDIR))
        return -ENOTDIR;
    if (!may_access(w->me, &w->owner, w->mode, 1))
        return -EACCES;
    if (size == 1 && name[0] == '.')
        return 0;
    if (size > NAME_ROOM)
        return LOOK_ASK;
    long to = child(dir, hash, name, size);
    if (to < 0)
        return to;
    if (!arrive(w, (uint32_t)to))
        return LOOK_ASK;
    bool stays = *behind == '\0' && *w->rest != '/' && !follows;
    return is_kind(w, S_IFLNK) && !stays ? follow(w, dir) : 0;
}

static long start(const struct thread *t, const struct look_object *o, struct walking *w)
{
    struct look_file f;
    const struct published_place *p = look_place(t);
    if (t->slot->asks)
        return LOOK_ASK;
    w->me = look_ids(t, !o->by_real_ids);
    w->links = 0;
    w->rest = w->text;
    if (w->text[0] == '/')
        return arrive(w, published()->root) ? 0 : LOOK_ASK;
    if ((int)o->dir == AT_FDCWD)
        return arrive(w, p->cwd) ? 0 : LOOK_ASK;
    if (!look_file(t, o->dir, &f) || !arrive(w, f.inode) || !look_file_holds(&f))
        return LOOK_ASK;
    return is_kind(w, S_IFDIR) || !w->text[0] ? 0 : LOOK_ASK;
}

static long walk(const struct thread *t, const struct look_object *o, struct walking *w)
{
    bool is_slash = false;
    long result = w->text[0] || o->flags & AT_EMPTY_PATH ? start(t, o, w) : -ENOENT;
    while (result == 0) {
        while (*w->rest == '/')
            w->rest++;
        is_slash = w->rest > w->text && w->rest[-1] == '/';
        if (!*w->rest)
            break;
        result = step(w, !(o->flags & AT_SYMLINK_NOFOLLOW));
    }
    return result == 0 && is_slash && !is_kind(w, S_IFDIR) ? -ENOTDIR : result;
}

long look_for(const struct thread *t, const struct look_object *o, struct look_found *out)
{
    struct walking w; /* the text is filled below, the rest by start() */
    const uint32_t *seq = &published()->names_seq;
    if (published()->is_off || !o->path)
        return LOOK_ASK;
    for (int i = 0; i < LOOK_TRIES; i++) {
        uint32_t before = look_begin(seq);
        long size = guest_copy_string(w.text, o->path, TEXT_ROOM);
        if (size < 0 || size == TEXT_ROOM)
            return LOOK_ASK;
        long result = walk(t, o, &w);
        if (result == 0)
            *out = (struct look_found){w.at, w.life, w.mode, w.owner};
        if (look_holds(seq, before))
            return result;
        cpu_pause();
    }
    return LOOK_ASK;
}

bool look_for_file(const struct thread *t, long fd, struct look_found *out)
{
    struct look_file f;
    if (!look_file(t, fd, &f))
        return false;
    out->inode = f.inode;
    out->life = published()->inodes[f.inode].life;
    return look_file_holds(&f);
}

/* Reading ----------------------------------------------------------------------------------*/

static const char *page_bytes(uint32_t index)
{
    return (const char *)(published() + 1) + published_page_bytes(published()->page_mask, index);
}

/* Copies from one page to the guest. */
static bool copy_page(uint64_t tag, uint64_t in, char *to, uint64_t size)
{
    uint32_t set = published_page_set(published()->page_mask, (uint32_t)(tag >> 32), (uint32_t)tag);
    for (uint32_t i = set; i < set + PAGE_WAYS; i++) {
        const struct published_page *p = &published()->pages[i];
        uint32_t seq = look_begin(&p->seq);
        if (p->tag == tag)
            return guest_copy(to, page_bytes(i) + in, size) == 0 && look_holds(&p->seq, seq);
    }
    return false;
}

/* Copies to the buffers, from where they stand on. */
static bool copy_pages(struct transfer *x, uint32_t ino, uint64_t offset, uint64_t size)
{
    while (size > 0 && x->index < x->count) {
        const struct iovec *v = &x->iov[x->index];
        uint64_t in = offset % PAGE_BYTES, part = PAGE_BYTES - in;
        uint64_t room = v->iov_len - x->done_in_iov;
        if (part > size)
            part = size;
        if (part > room)
            part = room;
        if (part && !copy_page(published_page_tag(ino, (uint32_t)(offset / PAGE_BYTES)), in,
                               (char *)v->iov_base + x->done_in_iov, part))
            return false;
        offset += part;
        size -= part;
        x->done_in_iov += part;
        if (x->done_in_iov == v->iov_len) {
            x->index++;
            x->done_in_iov = 0;
        }
    }
    return true;
}

/* One try: what lies at `offset` of an inode, if it was all the same moment's. */
static long try_read(struct transfer *x, uint32_t inode, uint64_t offset, uint64_t size)
{
    const struct published_inode *n = &published()->inodes[inode];
    uint32_t seq = look_begin(&n->seq), ino = n->attr.ino;
    uint64_t end = n->attr.size;
    bool readable = (n->flags & INODE_HAS_PAGES) && (n->flags & INODE_KNOWN);
    if (!readable || (offset + size) / PAGE_BYTES > UINT32_MAX)
        return LOOK_ASK;
    if (offset >= end)
        size = 0;
    else if (size > end - offset)
        size = end - offset;
    if (!copy_pages(x, ino, offset, size) || !look_holds(&n->seq, seq))
        return LOOK_ASK;
    return (long)size;
}

static long read_published(const struct thread *t, struct transfer *x, uint64_t done, uint64_t size)
{
    struct look_file f;
    bool moves = x->nr == __NR_read;
    for (int i = 0; i < LOOK_TRIES && look_file(t, x->fd, &f); i++) {
        uint64_t offset =
            moves ? __atomic_load_n(f.position, __ATOMIC_SEQ_CST) : (uint64_t)x->offset + done;
        if (!(f.flags & (moves ? FILE_HAS_POSITION : FILE_CAN_READ)) || (int64_t)offset < 0)
            return LOOK_ASK;
        transfer_go_to(x, done);
        long n = try_read(x, f.inode, offset, size);
        if (n < 0 || !look_file_holds(&f))
            continue;
        if (n == 0 || !moves ||
            __atomic_compare_exchange_n(f.position, &offset, offset + (uint64_t)n, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            return n;
    }
    return LOOK_ASK;
}

/* Of a file that is claimed the broker publishes what is not there yet; so it needs no
 * descriptor. */
static bool load(struct thread *t, const struct transfer *x, uint64_t done, uint64_t size)
{
    struct look_file f;
    if (!look_place_number(t) || !claim_find(t, (uint32_t)x->fd, &f) || !(f.flags & FILE_CAN_READ))
        return false;
    uint64_t offset = x->nr == __NR_read ? __atomic_load_n(f.position, __ATOMIC_SEQ_CST)
                                         : (uint64_t)x->offset + done;
    return call_broker(t, BOX_LOAD, x->fd, (long)offset, (long)size) >= 0;
}

long look_read(struct thread *t, struct transfer *x, uint64_t done, uint64_t size)
{
    long result = read_published(t, x, done, size);
    return result == LOOK_ASK && load(t, x, done, size) ? read_published(t, x, done, size) : result;
}
