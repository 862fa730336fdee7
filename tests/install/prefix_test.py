#!/usr/bin/env python3
"""What an installation prefix promises, on trees of a few small files."""

import fcntl
import os
import resource
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, "tools/packaging")
import prefix as prefixes  # pylint: disable=wrong-import-position
from prefix import Entry, Prefix, Refused  # pylint: disable=wrong-import-position

OLD = [Entry("bin/tool", b"old tool", 0o755), Entry("lib/libx.so.1", b"old library"),
       Entry("lib/libx.so", link="libx.so.1"), Entry("include/x/gone/gone.h", b"gone")]
NEW = [Entry("bin/tool", b"new tool", 0o755), Entry("lib/libx.so.2", b"new library"),
       Entry("lib/libx.so", link="libx.so.2")]


class PrefixTest(unittest.TestCase):
    """Each test has an empty folder."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="spindle-prefix-")
        self.addCleanup(scratch.cleanup)
        self.root = scratch.name

    def tree(self):
        """Path -> content of every file and link, but for the manifest; folders end in /."""
        found = {}
        for folder, folders, names in os.walk(self.root):
            for name in folders:
                path = os.path.join(folder, name)
                found[os.path.relpath(path, self.root) + "/"] = None
            for name in names:
                path = os.path.join(folder, name)
                if os.path.islink(path):
                    found[os.path.relpath(path, self.root)] = os.readlink(path)
                else:
                    with open(path, "rb") as file:
                        found[os.path.relpath(path, self.root)] = file.read()
        found.pop(prefixes.MANIFEST, None)
        return found

    def write(self, path, content):
        """A file of somebody else's."""
        os.makedirs(os.path.dirname(os.path.join(self.root, path)), exist_ok=True)
        with open(os.path.join(self.root, path), "wb") as file:
            file.write(content)

    def refused(self, action, *arguments):
        """The line with which it is refused."""
        with self.assertRaises(Refused) as caught:
            action(*arguments)
        self.assertNotIn("\n", str(caught.exception))
        return str(caught.exception)

    def install(self, entries):
        """A new process would do the same."""
        return Prefix(self.root).install(entries)

    def uninstall(self):
        """Likewise."""
        return Prefix(self.root).uninstall()

    def test_uninstall_leaves_nothing(self):
        self.install(OLD)
        self.assertEqual(self.tree()["lib/libx.so"], "libx.so.1")
        self.assertEqual(os.stat(os.path.join(self.root, "bin/tool")).st_mode & 0o777, 0o755)
        self.assertEqual(self.uninstall(), [])
        self.assertEqual(os.listdir(self.root), [])

    def test_folders_above_the_prefix_go_too(self):
        deep = os.path.join(self.root, "opt/some/where")
        Prefix(deep).install(OLD)
        Prefix(deep).uninstall()
        self.assertEqual(os.listdir(self.root), [])

    def test_installing_twice_changes_nothing(self):
        self.install(OLD)
        before = os.stat(os.path.join(self.root, "bin/tool"))
        self.install(OLD)
        after = os.stat(os.path.join(self.root, "bin/tool"))
        self.assertEqual((before.st_ino, before.st_mtime_ns), (after.st_ino, after.st_mtime_ns))
        self.uninstall()
        self.assertEqual(os.listdir(self.root), [])

    def test_an_upgrade_removes_what_is_no_more(self):
        self.install(OLD)
        self.install(NEW)
        tree = self.tree()
        self.assertEqual(sorted(path for path in tree if not path.endswith("/")),
                         ["bin/tool", "lib/libx.so", "lib/libx.so.2"])
        self.assertNotIn("include/", tree)
        self.uninstall()
        self.assertEqual(os.listdir(self.root), [])

    def test_who_has_a_file_open_keeps_the_old_one(self):
        self.install(OLD)
        with open(os.path.join(self.root, "bin/tool"), "rb") as running:
            self.install(NEW)
            self.assertEqual(running.read(), b"old tool")

    def test_files_of_others_stay(self):
        self.write("lib/theirs", b"theirs")
        os.makedirs(os.path.join(self.root, "bin"))
        self.install(OLD)
        self.write("include/x/gone/later", b"theirs")
        before = self.tree()
        self.install(NEW)
        self.assertEqual(self.tree()["include/x/gone/later"], before["include/x/gone/later"])
        self.uninstall()
        self.assertEqual(self.tree(), {"bin/": None, "lib/": None, "lib/theirs": b"theirs",
                                       "include/": None, "include/x/": None,
                                       "include/x/gone/": None, "include/x/gone/later": b"theirs"})

    def test_a_file_in_the_way_is_not_overwritten(self):
        for content in (b"theirs", b"old tool"):
            self.write("bin/tool", content)
            before = self.tree()
            self.assertIn("bin/tool: in the way", self.refused(self.install, OLD))
            self.assertEqual(self.tree(), before)

    def test_a_folder_in_the_way_is_refused(self):
        self.write("bin/tool/inside", b"theirs")
        before = self.tree()
        self.assertIn("bin/tool: in the way", self.refused(self.install, OLD))
        self.assertEqual(self.tree(), before)

    def test_a_file_in_the_place_of_a_folder_is_refused(self):
        self.write("lib", b"theirs")
        before = self.tree()
        self.assertIn(os.path.join(self.root, "lib"), self.refused(self.install, OLD))
        self.assertEqual(self.tree(), before)

    def test_a_changed_file_is_theirs(self):
        self.install(OLD)
        self.write("include/x/gone/gone.h", b"changed")
        self.assertEqual(self.install(NEW), ["include/x/gone/gone.h"])
        self.write("bin/tool", b"changed")
        self.assertIn("bin/tool: in the way", self.refused(self.install, NEW))
        self.assertEqual(self.uninstall(), ["bin/tool"])
        self.assertEqual({path: content for path, content in self.tree().items() if content},
                         {"bin/tool": b"changed", "include/x/gone/gone.h": b"changed"})

    def test_without_a_manifest_nothing_is_removed(self):
        self.write("bin/tool", b"theirs")
        self.assertIn("no such file", self.refused(self.uninstall))
        self.assertEqual(self.tree()["bin/tool"], b"theirs")

    def test_a_manifest_that_points_outside_is_refused(self):
        for line in ("file\t0\t../victim", "file\t0\t/victim", "link\tx\tbin/../../victim",
                     "folder\t-\t../victim", "file\t0", "what\t0\tbin/tool", "file\t0\t"):
            self.install(OLD)
            path = os.path.join(self.root, prefixes.MANIFEST)
            with open(path, "a", encoding="utf-8") as manifest:
                manifest.write(line + "\n")
            self.assertIn("damaged", self.refused(self.uninstall), line)
            self.assertIn("bin/tool", self.tree())
            with open(path, encoding="utf-8") as manifest:
                kept = manifest.readlines()[:-1]
            with open(path, "w", encoding="utf-8") as manifest:
                manifest.writelines(kept)

    def test_a_full_disk_changes_nothing(self):
        self.install(OLD)
        before = self.tree()
        large = [*NEW[:1], Entry("lib/large", bytes(100_000))]
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
        try:
            self.assertIn("lib/large: File too large", self.refused(self.install, large))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        self.assertEqual(self.tree(), before)

    def test_an_install_cut_short_can_be_repeated_or_undone(self):
        for first in (OLD, None):
            for finish in (lambda: self.install(NEW), lambda: None):
                for step in range(40):
                    if first:
                        self.install(first)
                    ended = self.install_killed_at(step, NEW)
                    if not os.path.exists(os.path.join(self.root, prefixes.MANIFEST)):
                        self.assertLessEqual(set(self.tree()), {
                            "share/", "share/spindle/", prefixes.MANIFEST + ".spindle-new"})
                        self.install(NEW)
                    finish()
                    self.assertEqual(self.uninstall(), [])
                    self.assertLessEqual(set(self.tree()), {"share/", "share/spindle/"}, step)
                    if ended:
                        break
                self.assertTrue(ended)

    def install_killed_at(self, step, entries):
        """Installs in a process that dies before its step-th change; true if it needs fewer."""
        changes = {"replace", "unlink", "symlink", "mkdir", "open", "rmdir"}
        child = os.fork()
        if child == 0:
            steps = iter(range(1000))

            def dying(real):
                def call(*arguments, **options):
                    if next(steps) >= step:
                        os._exit(1)  # pylint: disable=protected-access
                    return real(*arguments, **options)
                return call
            for name in changes:
                setattr(os, name, dying(getattr(os, name)))
            self.install(entries)
            os._exit(0)  # pylint: disable=protected-access
        return os.waitpid(child, 0)[1] == 0

    def test_one_at_a_time(self):
        self.install(OLD)
        descriptor = os.open(self.root, os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self.assertIn("another", self.refused(self.install, NEW))
        self.assertIn("another", self.refused(self.uninstall))
        self.assertEqual(self.tree()["bin/tool"], b"old tool")

    def test_no_permission_is_one_line(self):
        os.chmod(self.root, 0o555)
        # root may write anywhere, but for this.
        powerless = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] \
            if os.access(self.root, os.W_OK) else []
        for place in (self.root, os.path.join(self.root, "below")):
            done = subprocess.run(
                [*powerless, sys.executable, "-B", "tools/packaging/install.py", "--prefix", place,
                 "--check"], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertRegex(done.stderr, "^install: .*: no permission to write there\n$")
        os.chmod(self.root, 0o755)


if __name__ == "__main__":
    unittest.main()
