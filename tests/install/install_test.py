#!/usr/bin/env python3
"""Installs what is built into a folder, and does there what people do: builds programs on it."""

import ast
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, "tools/packaging")
import tree  # pylint: disable=wrong-import-position

USER = "tests/install"
NEEDED = {"g++": "g++", "gcc": "gcc", "pkg-config": "pkg-config", "cmake": "cmake"}
PATIENCE = 120


def run(*command, **options):
    """The output of a command that has to succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE,
                          **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def install(prefix, *options, destdir=""):
    """Runs the copying half of tools/install."""
    return subprocess.run(
        [sys.executable, "-B", "tools/packaging/install.py", "--prefix", prefix, "--destdir",
         destdir, "--root", ".", *options],
        capture_output=True, text=True, check=False, timeout=PATIENCE)


def files_below(folder):
    """Paths of all files and links."""
    return sorted(os.path.relpath(os.path.join(at, name), folder)
                  for at, _, names in os.walk(folder) for name in names)


class UsersTest(unittest.TestCase):
    """Programs of users, built on an installation."""

    @classmethod
    def setUpClass(cls):
        for program, package in NEEDED.items():
            if not shutil.which(program):
                raise unittest.SkipTest(f"no {package} here")
        scratch = tempfile.TemporaryDirectory(prefix="spindle-install-")
        cls.addClassCleanup(scratch.cleanup)
        cls.scratch = scratch.name
        cls.prefix = os.path.join(cls.scratch, "prefix")
        done = install(cls.prefix)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        # Works while the tests do.
        cls.compiler = subprocess.Popen(
            ["g++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-c", "-o", cls.at("echo.o"),
             f"{USER}/echo_user.cc", *cls.flags("--cflags", "spindle")])
        cls.addClassCleanup(cls.compiler.wait)

    @classmethod
    def at(cls, name):
        """A path in the scratch folder."""
        return os.path.join(cls.scratch, name)

    @classmethod
    def modules(cls):
        """An environment in which pkg-config looks at our modules first."""
        folders = [f"{cls.prefix}/lib/pkgconfig", f"{cls.prefix}/{tree.LIBEVENT}/pkgconfig"]
        return {**os.environ, "PKG_CONFIG_PATH": ":".join(folders)}

    @classmethod
    def flags(cls, *arguments):
        """What pkg-config says."""
        return run("pkg-config", *arguments, env=cls.modules()).split()

    def loader(self):
        """An environment in which the loader finds the shared library."""
        return {**os.environ, "LD_LIBRARY_PATH": f"{self.prefix}/lib"}

    def test_shared_and_static_by_pkg_config(self):
        self.assertEqual(self.compiler.wait(PATIENCE), 0)
        echo = self.at("echo.o")
        run("g++", "-o", self.at("shared"), echo, *self.flags("--libs", "spindle"))
        output = run(self.at("shared"), env=self.loader())
        version = self.flags("--modversion", "spindle")[0]
        self.assertEqual(output, "echoed a message\n"
                         f"mapped {self.prefix}/lib/libspindle.so.{version}\n")
        # All of the archive, so that nothing in it lacks a library.
        static = self.flags("--static", "--libs", "spindle")
        static[static.index("-lspindle"):static.index("-lspindle") + 1] = \
            ["-Wl,--whole-archive", "-lspindle", "-Wl,--no-whole-archive"]
        run("g++", "-static", "-o", self.at("static"), echo, *static)
        self.assertEqual(run(self.at("static")), "echoed a message\n")

    def test_shared_and_static_by_cmake_where_the_tree_was_moved(self):
        moved = self.at("moved")
        shutil.copytree(self.prefix, moved, symlinks=True)
        run("cmake", "-S", f"{USER}/cmake_user", "-B", self.at("build"),
            f"-DCMAKE_PREFIX_PATH={moved}", env=self.modules())
        run("cmake", "--build", self.at("build"), "-j2")
        for program, answer in (("with_shared", 1), ("with_static", 1),
                                ("libevent_and_spindle", 2), ("libevent_and_spindle_static", 2)):
            self.assertEqual(run(self.at(f"build/{program}")), f"answer {answer}\n")
            needed = run("ldd", self.at(f"build/{program}"))
            shared = not program.endswith("static")
            self.assertEqual(f"{moved}/lib/libspindle.so" in needed, shared, needed)
            self.assertEqual("libspindle" in needed, shared, needed)
            self.assertEqual(f"{self.prefix}/{tree.LIBEVENT}/libevent" in needed, answer == 2,
                             needed)

    def test_a_program_written_for_libevent(self):
        ours = "read a message\n" \
            f"mapped {self.prefix}/{tree.LIBEVENT}/libevent-2.1.so.7.0.1\n"
        for modules in (["libevent", "libevent_pthreads"], ["libevent_core", "libevent_pthreads"]):
            run("gcc", "-o", self.at("on_ours"), f"{USER}/libevent_user.c",
                *self.flags("--cflags", "--libs", *modules))
            self.assertEqual(run(self.at("on_ours")), ours)

    def test_a_program_that_was_built_for_libevent(self):
        run("gcc", "-o", self.at("on_theirs"), f"{USER}/libevent_user.c", "-levent",
            "-levent_pthreads")
        self.assertNotIn(self.prefix, run(self.at("on_theirs")))
        output = run(f"{self.prefix}/bin/with-spindle", self.at("on_theirs"))
        self.assertEqual(output, "read a message\n"
                         f"mapped {self.prefix}/{tree.LIBEVENT}/libevent-2.1.so.7.0.1\n")

    def test_the_program(self):
        version = self.flags("--modversion", "spindle")[0]
        self.assertEqual(run(f"{self.prefix}/bin/spindle", "--version"), f"spindle {version}\n")

    def test_every_module_of_libevent(self):
        for name in ("", "_core", "_extra", "_pthreads", "_openssl"):
            self.assertEqual(self.flags("--modversion", f"libevent{name}"), ["2.1.12-stable"])
            soname = f"{self.prefix}/{tree.LIBEVENT}/libevent{name}-2.1.so.7"
            self.assertTrue(os.path.exists(soname), soname)


class CopyTest(unittest.TestCase):
    """What is copied, and that it goes again."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="spindle-install-")
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name

    def install(self, *options, **more):
        """Installs into the scratch folder, with success."""
        done = install(more.pop("prefix", self.scratch), *options, **more)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_uninstalling_leaves_an_empty_prefix(self):
        self.install()
        self.assertGreater(len(files_below(self.scratch)), 100)
        self.install("--uninstall")
        self.assertEqual(os.listdir(self.scratch), [])
        again = install(self.scratch, "--uninstall")
        self.assertEqual((again.returncode, again.stderr.count("\n")), (1, 1), again.stderr)

    def test_destdir_is_before_the_prefix(self):
        self.install(prefix="/opt/it", destdir=self.scratch)
        with open(f"{self.scratch}/opt/it/lib/pkgconfig/spindle.pc", encoding="utf-8") as module:
            self.assertEqual(module.readline(), "prefix=/opt/it\n")
        self.install("--uninstall", prefix="/opt/it", destdir=self.scratch)
        self.assertEqual(os.listdir(self.scratch), [])

    def test_without_openssl_none_of_it_is_there(self):
        self.install()
        with_it = files_below(self.scratch)
        self.install("--without-openssl")
        gone = set(with_it) - set(files_below(self.scratch))
        self.assertEqual(gone, {f"{tree.LIBEVENT}/{name}" for name in (
            "include/event2/bufferevent_ssl.h", "libevent_openssl-2.1.so.7",
            "libevent_openssl.so", "pkgconfig/libevent_openssl.pc")})

    def test_what_is_not_built_is_named(self):
        done = subprocess.run(
            [sys.executable, "-B", "tools/packaging/install.py", "--prefix", self.scratch,
             "--root", self.scratch], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "^install: .*: not built\n$")
        self.assertEqual(os.listdir(self.scratch), [])


class PublicTargetsTest(unittest.TestCase):
    """The list of what is installed."""

    def test_every_public_header_is_installed(self):
        root = os.path.dirname(os.path.realpath("WORKSPACE"))
        with open("tools/packaging/headers.txt", encoding="utf-8") as lines:
            installed = set(lines.read().split())
        missing = []
        for top in ("base", "net"):
            for folder, folders, names in os.walk(os.path.join(root, top)):
                if "compat" in folders:
                    folders.remove("compat")
                if "BUILD.bazel" in names:
                    package = os.path.relpath(folder, root)
                    missing += [path for path in self.public_headers(folder, package)
                                if path not in installed]
        self.assertEqual(missing, [], "their targets belong into PUBLIC of tools/packaging")

    @staticmethod
    def public_headers(folder, package):
        """Headers of cc_library targets of one BUILD file that everybody may use."""
        with open(os.path.join(folder, "BUILD.bazel"), encoding="utf-8") as text:
            body = ast.parse(text.read()).body
        constants = {statement.targets[0].id: statement.value
                     for statement in body if isinstance(statement, ast.Assign)}
        for call in (s.value for s in body if isinstance(s, ast.Expr)):
            if not isinstance(call, ast.Call) or getattr(call.func, "id", "") != "cc_library":
                continue
            rule = {keyword.arg: keyword.value for keyword in call.keywords}
            visibility = rule.get("visibility")
            if isinstance(visibility, ast.Name):
                visibility = constants[visibility.id]
            if visibility is None or "//visibility:public" not in ast.unparse(visibility):
                continue
            for header in ast.literal_eval(rule.get("hdrs", ast.List([]))):
                if not header.startswith("internal/"):
                    yield f"{package}/{header}"


if __name__ == "__main__":
    unittest.main()
