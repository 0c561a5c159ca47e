#include "cli/box_tar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/box_progress.h"
enum { BLOCK = 512, BUFFER = 1 << 18, EXTRA_MAX = 1 << 20, NAME_MAX_SIZE = 4096 };

/* A header as it is in the archive: ustar's fields, all text. */
struct raw_header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
    char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], padding[12];
};
_Static_assert(sizeof(struct raw_header) == BLOCK, "a tar header");

struct member {
    char name[NAME_MAX_SIZE], link[NAME_MAX_SIZE];
    uint32_t mode, uid, gid, major, minor;
    uint64_t size;
    struct timespec mtime;
    char type;
    struct str attributes; /* of pax: name, NUL, size as 8 bytes, value; … */
};

struct tar {
    struct store *store;
    int fd;
    struct err *err;
    struct member member;
    /* What extended headers say of the next member. */
    bool has_name, has_link, has_size, has_mtime, has_uid, has_gid;
    uint64_t files, bytes; /* so far */
    char buffer[BUFFER];
};

static int fault(struct tar *t, int code, const char *what)
{
    CLEAN_STR struct str shown = {0};
    quote_visible(&shown, t->member.name, strlen(t->member.name));
    return err_set(t->err, code, "%s: %s", str_get(&shown), what);
}

/* Reads exactly `size` bytes; 0 at the end of the archive if `may_end`. */
static int64_t read_bytes(struct tar *t, void *to, size_t size, bool may_end)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = read(t->fd, (char *)to + done, size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set(t->err, -errno, "the archive cannot be read: %s", strerror(errno));
        if (got == 0 && done == 0 && may_end)
            return 0;
        if (got == 0)
            return err_set(t->err, -EINVAL, "the archive ends too early");
        done += (size_t)got;
    }
    return (int64_t)size;
}

static uint64_t padding(uint64_t size)
{
    return (BLOCK - size % BLOCK) % BLOCK;
}

static int skip(struct tar *t, uint64_t size)
{
    while (size > 0) {
        size_t part = size < BUFFER ? (size_t)size : BUFFER;
        if (read_bytes(t, t->buffer, part, false) < 0)
            return -EINVAL;
        size -= part;
    }
    return 0;
}

/* Headers -------------------------------------------------------------------*/

/* Octal digits, or, with the top bit set, binary. */
static uint64_t number(const char *field, size_t size)
{
    uint64_t n = 0;
    if (field[0] & 0x80) {
        for (size_t i = size > 8 ? size - 8 : 1; i < size; i++)
            n = n << 8 | (uint8_t)field[i];
        return n;
    }
    for (size_t i = 0; i < size && field[i]; i++)
        if (field[i] >= '0' && field[i] <= '7')
            n = n * 8 + (uint64_t)(field[i] - '0');
    return n;
}

static bool checksum_is_right(const struct raw_header *h)
{
    const uint8_t *bytes = (const uint8_t *)h;
    uint64_t sum = 0;
    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : bytes[i];
    return sum == number(h->checksum, sizeof h->checksum);
}

static void put_text(char to[NAME_MAX_SIZE], const char *prefix, size_t prefix_size,
                     const char *text, size_t size)
{
    size_t used = strnlen(prefix, prefix_size);
    size = strnlen(text, size);
    memcpy(to, prefix, used);
    if (used)
        to[used++] = '/';
    memcpy(to + used, text, size);
    to[used + size] = 0;
}

static void read_header(struct tar *t, const struct raw_header *h)
{
    struct member *m = &t->member;
    bool ustar = memcmp(h->magic, "ustar\0", 6) == 0;
    if (!t->has_name)
        put_text(m->name, h->prefix, ustar ? sizeof h->prefix : 0, h->name, sizeof h->name);
    if (!t->has_link)
        put_text(m->link, "", 0, h->link, sizeof h->link);
    if (!t->has_size)
        m->size = number(h->size, sizeof h->size);
    if (!t->has_uid)
        m->uid = (uint32_t)number(h->uid, sizeof h->uid);
    if (!t->has_gid)
        m->gid = (uint32_t)number(h->gid, sizeof h->gid);
    if (!t->has_mtime)
        m->mtime = (struct timespec){.tv_sec = (time_t)number(h->mtime, sizeof h->mtime)};
    m->mode = (uint32_t)number(h->mode, sizeof h->mode) & 07777;
    m->major = (uint32_t)number(h->major, sizeof h->major);
    m->minor = (uint32_t)number(h->minor, sizeof h->minor);
    m->type = h->type;
}

/* Extended headers ----------------------------------------------------------*/

static const char xattr_prefix[] = "SCHILY.xattr.";

static int keep_attribute(struct tar *t, const char *name, const char *value, size_t size)
{
    uint64_t bytes = size;
    struct str *list = &t->member.attributes;
    if (strncmp(name, "user.", 5) != 0 && strcmp(name, "security.capability") != 0)
        return 0;
    str_add_bytes(list, name, strlen(name) + 1);
    str_add_bytes(list, &bytes, sizeof bytes);
    str_add_bytes(list, value, size);
    return list->failed ? -ENOMEM : 0;
}

/* One record of a pax header; the value is not terminated. */
static int take_record(struct tar *t, const char *key, const char *value, size_t size)
{
    struct member *m = &t->member;
    char text[32] = "";
    memcpy(text, value, size < sizeof text - 1 ? size : sizeof text - 1);
    bool is_path = strcmp(key, "path") == 0, is_link = strcmp(key, "linkpath") == 0;
    if (is_path || is_link) {
        if (size >= NAME_MAX_SIZE)
            return fault(t, -ENAMETOOLONG, "the name is too long");
        put_text(is_path ? m->name : m->link, "", 0, value, size);
        *(is_path ? &t->has_name : &t->has_link) = true;
    } else if (strcmp(key, "size") == 0) {
        m->size = strtoull(text, NULL, 10);
        t->has_size = true;
    } else if (strcmp(key, "uid") == 0) {
        m->uid = (uint32_t)strtoull(text, NULL, 10);
        t->has_uid = true;
    } else if (strcmp(key, "gid") == 0) {
        m->gid = (uint32_t)strtoull(text, NULL, 10);
        t->has_gid = true;
    } else if (strcmp(key, "mtime") == 0) {
        double seconds = strtod(text, NULL);
        m->mtime.tv_sec = (time_t)seconds;
        m->mtime.tv_nsec = (long)((seconds - (double)m->mtime.tv_sec) * 1e9);
        t->has_mtime = m->mtime.tv_nsec >= 0;
    } else if (strncmp(key, xattr_prefix, sizeof xattr_prefix - 1) == 0) {
        return keep_attribute(t, key + sizeof xattr_prefix - 1, value, size);
    }
    return 0;
}

/* Records: "SIZE KEY=VALUE\n", the size that of the whole record. */
static int take_records(struct tar *t, char *text, size_t size)
{
    int r = 0;
    for (size_t at = 0; at < size && r == 0;) {
        char *end;
        size_t all = strtoull(text + at, &end, 10), head = (size_t)(end - (text + at)) + 1;
        char *equals = all <= size - at && head < all ? memchr(end, '=', all - head) : NULL;
        if (!equals || *end != ' ' || text[at + all - 1] != '\n')
            return err_set(t->err, -EINVAL, "the archive has a damaged extended header");
        *equals = 0;
        r = take_record(t, end + 1, equals + 1, (size_t)(text + at + all - 1 - (equals + 1)));
        at += all;
    }
    return r;
}

/* A header that only says something of the next one: 'x', 'L' or 'K'. */
static int take_extra(struct tar *t, char type, uint64_t size)
{
    if (size > EXTRA_MAX)
        return err_set(t->err, -EINVAL, "the archive has a damaged extended header");
    char *text CLEAN_FREE = calloc(1, (size_t)size + 1);
    if (!text)
        return err_set(t->err, -ENOMEM, "no memory");
    int64_t r = size ? read_bytes(t, text, (size_t)size, false) : 0;
    if (r >= 0)
        r = skip(t, padding(size));
    if (r < 0)
        return (int)r;
    if (type == 'x')
        return take_records(t, text, (size_t)size);
    return take_record(t, type == 'L' ? "path" : "linkpath", text, strlen(text));
}

/* Members -------------------------------------------------------------------*/

/* Finds the directory of a name, which it makes if need be; links are not
 * followed. */
static int find_place(struct tar *t, const char *path, struct store_name *out)
{
    uint32_t at = STORE_ROOT;
    for (;;) {
        path += strspn(path, "/");
        size_t size = strcspn(path, "/"), more = strspn(path + size, "/");
        if (size == 1 && path[0] == '.' && path[1]) {
            path += size;
            continue;
        }
        if (size == 2 && memcmp(path, "..", 2) == 0)
            return -EINVAL;
        *out = (struct store_name){at, path, size};
        if (path[size + more] == 0)
            return 0;
        int r = store_lookup(t->store, at, path, size, &at);
        if (r == -ENOENT)
            r = store_create(t->store, out, &(struct store_new){.mode = S_IFDIR | 0755}, &at);
        if (r != 0)
            return r;
        path += size;
    }
}

static int copy_contents(struct tar *t, uint32_t ino)
{
    int64_t r = 0;
    for (uint64_t at = 0; at < t->member.size && r >= 0;) {
        uint64_t left = t->member.size - at;
        size_t part = left < BUFFER ? (size_t)left : BUFFER;
        r = read_bytes(t, t->buffer, part, false);
        ssize_t put = r > 0 ? store_write(t->store, ino, at, t->buffer, part) : 0;
        if (r > 0 && put != (ssize_t)part)
            return fault(t, put < 0 ? (int)put : -ENOSPC, "the image is full");
        at += part;
        box_progress(t->files, t->bytes += part);
    }
    return r < 0 ? (int)r : skip(t, padding(t->member.size));
}

static int set_attributes(struct tar *t, uint32_t ino)
{
    const struct member *m = &t->member;
    struct store_attr to = {
        .mode = m->mode, .uid = m->uid, .gid = m->gid, .atime = m->mtime, .mtime = m->mtime};
    int r = store_setattr(t->store, ino,
                          STORE_MODE | STORE_UID | STORE_GID | STORE_ATIME | STORE_MTIME, &to);
    for (const char *at = m->attributes.at, *end = at + m->attributes.size; at < end && r == 0;) {
        struct store_xattr x = {.name = at};
        uint64_t size;
        at += strlen(at) + 1;
        memcpy(&size, at, sizeof size);
        x.value = at + sizeof size;
        x.size = (size_t)size;
        r = store_setxattr(t->store, ino, &x);
        at += sizeof size + size;
    }
    return r;
}

static uint32_t type_bits(char type)
{
    switch (type) {
    case '2': return S_IFLNK;
    case '3': return S_IFCHR;
    case '4': return S_IFBLK;
    case '5': return S_IFDIR;
    case '6': return S_IFIFO;
    default: return S_IFREG; /* '0', NUL, '7', and what is unknown */
    }
}

/* A later member of the same name takes the place of an earlier. */
static int make(struct tar *t, const struct store_name *to, uint32_t *ino)
{
    const struct member *m = &t->member;
    struct store_new what = {.mode = type_bits(m->type) | m->mode,
                             .target = m->link,
                             .major = m->major,
                             .minor = m->minor};
    int r = store_create(t->store, to, &what, ino);
    if (r != -EEXIST)
        return r;
    struct store_attr old;
    r = store_lookup(t->store, to->dir, to->name, to->size, ino);
    if (r == 0)
        r = store_getattr(t->store, *ino, &old);
    if (r != 0 || (S_ISDIR(old.mode) && m->type == '5'))
        return r;
    r = store_unlink(t->store, to->dir, to->name, to->size);
    return r == 0 ? store_create(t->store, to, &what, ino) : r;
}

static int hard_link(struct tar *t, const struct store_name *to)
{
    struct store_name from;
    uint32_t ino;
    int r = find_place(t, t->member.link, &from);
    if (r == 0)
        r = store_lookup(t->store, from.dir, from.name, from.size, &ino);
    return r == 0 ? store_link(t->store, ino, to->dir, to->name, to->size) : r;
}

static int unpack_member(struct tar *t)
{
    struct store_name to;
    uint32_t ino = STORE_ROOT;
    char type = t->member.type;
    int r = find_place(t, t->member.name, &to);
    if (r == 0 && type == '1') {
        r = hard_link(t, &to);
        return r == 0 ? skip(t, t->member.size + padding(t->member.size))
                      : fault(t, r, strerror(-r));
    }
    bool root = r == 0 && (to.size == 0 || (to.size == 1 && to.name[0] == '.'));
    if (r == 0 && !root)
        r = make(t, &to, &ino);
    if (r != 0)
        return fault(t, r, strerror(-r));
    if (type_bits(type) == S_IFREG)
        r = copy_contents(t, ino);
    else
        r = skip(t, t->member.size + padding(t->member.size));
    if (r != 0)
        return r;
    r = set_attributes(t, ino);
    return r == 0 ? 0 : fault(t, r, strerror(-r));
}

static void forget_member(struct tar *t)
{
    str_free(&t->member.attributes);
    t->member.attributes = (struct str){0};
    t->has_name = t->has_link = t->has_size = t->has_mtime = t->has_uid = t->has_gid = false;
}

/* One header and what belongs to it; 1: the archive ends. */
static int step(struct tar *t)
{
    static const char zeros[BLOCK];
    struct raw_header h;
    int64_t got = read_bytes(t, &h, sizeof h, true);
    if (got <= 0)
        return got < 0 ? (int)got : 1;
    if (memcmp(&h, zeros, sizeof h) == 0)
        return 1;
    if (!checksum_is_right(&h))
        return err_set(t->err, -EINVAL, "this is no tar archive, or a damaged or compressed one");
    uint64_t size = number(h.size, sizeof h.size);
    if (h.type == 'x' || h.type == 'L' || h.type == 'K')
        return take_extra(t, h.type, size);
    if (h.type == 'g')
        return skip(t, size + padding(size));
    if (h.type == 'S')
        return err_set(t->err, -EOPNOTSUPP,
                       "the archive has a sparse file of GNU tar: make it "
                       "without --sparse, or with --format=pax");
    read_header(t, &h);
    box_progress(++t->files, t->bytes);
    int r = unpack_member(t);
    forget_member(t);
    return r;
}

int tar_unpack(struct store *s, int fd, struct err *err)
{
    struct tar *t = calloc(1, sizeof *t);
    int r = 0;
    if (!t)
        return err_set(err, -ENOMEM, "no memory");
    t->store = s;
    t->fd = fd;
    t->err = err;
    while (r == 0)
        r = step(t);
    forget_member(t);
    free(t);
    return r < 0 ? r : 0;
}
