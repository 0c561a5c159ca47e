/* env: the environment of the program. PURE. */
#ifndef VOW_ENFORCE_ENV_H
#define VOW_ENFORCE_ENV_H

#include "policy/policy.h"

/* env_passes: does this variable ("NAME=VALUE") pass? Without --env-all those
 * of a fixed list (env_default_name) and those named by --env. With it all
 * but LD_*: these make the loader load and must be named. */
bool env_passes(const struct policy *p, const char *variable);
/* env_default_name: one after the other, NULL behind the last; a name that ends in
 * "*" stands for all that begin so. */
const char *env_default_name(size_t index);
/* env_build: the variables of `environment` that pass, with PWD=dir if PWD
 * passes and dir is not NULL; --setenv's values replace or follow them.
 * malloc'd; NULL: out of memory. */
char **env_build(const struct policy *p, char *const *environment, const char *dir);
void env_free(char **envp);
/* env_get: the value of a variable, NULL if it is not set. */
const char *env_get(char *const *envp, const char *name);

#endif
