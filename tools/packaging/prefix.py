"""A tree of files in an installation prefix, which a manifest makes removable.

A `Prefix` puts entries below a folder and remembers them in a manifest there. What the manifest does
not name, or what is no longer as it was put there, is never overwritten or removed. Files arrive by
rename, so that programs which run or read the old ones keep them. New contents are all on the disk
before the first old one goes: a full disk changes nothing.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import os

MANIFEST = "share/spindle/install-manifest"
_FIRST_LINE = "# What tools/install put here, for tools/install --uninstall: kind, content, path.\n"
_SUFFIX = ".spindle-new"


class Refused(Exception):
    """It cannot be done, and nothing has been changed; the text is one line."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """A file or a symbolic link to be. `path` is relative to the prefix."""
    path: str
    content: bytes = b""
    mode: int = 0o644
    link: str = ""

    def mark(self):
        """What the manifest says of it: kind and content."""
        if self.link:
            return "link", self.link
        return "file", hashlib.sha256(self.content).hexdigest()


def _mark_on_disk(path):
    """Kind and content of what is at `path`; None if nothing is."""
    if os.path.islink(path):
        return "link", os.readlink(path)
    if not os.path.lexists(path):
        return None
    if not os.path.isfile(path):
        return "other", ""
    with open(path, "rb") as file:
        return "file", hashlib.sha256(file.read()).hexdigest()


def _fields(line):
    """Kind, content and path of a manifest's line; an empty path if it is none."""
    kind, content, path = line.split("\t") if line.count("\t") == 2 else ("", "", "")
    inside = not os.path.isabs(path) and ".." not in path.split("/")
    if kind in ("file", "link") and inside:
        return kind, content, path
    if kind == "folder" and (inside or set(path.split("/")) == {".."}):
        return kind, content, path
    return "", "", ""


def _explain(error, otherwise):
    """One line for an OSError."""
    return f"{error.filename or otherwise}: {error.strerror or error}"


class Prefix:
    """The folder `root`. One process at a time."""

    def __init__(self, root):
        self._root = os.path.abspath(root)
        self._marks = {}  # Path -> what may lie there and be ours: a set of (kind, content).
        self._folders = set()  # Those that were made for us; "." is the root, ".." above it.
        self._lock_descriptor = -1  # Until this object goes.

    def __del__(self):
        if self._lock_descriptor >= 0:
            os.close(self._lock_descriptor)

    def _at(self, path):
        return os.path.normpath(os.path.join(self._root, path))

    def check_writable(self):
        """Refuses if this user can obviously not install here."""
        at = self._root
        while not os.path.lexists(at):
            at = os.path.dirname(at)
        if not os.path.isdir(at):
            raise Refused(f"{at}: not a folder")
        if not os.access(at, os.W_OK | os.X_OK):
            raise Refused(f"{at}: no permission to write there")

    # ---- The manifest

    def load(self):
        """Reads the manifest; false if there is none."""
        try:
            with open(self._at(MANIFEST), encoding="utf-8") as lines:
                text = lines.read()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise Refused(_explain(error, self._root)) from error
        if not text.startswith(_FIRST_LINE):
            raise Refused(f"{self._at(MANIFEST)}: not a manifest of tools/install")
        for line in text.removeprefix(_FIRST_LINE).splitlines():
            kind, content, path = _fields(line)
            if not path:
                raise Refused(f"{self._at(MANIFEST)}: damaged, at {line!r}")
            if kind == "folder":
                self._folders.add(path)
            else:
                self._marks.setdefault(path, set()).add((kind, content))
        return True

    def _manifest_text(self, marks):
        used = {"", MANIFEST.rpartition("/")[0], MANIFEST.partition("/")[0]}
        for path in marks:
            while path := os.path.dirname(path):
                used.add(path)
        lines = [f"folder\t-\t{path}\n" for path in sorted(self._folders)
                 if path in used or path.startswith(".")]
        for path in sorted(marks):
            lines += [f"{kind}\t{content}\t{path}\n" for kind, content in sorted(marks[path])]
        return (_FIRST_LINE + "".join(lines)).encode()

    # ---- Installing

    def install(self, entries):
        """Puts the entries here, and removes what an earlier install put here and is no more.

        Returns files that stay although they are no more, because somebody has changed them.
        """
        self.load()
        self.check_writable()
        made, staged = [], []
        wanted = {entry.path: {entry.mark()} for entry in entries}
        union = {path: wanted.get(path, set()) | self._marks.get(path, set())
                 for path in wanted.keys() | self._marks.keys()}
        before = self._manifest_text(self._marks) if self._marks else None
        try:
            self._make_folder("", made)
            self._lock()
            self._refuse_strangers(entries)
            new = [entry for entry in entries
                   if _mark_on_disk(self._at(entry.path)) != entry.mark()]
            self._make_folder(os.path.dirname(MANIFEST), made)
            # First what is or will be here: an install that is cut short can be repeated, or undone.
            folders = self._missing_folders(wanted)
            self._folders.update(folders)
            self._write_manifest(self._manifest_text(union), staged)
            for path in folders:
                self._make_folder(path, made)
            for entry in [*new, Entry(MANIFEST, self._manifest_text(wanted))]:
                self._stage(entry, staged)
        except BaseException as error:
            self._undo(made, staged, before)
            if isinstance(error, OSError):
                raise Refused(_explain(error, self._root)) from error
            raise
        try:
            return self._commit(new, set(self._marks) - set(wanted))
        except OSError as error:
            raise Refused(f"{_explain(error, self._root)}; install again, or uninstall") from error

    def _write_manifest(self, text, staged):
        self._stage(Entry(MANIFEST, text), staged)
        os.replace(self._at(MANIFEST + _SUFFIX), self._at(MANIFEST))

    def _commit(self, new, stale):
        for entry in new:
            os.replace(self._at(entry.path + _SUFFIX), self._at(entry.path))
        kept = [path for path in sorted(stale) if not self._remove(path)]
        self._remove_folders(keep_root=True)
        os.replace(self._at(MANIFEST + _SUFFIX), self._at(MANIFEST))
        return kept

    def _refuse_strangers(self, entries):
        found = [entry.path for entry in entries
                 if (mark := _mark_on_disk(self._at(entry.path))) is not None
                 and mark not in self._marks.get(entry.path, ())]
        if found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            raise Refused(f"{self._at(found[0])}{more}: in the way; not put there by tools/install, "
                          "or changed since")

    def _missing_folders(self, paths):
        """Those that have to be made for these files, the outer ones first."""
        found = set()
        for path in paths:
            while (path := os.path.dirname(path)) and not os.path.isdir(self._at(path)):
                found.add(path)
        return sorted(found)

    def _make_folder(self, path, made):
        """Makes the folder and those above it; notes which were made."""
        if os.path.isdir(self._at(path)):
            return
        if path:
            self._make_folder(os.path.dirname(path), made)
            os.mkdir(self._at(path))
            made.append(self._at(path))
            os.chmod(self._at(path), 0o755)
            self._folders.add(path)
            return
        missing, at = [], self._root
        while not os.path.lexists(at):
            missing.append(at)
            at = os.path.dirname(at)
        for folder in reversed(missing):
            os.mkdir(folder)
            made.append(folder)
            os.chmod(folder, 0o755)
            self._folders.add(os.path.relpath(folder, self._root))

    def _stage(self, entry, staged):
        """The new content, under another name beside its place."""
        path = self._at(entry.path + _SUFFIX)
        if os.path.lexists(path):
            os.unlink(path)  # Of an install that was killed.
        staged.append(path)
        if entry.link:
            os.symlink(entry.link, path)
            return
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, entry.mode)
        try:
            with open(descriptor, "wb") as file:
                file.write(entry.content)
                os.fchmod(file.fileno(), entry.mode)
        except OSError as error:
            raise OSError(error.errno, error.strerror, self._at(entry.path)) from error

    def _undo(self, made, staged, before):
        """As it was: without what has been staged and made, and with the manifest of before."""
        for path in staged:
            if os.path.lexists(path):
                os.unlink(path)
        if self._at(MANIFEST + _SUFFIX) in staged:
            if before is None:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._at(MANIFEST))
            else:
                # If even this fails: the one that is there names files that are not, no harm.
                with contextlib.suppress(OSError):
                    self._write_manifest(before, [])
        for path in reversed(made):
            try:
                os.rmdir(path)
            except OSError:
                pass

    def _lock(self):
        self._lock_descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._lock_descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(f"{self._root}: another tools/install is at work there") from error

    # ---- Removing

    def uninstall(self):
        """Removes what the manifest names. Returns files that stay because somebody changed them."""
        if not self.load():
            raise Refused(f"{self._at(MANIFEST)}: no such file; nothing of Spindle to remove")
        try:
            self._lock()
            kept = [path for path in sorted(self._marks) if not self._remove(path)]
            for path in [*self._marks, MANIFEST]:
                if os.path.lexists(self._at(path + _SUFFIX)):
                    os.unlink(self._at(path + _SUFFIX))
            os.unlink(self._at(MANIFEST))
            self._remove_folders(keep_root=False)
        except OSError as error:
            raise Refused(f"{_explain(error, self._root)}; what is left can be removed by "
                          "uninstalling again") from error
        return kept

    def _remove(self, path):
        """Removes a file that is as it was put there; false if it is not."""
        mark = _mark_on_disk(self._at(path))
        if mark is None:
            return True
        if mark not in self._marks[path]:
            return False
        os.unlink(self._at(path))
        return True

    def _remove_folders(self, keep_root):
        """Removes those of our folders that are empty."""
        for path in sorted(self._folders, key=lambda path: -len(self._at(path))):
            if keep_root and path.startswith("."):
                continue
            try:
                os.rmdir(self._at(path))
            except OSError:
                pass  # Others have put something there, or it is gone.
