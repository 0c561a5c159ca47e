/* unveil() as OpenBSD has it: rule by rule, over a small tree of its own. */
#include "unveil.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/xattr.h>

TESTS_NEED_LANDLOCK;

TEST(the_first_call_hides_the_rest)
{
    make_tree();
    CHECK_EQ(opening(in("b/file"), O_RDONLY), 0);
    show(in("a"), "r");
    CHECK_EQ(opening(in("a/file"), O_RDONLY), 0);
    CHECK_EQ(opening(in("a/inner/file"), O_RDONLY), 0);
    CHECK_EQ(opening(in("b/file"), O_RDONLY), ENOENT);
    CHECK_EQ(opening("/etc/passwd", O_RDONLY), ENOENT);
    CHECK_EQ(looking("/"), ENOENT);
    CHECK_EQ(looking(root), ENOENT);
    CHECK_EQ(looking(in("a")), 0);
}

TEST(permissions_are_four)
{
    make_tree();
    show(in("a"), "r");
    show(in("b"), "w");
    CHECK_EQ(opening(in("a/file"), O_WRONLY), EACCES);
    CHECK_EQ(opening(in("a/file"), O_RDWR), EACCES);
    CHECK_EQ(opening(in("a/file"), O_RDONLY | O_TRUNC), EACCES);
    CHECK_EQ(opening(in("a/new"), O_WRONLY | O_CREAT), EACCES);
    CHECK_EQ(opening(in("b/file"), O_WRONLY), 0);
    CHECK_EQ(opening(in("b/file"), O_RDONLY), EACCES);
    CHECK_EQ(opening(in("b/file"), O_WRONLY | O_CREAT), EACCES);
    show(in("b"), "wc");
    CHECK_EQ(opening(in("b/new"), O_WRONLY | O_CREAT | O_EXCL), 0);
    CHECK_EQ(opening(in("b/new"), O_WRONLY | O_CREAT | O_EXCL), EEXIST);
    CHECK_EQ(opening(in("b/new"), O_WRONLY | O_CREAT), 0);
}

TEST(the_more_specific_rule_counts)
{
    make_tree();
    show(in("a"), "rw");
    show(in("a/inner"), "r");
    CHECK_EQ(opening(in("a/file"), O_RDWR), 0);
    CHECK_EQ(opening(in("a/inner/file"), O_RDWR), EACCES);
    CHECK_EQ(opening(in("a/inner/file"), O_RDONLY), 0);
    show(in("a/inner"), "");
    CHECK_EQ(opening(in("a/inner/file"), O_RDONLY), ENOENT);
    CHECK_EQ(looking(in("a/inner")), ENOENT);
    CHECK_EQ(opening(in("a/inner/../file"), O_RDONLY), 0);
    show(in("a/inner/file"), "r");
    CHECK_EQ(opening(in("a/inner/file"), O_RDONLY), 0);
    CHECK_EQ(opening(in("a/inner"), O_RDONLY), ENOENT);
}

TEST(a_rule_may_be_replaced_until_the_lock)
{
    make_tree();
    show(in("a"), "r");
    CHECK_EQ(opening(in("a/file"), O_WRONLY), EACCES);
    show(in("a"), "rw");
    CHECK_EQ(opening(in("a/file"), O_WRONLY), 0);
    show(in("a"), "w");
    CHECK_EQ(opening(in("a/file"), O_RDONLY), EACCES);
    CHECK_EQ(unveil(NULL, NULL), 0);
    CHECK_EQ(told(unveil(in("a"), "r")), EPERM);
    CHECK_EQ(told(unveil(in("b"), "r")), EPERM);
    CHECK_EQ(unveil(NULL, NULL), 0);
    CHECK_EQ(opening(in("a/file"), O_RDONLY), EACCES);
    CHECK_EQ(opening(in("a/file"), O_WRONLY), 0);
}

TEST(a_lock_alone_hides_nothing)
{
    CHECK_EQ(unveil(NULL, NULL), 0);
    CHECK_EQ(opening("/etc/passwd", O_RDONLY), 0);
    CHECK_EQ(told(unveil("/etc", "r")), EPERM);
}

TEST(a_file_may_be_absent_and_come_again)
{
    make_tree();
    show(in("a/new"), "rwc");
    CHECK_EQ(opening(in("a/new"), O_RDONLY), ENOENT);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(opening(in("a/new"), O_RDWR | O_CREAT | O_EXCL), 0);
        CHECK_EQ(opening(in("a/new"), O_RDWR), 0);
        CHECK_EQ(looking(in("a/new")), 0);
        CHECK_EQ(told(unlink(in("a/new"))), 0);
    }
    CHECK_EQ(opening(in("a/other"), O_RDWR | O_CREAT), ENOENT);
    CHECK_EQ(opening(in("a/file"), O_RDONLY), ENOENT);
    CHECK_EQ(looking(in("a")), ENOENT);
}

TEST(a_file_is_a_name_a_directory_is_itself)
{
    make_tree();
    show(in("a"), "r");
    show(in("b/file"), "rw");
    CHECK_EQ(opening(in("b/link"), O_RDONLY), 0); /* leads to a/file */
    struct stat stat_;
    CHECK_EQ(told(lstat(in("b/link"), &stat_)), ENOENT);
    CHECK_EQ(opening(in("b/link"), O_WRONLY), EACCES);
    show(in("b/link"), "rw"); /* is about a/file */
    CHECK_EQ(opening(in("a/file"), O_RDWR), 0);
    CHECK_EQ(opening(in("a/inner/file"), O_RDWR), EACCES);
    pid_t other = fork();
    CHECK(other >= 0);
    CHECK_EQ(told(other == 0 ? (_exit(0), 0) : waitpid(other, NULL, 0)), 0);
}

TEST(wrong_arguments)
{
    make_tree();
    CHECK_EQ(told(unveil(in("none/file"), "r")), ENOENT);
    CHECK_EQ(told(unveil(in("a"), "rq")), EINVAL);
    CHECK_EQ(told(unveil("", "r")), EINVAL);
    CHECK_EQ(told(unveil(in("a"), "rwxcr")), ENAMETOOLONG);
    CHECK_EQ(told(unveil(NULL, "r")), EFAULT);
    CHECK_EQ(told(unveil(in("a"), NULL)), EFAULT);
    CHECK_EQ(told(unveil((const char *)8, "r")), EFAULT);
    show(in("a"), "cxwr");
    CHECK_EQ(opening(in("a/file"), O_RDWR), 0);
}

TEST(there_is_room_for_128_of_each)
{
    char name[32];
    make_tree();
    for (int i = 0; i < 128; i++) {
        snprintf(name, sizeof name, "a/name-%d", i);
        show(in(name), "rwc");
    }
    CHECK_EQ(told(unveil(in("a/another"), "r")), E2BIG);
    CHECK_EQ(told(unveil(in("a/name-77"), "r")), 0);
    CHECK_EQ(told(unveil(in("b"), "r")), 0);
    CHECK_EQ(opening(in("a/name-127"), O_RDWR | O_CREAT), 0);
    CHECK_EQ(opening(in("b/file"), O_RDONLY), 0);
}

/* Every kind of call, on something that has all letters, one that has r, one
 * that is hidden. */
TEST(calls_that_look)
{
    struct stat stat_;
    char text[64];
    make_tree();
    show(in("a"), "r");
    show(in("b"), "w");
    const char *names[] = {"a/file", "b/file", "none/file"};
    const int wanted[] = {0, EACCES, ENOENT};
    CHECK_EQ(symlink("x", in("a/sym")), -1);
    for (int i = 0; i < 3; i++) {
        const char *path = in(names[i]);
        CHECK_EQ(told(stat(path, &stat_)), wanted[i]);
        CHECK_EQ(told(lstat(path, &stat_)), wanted[i]);
        CHECK_EQ(told(fstatat(AT_FDCWD, path, &stat_, AT_SYMLINK_NOFOLLOW)), wanted[i]);
        CHECK_EQ(told(access(path, F_OK)), wanted[i]);
        CHECK_EQ(told(faccessat(AT_FDCWD, path, R_OK, AT_EACCESS)), wanted[i]);
        CHECK_EQ(told(readlink(path, text, sizeof text)), wanted[i] ? wanted[i] : EINVAL);
        CHECK_EQ(told(listxattr(path, text, sizeof text)), wanted[i]);
        CHECK_EQ(opening(path, O_PATH), wanted[i]);
    }
    CHECK_EQ(told(access(in("a/file"), W_OK)), EACCES);
    CHECK_EQ(told(chdir(in("a"))), 0);
    CHECK_EQ(told(chdir(in("a/file"))), ENOTDIR);
    CHECK_EQ(told(chdir(in("b"))), EACCES);
    CHECK_EQ(told(chdir("/")), ENOENT);
    CHECK_EQ(looking("file"), 0);
    CHECK_EQ(looking("../b/link"), 0);
    CHECK_EQ(looking(".."), ENOENT);
}

TEST(calls_that_change)
{
    make_tree();
    show(in("a"), "rw");
    show(in("b"), "r");
    const char *names[] = {"a/file", "b/file", "none/file"};
    const int wanted[] = {0, EACCES, ENOENT};
    struct timespec times[2] = {{1, 2}, {3, 4}};
    struct timeval old_times[2] = {{5, 6}, {7, 8}};
    struct stat stat_;
    for (int i = 0; i < 3; i++) {
        const char *path = in(names[i]);
        CHECK_EQ(told(chmod(path, 0640)), wanted[i]);
        CHECK_EQ(told(chown(path, getuid(), getgid())), wanted[i]);
        CHECK_EQ(told(lchown(path, getuid(), getgid())), wanted[i]);
        CHECK_EQ(told(truncate(path, 3)), wanted[i]);
        CHECK_EQ(told(utimes(path, old_times)), wanted[i]);
        CHECK_EQ(told(utimensat(AT_FDCWD, path, times, 0)), wanted[i]);
        int set = told(setxattr(path, "user.vow", "x", 1, 0));
        CHECK(set == wanted[i] || (i == 0 && set == EOPNOTSUPP));
    }
    CHECK_EQ(told(stat(in("a/file"), &stat_)), 0);
    CHECK_EQ(stat_.st_mode & 0777, 0640);
    CHECK_EQ(stat_.st_size, 3);
    CHECK_EQ(stat_.st_atim.tv_nsec, 2);
    CHECK_EQ(stat_.st_mtim.tv_sec, 3);
}

TEST(calls_that_make_and_remove)
{
    make_tree();
    show(in("a"), "rwc");
    show(in("b"), "rw");
    umask(027);
    struct stat stat_;
    CHECK_EQ(told(mkdir(in("a/new"), 0777)), 0);
    CHECK_EQ(told(stat(in("a/new"), &stat_)), 0);
    CHECK_EQ(stat_.st_mode & 07777, 0750);
    CHECK_EQ(told(mkdir(in("a/new"), 0777)), EEXIST);
    CHECK_EQ(told(mkdir(in("b/new"), 0777)), EACCES);
    CHECK_EQ(told(mkdir(in("new"), 0777)), ENOENT);
    CHECK_EQ(told(mkfifo(in("a/fifo"), 0666)), 0);
    CHECK_EQ(told(mkfifo(in("b/fifo"), 0666)), EACCES);
    CHECK_EQ(told(symlink("file", in("a/sym"))), 0);
    CHECK_EQ(looking(in("a/sym")), 0);
    CHECK_EQ(told(symlink("file", in("b/sym"))), EACCES);
    CHECK_EQ(told(link(in("b/file"), in("a/linked"))), 0);
    CHECK_EQ(told(link(in("a/file"), in("b/linked"))), EACCES);
    CHECK_EQ(told(rename(in("a/linked"), in("a/renamed"))), 0);
    CHECK_EQ(told(rename(in("a/renamed"), in("b/renamed"))), EACCES);
    CHECK_EQ(told(rename(in("b/file"), in("a/moved"))), EACCES);
    CHECK_EQ(told(rename(in("a/renamed"), in("out"))), ENOENT);
    CHECK_EQ(told(unlink(in("a/renamed"))), 0);
    CHECK_EQ(told(unlink(in("a/renamed"))), ENOENT);
    CHECK_EQ(told(unlink(in("b/file"))), EACCES);
    CHECK_EQ(told(rmdir(in("a/new"))), 0);
    CHECK_EQ(told(rmdir(in("b"))), EACCES);
    CHECK_EQ(told(unlink("/etc/hostname")), ENOENT);
}

TEST(pre_opened_directories_are_no_way_out)
{
    struct stat stat_;
    make_tree();
    int hidden = open(in("b"), O_RDONLY | O_DIRECTORY), seen = open(in("a"), O_RDONLY);
    CHECK(hidden >= 0 && seen >= 0);
    show(in("a"), "r");
    CHECK_EQ(told(openat(seen, "file", O_RDONLY)), 0);
    CHECK_EQ(told(openat(hidden, "file", O_RDONLY)), ENOENT);
    CHECK_EQ(told(fstatat(hidden, "file", &stat_, 0)), ENOENT);
    CHECK_EQ(told(openat(hidden, ".", O_RDONLY)), ENOENT);
    CHECK_EQ(told(openat(seen, "../b/file", O_RDONLY)), ENOENT);
    CHECK_EQ(told(openat(hidden, "../a/file", O_RDONLY)), 0);
    CHECK_EQ(told(fchdir(hidden)), 0);
    CHECK_EQ(opening("file", O_RDONLY), ENOENT);
    CHECK_EQ(told(fstat(hidden, &stat_)), 0);
    CHECK_EQ(told(openat(-7, "file", O_RDONLY)), EBADF);
    CHECK_EQ(told(openat(hidden, "", O_RDONLY)), ENOENT);
}

TEST(children_are_held_and_brokers_unseen)
{
    make_tree();
    show(in("a"), "r");
    pid_t pid = fork();
    if (pid == 0) {
        CHECK_EQ(opening(in("a/file"), O_RDONLY), 0);
        CHECK_EQ(opening(in("b/file"), O_RDONLY), ENOENT);
        test_end();
    }
    int status;
    CHECK_EQ(waitpid(-1, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK_EQ(waitpid(-1, &status, 0), -1);
    CHECK_EQ(errno, ECHILD);
}

static void *look_about(void *unused)
{
    (void)unused;
    for (int i = 0; i < 300; i++) {
        CHECK_EQ(opening(in("a/file"), O_RDONLY), 0);
        CHECK_EQ(opening(in("b/file"), O_RDONLY), ENOENT);
        CHECK_EQ(looking(in("a/inner")), 0);
    }
    return NULL;
}

static int ready[2];
static void *look_later(void *unused)
{
    char byte;
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    return look_about(unused);
}

TEST(threads_are_held_too)
{
    pthread_t before, after[3];
    make_tree();
    CHECK_EQ(pipe(ready), 0);
    CHECK_EQ(pthread_create(&before, NULL, look_later, NULL), 0);
    show(in("a"), "r");
    CHECK_EQ(write(ready[1], "x", 1), 1);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&after[i], NULL, look_about, NULL), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_join(after[i], NULL), 0);
    CHECK_EQ(pthread_join(before, NULL), 0);
}

TEST(directories_are_listed_as_ever)
{
    make_tree();
    show(in("a"), "r");
    DIR *dir = opendir(in("a"));
    int entries = 0;
    CHECK(dir);
    while (dir && readdir(dir))
        entries++;
    CHECK_EQ(entries, 4);
    CHECK_EQ(closedir(dir), 0);
    CHECK(!opendir(in("b")));
    CHECK_EQ(errno, ENOENT);
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return address;
}

static int connecting(const char *path)
{
    struct sockaddr_un address = address_of(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result = told(connect(fd, (struct sockaddr *)&address, sizeof address));
    close(fd);
    return result;
}

static int binding(const char *path)
{
    struct sockaddr_un address = address_of(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result = told(bind(fd, (struct sockaddr *)&address, sizeof address));
    if (result == 0)
        result = told(listen(fd, 5));
    return result; /* stays open */
}

static int kept_flags(const char *path, int flags)
{
    int fd = open(path, flags, 0600);
    int kept = fcntl(fd, F_GETFL);
    CHECK_EQ(told(close(fd)), 0);
    return kept;
}

/* What the kernel hands over is what it would have opened itself. */
TEST(a_descriptor_has_the_flags_that_were_asked_for)
{
    static const int flags[] = {O_RDONLY,
                                O_WRONLY | O_APPEND,
                                O_RDWR | O_NONBLOCK,
                                O_RDONLY | O_NOFOLLOW,
                                O_WRONLY | O_TRUNC,
                                O_WRONLY | O_CREAT,
                                O_RDONLY | O_NONBLOCK | O_CREAT};
    int file[sizeof flags / sizeof *flags], directory;
    make_tree();
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        file[i] = kept_flags(in("a/file"), flags[i]);
    directory = kept_flags(in("a/inner"), O_RDONLY | O_DIRECTORY);
    show(in("a"), "rwc");
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        CHECK_EQ(kept_flags(in("a/file"), flags[i]), file[i]);
    CHECK_EQ(kept_flags(in("a/inner"), O_RDONLY | O_DIRECTORY), directory);
    CHECK_EQ(opening(in("a/file"), O_RDONLY | O_DIRECTORY), ENOTDIR);
    CHECK_EQ(opening(in("a/inner"), O_RDWR), EISDIR);
}

TEST(sockets_with_a_path)
{
    make_tree();
    CHECK_EQ(binding(in("a/before")), 0);
    CHECK_EQ(binding(in("b/before")), 0);
    show(in("a"), "rwc");
    show(in("b"), "r");
    CHECK_EQ(binding(in("a/socket")), 0);
    CHECK_EQ(binding(in("a/socket")), EADDRINUSE);
    CHECK_EQ(binding(in("b/socket")), EACCES);
    CHECK_EQ(binding(in("socket")), ENOENT);
    CHECK_EQ(connecting(in("a/socket")), 0);
    CHECK_EQ(connecting(in("a/before")), 0);
    CHECK_EQ(connecting(in("b/before")), EACCES);
    CHECK_EQ(connecting("/run/systemd/notify"), ENOENT);
    struct sockaddr_un address = address_of(in("b/before"));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(told(sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof address)), EACCES);
    address = address_of(in("a/before"));
    CHECK_EQ(told(sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof address)), EPROTOTYPE);
}

TEST(promises_open_their_exceptions_below_an_unveil)
{
    make_tree();
    show(in("a"), "r");
    CHECK_EQ(opening("/dev/null", O_RDWR), ENOENT);
    CHECK_EQ(told(pledge("stdio", NULL)), 0);
    CHECK_EQ(opening("/dev/null", O_RDONLY), 0);
    CHECK_EQ(opening("/dev/null", O_WRONLY), 0);
    CHECK_EQ(opening("/dev/null", O_RDWR), 0);
}

TEST(rules_may_come_after_a_pledge)
{
    make_tree();
    CHECK_EQ(told(pledge("stdio rpath unveil", NULL)), 0);
    CHECK_EQ(opening(in("b/file"), O_RDONLY), 0);
    show(in("a"), "r");
    CHECK_EQ(opening(in("a/file"), O_RDONLY), 0);
    CHECK_EQ(opening(in("b/file"), O_RDONLY), ENOENT);
    CHECK_EQ(told(pledge("stdio rpath", NULL)), 0);
    CHECK_EQ(opening(in("a/file"), O_RDONLY), 0);
    CHECK_EQ(opening(in("b/file"), O_RDONLY), ENOENT);
}
