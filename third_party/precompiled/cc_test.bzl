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
        copts = ["-include", "third_party/precompiled/for_tests.h"] + copts,
        deps = deps + ["//third_party/precompiled:for_tests"],
        **kwargs
    )
