/* layout: what the two filters, the shim and the broker agree on: where things
 * lie in a guest process, and which host descriptors there are.
 *
 * The shim is linked at a fixed address between the places where the kernel
 * puts programs and those where it puts stacks and mappings, so that the filter
 * of the guests is one constant program. That the address is known helps no
 * attacker: the filter's instruction pointer test routes calls, it is no
 * boundary. The boundary is the list of calls behind it. */
#ifndef VOW_BOX_LAYOUT_H
#define VOW_BOX_LAYOUT_H

/* A guest process, upwards: what the guest may map; then the shim's own. */
#define GUEST_LOW 0x10000UL
#define GUEST_TOP 0x5fff90000000UL /* end of what the guest may map */
#define SHIM_TEXT 0x600000000000UL
#define SHIM_TEXT_END 0x600000100000UL  /* the only text whose calls are allowed */
#define VDSO_BASE 0x600008000000        /* the guests' library, which the shim carries */
#define SHIM_END 0x600010000000UL       /* of its data */
#define CHANNEL_BASE 0x600100000000UL   /* struct channel, shared with the broker */
#define BLOCKS_BASE 0x600200000000UL    /* what the shim keeps of each thread */
#define PUBLISHED_BASE 0x600300000000UL /* struct published, and the cached pages */
#define SHIM_RESERVED_END 0x600400000000UL

/* Where a text lies its stubs are not far: always as far, so that a text that was
 * rewritten once serves all who map it. That is within reach of a jump, and its
 * last byte is one that is no instruction. Two ranges can have texts: below 480
 * MiB, where programs lie that must, and the gigabyte below GUEST_TOP. */
#define TEXT_STUBS 0x61000000UL
#define TEXT_MAX 0x1e000000UL
#define TEXT_LOW_END TEXT_MAX
#define TEXT_HIGH (GUEST_TOP - 0x40000000UL)
#define STUBS_LOW (GUEST_LOW + TEXT_STUBS)
#define STUBS_LOW_END (TEXT_LOW_END + TEXT_STUBS)
#define STUBS_HIGH (TEXT_HIGH + TEXT_STUBS)
#define STUBS_HIGH_END (GUEST_TOP + TEXT_STUBS) /* below the shim */

/* What a box is to its guests: the library has it, uname and the schedulers' calls. */
#define BOX_PROCESSORS 2 /* a power of two */
#define BOX_KERNEL_MAJOR 6
#define BOX_KERNEL_MINOR 1

#ifndef __ASSEMBLER__
/* Host descriptors of a guest process; it has no others. The arena holds the
 * pages that processes share: cached files and shared memory. */
enum { GUEST_ARENA_READ = 3, GUEST_ARENA_WRITE = 4 };

/* The arena has 2^ARENA_SHIFT bytes, in windows of 2^WINDOW_SHIFT. */
enum { ARENA_SHIFT = 45, WINDOW_SHIFT = 31 };

/* Host descriptors of the broker beside the caller's 0, 1 and 2. The listener is
 * there with --host notify alone. */
enum { BROKER_IMAGE = 3, BROKER_LISTENER = 4 };

/* The one signal that the broker sends: look at your slot. SIGURG. */
enum { HOST_KICK = 23 };

#endif
#endif
