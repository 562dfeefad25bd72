#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Hostile file names: every byte reaches the journal unchanged, and no control byte reaches a
terminal.
"""
import json
import os
import random
import subprocess
import sys
import unicodedata

from uwtest import configure, cursor, done, equal, ok, restart, settle, value

N = 500
BIDI = "".join(map(chr, [*range(0x202a, 0x202f), *range(0x2066, 0x206a)]))
DIR = b"/srv/names"
random.seed(20261121)
every = [c for c in range(1, 256) if c != ord("/")]


def names():
    yield b"\nPRIORITY=0\nMESSAGE=forged"
    yield b"\x1b]0;title\x07\x1b[2J\x1b[31mred"
    yield "\u202egnp.exe\u2066".encode()
    yield b"\xff\xfe\xc0\xaf\xed\xa0\x80"
    yield b"\xc2\x9b31mC1"
    yield b"x ret=-13 filename=shadow"
    yield b'"quoted" \\back\\slash\\n'
    yield b"x: Permission denied (EACCES)"
    yield b" "
    yield b"a" * 255
    yield "\u00e4\u6f22\U0001f600 plain".encode()
    while True:
        yield bytes(random.choice(every)
                    for _ in range(random.choice((1, 2, 7, 40, 200, 254, 255))))


os.makedirs(DIR)
os.chmod(DIR, 0o777)
configure("[Watch names]\nPath=/srv/names\n")
restart()
wanted = []
for name in names():
    if len(wanted) == N:
        break
    if name in (b".", b".."):
        name = b"dots" + name
    if (DIR + b"/" + name) not in wanted:
        wanted.append(DIR + b"/" + name)



def start(output):
    """
    Returns when the daemon is watching. Its output goes to a file, as nothing reads a pipe
    meanwhile.
    """
    with open("/root/" + output, "wb") as f:
        p = subprocess.Popen(["unlinkwatchd", "--output=" + output], stdout=f,
                             stderr=subprocess.PIPE)
    for line in p.stderr:
        if b"watching deletions" in line:
            return p
    sys.exit("# unlinkwatchd ends with status %r" % p.wait())


def stop(p, output):
    p.terminate()
    p.communicate()
    with open("/root/" + output, "rb") as f:
        return f.read()


text = start("text")
lines = start("json")
here = cursor()
for path in wanted:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
for path in wanted:
    os.unlink(path)
records = settle(here, len(wanted), os.getpid())
text_out = stop(text, "text")
json_out = stop(lines, "json")

ok([value(r["UNLINK_FILENAME"]) for r in records] == wanted,
   "every UNLINK_FILENAME in journalctl -o json is the name, byte for byte",
   [(a, b) for a, b in zip([value(r["UNLINK_FILENAME"]) for r in records], wanted) if a != b][:3],
   len(records))
ok([value(r["UNLINK_PATH"]) for r in records] == wanted,
   "every UNLINK_PATH is the path, byte for byte")
ok(all(isinstance(r["PRIORITY"], str) and r["PRIORITY"] == "6" for r in records),
   "no name forged a PRIORITY")
messages = [value(r["MESSAGE"]) for r in records]
ok(len(messages) == len(wanted) and not any(c < 32 or c == 127 for m in messages for c in m),
   "no MESSAGE holds a control byte")
UNSAFE = set("\u061c\u200e\u200f\u2028\u2029\ufeff" + BIDI)
harmful = [m for m in messages
           if any(c in UNSAFE or unicodedata.category(c) == "Cc" for c in m.decode("utf-8"))]
ok(not harmful, "every MESSAGE is UTF-8 without controls or changes of direction", harmful[:3])


def unescape(s):
    """The bytes that a quoted name stands for, by the documented format."""
    if not s.startswith(b'"'):
        return s
    out, i = bytearray(), 1
    letters = {b"a": 7, b"b": 8, b"t": 9, b"n": 10, b"v": 11, b"f": 12, b"r": 13, b'"': 34,
               b"\\": 92}
    while s[i:i + 1] != b'"':
        if s[i:i + 2] == b"\\x":
            out.append(int(s[i + 2:i + 4], 16))
            i += 4
        elif s[i:i + 1] == b"\\":
            out.append(letters[s[i + 1:i + 2]])
            i += 2
        else:
            out += s[i:i + 1]
            i += 1
    return bytes(out)


mine = b"pid=%d " % os.getpid()
text_lines = [line for line in text_out.split(b"\n") if mine in line]
equal(len(text_lines), len(wanted), "the text output has one line for each name")
ok(not any(c < 32 or c == 127 for c in text_out.replace(b"\n", b"")),
   "the text output holds no control byte but its newlines")
ok("\x9b" not in text_out.decode("utf-8") and "\u202e" not in text_out.decode("utf-8"),
   "the text output holds no 8-bit control and no change of direction")
ok([unescape(line.split(b" filename=", 1)[1].rsplit(b" ret=", 1)[0])
    if line.count(b" filename=") == 1 else None
    for line in text_lines if b"ret=-13 filename=" not in line] ==
   [w for w in wanted if b"ret=-13 filename=" not in w],
   "the names can be read back from the text output")


def from_json(v):
    return bytes(v) if isinstance(v, list) else v.encode()


got = [from_json(r["filename"]) for r in map(json.loads, json_out.splitlines())
       if r["pid"] == os.getpid()]
ok(got == wanted, "the JSON output holds every name, byte for byte",
   [(a, b) for a, b in zip(got, wanted) if a != b][:3], len(got))
ok(not any(c < 32 or c == 127 for c in json_out.replace(b"\n", b"")),
   "the JSON output holds no control byte but its newlines")

# The longest names: a relative name of 4095 bytes, and a path of deep directories.
here = cursor()
long_name = b"/".join([b"d" * 255] * 15 + [b"e" * 254])
ok(len(long_name) == 4094, "the name under test has 4094 bytes before its last one")
os.chdir(DIR)
try:
    os.unlink(long_name + b"x")
except OSError:
    pass
for _ in range(30):
    os.mkdir(b"p" * 200)
    os.chdir(b"p" * 200)
open(b"leaf", "w").close()
os.unlink(b"leaf")
records = settle(here, 2, os.getpid())
ok(len(records) == 2 and value(records[0]["UNLINK_FILENAME"]) == long_name + b"x",
   "a name of 4095 bytes is recorded whole", [len(value(r["UNLINK_FILENAME"])) for r in records])
ok(value(records[0]["UNLINK_PATH"]) == DIR + b"/" + long_name + b"x",
   "its path of more than 4096 bytes is recorded whole")
ok(records[1]["UNLINK_PATH_STATE"] == "truncated" and
   value(records[1]["UNLINK_FILENAME"]) == b"leaf" and
   value(records[1]["UNLINK_PATH"]).endswith(b"/" + b"p" * 200 + b"/leaf"),
   "the path of a directory beyond 4096 bytes is cut and marked truncated", records[1])

# A process can set its comm to any bytes, too.
here = cursor()
pid = os.fork()
if pid == 0:
    with open("/proc/self/comm", "wb") as f:
        f.write(b"x[1] (\n\x1b[2J\xff")
    open(b"/srv/names/comm", "w").close()
    os.unlink(b"/srv/names/comm")
    os._exit(0)
os.waitpid(pid, 0)
records = settle(here, 1, pid)
ok(len(records) == 1 and value(records[0]["UNLINK_COMM"]) == b"x[1] (\n\x1b[2J\xff",
   "a hostile comm is recorded byte by byte",
   records)
equal(value(records[0]["MESSAGE"]),
      b'"x[1] (\\n\\x1b[2J\\xff"[%d] (root) removed /srv/names/comm' % pid,
      "MESSAGE escapes a hostile comm")
done()
