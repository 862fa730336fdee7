"""Repository rules over libraries that Debian packages install, with upstream's labels.

Headers are copied into the external repository rather than linked: clang's layering check knows a
header by its inode, and would take a link for the system's own copy, which everyone may include.
"""

def require(rctx, path, package):
    """Fails, naming the Debian package to install, when `path` is missing."""
    if not rctx.path(path).exists:
        fail("@{repo} needs {path}, which Debian package `{package}` installs. Run tools/setup, or: apt-get install {package}".format(
            repo = rctx.name,
            path = path,
            package = package,
        ))

def run(rctx, command):
    """Runs `command` (a list) and returns what it printed; fails with its error output."""
    result = rctx.execute(command)
    if result.return_code != 0:
        fail("@{}: {} failed: {}".format(rctx.name, " ".join(command), result.stderr))
    return result.stdout

def _installed_library_impl(rctx):
    require(rctx, rctx.attr.path, rctx.attr.package)
    parent = rctx.attr.copy_to.rpartition("/")[0]
    run(rctx, ["mkdir", "-p", "./" + parent])
    run(rctx, ["cp", "-rL", rctx.attr.path, rctx.attr.copy_to])
    rctx.file("WORKSPACE", "workspace(name = \"{}\")\n".format(rctx.name))
    rctx.symlink(rctx.attr.build_file, "BUILD.bazel")

installed_library = repository_rule(
    implementation = _installed_library_impl,
    local = True,
    doc = "One installed folder, copied, under a BUILD file of ours.",
    attrs = {
        "build_file": attr.label(mandatory = True, doc = "becomes the repository's BUILD.bazel"),
        "copy_to": attr.string(mandatory = True, doc = "the folder's name in the repository"),
        "package": attr.string(mandatory = True, doc = "the Debian package that installs `path`"),
        "path": attr.string(mandatory = True, doc = "the installed folder"),
    },
)
