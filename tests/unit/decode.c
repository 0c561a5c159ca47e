/* The stranger here is a piece of memory and a table of links. */
#include "harness.h"

#include "watch/decode.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#define AT 0x7000u /* where the memory begins */

struct fake {
    const void *memory;
    size_t size;
};

static ssize_t fake_read(void *context, uint64_t address, void *to, size_t size)
{
    const struct fake *fake = context;
    if (address < AT || address >= AT + fake->size)
        return -EFAULT;
    size_t left = AT + fake->size - address;
    size_t got = size < left ? size : left;
    memcpy(to, (const char *)fake->memory + (address - AT), got);
    return (ssize_t)got;
}

static int fake_link(void *context, const char *name, char *to, size_t size)
{
    static const char *const links[][2] = {{"cwd", "/home/u"},
                                           {"fd/3", "/srv/data"},
                                           {"fd/4", "/"},
                                           {"fd/5", "socket:[77]"},
                                           {"fd/6", "/srv/log"}};
    (void)context;
    for (size_t i = 0; i < ARRAY_COUNT(links); i++)
        if (strcmp(links[i][0], name) == 0 && strlen(links[i][1]) < size) {
            strcpy(to, links[i][1]);
            return 0;
        }
    return -ENOENT;
}

/* Decodes a call of `arch` whose arguments may point into `memory`. */
static const struct decoded *decode_on(const char *arch_word, const char *name,
                                       const struct fake *fake, const uint64_t args[6])
{
    static struct decoded out;
    const struct arch *arch = arch_by_name(arch_word);
    const struct sys_call *call = arch_call_by_name(arch, name);
    struct call_event event = {.arch = arch, .nr = call->nr};
    memcpy(event.args, args, sizeof event.args);
    struct target target = {fake_read, fake_link, (void *)fake};
    decode_call(&target, &event, call, &out);
    return &out;
}

#define DECODE(name, fake, ...) decode_on("x86_64", name, fake, (uint64_t[6]){__VA_ARGS__})

static struct fake text(const char *string)
{
    return (struct fake){string, strlen(string) + 1};
}

/* openat(dir, path, flags) */
static void opens(int dir, const char *path, int flags, enum operation_kind kind,
                  const char *wanted)
{
    struct fake fake = text(path);
    const struct decoded *got = DECODE("openat", &fake, (uint32_t)dir, AT, (uint32_t)flags);
    CHECK_EQ(got->place_count, 1);
    CHECK_EQ(got->kind, kind);
    CHECK_EQ(got->places[0].kind, kind);
    CHECK_STR(got->places[0].path, wanted);
}

TEST(paths_are_made_absolute)
{
    opens(AT_FDCWD, "/etc/passwd", O_RDONLY, OP_OPEN_READ, "/etc/passwd");
    opens(3, "/etc/passwd", O_RDONLY, OP_OPEN_READ, "/etc/passwd");
    opens(AT_FDCWD, "notes/../x", O_RDONLY, OP_OPEN_READ, "/home/u/notes/../x");
    opens(3, "a", O_RDONLY, OP_OPEN_READ, "/srv/data/a");
    opens(4, "a", O_RDONLY, OP_OPEN_READ, "/a");
}

TEST(flags_say_what_an_open_is)
{
    opens(AT_FDCWD, "/a", O_WRONLY, OP_OPEN_WRITE, "/a");
    opens(AT_FDCWD, "/a", O_RDWR, OP_OPEN_READ_WRITE, "/a");
    opens(AT_FDCWD, "/a", 3, OP_OPEN_READ_WRITE, "/a");
    opens(AT_FDCWD, "/a", O_RDONLY | O_TRUNC, OP_TRUNCATE, "/a");
    opens(AT_FDCWD, "/a", O_RDONLY | O_DIRECTORY, OP_LIST, "/a");
    opens(AT_FDCWD, "/a", O_PATH | O_DIRECTORY, OP_STAT, "/a");
    opens(AT_FDCWD, "/a", O_RDWR | O_TMPFILE, OP_CREATE, "/a");
}

TEST(creating_and_following)
{
    struct fake fake = text("/a");
    const struct decoded *got = DECODE("openat", &fake, 0, AT, O_WRONLY | O_CREAT);
    CHECK(got->places[0].create && !got->places[0].exclusive && got->places[0].follow);
    got = DECODE("openat", &fake, 0, AT, O_WRONLY | O_CREAT | O_EXCL);
    CHECK(got->places[0].create && got->places[0].exclusive && !got->places[0].follow);
    got = DECODE("openat", &fake, 0, AT, O_RDONLY | O_NOFOLLOW);
    CHECK(!got->places[0].create && !got->places[0].follow);
    got = DECODE("creat", &fake, AT, 0644);
    CHECK(got->kind == OP_OPEN_WRITE && got->places[0].create);
    CHECK(DECODE("stat", &fake, AT)->places[0].follow);
    CHECK(!DECODE("lstat", &fake, AT)->places[0].follow);
    CHECK(!DECODE("readlink", &fake, AT)->places[0].follow);
    CHECK(DECODE("newfstatat", &fake, 0, AT)->places[0].follow);
    CHECK(!DECODE("newfstatat", &fake, 0, AT, 0, AT_SYMLINK_NOFOLLOW)->places[0].follow);
    CHECK(!DECODE("unlink", &fake, AT)->places[0].follow);
    CHECK(!DECODE("mkdir", &fake, AT)->places[0].follow);
    CHECK(DECODE("chdir", &fake, AT)->places[0].follow);
    CHECK(DECODE("execve", &fake, AT)->places[0].follow);
}

TEST(two_paths)
{
    static const char both[] = "/old\0/new";
    struct fake fake = {both, sizeof both};
    const struct decoded *got = DECODE("renameat2", &fake, 0, AT, 3, AT + 5);
    CHECK_EQ(got->place_count, 2);
    CHECK_STR(got->places[0].path, "/old");
    CHECK_STR(got->places[1].path, "/new");
    CHECK(got->places[0].source && !got->places[1].source);
    CHECK_EQ(got->places[1].kind, OP_RENAME);
    got = DECODE("link", &fake, AT, AT + 5);
    CHECK_EQ(got->place_count, 2);
    CHECK_STR(got->places[0].path, "/new");
    CHECK_STR(got->places[1].path, "/old");
    CHECK(!got->places[0].source && got->places[1].source);
    got = DECODE("symlink", &fake, AT, AT + 5);
    CHECK_EQ(got->place_count, 1);
    CHECK_STR(got->places[0].path, "/new");
}

TEST(descriptors_have_paths)
{
    struct fake fake = text("");
    const struct decoded *got = DECODE("ftruncate", &fake, 6);
    CHECK_EQ(got->place_count, 1);
    CHECK_EQ(got->kind, OP_TRUNCATE);
    CHECK_STR(got->places[0].path, "/srv/log");
    CHECK_EQ(DECODE("ftruncate", &fake, 5)->place_count, 0);
    CHECK_EQ(DECODE("ftruncate", &fake, (uint32_t)-1)->place_count, 0);
}

TEST(what_cannot_be_read_is_left_out)
{
    struct fake fake = text("a");
    CHECK_EQ(DECODE("openat", &fake, (uint32_t)AT_FDCWD, 0)->place_count, 0);
    CHECK_EQ(DECODE("openat", &fake, (uint32_t)AT_FDCWD, UINT64_MAX)->place_count, 0);
    CHECK_EQ(DECODE("openat", &fake, (uint32_t)AT_FDCWD, AT + 2)->place_count, 0);
    CHECK_EQ(DECODE("openat", &fake, 5, AT)->place_count, 0); /* not a directory */
    CHECK_EQ(DECODE("openat", &fake, 9, AT)->place_count, 0); /* not open */
    struct fake empty = text("");
    CHECK_EQ(DECODE("newfstatat", &empty, 3, AT, 0, AT_EMPTY_PATH)->place_count, 0);
    struct fake cut = {"/etc/pass", 9}; /* the page ends before the NUL */
    CHECK_EQ(DECODE("open", &cut, AT)->place_count, 0);
}

TEST(long_paths)
{
    static char path[3 * DECODE_PATH_SIZE];
    memset(path, 'a', sizeof path - 1);
    struct fake fake = text(path);
    CHECK_EQ(DECODE("open", &fake, AT)->place_count, 0);
    path[DECODE_PATH_SIZE] = '\0';
    fake = text(path);
    CHECK_EQ(DECODE("open", &fake, AT)->place_count, 0);
    path[DECODE_PATH_SIZE - 1] = '\0';
    fake = text(path);
    const struct decoded *got = DECODE("open", &fake, AT);
    CHECK_EQ(got->place_count, 1);
    CHECK_EQ(strlen(got->places[0].path), strlen("/home/u/") + DECODE_PATH_SIZE - 1);
}

static const struct decoded *connects(const void *address, size_t size)
{
    struct fake fake = {address, size};
    return DECODE("connect", &fake, 3, AT, size);
}

TEST(internet_addresses)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(443)};
    inet_pton(AF_INET, "192.0.2.7", &in.sin_addr);
    CHECK_STR(connects(&in, sizeof in)->object, "192.0.2.7:443");
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
    inet_pton(AF_INET6, "2001:db8::1", &in6.sin6_addr);
    CHECK_STR(connects(&in6, sizeof in6)->object, "[2001:db8::1]:53");
    struct sockaddr other = {.sa_family = AF_NETLINK};
    CHECK_STR(connects(&other, sizeof other)->object, "an address of family 16");
    CHECK_STR(connects(&other, 1)->object, "");
    struct fake nothing = {"", 1};
    CHECK_STR(DECODE("sendto", &nothing, 3, AT, 1, 0, 0, 0)->object, "");
}

static const struct decoded *connects_unix(const char *path, size_t size)
{
    static struct sockaddr_un un;
    memset(&un, 0, sizeof un);
    un.sun_family = AF_UNIX;
    memcpy(un.sun_path, path, size);
    return connects(&un, offsetof(struct sockaddr_un, sun_path) + size);
}

TEST(unix_addresses)
{
    const struct decoded *got = connects_unix("/run/bus", sizeof "/run/bus");
    CHECK_EQ(got->place_count, 1);
    CHECK_STR(got->places[0].path, "/run/bus");
    CHECK_EQ(got->places[0].kind, OP_CONNECT);
    got = connects_unix("bus", 3); /* without its NUL */
    CHECK_STR(got->places[0].path, "/home/u/bus");
    got = connects_unix("\0bus", 4);
    CHECK_EQ(got->place_count, 0);
    CHECK_STR(got->object, "@bus");
    CHECK_STR(connects_unix("", 0)->object, "an unnamed unix socket");
    char whole[108];
    memset(whole, 'x', sizeof whole);
    CHECK_EQ(strlen(connects_unix(whole, sizeof whole)->places[0].path), 8 + sizeof whole);
    whole[0] = '\0';
    CHECK_EQ(strlen(connects_unix(whole, sizeof whole)->object), sizeof whole);
}

TEST(numbers_have_names)
{
    struct fake none = text("");
    CHECK_STR(DECODE("kill", &none, 77, SIGTERM)->object, "SIGTERM to process 77");
    CHECK_STR(DECODE("kill", &none, (uint32_t)-77, 50)->object, "signal 50 to process group 77");
    CHECK_STR(DECODE("kill", &none, 0, SIGKILL)->object, "SIGKILL to its process group");
    CHECK_STR(DECODE("kill", &none, (uint32_t)-1, SIGKILL)->object, "SIGKILL to every process");
    CHECK_STR(DECODE("tgkill", &none, 1, 77, SIGHUP)->object, "SIGHUP to process 77");
    CHECK_STR(DECODE("ioctl", &none, 0, TIOCSTI)->object, "TIOCSTI");
    CHECK_STR(DECODE("ioctl", &none, 0, UINT64_C(0xffffffff00000000) | TIOCSTI)->object, "TIOCSTI");
    CHECK_STR(DECODE("ioctl", &none, 0, 0x12345)->object, "0x12345");
    CHECK_STR(DECODE("socket", &none, AF_INET, SOCK_STREAM | SOCK_CLOEXEC)->object,
              "AF_INET, SOCK_STREAM");
    CHECK_STR(DECODE("socket", &none, 99, 7)->object, "99, 7");
}

TEST(other_architectures)
{
    struct fake fake = text("a");
    uint64_t args[6] = {(uint32_t)AT_FDCWD, AT, O_WRONLY};
    const struct decoded *got = decode_on("i386", "openat", &fake, args);
    CHECK_EQ(got->place_count, 1);
    CHECK_EQ(got->kind, OP_OPEN_WRITE);
    CHECK_STR(got->places[0].path, "/home/u/a");
}
