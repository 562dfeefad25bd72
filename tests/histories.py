# SPDX-License-Identifier: MIT
"""
Random histories of files, and the truth about each name: where the file went that lost it last.
Names of new files and directories are unique in a history, since nothing records that a file is
made; names that files leave are used again by moves.
"""
import random

STEPS = 12


class File:
    """A file or directory. `state` is there, removed or replaced; `path` is the last one."""

    def __init__(self, path, directory, inode):
        self.path, self.directory, self.inode = path, directory, inode
        self.state = "there"


class History:
    """
    step() changes the tree of the model, and returns what to do to a real one: (action, path,
    other), where the action is create, mkdir, move, exchange, replace, unlink or rmdir.
    """

    def __init__(self, seed, top):
        self.random = random.Random(seed)
        self.top = top
        self.at = {}  # path: File
        self.lost = {}  # name: (File, what the records tell of the loss)
        self.left = []  # each path that something left
        self.named = set()  # names in records, not only as part of other names
        self.certain = set()  # those at which a file has been since a record named them
        self.count = 0
        self.begin = [self._new(directory) for directory in (True, True, False, True, False)]

    def _fresh(self, prefix):
        self.count += 1
        return "%s%d" % (prefix, self.count)

    def _directories(self):
        return [self.top] + [p for p, f in sorted(self.at.items()) if f.directory]

    def _files(self):
        return [p for p, f in sorted(self.at.items()) if not f.directory]

    def _new(self, directory):
        path = "%s/%s" % (self.random.choice(self._directories()),
                          self._fresh("d" if directory else "f"))
        self.at[path] = File(path, directory, self.count + 100)
        return ("mkdir" if directory else "create", path, None)

    def _below(self, path):
        return [p for p in sorted(self.at) if p == path or p.startswith(path + "/")]

    def _leave(self, path):
        """All that is at the path or below leaves its name. Returns it, by its name below."""
        self.left.append(path)
        gone = {}
        for name in self._below(path):
            if name == path or name in self.certain:
                tells = "all"
            else:
                tells = "nothing" if name in self.named else "directory"
            self.certain.discard(name)
            self.lost[name] = (self.at.pop(name), tells)
            gone[name[len(path):]] = self.lost[name][0]
        self.named.add(path)
        return gone

    def _arrive(self, path, files):
        for below, file in files.items():
            file.path = path + below
            self.at[file.path] = file
        self.named.add(path)
        self.certain.add(path)

    def _target(self, path):
        """A free name, old or new."""
        own = path + "/"
        folder = self.random.choice([d for d in self._directories()
                                     if not (d + "/").startswith(own)])
        if self.at[path].directory:
            return "%s/%s" % (folder, self._fresh("d"))
        kept = "%s/%s" % (folder, path.rsplit("/", 1)[1])
        used = [n for n in sorted(self.lost) if n not in self.at and
                n.rsplit("/", 1)[0] in self._directories()]
        names = [kept] * (kept not in self.at) + used[:2] + ["%s/%s" % (folder, self._fresh("f"))]
        return self.random.choice(names)

    def step(self):
        files, directories = self._files(), self._directories()[1:]
        action = self.random.choice(("create", "move", "move", "move", "move directory",
                                     "move directory", "exchange", "replace", "unlink", "rmdir",
                                     "exchange directories"))
        empty = [d for d in directories if len(self._below(d)) == 1]
        if action == "move" and files:
            path = self.random.choice(files)
        elif action == "move directory" and directories:
            path = self.random.choice(directories)
        elif action == "exchange" and len(files) > 1:
            return self._exchange(*self.random.sample(files, 2))
        elif action == "exchange directories":
            pairs = [(a, b) for a in directories for b in directories
                     if a < b and not b.startswith(a + "/")]
            if not pairs:
                return self._new(False)
            return self._exchange(*self.random.choice(pairs))
        elif action == "replace" and len(files) > 1:
            return self._replace(*self.random.sample(files, 2))
        elif action == "unlink" and files:
            return self._remove("unlink", self.random.choice(files))
        elif action == "rmdir" and empty:
            return self._remove("rmdir", self.random.choice(empty))
        else:
            return self._new(False)
        target = self._target(path)
        self._arrive(target, self._leave(path))
        return ("move", path, target)

    def _exchange(self, a, b):
        from_a, from_b = self._leave(a), self._leave(b)
        self._arrive(b, from_a)
        self._arrive(a, from_b)
        return ("exchange", a, b)

    def _replace(self, source, victim):
        self._leave(victim)[""].state = "replaced"
        self._arrive(victim, self._leave(source))
        return ("replace", source, victim)

    def _remove(self, action, path):
        self._leave(path)[""].state = "removed"
        return (action, path, None)

    def truths(self, by_records_alone):
        """
        Yields (name, state, path) of each name that a file lost. No record tells when a file was
        made, so if it went with its directory, and the name was lost more than once, only a look at
        the files tells which time is meant. by_records_alone leaves such names out.
        """
        for name, (file, tells) in sorted(self.lost.items()):
            once = sum((name + "/").startswith(path + "/") for path in self.left) == 1
            if not by_records_alone or tells == "all" or (tells == "directory" and once):
                yield name, file.state, file.path
