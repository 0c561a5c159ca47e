/* oci: a policy as a seccomp profile for containers. PURE.
 *
 * The runtime specification knows one architecture's names and argument
 * conditions that must be equal to masked values; what is outside of all
 * conditions of a call gets the default action. docker's and podman's files
 * know, besides, rules for some architectures alone (archMap, includes), which
 * the runtime itself does not. So there are two forms. */
#ifndef VOW_EXPORT_OCI_H
#define VOW_EXPORT_OCI_H

#include <jansson.h>

#include "arch/arch.h"
#include "policy/policy.h"

/* oci_profile: `arch`: in the runtime's form for this architecture; NULL: in
 * docker's and podman's for all. `lost` gets a line for each thing that the
 * policy says and the profile does not. */
int oci_profile(const struct policy *p, const struct arch *arch, json_t **out, struct str *lost,
                struct err *err);
/* oci_runtime_calls: does a runtime need this call to start the program, when
 * the profile is loaded? Every profile allows it. */
bool oci_runtime_calls(const char *name);

#endif
