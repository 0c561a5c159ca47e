/* driver: runs a fuzzer's entry without a fuzzing engine, as a test.
 *
 * A fuzzer is one file with LLVMFuzzerTestOneInput(), which aborts when a
 * property does not hold. Linked with this driver it sees every file of
 * $FUZZ_CORPUS and then $FUZZ_RUNS random changes of them; with
 * `meson setup -Dlibfuzzer=true` libFuzzer drives it instead.
 *
 * The input at hand lives in a shared mapping of the file $FUZZ_INPUT, so that
 * it survives a crash: a failed run leaves it there, to be put into the corpus
 * once it is mended. The random numbers start at $FUZZ_SEED (1). */
#include "harness.h"

#include "base/base.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_SIZE 4096
#define MAX_SEEDS 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    size_t size;
    uint8_t bytes[MAX_SIZE];
};

static struct input seeds[MAX_SEEDS];
static size_t seed_count;
static uint64_t random_state;

/* xorshift64*: the same sequence on every machine. */
static size_t random_below(size_t limit)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (size_t)((random_state * 0x2545F4914F6CDD1Dull) >> 33) % limit;
}

static const char *setting(const char *name, const char *fallback)
{
    const char *value = getenv(name);
    return value ? value : fallback;
}

static void read_seed(const char *folder, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd CLEAN_FD = open(path, O_RDONLY | O_CLOEXEC);
    struct input *seed = &seeds[seed_count];
    ssize_t size = fd < 0 ? -1 : read(fd, seed->bytes, MAX_SIZE);
    CHECK(size >= 0);
    seed->size = size < 0 ? 0 : (size_t)size;
    seed_count++;
}

/* read_seeds: in the order of their names, so that a run can be repeated. */
static void read_seeds(void)
{
    const char *folder = setting("FUZZ_CORPUS", ".");
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);
    CHECK(count > 2);
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.' && seed_count < MAX_SEEDS)
            read_seed(folder, entries[i]->d_name);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static struct input *map_input(void)
{
    const char *path = setting("FUZZ_INPUT", "fuzz.input");
    int fd CLEAN_FD = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || ftruncate(fd, sizeof(struct input)) != 0)
        return NULL;
    void *at = mmap(NULL, sizeof(struct input), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return at == MAP_FAILED ? NULL : at;
}

/* try_input: hands over a copy of exactly its size, so that a sanitizer sees
 * a read behind the end. */
static void try_input(const struct input *input)
{
    uint8_t *copy CLEAN_FREE = malloc(input->size ? input->size : 1);
    if (!copy)
        abort();
    memcpy(copy, input->bytes, input->size);
    LLVMFuzzerTestOneInput(copy, input->size);
}

static void remove_bytes(struct input *input)
{
    size_t at = random_below(input->size), count = 1 + random_below(input->size - at);
    memmove(input->bytes + at, input->bytes + at + count, input->size - at - count);
    input->size -= count;
}

/* insert_bytes: a piece of a seed, or of the input itself. */
static void insert_bytes(struct input *input)
{
    const struct input *from = &seeds[random_below(seed_count)];
    if (from->size == 0)
        return;
    size_t start = random_below(from->size), count = 1 + random_below(from->size - start);
    size_t at = random_below(input->size + 1);
    if (input->size + count > MAX_SIZE)
        return;
    memmove(input->bytes + at + count, input->bytes + at, input->size - at);
    memcpy(input->bytes + at, from->bytes + start, count);
    input->size += count;
}

static void change_byte(struct input *input)
{
    static const uint8_t telling[] = {0, 1, 0x7f, 0x80, 0xff, ' ', '\n', '"', '\'', '\\', ':', '#'};
    uint8_t *byte = &input->bytes[random_below(input->size)];
    switch (random_below(3)) {
    case 0: *byte ^= (uint8_t)(1 << random_below(8)); break;
    case 1: *byte = (uint8_t)random_below(256); break;
    default: *byte = telling[random_below(ARRAY_COUNT(telling))];
    }
}

static void mutate(struct input *input)
{
    *input = seeds[random_below(seed_count)];
    for (size_t changes = 1 + random_below(8); changes > 0; changes--) {
        size_t kind = random_below(8);
        if (kind == 0 || input->size == 0)
            insert_bytes(input);
        else if (kind == 1)
            remove_bytes(input);
        else
            change_byte(input);
    }
}

TEST(corpus)
{
    struct input *input = map_input();
    read_seeds();
    CHECK(input && seed_count > 0);
    for (size_t i = 0; input && i < seed_count; i++) {
        *input = seeds[i];
        try_input(input);
    }
}

TEST(mutations)
{
    struct input *input = map_input();
    read_seeds();
    CHECK(input && seed_count > 0);
    if (!input || seed_count == 0)
        return;
    random_state = strtoull(setting("FUZZ_SEED", "1"), NULL, 0) | 1;
    for (long runs = strtol(setting("FUZZ_RUNS", "20000"), NULL, 0); runs > 0; runs--) {
        mutate(input);
        try_input(input);
    }
    unlink(setting("FUZZ_INPUT", "fuzz.input"));
}
