/* vow: hold this process to promises.
 *
 *     struct vow_error error;
 *     struct vow_policy *policy = vow_policy_new();
 *     if (!policy || vow_policy_promises(policy, "stdio rpath", &error) != 0 ||
 *         vow_policy_path(policy, "/etc", "r", &error) != 0 ||
 *         vow_apply(policy, 0, &error) != 0)
 *             …error.text says why, and the process is as free as before…
 *     vow_policy_free(policy);
 *
 * A promise is a word for an intent ("rpath": read files; `vow promises` lists
 * them all), a path rule says where; both mean what they mean to `vow run`.
 * They are enforced by the kernel, with seccomp and Landlock, for this process
 * and all that it starts, and cannot be taken back. A call that no promise
 * covers fails with EPERM, or with ENOSYS where the C library has another way;
 * a path that no rule covers fails with EACCES. Unlike `vow run` a process has
 * no view of its own: a rule can add to the rules above it, not take away from
 * them; stat and the like still see every name; chmod and connecting to unix
 * sockets ask the promises (fattr, unix) alone.
 *
 * Every function that returns int returns 0, or -1 with errno and, unless
 * `error` is NULL, a line for a person in error->text. None of them prints,
 * exits or keeps state of its own. They use memory from malloc: not for signal
 * handlers, nor between fork and exec of a process with threads. Different
 * policies may be used by different threads at once, one policy by one thread
 * at a time. Needs nothing but the C library; links as libvow.so or libvow.a.
 */
#ifndef VOW_H
#define VOW_H

#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A policy being put together. It starts with no promise and no path rule. */
struct vow_policy;

/* The caller's place for the reason of a failure: one line, no newline. */
struct vow_error {
    char text[512];
};

/* vow_policy_new: NULL if memory is short. vow_policy_free: takes NULL, too;
 * what was applied stays applied. */
struct vow_policy *vow_policy_new(void);
void vow_policy_free(struct vow_policy *policy);

/* vow_policy_promises: adds promises, words separated by blanks.
 * EINVAL: there is no such word; the text names the nearest. */
int vow_policy_promises(struct vow_policy *policy, const char *promises, struct vow_error *error);

/* vow_policy_path: adds a path rule. `permissions` are any of "rwxc": read,
 * write, execute, create and remove; "" grants nothing. A relative path counts
 * from the current directory of this call. The path must exist when the policy
 * is applied. Without any rule the promises hold for the whole file system.
 * EINVAL: an unknown letter. */
int vow_policy_path(struct vow_policy *policy, const char *path, const char *permissions,
                    struct vow_error *error);

/* Flags of vow_apply and vow_supported. */
#define VOW_KILL 1u        /* a call that is denied ends the process (SIGSYS) */
#define VOW_BEST_EFFORT 2u /* do without what this kernel cannot enforce */

/* vow_apply: confines the calling process from now on, beyond what already
 * confines it, with all its threads. Files that are open stay usable.
 * A failure leaves the process with what it had or with less (no_new_privs,
 * Landlock's rules), and not held to the policy: do not go on as if it were.
 * With VOW_BEST_EFFORT it succeeds where Landlock, or a newer part of it, is
 * missing; error->text then says what was lost and is "" if nothing was. The
 * policy is not changed and can be applied again.
 * EBUSY: another thread does not answer. EINVAL: an unknown flag, or a rule that
 * takes away. ENOENT: a path of a rule does not exist. ENOSYS: this kernel
 * cannot enforce it. */
int vow_apply(const struct vow_policy *policy, unsigned flags, struct vow_error *error);

/* vow_supported: would vow_apply with VOW_BEST_EFFORT lose something of this
 * policy here? 1: no, all of it is enforced; 0: yes, error->text says what; -1
 * with errno as above. Changes nothing. */
int vow_supported(const struct vow_policy *policy, struct vow_error *error);

/* vow_limit_fd: gives up one direction of an open descriptor for good: "r"
 * leaves reading, "w" leaves writing. dup does not get around it, for what is
 * replaced is the open file behind the number: its status flags and position
 * stay, its locks, its place in an epoll set and its sharing of a position
 * with other descriptors go. Copies that were made before keep what they had.
 * A unix stream socket, and a TCP one that is left reading, is shut down
 * instead, for the peer and all copies; what had arrived unread is thrown away.
 * Call it before promises that do not allow to open the file again. Who may
 * still open files can open that one anew, as any other.
 * EINVAL: `access` is neither. EBADF: not open for reading or writing. EACCES:
 * it never had what should be left, or may not be opened again. EOPNOTSUPP:
 * this kind of file or socket has no such half. ENOENT: /proc is not mounted.
 * ENOTCONN: the socket is not connected. */
int vow_limit_fd(int fd, const char *access);

/* A component: a part of the program in a process of its own, under a policy of
 * its own, with a socket between them. Zero-initialise, fill in the first half. */
struct vow_component {
    const struct vow_policy *policy;        /* NULL: what the caller is held to */
    unsigned flags;                         /* as of vow_apply */
    int (*run)(int socket, void *argument); /* this function … */
    void *argument;
    char *const *argv; /* … or this program: argv[0] is its path */
    char *const *envp; /* NULL: the caller's environment */
    const int *fds;    /* what it keeps besides 0, 1 and 2 */
    size_t fd_count;

    pid_t pid;  /* for waitpid, which is the caller's to call */
    int pidfd;  /* close-on-exec; -1 where it cannot be had */
    int socket; /* the caller's end, close-on-exec */
};
#define VOW_SOCKET 3 /* a program's end of the socket */

/* vow_spawn: starts a component and returns when it is confined. Its socket is a
 * unix stream; who closes one end, or ends, ends the other's reading. A function
 * runs as after fork(2), and what it returns is the exit status: the process
 * ends as by _exit, so what it has buffered it flushes itself. A program starts
 * though its policy may not promise exec: itself, its loader and the system's
 * directories of libraries are then readable to it, and nothing else is that no
 * rule of its policy shows; it cannot execute anything, not even itself again.
 * The policy can only add to what holds the caller already. The caller must be
 * allowed to start processes (the promise proc) and, for a policy, to look at
 * its paths (rpath); without that a function promises for itself.
 * Fails as vow_apply, fork and execve do, before anything of the component has
 * run, and leaves no process behind. EINVAL: neither function nor program, or
 * both; a policy without stdio. EBADF: a descriptor of fds. ENOEXEC: not a
 * program of this machine's own architecture; of a script name the
 * interpreter. */
int vow_spawn(struct vow_component *component, struct vow_error *error);

/* pledge: OpenBSD's pledge(2). From now on the process, with all its threads and
 * all that it starts, does what `promises` allow and nothing else. Words are
 * separated by blanks; "" leaves only the end. NULL keeps what is held. The
 * first call may name any promises, a later one only such as are held; none
 * comes back. A violation ends the process with SIGSYS and a core, which it
 * can neither catch nor block; while `error` is held it fails with ENOSYS, and
 * promises that are not held any more are passed over when they are asked for
 * again.
 *
 * `execpromises` are those of programs that the process executes, as far as it
 * holds them itself; NULL keeps what was said. If nothing was said they inherit
 * what the process holds: on Linux an exec gives nothing back.
 *
 * Returns 0, or -1 with errno, and then nothing was given up that is not
 * said here. EINVAL: a word that is no promise. EPERM: a promise that is not
 * held any more. ENOMEM: memory is short. ENOSYS: this kernel has no seccomp or
 * no Landlock. EBUSY: another thread does not answer, or there are other threads
 * and the process, which holds no rpath, cannot list them to take a path from
 * each. Any other of the kernel's, of which a part may be in force: do
 * not go on. Uses memory from malloc: not for signal handlers, nor between fork
 * and exec of a process with threads. */
int pledge(const char *promises, const char *execpromises);
/* vow_pledge: the same under a name that no other library has, with the reason. */
int vow_pledge(const char *promises, const char *execpromises, struct vow_error *error);

/* unveil: OpenBSD's unveil(2). The first call hides the whole file system from
 * the process and its children but for `path`; each adds one. `permissions` are
 * any of "rwxc": read, write, execute, create and remove; "" hides. A directory
 * stands for all below it, and a more specific path counts more. A path that
 * leads to a directory is remembered as this directory, any other as a name in
 * its directory, which may be absent and come and go. The same path may be
 * given again: the new permissions replace the old. What no path covers is not
 * there (ENOENT), also for stat, access, chdir and the like; what a path's
 * permissions do not cover is refused (EACCES). unveil(NULL, NULL) ends it:
 * nothing can be added after it, nor after a pledge() without the promise unveil.
 * Descriptors that are open stay usable.
 *
 * Calls with a path are then performed by a process of vow's own, the broker:
 * unveil(3) says what that means. Before the lock any program whose path has x
 * is executed; after it Landlock says which.
 *
 * Returns 0, or -1 with errno. E2BIG: more than 128 directories or names.
 * EINVAL: another letter, an empty path. ENAMETOOLONG. ENOENT: a directory on
 * the way is not there. EPERM: after the end; or nothing may be done with the
 * path. EBUSY: the process is watched by another seccomp listener, as under
 * `vow run --explain`; ENOSYS: the kernel has no such listeners (Linux 5.9).
 * Thread-safe. */
int unveil(const char *path, const char *permissions);

/* vow_unveil_flags: before the first unveil(), how its rules are to hold.
 * VOW_DATA_ONLY: without a broker, by Landlock alone, at the speed of the
 * kernel. Then the rules hold from the lock on, not before; they are about what
 * files hold and which names come and go, while every name stays visible to
 * stat, access, chdir and the like, chmod and chown reach it, and what is not
 * shown is refused (EACCES), not absent. unveil() then fails with ENOENT for a
 * path that is not there, and with EINVAL for a rule that would take away from
 * the one above it ("" does); the lock fails with ENOSYS where the kernel has no
 * Landlock. Returns 0, or -1: EINVAL: another flag; EPERM: there are rules. */
#define VOW_DATA_ONLY 1u
int vow_unveil_flags(unsigned flags);

#ifdef __cplusplus
}
#endif

#endif
