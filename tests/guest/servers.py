#!/usr/bin/env python3
"""usage: servers.py
Servers and their clients in a box, over its loopback and its unix sockets,
against themselves outside. Each script runs in bash, in an empty directory,
with the files of its row; $PORT is free outside. Speaks TAP."""
import socket
import tempfile
from pathlib import Path

from boxed import Tap, box, pack, run, which

TOOLS = ["bash", "sh", "cat", "sleep", "head", "tail", "grep", "wc", "md5sum", "tr", "seq", "rm", "cp", "mkdir", "printf"]

# Waits until somebody listens there.
LISTENS = r"""
listens() { for i in $(seq 200); do (: <>/dev/tcp/127.0.0.1/$1) 2>/dev/null && return; sleep 0.05; done; echo "nobody listens"; }
"""

ASYNCIO = """
import asyncio
async def handle(r, w):
    while data := await r.read(100000):
        w.write(data)
        await w.drain()
    w.close()
async def talk(connect, i):
    r, w = await connect
    w.write(b"x" * 200000 + b"%d" % i)
    w.write_eof()
    n = len(await r.read())
    w.close()
    return n
async def main():
    for host in ("127.0.0.1", "::1"):
        s = await asyncio.start_server(handle, host, 0)
        port = s.sockets[0].getsockname()[1]
        print(await asyncio.gather(*[talk(asyncio.open_connection(host, port), i) for i in range(20)]))
        s.close()
    await asyncio.start_unix_server(handle, "sock")
    print(await asyncio.gather(*[talk(asyncio.open_unix_connection("sock"), i) for i in range(20)]))
    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport): self.transport = transport
        def datagram_received(self, data, who): self.transport.sendto(data.upper(), who)
    there, _ = await asyncio.get_running_loop().create_datagram_endpoint(Echo, ("127.0.0.1", 0))
    got = asyncio.get_running_loop().create_future()
    class Ask(asyncio.DatagramProtocol):
        def connection_made(self, transport): transport.sendto(b"question")
        def datagram_received(self, data, who): got.set_result(data)
    await asyncio.get_running_loop().create_datagram_endpoint(Ask, remote_addr=there.get_extra_info("sockname"))
    print(await got)
    p = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    print(await p.communicate(b"through a child"))
asyncio.run(main())
"""

HTTP = """
import http.server, threading, urllib.request
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"z" * 100000)
    def log_message(self, *a): pass
s = http.server.ThreadingHTTPServer(("localhost", 0), Handler)
threading.Thread(target=s.serve_forever, daemon=True).start()
for i in range(5):
    print(len(urllib.request.urlopen(f"http://localhost:{s.server_address[1]}/").read()))
s.shutdown()
"""

PROCESSES = """
import multiprocessing as m, os, socket, socketserver, threading
from multiprocessing.connection import Client, Listener
def child(address):
    with Client(address, authkey=b"k") as c:
        c.send(["a" * 100000])
        assert c.recv() == "ok"
class Upper(socketserver.StreamRequestHandler):
    def handle(self): self.wfile.write(self.rfile.readline().upper())
if __name__ == "__main__":
    for family in ("AF_UNIX", "AF_INET"):
        with Listener(None, family=family, authkey=b"k") as l:
            p = m.Process(target=child, args=(l.address,))
            p.start()
            with l.accept() as c:
                print(len(c.recv()[0]))
                c.send("ok")
            p.join()
            print(p.exitcode)
    a, b = socket.socketpair()
    r, w = os.pipe()
    socket.send_fds(a, [b"fd"], [w])
    os.close(w)
    os.write(socket.recv_fds(b, 10, 4)[1][0], b"passed")
    print(os.read(r, 10))
    d = m.Manager().dict()
    d["x"] = 1
    print(dict(d))
    q = m.Queue()
    p = m.Process(target=q.put, args=(42,))
    p.start()
    print(q.get())
    p.join()
    with socketserver.ForkingTCPServer(("127.0.0.1", 0), Upper) as s:
        t = threading.Thread(target=s.serve_forever)
        t.start()
        for _ in range(3):
            c = socket.create_connection(s.server_address)
            c.sendall(b"hi there\\n")
            print(c.recv(100))
            c.close()
        s.shutdown()
        t.join()
"""

# Only the loopback is compared: the machine outside has more.
LOOPBACK = """
import fcntl, socket, struct
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen()
print((1, "lo") in socket.if_nameindex(), socket.if_nametoindex("lo"))
print(fcntl.ioctl(s, 0x8915, struct.pack("16s24x", b"lo"))[16:24], fcntl.ioctl(s, 0x8913, struct.pack("16s24x", b"lo"))[16:18])
print(("%08X:%04X" % (0x0100007f, s.getsockname()[1])) in open("/proc/net/tcp").read())
print(open("/proc/net/dev").readline() != "", "lo" in open("/proc/self/net/if_inet6").read())
print(socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM), socket.gethostbyname("localhost"))
try: socket.create_connection(("127.0.0.1", 1))
except OSError as e: print(e)
"""

NODE = """
const http = require('http'), net = require('net'), dgram = require('dgram');
const server = http.createServer((q, r) => { let n = 0; q.on('data', d => n += d.length); q.on('end', () => r.end('got ' + n)); });
server.listen(0, '127.0.0.1', () => {
  let left = 10;
  for (let i = 0; i < 10; i++) {
    const q = http.request({host: '127.0.0.1', port: server.address().port, method: 'POST', agent: false}, r => {
      let t = ''; r.on('data', d => t += d); r.on('end', () => { console.log(t); if (--left == 0) server.close(unix); });
    });
    q.end(Buffer.alloc(200000));
  }
});
function unix() {
  const s = net.createServer(c => c.pipe(c)).listen('node.sock', () => {
    const c = net.connect('node.sock', () => c.end('over unix'));
    c.on('data', d => console.log(String(d))); c.on('close', () => s.close(udp));
  });
}
function udp() {
  const u = dgram.createSocket('udp4');
  u.on('message', (m, from) => { console.log(String(m), from.address); u.close(refused); });
  u.bind(0, '127.0.0.1', () => u.send('datagram', u.address().port, '127.0.0.1'));
}
function refused() {
  net.connect(1, '127.0.0.1').on('error', e => { console.log(e.code, require('os').networkInterfaces().lo[0].cidr); child(); });
}
function child() {
  const c = require('child_process').fork('./child.js');
  c.on('message', m => { console.log(m); c.disconnect(); });
  c.send({hello: 1});
}
"""

GO = r"""
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	fmt.Println(err)
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprintln(w, n)
	})
	go http.Serve(l, nil)
	var g sync.WaitGroup
	for i := 0; i < 20; i++ {
		g.Add(1)
		go func() {
			defer g.Done()
			r, err := http.Post("http://"+l.Addr().String()+"/", "text/plain", io.LimitReader(zeros{}, 300000))
			if err != nil {
				fmt.Println(err)
				return
			}
			b, _ := io.ReadAll(r.Body)
			fmt.Print(string(b))
		}()
	}
	g.Wait()
	u, err := net.Listen("unix", "go.sock")
	fmt.Println(err)
	go func() { c, _ := u.Accept(); io.Copy(c, c); c.Close() }()
	c, err := net.Dial("unix", "go.sock")
	c.Write([]byte("unix"))
	c.(*net.UnixConn).CloseWrite()
	b, err := io.ReadAll(c)
	fmt.Println(string(b), err)
	p, err := net.ListenPacket("udp", "127.0.0.1:0")
	d, err := net.Dial("udp", p.LocalAddr().String())
	d.Write([]byte("udp"))
	buffer := make([]byte, 10)
	n, _, err := p.ReadFrom(buffer)
	fmt.Println(n, err)
	d.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	_, err = d.Read(buffer)
	fmt.Println(os.IsTimeout(err))
	_, err = net.DialTimeout("tcp", "127.0.0.1:1", time.Second)
	fmt.Println(err)
	lo, err := net.InterfaceByName("lo")
	a, _ := lo.Addrs()
	fmt.Println(lo.Index, lo.MTU, a[0], err)
}
"""

NGINX = """worker_processes 2; pid pid; error_log error; daemon on; user root;
events { worker_connections 64; }
http {
  access_log off; sendfile on; tcp_nopush on;
  client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  server {
    listen 127.0.0.1:PORT; listen unix:DIR/sock; root DIR;
    location /p/ { proxy_pass http://127.0.0.1:PORT/; }
  }
}
"""

# What, programs, files, script.
ROWS = [
    ("python3: asyncio", ["python3"], {"a.py": ASYNCIO}, "python3 a.py"),
    ("python3: http.server", ["python3"], {"a.py": HTTP}, "python3 a.py"),
    ("python3: multiprocessing, socketserver", ["python3"], {"a.py": PROCESSES}, "python3 a.py"),
    ("python3: the loopback", ["python3"], {"a.py": LOOPBACK}, "python3 a.py"),
    ("node", ["node"], {"a.js": NODE, "child.js": "process.on('message', m => process.send({echo: m}));"},
     "node a.js"),
    ("nginx and curl", ["nginx", "curl"], {"conf": NGINX, "index.html": "hello\n"},
     "head -c 300000 /dev/zero >big; c=$(cat conf); c=${c//PORT/$PORT}; echo \"${c//DIR/$PWD}\" >conf; mkdir q; "
     "nginx -p $PWD -c conf -e error; listens $PORT; u=http://127.0.0.1:$PORT; curl -s $u/; curl -s --unix-socket sock http://x/; "
     "curl -s $u/big | md5sum; curl -s $u/p/big | wc -c; for i in 1 2 3 4 5 6 7 8; do curl -s $u/big | wc -c & done; wait; "
     "curl -s -o /dev/null -w '%{http_code}\\n' $u/none; curl -sI $u/ | head -1; "
     "nginx -p $PWD -c conf -e error -s quit; while [ -e pid ]; do sleep 0.05; done; curl -s $u/; echo $?"),
    ("redis", ["redis-server", "redis-cli", "redis-benchmark"], {},
     "redis-server --port $PORT --save '' --unixsocket $PWD/sock >log & listens $PORT; r=\"redis-cli -p $PORT\"; "
     "$r set a 1; $r incr a; redis-cli -s sock get a; for n in 1 2 3; do $r lpush l $n; done; $r lrange l 0 -1; "
     "redis-benchmark -p $PORT -q -n 2000 -c 20 -t set,get,lpush | tr '\\r' '\\n' | grep -c 'per second, p50'; "
     "redis-benchmark -s sock -q -n 2000 -c 20 -P 8 -t set,get | tr '\\r' '\\n' | grep -c 'per second, p50'; "
     "$r shutdown nosave; wait; echo $?"),
    ("openssl and curl", ["openssl", "curl"], {},
     "openssl req -config /dev/null -x509 -newkey rsa:2048 -nodes -keyout k -out c -days 3 -subj /CN=localhost 2>/dev/null; echo $?; "
     "openssl s_server -key k -cert c -accept 127.0.0.1:$PORT -www -quiet 2>/dev/null & listens $PORT; "
     "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | openssl s_client -connect 127.0.0.1:$PORT -quiet -ign_eof 2>/dev/null | grep -c 'HTTP/1.0 200'; "
     "curl -sk https://127.0.0.1:$PORT/ | grep -c '^Shared'; kill %1; wait; echo over"),
    ("git daemon", ["git"], {},
     "export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_AUTHOR_DATE='@1000000000 +0000' GIT_COMMITTER_DATE='@1000000000 +0000' "
     "GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=a@b; "
     "git init -q -b main r; cd r; for i in $(seq 10); do seq $((i*500)) >f$i; git add .; git commit -qm c$i; done; cd ..; "
     "git daemon --reuseaddr --listen=127.0.0.1 --port=$PORT --export-all --enable=receive-pack --base-path=$PWD $PWD 2>/dev/null & "
     "listens $PORT; u=git://127.0.0.1:$PORT/r; git clone -q $u c; cd c; git log --oneline | wc -l; git fsck 2>/dev/null; "
     "git checkout -qb x; echo y >y; git add y; git commit -qm y; git push -q origin x; git -C ../r log -1 --format=%H x; "
     "git ls-remote $u | wc -l; kill %1; wait; echo over"),
    ("dbus", ["dbus-daemon", "dbus-send"], {"conf": "<busconfig><type>session</type><listen>unix:path=DIR/sock</listen>"
     "<auth>EXTERNAL</auth><policy context='default'><allow send_destination='*'/><allow own='*'/></policy></busconfig>"},
     "c=$(cat conf); echo \"${c//DIR/$PWD}\" >conf; dbus-daemon --config-file=conf --nofork --nosyslog --print-address=3 3>address 2>/dev/null & "
     "while ! [ -s address ]; do sleep 0.05; done; export DBUS_SESSION_BUS_ADDRESS=unix:path=$PWD/sock; "
     "s='dbus-send --session --print-reply=literal --dest=org.freedesktop.DBus / org.freedesktop.DBus'; "
     "$s.ListNames | wc -l; $s.GetConnectionUnixUser string:org.freedesktop.DBus; $s.NameHasOwner string:x.y; kill %1; wait; echo over"),
]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def row(tap, what, directory):
    name, programs, files, script = what
    missing = [program for program in programs if not which(program)]
    if missing:
        tap.report(name, skip=f"{missing[0]}: not installed")
        return
    given, outside, image = directory / "files", directory / "outside", directory / "image"
    for place in (given, outside):
        place.mkdir(parents=True)
        for file, text in files.items():
            (place / file).write_text(text, encoding="utf-8")
    fault = pack(image, [which(program) for program in TOOLS + programs], adds=[given])
    if fault:
        tap.report(name, [fault])
        return
    script = f"PORT={free_port()}; {LISTENS}{script}"
    tap.compare(name, run(["bash", "-c", script], outside),
                box(image, which("bash"), "-c", f"cp -r {given} /tmp/work; cd /tmp/work; {script}"))
    image.unlink()


def go(tap, directory):
    """A program that is built first: its image needs no compiler."""
    if not which("go"):
        tap.report("go", skip="go: not installed")
        return
    source, program = directory / "a.go", directory / "server"
    source.write_text(GO, encoding="utf-8")
    built = run(["go", "build", "-o", program, source], directory)
    fault = built[2].decode() if built[0] else pack(directory / "image", [program])
    if fault:
        tap.report("go", [fault])
        return
    outside = directory / "outside"
    outside.mkdir()
    tap.compare("go", run([program], outside), box(directory / "image", program))


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="vow-servers-") as name:
        for number, what in enumerate(ROWS):
            row(tap, what, Path(name, str(number)))
        Path(name, "go").mkdir()
        go(tap, Path(name, "go"))
    tap.end()


main()
