/* What programs call after they promised, first of all. */
#include "fresh.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <locale.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

extern char **environ;

static bool prints(void)
{
    return printf("hello ") == 6 && fflush(stdout) == 0;
}

static bool prints_at_exit(void)
{
    return puts("hello") >= 0 && printf("%.3f %s\n", 1.5, "x") > 0 && fflush(stdout) == 0;
}

static bool complains(void)
{
    errno = ENOENT;
    perror("why");
    return fprintf(stderr, "because\n") == 8;
}

static bool reads_lines(void)
{
    int ends[2];
    char *line = NULL;
    size_t size = 0;
    if (pipe(ends) != 0 || write(ends[1], "one\n", 4) != 4)
        return false;
    FILE *stream = fdopen(ends[0], "r");
    return stream && getline(&line, &size, stream) == 4 && strcmp(line, "one\n") == 0;
}

static bool local_time(void)
{
    time_t now = time(NULL);
    char text[64];
    struct tm *parts = localtime(&now);
    return parts && strftime(text, sizeof text, "%c %Z", parts) > 0 && mktime(parts) == now;
}

static bool other_zone(void)
{
    time_t zero = 0;
    setenv("TZ", "Asia/Tokyo", 1);
    tzset();
    return localtime(&zero)->tm_hour == 9;
}

static bool locale(void)
{
    setlocale(LC_ALL, "C.UTF-8");
    return mblen("x", 1) == 1;
}

static bool resolves_number(void)
{
    struct addrinfo *list, hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    return getaddrinfo("127.0.0.1", "80", &hints, &list) == 0;
}

static bool resolves_localhost(void)
{
    struct addrinfo *list;
    return getaddrinfo("localhost", NULL, NULL, &list) == 0;
}

/* Whether or not a server answers, it must come back with a verdict. */
static bool resolves_absent(void)
{
    struct addrinfo *list;
    return getaddrinfo("vow-never.invalid", NULL, NULL, &list) != 0;
}

static bool names_service(void)
{
    struct addrinfo *list, hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    int code = getaddrinfo("127.0.0.1", "https", &hints, &list);
    return code == 0 || code == EAI_SERVICE;
}

static bool finds_user(void)
{
    struct passwd *user = getpwnam("root");
    return user && user->pw_uid == 0;
}

static bool finds_user_by_number(void)
{
    struct passwd *user = getpwuid(0);
    return user && strcmp(user->pw_name, "root") == 0;
}

static bool finds_no_user(void)
{
    return !getpwnam("vow-nobody-has-this-name");
}

static bool finds_group(void)
{
    return getgrgid(0) && getgrnam("root");
}

static bool lists_groups(void)
{
    gid_t groups[64];
    int count = 64;
    return getgrouplist("root", 0, groups, &count) > 0;
}

static bool logs(void)
{
    openlog("vow-conform", LOG_PID, LOG_USER);
    syslog(LOG_DEBUG, "a line of a test");
    closelog();
    return true;
}

static void *add(void *number)
{
    ++*(int *)number;
    return NULL;
}

static bool threads(void)
{
    int number = 0;
    for (int i = 0; i < 4; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, add, &number) != 0 || pthread_join(thread, NULL) != 0)
            return false;
    }
    return number == 4;
}

static bool waits_in_time(void)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t never = PTHREAD_COND_INITIALIZER;
    struct timespec soon;
    clock_gettime(CLOCK_REALTIME, &soon);
    pthread_mutex_lock(&lock);
    return pthread_cond_timedwait(&never, &lock, &soon) == ETIMEDOUT;
}

static bool spawns(void)
{
    char *const words[] = {(char *)"true", NULL};
    int status;
    pid_t pid;
    return posix_spawn(&pid, "/bin/true", NULL, NULL, words, environ) == 0 &&
           waitpid(pid, &status, 0) == pid && status == 0;
}

static bool spawns_with_actions(void)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char *const words[] = {(char *)"echo", (char *)"hello", NULL};
    int status;
    pid_t pid;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, 9);
    posix_spawn_file_actions_addclose(&actions, 9);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return posix_spawnp(&pid, "echo", &actions, &attributes, words, environ) == 0 &&
           waitpid(pid, &status, 0) == pid && status == 0;
}

static bool runs_shell(void)
{
    return system("exit 3") == 3 << 8;
}

static bool reads_program(void)
{
    char line[16] = "";
    FILE *stream = popen("echo hello", "r");
    return stream && fgets(line, sizeof line, stream) && pclose(stream) == 0 &&
           strcmp(line, "hello\n") == 0;
}

static bool lists_directory(void)
{
    DIR *directory = opendir("/");
    struct dirent *entry;
    int count = 0;
    while (directory && (entry = readdir(directory)))
        count += entry->d_name[0] != '\0';
    return count > 2 && closedir(directory) == 0;
}

static bool sorted_names(void)
{
    struct dirent **names;
    return scandir("/", &names, NULL, alphasort) > 2;
}

static bool temporary_file(void)
{
    FILE *stream = tmpfile();
    return stream && fputs("x", stream) >= 0 && fflush(stream) == 0;
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* glibc's qsort asks how much memory there is before it merges. */
static bool sorts(void)
{
    enum { COUNT = 1 << 20 };
    int *numbers = malloc(COUNT * sizeof *numbers);
    for (int i = 0; numbers && i < COUNT; i++)
        numbers[i] = (int)((unsigned)i * 2654435761u >> 8);
    if (!numbers)
        return false;
    qsort(numbers, COUNT, sizeof *numbers, compare);
    for (int i = 1; i < COUNT; i++)
        if (numbers[i - 1] > numbers[i])
            return false;
    return true;
}

static void *allocate(void *failed)
{
    void *blocks[64];
    for (size_t round = 0; round < 8; round++) {
        for (size_t i = 0; i < 64; i++)
            if (!(blocks[i] = malloc((i * 4099) << (round % 4))))
                *(bool *)failed = true;
        for (size_t i = 0; i < 64; i += 2)
            if (!(blocks[i] = realloc(blocks[i], (i + 1) * 8192)))
                *(bool *)failed = true;
        for (size_t i = 0; i < 64; i++)
            free(blocks[i]);
    }
    return NULL;
}

/* Arenas, mmap, mremap, trimming. */
static bool allocates(void)
{
    pthread_t threads[4];
    bool failed = false;
    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, allocate, &failed) != 0)
            return false;
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    return !failed;
}

static bool terminal(void)
{
    return !isatty(STDOUT_FILENO) && errno == ENOTTY;
}

static bool raises(void)
{
    raise(SIGTERM);
    return false;
}

static bool aborts(void)
{
    abort();
}

static bool random_bytes(void)
{
    char bytes[32] = "";
    FILE *stream = fopen("/dev/urandom", "r");
    return stream && fread(bytes, 1, sizeof bytes, stream) == sizeof bytes;
}

static bool sleeps(void)
{
    return usleep(1000) == 0 && poll(NULL, 0, 1) == 0;
}

static void nothing(void)
{
}

static bool exits(void)
{
    return atexit(nothing) == 0 && at_quick_exit(nothing) == 0;
}

/* A library that the program does not have yet. */
static bool loads_library(void)
{
    void *library = dlopen(getenv("VOW_MODULE"), RTLD_NOW);
    int (*answer)(void) = library ? (int (*)(void))dlsym(library, "answer") : NULL;
    return answer && answer() == 42;
}

static bool number_of_processors(void)
{
    return sysconf(_SC_NPROCESSORS_ONLN) > 0 && sysconf(_SC_NPROCESSORS_CONF) > 0 &&
           sysconf(_SC_PHYS_PAGES) > 0;
}

const struct fresh fresh_entries[] = {
    {"printf", "stdio", prints, "hello done"},
    {"puts", "stdio", prints_at_exit, "hello\n1.500 x\ndone"},
    {"perror", "stdio", complains, "why: No such file or directory\nbecause\ndone"},
    {"getline", "stdio", reads_lines, "done"},
    {"localtime", "stdio", local_time, "done"},
    {"tzset", "stdio", other_zone, "done"},
    {"setlocale", "stdio", locale, "done"},
    {"getaddrinfo of a number", "stdio", resolves_number, "done"},
    {"getaddrinfo of localhost", "stdio dns", resolves_localhost, "done"},
    {"getaddrinfo of what is not", "stdio dns", resolves_absent, "done"},
    {"getaddrinfo of a service", "stdio dns", names_service, "done"},
    {"getpwnam", "stdio getpw", finds_user, "done"},
    {"getpwuid", "stdio getpw", finds_user_by_number, "done"},
    {"getpwnam of nobody", "stdio getpw", finds_no_user, "done"},
    {"getgrgid", "stdio getpw", finds_group, "done"},
    {"getgrouplist", "stdio getpw", lists_groups, "done"},
    {"syslog", "stdio", logs, "done"},
    {"pthread_create", "stdio", threads, "done"},
    {"pthread_cond_timedwait", "stdio", waits_in_time, "done"},
    {"posix_spawn", "stdio rpath proc exec", spawns, "done"},
    {"posix_spawnp with actions", "stdio rpath proc exec", spawns_with_actions, "hello\ndone"},
    {"system", "stdio rpath proc exec", runs_shell, "done"},
    {"popen", "stdio rpath proc exec", reads_program, "done"},
    {"opendir", "stdio rpath", lists_directory, "done"},
    {"scandir", "stdio rpath", sorted_names, "done"},
    {"tmpfile", "stdio rpath wpath cpath", temporary_file, "done"},
    {"qsort of a large array", "stdio", sorts, "done"},
    {"malloc in threads", "stdio", allocates, "done"},
    {"isatty", "stdio", terminal, "done"},
    {"raise", "stdio", raises, "", SIGTERM},
    {"abort", "stdio", aborts, "", SIGABRT},
    {"reading /dev/urandom", "stdio", random_bytes, "done"},
    {"usleep and poll", "stdio", sleeps, "done"},
    {"atexit", "stdio", exits, "done"},
    {"sysconf of processors and memory", "stdio", number_of_processors, "done"},
    {"dlopen", "stdio rpath prot_exec", loads_library, "done", .dynamic = true},
    {0},
};
