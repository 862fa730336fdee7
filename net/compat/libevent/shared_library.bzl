"""A shared library that holds all of this workspace's code that it needs, and exports a few names."""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _shared_library_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    objects = []
    for dep in ctx.attr.deps:
        for input in dep[CcInfo].linking_context.linker_inputs.to_list():
            # Others' archives hold no position-independent code; `libraries` stand for them.
            if input.owner.workspace_name:
                continue
            for library in input.libraries:
                objects += library.pic_objects or library.objects or []
    objects = depset(objects)
    arguments = ctx.actions.args()
    arguments.add("-shared")
    arguments.add("-o", ctx.outputs.out)
    arguments.add(ctx.file.exports, format = "-Wl,--version-script=%s")
    arguments.add(ctx.attr.soname, format = "-Wl,-soname,%s")
    arguments.add_all(["-Wl,--gc-sections", "-Wl,-z,defs", "-Wl,-z,relro", "-Wl,-z,now"])
    if ctx.var["COMPILATION_MODE"] == "opt":
        arguments.add("-Wl,-s")
    arguments.add_all(ctx.fragments.cpp.linkopts)
    arguments.add_all(objects)
    arguments.add("-Wl,--as-needed")
    arguments.add_all(ctx.attr.libraries, format_each = "-l%s")
    arguments.add_all(["-latomic", "-lstdc++", "-lm", "-pthread"])
    ctx.actions.run(
        executable = toolchain.compiler_executable,
        arguments = [arguments],
        inputs = depset([ctx.file.exports], transitive = [objects, toolchain.all_files]),
        outputs = [ctx.outputs.out],
        mnemonic = "SharedLibrary",
        progress_message = "Linking " + ctx.outputs.out.short_path,
        use_default_shell_env = True,
    )
    return [DefaultInfo(
        files = depset([ctx.outputs.out]),
        runfiles = ctx.runfiles(files = [ctx.outputs.out]),
    )]

shared_library = rule(
    implementation = _shared_library_impl,
    attrs = {
        "deps": attr.label_list(providers = [CcInfo]),
        "exports": attr.label(
            allow_single_file = True,
            doc = "The linker's version script.",
        ),
        "libraries": attr.string_list(
            doc = "Shared libraries of the system that the code may need, without the \"lib\".",
        ),
        "out": attr.output(mandatory = True),
        "soname": attr.string(mandatory = True),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    fragments = ["cpp"],
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
