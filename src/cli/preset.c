#include "cli/preset.h"

#include "enforce/start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *preset_name(size_t index)
{
    return presets[index].name;
}

const struct preset *preset_find(const char *name, struct err *err)
{
    size_t count = 0;
    for (; presets[count].name; count++)
        if (strcmp(presets[count].name, name) == 0)
            return &presets[count];
    struct str shown CLEAN_STR = {0};
    size_t size = strlen(name);
    quote_visible(&shown, name, size < 64 ? size : 64);
    const char *near = word_nearest(name, size, preset_name, count);
    if (near)
        err_set(err, -ENOENT, "no preset '%s'; did you mean '%s'?", str_get(&shown), near);
    else
        err_set(err, -ENOENT, "no preset '%s'; vow-policy(5) lists them", str_get(&shown));
    return NULL;
}

/* The state of the file that will be started. */
static bool find_program(const struct preset_question *q, struct stat *st)
{
    CLEAN_FREE char *path = NULL;
    CLEAN_FD int at = open(q->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return at >= 0 && start_look_up(at, q->word, q->search, &path) == 0 &&
           fstatat(at, path, st, 0) == 0;
}

const struct preset *preset_choose(const struct preset_question *q, char **path)
{
    struct stat program, known;
    if (!find_program(q, &program) || program.st_uid != 0 || program.st_mode & (S_IWGRP | S_IWOTH))
        return NULL;
    for (const struct preset *preset = presets; preset->name; preset++)
        for (const char *const *line = preset->programs; *line; line++)
            if (stat(*line, &known) == 0 && known.st_dev == program.st_dev &&
                known.st_ino == program.st_ino) {
                *path = strdup(*line);
                return *path ? preset : NULL;
            }
    return NULL;
}
