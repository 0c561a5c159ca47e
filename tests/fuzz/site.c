/* Any bytes as code behind a syscall: what is moved to a stub must do there what
 * it did, and nothing is read beyond its end. The input: where the site lies
 * modulo 16, how far away the stub (four bytes), then the code. */
#include "box/arch/x86_64/site.h"

#include <stdlib.h>
#include <string.h>

#include "box/arch/x86_64/insn.h"
#include "box/layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 5, GATE = 56, DISTANCES = 512 };

#define REQUIRE(holds)                                                                             \
    do {                                                                                           \
        if (!(holds))                                                                              \
            abort();                                                                               \
    } while (0)

/* A copy that ends where it ends, for a sanitizer to see. */
static struct insn decode(const uint8_t *at, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    REQUIRE(copy);
    memcpy(copy, at, size);
    struct insn i = insn_decode(copy, size);
    free(copy);
    return i;
}

static void check_insn(const uint8_t *at, size_t size)
{
    struct insn i = decode(at, size);
    if (i.kind == INSN_UNKNOWN)
        return;
    REQUIRE(i.size > 0 && i.size <= 15 && i.size <= size);
    REQUIRE(!i.relative || i.relative + 4U <= i.size);
    struct insn again = decode(at, i.size);
    REQUIRE(memcmp(&i, &again, sizeof i) == 0);
    for (size_t less = 0; less < i.size; less++)
        REQUIRE(decode(at, less).kind == INSN_UNKNOWN);
}

static int64_t word(const uint8_t *at)
{
    int32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* One instruction at `text` of the site and at `stub` of the stub. */
static void check_moved(const uint8_t *code, const struct stub *s, struct stub_pair p,
                        int64_t distance)
{
    struct insn was = insn_decode(code + p.text, SITE_REACH - p.text);
    struct insn is = insn_decode(s->bytes + p.stub, STUB_NOTES - p.stub);
    REQUIRE(was.kind == is.kind);
    if (was.kind == INSN_BRANCH || was.kind == INSN_JUMP) {
        REQUIRE(was.condition == is.condition || was.kind == INSN_JUMP);
        REQUIRE(p.text + was.size + was.target == distance + p.stub + is.size + is.target);
        return;
    }
    REQUIRE(was.size == is.size && was.relative == is.relative);
    for (unsigned i = 0; i < was.size; i++)
        if (!was.relative || i < was.relative || i >= was.relative + 4U)
            REQUIRE(code[p.text + i] == s->bytes[p.stub + i]);
    if (was.relative)
        REQUIRE(p.text + was.size + word(code + p.text + was.relative) ==
                distance + p.stub + is.size + word(s->bytes + p.stub + is.relative));
}

static void check_stub(const struct site *site, const uint8_t *code, const struct stub *s,
                       int64_t distance)
{
    struct stub_notes notes;
    memcpy(&notes, s->bytes + STUB_NOTES, sizeof notes);
    REQUIRE(s->jump[0] == 0xe9 && word(s->jump + 1) == distance - SITE_JUMP_SIZE);
    REQUIRE(notes.site == -distance && notes.count == site->count + 1);
    REQUIRE(stub_text(&notes, 0) == 0 && stub_text(&notes, STUB_RESUME - 1) == 0);
    REQUIRE(notes.pairs[0].text == SITE_CALL_SIZE && notes.pairs[0].stub == STUB_RESUME);
    for (unsigned i = 0; i < site->count; i++) {
        check_moved(code, s, notes.pairs[i], distance);
        REQUIRE(stub_place(&notes, notes.pairs[i].text) == notes.pairs[i].stub);
        REQUIRE(stub_text(&notes, notes.pairs[i].stub) == notes.pairs[i].text);
    }
    struct stub_pair end = notes.pairs[site->count];
    REQUIRE(end.text == site->size && stub_place(&notes, end.text) == -1);
    if (!site->ends)
        REQUIRE(s->bytes[end.stub] == 0xe9 &&
                distance + end.stub + SITE_JUMP_SIZE + word(s->bytes + end.stub + 1) == end.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct site site;
    struct stub stub;
    uint8_t code[SITE_REACH];
    if (size < HEAD)
        return 0;
    int64_t distance = (int64_t)TEXT_STUBS + (word(data + 1) & 0xfffff) * STUB_SIZE / 8;
    size_t length = size - HEAD < sizeof code - 2 ? size - HEAD : sizeof code - 2;
    memset(code, 0xcc, sizeof code);
    memcpy(code, "\x0f\x05", 2);
    memcpy(code + 2, data + HEAD, length);
    check_insn(code + 2, length);
    REQUIRE(site_read(code + 1, length + 1, data[0], &site) < 0);
    if (site_read(code, length + 2, data[0], &site) != 0)
        return 0;
    REQUIRE(site.size >= SITE_JUMP_SIZE && site.size <= length + 2);
    for (int i = 0; i < DISTANCES; i++, distance += STUB_SIZE)
        if (site_fits(&site, distance) && site_write(&site, code, distance, GATE, &stub) == 0)
            check_stub(&site, code, &stub, distance);
    return 0;
}
