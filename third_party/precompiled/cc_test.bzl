"""cc_test for tests on GoogleTest: with the headers that they share compiled ahead."""

def cc_test(name, deps, copts = [], **kwargs):
    """As the native rule.

    Args:
      name: of the test.
      deps: of the test.
      copts: of the test.
      **kwargs: of the native rule.
    """
    native.cc_test(
        name = name,
        copts = select({
            "//third_party/precompiled:off": [],
            "//conditions:default": ["-include", "third_party/precompiled/for_tests.h"],
        }) + copts,
        deps = deps + select({
            "//third_party/precompiled:off": [],
            "//conditions:default": ["//third_party/precompiled:for_tests"],
        }),
        **kwargs
    )
