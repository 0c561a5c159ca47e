/* channel: the memory that a guest process and the broker share, and how a call
 * travels through it.
 *
 * Each guest thread has a slot, and a window of 64 KiB for what its calls point
 * to. The thread fills in the request, sets `state` to SLOT_POSTED, its bit in
 * `bells`, and wakes the broker if that sleeps. It need not ring while the broker
 * polls its slot: then one cache line goes there and back. The broker copies the request
 * once, does the call, writes the result and sets SLOT_DONE. If the call has to
 * wait it sets SLOT_WAITING first, so that the thread stops spinning.
 *
 * Both sides spin before they sleep, which pays while they are on two cores. Who
 * wakes the other one on the core where it runs itself goes to sleep at once, for
 * there the other one will want to run.
 *
 * All guests of a box see the whole channel: they are one domain of trust. The
 * broker believes nothing here: it reads each word once, and an offset into a
 * window only after it was checked. */
#ifndef VOW_BOX_CHANNEL_H
#define VOW_BOX_CHANNEL_H

#include <stdint.h>

#include "box/claim.h"
#include "box/layout.h"

enum {
    SLOT_COUNT = 512,
    WINDOW_SIZE = 65536,
    WINDOW_START = 64, /* offset 0 stands for a null pointer */
    CHANNEL_HEADER = 2 << 20,
    START_INSNS_MAX = 256,
    POSITIONS = 65536,
    PLACES = 512, /* of processes, in what is published */
};
#define CHANNEL_SIZE (CHANNEL_HEADER + (uint64_t)SLOT_COUNT * WINDOW_SIZE)

/* WANTED: the filter is to have a listener; MADE: it has; TAKEN: the broker has it. */
enum listen_state { LISTEN_NONE, LISTEN_WANTED, LISTEN_MADE, LISTEN_TAKEN };

enum slot_state { SLOT_IDLE, SLOT_POSTED, SLOT_WAITING, SLOT_DONE };

/* How the calls of a thread came: for people who ask (--stats), of no weight. */
struct call_counts {
    uint64_t calls;
    uint64_t trapped;  /* of them; the others came by jumps (site.h) */
    uint64_t requests; /* to the broker, of whatever kind */
};

struct slot {
    /* A request and its result: one cache line. */
    uint32_t state; /* futex */
    uint32_t nr;    /* of the guest's call, or one of enum box_call */
    uint64_t args[6];
    int64_t result;
    /* The broker's. */
    uint64_t pending;          /* signals that wait for the thread or its process */
    uint32_t notice;           /* nonzero: the thread asks for its signals before it goes on */
    uint32_t pid, tid, parent; /* as the guest knows them */
    uint32_t uid, euid, gid, egid;
    uint32_t asks;                     /* its permissions are not those of its ids alone */
    uint32_t place;                    /* of the process, in what is published */
    uint32_t file_limit;               /* RLIMIT_NOFILE, or what a process can have */
    uint64_t memory_limit, data_limit; /* RLIMIT_AS, RLIMIT_DATA */
    /* The thread's again. */
    uint32_t asleep; /* it is in a futex wait on `state` */
    uint32_t core;   /* and went to sleep on this one */
    uint64_t mask;   /* signals that it blocks */
    uint32_t quiet;  /* it waits, and has a barrier before it goes on */
    uint32_t fence;  /* futex: somebody waits for a barrier of it (membarrier) */
    struct call_counts counts;
} __attribute__((aligned(128)));

struct channel {
    uint32_t bell;          /* futex of the broker */
    uint32_t broker_asleep; /* it waits, or is about to */
    uint32_t broker_core;   /* on this one */
    uint32_t polled;        /* the slot that it looks at by itself, plus one; 0: none */
    uint64_t bells[SLOT_COUNT / 64];
    uint64_t seed[4];   /* random bytes for the first process's layout */
    uint32_t listen;    /* futex, enum listen_state: how the first process loads its filter */
    uint32_t set_bases; /* guests set FS and GS by a call */
    /* The guests' filter, loaded by the first process. */
    uint32_t insn_count;
    uint64_t insns[START_INSNS_MAX];
    struct slot slots[SLOT_COUNT];
    uint64_t positions[POSITIONS]; /* of published files (published.h) */
    struct claims claims[PLACES];
};
_Static_assert(sizeof(struct channel) <= CHANNEL_HEADER, "the windows come behind it");

/* Calls that only the shim makes. They stand above all numbers of Linux. */
enum box_call {
    BOX_CALLS = 4096,
    BOX_FORK = BOX_CALLS, /* vfork?, signal, CLONE_FS?: (pid << 16 | slot) of the child to come */
    BOX_FORKED,           /* slot, host pid or -errno; waits for the child if vfork */
    BOX_THREAD,           /* CLONE_FS?: (tid << 16 | slot) of the thread to come */
    BOX_THREADED,         /* slot, host tid or -errno */
    BOX_TAKE,             /* struct box_signal out: the next signal to handle */
    BOX_FAULT,            /* signal, struct box_signal in and out: it faulted */
    BOX_LEAVE,            /* status: the thread ends. No answer */
    BOX_LEAVE_GROUP,      /* status as of wait: the process ends. No answer */
    BOX_EXEC_OPEN,        /* index, path, struct box_image out, is it the box's path?, head out */
    BOX_EXEC_READ,        /* index, buffer, size, offset */
    BOX_EXEC_COMMIT,      /* cmdline, its size, the path of the program */
    BOX_MAP,              /* fd, prot, enum map_how, offset, size: see map_answer */
    BOX_UNMAP,            /* a place in a window of which nothing is mapped any more */
    BOX_TOUCH,            /* a place, size: how many bytes from there are there now */
    BOX_STAGE,            /* at, size, whether it is the first: part of a datagram (message.h) */
    BOX_UNSTAGE,          /* at, size, offset: the rest of one; how much there was */
    BOX_SITE,             /* arena offset, enum site_event: text.c has the answers */
    BOX_TELL,             /* bytes, their size, is it the end?: the next part, after -WANTS_x */
    BOX_MAP_ALL,          /* struct box_part in and out, how many: up to one that fails */
    BOX_LOAD,             /* a claimed fd, offset, size: what is there is published: how much */
    BOX_CALLS_END,
};

/* An fd of BOX_MAP that stands for one of the two files of an exec, or for new
 * shared memory. */
enum { MAP_EXEC_FILE = -1000, MAP_EXEC_LOADER = -1001, MAP_NEW_SHARED = -1002 };

enum map_how { MAP_AS_PRIVATE, MAP_AS_SHARED, MAP_AS_TEXT };
enum { MAP_SHARED_WRITABLE = 1, MAP_IS_TEXT = 2 };

/* One of BOX_MAP_ALL: what a BOX_MAP has, and its answer. */
struct box_part {
    uint64_t args[5];
    int64_t answer;
};
enum { BOX_PARTS_MAX = 128 };

/* What BOX_MAP answers: where in the arena, MAP_x, and how many pages are there
 * already. The others are asked for when somebody touches them (BOX_TOUCH). */
#define MAP_PLACE_MASK (((UINT64_C(1) << ARENA_SHIFT) - 1) & ~UINT64_C(0xfff))
enum { MAP_PAGES_MAX = (1 << (63 - ARENA_SHIFT)) - 1 };
static inline int64_t map_answer(uint64_t place, uint64_t pages)
{
    return (int64_t)(place | (pages < MAP_PAGES_MAX ? pages : MAP_PAGES_MAX) << ARENA_SHIFT);
}
static inline uint64_t map_place(int64_t answer)
{
    return (uint64_t)answer & MAP_PLACE_MASK;
}
static inline uint64_t map_present(int64_t answer)
{
    return ((uint64_t)answer >> ARENA_SHIFT) << 12;
}

/* A syscall of a text has trapped; somebody ran into what was written there. */
enum site_event { SITE_CALLED, SITE_STOPPED };
/* What shmat attaches. */
struct box_shm {
    int64_t map; /* as of BOX_MAP */
    uint64_t size;
};

/* The errno of a call that needs what the shim knows: it tells it, and calls again. */
enum { WANTS_MAPS = 600, WANTS_ENVIRON };

/* After -WANTS_MAPS: a mapping. */
enum told_kind { TOLD_ANON, TOLD_HEAP, TOLD_STACK, TOLD_PRIVATE, TOLD_SHARED };
struct told_mapping {
    uint64_t start, end, arena; /* arena: of TOLD_PRIVATE and TOLD_SHARED */
    uint32_t prot, kind;
};

/* Instead of a signal: the process has ended; this thread ends; the process is to end,
 * with the status that `flags` says. */
enum box_signal_end { BOX_SIGNAL_ENDED = -1, BOX_SIGNAL_LEAVE = -2, BOX_SIGNAL_END = -3 };

/* A signal on its way to a handler. */
struct box_signal {
    int32_t signal; /* 0: none; or enum box_signal_end */
    uint32_t unused;
    uint8_t info[128]; /* siginfo */
    uint64_t handler, flags, restorer, mask;
};

/* What an exec finds: an ELF file to read, or a script's first line. The head of the
 * file comes along: it has what an exec reads of most. */
enum { BOX_HEAD = 2048 };
struct box_image {
    uint32_t is_script;
    uint32_t argument_size; /* 0: the line has none */
    uint32_t head_size;     /* how much of the file BOX_EXEC_OPEN brought along */
    char interpreter[256];
    char argument[256];
};

/* How the shim and the broker tell the guest's signals from the errnos that say
 * how a call goes on after one. */
enum {
    RESTART_SYS = 512,    /* again if the handler has SA_RESTART, or none ran */
    RESTART_NOHAND = 514, /* again if none ran */
};

#endif
