#include "enforce/elf.h"

#include "elf-image.h"
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct image_parts parts = {
    .machine = 62,
    .interp = "/lib/ld.so",
    .soname = "libself.so",
    .rpath = "/r",
    .runpath = "$ORIGIN/lib",
    .needed = {"libc.so.6", "libm.so.6"},
};

static int read_image(const struct image *image, size_t size, struct elf *elf, struct err *err)
{
    /* Of exactly its size, so that a sanitizer sees a read behind the end. */
    uint8_t *copy CLEAN_FREE = malloc(size ? size : 1);
    memcpy(copy, image->bytes, size);
    struct elf_source source = elf_source_memory(copy, size);
    return elf_read(&source, elf, err);
}

TEST(both_classes_and_byte_orders)
{
    for (int i = 0; i < 4; i++) {
        struct image_parts these = parts;
        these.elf64 = i & 1;
        these.big_endian = i & 2;
        struct image image;
        struct elf elf;
        struct err err;
        image_make(&image, &these);
        CHECK_EQ(read_image(&image, image.size, &elf, &err), 0);
        CHECK_EQ(elf.machine, 62);
        CHECK_EQ(elf.elf64, these.elf64);
        CHECK_EQ(elf.big_endian, these.big_endian);
        CHECK_STR(elf.interp, "/lib/ld.so");
        CHECK_STR(elf.soname, "libself.so");
        CHECK_STR(elf.rpath, "/r");
        CHECK_STR(elf.runpath, "$ORIGIN/lib");
        CHECK_EQ(elf.needed_count, 2);
        CHECK_STR(elf.needed[0], "libc.so.6");
        CHECK_STR(elf.needed[1], "libm.so.6");
        elf_free(&elf);
    }
}

static bool writable_code(const struct image_parts *these, int load_flags)
{
    struct image image;
    struct elf elf;
    struct err err;
    image_make(&image, these);
    if (load_flags)
        image_flags(&image, 0, (uint32_t)load_flags);
    CHECK_EQ(read_image(&image, image.size, &elf, &err), 0);
    bool result = elf.writable_code;
    elf_free(&elf);
    return result;
}

TEST(memory_to_write_and_execute_is_seen)
{
    for (int i = 0; i < 4; i++) {
        struct image_parts these = parts;
        these.elf64 = i & 1;
        these.big_endian = i & 2;
        CHECK(!writable_code(&these, 0));
        CHECK(writable_code(&these, 7));
        these.stack = 6;
        CHECK(!writable_code(&these, 0));
        CHECK(writable_code(&these, 7));
        these.stack = 7;
        CHECK(writable_code(&these, 0));
    }
    struct image_parts i386 = parts;
    i386.machine = 3;
    CHECK(writable_code(&i386, 0));
    i386.stack = 6;
    CHECK(!writable_code(&i386, 0));
}

TEST(a_cut_file_is_refused_at_every_size)
{
    struct image_parts these = parts;
    these.elf64 = true;
    struct image image;
    struct elf elf;
    struct err err;
    image_make(&image, &these);
    for (size_t size = 0; size < image.size; size++) {
        CHECK_EQ(read_image(&image, size, &elf, &err), -ENOEXEC);
        CHECK(elf.needed == NULL && elf.interp == NULL);
    }
}

/* The image with one number changed. */
static int read_changed(size_t at, unsigned width, uint64_t value, struct elf *elf, struct err *err)
{
    struct image_parts these = parts;
    these.elf64 = true;
    struct image image;
    image_make(&image, &these);
    image_put(&image, at, width, value);
    return read_image(&image, image.size, elf, err);
}

TEST(wrong_numbers_are_refused)
{
    enum { SEGMENTS = 64, LOAD = SEGMENTS, DYNAMIC = SEGMENTS + 56, INTERP = SEGMENTS + 112 };
    static const struct {
        size_t at;
        unsigned width;
        uint64_t value;
        const char *message;
    } rows[] = {
        {0, 1, 'x', "is no ELF file"},
        {4, 1, 3, "is a damaged ELF file: class or byte order"},
        {5, 1, 0, "is a damaged ELF file: class or byte order"},
        {16, 2, 4, "is an ELF file, but neither a program nor a library"},
        {32, 8, UINT64_MAX - 10, "is a damaged ELF file: program headers"},
        {32, 8, 1 << 20, "is a damaged ELF file: program headers behind its end"},
        {54, 2, 32, "is a damaged ELF file: program headers"},
        {56, 2, 0, "is a damaged ELF file: program headers"},
        {56, 2, 0xffff, "is a damaged ELF file: program headers"},
        {LOAD + 8, 8, UINT64_MAX, "is a damaged ELF file: a segment's offset"},
        {LOAD + 32, 8, 16, "is a damaged ELF file: an address outside its segments"},
        {DYNAMIC + 16, 8, 0, "is a damaged ELF file: an address outside its segments"},
        {INTERP + 32, 8, 3, "is a damaged ELF file: a name without an end"},
        {INTERP + 8, 8, UINT64_MAX, "is a damaged ELF file: a name without an end"},
        {1024 + 8, 8, 5000, "is a damaged ELF file: a name outside the string table"},
        {1024 + 8, 8, UINT64_MAX, "is a damaged ELF file: a name outside the string table"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct elf elf;
        struct err err = {""};
        CHECK_EQ(read_changed(rows[i].at, rows[i].width, rows[i].value, &elf, &err), -ENOEXEC);
        CHECK_STR(err.text, rows[i].message);
    }
}

TEST(a_static_program_needs_nothing)
{
    struct image image;
    struct elf elf;
    struct err err;
    image_make(&image, &(struct image_parts){.machine = 183, .elf64 = true});
    image_put(&image, 56, 2, 1); /* PT_LOAD alone */
    CHECK_EQ(read_image(&image, image.size, &elf, &err), 0);
    CHECK(elf.interp == NULL && elf.needed_count == 0);
    elf_free(&elf);
}

TEST(names_across_blocks)
{
    /* The string table begins two bytes before the end of the reader's first
     * block and ends in the next. */
    struct image_parts these = parts;
    these.elf64 = true;
    struct image image;
    image_make(&image, &these);
    size_t size = 4096 + 64, moved_to = 4094;
    uint8_t *file CLEAN_FREE = calloc(1, size);
    memcpy(file + moved_to, image.bytes + image.strings_at, image.strings_size);
    image_segment(&image, 0, 1, 0, size);
    for (size_t at = image.dynamic_at; at < image.dynamic_at + image.dynamic_size; at += 16)
        if (image.bytes[at] == 5)
            image_put(&image, at + 8, 8, IMAGE_BASE + moved_to);
    memcpy(file, image.bytes, 2048);
    struct elf_source source = elf_source_memory(file, size);
    struct elf elf;
    struct err err = {""};
    CHECK_EQ(elf_read(&source, &elf, &err), 0);
    CHECK_STR(err.text, "");
    CHECK_STR(elf.needed[1], "libm.so.6");
    elf_free(&elf);
}

TEST(of_another_kind_the_kind_alone)
{
    struct image_parts these = parts;
    these.elf64 = true;
    struct image image;
    image_make(&image, &these);
    struct elf kind = {.machine = 62, .elf64 = true}, elf;
    struct elf_source source = elf_source_memory(image.bytes, image.size);
    struct err err;
    source.only = &kind;
    CHECK_EQ(elf_read(&source, &elf, &err), 0);
    CHECK_EQ(elf.needed_count, 2);
    elf_free(&elf);
    kind.elf64 = false;
    CHECK_EQ(elf_read(&source, &elf, &err), 0);
    CHECK(elf.machine == 62 && elf.elf64 && !elf.interp && elf.needed_count == 0);
}
