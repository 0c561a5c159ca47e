#include "broker/rules.h"

#include <errno.h>
#include <string.h>

int rules_letters(const char *text)
{
    static const char known[] = "rwxc";
    int letters = RULE_SET;
    for (size_t i = 0; text[i] != '\0'; i++) {
        const char *at = strchr(known, text[i]);
        if (i >= sizeof known - 1)
            return -ENAMETOOLONG;
        if (!at)
            return -EINVAL;
        letters |= 1 << (at - known);
    }
    return letters;
}

static struct rule_directory *find_directory(const struct rules *rules,
                                             const struct identity *directory)
{
    for (size_t i = 0; i < rules->directory_count; i++) {
        const struct rule_directory *at = &rules->directories[i];
        if (at->identity.inode == directory->inode && at->identity.device == directory->device)
            return (struct rule_directory *)at;
    }
    return NULL;
}

static struct rule_name *find_name(const struct rules *rules,
                                   const struct rule_directory *directory, const char *name)
{
    for (size_t i = 0; directory && i < rules->name_count; i++)
        if (&rules->directories[rules->names[i].directory] == directory &&
            strcmp(rules->names[i].text, name) == 0)
            return (struct rule_name *)&rules->names[i];
    return NULL;
}

const struct rule_directory *rules_directory(const struct rules *rules,
                                             const struct identity *directory)
{
    return find_directory(rules, directory);
}

const struct rule_name *rules_name(const struct rules *rules, const struct identity *directory,
                                   const char *name)
{
    return find_name(rules, find_directory(rules, directory), name);
}

int rules_add(struct rules *rules, const struct rule_directory *directory, const char *name,
              bool *taken)
{
    struct rule_directory *at = find_directory(rules, &directory->identity);
    struct rule_name *named = name ? find_name(rules, at, name) : NULL;
    *taken = false;
    if ((!at && rules->directory_count == RULE_DIRECTORIES) ||
        (name && !named && rules->name_count == RULE_NAMES))
        return -E2BIG;
    if (!at) {
        at = &rules->directories[rules->directory_count++];
        *at = *directory;
        at->letters = 0;
        *taken = true;
    }
    if (!name) {
        at->letters = directory->letters;
        at->path_size = directory->path_size;
        memcpy(at->path, directory->path, sizeof at->path);
    } else {
        if (!named) {
            named = &rules->names[rules->name_count++];
            named->directory = (uint8_t)(at - rules->directories);
            memcpy(named->text, name, strlen(name) + 1);
        }
        named->letters = directory->letters;
    }
    rules->all |= directory->letters;
    return 0;
}

uint8_t rules_below(const struct rules *rules, const struct identity *directory, uint8_t cover)
{
    const struct rule_directory *own = find_directory(rules, directory);
    return own && own->letters ? own->letters : cover;
}

int rules_permit(uint8_t letters, uint8_t wanted)
{
    if ((letters & ~RULE_SET) == 0)
        return -ENOENT;
    return (letters & wanted) == wanted ? 0 : -EACCES;
}
