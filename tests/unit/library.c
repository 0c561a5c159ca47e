/* library: search rules, on ELF files of our own in a directory of our own. */
#include "enforce/library.h"

#include "elf-image.h"
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A machine that this system has no libraries for. */
enum { MACHINE = 0x7777 };

static char top[] = "/tmp/vow-library-XXXXXX";

static void enter(void)
{
    if (!mkdtemp(top) || chdir(top) < 0)
        SKIP("no directory in /tmp can be made");
    static const char *const dirs[] = {
        "bin", "lib", "rpath", "env", "lib/glibc-hwcaps", "lib/glibc-hwcaps/v2", "etc"};
    for (size_t i = 0; i < ARRAY_COUNT(dirs); i++)
        CHECK_EQ(mkdir(dirs[i], 0755), 0);
}

static void leave(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", top);
    CHECK_EQ(system(command), 0);
}

static void make(const char *path, struct image_parts parts)
{
    struct image image;
    if (parts.machine == 0)
        parts.machine = MACHINE;
    parts.elf64 = true;
    image_make(&image, &parts);
    FILE *file = fopen(path, "w");
    CHECK(file && fwrite(image.bytes, image.size, 1, file) == 1 && fclose(file) == 0);
}

/* What is in the set, without the program: paths below `top`. */
static void check(struct image_parts program, const char *library_path, const char *wanted)
{
    struct libraries l;
    struct err err = {""};
    struct elf elf;
    struct image image;
    CLEAN_STR struct str found = {0};
    program.machine = MACHINE;
    program.elf64 = true;
    image_make(&image, &program);
    make("bin/program", program);
    struct elf_source source = elf_source_memory(image.bytes, image.size);
    CHECK_EQ(elf_read(&source, &elf, &err), 0);
    CHECK_EQ(libraries_open(&l, "bin/program", &elf, library_path, &err), 0);
    CHECK_STR(err.text, "");
    CHECK_EQ(libraries_follow(&l, 0), 0);
    size_t size = strlen(top);
    for (size_t i = 2; i < l.count; i++)
        str_addf(&found, "%s ",
                 l.objects[i].path + (strncmp(l.objects[i].path, top, size) ? 0 : size + 1));
    CHECK_STR(str_get(&found), wanted);
    libraries_close(&l);
    elf_free(&elf);
}

TEST(runpath_rpath_and_environment)
{
    enter();
    make("ld.so", (struct image_parts){.soname = "ld.so.1"});
    make("rpath/libx.so", (struct image_parts){0});
    make("env/libx.so", (struct image_parts){0});
    make("lib/liby.so", (struct image_parts){0});
    struct image_parts program = {
        .interp = "./ld.so", .needed = {"libx.so"}, .rpath = "$ORIGIN/../rpath"};
    check(program, NULL, "bin/../rpath/libx.so ");
    check(program, "env", "bin/../rpath/libx.so "); /* RPATH stands before LD_LIBRARY_PATH … */
    program.runpath = "${ORIGIN}/../lib";
    check(program, "none:env", "env/libx.so "); /* … and a RUNPATH takes it away */
    program.needed[1] = "liby.so";
    check(program, "env", "env/libx.so bin/../lib/liby.so ");
    leave();
}

TEST(what_libraries_ask_for)
{
    enter();
    make("ld.so", (struct image_parts){.soname = "ld.so.1"});
    make("rpath/liba.so", (struct image_parts){.needed = {"libb.so", "ld.so.1", "libnone.so"}});
    make("rpath/libb.so", (struct image_parts){.needed = {"liba.so", "libc-name.so"}});
    make("rpath/libother.so", (struct image_parts){.soname = "libc-name.so"});
    struct image_parts program = {
        .interp = "./ld.so", .needed = {"rpath/libother.so", "liba.so"}, .rpath = "rpath"};
    /* libb.so is found by the RPATH of the program, which asked for liba.so;
     * libc-name.so is there already under its soname. */
    check(program, NULL, "rpath/libother.so rpath/liba.so rpath/libb.so ");
    /* A RUNPATH holds for the program's own libraries alone. */
    program.runpath = "rpath";
    check(program, NULL, "rpath/libother.so rpath/liba.so ");
    leave();
}

TEST(files_that_are_no_library_of_the_program)
{
    enter();
    make("ld.so", (struct image_parts){0});
    make("lib/libx.so", (struct image_parts){.machine = 1});
    CHECK_EQ(symlink("/etc/passwd", "rpath/libx.so"), 0);
    CHECK_EQ(mkfifo("env/libx.so", 0644), 0);
    struct image_parts program = {
        .interp = "./ld.so", .needed = {"libx.so", "/etc/passwd"}, .rpath = "lib:rpath:env"};
    check(program, NULL, "");
    make("bin/libx.so", (struct image_parts){0});
    program.rpath = "lib:rpath:env:bin";
    check(program, NULL, "bin/libx.so ");
    leave();
}

TEST(variants_for_processors)
{
    enter();
    make("ld.so", (struct image_parts){0});
    make("lib/libx.so", (struct image_parts){0});
    make("lib/glibc-hwcaps/v2/libx.so", (struct image_parts){0});
    struct image_parts program = {.interp = "./ld.so", .needed = {"libx.so"}, .rpath = "lib"};
    check(program, NULL, "lib/glibc-hwcaps/v2/libx.so lib/libx.so ");
    leave();
}

TEST(musl_has_rules_of_its_own)
{
    enter();
    make("lib/ld-musl-test.so.1", (struct image_parts){0});
    make("env/libx.so", (struct image_parts){0});
    make("rpath/libx.so", (struct image_parts){0});
    make("bin/libz.so", (struct image_parts){0});
    char interp[64], dirs[64];
    snprintf(interp, sizeof interp, "%s/lib/ld-musl-test.so.1", top);
    snprintf(dirs, sizeof dirs, "/none\n%s/bin", top);
    FILE *file = fopen("etc/ld-musl-test.path", "w");
    CHECK(file && fputs(dirs, file) >= 0 && fclose(file) == 0);
    struct image_parts program = {.interp = interp,
                                  .needed = {"libc.so", "libm.so.6", "libx.so", "libz.so"},
                                  .rpath = "rpath"};
    check(program, NULL, "rpath/libx.so bin/libz.so ");
    check(program, "env", "env/libx.so bin/libz.so "); /* before RPATH */
    leave();
}

TEST(a_loader_that_is_not_there)
{
    struct image image;
    struct elf elf;
    struct libraries l;
    struct err err;
    image_make(&image, &(struct image_parts){.interp = "/no/loader", .elf64 = true});
    struct elf_source source = elf_source_memory(image.bytes, image.size);
    CHECK_EQ(elf_read(&source, &elf, &err), 0);
    CHECK_EQ(libraries_open(&l, "/bin/sh", &elf, NULL, &err), -ENOENT);
    CHECK_STR(err.text, "its loader /no/loader: No such file or directory");
    libraries_close(&l);
}
