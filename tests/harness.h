/* harness: TAP, each test in a child of its own (filters are irreversible).
 *
 *   TEST(str_grows) { …; CHECK(x); CHECK_EQ(a, b); CHECK_STR(a, "b"); }
 *   TEST_DIES(overflow, SIGSYS) { … }     passes only if that signal ends it
 *   SKIP("landlock: not in this kernel"); ends the test as skipped
 *
 * The reason of a skip begins with what is missing: a facility that
 * tools/run-tests knows (landlock, landlock-6, linux-6.15, userns, root …) or
 * the name of a program. Where the machine has it, the skip is a failure.
 *
 * A test that outlives 60 s (TEST_SECONDS, on slow machines) is killed with its
 * process group and fails. Link with harness.c, which has main(): a name given as argument runs
 * that test. */
#ifndef VOW_HARNESS_H
#define VOW_HARNESS_H

#include <stdbool.h>
#include <stdint.h>

struct test {
    const char *name;
    void (*run)(void);
    int signal;
    struct test *next;
    const void *data;
};
/* test_data: of the test that runs; for tests that are rows of a table. */
extern const void *test_data;
void test_register(struct test *test);
_Noreturn void test_skip(const char *reason);
/* test_end: in a child that a test forked: exits with 0 if no check failed. */
_Noreturn void test_end(void);
void test_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* test_failed: has a check of this process failed? For bodies that a test runs
 * in a child of its own. */
bool test_failed(void);
void test_check_eq(const char *file, int line, const char *what, int64_t got, int64_t wanted);
void test_check_str(const char *file, int line, const char *what, const char *got,
                    const char *wanted);

#define TEST_DIES(test_name, sig)                                                                  \
    static void test_name(void);                                                                   \
    static struct test test_name##_row = {#test_name, test_name, sig, 0};                          \
    __attribute__((constructor)) static void test_name##_register(void)                            \
    {                                                                                              \
        test_register(&test_name##_row);                                                           \
    }                                                                                              \
    static void test_name(void)
#define TEST(test_name) TEST_DIES(test_name, 0)
/* TESTS_NEED_LANDLOCK: once in a file whose program can hold nothing without. */
extern bool test_needs_landlock;
#define TESTS_NEED_LANDLOCK                                                                        \
    __attribute__((constructor)) static void test_needs(void)                                      \
    {                                                                                              \
        test_needs_landlock = true;                                                                \
    }                                                                                              \
    _Static_assert(1, "a semicolon follows")
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            test_fail(__FILE__, __LINE__, "%s", #condition);                                       \
    } while (0)
#define CHECK_EQ(got, wanted)                                                                      \
    test_check_eq(__FILE__, __LINE__, #got, (int64_t)(got), (int64_t)(wanted))
#define CHECK_STR(got, wanted) test_check_str(__FILE__, __LINE__, #got, got, wanted)
#define SKIP(reason) test_skip(reason)

#endif
