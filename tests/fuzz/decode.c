/* Any call with any arguments over any memory: what is decoded must stay
 * within its bounds. The input: architecture, number, how much of a page can be
 * read, six arguments, then the memory. */
#include "watch/decode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BASE 0x10000u

struct input {
    uint8_t arch;
    uint8_t readable; /* the memory ends after that many times 16 bytes; 0: all of it */
    uint16_t call;    /* index into the architecture's table */
    uint64_t args[6];
};

struct memory {
    const uint8_t *at;
    size_t size;
    unsigned reads;
};

static ssize_t fuzz_read(void *context, uint64_t address, void *to, size_t size)
{
    struct memory *memory = context;
    memory->reads++;
    if (address < BASE || address - BASE >= memory->size)
        return -EFAULT;
    size_t offset = (size_t)(address - BASE), left = memory->size - offset;
    size_t got = size < left ? size : left;
    memcpy(to, memory->at + offset, got);
    return (ssize_t)got;
}

/* A link leads wherever the memory says: it may be relative, empty, or too long. */
static int fuzz_link(void *context, const char *name, char *to, size_t size)
{
    const struct memory *memory = context;
    size_t length = memory->size < size - 1 ? memory->size : size - 1;
    if (name[0] == '\0')
        abort();
    memcpy(to, memory->at, length);
    to[length] = '\0';
    return 0;
}

static void check(const struct decoded *decoded, const struct memory *memory)
{
    if (decoded->place_count > ARRAY_COUNT(decoded->places) || memory->reads > 16 ||
        !memchr(decoded->object, '\0', sizeof decoded->object))
        abort();
    for (size_t i = 0; i < decoded->place_count; i++) {
        const struct place *place = &decoded->places[i];
        if (place->path[0] != '/' || !memchr(place->path, '\0', sizeof place->path) ||
            place->kind >= OP_KIND_COUNT || (place->exclusive && !place->create))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input;
    if (size < sizeof input)
        return 0;
    memcpy(&input, data, sizeof input);
    const struct arch_table *table = arch_table(input.arch % ARCH_COUNT);
    if (!table || table->call_count == 0)
        return 0;
    const struct sys_call *call = &table->calls[input.call % table->call_count];
    if (!call_operation(call))
        return 0;
    struct memory memory = {.at = data + sizeof input, .size = size - sizeof input};
    if (input.readable && memory.size > input.readable * 16u)
        memory.size = input.readable * 16u;
    struct call_event event = {.arch = table->arch, .nr = call->nr};
    memcpy(event.args, input.args, sizeof event.args);
    struct target target = {fuzz_read, fuzz_link, &memory};
    static struct decoded decoded;
    memset(&decoded, 0xa5, sizeof decoded);
    decode_call(&target, &event, call, &decoded);
    check(&decoded, &memory);
    return 0;
}
