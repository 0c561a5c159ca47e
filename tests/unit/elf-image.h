/* elf-image: makes small ELF files of any class and byte order. */
#ifndef VOW_TESTS_ELF_IMAGE_H
#define VOW_TESTS_ELF_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { IMAGE_SIZE = 4096, IMAGE_BASE = 0x400000 };

struct image {
    uint8_t bytes[IMAGE_SIZE];
    size_t size; /* of the file */
    bool elf64, big_endian;
    size_t dynamic_at, dynamic_size, strings_at, strings_size;
};

struct image_parts {
    uint16_t machine;
    bool elf64, big_endian;
    const char *interp, *soname, *rpath, *runpath;
    const char *needed[8];
    uint32_t stack; /* its flags, if there are any */
};

static void image_put(struct image *image, size_t at, unsigned width, uint64_t value)
{
    for (unsigned i = 0; i < width; i++)
        image->bytes[at + i] = (uint8_t)(value >> 8 * (image->big_endian ? width - 1 - i : i));
}

static void image_flags(struct image *image, unsigned index, uint32_t flags)
{
    size_t p = image->elf64 ? 64 + 56 * index + 4 : 52 + 32 * index + 24;
    image_put(image, p, 4, flags);
}

static void image_segment(struct image *image, unsigned index, uint32_t type, size_t at,
                          size_t size)
{
    size_t p = image->elf64 ? 64 + 56 * index : 52 + 32 * index;
    unsigned word = image->elf64 ? 8 : 4;
    image_put(image, p, 4, type);
    image_flags(image, index, type == 1 ? 5 : 6);
    image_put(image, p + (image->elf64 ? 8 : 4), word, at);
    image_put(image, p + (image->elf64 ? 16 : 8), word, IMAGE_BASE + at);
    image_put(image, p + (image->elf64 ? 32 : 16), word, size);
}

static void image_entry(struct image *image, uint64_t tag, uint64_t value)
{
    unsigned word = image->elf64 ? 8 : 4;
    size_t at = image->dynamic_at + image->dynamic_size;
    image_put(image, at, word, tag);
    image_put(image, at + word, word, value);
    image->dynamic_size += 2 * word;
}

static void image_name(struct image *image, uint64_t tag, const char *name)
{
    if (!name)
        return;
    image_entry(image, tag, image->strings_size);
    strcpy((char *)image->bytes + image->strings_at + image->strings_size, name);
    image->strings_size += strlen(name) + 1;
}

static void image_make(struct image *image, const struct image_parts *parts)
{
    *image = (struct image){.elf64 = parts->elf64, .big_endian = parts->big_endian};
    bool wide = parts->elf64;
    size_t interp_at = 512;
    image->dynamic_at = 1024;
    image->strings_at = 2048;
    image->strings_size = 1;
    memcpy(image->bytes, "\177ELF", 4);
    image->bytes[4] = wide ? 2 : 1;
    image->bytes[5] = parts->big_endian ? 2 : 1;
    image_put(image, 16, 2, 3); /* ET_DYN */
    image_put(image, 18, 2, parts->machine);
    image_put(image, wide ? 32 : 28, wide ? 8 : 4, wide ? 64 : 52);
    image_put(image, wide ? 54 : 42, 2, wide ? 56 : 32);
    image_put(image, wide ? 56 : 44, 2, 2 + !!parts->interp + !!parts->stack);
    for (int i = 0; i < 8 && parts->needed[i]; i++)
        image_name(image, 1, parts->needed[i]);
    image_name(image, 14, parts->soname);
    image_name(image, 15, parts->rpath);
    image_name(image, 29, parts->runpath);
    image_entry(image, 5, IMAGE_BASE + image->strings_at);
    image_entry(image, 10, image->strings_size);
    image_entry(image, 0, 0);
    image->size = image->strings_at + image->strings_size;
    image_segment(image, 0, 1, 0, image->size);
    image_segment(image, 1, 2, image->dynamic_at, image->dynamic_size);
    if (parts->interp) {
        strcpy((char *)image->bytes + interp_at, parts->interp);
        image_segment(image, 2, 3, interp_at, strlen(parts->interp) + 1);
    }
    unsigned last = 2 + !!parts->interp;
    if (parts->stack) {
        image_segment(image, last, 0x6474e551, 0, 0);
        image_flags(image, last, parts->stack);
    }
}

#endif
