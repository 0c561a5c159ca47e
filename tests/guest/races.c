/* usage: races
 * Processes that read, stat, seek, rename, truncate, write, unlink and replace the
 * same files at the same time, in a box. Each file says what it is: no reader may
 * see what never was. Prints a line for each theme, and what was wrong. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 1000, READERS = 3, SIZE = 3 * 4096 + 512, RECORD = 64, RECORDS = 4000 };

/* What all processes of a theme share. */
struct board {
    uint32_t over;  /* the writer has ended */
    uint32_t wrong; /* how often something was */
    uint32_t seen;  /* readings that said something */
    uint32_t counts[RECORDS];
};
static struct board *board;

static void wrong(const char *what, long a, long b)
{
    if (__atomic_fetch_add(&board->wrong, 1, __ATOMIC_SEQ_CST) < 5) {
        printf("%s: %ld %ld\n", what, a, b);
        fflush(stdout);
    }
}

static int is_over(void)
{
    return __atomic_load_n(&board->over, __ATOMIC_SEQ_CST) != 0;
}

static void put(int fd, uint32_t generation)
{
    static uint32_t words[SIZE / 4];
    for (size_t i = 0; i < SIZE / 4; i++)
        words[i] = generation;
    if (pwrite(fd, words, SIZE, 0) != SIZE)
        wrong("pwrite", errno, generation);
}

/* The generation that a file says it is; 0: it is empty, or not there. */
static uint32_t get(int fd)
{
    uint32_t words[SIZE / 4 + 1024];
    long n = fd < 0 ? 0 : pread(fd, words, sizeof words, 0);
    if (n == 0)
        return 0;
    if (n != SIZE)
        wrong("size", n, SIZE);
    for (long i = 1; i < n / 4; i++)
        if (words[i] != words[0]) {
            wrong("two generations in one reading", words[0], words[i]);
            break;
        }
    __atomic_fetch_add(&board->seen, 1, __ATOMIC_RELAXED);
    return words[0];
}

static int open_new(const char *name)
{
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (fd < 0)
        wrong("open", errno, 0);
    return fd;
}

static void in_children(int count, void (*run)(int index))
{
    for (int i = 0; i < count; i++)
        if (fork() == 0) {
            run(i);
            _exit(0);
        }
}

/* Runs a writer here and readers beside it. */
static void compete(void (*writer)(void), void (*reader)(int))
{
    in_children(READERS, reader);
    writer();
    __atomic_store_n(&board->over, 1, __ATOMIC_SEQ_CST);
    while (wait(NULL) > 0)
        ;
}

/* Themes -----------------------------------------------------------------------------------*/

static int kept, may_be_empty;

static void write_generations(void)
{
    for (uint32_t i = 1; i <= ROUNDS; i++)
        put(kept, i);
}

static void read_generations(int index)
{
    uint32_t last = 0;
    int fd = index == 0 ? kept : open("f", O_RDONLY);
    while (!is_over()) {
        uint32_t now = get(fd);
        if (now < last && (now || !may_be_empty))
            wrong("back in time", now, last);
        last = now ? now : last;
    }
}

static void overwrite(void)
{
    kept = open_new("f");
    put(kept, 1);
    compete(write_generations, read_generations);
}

static void cut_and_write(void)
{
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        if (i % 2)
            ftruncate(kept, 0);
        else
            close(open("f", O_WRONLY | O_TRUNC));
        put(kept, i);
    }
}

static void truncate_theme(void)
{
    kept = open_new("f");
    put(kept, 1);
    may_be_empty = 1;
    compete(cut_and_write, read_generations);
}

static void replace_file(void)
{
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        int fd = open_new("new");
        put(fd, i);
        close(fd);
        if (rename("new", "f") != 0)
            wrong("rename", errno, i);
    }
}

static void read_by_name(int index)
{
    uint32_t last = 0;
    (void)index;
    while (!is_over()) {
        struct stat st;
        if (stat("f", &st) != 0 || st.st_size != SIZE)
            wrong("stat", errno, st.st_size);
        int fd = open("f", O_RDONLY);
        if (fd < 0)
            wrong("open", errno, 0);
        uint32_t now = get(fd);
        if (now < last || now == 0)
            wrong("back in time", now, last);
        last = now;
        close(fd);
    }
}

static void rename_over(void)
{
    kept = open_new("f");
    put(kept, 1);
    close(kept);
    compete(replace_file, read_by_name);
}

static void make_and_unlink(void)
{
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        int fd = open_new("u");
        put(fd, i);
        if (unlink("u") != 0)
            wrong("unlink", errno, i);
        if (get(fd) != i)
            wrong("own contents", get(fd), i);
        close(fd);
    }
}

static void read_what_comes_and_goes(int index)
{
    uint32_t last = 0;
    (void)index;
    while (!is_over()) {
        int fd = open("u", O_RDONLY);
        if (fd < 0 && errno != ENOENT)
            wrong("open", errno, 0);
        uint32_t now = get(fd);
        if (now && now < last)
            wrong("back in time", now, last);
        last = now ? now : last;
        if (fd >= 0)
            close(fd);
        if (access("u", R_OK) != 0 && errno != ENOENT)
            wrong("access", errno, 0);
    }
}

static void unlink_theme(void)
{
    compete(make_and_unlink, read_what_comes_and_goes);
}

static void swap_directories(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (rename("a", "b") != 0 || symlink(i % 2 ? "a/x" : "b/x", "l2") != 0 ||
            rename("l2", "l") != 0 || rename("b", "a") != 0)
            wrong("rename", errno, i);
    }
}

static void look_through(int index)
{
    struct stat st;
    char text[16];
    (void)index;
    while (!is_over()) {
        if (stat("a/x", &st) != 0 ? errno != ENOENT : st.st_size != SIZE)
            wrong("a/x", errno, 0);
        if (stat("b/../a/x", &st) != 0 ? errno != ENOENT : st.st_size != SIZE)
            wrong("b/../a/x", errno, 0);
        if (stat("l", &st) != 0 ? errno != ENOENT : st.st_size != SIZE)
            wrong("l", errno, 0);
        if (readlink("l", text, sizeof text) != 3 || memcmp(text + 1, "/x", 2) != 0)
            wrong("readlink", errno, text[0]);
        if (stat("a/../k", &st) == 0)
            __atomic_fetch_add(&board->seen, 1, __ATOMIC_RELAXED);
        else if (errno != ENOENT)
            wrong("a/../k", errno, 0);
    }
}

static void directories(void)
{
    int fd;
    mkdir("a", 0755);
    put(fd = open_new("a/x"), 1);
    put(fd = open_new("k"), 1);
    symlink("a/x", "l");
    (void)fd;
    compete(swap_directories, look_through);
}

/* Several processes read from one position: every record comes once. */
static void read_shared(int index)
{
    uint32_t record[RECORD / 4];
    long n;
    while ((n = read(kept, record, RECORD)) == RECORD) {
        if (record[0] >= RECORDS || record[0] != record[RECORD / 4 - 1])
            wrong("record", record[0], record[RECORD / 4 - 1]);
        else
            __atomic_fetch_add(&board->counts[record[0]], 1, __ATOMIC_SEQ_CST);
        if (index == 0 && lseek(kept, 0, SEEK_CUR) % RECORD)
            wrong("lseek", lseek(kept, 0, SEEK_CUR), 0);
    }
    if (n != 0)
        wrong("read", n, errno);
}

static void positions(void)
{
    uint32_t record[RECORD / 4];
    int fd = open_new("p");
    for (uint32_t i = 0; i < RECORDS; i++) {
        for (int j = 0; j < RECORD / 4; j++)
            record[j] = i;
        if (write(fd, record, RECORD) != RECORD)
            wrong("write", errno, i);
    }
    kept = open("p", O_RDONLY);
    in_children(READERS, read_shared);
    while (wait(NULL) > 0)
        ;
    for (int i = 0; i < RECORDS; i++) {
        if (board->counts[i] != 1)
            wrong("read so often", board->counts[i], i);
        board->seen += board->counts[i];
    }
}

struct line {
    uint32_t writer, number, both;
};

static void append_lines(int index)
{
    int fd = open("log", O_WRONLY | O_APPEND);
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        struct line l = {(uint32_t)index, i, (uint32_t)index ^ i};
        if (write(fd, &l, sizeof l) != sizeof l)
            wrong("append", errno, i);
    }
}

/* What there is of the log: whole lines, each writer's in their order. */
static long check_log(int fd)
{
    static struct line lines[READERS * ROUNDS];
    uint32_t last[READERS] = {0};
    long n = 0, got;
    while ((got = pread(fd, (char *)lines + n, sizeof lines - (size_t)n, n)) > 0)
        n += got;
    if (n % (long)sizeof *lines)
        wrong("half a line", n, 0);
    for (long i = 0; i < n / (long)sizeof *lines; i++) {
        const struct line *l = &lines[i];
        if (l->writer >= READERS || l->both != (l->writer ^ l->number) ||
            l->number != last[l->writer] + 1)
            wrong("line", l->writer, l->number);
        else
            last[l->writer]++;
    }
    return n;
}

static void appends(void)
{
    int fd = open_new("log");
    long last = 0, n = 0;
    in_children(READERS, append_lines);
    while (n < (long)sizeof(struct line) * READERS * ROUNDS) {
        struct stat st;
        n = check_log(fd);
        if (n < last || stat("log", &st) != 0 || st.st_size < n)
            wrong("it shrank", n, last);
        last = n;
        board->seen++;
    }
    while (wait(NULL) > 0)
        ;
}

/* What one process has done the next one sees, at once. */
static void told(void)
{
    int there[2], back[2];
    struct stat st;
    char name[16], byte = 0;
    if (pipe(there) != 0 || pipe(back) != 0) {
        wrong("pipe", errno, 0);
        return;
    }
    kept = open_new("t");
    if (fork() == 0) {
        int fd = open("t", O_RDONLY);
        for (uint32_t i = 1; i <= ROUNDS && read(there[0], &byte, 1) == 1; i++) {
            snprintf(name, sizeof name, "n%u", i % 4);
            if (get(fd) != i)
                wrong("not what was written", i, 0);
            if ((access(name, F_OK) == 0) != (i / 4 % 2 == 0))
                wrong("not as it was named", i, errno);
            if (stat("t", &st) != 0 || (st.st_mode & 0777) != (i % 2 ? 0600 : 0644))
                wrong("mode", i, st.st_mode);
            write(back[1], &byte, 1);
        }
        _exit(0);
    }
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        snprintf(name, sizeof name, "n%u", i % 4);
        put(kept, i);
        if (i / 4 % 2 == 0)
            close(open(name, O_CREAT | O_WRONLY, 0600));
        else
            unlink(name);
        fchmod(kept, i % 2 ? 0600 : 0644);
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
            wrong("the other one is gone", i, errno);
    }
    wait(NULL);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } themes[] = {{"overwrite", overwrite},     {"truncate", truncate_theme},
                  {"rename over", rename_over}, {"unlink", unlink_theme},
                  {"directories", directories}, {"positions", positions},
                  {"appends", appends},         {"told", told}};
    int failed = 0;
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < sizeof themes / sizeof *themes; i++) {
        memset(board, 0, sizeof *board);
        themes[i].run();
        if (board->wrong || !board->seen)
            failed = 1;
        printf("%s: %s\n", themes[i].name,
               board->wrong  ? "wrong"
               : board->seen ? "right"
                             : "nothing seen");
        fflush(stdout);
    }
    return failed;
}
