#include "enforce/shebang.h"

#include <errno.h>
#include <string.h>

static const char blanks[] = " \t";

int shebang_parse(const char *bytes, size_t size, struct shebang *out)
{
    if (size < 2 || memcmp(bytes, "#!", 2) != 0)
        return 0;
    char line[SHEBANG_SIZE + 1];
    size -= 2;
    memcpy(line, bytes + 2, size);
    line[size] = '\0';
    bool complete = size + 2 < SHEBANG_SIZE;
    char *end = strchr(line, '\n');
    if (end) {
        *end = '\0';
        complete = true;
    }
    char *interpreter = line + strspn(line, blanks);
    size_t interpreter_size = strcspn(interpreter, blanks);
    char *argument = interpreter + interpreter_size;
    if (interpreter_size == 0 || (!complete && *argument == '\0'))
        return -ENOEXEC;
    argument += strspn(argument, blanks);
    size_t argument_size = strlen(argument);
    while (argument_size > 0 && strchr(blanks, argument[argument_size - 1]))
        argument_size--;
    *out = (struct shebang){0};
    memcpy(out->interpreter, interpreter, interpreter_size);
    memcpy(out->argument, argument, argument_size);
    return 1;
}

bool shebang_is_text(const char *bytes, size_t size)
{
    const char *end = memchr(bytes, '\n', size);
    return !memchr(bytes, '\0', end ? (size_t)(end - bytes) : size);
}

/* Cuts out->text into words at blanks. */
static int split(struct env_words *out)
{
    char *rest = out->text, *word;
    while ((word = strsep(&rest, blanks)))
        if (*word && out->count < SHEBANG_WORDS)
            out->words[out->count++] = word;
    return out->count > 0 ? 0 : -ENOTSUP;
}

int shebang_env(const char *argument, struct env_words *out)
{
    *out = (struct env_words){0};
    bool many = strncmp(argument, "-S", 2) == 0;
    if (many)
        argument += 2 + strspn(argument + 2, blanks);
    if (strlen(argument) >= SHEBANG_SIZE || *argument == '-' || strpbrk(argument, "\"'\\$#=") ||
        (!many && strpbrk(argument, blanks)))
        return -ENOTSUP;
    strcpy(out->text, argument);
    return split(out);
}
