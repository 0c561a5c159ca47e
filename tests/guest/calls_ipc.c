#include "calls.h"

#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>

static int ended(void)
{
    int status = -1;
    wait(&status);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Keys of this process alone. */
static key_t key(int which)
{
    return (key_t)(0x56000000 + getpid() % 100000 * 16 + which);
}

static void shared_segments(void)
{
    struct shmid_ds s;
    int id = shmget(IPC_PRIVATE, 5000, IPC_CREAT | 0600);
    FAILS(id);
    SHOW(shmctl(id, IPC_STAT, &s));
    SHOW(s.shm_segsz);
    SHOW(s.shm_nattch);
    SHOW(s.shm_perm.mode);
    SHOW(s.shm_cpid == getpid());
    char *a = shmat(id, NULL, 0), *b = shmat(id, NULL, SHM_RDONLY);
    SHOW(a != (char *)-1 && b != (char *)-1 && a != b);
    strcpy(a + 4500, "seen");
    puts(b + 4500);
    SHOW(shmctl(id, IPC_STAT, &s));
    SHOW(s.shm_nattch);
    if (fork() == 0) {
        shmctl(id, IPC_STAT, &s);
        strcpy(a, "from the child");
        _exit((int)s.shm_nattch);
    }
    SHOW(ended());
    puts(a);
    if (fork() == 0) {
        *(volatile char *)b = 1;
        _exit(0);
    }
    SHOW(ended());
    SHOW(shmctl(id, IPC_STAT, &s));
    SHOW(s.shm_nattch);
    SHOW(shmdt(a));
    SHOW(shmdt(a));
    SHOW(shmdt(a + 1));
    SHOW((long)shmat(id, (void *)0x12345, 0));
    SHOW((long)shmat(id, b, 0));
    SHOW(shmat(id, b, SHM_REMAP) == b);
    char *place = mmap(NULL, 16384, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(place, 16384);
    SHOW(shmat(id, place + 5, SHM_RND) == place);
    SHOW(shmctl(id, IPC_RMID, NULL));
    SHOW(shmctl(id, IPC_STAT, &s));
    SHOW((s.shm_perm.mode & SHM_DEST) != 0);
    SHOW(strcmp(place, "from the child"));
    SHOW(shmdt(place));
    SHOW(shmdt(b));
    SHOW(shmctl(id, 12345, &s));
    SHOW(shmget(IPC_PRIVATE, 0, IPC_CREAT | 0600));
    SHOW(shmget(key(1), 100, 0));
    id = shmget(key(1), 100, IPC_CREAT | IPC_EXCL | 0640);
    FAILS(id);
    SHOW(shmget(key(1), 100, IPC_CREAT | IPC_EXCL | 0640));
    SHOW(shmget(key(1), 50, 0) == id);
    SHOW(shmget(key(1), 5000, 0));
    s.shm_perm.mode = 0604;
    s.shm_perm.uid = 5, s.shm_perm.gid = 6;
    SHOW(shmctl(id, IPC_SET, &s));
    SHOW(shmctl(id, IPC_STAT, &s));
    SHOW(s.shm_perm.mode);
    SHOW(s.shm_perm.uid);
    SHOW(shmctl(id, IPC_RMID, NULL));
    SHOW(shmctl(id, IPC_RMID, NULL));
    SHOW((long)shmat(id, NULL, 0));
}

static int semaphore(int id, int index, int by, int flags)
{
    struct sembuf op = {(unsigned short)index, (short)by, (short)flags};
    return semop(id, &op, 1);
}

static void semaphores(void)
{
    struct semid_ds s;
    unsigned short values[3] = {1, 2, 3}, seen[3] = {0};
    int id = semget(IPC_PRIVATE, 3, IPC_CREAT | 0600);
    FAILS(id);
    SHOW(semctl(id, 0, IPC_STAT, &s));
    SHOW(s.sem_nsems);
    SHOW(s.sem_otime);
    SHOW(semctl(id, 0, SETALL, values));
    SHOW(semctl(id, 0, GETALL, seen));
    printf("%d %d %d\n", seen[0], seen[1], seen[2]);
    SHOW(semctl(id, 1, SETVAL, 7));
    SHOW(semctl(id, 1, GETVAL));
    SHOW(semctl(id, 1, GETPID) == getpid());
    SHOW(semctl(id, 3, GETVAL));
    SHOW(semctl(id, 1, SETVAL, 40000));
    SHOW(semctl(id, 1, SETVAL, -1));
    SHOW(semaphore(id, 0, -1, 0));
    SHOW(semaphore(id, 0, -1, IPC_NOWAIT));
    SHOW(semaphore(id, 0, 0, 0));
    SHOW(semaphore(id, 1, 0, IPC_NOWAIT));
    SHOW(semaphore(id, 9, 1, 0));
    SHOW(semaphore(id, 1, 32767, 0));
    struct sembuf both[2] = {{1, -7, IPC_NOWAIT}, {0, -1, IPC_NOWAIT}};
    SHOW(semop(id, both, 2)); /* all or none */
    SHOW(semctl(id, 1, GETVAL));
    struct sembuf twice[2] = {{2, -3, 0}, {2, 0, IPC_NOWAIT}};
    SHOW(semop(id, twice, 2));
    SHOW(semop(id, both, 0));
    static struct sembuf many[501];
    SHOW(semop(id, many, 501));
    SHOW(semop(id, (void *)8, 1));
    struct timespec little = {0, 20000000}, wrong = {0, -1};
    SHOW(semtimedop(id, &(struct sembuf){0, -1, 0}, 1, &little));
    SHOW(semtimedop(id, &(struct sembuf){0, -1, 0}, 1, &wrong));
    SHOW(semctl(id, 0, GETNCNT));
    if (fork() == 0)
        _exit(semaphore(id, 0, -2, 0) == 0 ? 3 : 4);
    while (semctl(id, 0, GETNCNT) == 0)
        usleep(5000);
    SHOW(semctl(id, 0, GETNCNT));
    SHOW(semctl(id, 0, GETZCNT));
    SHOW(semaphore(id, 0, 1, 0));
    SHOW(semctl(id, 0, GETNCNT));
    SHOW(semaphore(id, 0, 1, 0));
    SHOW(ended());
    SHOW(semctl(id, 0, GETVAL));
    if (fork() == 0)
        _exit(semaphore(id, 0, -1, 0) == -1 ? errno == EIDRM : 4);
    while (semctl(id, 0, GETNCNT) == 0)
        usleep(5000);
    SHOW(semctl(id, 0, IPC_RMID));
    SHOW(ended());
    SHOW(semctl(id, 0, GETVAL));
    SHOW(semget(IPC_PRIVATE, 0, 0600));
    SHOW(semget(IPC_PRIVATE, -1, 0600));
    SHOW(semget(IPC_PRIVATE, 100000, 0600));
    SHOW(semget(key(2), 1, 0));
}

static void note(int signal)
{
    (void)signal;
}

static void undone_semaphores(void)
{
    int id = semget(key(3), 2, IPC_CREAT | IPC_EXCL | 0600);
    FAILS(id);
    SHOW(semget(key(3), 3, 0));
    semctl(id, 0, SETVAL, 5);
    for (int round = 0; round < 3; round++) {
        if (fork() == 0) {
            semaphore(id, 0, -2, SEM_UNDO);
            semaphore(id, 1, 1, round == 2 ? 0 : SEM_UNDO);
            if (round == 1)
                kill(getpid(), SIGKILL);
            if (fork() == 0)
                _exit(0); /* not inherited */
            ended();
            _exit(semctl(id, 0, GETVAL));
        }
        SHOW(ended());
        usleep(100000);
        SHOW(semctl(id, 0, GETVAL));
        SHOW(semctl(id, 1, GETVAL));
    }
    if (fork() == 0) {
        semaphore(id, 0, -2, SEM_UNDO);
        semctl(id, 0, SETVAL, 9); /* forgets it */
        _exit(0);
    }
    SHOW(ended());
    SHOW(semctl(id, 0, GETVAL));
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    ualarm(20000, 20000); /* the first may come before the wait */
    SHOW(semaphore(id, 0, -30, 0));
    ualarm(0, 0);
    SHOW(semctl(id, 0, IPC_RMID));
}

/* What is to be taken back must stay in bounds, as the values do. */
static void undone_in_bounds(void)
{
    int id = semget(IPC_PRIVATE, 2, IPC_CREAT | 0600);
    unsigned short values[2] = {7, 32767}, wrong[2] = {1, 32768};
    FAILS(id);
    SHOW(semaphore(id, 0, 32767, SEM_UNDO));
    SHOW(semaphore(id, 0, -32767, 0));
    SHOW(semaphore(id, 0, 2, SEM_UNDO));
    SHOW(semaphore(id, 0, 1, SEM_UNDO));
    SHOW(semctl(id, 0, GETVAL));
    SHOW(semctl(id, 0, SETALL, values));
    SHOW(semaphore(id, 0, 1, SEM_UNDO)); /* all of it is forgotten */
    SHOW(semctl(id, 0, SETALL, wrong));
    SHOW(semctl(id, 0, GETVAL));
    SHOW(semctl(id, 1, GETVAL));
    SHOW(semctl(id, 1, GETPID) == getpid());
    SHOW(semctl(id, 0, IPC_RMID));
}

struct text_message {
    long type;
    char text[100];
};

static void messages(void)
{
    struct msqid_ds s;
    struct text_message m = {3, "three"}, got = {0};
    int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    FAILS(id);
    SHOW(msgsnd(id, &m, 6, 0));
    m = (struct text_message){1, "one"};
    SHOW(msgsnd(id, &m, 4, 0));
    m = (struct text_message){2, "two"};
    SHOW(msgsnd(id, &m, 4, 0));
    SHOW(msgctl(id, IPC_STAT, &s));
    SHOW(s.msg_qnum);
    SHOW(s.msg_cbytes);
    SHOW(s.msg_lspid == getpid());
    SHOW(msgrcv(id, &got, 100, 1, 0));
    puts(got.text);
    SHOW(msgrcv(id, &got, 2, 0, 0));
    SHOW(msgrcv(id, &got, 2, INT64_MIN, 0));
    SHOW(msgrcv(id, &got, 100, -2, 0));
    puts(got.text);
    SHOW(msgrcv(id, &got, 100, 3, MSG_EXCEPT | IPC_NOWAIT));
    SHOW(msgrcv(id, &got, 3, 0, MSG_NOERROR));
    SHOW(got.type);
    printf("%.3s\n", got.text);
    SHOW(msgrcv(id, &got, 100, 0, IPC_NOWAIT));
    m.type = 0;
    SHOW(msgsnd(id, &m, 4, 0));
    m.type = 5;
    SHOW(msgsnd(id, &m, 0, 0));
    SHOW(msgrcv(id, &got, 0, 5, 0));
    SHOW(msgsnd(id, &m, 9000, 0));
    SHOW(msgsnd(id, (void *)8, 4, 0));
    SHOW(msgsnd(id, &m, -1, 0));
    int sent = 0;
    while (msgsnd(id, &m, 100, IPC_NOWAIT) == 0)
        sent++;
    SHOW(sent);
    SHOW(errno == EAGAIN);
    if (fork() == 0) {
        m = (struct text_message){77, "late"};
        _exit(msgsnd(id, &m, 5, 0) == 0 ? 7 : 1);
    }
    usleep(20000);
    SHOW(msgrcv(id, &got, 100, 5, 0));
    SHOW(ended());
    SHOW(msgrcv(id, &got, 100, 77, 0));
    puts(got.text);
    s.msg_qbytes = 1000;
    SHOW(msgctl(id, IPC_SET, &s));
    SHOW(msgsnd(id, &m, 5, IPC_NOWAIT));
    pid_t pid = fork();
    if (pid == 0)
        _exit(msgrcv(id, &got, 100, 99, 0) == -1 ? errno == EIDRM : 2);
    until_asleep(pid);
    SHOW(msgctl(id, IPC_RMID, NULL));
    SHOW(ended());
    SHOW(msgsnd(id, &m, 5, 0));
    SHOW(msgget(key(4), 0));
    id = msgget(key(4), IPC_CREAT | 0600);
    SHOW(msgget(key(4), IPC_CREAT | IPC_EXCL | 0600));
    SHOW(msgget(key(4), 0) == id);
    SHOW(msgctl(id, 999, &s));
    SHOW(msgctl(id, IPC_RMID, NULL));
}

static volatile sig_atomic_t notified;

static void on_message(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    notified = info->si_value.sival_int * 10 + (info->si_code == SI_MESGQ);
}

static void posix_messages(void)
{
    char name[64], buffer[256];
    unsigned priority = 0;
    struct mq_attr attr = {.mq_maxmsg = 3, .mq_msgsize = 100}, now;
    struct timespec soon;
    snprintf(name, sizeof name, "/vow-%d", getpid());
    SHOW(mq_open(name, O_RDWR));
    SHOW(mq_open("/", O_RDWR | O_CREAT, 0600, NULL));
    SHOW(mq_open("/a/b", O_RDWR | O_CREAT, 0600, NULL));
    mqd_t q = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
    FAILS(q);
    SHOW(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr));
    SHOW(mq_getattr(q, &now));
    printf("%ld %ld %ld %ld\n", now.mq_flags, now.mq_maxmsg, now.mq_msgsize, now.mq_curmsgs);
    SHOW(mq_send(q, "low", 3, 1));
    SHOW(mq_send(q, "low", SIZE_MAX - 10, 1));
    SHOW(mq_send(q, "high", 4, 9));
    SHOW(mq_send(q, "", 0, 9));
    SHOW(mq_getattr(q, &now));
    SHOW(now.mq_curmsgs);
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 20000000;
    if (soon.tv_nsec > 999999999)
        soon.tv_sec++, soon.tv_nsec -= 1000000000;
    SHOW(mq_timedsend(q, "more", 4, 0, &soon));
    SHOW(mq_send(q, buffer, 200, 0));
    SHOW(mq_send(q, "x", 1, 40000));
    SHOW(mq_receive(q, buffer, 50, NULL));
    SHOW(mq_receive(q, buffer, sizeof buffer, &priority));
    printf("%u %.4s\n", priority, buffer);
    SHOW(mq_receive(q, buffer, sizeof buffer, &priority));
    SHOW(mq_receive(q, buffer, sizeof buffer, &priority));
    printf("%u %.3s\n", priority, buffer);
    SHOW(mq_timedreceive(q, buffer, sizeof buffer, NULL, &soon));
    soon.tv_nsec = -1;
    SHOW(mq_timedreceive(q, buffer, sizeof buffer, NULL, &soon));
    now.mq_flags = O_NONBLOCK;
    SHOW(mq_setattr(q, &now, &attr));
    SHOW(mq_receive(q, buffer, sizeof buffer, NULL));
    struct pollfd p = {q, POLLIN | POLLOUT, 0};
    SHOW(poll(&p, 1, 0));
    SHOW(p.revents);
    struct sigaction action = {.sa_sigaction = on_message, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, NULL);
    struct sigevent e = {
        .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value = {.sival_int = 6}};
    SHOW(mq_notify(q, &e));
    SHOW(mq_notify(q, &e));
    SHOW(mq_send(q, "told", 4, 0));
    SHOW(notified);
    notified = 0;
    SHOW(mq_send(q, "untold", 6, 0));
    SHOW(notified);
    SHOW(mq_notify(q, NULL));
    SHOW(mq_unlink(name));
    SHOW(mq_unlink(name));
    mq_receive(q, buffer, sizeof buffer, NULL), mq_receive(q, buffer, sizeof buffer, NULL);
    now.mq_flags = 0;
    mq_setattr(q, &now, NULL);
    if (fork() == 0)
        _exit(mq_receive(q, buffer, sizeof buffer, NULL) == 5 ? 8 : 1);
    usleep(20000);
    SHOW(mq_send(q, "child", 5, 0));
    SHOW(ended());
    SHOW(mq_close(q));
    SHOW(mq_send(q, "x", 1, 0));
    SHOW(mq_send(1, "x", 1, 0));
    attr.mq_maxmsg = 0;
    SHOW(mq_open(name, O_RDWR | O_CREAT, 0600, &attr));
}

static void named_semaphores(void)
{
    char name[64];
    int value = -1;
    struct timespec soon;
    snprintf(name, sizeof name, "/vow-%d", getpid());
    SHOW(sem_open(name, 0) == SEM_FAILED);
    SHOW(errno == ENOENT);
    sem_t *s = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
    SHOW(s != SEM_FAILED);
    if (s == SEM_FAILED)
        return;
    SHOW(sem_open(name, O_CREAT | O_EXCL, 0600, 1) == SEM_FAILED);
    SHOW(sem_getvalue(s, &value));
    SHOW(value);
    SHOW(sem_wait(s));
    SHOW(sem_trywait(s));
    clock_gettime(CLOCK_REALTIME, &soon);
    SHOW(sem_timedwait(s, &soon));
    if (fork() == 0) {
        sem_t *again = sem_open(name, 0);
        usleep(20000);
        _exit(sem_post(again) == 0 ? 5 : 6);
    }
    SHOW(sem_wait(s));
    SHOW(ended());
    SHOW(sem_close(s));
    SHOW(sem_unlink(name));
    SHOW(sem_unlink(name));
}

const struct theme ipc_themes[] = {
    {"shared_segments", shared_segments},
    {"semaphores", semaphores},
    {"undone_semaphores", undone_semaphores},
    {"undone_in_bounds", undone_in_bounds},
    {"messages", messages},
    {"posix_messages", posix_messages},
    {"named_semaphores", named_semaphores},
    {NULL, NULL},
};
