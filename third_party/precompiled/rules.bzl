"""The C++ rules, with the headers that many sources share compiled ahead.

//tools/build_rules:prelude_bazel puts them in the native rules' place in every BUILD file.
"""

load(":precompiled_header.bzl", _precompiled_header = "precompiled_header")

# What a target gets goes by what it depends on; else by its package, or by its top folder; others get
# nothing.
_HEADERS_BY_DEP = {
    "//tests/testing:stream_env": "tests/testing:for_stream_tests",
    "@nlohmann_json//:json": "third_party/precompiled:for_tools",
}
_TEST_HEADERS_BY_DEP = {
    "@nlohmann_json//:json": "third_party/precompiled:for_tool_tests",
}
_HEADERS = {
    "base": "third_party/precompiled:for_sources",
    "bench": "third_party/precompiled:for_tools",
    "examples": "third_party/precompiled:for_sources",
    "net": "third_party/precompiled:for_sources",
    "tests": "third_party/precompiled:for_tests",
    "tests/layering": "third_party/precompiled:for_sources",
}

# How a build that is neither `-c opt` nor `-c dbg` compiles a source with these headers, and so the
# headers themselves. The library's is run by every test: it takes a tenth longer to compile this way,
# and half as long to run.
_OPTIMISATION = {
    "for_sources": ["-O1"],
    "for_stream_tests": ["-O0"],
    "for_tests": ["-O0"],
    "for_tool_tests": ["-O0"],
    "for_tools": ["-O0"],
}

def _headers(deps):
    package = native.package_name()
    headers = _HEADERS.get(package, _HEADERS.get(package.partition("/")[0]))
    by_dep = dict(_HEADERS_BY_DEP)
    if package.startswith("tests/"):
        by_dep.update(_TEST_HEADERS_BY_DEP)
    for dep, richer in by_dep.items():
        if dep in deps:
            headers = richer
    return headers

def _with_headers(rule, name, srcs, deps, copts, kwargs):
    headers = _headers(deps)
    if headers == None or not srcs:
        rule(name = name, srcs = srcs, deps = deps, copts = copts, **kwargs)
        return
    path = headers.replace(":", "/") + ".h"
    clang = [
        # By its own name the header would be one of no dependency's.
        "-include-pch",
        "$(BINDIR)/%s.gch" % path,
    ]
    rule(
        name = name,
        srcs = srcs,
        copts = select({
            "//third_party/precompiled:off": [],
            "//third_party/precompiled:clang": clang,
            "//third_party/precompiled:clang_undefined": clang + [
                "-fsanitize-ignorelist=third_party/precompiled/not_ours.txt",
            ],
            # g++ would look for garbage again and again: a fifth of its time, to save memory.
            "//conditions:default": [
                "-include",
                path,
                "--param=ggc-min-expand=1000",
                "--param=ggc-min-heapsize=1000000",
            ],
        }) + select({
            "//third_party/precompiled:fast_build": _OPTIMISATION[headers.partition(":")[2]],
            "//conditions:default": [],
        }) + copts,
        deps = deps + select({
            "//third_party/precompiled:off": [],
            "//conditions:default": ["//" + headers],
        }),
        **kwargs
    )

def precompiled_header(name, **kwargs):
    """The rule of precompiled_header.bzl, for one of the names above."""
    _precompiled_header(
        name = name,
        copts = select({
            "//third_party/precompiled:fast_build": _OPTIMISATION[name],
            "//conditions:default": [],
        }),
        clang = select({
            "//third_party/precompiled:clang": True,
            "//third_party/precompiled:clang_undefined": True,
            "//conditions:default": False,
        }),
        **kwargs
    )

def cc_library(name, srcs = [], deps = [], copts = [], **kwargs):
    """As the native rule."""
    _with_headers(native.cc_library, name, srcs, deps, copts, kwargs)

def cc_binary(name, srcs = [], deps = [], copts = [], **kwargs):
    """As the native rule."""
    _with_headers(native.cc_binary, name, srcs, deps, copts, kwargs)

def cc_test(name, srcs = [], deps = [], copts = [], **kwargs):
    """As the native rule."""
    _with_headers(native.cc_test, name, srcs, deps, copts, kwargs)
