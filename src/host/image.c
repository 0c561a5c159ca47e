#include "host/image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

int image_fd(const struct device *image)
{
    return (int)(intptr_t)image->context;
}

static int fd_of(void *context)
{
    return (int)(intptr_t)context;
}

static int image_read(void *context, uint64_t offset, void *to, size_t size)
{
    while (size > 0) {
        ssize_t got = pread(fd_of(context), to, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EIO; /* cut short behind our back */
        offset += (uint64_t)got;
        size -= (size_t)got;
        to = (char *)to + got;
    }
    return 0;
}

static int image_write(void *context, uint64_t offset, const void *from, size_t size)
{
    while (size > 0) {
        ssize_t put = pwrite(fd_of(context), from, size, (off_t)offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? -errno : -EIO;
        offset += (uint64_t)put;
        size -= (size_t)put;
        from = (const char *)from + put;
    }
    return 0;
}

static int image_flush(void *context)
{
    return fdatasync(fd_of(context)) == 0 ? 0 : -errno;
}

/* The size of a file or a block device. */
static int size_of(int fd, uint64_t *size)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return -errno;
    if (S_ISBLK(st.st_mode))
        return ioctl(fd, BLKGETSIZE64, size) == 0 ? 0 : -errno;
    *size = (uint64_t)st.st_size;
    return S_ISREG(st.st_mode) ? 0 : -EINVAL;
}

int image_open(struct device *out, const char *path, bool write, struct err *err)
{
    uint64_t size = 0;
    int fd CLEAN_FD = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, -errno, "cannot open %s: %s", path, strerror(errno));
    int r = size_of(fd, &size);
    if (r != 0)
        return err_set(err, r, "%s is neither a file nor a block device", path);
    if (flock(fd, (write ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0)
        return err_set(err, -EBUSY, "%s is in use by another box", path);
    *out = (struct device){.context = (void *)(intptr_t)take_fd(&fd),
                           .size = size,
                           .read = image_read,
                           .write = write ? image_write : NULL,
                           .flush = image_flush};
    return 0;
}

void image_close(struct device *image)
{
    if (image->read)
        close(image_fd(image));
    *image = (struct device){0};
}
