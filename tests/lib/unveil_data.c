/* VOW_DATA_ONLY: unveil() by Landlock alone. */
#include "unveil.h"

TESTS_NEED_LANDLOCK;

static void data_only(void)
{
    make_tree();
    CHECK_EQ(told(vow_unveil_flags(VOW_DATA_ONLY)), 0);
}

static void lock(void)
{
    if (unveil(NULL, NULL) == 0)
        return;
    if (errno == ENOSYS)
        SKIP("landlock: not in this kernel");
    test_fail(__FILE__, __LINE__, "the lock: %s", strerror(errno));
    test_end();
}

TEST(rules_hold_from_the_lock_on)
{
    data_only();
    show(in("a"), "r");
    show(in("a/inner"), "rwc");
    CHECK_EQ(opening(in("b/file"), O_RDONLY), 0);
    lock();
    CHECK_EQ(opening(in("a/file"), O_RDONLY), 0);
    CHECK_EQ(opening(in("a/file"), O_RDWR), EACCES);
    CHECK_EQ(opening(in("b/file"), O_RDONLY), EACCES);
    CHECK_EQ(opening(in("a/inner/new"), O_RDWR | O_CREAT | O_EXCL), 0);
    CHECK_EQ(told(unlink(in("a/inner/new"))), 0);
    CHECK_EQ(told(unlink(in("a/file"))), EACCES);
    CHECK_EQ(told(unveil(in("b"), "r")), EPERM);
    CHECK_EQ(unveil(NULL, NULL), 0);
}

TEST(names_stay_visible)
{
    data_only();
    show(in("a/file"), "r");
    lock();
    CHECK_EQ(opening(in("a/file"), O_RDONLY), 0);
    CHECK_EQ(looking(in("b/file")), 0);
    CHECK_EQ(told(chdir("/")), 0);
}

TEST(what_cannot_be_held_is_refused)
{
    data_only();
    show(in("a"), "rw");
    CHECK_EQ(told(unveil(in("a/inner"), "r")), EINVAL);
    CHECK_EQ(told(unveil(in("a/file"), "r")), EINVAL);
    CHECK_EQ(told(unveil(in("b"), "")), EINVAL);
    CHECK_EQ(told(unveil(in("none"), "r")), ENOENT);
    CHECK_EQ(told(unveil(in("b"), "q")), EINVAL);
    show(in("b/file"), "r");
    CHECK_EQ(told(unveil(in("b"), "rx")), EINVAL);
    show(in("b"), "r");
    show(in("a/inner"), "rwc");
    lock();
    CHECK_EQ(opening(in("b/file"), O_RDONLY), 0);
    CHECK_EQ(opening(in("a/inner/file"), O_RDWR), 0);
}

TEST(flags_come_first)
{
    make_tree();
    CHECK_EQ(told(vow_unveil_flags(0)), EINVAL);
    CHECK_EQ(told(vow_unveil_flags(VOW_DATA_ONLY | 2)), EINVAL);
    show(in("a"), "r");
    CHECK_EQ(told(vow_unveil_flags(VOW_DATA_ONLY)), EPERM);
    CHECK_EQ(looking(in("b")), ENOENT);
}
