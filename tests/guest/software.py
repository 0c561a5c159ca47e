#!/usr/bin/env python3
"""usage: software.py GROUP
Large programs in a box, unchanged, against themselves outside: each script
prints the same and ends the same. Speaks TAP.

A group is an image: the programs and Debian packages in it, then its scripts,
which bash runs in an empty directory."""
import os
import sys
import tempfile
from pathlib import Path

from boxed import Tap, box, pack, run, which

TOOLS = ["bash", "sh", "cat", "ls", "sort", "find", "sed", "awk", "grep", "diff", "tar", "gzip", "xz", "env"]

GIT = """export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_AUTHOR_DATE='@1000000000 +0000' GIT_COMMITTER_DATE='@1000000000 +0000'
export GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=a@b
git init -q -b main r; cd r; for i in $(seq 20); do echo $i >f$i; git add .; git commit -qm c$i; done
"""

GO = r"""
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

func main() {
	var group sync.WaitGroup
	var lock sync.Mutex
	sum := 0
	for i := 0; i < 200; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			time.Sleep(time.Millisecond * time.Duration(i%7))
			lock.Lock()
			sum += i
			lock.Unlock()
		}(i)
	}
	group.Wait()
	fmt.Println("goroutines", sum)
	out, err := exec.Command("echo", "child").Output()
	fmt.Println(string(out), err)
	for i := 0; i < 20; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			exec.Command("false").Run()
		}()
	}
	group.Wait()
	ticker := time.NewTicker(5 * time.Millisecond)
	for i := 0; i < 3; i++ {
		<-ticker.C
	}
	ticker.Stop()
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println(<-caught)
	os.WriteFile("file", []byte("x"), 0640)
	info, _ := os.Stat("file")
	fmt.Println(info.Size(), info.Mode())
	defer func() {
		fmt.Println(recover())
		os.Exit(3)
	}()
	var nothing *int
	*nothing = 1
}
"""

HELLO = """#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static __thread int own;
static void caught(int s) { (void)s; write(1, "caught\\n", 7); }
static void *body(void *p) { own = *(int *)p; return (void *)(long)(own * 2); }
int main(int argc, char **argv) {
    int n[8], sum = 0; void *r; pthread_t t[8]; char line[64] = "";
    for (int i = 0; i < 8; i++) { n[i] = i; pthread_create(&t[i], 0, body, n + i); }
    for (int i = 0; i < 8; i++) { pthread_join(t[i], &r); sum += (int)(long)r; }
    printf("%d %d %s\\n", sum, argc, argv[1]); fflush(stdout);
    signal(SIGUSR1, caught); raise(SIGUSR1);
    if (fork() == 0) { execlp("echo", "echo", "from a child", (char *)0); _exit(1); }
    int status; wait(&status); printf("%d %s\\n", status, strerror(ENOENT));
    FILE *p = popen("echo popen", "r"); fgets(line, sizeof line, p); printf("%s%d\\n", line, pclose(p));
    printf("%d\\n", system("exit 5") >> 8);
    struct timespec a = {0, 1000000}; printf("%d\\n", nanosleep(&a, 0));
    char *big = malloc(50 << 20); memset(big, 1, 50 << 20); printf("%d\\n", big[49 << 20]); free(big);
    return 4;
}
"""

PG = str(max(Path("/usr/lib/postgresql").glob("*/bin"), default="/usr/lib/postgresql"))
POSTGRESQL = f"""mkdir data && chown 65534:65534 . data && chmod 755 . && cd data && cat >../run <<'END'
export PATH={PG}:/usr/bin:/bin HOME=$PWD LC_ALL=C
initdb -D db -A trust -U me --no-locale -E UTF8 >init.log 2>&1; echo initdb $?
pg_ctl -D db -l log -o "-k $PWD -c listen_addresses=127.0.0.1 -p 54321" -w start >start.log 2>&1 || cat start.log log
psql -h $PWD -p 54321 -U me postgres -Atc 'select 6 * 7; create table t(a int primary key, b text); insert into t select i, i from generate_series(1, 5000) i; create index on t(b); vacuum analyze t; select sum(a) from t'
psql -h 127.0.0.1 -p 54321 -U me postgres -Atc 'select count(*) from t; select 1 / 0' 2>&1
pgbench -h $PWD -p 54321 -U me -i -q postgres >/dev/null 2>&1; echo $?
pgbench -h $PWD -p 54321 -U me -c 4 -j 2 -t 25 postgres 2>/dev/null | grep -E 'processed|failed'
psql -h $PWD -p 54321 -U me postgres -Atc 'select count(*) from pgbench_history'
pg_ctl -D db -w -m immediate stop >/dev/null; echo stop $?
pg_ctl -D db -l log -o "-k $PWD -c listen_addresses= -p 54321" -w start >/dev/null 2>&1; echo recovery $?
psql -h $PWD -p 54321 -U me postgres -Atc 'select count(*) from pgbench_history'; pg_ctl -D db -w stop >/dev/null; echo stop $?
END
exec setpriv --reuid=65534 --regid=65534 --clear-groups bash ../run"""

GROUPS = {
    "tools": {
        "programs": [*TOOLS, "bzip2", "xargs", "file", "bc", "ps", "flock"],
        "scripts": [
            "id | grep -c uid=; uname -s; printf '%s\\n' c a b | sort; seq 5 | tac | paste -sd,; date -u -d @0; factor 1234567; env -i A=1 env",
            "mkdir d; cd d; for i in $(seq 30); do echo $i >f$i; done; ls | wc -l; cp -a . ../copy; diff -r . ../copy && echo same; "
            "find . -name 'f1*' | sort | xargs cat | md5sum; rm -r ../copy; ls ..//copy 2>/dev/null; echo $?",
            "touch a b; chmod 640 a; ln a c; ln -s a d; stat -c '%a %h %F %N' a c d; mv -T a e; install -m 755 /dev/null x; "
            "stat -c %a x; truncate -s 10M t; stat -c %s t; split -n 3 t; ls x*; shred -u b; ls; mkfifo p; test -p p; echo $?; "
            "tail -c 5 t | od -c; head -c 100 t | cksum; comm <(seq 3) <(seq 2 4); join <(seq 3) <(seq 3); tee q <<<x; du -b q; sync q",
            "seq 200000 >r; for z in gzip bzip2 xz; do cp r q; $z q; $z -t q.*; $z -dc q.* | cmp - r && echo $z; rm q.*; done",
            "cp -r /usr/lib/locale d; tar czf t.tgz d; tar tzf t.tgz | wc -l; mkdir e; tar xzf t.tgz -C e; diff -r d e/d && echo same; "
            "tar cJf t.txz d; tar tJf t.txz | sort | md5sum; tar --sort=name --mtime=@0 --owner=0 --group=0 -cf - d | md5sum",
            "seq 1000 | sed -n '/5$/p;/7$/{s/7/x/;p}' | md5sum; echo a >q; sed -i.bak s/a/b/ q; cat q q.bak; "
            "sed -i s/a/b/ /dev/null 2>/dev/null; echo $?",
            "seq 1000 | awk '{s += $1} END {print s; system(\"echo sub\"); \"date -u -d @5\" | getline x; print x; print | \"sort -n\"}'",
            "mkdir -p a/b/c; echo x >a/b/c/f; find a -type f -exec cat {} + ; find a -depth -delete; ls; find / -maxdepth 1 -name usr; "
            "find /bin/ -maxdepth 1 -name bash -perm /111 -size +1k -printf '%f %y\\n'",
            "grep -rc root /etc/passwd; grep -E 'a(b|c)' <<<ac; echo '2^200' | bc; diff <(seq 3) <(seq 4); file -b /bin/sh | cut -c-20; ps -o comm= -p $$",
            "sleep 5 & kill -STOP $!; sleep 0.1; kill -CONT $!; kill $!; wait $!; echo $?; timeout 0.1 sleep 5; echo $?; nohup true 2>/dev/null; echo $?",
            "exec 5<>f; flock 5; flock -n f true; echo $?; flock -u 5; flock -n f echo free; (ulimit -n 20; ulimit -n); umask 077; mktemp -d d.XXXX | cut -c-2; stat -c %a d.*",
        ],
    },
    "perl": {
        "programs": [*TOOLS, "perl"], "packages": ["perl"],
        "scripts": [
            "perl -e 'use strict; print map { $_ * 2, \"\\n\" } 1 .. 10; open my $p, \"-|\", \"echo hi; exit 2\"; print <$p>; close $p; print $? >> 8, \"\\n\"'",
            "perl -e 'my $p = fork // die; exit 3 if !$p; waitpid $p, 0; print $? >> 8, \"\\n\"; $SIG{ALRM} = sub { print \"alarm\\n\" }; alarm 1; select undef, undef, undef, 5; print \"done\\n\"'",
            "perl -MPOSIX -MFcntl=:flock -e 'print strftime(\"%Y\", gmtime 0), \"\\n\"; open F, \">f\"; print flock(F, LOCK_EX), \"\\n\"; truncate F, 100; print -s \"f\", \"\\n\"; print join(\" \", glob \"{a,b}c\"), \"\\n\"'",
            "perl -MFile::Temp=tempfile -MFile::Find -Mthreads -e 'my @t = map { my $n = $_; threads->create(sub { $n * 2 }) } 1 .. 5; print $_->join, \"\\n\" for @t'",
            "perl -MIPC::Open3 -e 'my $p = open3(my $i, my $o, undef, \"cat\"); print $i \"through\\n\"; close $i; print <$o>; waitpid $p, 0; print \"$?\\n\"; kill 9, $$'",
        ],
    },
    "git": {
        "programs": [*TOOLS, "git"],
        "scripts": [
            GIT + "git log --oneline | wc -l; git gc -q; git fsck; git clone -q . ../c; cd ../c; git log -1 --format=%H; git status; git diff HEAD~3 --stat",
            GIT + "git checkout -qb b; echo x >f1; git commit -qam x; git checkout -q main; echo y >f2; git commit -qam y; git merge -q b -m m; "
            "git log --graph --oneline; git rebase -q HEAD~2; git stash list; echo z >f3; git stash -q; git stash pop -q; git status --short; git grep 7",
            GIT + "git worktree add -q ../w; git bundle create -q b HEAD; git repack -adfq; git count-objects -v | grep -v size; git clone -q b ../d 2>&1; "
            "git tag v; git describe; git format-patch -1 --stdout | git mailinfo m p >/dev/null; cat m p | wc -c; git archive HEAD | tar t | wc -l; git clean -fdq; git blame f7",
            GIT + "git clone -q --bare . ../bare.git; cd ..; git clone -q bare.git e 2>&1; cd e; echo n >n; git add n; git commit -qm n; git push -q origin HEAD:main; git -C ../bare.git log -1 --format=%s; git submodule status; git fetch -q; git pull -q --rebase; echo $?",
        ],
    },
    "node": {
        "programs": [*TOOLS, "node"],
        "scripts": [
            "node -e 'console.log([1, 2, 3].map(x => x * 2), process.platform, os = require(\"os\").EOL)'",
            "node -e 'const fs = require(\"fs\"); fs.writeFileSync(\"a\", \"x\"); fs.appendFileSync(\"a\", \"y\"); console.log(fs.readFileSync(\"a\", \"utf8\"), fs.readdirSync(\".\")); fs.promises.stat(\"a\").then(s => { console.log(s.size); fs.unlinkSync(\"a\") })'",
            "node -e 'const c = require(\"child_process\"); console.log(c.execSync(\"echo hi\").toString()); c.exec(\"ls /dev/null; exit 3\", (e, o) => console.log(e.code, o)); const p = c.spawn(\"cat\"); p.stdout.on(\"data\", d => console.log(String(d))); p.stdin.end(\"through\")' | sort",
            "node -e 'const { Worker } = require(\"worker_threads\"); const w = new Worker(\"require(\\\"worker_threads\\\").parentPort.postMessage(42)\", { eval: true }); w.on(\"message\", m => console.log(m)); w.on(\"exit\", c => console.log(\"exit\", c))'",
            "node -e 'require(\"zlib\").gzip(\"a\".repeat(99999), (e, b) => console.log(b.length)); require(\"crypto\").pbkdf2(\"a\", \"b\", 10, 20, \"sha1\", (e, k) => console.log(k.toString(\"hex\")))' | sort",
            "node -e 'setTimeout(() => console.log(\"late\"), 50); setImmediate(() => console.log(\"soon\")); process.on(\"SIGUSR2\", () => console.log(\"signal\")); process.kill(process.pid, \"SIGUSR2\"); process.on(\"exit\", () => console.log(\"end\"))'",
            "node -e 'const h = require(\"http\"); const s = h.createServer((q, r) => r.end(\"served \" + q.url)).listen(0, \"127.0.0.1\", () => h.get({ host: \"127.0.0.1\", port: s.address().port, path: \"/x\" }, r => { r.on(\"data\", d => console.log(String(d))); r.on(\"end\", () => s.close()) }))'",
            "node -e 'process.kill(process.pid, \"SIGKILL\")'; echo $?; node -e 'throw new Error(\"x\")' 2>/dev/null; echo $?",
        ],
    },
    "compile": {
        "programs": [*TOOLS, "gcc", "make", "ld", "nm", "ar"], "packages": ["libc6-dev"], "files": {"hello.c": HELLO},
        "scripts": [
            "gcc -w -O2 hello.c -o a && ./a x; echo $?; gcc -w -static hello.c -o s && ./s y; echo $?; gcc -w -no-pie hello.c -o n && ./n z; echo $?; gcc -w -static-pie hello.c -o p && ./p z; echo $?",
            "printf 'all: x y\\nx y:\\n\\techo $@ >$@\\n' >Makefile; make -sj4; ls; make -q; echo $?; make clean 2>&1 | cat; export LC_ALL=C; echo x >b.c; gcc b.c 2>&1",
            "gcc -w -g -fPIC -shared hello.c -o l.so && nm l.so | grep -c ' T main'; gcc -flto -O2 -w hello.c -o b && ./b q; gcc -w -c hello.c && ar rc l.a hello.o && gcc hello.o -o v && ./v v; echo $?",
            "printf '#include <dlfcn.h>\\n#include <stdio.h>\\nint main(void){void *l=dlopen(\"libm.so.6\",2); double (*f)(double)=dlsym(l,\"cos\"); printf(\"%%f\\\\n\",f(0));}' >d.c; gcc -w d.c -o d && ./d; gcc -w -pg d.c -o g && ./g && ls gmon.out",
        ],
    },
    "musl": {
        "programs": [*TOOLS, "musl-gcc", "gcc"], "packages": ["musl-dev", "libc6-dev"], "files": {"hello.c": HELLO},
        "scripts": [
            "musl-gcc -w -O2 hello.c -o a && ./a x; echo $?",
            "musl-gcc -w -static hello.c -o s && ./s y; echo $?",
            "musl-gcc -w -no-pie hello.c -o n && ./n z; echo $?",
        ],
    },
    "go": {
        "programs": [*TOOLS, "go"], "packages": ["golang-go", "golang-src"], "files": {"main.go": GO},
        "scripts": [
            "export GOCACHE=$PWD/cache GOFLAGS=-mod=mod; go mod init example 2>/dev/null; go vet ./... && go build -o g . && ./g; echo $?",
            "export GOCACHE=$PWD/cache; go run main.go 2>/dev/null; echo $?; go version",
        ], "timeout": 300,
    },
    "sqlite": {
        "programs": [*TOOLS, "sqlite3"],
        "scripts": [
            "sqlite3 d 'create table t(a, b); with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) insert into t select i, i * 2 from n; create index i on t(b); select sum(a), count(*) from t; pragma integrity_check;'; ls",
            "sqlite3 d 'pragma journal_mode=wal; create table t(a); insert into t values(1), (2); select sum(a) from t; pragma wal_checkpoint(truncate);'; ls; sqlite3 d 'pragma journal_mode=delete; begin; insert into t select a + 2 from t; rollback; select count(*) from t; vacuum;'; ls",
            "sqlite3 d 'pragma journal_mode=wal; create table t(a);'; for i in 1 2 3 4; do (for j in $(seq 10); do sqlite3 -cmd '.timeout 20000' d \"insert into t values($i);\"; done) & done; wait; sqlite3 d 'select a, count(*) from t group by a;'",
            "sqlite3 d 'create table t(a); begin; insert into t values(1); select 1;' 'select count(*) from t;' '.backup e' '.dump'; printf '.mode csv\\n.import /dev/stdin u\\n' >s; seq 5 | sqlite3 f '.import /dev/stdin u' '.tables'; sqlite3 :memory: 'select 1/0; select hex(zeroblob(3));'",
        ],
    },
    "postgresql": {
        "programs": [*TOOLS, "setpriv", "chown", *(f"{PG}/{name}" for name in ("initdb", "postgres", "psql", "pgbench", "pg_ctl"))],
        "scripts": [POSTGRESQL], "timeout": 300,
    },
}


def native(files, script, timeout):
    with tempfile.TemporaryDirectory(prefix="vow-native-") as name:
        for file, text in files.items():
            Path(name, file).write_text(text, encoding="utf-8")
        return run(["bash", "-c", script], name, timeout)


def group(tap, name, directory):
    what = GROUPS[name]
    missing = [program for program in what["programs"] if not which(program)]
    if missing:
        tap.report(name, skip=f"{missing[0]}: not installed")
        return
    image, files, timeout = directory / "image", directory / "files", what.get("timeout", 100)
    files.mkdir()
    for file, text in what.get("files", {}).items():
        (files / file).write_text(text, encoding="utf-8")
    fault = pack(image, [which(program) for program in what["programs"]], what.get("packages", ()), adds=[files])
    tap.report(f"an image with {' '.join(what['programs'])}", [fault] if fault else [])
    if fault:
        return
    for script in what["scripts"]:
        inside = box(image, which("bash"), "-c", f"cp -r {files} /tmp/work; cd /tmp/work; {script}", timeout=timeout)
        tap.compare(script.removeprefix(GIT), native(what.get("files", {}), script, timeout), inside)


def main():
    if sys.argv[1] == "postgresql" and os.geteuid() != 0:
        print("1..0 # SKIP root: outside, too, the server is given a user of its own")
        return
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="vow-software-") as name:
        group(tap, sys.argv[1], Path(name))
    tap.end()


main()
