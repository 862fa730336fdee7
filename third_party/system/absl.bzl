"""`@com_google_absl` from Debian's `libabsl-dev`: headers, static archives and pkg-config modules.

Root package: one private-ish target per pkg-config module (`//:absl_status`), holding the archive
and what the module requires. Public packages: upstream's labels (`//absl/status:statusor`), each
listing exactly its own headers, so that clang's layering check holds callers to their `deps`.
"""

load("//third_party/system:absl_targets.bzl", "ABSL_TARGETS")
load("//third_party/system:installed.bzl", "require", "run")

_HEADERS = "/usr/include/absl"
_PACKAGE = "libabsl-dev"

_ROOT_TOP = """load("@rules_cc//cc:defs.bzl", "cc_library")

package(default_visibility = ["//:__subpackages__"])

# Every header, so that a public header finds the internal ones that it includes.
cc_library(
    name = "headers",
    textual_hdrs = {filegroups},
    includes = ["."],
    linkopts = ["-Wl,--push-state,--as-needed", "-latomic", "-lrt", "-Wl,--pop-state", "-pthread"],
)
"""

_MODULE = """
cc_library(
    name = "{name}",
    srcs = {archives},
    deps = {deps},
)
"""

_PACKAGE_TOP = """load("@rules_cc//cc:defs.bzl", "cc_library")

package(default_visibility = ["//visibility:public"])

filegroup(
    name = "all_headers",
    srcs = glob(["**/*.h", "**/*.inc"]),
    visibility = ["//:__subpackages__"],
)
"""

_TARGET = """
cc_library(
    name = "{name}",
    hdrs = {hdrs},
    deps = ["//:absl_{module}"],
)
"""

def _libdir(rctx):
    """The folder that holds the archives and pkgconfig/ (Debian's name depends on the machine)."""
    found = run(rctx, ["sh", "-c", "ls -d /usr/lib/*/pkgconfig/absl_base.pc /usr/lib/pkgconfig/absl_base.pc 2>/dev/null || true"])
    require(rctx, found.split("\n")[0] or "/usr/lib/pkgconfig/absl_base.pc", _PACKAGE)
    return found.split("\n")[0].rpartition("/pkgconfig/")[0]

def _modules(rctx, libdir):
    """pkg-config module -> {"archives": [...], "requires": [...]}, from all absl_*.pc."""
    text = run(rctx, ["sh", "-c", "cd {}/pkgconfig && grep -H -e ^Libs: -e ^Requires: absl_*.pc".format(libdir)])
    modules = {}
    for line in text.split("\n"):
        if not line:
            continue
        file, field, value = line.split(":", 2)
        module = modules.setdefault(file[:-len(".pc")], {"archives": [], "requires": []})
        if field == "Requires":
            module["requires"] = [item.split("=")[0].strip() for item in value.split(",") if item.strip()]
        else:
            module["archives"] = [
                "lib" + word[2:] + ".a"
                for word in value.split(" ")
                if word.startswith("-labsl_")
            ]
    return modules

def _write_root(rctx, libdir, modules, packages):
    text = _ROOT_TOP.format(filegroups = repr(["//absl/{}:all_headers".format(p) for p in packages]))
    for name in sorted(modules):
        for archive in modules[name]["archives"]:
            require(rctx, libdir + "/" + archive, _PACKAGE)
            rctx.symlink(libdir + "/" + archive, "lib/" + archive)
        text += _MODULE.format(
            name = name,
            archives = repr(["lib/" + a for a in modules[name]["archives"]]),
            deps = repr([":headers"] + [":" + r for r in modules[name]["requires"]]),
        )
    rctx.file("BUILD.bazel", text)

def _write_packages(rctx, modules, packages):
    for package in packages:
        text = _PACKAGE_TOP
        for name, (module, hdrs) in sorted(ABSL_TARGETS.get(package, {}).items()):
            if "absl_" + module in modules:
                text += _TARGET.format(name = name, hdrs = repr(hdrs), module = module)
        rctx.file("absl/{}/BUILD.bazel".format(package), text)

def _system_absl_impl(rctx):
    require(rctx, _HEADERS + "/base/config.h", _PACKAGE)
    libdir = _libdir(rctx)
    run(rctx, ["cp", "-rL", _HEADERS, "absl"])
    packages = sorted([p for p in run(rctx, ["ls", "absl"]).split("\n") if p])
    modules = _modules(rctx, libdir)
    rctx.file("WORKSPACE", "workspace(name = \"{}\")\n".format(rctx.name))
    _write_root(rctx, libdir, modules, packages)
    _write_packages(rctx, modules, packages)

system_absl = repository_rule(
    implementation = _system_absl_impl,
    local = True,
    doc = "Debian's Abseil under upstream's labels.",
)
