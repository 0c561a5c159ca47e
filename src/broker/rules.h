/* rules: what unveil() was told, and what it means for one object. PURE.
 *
 * A directory is remembered by what it is (device and inode), so that a rule
 * moves with it and holds for what is reached through any name; everything
 * else by the directory that it is in and its name there, so that it may be
 * absent, removed and made anew. Whoever follows a path keeps the `cover`: the
 * nearest directory above that has letters of its own. Then
 *
 *   a directory with letters of its own   has these,
 *   a name with letters of its own        has these (not if it is a directory),
 *   all else                              has those of its cover,
 *   without a cover                       it is not there. */
#ifndef VOW_BROKER_RULES_H
#define VOW_BROKER_RULES_H

#include "base/base.h"

enum {
    RULE_READ = 1,
    RULE_WRITE = 2,
    RULE_EXEC = 4,
    RULE_CREATE = 8,
    RULE_SET = 16, /* there are letters, or "": a rule of its own */
};

#define RULE_DIRECTORIES 128
#define RULE_NAMES 128
#define RULE_NAME_SIZE 256 /* NAME_MAX, with its NUL */

#define RULE_PATH_SIZE 64

/* Which directory: the same as long as somebody holds it open. */
struct identity {
    uint64_t device, inode;
};

struct rule_directory {
    struct identity identity;
    int fd;          /* holds it, O_PATH */
    uint8_t letters; /* 0: only names in it have letters */
    uint8_t path_size;
    char path[RULE_PATH_SIZE]; /* as it was given, where it is absolute and short; where
                                  it still leads there walks begin with it */
};

struct rule_name {
    uint8_t directory; /* index */
    uint8_t letters;
    char text[RULE_NAME_SIZE];
};

struct rules {
    size_t directory_count, name_count;
    uint8_t all; /* the letters of all rules together */
    struct rule_directory directories[RULE_DIRECTORIES];
    struct rule_name names[RULE_NAMES];
};

/* rules_letters: of "rwxc" in any order; -EINVAL for others, -ENAMETOOLONG
 * for more than four. */
int rules_letters(const char *text);
/* rules_directory, rules_name: the rule about exactly this, or NULL. */
const struct rule_directory *rules_directory(const struct rules *rules,
                                             const struct identity *directory);
const struct rule_name *rules_name(const struct rules *rules, const struct identity *directory,
                                   const char *name);
/* rules_add: gives letters to a directory (name NULL), or to a name in it; they
 * replace those that it had. Takes over `fd` if *taken comes back true. 0 or
 * -E2BIG. */
int rules_add(struct rules *rules, const struct rule_directory *directory, const char *name,
              bool *taken);
/* rules_below: the cover after a step down into a directory. */
uint8_t rules_below(const struct rules *rules, const struct identity *directory, uint8_t cover);
/* rules_permit: may all of `wanted` be done with something that has these
 * letters? 0, -EACCES, or -ENOENT where it is hidden. */
int rules_permit(uint8_t letters, uint8_t wanted);

#endif
