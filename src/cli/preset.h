/* preset: the policies that are shipped for common programs (presets/). They
 * are built into the command, so that nothing has to be found or trusted. */
#ifndef VOW_PRESET_H
#define VOW_PRESET_H

#include "base/base.h"

struct preset {
    const char *name;
    const char *text;            /* of the policy file */
    const char *const *programs; /* its `program` lines, NULL-terminated */
};
extern const struct preset presets[]; /* generated; ends with name NULL */

/* preset_find: by name. NULL, and err names the nearest. */
const struct preset *preset_find(const char *name, struct err *err);
/* Which file? What `word` stands for where the run starts it. */
struct preset_question {
    const char *word;
    const char *dir;    /* the run's, seen from ours */
    const char *search; /* its PATH, or NULL */
};
/* preset_choose: the preset of which a `program` line names that very file, if
 * root owns it and nobody else may write it. NULL if none. *path, malloc'd, is
 * that line's path. */
const struct preset *preset_choose(const struct preset_question *question, char **path);

#endif
