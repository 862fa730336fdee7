"""The C++ rules, with the headers that many sources share compiled ahead.

//tools/build_rules:prelude_bazel puts them in the native rules' place in every BUILD file.
"""

# What a target gets goes by its package, or by its top folder; others get nothing.
_HEADERS = {
    "base": "for_sources",
    "bench": "for_tools",
    "examples": "for_sources",
    "net": "for_sources",
    "tests": "for_tests",
    "tests/layering": "for_sources",
}

def _with_headers(rule, name, srcs, deps, copts, kwargs):
    package = native.package_name()
    headers = _HEADERS.get(package, _HEADERS.get(package.partition("/")[0]))
    if headers == None or not srcs:
        rule(name = name, srcs = srcs, deps = deps, copts = copts, **kwargs)
        return
    rule(
        name = name,
        srcs = srcs,
        copts = select({
            "//third_party/precompiled:off": [],
            # By its own name the header would be one of no dependency's.
            "//third_party/precompiled:clang": [
                "-include-pch",
                "$(BINDIR)/third_party/precompiled/%s.h.gch" % headers,
            ],
            "//conditions:default": ["-include", "third_party/precompiled/%s.h" % headers],
        }) + copts,
        deps = deps + select({
            "//third_party/precompiled:off": [],
            "//conditions:default": ["//third_party/precompiled:" + headers],
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
