/* Linked as libvow is: with the tables of this machine alone. */
#include "arch/arch.h"
#include "harness.h"

TEST(only_the_architectures_of_this_machine)
{
    const struct arch *native = arch_native();
    size_t carried = 0;
    for (size_t i = 0; i < ARCH_COUNT; i++)
        carried += arch_table((enum arch_id)i) != NULL;
    CHECK(carried == 1 || carried == 2);
    CHECK(arch_table(native->id) != NULL && arch_call_by_name(native, "read") != NULL);
    if (native->id == ARCH_X86_64)
        CHECK(carried == 2 && arch_table(ARCH_I386) != NULL);
}

TEST(absent_architectures_have_no_calls)
{
    const struct arch *foreign = arch_by_name(arch_native()->id == ARCH_S390X ? "x86_64" : "s390x");
    CHECK(foreign != NULL && arch_table(foreign->id) == NULL);
    CHECK(arch_call(foreign, 3) == NULL && arch_call_by_name(foreign, "read") == NULL);
}
