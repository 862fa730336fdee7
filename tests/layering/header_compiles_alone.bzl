"""A macro that proves that a header includes everything it needs."""

load("//third_party/precompiled:rules.bzl", "cc_library")

def header_compiles_alone(hdr, deps = None):
    """Compiles `hdr` as the first and only include of a file, twice, for its guard.

    Args:
      hdr: the header's path from the workspace's root, as users include it.
      deps: what holds the header; by default the target of the same name, `//base:check` for
        `base/check.h`.
    """
    folder, _, file = hdr.rpartition("/")
    stem = file.rpartition(".")[0]
    name = hdr.replace("/", "_").replace(".", "_") + "_alone"
    native.genrule(
        name = name + "_cc",
        outs = [name + ".cc"],
        cmd = "printf '#include \"{hdr}\"\\n#include \"{hdr}\"\\n' > $@".format(hdr = hdr),
    )
    cc_library(
        name = name,
        testonly = True,
        srcs = [name + ".cc"],
        linkstatic = True,  # The object is the proof; nothing to link.
        deps = deps or ["//{}:{}".format(folder, stem)],
    )
