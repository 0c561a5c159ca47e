#include "landlock/landlock.h"
#include "harness.h"
#include "host/landlock.h"
#include "host/look.h"
#include "policy/paths.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* ------------------------------------------------------- plans, without a kernel */

static void make(struct policy *p, const char *words, const char *const *rules)
{
    struct err err = {""};
    struct path_facts facts = {.cwd = "/"};
    policy_init(p);
    CHECK_EQ(promises_parse(words, &p->promises, &err), 0);
    p->paths_given = true;
    for (; *rules; rules++)
        CHECK_EQ(path_rule_parse(p, *rules, "/", &err), 0);
    CHECK_EQ(paths_plan(p, &facts, &err), 0);
    CHECK_STR(err.text, "");
}
#define RULES(...) ((const char *const[]){__VA_ARGS__, NULL})

static uint32_t access_of(const char *words, const char *rule)
{
    struct policy p;
    make(&p, words, RULES(rule));
    uint32_t access = landlock_access(p.promises, &p.paths[0]);
    policy_free(&p);
    return access;
}

TEST(letters_and_promises_make_rights)
{
    uint32_t names =
        LL_REMOVE_DIR | LL_REMOVE_FILE | LL_MAKE_DIR | LL_MAKE_REG | LL_MAKE_SYM | LL_REFER;
    CHECK_EQ(access_of("rpath", "rwxc:/a"), LL_READ_FILE | LL_READ_DIR);
    CHECK_EQ(access_of("wpath", "rwxc:/a"), LL_WRITE_FILE | LL_TRUNCATE);
    CHECK_EQ(access_of("exec", "rwxc:/a"), LL_EXECUTE | LL_READ_FILE);
    CHECK_EQ(access_of("cpath", "rwxc:/a"), names);
    CHECK_EQ(access_of("dpath", "rwxc:/a"), LL_MAKE_CHAR | LL_MAKE_BLOCK | LL_MAKE_FIFO);
    CHECK_EQ(access_of("unix", "rwxc:/a"), LL_MAKE_SOCK | LL_RESOLVE_UNIX);
    CHECK_EQ(access_of("rpath wpath cpath exec dpath unix", ":/a"), 0);
    CHECK_EQ(access_of("", "rwxc:/a"), 0);
    CHECK_EQ(access_of("rpath", "r:/dev/x"), LL_READ_FILE | LL_READ_DIR | LL_IOCTL_DEV);
    CHECK_EQ(access_of("rpath", "r:/"), LL_READ_FILE | LL_READ_DIR | LL_IOCTL_DEV);
    CHECK_EQ(access_of("exec", "x:/dev/x"), LL_EXECUTE | LL_READ_FILE);
}

TEST(each_abi_handles_what_it_knows)
{
    uint32_t first = landlock_handled(1);
    CHECK_EQ(landlock_handled(0), 0);
    CHECK_EQ(first, (1 << 13) - 1);
    CHECK_EQ(landlock_handled(2), first | LL_REFER);
    CHECK_EQ(landlock_handled(3), first | LL_REFER | LL_TRUNCATE);
    CHECK_EQ(landlock_handled(4), landlock_handled(3));
    CHECK_EQ(landlock_handled(5), landlock_handled(4) | LL_IOCTL_DEV);
    CHECK_EQ(landlock_handled(8), landlock_handled(5));
    CHECK_EQ(landlock_handled(LANDLOCK_ABI_NEWEST), landlock_handled(5) | LL_RESOLVE_UNIX);
    CHECK_EQ(landlock_handled(LANDLOCK_ABI_NEWEST + 90), landlock_handled(LANDLOCK_ABI_NEWEST));
}

static void planned(const char *words, const char *const *rules, int abi, const char *wanted)
{
    struct policy p;
    struct landlock_plan plan;
    struct err err;
    struct str got CLEAN_STR = {0};
    make(&p, words, rules);
    CHECK_EQ(landlock_plan_make(&p, abi, &plan, &err), 0);
    for (size_t i = 0; i < plan.rule_count; i++)
        str_addf(&got, "%s ", plan.rules[i].path);
    for (size_t i = 0; i < plan.gap_count; i++)
        str_addf(&got, "[%s]", plan.gaps[i]);
    CHECK_STR(str_get(&got), wanted);
    landlock_plan_free(&plan);
    policy_free(&p);
}

TEST(a_plan_has_no_rule_in_vain)
{
    planned("rpath", RULES("r:/a", "r:/a/b", "rw:/a/c", ":/a/d", "w:/e"), 7, "/a ");
    planned("rpath wpath", RULES("r:/a", "r:/a/b", "rw:/a/c", "rw:/a/c/d"), 7, "/a /a/c ");
    planned("rpath wpath", RULES("rw:/a", "r:/a/b", "rw:/a/b/c"), 7, "/a ");
    planned("rpath", RULES("r:/b", "r:/a", "r:/a-b"), 7, "/a /a-b /b ");
}

TEST(gaps_are_named_where_they_matter)
{
    planned("rpath", RULES("r:/a"), 1, "/a ");
    planned("rpath cpath", RULES("r:/a"), 1,
            "/a [renaming and linking from one directory to another fails (Landlock ABI 1; ABI 2 "
            "is needed, of Linux 5.19)]");
    planned("rpath wpath", RULES("r:/a"), 2,
            "/a [truncate() reaches every file that the user may write (Landlock ABI 2; ABI 3 is "
            "needed, of Linux 6.2)]");
    planned(
        "rpath proc unix", RULES("r:/a"), 5,
        "/a [signals reach other processes of the same user (Landlock ABI 5; ABI 6 is needed, of "
        "Linux 6.12)]"
        "[abstract unix sockets of other programs can be connected to (Landlock ABI 5; ABI 6 "
        "is needed, of Linux 6.12)]");
    planned("rpath wpath cpath proc unix", RULES("r:/a"), 6, "/a ");
}

TEST(no_landlock_is_an_error_with_a_way_out)
{
    struct policy p;
    struct landlock_plan plan;
    struct err err = {""};
    make(&p, "rpath", RULES("r:/a"));
    CHECK_EQ(landlock_plan_make(&p, -ENOSYS, &plan, &err), -ENOSYS);
    CHECK(strstr(err.text, "Linux 5.13") != NULL);
    policy_free(&p);
}

/* The rights that the kernel asks for an operation. */
static const struct {
    enum operation_kind kind;
    uint32_t rights;
} asked[] = {
    {OP_OPEN_READ, LL_READ_FILE},
    {OP_OPEN_WRITE, LL_WRITE_FILE},
    {OP_OPEN_READ_WRITE, LL_READ_FILE | LL_WRITE_FILE},
    {OP_LIST, LL_READ_DIR},
    {OP_CREATE, LL_MAKE_REG},
    {OP_CREATE, LL_MAKE_DIR | LL_MAKE_SYM},
    {OP_REMOVE, LL_REMOVE_FILE | LL_REMOVE_DIR},
    {OP_RENAME, LL_REMOVE_FILE | LL_MAKE_REG | LL_REFER},
    {OP_MKNOD, LL_MAKE_FIFO | LL_MAKE_CHAR | LL_MAKE_BLOCK},
    {OP_BIND, LL_MAKE_SOCK},
    {OP_CONNECT, LL_RESOLVE_UNIX},
    {OP_TRUNCATE, LL_TRUNCATE},
    {OP_EXEC, LL_EXECUTE | LL_READ_FILE},
};

TEST(rights_and_decisions_agree)
{
    static const char *const words[] = {"rpath", "wpath", "cpath", "dpath", "unix", "exec"};
    for (unsigned set = 0; set < 1u << ARRAY_COUNT(words); set++)
        for (unsigned perms = 0; perms < 16; perms++) {
            struct policy p;
            struct str text CLEAN_STR = {0}, rule CLEAN_STR = {0};
            for (size_t i = 0; i < ARRAY_COUNT(words); i++)
                str_addf(&text, "%s ", set >> i & 1 ? words[i] : "");
            perms_print(&rule, (uint8_t)perms);
            str_add(&rule, ":/dir");
            make(&p, str_get(&text), RULES(str_get(&rule)));
            uint32_t access = landlock_access(p.promises, &p.paths[0]);
            for (size_t i = 0; i < ARRAY_COUNT(asked); i++) {
                struct path_verdict verdict;
                decide_path(&p, &(struct path_event){asked[i].kind, "/dir/x"}, &verdict);
                bool allowed = (asked[i].rights & ~access) == 0;
                CHECK_EQ(verdict.landlock == ANSWER_ALLOW, allowed);
            }
            policy_free(&p);
        }
}

/* ------------------------------------------------------------- the real kernel */

/* Random rules on a small tree; after the plan is applied each operation is
 * tried, and must be denied exactly where decide_path says that Landlock
 * denies. */
static const char *const dirs[] = {"a", "a/b", "a/b/c", "a/d", "e"};
static char top[64];

static uint32_t random_state = 20240607;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % limit;
}

static void write_file(const char *dir, const char *name, mode_t mode)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd CLEAN_FD = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    CHECK(fd >= 0 && write(fd, "no program", 10) == 10);
}

static void build_tree(void)
{
    for (size_t i = 0; i < ARRAY_COUNT(dirs); i++) {
        mkdir(dirs[i], 0755);
        write_file(dirs[i], "file", 0755);
        write_file(dirs[i], "victim", 0644);
        write_file(dirs[i], "mover", 0644);
    }
}

static void clean_tree(void)
{
    static const char *const names[] = {"file", "victim", "mover", "moved",
                                        "fifo", "socket", "new"};
    char path[64];
    for (size_t i = ARRAY_COUNT(dirs); i-- > 0;) {
        for (size_t k = 0; k < ARRAY_COUNT(names); k++) {
            snprintf(path, sizeof path, "%s/%s", dirs[i], names[k]);
            remove(path);
        }
        rmdir(dirs[i]);
    }
}

static int result_of(int value)
{
    if (value < 0)
        return -errno;
    close(value);
    return 0;
}

static int try_bind(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.100s", path);
    int fd CLEAN_FD = socket(AF_UNIX, SOCK_STREAM, 0);
    return bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
}

static int try_operation(enum operation_kind kind, const char *path, const char *second)
{
    switch (kind) {
    case OP_OPEN_READ: return result_of(open(path, O_RDONLY));
    case OP_OPEN_WRITE: return result_of(open(path, O_WRONLY));
    case OP_OPEN_READ_WRITE: return result_of(open(path, O_RDWR));
    case OP_LIST: return result_of(open(path, O_RDONLY | O_DIRECTORY));
    case OP_CREATE: return mkdir(path, 0755) < 0 ? -errno : 0;
    case OP_REMOVE: return unlink(path) < 0 ? -errno : 0;
    case OP_RENAME: return rename(path, second) < 0 ? -errno : 0;
    case OP_MKNOD: return mkfifo(path, 0644) < 0 ? -errno : 0;
    case OP_BIND: return try_bind(path);
    case OP_TRUNCATE: return truncate(path, 3) < 0 ? -errno : 0;
    case OP_ATTR: return chmod(path, 0755) < 0 ? -errno : 0;
    case OP_STAT: return access(path, F_OK) < 0 ? -errno : 0;
    default: execl(path, path, NULL); return errno == ENOEXEC ? 0 : -errno;
    }
}

static const struct {
    enum operation_kind kind;
    const char *name, *second;
} tries[] = {{OP_OPEN_READ, "file", NULL},
             {OP_OPEN_WRITE, "file", NULL},
             {OP_OPEN_READ_WRITE, "file", NULL},
             {OP_LIST, "", NULL},
             {OP_CREATE, "new", NULL},
             {OP_REMOVE, "victim", NULL},
             {OP_RENAME, "mover", "moved"},
             {OP_MKNOD, "fifo", NULL},
             {OP_BIND, "socket", NULL},
             {OP_TRUNCATE, "file", NULL},
             {OP_ATTR, "file", NULL},
             {OP_STAT, "file", NULL},
             {OP_EXEC, "file", NULL}};

static void add_random_rules(struct policy *p)
{
    struct err err = {""};
    for (uint32_t count = 1 + random_below(4); count > 0; count--) {
        struct str rule CLEAN_STR = {0};
        perms_print(&rule, (uint8_t)random_below(16));
        str_addf(&rule, ":%s/%s%s", top, dirs[random_below(ARRAY_COUNT(dirs))],
                 random_below(4) ? "" : "/file");
        CHECK_EQ(path_rule_parse(p, str_get(&rule), "/", &err), 0);
    }
    CHECK_STR(err.text, "");
}

static void compare_all(const struct policy *p)
{
    for (size_t i = 0; i < ARRAY_COUNT(dirs) * ARRAY_COUNT(tries); i++) {
        const char *dir = dirs[i / ARRAY_COUNT(tries)];
        size_t t = i % ARRAY_COUNT(tries);
        char path[128], second[128];
        snprintf(path, sizeof path, "%s/%s%s%s", top, dir, tries[t].name[0] ? "/" : "",
                 tries[t].name);
        snprintf(second, sizeof second, "%s/%s/%s", top, dir,
                 tries[t].second ? tries[t].second : "");
        struct path_verdict verdict;
        decide_path(p, &(struct path_event){tries[t].kind, path}, &verdict);
        int result = try_operation(tries[t].kind, path, second);
        CHECK(result == 0 || result == -EACCES);
        if ((verdict.landlock == ANSWER_DENY) != (result == -EACCES))
            test_fail(__FILE__, __LINE__, "kind %d on %s: %d", tries[t].kind, path, result);
    }
}

/* In a child: plans, applies, compares; the exit status is the outcome. */
static void one_round(int abi)
{
    static const promise_set path_promises[] = {PROMISE(RPATH), PROMISE(WPATH), PROMISE(CPATH),
                                                PROMISE(DPATH), PROMISE(UNIX),  PROMISE(EXEC)};
    struct policy p;
    struct landlock_plan plan;
    struct err err = {""};
    struct path_facts facts = {.cwd = "/", .look = host_look};
    policy_init(&p);
    p.landlock_abi = abi;
    p.paths_given = true;
    for (size_t i = 0; i < ARRAY_COUNT(path_promises); i++)
        if (random_below(3))
            p.promises |= path_promises[i];
    add_random_rules(&p);
    CHECK_EQ(paths_plan(&p, &facts, &err), 0);
    CHECK_EQ(landlock_plan_make(&p, abi, &plan, &err), 0);
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(landlock_apply(&plan, LANDLOCK_CALLER, &err), 0);
    CHECK_STR(err.text, "");
    compare_all(&p);
    landlock_plan_free(&plan);
    policy_free(&p);
}

static void need_landlock(void)
{
    if (host_landlock_abi() < 1)
        SKIP("landlock: not in this kernel");
}

static void rounds(int abi, int count)
{
    strcpy(top, "/tmp/vow-landlock-XXXXXX");
    CHECK(mkdtemp(top) != NULL && chdir(top) == 0);
    for (int i = 0; i < count; i++) {
        build_tree();
        random_state = (uint32_t)(abi * 1000 + i + 1) * 2654435761u;
        int status = 0;
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            one_round(abi);
            test_end();
        }
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
        clean_tree();
    }
    CHECK_EQ(rmdir(top), 0);
}

TEST(the_kernel_denies_what_is_decided)
{
    need_landlock();
    int abi = host_landlock_abi();
    rounds(abi < LANDLOCK_ABI_NEWEST ? abi : LANDLOCK_ABI_NEWEST, 100);
}

TEST(an_older_abi_is_held_as_far_as_it_goes)
{
    need_landlock();
    for (int abi = 1; abi < host_landlock_abi(); abi++)
        rounds(abi, 10);
}

TEST(an_absent_path_fails_unless_optional)
{
    need_landlock();
    struct landlock_rule rule = {.path = "/absent/x", .access = LL_READ_FILE};
    struct landlock_plan plan = {.handled = landlock_handled(1), .rules = &rule, .rule_count = 1};
    struct err err = {""};
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(landlock_apply(&plan, LANDLOCK_CALLER, &err), -ENOENT);
    CHECK_STR(err.text, "Landlock: cannot add a rule for /absent/x: No such file or directory");
    CHECK_EQ(access("/", R_OK), 0);
    rule.optional = true;
    CHECK_EQ(landlock_apply(&plan, LANDLOCK_CALLER, &err), 0);
    CHECK_EQ(result_of(open("/etc/passwd", O_RDONLY)), -EACCES);
}

TEST(scopes_keep_signals_inside)
{
    if (host_landlock_abi() < 6)
        SKIP("landlock-6: scopes are younger");
    struct policy p;
    struct landlock_plan plan;
    struct err err;
    make(&p, "stdio rpath", RULES("r:/"));
    CHECK_EQ(landlock_plan_make(&p, 6, &plan, &err), 0);
    CHECK_EQ(kill(getppid(), 0), 0);
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(landlock_apply(&plan, LANDLOCK_CALLER, &err), 0);
    CHECK(kill(getppid(), 0) == -1 && errno == EPERM);
    CHECK_EQ(kill(getpid(), 0), 0);
    landlock_plan_free(&plan);
    policy_free(&p);
}

/* What connecting to a TCP port of this machine, where nobody listens, says. */
static int connects(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd CLEAN_FD = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
}

TEST(dns_alone_reaches_name_servers)
{
    struct policy p;
    struct landlock_plan plan;
    struct err err;
    CHECK_EQ(decide_only_port(PROMISE(STDIO) | PROMISE(DNS), 4), 53);
    CHECK_EQ(decide_only_port(PROMISE(STDIO) | PROMISE(DNS), 3), 0);
    CHECK_EQ(decide_only_port(PROMISE(DNS) | PROMISE(INET), 4), 0);
    CHECK_EQ(decide_only_port(PROMISE(STDIO), 4), 0);
    if (host_landlock_abi() < 4)
        SKIP("landlock-4: ports are younger");
    make(&p, "stdio dns", RULES("r:/"));
    CHECK_EQ(landlock_plan_make(&p, 4, &plan, &err), 0);
    CHECK(connects(1) != EACCES);
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(landlock_apply(&plan, LANDLOCK_CALLER, &err), 0);
    CHECK_EQ(connects(1), EACCES);
    CHECK(connects(53) != EACCES);
    landlock_plan_free(&plan);
    policy_free(&p);
}

/* What connecting to a socket of the file system says. */
static int connects_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd CLEAN_FD = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
}

static void listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    CHECK_EQ(listen(fd, 4), 0);
}

TEST(sockets_of_files_need_a_rule)
{
    char rule[64], inside[80], outside[80];
    struct policy p;
    struct landlock_plan plan;
    struct err err = {""};
    if (host_landlock_abi() < 9)
        SKIP("landlock-9: sockets of files are younger");
    strcpy(top, "/tmp/vow-landlock-XXXXXX");
    CHECK(mkdtemp(top) != NULL && chdir(top) == 0 && mkdir("shown", 0755) == 0);
    snprintf(rule, sizeof rule, "rw:%s/shown", top);
    snprintf(inside, sizeof inside, "%s/shown/bus", top);
    snprintf(outside, sizeof outside, "%s/bus", top);
    pid_t pid = fork(); /* a listener outside of the domain */
    if (pid == 0) {
        listen_at(inside);
        listen_at(outside);
        pause();
    }
    while (connects_to(outside) != 0)
        usleep(10000);
    CHECK_EQ(connects_to(outside), 0);
    make(&p, "stdio rpath wpath unix", RULES(rule));
    CHECK_EQ(landlock_plan_make(&p, 9, &plan, &err), 0);
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    int status;
    pid_t confined = fork();
    if (confined == 0) {
        CHECK_EQ(landlock_apply(&plan, LANDLOCK_CALLER, &err), 0);
        CHECK_EQ(connects_to(inside), 0);
        CHECK_EQ(connects_to(outside), EACCES);
        test_end();
    }
    CHECK(waitpid(confined, &status, 0) == confined && status == 0);
    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
    CHECK(unlink(inside) == 0 && unlink(outside) == 0 && rmdir("shown") == 0 && rmdir(top) == 0);
    landlock_plan_free(&plan);
    policy_free(&p);
}
