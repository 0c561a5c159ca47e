#include "policy/paths.h"
#include "harness.h"
#include "policy/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A small system: what is not listed exists as a file, unless it is in
 * `absent`, and leads to itself. */
struct link {
    const char *from, *to;
};
static const struct link merged[] = {{"/bin", "/usr/bin"},
                                     {"/lib", "/usr/lib"},
                                     {"/lib64", "/usr/lib64"},
                                     {"/etc/resolv.conf", "/run/systemd/resolve/stub-resolv.conf"},
                                     {"/etc/localtime", "/usr/share/zoneinfo/Europe/Berlin"},
                                     {"/home/u/link", "/srv/target"},
                                     {"/denied", NULL}};
static const char *const absent[] = {"/etc/static", "/nix/store", "/absent", "/dev/shm",
                                     "/w/.husky"};

static int look(void *context, const char *path, char **real, enum path_kind *kind)
{
    (void)context;
    *kind = PATH_FILE;
    for (size_t i = 0; i < ARRAY_COUNT(absent); i++)
        if (strcmp(path, absent[i]) == 0)
            *kind = PATH_ABSENT;
    for (size_t i = 0; i < ARRAY_COUNT(merged); i++) {
        if (!path_covers(merged[i].from, path))
            continue;
        if (!merged[i].to)
            return -EACCES;
        struct str out = {0};
        str_addf(&out, "%s%s", merged[i].to, path + strlen(merged[i].from));
        *real = str_take(&out);
        return 0;
    }
    *real = strdup(path);
    return 0;
}

static const struct path_facts here = {.home = "/home/u", .cwd = "/w", .look = look};

/* A policy from words; rules as on the command line, NULL-terminated. */
static void make(struct policy *p, const char *words, const char *const *rules)
{
    struct err err = {""};
    policy_init(p);
    p->home = strdup("/home/u");
    CHECK_EQ(promises_parse(words, &p->promises, &err), 0);
    for (; rules && *rules; rules++)
        CHECK_EQ(path_rule_parse(p, *rules, "/w", &err), 0);
    CHECK_STR(err.text, "");
}
#define RULES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void plan(struct policy *p, const struct path_facts *facts)
{
    struct err err = {""};
    CHECK_EQ(paths_plan(p, facts, &err), 0);
    CHECK_STR(err.text, "");
}

/* "letters origin path" of the most specific rule, "-" for none; what is left
 * of the letters under the promises stands in parentheses. */
static void covers(const struct policy *p, const char *path, const char *wanted)
{
    static const char *const origins[] = {"user",    "system",  "workdir",
                                          "closure", "promise", "private"};
    const struct path_rule *rule = paths_most_specific(p, path);
    struct str got CLEAN_STR = {0};
    if (rule) {
        perms_print(&got, rule->perms);
        str_add_char(&got, '(');
        perms_print(&got, path_rule_perms(p->promises, rule));
        str_addf(&got, ") %s %s", origins[rule->origin], rule->path);
    } else {
        str_add(&got, "-");
    }
    CHECK_STR(str_get(&got), wanted);
}

static void covers_once(const char *words, const char *const *rules, const char *path,
                        const char *wanted)
{
    struct policy p;
    make(&p, words, rules);
    plan(&p, &here);
    covers(&p, path, wanted);
    policy_free(&p);
}

static void normal(const char *path, const char *wanted)
{
    char *got CLEAN_FREE = path_normalise(path, "/c/w");
    CHECK_STR(got, wanted);
}

TEST(paths_as_text)
{
    normal("/", "/");
    normal("", "/c/w");
    normal(".", "/c/w");
    normal("..", "/c");
    normal("../../../..", "/");
    normal("//a//b/./c/", "/a/b/c");
    normal("a/../b", "/c/w/b");
    normal("...", "/c/w/...");
    normal("/a/..b", "/a/..b");
    CHECK(path_covers("/", "/") && path_covers("/", "/a"));
    CHECK(path_covers("/a", "/a") && path_covers("/a", "/a/b"));
    CHECK(!path_covers("/a", "/ab") && !path_covers("/a/b", "/a") && !path_covers("/a", "/"));
    CHECK(path_compare("/a", "/a/b") < 0 && path_compare("/a/b", "/a-b") < 0);
    CHECK(path_compare("/a", "/a") == 0 && path_compare("/b", "/a/b") > 0);
}

TEST(the_system_is_shown_but_for_its_secrets)
{
    struct policy p;
    make(&p, "stdio rpath exec", NULL);
    plan(&p, &here);
    covers(&p, "/usr/bin/ls", "rx(rx) system /bin");
    covers(&p, "/usr/share/doc/x", "rx(rx) system /usr");
    covers(&p, "/etc/passwd", "r(r) system /etc/passwd");
    covers(&p, "/etc/ssl/certs/x.pem", "r(r) system /etc/ssl/certs");
    covers(&p, "/proc/self/maps", "r(r) system /proc/self");
    static const char *const closed[] = {"/etc/shadow",
                                         "/etc/gshadow",
                                         "/etc/ssl/private/key.pem",
                                         "/etc/ssh/ssh_host_ed25519_key",
                                         "/etc/sudoers",
                                         "/etc",
                                         "/root/.ssh/id_rsa",
                                         "/home/u/.ssh/id_rsa",
                                         "/home/u",
                                         "/proc/1/environ",
                                         "/proc/sys/kernel/core_pattern",
                                         "/dev/sda",
                                         "/dev/shm/x",
                                         "/tmp/x",
                                         "/run/dbus/system_bus_socket",
                                         "/var/run/docker.sock",
                                         "/boot/vmlinuz"};
    for (size_t i = 0; i < ARRAY_COUNT(closed); i++)
        covers(&p, closed[i], "-");
    policy_free(&p);
}

TEST(promises_cut_the_letters)
{
    covers_once("stdio", NULL, "/etc/passwd", "r() system /etc/passwd");
    covers_once("stdio rpath", NULL, "/usr/bin/ls", "rx(r) system /bin");
    covers_once("stdio wpath", RULES("rwxc:/a"), "/a", "rwxc(w) user /a");
    covers_once("stdio cpath", RULES("rwxc:/a"), "/a", "rwxc(c) user /a");
    covers_once("stdio dpath", RULES("rwxc:/a"), "/a", "rwxc(c) user /a");
    covers_once("stdio unix", RULES("rwxc:/a"), "/a", "rwxc(c) user /a");
}

TEST(exceptions_of_promises_stand_whatever_else_does)
{
    covers_once("stdio", RULES("r:/a"), "/dev/null", "rw(rw) promise /dev/null");
    covers_once("stdio", RULES("r:/a"), "/usr/share/zoneinfo/UTC",
                "r(r) promise /usr/share/zoneinfo");
    covers_once("stdio", RULES("r:/a"), "/usr/share/zoneinfo/Europe/Berlin",
                "r(r) promise /etc/localtime");
    covers_once("", RULES("r:/a"), "/dev/null", "-");
    covers_once("stdio", RULES("r:/a"), "/etc/passwd", "-");
    covers_once("getpw", RULES("r:/a"), "/etc/passwd", "r(r) promise /etc/passwd");
    covers_once("dns", RULES("r:/a"), "/run/systemd/resolve/stub-resolv.conf",
                "r(r) promise /etc/resolv.conf");
    covers_once("ps", RULES("r:/a"), "/proc/1/stat", "r(r) promise /proc");
    CHECK_EQ(paths_exception("/etc/passwd", PERM_READ), PROMISE(GETPW));
    CHECK_EQ(paths_exception("/etc/passwd", PERM_WRITE), 0);
    CHECK_EQ(paths_exception("/dev/tty", PERM_READ | PERM_WRITE), PROMISE(TTY));
    CHECK_EQ(paths_exception("/etc/shadow", PERM_READ), 0);
}

TEST(an_exception_takes_nothing_away_from_its_directory)
{
    covers_once("stdio rpath exec", NULL, "/usr/share/zoneinfo/UTC",
                "rx(rx) promise /usr/share/zoneinfo");
    covers_once("stdio wpath", RULES("w:/dev"), "/dev/urandom", "rw(rw) promise /dev/urandom");
}

TEST(the_own_terminal_comes_with_tty)
{
    struct path_facts facts = here;
    facts.tty = "/dev/pts/3";
    struct policy p;
    make(&p, "stdio tty", NULL);
    plan(&p, &facts);
    covers(&p, "/dev/pts/3", "rw(rw) promise /dev/pts/3");
    covers(&p, "/dev/pts/4", "-");
    policy_free(&p);
    make(&p, "stdio", NULL);
    plan(&p, &facts);
    covers(&p, "/dev/pts/3", "-");
    policy_free(&p);
}

static void workdir(const char *cwd, const char *home, const char *wanted)
{
    struct path_facts facts = {.home = home, .cwd = cwd, .look = look, .has_private = true};
    struct policy p;
    make(&p, "stdio rpath", NULL);
    plan(&p, &facts);
    struct str file CLEAN_STR = {0};
    str_addf(&file, "%s/file", cwd);
    covers(&p, str_get(&file), wanted);
    policy_free(&p);
}

TEST(the_working_directory_is_shown_unless_it_is_private)
{
    workdir("/w", "/home/u", "rwc(r) workdir /w");
    workdir("/home/u/src/x", "/home/u", "rwc(r) workdir /home/u/src/x");
    workdir("/home/u/link/x", "/home/u", "-"); /* asked for by the name that is not real */
    workdir("/home/u", "/home/u", "-");
    workdir("/home", "/home/u", "-");
    workdir("/srv", "/home/u/link", "-"); /* the home is really /srv/target */
    workdir("/home/u/.ssh", "/home/u", "-");
    workdir("/home/u/.config/gh", "/home/u", "-");
    workdir("/home/u/.local/share", "/home/u", "-");
    workdir("/home/u/.local/src", "/home/u", "rwc(r) workdir /home/u/.local/src");
    workdir("/home/u/src", "/srv/elsewhere", "rwc(r) workdir /home/u/src");
    workdir("/home/u", "/srv/elsewhere", "-");
    workdir("/home", "/srv/elsewhere", "-");
    workdir("/home/v/.ssh", "/home/u", "-");
    workdir("/home/v/.local", "/root", "-");
    workdir("/homestead", "/home/u", "rwc(r) workdir /homestead");
    workdir("/w", NULL, "-");
    workdir("/", "/home/u", "-");
    workdir("/etc/nginx", "/home/u", "-");
    workdir("/root/x", "/home/u", "-");
    workdir("/root/x", "/root", "rwc(r) workdir /root/x");
    workdir("/var", "/home/u", "-");
    workdir("/var/www", "/home/u", "rwc(r) workdir /var/www");
    workdir("/tmp", "/home/u", "rwc(r) private /tmp");
    workdir("/tmp/x", "/home/u", "rwc(r) workdir /tmp/x");
}

TEST(what_others_will_run_stays_read_only_in_the_working_directory)
{
    struct policy p;
    make(&p, "stdio rpath wpath cpath", NULL);
    plan(&p, &here);
    covers(&p, "/w/src/a.c", "rwc(rwc) workdir /w");
    covers(&p, "/w/.git/hooks/pre-commit", "r(r) workdir /w/.git/hooks");
    covers(&p, "/w/.git/index", "rwc(rwc) workdir /w");
    covers(&p, "/w/.husky/x", "rwc(rwc) workdir /w"); /* absent */
    policy_free(&p);
    make(&p, "stdio rpath", NULL);
    plan(&p, &here);
    covers(&p, "/w/.git/hooks/pre-commit", "r(r) workdir /w/.git/hooks");
    policy_free(&p);
}

TEST(rules_of_the_user_replace_the_defaults)
{
    covers_once("stdio rpath", RULES("r:/a"), "/etc/passwd", "-");
    covers_once("stdio rpath", RULES("r:/a"), "/w/x", "-");
    covers_once("stdio rpath", RULES("r:/a", ":/a/b", "r:/a/b/c"), "/a/b/x", "() user /a/b");
    covers_once("stdio rpath", RULES("r:/a", ":/a/b", "r:/a/b/c"), "/a/b/c", "r(r) user /a/b/c");
    covers_once("stdio rpath wpath", RULES("rw:/a", "r:/a/b"), "/a/b/x", "r(r) user /a/b");
}

TEST(rules_beside_the_defaults_add_to_them)
{
    covers_once("stdio rpath wpath", RULES("+w:/usr/x"), "/usr/x/y", "rwx(rw) user /usr/x");
    covers_once("stdio rpath wpath", RULES("+w:/usr"), "/usr/x/y", "rwx(rw) user /usr");
    covers_once("stdio rpath", RULES("+r:/"), "/usr/x", "rx(r) system /usr");
    covers_once("stdio rpath", RULES("+r:/srv"), "/etc/passwd", "r(r) system /etc/passwd");
    covers_once("stdio rpath", RULES("r:/a", "+w:/a"), "/a", "rw(r) user /a");
    covers_once("stdio rpath", RULES("r:/a", "+w:/a/b"), "/a/b", "rw(r) user /a/b");
}

TEST(hiding_reaches_the_defaults_below)
{
    covers_once("stdio rpath", RULES(":/etc"), "/etc/passwd", "() user /etc");
    covers_once("stdio rpath", RULES(":/etc"), "/usr/x", "rx(r) system /usr");
    covers_once("stdio rpath", RULES(":/usr"), "/usr/bin/ls", "() user /usr");
    covers_once("stdio rpath", RULES(":/usr/bin"), "/usr/bin/ls", "() user /usr/bin");
    covers_once("stdio rpath", RULES(":/bin"), "/usr/bin/ls", "() user /bin");
    covers_once("stdio dns", RULES(":/etc/hosts"), "/etc/hosts", "() user /etc/hosts");
}

TEST(the_closure_is_there_without_promises)
{
    static const struct closure_path closure[] = {{"/w/prog", PERM_READ | PERM_EXEC},
                                                  {"/lib64/ld.so", PERM_READ | PERM_EXEC},
                                                  {"/usr/lib/libc.so", PERM_READ}};
    struct path_facts facts = here;
    facts.closure = closure;
    facts.closure_count = ARRAY_COUNT(closure);
    struct policy p;
    make(&p, "", RULES("r:/a"));
    plan(&p, &facts);
    covers(&p, "/w/prog", "rx(rx) closure /w/prog");
    covers(&p, "/usr/lib64/ld.so", "rx(rx) closure /lib64/ld.so");
    covers(&p, "/usr/lib/libc.so", "r(r) closure /usr/lib/libc.so");
    covers(&p, "/usr/lib/libm.so", "-");
    policy_free(&p);
    make(&p, "stdio rpath wpath", NULL);
    plan(&p, &facts);
    covers(&p, "/w/prog", "rwxc(rwx) closure /w/prog");
    policy_free(&p);
}

TEST(a_private_directory_gives_way_to_the_user)
{
    struct path_facts facts = here;
    facts.has_private = true;
    struct policy p;
    make(&p, "stdio rpath", NULL);
    plan(&p, &facts);
    covers(&p, "/tmp/x", "rwc(r) private /tmp");
    policy_free(&p);
    make(&p, "stdio rpath", RULES("+r:/tmp"));
    plan(&p, &facts);
    covers(&p, "/tmp/x", "r(r) user /tmp");
    policy_free(&p);
    make(&p, "stdio rpath", RULES("r:/"));
    plan(&p, &facts);
    covers(&p, "/tmp/x", "r(r) user /");
    policy_free(&p);
}

TEST(what_a_system_lacks_is_none_of_the_users_rules)
{
    struct path_facts facts = here;
    facts.has_private = true; /* there is no /dev/shm here */
    struct policy p;
    make(&p, "stdio rpath", NULL);
    plan(&p, &facts);
    covers(&p, "/dev/shm", "-");
    policy_free(&p);
}

TEST(what_is_absent_is_an_error_unless_it_may_be)
{
    struct policy p;
    struct err err;
    make(&p, "stdio rpath", RULES("r:/absent", "r:/a"));
    CHECK_EQ(paths_plan(&p, &here, &err), -ENOENT);
    CHECK(strstr(err.text, "/absent does not exist") == err.text);
    policy_free(&p);
    make(&p, "stdio rpath", RULES("r?:/absent", "r:/a"));
    plan(&p, &here);
    covers(&p, "/absent", "-");
    policy_free(&p);
    make(&p, "stdio rpath", RULES("r:/denied/x"));
    CHECK_EQ(paths_plan(&p, &here, &err), -EACCES);
    CHECK_STR(err.text, "/denied/x cannot be looked at: Permission denied");
    policy_free(&p);
}

/* What a policy file asks for is found wanting after it was read. */
TEST(a_rule_knows_where_it_was_said)
{
    static const char text[] = "path r /a\nhide /b\n  path r /c /absent\n";
    struct policy_source source = {.name = "p.vow", .text = text, .size = strlen(text), .dir = "/"};
    struct policy p;
    struct err err = {""};
    struct str words CLEAN_STR = {0};
    policy_init(&p);
    CHECK_EQ(policy_parse(&p, &source, NULL, &err), 0);
    path_rule_words(&words, &p.paths[1]);
    CHECK_STR(str_get(&words), "p.vow:2:6: the rule for /b");
    CHECK_EQ(paths_plan(&p, &here, &err), -ENOENT);
    CHECK(strstr(err.text, "p.vow:3:13: /absent does not exist") == err.text);
    policy_free(&p);
    policy_init(&p);
    CHECK_EQ(policy_parse(&p, &source, NULL, &err), 0);
    CHECK_EQ(path_rule_parse(&p, "r:/absent", "/", &err), 0); /* the later one is what counts */
    CHECK_EQ(paths_plan(&p, &here, &err), -ENOENT);
    CHECK(strstr(err.text, "/absent does not exist") == err.text);
    policy_free(&p);
}

TEST(a_plan_is_sorted_and_says_things_once)
{
    struct policy p;
    make(&p, "stdio rpath dns getpw tty", RULES("+rw:/lib", "+r:/usr/lib", ":/w/z"));
    plan(&p, &here);
    CHECK(p.path_count > 50);
    for (size_t i = 1; i < p.path_count; i++) {
        const struct path_rule *a = &p.paths[i - 1], *b = &p.paths[i];
        CHECK(path_compare(a->real, b->real) <= 0 && strcmp(a->path, b->path) != 0);
        if (strcmp(a->real, b->real) == 0)
            CHECK(a->perms == b->perms && a->kept == b->kept);
    }
    covers(&p, "/usr/lib/x", "rwx(r) user /usr/lib");
    policy_free(&p);
}

TEST(writable_is_whatever_changes_something)
{
    struct path_rule data = {.perms = PERM_READ | PERM_WRITE}, names = {.perms = PERM_CREATE};
    CHECK(path_rule_writable(PROMISE(WPATH), &data) && path_rule_writable(PROMISE(FATTR), &data));
    CHECK(path_rule_writable(PROMISE(CPATH), &names) && path_rule_writable(PROMISE(UNIX), &names));
    CHECK(!path_rule_writable(PROMISE(RPATH), &data) && !path_rule_writable(PROMISE(CPATH), &data));
    CHECK(!path_rule_writable(PROMISE(WPATH), &names));
}
