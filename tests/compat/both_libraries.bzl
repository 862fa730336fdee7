"""Tests of libevent's face that run on Spindle and on libevent itself."""

load("//third_party/precompiled:rules.bzl", "cc_test")

_SPINDLE = [
    "//net/compat/libevent:all_parts",
    "//net/compat/libevent:headers",
]

_LIBEVENT = ["-levent_core", "-levent_pthreads"]

def both_libraries_test(name, deps, srcs, tags = [], **kwargs):
    """A test on each library: `name` on ours, `name`_libevent on Debian's.

    What fails on libevent is a wrong test. The sources may not include anything of net/.

    Args:
      name: of the test on Spindle.
      deps: what both need, such as gtest_main.
      srcs: of both.
      tags: of both.
      **kwargs: of both.
    """
    cc_test(
        name = name,
        srcs = srcs,
        tags = tags,
        # Real functions take the place of the stubs only where one linker sees both.
        linkstatic = True,
        deps = deps + _SPINDLE,
        **kwargs
    )
    cc_test(
        name = name + "_libevent",
        srcs = srcs,
        linkopts = _LIBEVENT,
        # libevent is not built with sanitizers, and leaks in places.
        tags = [tag for tag in tags if tag != "threads"] + ["libevent", "no-sanitizer"],
        deps = deps,
        **kwargs
    )

def same_output_test(name, srcs, seeds, steps):
    """A program that plays a random script and prints the same on both libraries: `name`_test.

    Args:
      name: of the program on Spindle; `name`_libevent is the one on libevent.
      srcs: of both. They take a seed and a number of steps as arguments.
      seeds: how many scripts are played.
      steps: how long each is.
    """
    native.cc_binary(
        name = name,
        testonly = True,
        srcs = srcs,
        deps = _SPINDLE,
    )
    native.cc_binary(
        name = name + "_libevent",
        testonly = True,
        srcs = srcs,
        linkopts = _LIBEVENT,
        tags = ["libevent"],
    )
    native.sh_test(
        name = name + "_test",
        size = "medium",
        srcs = ["same_output.sh"],
        args = [
            "$(location :%s)" % name,
            "$(location :%s_libevent)" % name,
            str(seeds),
            str(steps),
        ],
        data = [
            ":" + name,
            ":" + name + "_libevent",
        ],
        tags = ["libevent"],
    )
