#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Types each command of the man pages and the README on a terminal, exactly as written: it must
succeed and print what the text promises. `#` is root, `$` a member of the group systemd-journal.
"""
import collections
import os
import re
import signal
import time

from on_terminal import Session
from uwtest import CONFIG_ACCEPTED, cursor, done, equal, journal, ok, run, touch

PROGRAMS = r"(?:unlinkwatchctl|unlinkwatchd|journalctl|systemctl|socat) "
# Sections that other suites test: native and build, vm/newcomer.
NOT_HERE = ("Try it", "Install")
# Blocks of the README that are not commands: output and a picture.
SHOWN = r"(?:ok|lacking|process) "
TEXTFILE = "/var/lib/prometheus/node-exporter/unlinkwatchd.prom"
SECONDS = 120  # for one command, on a busy machine
TERMINAL = dict(os.environ, SYSTEMD_PAGER="cat", SYSTEMD_COLORS="0")

# pattern: what the command must print; key: ends a command that runs until stopped; status: its
# wait status; more: a function that returns more text to match.
Expected = collections.namedtuple("Expected", "pattern key status more", defaults=(None, 0, None))
Example = collections.namedtuple("Example", "user command")


def live(pattern, key="\x03", status=signal.SIGINT):
    return Expected(pattern, key, status)


def enabled():
    return "".join(run("systemctl", verb, "unlinkwatchd") for verb in ("is-enabled", "is-active"))


def accepted():
    """The daemon's answer to a reload: systemctl of this systemd does not wait for it."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for r in journal(start):
            if r.get("MESSAGE_ID") == CONFIG_ACCEPTED:
                return r["MESSAGE"]
        time.sleep(0.5)
    return ""


def textfile():
    with open(TEXTFILE) as f:
        return f.read()


REPORT = r"rm\[\d+\]( \(alice\))? removed /srv/data/report\.csv"
EXPECTED = {
    "systemctl enable --now unlinkwatchd": Expected("enabled\nactive", more=enabled),
    # who
    "unlinkwatchctl who /srv/data/report.csv":
        Expected(REPORT + r".*user +alice.*command +rm -f /srv/data/report\.csv"),
    "unlinkwatchctl who -S yesterday report.csv": Expected(REPORT),
    "unlinkwatchctl who --user=alice /srv/data/": Expected(REPORT),
    "unlinkwatchctl who --user=alice --json /srv/data/ | jq -r .path":
        Expected(r"(?m)^/srv/data/report\.csv\r?$"),
    "unlinkwatchctl who --brief -S '2 hours ago' '/var/log/**/*.log'":
        Expected(r"removed /var/log/app/old/x\.log"),
    "unlinkwatchctl who --brief --op=move,exchange /srv/data/":
        Expected(r"\(alice\) moved /srv/data/draft\.csv to /srv/data/plan\.csv"),
    "unlinkwatchctl where /srv/data/report.csv":
        Expected(r"report\.csv: removed by alice at \w{3} [-0-9]{10}"),
    "unlinkwatchctl where /srv/share/report.csv":
        Expected(r"moved to /srv/old/report\.csv by alice at [^;]*; it is there"),
    "unlinkwatchctl who -D /mnt/var/log/journal /etc/shadow":
        Expected(r"replaced /etc/shadow with /etc/shadow\+"),
    # live
    "unlinkwatchctl tail --failed": live(r"could not remove /etc/hostname: Permission denied"),
    "unlinkwatchctl top --by=directory": live(r"DIRECTORY.* [1-9]\d* +0  /srv/data\b", "q", 0),
    "journalctl -f -t unlinkwatchd": live(r"removed /srv/data/more"),
    "unlinkwatchd --output=json | jq -r '[.pid, .comm, .filename, .ret] | @tsv'":
        live(r"\d+\trm\t/srv/data/more\t0\b.*\d+\trm\t/etc/hostname\t-13\b",
             status=(128 + signal.SIGINT) << 8),
    # the other commands
    "unlinkwatchctl stats": Expected(r"\b[1-9]\d* deletions, .*alice.*/srv/data"),
    "unlinkwatchctl status": Expected(r"is running.*probe: .*rule: share: Path=/srv/share"),
    "unlinkwatchctl check --user=alice /srv/share/plan.txt":
        Expected("share would record it: Path=/srv/share covers"),
    "unlinkwatchctl check --user=alice /srv/x":
        Expected(r"all would record it.*share would not: nothing in Path="),
    "unlinkwatchctl metrics": Expected(r"unlinkwatchd_up 1\b.*# EOF"),
    "unlinkwatchctl metrics --textfile=" + TEXTFILE:
        Expected(r"^# .*unlinkwatchd_up 1\b", more=textfile),
    # the journal's own tools
    "journalctl -u unlinkwatchd -o cat": Expected(r"watching deletions by .*" + REPORT),
    "journalctl -t unlinkwatchd UNLINK_PATH=/srv/data/report.csv -o verbose":
        Expected(r"(?=.*UNLINK_PATH=/srv/data/report\.csv\b)(?=.*UNLINK_USER=alice\b)"
                 r".*UNLINK_RET=0\b"),
    "journalctl -t unlinkwatchd UNLINK_PATH=/srv/data/report.csv": Expected(REPORT),
    "journalctl -x -t unlinkwatchd UNLINK_PATH=/srv/data/report.csv":
        Expected(REPORT + r".*Subject: A name was removed: /srv/data/report\.csv"),
    "journalctl -t unlinkwatchd UNLINK_PATH=/etc/motd": Expected(r"\(root\) removed /etc/motd"),
    "journalctl -S today UNLINK_UID=1000 MESSAGE_ID=127b0dfe915e4bfa82c4947e1edbf697":
        Expected(r"\(alice\) could not remove /etc/hostname"),
    "journalctl -t unlinkwatchd UNLINK_USER=alice UNLINK_RET=0": Expected(REPORT),
    "journalctl -t unlinkwatchd UNLINK_ERRNO=EACCES -S today":
        Expected(r"could not remove /etc/hostname"),
    "journalctl -t unlinkwatchd UNLINK_RULE=share -o cat":
        Expected(r"\(alice\) removed /srv/share/plan\.txt"),
    "journalctl -t unlinkwatchd UNLINK_USER=alice -o json "
    "--output-fields=UNLINK_COMM,UNLINK_FILENAME,UNLINK_RET":
        Expected(r'"UNLINK_FILENAME":"/srv/data/report\.csv"'),
    # the service
    "unlinkwatchd --check-config": Expected(r"\A\Z"),
    "systemctl reload unlinkwatchd": Expected("configuration accepted; rules: 4", more=accepted),
    "systemctl status unlinkwatchd": Expected(r"active \(running\).*seen"),
    "socat - /run/unlinkwatchd/status": Expected(r'"counters":'),
    "unlinkwatchd --doctor": Expected(r"ok +btf .*ok +probe-kprobe .*result "),
}


def of_page(page):
    with open("man/" + page, encoding="utf-8") as f:
        for prompt, command in re.findall(r"^\.Dl ([$#]) (.*)", f.read(), re.M):
            yield Example("root" if prompt == "#" else "carol",
                          command.replace(r"\(dq", '"').replace(r"\e", "\\"))


def blocks_of_readme():
    """Yields the blocks of the sections that this case tests."""
    with open("README.md", encoding="utf-8") as f:
        sections = re.split(r"^## ", f.read(), flags=re.M)
    for section in sections:
        title, _, text = section.partition("\n")
        if title not in NOT_HERE:
            for block in re.findall(r"^((?:    [^\n]*\n)+)", text, re.M):
                yield [line[4:] for line in block.splitlines()]


def of_block(lines):
    """Yields the commands of a block. If some lines have a prompt, the others are output."""
    prompted = [line[2:] for line in lines if line.startswith("$ ")]
    for line in prompted or lines:
        command = re.sub(r"\s+# .*", "", line)
        for_root = re.match(r"unlinkwatchd |systemctl reload ", command)
        yield Example("root" if for_root else "carol", command)


def read_readme():
    """Returns its examples, its configuration, and the blocks of neither kind."""
    examples, configuration, unknown = [], "", []
    for lines in blocks_of_readme():
        if re.match(r"(?:\$ )?" + PROGRAMS, lines[0]):
            examples += of_block(lines)
        elif any(re.match(r"\[\w+.*\]$", line) for line in lines):
            configuration += "\n".join(lines) + "\n"
        elif not re.match(SHOWN, lines[0]):
            unknown.append(lines)
    return examples, configuration, unknown


def become(user, *command):
    return ["setpriv", "--reuid=" + user, "--regid=" + user, "--init-groups", *command]


def meanwhile():
    """alice deletes one file and fails to delete another."""
    run(*become("alice", "sh", "-c",
                "touch /srv/data/more; rm /srv/data/more; rm -f /etc/hostname"), check=False)


def type_in(example, expected):
    """
    Returns the wait status of the command, whether it printed what it should, and what it printed.
    """
    session = Session(*become(example.user, "bash", "-c", "set -o pipefail; " + example.command),
                      columns=400, env=TERMINAL)
    if not expected.key:
        status = session.end(seconds=SECONDS)
        shown = session.output.decode(errors="replace") + (expected.more() if expected.more else "")
        return status, re.search(expected.pattern, shown, re.S), shown
    end = time.monotonic() + SECONDS
    good = False
    while not good and time.monotonic() < end:
        meanwhile()
        good = session.wait_for(expected.pattern.encode(), seconds=2)
    session.type(expected.key)
    return session.end(seconds=SECONDS), good, session.output.decode(errors="replace")


def make_history():
    """Deletes what the examples ask for, and waits until the journal has it."""
    for name, owner in (("/srv/data/report.csv", "alice"), ("/srv/share/plan.txt", "alice"),
                        ("/var/log/app/old/x.log", "root"), ("/etc/motd", "root")):
        os.makedirs(os.path.dirname(name), exist_ok=True)
        touch(name)
        if owner == "alice":
            os.chown(os.path.dirname(name), 1000, 1000)
        run(*become(owner, "rm", "-f", name))
    run(*become("alice", "sh", "-c", "cd /srv/data; touch draft.csv; mv draft.csv plan.csv"))
    os.makedirs("/srv/old")
    os.chown("/srv/old", 1000, 1000)
    run(*become("alice", "sh", "-c", "cd /srv/share; touch report.csv; mv report.csv ../old"))
    run("passwd", "-l", "alice")  # replaces /etc/shadow
    meanwhile()
    wanted = {"/srv/data/report.csv", "/srv/share/plan.txt", "/var/log/app/old/x.log", "/etc/motd",
              "/etc/shadow", "/etc/hostname", "/srv/data/draft.csv",
              "/srv/share/report.csv"}
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        missing = wanted - {r.get("UNLINK_PATH") for r in journal(start)}
        if not missing:
            break
        time.sleep(0.5)
    ok(not missing, "the journal has every deletion that the examples ask for", missing)


in_readme, configuration, unknown = read_readme()
examples = list(dict.fromkeys([example for page in sorted(os.listdir("man"))
                               for example in of_page(page)] + in_readme))
equal(unknown, [], "each block of the README is a command, a configuration, or output")
equal({e.command for e in examples} ^ set(EXPECTED), set(),
      "each example has an expectation, and each expectation an example")

run("groupadd", "-g", "1000", "alice")
run("useradd", "-u", "1000", "-g", "1000", "-M", "alice")
run("useradd", "-u", "1001", "-U", "-M", "-G", "systemd-journal", "carol")
with open("/etc/unlinkwatch.conf.d/readme.conf", "w") as f:
    f.write(configuration)
start = cursor()
run("systemctl", "start", "unlinkwatchd")
make_history()
run("mkdir", "-p", "/mnt/var/log", os.path.dirname(TEXTFILE))
run("cp", "-a", "/var/log/journal", "/mnt/var/log/journal")

for example in examples:
    expected = EXPECTED.get(example.command)
    if expected:
        status, good, shown = type_in(example, expected)
        ok(status == expected.status and good, "%s types: %s" % example,
           "status %r" % status, shown)
done()
