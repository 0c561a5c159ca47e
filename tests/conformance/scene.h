/* scene: what there is around an action. The working directory has
 *
 *   file  other  program  link -> file  empty/
 *   dir/file  dir/other  dir/link -> ../file  dir/sub/file
 *   hidden/file  hidden/sub/file
 *
 * each file with its own name as text, `program` executable (it exits with 0). */
#ifndef VOW_SCENE_H
#define VOW_SCENE_H

struct scene {
    char top[128]; /* the working directory's path */
    /* Open before anything was promised: */
    int file;     /* file, to read and write */
    int dir;      /* dir */
    int hidden;   /* hidden */
    int pair[2];  /* a connected pair of unix stream sockets */
    int inet;     /* an unbound UDP socket */
    int terminal; /* a terminal, and its other side */
    int master;
    int listener; /* a unix stream socket that listens at ./socket */
    int datagram; /* a unix socket for datagrams, ./datagram */
};
extern struct scene scene;

/* scene_make: builds it in the new directory `top` and enters it. Exits with a
 * message if it cannot. */
void scene_make(const char *top);
/* scene_remove: all below `top`. */
void scene_remove(const char *top);
/* at: the absolute path of a name in the scene; good for eight calls. */
const char *at(const char *name);
#endif
