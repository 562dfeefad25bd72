#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
What containers are called: by podman, by docker, and by containerd's CRI, which is what the kubelet
speaks. All are real and root's; their image is made here, of busybox. Takes podman, docker.io and
python3-grpcio.
"""
import hashlib
import io
import json
import os
import subprocess
import tarfile

import grpc

from uwtest import configure, cursor, deletions, done, equal, need, ok, restart, run, settle, touch

DIR = "/srv/containers"
IMAGE = "localhost/box:1"
PAUSE = ["registry.k8s.io/pause:" + v for v in ("3.6", "3.8")]  # what containerd has in each pod
ARCHIVE = "/root/vm/box.tar"
CGROUPS = "/sys/fs/cgroup"
NAMES = ("CONTAINER_NAME", "CONTAINER_IMAGE", "POD", "POD_NAMESPACE")


def add(tar, name, data, mode=0o644):
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), mode
    tar.addfile(member, io.BytesIO(data))


def make_image():
    """An archive as `docker save` writes it, which all three load."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        with open("/bin/busybox", "rb") as f:
            add(tar, "bin/busybox", f.read(), 0o755)
        for name in ("sh", "rm", "sleep"):
            link = tarfile.TarInfo("bin/" + name)
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    layer = layer.getvalue()
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z",
        "config": {"Cmd": ["/bin/sleep", "600"], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
        "history": [{"created": "2026-01-01T00:00:00Z"}]}).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    with tarfile.open(ARCHIVE, "w") as tar:
        add(tar, config_name, config)
        add(tar, "layer.tar", layer)
        add(tar, "manifest.json", json.dumps([{
            "Config": config_name, "RepoTags": [IMAGE, *PAUSE], "Layers": ["layer.tar"]}]).encode())


def remove(name):
    """The command that deletes a file, and ends when the daemon has read it."""
    return "/bin/sh", "-c", "rm /data/%s; sleep 3" % name


def volume():
    return "-v", DIR + ":/data"


# ---- the CRI, in protobuf's encoding: (number of the field, value)

def varint(n):
    return (bytes([n & 0x7f | 0x80]) + varint(n >> 7)) if n > 0x7f else bytes([n])


def message(*fields):
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def first_string(reply):
    """Field 1 of an answer, which is an id."""
    return reply[2:2 + reply[1]].decode()


def cri(call, *fields):
    with grpc.insecure_channel("unix:///run/containerd/containerd.sock") as channel:
        return channel.unary_unary("/runtime.v1.RuntimeService/" + call)(message(*fields),
                                                                         timeout=120)


def pod():
    """Runs a container of a pod in the host's network, so that no plugin is needed."""
    node = message((1, 2))  # NamespaceOption.network = NODE
    sandbox = message((1, message((1, "web-0"), (2, "uid"), (3, "shop"))),
                      (8, message((1, "/kubepods/poduid"), (2, message((1, node))))))
    pod_id = first_string(cri("RunPodSandbox", (1, sandbox)))
    container = message((1, message((1, "front"))), (2, message((1, IMAGE))),
                        *((3, word) for word in remove("cri")),
                        (7, message((1, "/data"), (2, DIR))),
                        (15, message((2, message((3, node))))))
    container_id = first_string(cri("CreateContainer", (1, pod_id), (2, container), (3, sandbox)))
    cri("StartContainer", (1, container_id))
    return container_id


def in_group(group, name):
    """Deletes a file in a control group that is made for it."""
    os.makedirs(CGROUPS + group)
    subprocess.run(["sh", "-c", "echo 0 >%s/cgroup.procs && rm %s/%s" % (CGROUPS + group, DIR,
                                                                        name)], check=True)


def group_of(command, name):
    pid = run(command, "inspect", "-f", "{{.State.Pid}}", name).strip()
    with open("/proc/%s/cgroup" % pid) as f:
        return f.read().split("::", 1)[1].strip()


def id_of(command, name):
    return run(command, "inspect", "-f", "{{.Id}}", name).strip()


def service(name, *command):
    run("systemd-run", "--quiet", "--unit=" + name, "-p", "Delegate=yes", *command)


def start():
    run("systemctl", "unmask", "dbus", "dbus.socket")
    run("systemctl", "start", "dbus")
    make_image()
    service("box-containerd", "containerd")
    need(lambda: os.path.exists("/run/containerd/containerd.sock"), "containerd")
    service("box-docker", "dockerd", "--containerd=/run/containerd/containerd.sock",
            "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--bridge=none")
    run("podman", "load", "-q", "-i", ARCHIVE)
    run("ctr", "-n", "k8s.io", "images", "import", ARCHIVE)
    need(lambda: subprocess.run(["docker", "load", "-q", "-i", ARCHIVE],
                                stdout=subprocess.DEVNULL).returncode == 0, "docker", 120, 1)


start()
os.makedirs(DIR)
configure("[Watch containers]\nPath=%s\n" % DIR)
restart()
here = cursor()
files = ("podman", "podman-rm", "podman-cgroupfs", "quadlet", "docker", "docker-renamed", "cri",
         "claimed", "nested", "host")
for name in files:
    touch(DIR + "/" + name)

PODMAN = ("podman", "run", "--network=none", *volume())
run(*PODMAN, "--name=first", IMAGE, *remove("podman"))
run(*PODMAN, "--rm", "--name=second", IMAGE, *remove("podman-rm"))
run("podman", "--cgroup-manager=cgroupfs", *PODMAN[1:], "--name=third", IMAGE,
    *remove("podman-cgroupfs"))
run("systemd-run", "--quiet", "--wait", "-p", "Delegate=yes", "--", *PODMAN, "--cgroups=split",
    "--name=fourth", IMAGE, *remove("quadlet"))
# Without the profile that apparmor_parser would load.
DOCKER = ("docker", "run", "--security-opt=apparmor=unconfined", "--network=none", *volume())
run(*DOCKER, "--name=db", IMAGE, *remove("docker"))
run(*DOCKER, "-d", "--name=old", IMAGE)
run("docker", "rename", "old", "new")
run("docker", "exec", "new", "rm", "/data/docker-renamed")
front = pod()
docker_id, outer = id_of("docker", "db"), id_of("docker", "new")
in_group("/user.slice/user-1000.slice/user@1000.service/docker-%s.scope" % docker_id, "claimed")
in_group("%s/docker-%s.scope" % (group_of("docker", "new"), docker_id), "nested")
os.unlink(DIR + "/host")
settle(here, len(files))
found = {os.path.basename(r["UNLINK_PATH"]): r for r in deletions(here)}


def names(title, file, *expected, container=None):
    record = found.get(file, {})
    equal(tuple(record.get("UNLINK_" + field) for field in NAMES),
          expected + (None,) * (4 - len(expected)), title)
    if container:
        equal(record.get("UNLINK_CONTAINER"), container, title + ": its id")


names("podman", "podman", "first", IMAGE, container=id_of("podman", "first"))
names("podman run --rm", "podman-rm", "second", IMAGE)
names("podman without systemd", "podman-cgroupfs", "third", IMAGE)
names("podman in the group of a service, as by Quadlet", "quadlet", "fourth", IMAGE,
      container=id_of("podman", "fourth"))
names("docker", "docker", "db", IMAGE, container=docker_id)
names("docker, renamed before the deletion", "docker-renamed", "new", IMAGE, container=outer)
names("a pod of containerd", "cri", "front", IMAGE, "web-0", "shop", container=front)
names("a user's group with the id of another container", "claimed", container=docker_id)
names("the same in a container: the name of the outer one", "nested", "new", IMAGE,
      container=docker_id)
names("the host", "host")
shown = run("unlinkwatchctl", "who", DIR + "/cri")
ok("container front (%s, %s), pod shop/web-0\n" % (IMAGE, front[:12]) in shown, "who names it",
   shown)
done()
