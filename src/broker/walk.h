/* walk: follows a path as the kernel would, one component at a time, and keeps
 * account of the rules on the way.
 *
 * Nothing is looked up twice: each component is opened with O_PATH, asked what
 * it is, and left or entered by that descriptor. A symbolic link is read from
 * the descriptor and its text followed in the same manner. So what is judged is
 * what is used, whatever others rename in the meantime. The result is the
 * directory and the name for operations on names, and the object itself.
 *
 * What /proc shows of "self" is the caller's, not the broker's; the broker's own
 * directories there do not exist. A link of /proc that leads to an object and
 * not to a path (fd/0, cwd, exe) is followed by the kernel; where the object
 * has a place, this is found and judged, and one that has none (a pipe, a
 * removed file) is for those alone who hold it. */
#ifndef VOW_BROKER_WALK_H
#define VOW_BROKER_WALK_H

#include "broker/rules.h"

#include <limits.h>
#include <sys/stat.h>
#include <sys/types.h>

#define WALK_FOLLOW 1u /* a symbolic link at the end is followed */
#define WALK_NAME 2u   /* the end is a name to make or remove: never followed */
#define WALK_LOOK 4u   /* what is at the end need not be opened */
#define WALK_OPEN 8u   /* … if it is a file or directory that its name can be opened by */

#define WALK_TEXT_SIZE (3 * PATH_MAX)

struct views;
struct judges;
struct walk {
    const struct rules *rules;   /* NULL: all is visible */
    const struct judges *judges; /* all views that hold: an error says nothing of what
                                    one but the first hides */
    int root;                    /* O_PATH */
    struct stat root_stat;
    const struct views *views;
    dev_t plain_device; /* a file system that is no proc */
    pid_t broker;
    pid_t caller; /* the thread that asks */
    uid_t user;   /* whom it acts as */
    /* The way at hand; walk() alone has a say here. */
    int dir;
    bool dir_kept; /* it is the root or a rule's, and not closed */
    struct stat dir_stat;
    uint8_t cover;
    bool in_proc; /* dir is the root of a proc */
    unsigned links;
    char *rest;
    char text[WALK_TEXT_SIZE];
};

struct place {
    int dir; /* O_PATH; -1: the object has no name that counts */
    bool dir_kept;
    int object; /* O_PATH; -1: nothing is there, or it was only looked at */
    bool looked;
    bool slash;  /* the path ends in one */
    bool named;  /* the letters are the name's own */
    bool myself; /* /proc/self itself, to be read as a link */
    uint8_t letters;
    struct stat stat; /* of the object */
    char name[RULE_NAME_SIZE];
};
#define NO_PLACE ((struct place){.dir = -1, .object = -1})
#define CLEAN_PLACE __attribute__((cleanup(place_close)))
void place_close(struct place *place);

/* walk: `from` is the directory that a relative path starts in (O_PATH; it is
 * closed), or -1. 0, also where nothing is there; or -errno, which says
 * nothing of what is hidden. */
int walk(struct walk *walk, int from, const char *path, unsigned flags, struct place *out);
/* walk_object: the place of something that the caller holds itself. `object`
 * belongs to the place from then on. */
int walk_object(struct walk *walk, int object, struct place *out);
/* walk_is_below: is an open directory below the other one, or (`itself`) that
 * one? Also where that cannot be told. */
bool walk_is_below(int dir, const struct identity *other, bool itself);
/* walk_open: openat2(2), which is told what not to follow beside the flags that the
 * descriptor keeps: RESOLVE_… of the kernel. */
#define WALK_NO_MAGICLINKS 2u
#define WALK_NO_SYMLINKS 4u
int walk_open(int dir, const char *name, int flags, unsigned resolve);
/* walk_judge: the same place under other rules. */
void walk_judge(const struct rules *rules, struct place *place);
/* place_permits: 0, -EACCES or -ENOENT. */
int place_permits(const struct place *place, uint8_t wanted);
/* walk_self: what the caller reads in a place that is `myself`: its size. */
size_t walk_self(const struct walk *walk, const char *name, char *to);
/* walk_process: the process of a thread, by /proc; 0 if it is gone. */
pid_t walk_process(pid_t thread);

#endif
