"""A repository rule over libraries that only the rivals of bench/rivals need: where the package is not
installed, targets that depend on it are skipped by `bazel build //...`, and an error names it.
"""

load("//third_party/system:installed.bzl", "run")

_MISSING = """# {package} is not installed: tools/setup --dev.
load("@rules_cc//cc:defs.bzl", "cc_library")

cc_library(
    name = "{name}",
    target_compatible_with = ["@platforms//:incompatible"],
    visibility = ["//visibility:public"],
)
"""

_PRESENT = """# From Debian's {package}.
load("@rules_cc//cc:defs.bzl", "cc_library")

cc_library(
    name = "{name}",
    hdrs = glob(["include/**"]),
    includes = ["include"],
    linkopts = {linkopts},
    visibility = ["//visibility:public"],
)
"""

def _optional_library_impl(rctx):
    rctx.file("WORKSPACE", "workspace(name = \"{}\")\n".format(rctx.name))
    text = _PRESENT
    for header in rctx.attr.headers:
        if rctx.path("/usr/include/" + header).exists:
            run(rctx, ["mkdir", "-p", "include"])
            run(rctx, ["cp", "-rL", "/usr/include/" + header, "include/"])
        else:
            text = _MISSING
    rctx.file("BUILD.bazel", text.format(
        linkopts = repr(rctx.attr.linkopts),
        name = rctx.name,
        package = rctx.attr.package,
    ))

optional_library = repository_rule(
    implementation = _optional_library_impl,
    local = True,
    doc = "Headers from /usr/include and a library to link; @NAME//:NAME.",
    attrs = {
        "headers": attr.string_list(mandatory = True, doc = "files and folders in /usr/include"),
        "linkopts": attr.string_list(mandatory = True),
        "package": attr.string(mandatory = True, doc = "the Debian package that installs them"),
    },
)
