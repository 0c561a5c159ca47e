#include "cli/preset.h"

#include <errno.h>
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

/* The state of the file that execvp would take. */
static bool find_program(const char *word, struct stat *st)
{
    if (strchr(word, '/'))
        return stat(word, st) == 0;
    const char *at = getenv("PATH");
    for (at = at ? at : "/usr/bin:/bin"; at; at = *at ? at + 1 : NULL) {
        struct str file CLEAN_STR = {0};
        size_t size = strcspn(at, ":");
        str_add_bytes(&file, at, size);
        str_addf(&file, "%s%s", size ? "/" : "", word);
        if (stat(str_get(&file), st) == 0 && S_ISREG(st->st_mode) &&
            access(str_get(&file), X_OK) == 0)
            return true;
        at += size;
    }
    return false;
}

const struct preset *preset_choose(const char *word, char **path)
{
    struct stat program, known;
    if (!find_program(word, &program) || !S_ISREG(program.st_mode) || program.st_uid != 0 ||
        program.st_mode & (S_IWGRP | S_IWOTH))
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
