/* vow box pack: an image with programs of this machine and all they need. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/box.h"
#include "cli/box_fill.h"
#include "cli/box_image.h"
#include "cli/box_package.h"
#include "cli/box_progress.h"
#include "cli/cli.h"
#include "enforce/closure.h"
#include "enforce/elf.h"
#include "enforce/shebang.h"

static const char usage[] =
    "usage: vow box pack -o IMAGE [--add PATH]… [--package NAME]… [--no-data]\n"
    "                    [--size SIZE] PROGRAM…\n"
    "\n"
    "Makes an image with programs of this machine, their loaders and libraries, and,\n"
    "where Debian's package database knows them, the files of their packages and of\n"
    "those that these depend on, without documentation. /bin/sh is always there,\n"
    "because system(3) and popen(3) need it.\n"
    "\n"
    "  -o IMAGE        the file to make\n"
    "  --add PATH      a file or directory of the host besides, under the same path\n"
    "  --package NAME  a Debian package besides, with those that it depends on\n"
    "  --no-data       only programs, loaders and libraries\n"
    "  --size SIZE     of the image, as 512M or 4G; otherwise 2G (the file is sparse)\n"
    "  --help          this text\n";

enum { ADDS_MAX = 64 };
static const uint64_t size_default = UINT64_C(2) << 30;

struct request {
    const char *image;
    const char *adds[ADDS_MAX], *packages[ADDS_MAX];
    size_t add_count, package_count;
    uint64_t size;
    bool no_data;
    char *const *programs;
};

struct packing {
    struct fill fill;
    bool no_data;
    struct err *err;
};

static int pack_path(void *context, const char *path)
{
    struct packing *p = context;
    struct stat st;
    if (lstat(path, &st) != 0 || S_ISSOCK(st.st_mode))
        return 0; /* a package's file that somebody removed */
    return fill_path(&p->fill, path, p->err);
}

/* A program's absolute path: the word itself, or found in PATH. */
static int find_program(const char *word, char path[PATH_MAX], struct err *err)
{
    const char *dirs = getenv("PATH");
    if (strchr(word, '/'))
        return snprintf(path, PATH_MAX, "%s", word) < PATH_MAX && access(path, F_OK) == 0
                   ? 0
                   : err_set(err, -ENOENT, "%s: %s", word, strerror(errno));
    for (const char *at = dirs && *dirs ? dirs : "/usr/bin:/bin"; *at;) {
        size_t size = strcspn(at, ":");
        snprintf(path, PATH_MAX, "%.*s/%s", (int)size, at, word);
        if (access(path, X_OK) == 0)
            return 0;
        at += size + strspn(at + size, ":");
    }
    return err_set(err, -ENOENT, "there is no program '%s'", word);
}

static int pack_program(struct packing *p, const char *path, unsigned depth);

/* A script's interpreter, and the program that env(1) would start for it. */
static int pack_interpreter(struct packing *p, int fd, unsigned depth)
{
    char bytes[SHEBANG_SIZE], found[PATH_MAX];
    struct shebang line;
    struct env_words env;
    ssize_t size = pread(fd, bytes, sizeof bytes, 0);
    if (size <= 0 || shebang_parse(bytes, (size_t)size, &line) != 1 || depth == SHEBANG_DEPTH)
        return 0;
    int r = pack_program(p, line.interpreter, depth + 1);
    const char *name = strrchr(line.interpreter, '/');
    if (r != 0 || !name || strcmp(name, "/env") != 0 || shebang_env(line.argument, &env) != 0 ||
        env.count == 0)
        return r;
    r = find_program(env.words[0], found, p->err);
    return r == 0 ? pack_program(p, found, depth + 1) : r;
}

/* The loader and libraries of a program, or what a script needs. */
static int pack_closure(struct packing *p, const char *path, unsigned depth)
{
    struct elf elf;
    struct err reason;
    int fd CLEAN_FD = open(path, O_RDONLY | O_CLOEXEC);
    struct elf_source source = elf_source_fd(fd);
    if (fd < 0)
        return err_set(p->err, -errno, "%s: %s", path, strerror(errno));
    int r = elf_read(&source, &elf, &reason);
    if (r == -ENOEXEC)
        return pack_interpreter(p, fd, depth);
    struct closure closure = {.cwd = "/"};
    char *const none[] = {NULL};
    struct closure_request request = {.program = path, .elf = &elf, .envp = none};
    if (r == 0)
        r = closure_add_program(&closure, &request, &reason);
    if (r < 0)
        err_set(p->err, r, "%s: %s", path, reason.text);
    for (size_t i = 0; i < closure.count && r >= 0; i++)
        r = pack_path(p, closure.paths[i].path);
    closure_free(&closure);
    elf_free(&elf);
    return r < 0 ? r : 0;
}

static int pack_program(struct packing *p, const char *path, unsigned depth)
{
    char real[PATH_MAX];
    if (path[0] != '/' || !realpath(path, real))
        return err_set(p->err, -EINVAL, "%s: an absolute path is needed", path);
    int r = fill_path(&p->fill, path, p->err);
    if (r == 0)
        r = pack_closure(p, real, depth);
    if (r != 0 || p->no_data)
        return r;
    const char *const paths[] = {path, real};
    r = package_files(paths, ARRAY_COUNT(paths), pack_path, p);
    if (r == 1)
        fprintf(stderr, "vow box: %s: no package has it; --add adds the data that it needs\n",
                path);
    return r == 1 ? 0 : r;
}

/* What every program expects to find. */
static int pack_base(struct fill *f, struct err *err)
{
    static const struct {
        const char *path;
        uint32_t mode;
        const char *text;
    } base[] = {
        {"/dev", S_IFDIR | 0755, NULL},
        {"/etc", S_IFDIR | 0755, NULL},
        {"/proc", S_IFDIR | 0555, NULL},
        {"/root", S_IFDIR | 0700, NULL},
        {"/sys", S_IFDIR | 0555, NULL},
        {"/tmp", S_IFDIR | 01777, NULL},
        {"/var", S_IFDIR | 0755, NULL},
        {"/var/tmp", S_IFDIR | 01777, NULL},
        {"/etc/passwd", S_IFREG | 0644,
         "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"},
        {"/etc/group", S_IFREG | 0644, "root:x:0:\nnogroup:x:65534:\n"},
        {"/etc/hosts", S_IFREG | 0644, "127.0.0.1 localhost\n::1 localhost\n"},
        {"/etc/nsswitch.conf", S_IFREG | 0644, "passwd: files\ngroup: files\nhosts: files dns\n"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(base); i++) {
        int r = fill_make(f, base[i].path, base[i].mode, base[i].text);
        if (r != 0)
            return err_set(err, r, "%s: %s", base[i].path, strerror(-r));
    }
    return 0;
}

static int pack_add(struct fill *f, const char *path, struct err *err)
{
    char real[PATH_MAX];
    if (path[0] != '/' || !realpath(path, real))
        return err_set(err, path[0] != '/' ? -EINVAL : -errno, "--add %s: %s", path,
                       path[0] != '/' ? "an absolute path is needed" : strerror(errno));
    int r = fill_path(f, path, err);
    struct stat st;
    return r == 0 && stat(real, &st) == 0 && S_ISDIR(st.st_mode) ? fill_tree(f, real, real, err)
                                                                 : r;
}

/* Where common terminals are described: Debian has all in one place since 13. */
static const char *terminals(void)
{
    return access("/lib/terminfo", R_OK) == 0 ? "/lib/terminfo" : "/usr/share/terminfo";
}

/* What programs count on that belongs to none of them: the shell, the locale
 * that needs no other, and what common terminals can do. */
static int pack_common(struct packing *p)
{
    const char *const data[] = {"/usr/lib/locale/C.utf8", terminals()};
    struct packing shell = *p;
    shell.no_data = true;
    int r = access("/bin/sh", X_OK) == 0 ? pack_program(&shell, "/bin/sh", 0) : 0;
    p->fill = shell.fill;
    for (size_t i = 0; i < ARRAY_COUNT(data) && r == 0; i++)
        if (!p->no_data && access(data[i], R_OK) == 0)
            r = pack_add(&p->fill, data[i], p->err);
    return r;
}

static int pack_named(struct packing *p, const char *name)
{
    int r = package_named(name, pack_path, p);
    return r == 1 ? err_set(p->err, -ENOENT, "--package %s: no such package is installed", name)
                  : r;
}

static int fill(struct store *s, const struct request *request, struct err *err)
{
    struct packing p = {.fill = {.store = s, .root_owned = true, .keep = true},
                        .no_data = request->no_data,
                        .err = err};
    char path[PATH_MAX];
    int r = 0;
    for (char *const *word = request->programs; *word && r == 0; word++) {
        r = find_program(*word, path, err);
        if (r == 0)
            r = pack_program(&p, path, 0);
    }
    for (size_t i = 0; i < request->package_count && r == 0; i++)
        r = pack_named(&p, request->packages[i]);
    if (r == 0)
        r = pack_common(&p);
    for (size_t i = 0; i < request->add_count && r == 0; i++)
        r = pack_add(&p.fill, request->adds[i], err);
    if (r == 0 && access("/etc/ld.so.cache", R_OK) == 0)
        r = fill_path(&p.fill, "/etc/ld.so.cache", err);
    if (r == 0)
        r = pack_base(&p.fill, err);
    box_progress_end();
    if (r == 0)
        printf("%s: %llu files, %llu MiB\n", request->image, (unsigned long long)p.fill.files,
               (unsigned long long)(p.fill.bytes >> 20));
    fill_free(&p.fill);
    return r;
}

static int pack(const struct request *request)
{
    struct box_image image;
    struct err err;
    int status = box_image_make(&image, request->image, request->size & ~UINT64_C(4095), 0);
    if (status != 0)
        return status;
    int r = fill(image.store, request, &err);
    if (r == 0) {
        status = box_image_close(&image);
        return status ? status : cli_flush(BOX_NAME);
    }
    cli_error(BOX_NAME, "%s%s", err.text, r == -ENOSPC ? "; --size makes a larger image" : "");
    box_image_abandon(&image);
    return EXIT_FAILURE;
}

/* An option's value into the request: 0 or an exit status. */
static int take_option(struct request *request, int option)
{
    switch (option) {
    case 'o': request->image = optarg; return 0;
    case 'n': request->no_data = true; return 0;
    case 'a':
        if (request->add_count == ADDS_MAX)
            return cli_usage_error(BOX_NAME, "pack: at most %d times --add", ADDS_MAX);
        request->adds[request->add_count++] = optarg;
        return 0;
    case 'p':
        if (request->package_count == ADDS_MAX)
            return cli_usage_error(BOX_NAME, "pack: at most %d times --package", ADDS_MAX);
        request->packages[request->package_count++] = optarg;
        return 0;
    default:
        return box_size(optarg, &request->size)
                   ? 0
                   : cli_usage_error(BOX_NAME, "'%s' is no size; say 512M or 4G", optarg);
    }
}

int box_pack_command(int argc, char **argv)
{
    static const struct option options[] = {
        {"add", required_argument, NULL, 'a'}, {"package", required_argument, NULL, 'p'},
        {"no-data", no_argument, NULL, 'n'},   {"size", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},      {NULL, 0, NULL, 0}};
    struct request request = {.size = size_default};
    int status = 0;
    opterr = 0;
    for (int option;
         status == 0 && (option = getopt_long(argc, argv, "o:", options, NULL)) != -1;) {
        if (option == 'h') {
            fputs(usage, stdout);
            return cli_flush(BOX_NAME);
        }
        status = option == '?'
                     ? cli_usage_error(BOX_NAME, "pack: no option '%s', or it lacks its value",
                                       argv[optind - 1])
                     : take_option(&request, option);
    }
    if (status != 0)
        return status;
    request.programs = argv + optind;
    if (!request.image || optind == argc)
        return cli_usage_error(BOX_NAME, "pack: -o IMAGE and a program are to be named");
    return pack(&request);
}
