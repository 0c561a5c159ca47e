/* vow box ls and stats: what is in an image. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/box.h"
#include "cli/box_image.h"
#include "cli/cli.h"

static const char ls_usage[] = "usage: vow box ls [-l] IMAGE [PATH]\n"
                               "\n"
                               "Lists a directory of an image.\n"
                               "\n"
                               "  -l         with modes, owners, sizes and times\n"
                               "  --help     this text\n";
static const char stats_usage[] = "usage: vow box stats IMAGE\n"
                                  "\n"
                                  "Says how large an image is, and how full.\n"
                                  "\n"
                                  "  --help     this text\n";

/* The options of a subcommand that has at most -l: 0, an exit status, or -1
 * after --help. */
static int read_options(int argc, char **argv, const char *usage, bool *details)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, details ? "l" : "", options, NULL)) != -1;) {
        if (option == 'h') {
            fputs(usage, stdout);
            return -1;
        }
        if (option != 'l')
            return cli_usage_error(BOX_NAME, "%s: no option '%s'", argv[0], argv[optind - 1]);
        *details = true;
    }
    return 0;
}

static void print_name(const char *name, size_t size)
{
    CLEAN_STR struct str shown = {0};
    quote_visible(&shown, name, size);
    fputs(str_get(&shown), stdout);
}

static void print_mode(uint32_t mode)
{
    static const char types[] = "?pc?d?b?-?l?s???", letters[] = "rwxrwxrwx";
    char text[11] = {types[mode >> 12 & 15]};
    for (int i = 0; i < 9; i++)
        text[i + 1] = mode >> (8 - i) & 1 ? letters[i] : '-';
    if (mode & S_ISUID)
        text[3] = mode & S_IXUSR ? 's' : 'S';
    if (mode & S_ISGID)
        text[6] = mode & S_IXGRP ? 's' : 'S';
    if (mode & S_ISVTX)
        text[9] = mode & S_IXOTH ? 't' : 'T';
    fputs(text, stdout);
}

static void print_details(const struct store_attr *a)
{
    char when[32];
    struct tm tm;
    strftime(when, sizeof when, "%Y-%m-%d %H:%M", gmtime_r(&a->mtime.tv_sec, &tm));
    printf(" %3u %5u %5u ", a->nlink, a->uid, a->gid);
    if (S_ISCHR(a->mode) || S_ISBLK(a->mode))
        printf("%5u, %5u %s", a->major, a->minor, when);
    else
        printf("%12llu %s", (unsigned long long)a->size, when);
}

static void print_entry(struct store *s, const char *name, size_t size, uint32_t ino)
{
    struct store_attr attr;
    char target[4096];
    if (store_getattr(s, ino, &attr) != 0) {
        fputs("?????????? (damaged) ", stdout);
        print_name(name, size);
        return;
    }
    print_mode(attr.mode);
    print_details(&attr);
    putchar(' ');
    print_name(name, size);
    ssize_t got = S_ISLNK(attr.mode) ? store_readlink(s, ino, target, sizeof target) : -1;
    if (got >= 0) {
        fputs(" -> ", stdout);
        print_name(target, (size_t)got);
    }
}

/* Listing, in the order of names ------------------------------------------------*/

struct name {
    char *text;
    size_t size;
    uint32_t ino;
};

struct listing {
    struct name *names;
    size_t count, capacity;
};

static int keep_name(void *context, const struct store_entry *entry)
{
    struct listing *l = context;
    if ((entry->size == 1 && entry->name[0] == '.') ||
        (entry->size == 2 && memcmp(entry->name, "..", 2) == 0))
        return 0;
    char *text = strndup(entry->name, entry->size);
    if (!text || array_grow((void **)&l->names, &l->capacity, l->count, sizeof *l->names) != 0) {
        free(text);
        return 1;
    }
    l->names[l->count++] = (struct name){text, entry->size, entry->ino};
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

static int list_dir(struct store *s, uint32_t dir, bool details)
{
    struct listing l = {0};
    uint64_t position = 0;
    int r = store_readdir(s, dir, &position, keep_name, &l);
    if (l.count)
        qsort(l.names, l.count, sizeof *l.names, by_text);
    for (size_t i = 0; i < l.count; i++) {
        if (details)
            print_entry(s, l.names[i].text, l.names[i].size, l.names[i].ino);
        else
            print_name(l.names[i].text, l.names[i].size);
        putchar('\n');
        free(l.names[i].text);
    }
    free(l.names);
    return r < 0 ? r : 0;
}

static int list(struct store *s, const char *path, bool details)
{
    struct store_attr attr;
    uint32_t ino;
    int r = box_walk(s, path, true, &ino);
    if (r == 0)
        r = store_getattr(s, ino, &attr);
    if (r == 0 && S_ISDIR(attr.mode))
        return list_dir(s, ino, details);
    if (r == 0 && details)
        print_entry(s, path, strlen(path), ino);
    else if (r == 0)
        print_name(path, strlen(path));
    if (r == 0)
        putchar('\n');
    return r;
}

int box_ls_command(int argc, char **argv)
{
    struct box_image image;
    bool details = false;
    int status = read_options(argc, argv, ls_usage, &details);
    if (status != 0)
        return status > 0 ? status : cli_flush(BOX_NAME);
    if (argc - optind < 1 || argc - optind > 2)
        return cli_usage_error(BOX_NAME, "ls: an image and at most one path");
    const char *path = argc - optind == 2 ? argv[optind + 1] : "/";
    status = box_image_open(&image, argv[optind], false);
    if (status != 0)
        return status;
    int r = list(image.store, path, details);
    if (r != 0)
        cli_error(BOX_NAME, "%s: %s", path, strerror(-r));
    status = box_image_close(&image);
    return r != 0 ? EXIT_FAILURE : status ? status : cli_flush(BOX_NAME);
}

int box_stats_command(int argc, char **argv)
{
    struct box_image image;
    struct store_statfs st;
    struct store_counters counters;
    int status = read_options(argc, argv, stats_usage, NULL);
    if (status != 0)
        return status > 0 ? status : cli_flush(BOX_NAME);
    if (argc - optind != 1)
        return cli_usage_error(BOX_NAME, "stats: one image is to be named");
    status = box_image_open(&image, argv[optind], false);
    if (status != 0)
        return status;
    struct stat host;
    bool known = stat(argv[optind], &host) == 0;
    store_statfs(image.store, &st);
    store_counters(image.store, &counters);
    uint64_t mib = (1 << 20) / st.block_size;
    printf("size        %llu MiB, of which the host holds %llu MiB\n",
           (unsigned long long)(st.blocks / mib),
           known ? (unsigned long long)host.st_blocks >> 11 : 0ull);
    printf("used        %llu MiB, free %llu MiB\n",
           (unsigned long long)((st.blocks - st.free_blocks) / mib),
           (unsigned long long)(st.free_blocks / mib));
    printf("inodes      %llu used, %llu free\n", (unsigned long long)(st.inodes - st.free_inodes),
           (unsigned long long)st.free_inodes);
    if (counters.replayed)
        printf("journal     %llu blocks wait for their replay: the image was not closed\n",
               (unsigned long long)counters.replayed);
    else
        puts("journal     empty: the image was closed");
    status = box_image_close(&image);
    return status ? status : cli_flush(BOX_NAME);
}
