"""Libraries out of cc_library targets: each holds all of this workspace's code that they need.

Bazel 4 has no cc_static_library, and what its cc_binary(linkshared) links of others' archives is not
position-independent in Debian's packages. So the object files are taken as they are, and others'
archives are left to their shared libraries of the same name.
"""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _collect(deps, pic):
    """The objects of this workspace, and names of others' libraries ("absl_status")."""
    objects = []
    libraries = []
    for dep in deps:
        for input in dep[CcInfo].linking_context.linker_inputs.to_list():
            for library in input.libraries:
                if not input.owner.workspace_name:
                    plain = library.objects or library.pic_objects
                    objects += (library.pic_objects if pic else None) or plain or []
                else:
                    archive = library.static_library or library.pic_static_library
                    if archive:
                        libraries.append(archive.basename[len("lib"):-len(".a")])
    return depset(objects), depset(libraries)

def _shared_library_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    objects, libraries = _collect(ctx.attr.deps, pic = True)
    options = ctx.files.options
    arguments = ctx.actions.args()
    arguments.add("-shared")
    arguments.add("-o", ctx.outputs.out)
    arguments.add(ctx.file.exports, format = "-Wl,--version-script=%s")
    if ctx.attr.soname:
        arguments.add(ctx.attr.soname, format = "-Wl,-soname,%s")
    arguments.add_all(options, format_each = "@%s")
    arguments.add_all(["-Wl,--gc-sections", "-Wl,-z,defs", "-Wl,-z,relro", "-Wl,-z,now"])
    if ctx.var["COMPILATION_MODE"] == "opt":
        arguments.add("-Wl,-s")
    arguments.add_all(ctx.fragments.cpp.linkopts)
    arguments.add_all(objects)
    arguments.add("-Wl,--as-needed")
    arguments.add_all(libraries, format_each = "-l%s")
    arguments.add_all(["-latomic", "-lstdc++", "-lm", "-pthread"])
    ctx.actions.run(
        executable = toolchain.compiler_executable,
        arguments = [arguments],
        inputs = depset([ctx.file.exports] + options, transitive = [objects, toolchain.all_files]),
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
    doc = "A shared library that exports what a version script says.",
    attrs = {
        "deps": attr.label_list(providers = [CcInfo]),
        "exports": attr.label(
            allow_single_file = True,
            doc = "The linker's version script.",
        ),
        "options": attr.label_list(
            allow_files = True,
            doc = "Files of more options for the linking compiler.",
        ),
        "out": attr.output(mandatory = True),
        "soname": attr.string(doc = "None if one of `options` says it."),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    fragments = ["cpp"],
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)

def _static_library_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    objects, libraries = _collect(ctx.attr.deps, pic = False)
    ctx.actions.write(ctx.outputs.others, "".join([name + "\n" for name in libraries.to_list()]))
    arguments = ctx.actions.args()
    arguments.use_param_file("@%s", use_always = True)
    arguments.set_param_file_format("multiline")

    # Not "r": files of several folders have the same name, and all are wanted.
    arguments.add("qcsD")
    arguments.add(ctx.outputs.out)
    arguments.add_all(objects)
    ctx.actions.run(
        executable = toolchain.ar_executable,
        arguments = [arguments],
        inputs = depset(transitive = [objects, toolchain.all_files]),
        outputs = [ctx.outputs.out],
        mnemonic = "StaticLibrary",
        progress_message = "Archiving " + ctx.outputs.out.short_path,
        use_default_shell_env = True,
    )
    return [DefaultInfo(
        files = depset([ctx.outputs.out, ctx.outputs.others]),
        runfiles = ctx.runfiles(files = [ctx.outputs.out, ctx.outputs.others]),
    )]

static_library = rule(
    implementation = _static_library_impl,
    doc = "An archive of all the objects; others' archives are to be linked beside it.",
    attrs = {
        "deps": attr.label_list(providers = [CcInfo]),
        "others": attr.output(
            doc = "A list of those others' libraries, without \"lib\".",
            mandatory = True,
        ),
        "out": attr.output(mandatory = True),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)

def _public_headers_impl(ctx):
    public = []
    every = []
    for dep in ctx.attr.deps:
        context = dep[CcInfo].compilation_context
        public += context.direct_public_headers
        every.append(context.headers)
    every = [
        file
        for file in depset(transitive = every).to_list()
        if not file.owner.workspace_name
    ]
    arguments = ctx.actions.args()
    arguments.add(ctx.file._closure)
    arguments.add(ctx.outputs.out)
    arguments.add_all(public)
    ctx.actions.run(
        executable = "python3",
        arguments = [arguments],
        inputs = depset([ctx.file._closure] + every),
        outputs = [ctx.outputs.out],
        mnemonic = "PublicHeaders",
        progress_message = "Listing headers for " + ctx.outputs.out.short_path,
        use_default_shell_env = True,
    )
    return [DefaultInfo(
        files = depset([ctx.outputs.out] + every),
        runfiles = ctx.runfiles(files = [ctx.outputs.out] + every),
    )]

public_headers = rule(
    implementation = _public_headers_impl,
    doc = "A list of the headers that users of `deps` include, and of those that these include.",
    attrs = {
        "deps": attr.label_list(providers = [CcInfo]),
        "out": attr.output(mandatory = True),
        "_closure": attr.label(
            allow_single_file = True,
            default = "//tools/packaging:header_closure.py",
        ),
    },
)
