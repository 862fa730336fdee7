"""Headers that the compiler reads once for many sources, not once for each."""

load("@bazel_tools//tools/build_defs/cc:action_names.bzl", "CPP_COMPILE_ACTION_NAME")
load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _precompiled_header_impl(ctx):
    header = ctx.actions.declare_file(ctx.label.name + ".h")
    toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features + ["layering_check", "module_maps"],
    )
    context = cc_common.merge_cc_infos(
        cc_infos = [dep[CcInfo] for dep in ctx.attr.deps],
    ).compilation_context

    outputs = [header, ctx.file._not_ours] + ctx.files.hdrs
    if ctx.var["COMPILATION_MODE"] == "opt":
        ctx.actions.write(header, "")
    else:
        ctx.actions.write(
            header,
            "".join(["#include \"%s\"\n" % hdr.short_path for hdr in ctx.files.hdrs]),
        )
        precompiled = ctx.actions.declare_file(ctx.label.name + ".h.gch")

        # clang takes for a source with the layering check only what was made with it. Whether a header
        # has changed is Bazel's to say, by content; clang would go by the time.
        own_flags = []
        if "layering_check" in ctx.features:
            own_flags.append("-fmodules-strict-decluse")
        if ctx.attr.clang:
            own_flags += ["-Xclang", "-fno-pch-timestamp"]

            # What the headers use of templates, it would make anew for each source.
            own_flags.append("-fpch-instantiate-templates")
        outputs.append(precompiled)
        variables = cc_common.create_compile_variables(
            feature_configuration = features,
            cc_toolchain = toolchain,
            source_file = header.path,
            output_file = precompiled.path,
            # As the sources that use it are compiled, or the compiler does not take it.
            user_compile_flags = ctx.fragments.cpp.copts + ctx.fragments.cpp.cxxopts +
                                 ctx.attr.copts + own_flags +
                                 ["-w", "-x", "c++-header"],
            include_directories = context.includes,
            quote_include_directories = depset(["."], transitive = [context.quote_includes]),
            system_include_directories = context.system_includes,
            preprocessor_defines = context.defines,
            use_pic = True,
        )
        ctx.actions.run(
            executable = cc_common.get_tool_for_action(
                feature_configuration = features,
                action_name = CPP_COMPILE_ACTION_NAME,
            ),
            arguments = cc_common.get_memory_inefficient_command_line(
                feature_configuration = features,
                action_name = CPP_COMPILE_ACTION_NAME,
                variables = variables,
            ),
            env = cc_common.get_environment_variables(
                feature_configuration = features,
                action_name = CPP_COMPILE_ACTION_NAME,
                variables = variables,
            ),
            inputs = depset([header] + ctx.files.hdrs, transitive = [context.headers, toolchain.all_files]),
            outputs = [precompiled],
            # clang notes absolute paths of what it reads, and looks there again.
            execution_requirements = {"no-sandbox": "1", "no-cache": "1"},
            mnemonic = "CppPrecompile",
            progress_message = "Precompiling " + header.short_path,
        )
    return [
        DefaultInfo(files = depset(outputs)),
        CcInfo(compilation_context = cc_common.create_compilation_context(
            headers = depset(outputs, transitive = [context.headers] if ctx.attr.clang else []),
        )),
    ]

# `NAME.h`, which includes `hdrs`, for `-include`; beside it, where the compiler finds it, the compiled
# form. With `-c opt`, which has few sources and other flags, the header is empty.
precompiled_header = rule(
    implementation = _precompiled_header_impl,
    attrs = {
        "hdrs": attr.label_list(allow_files = [".h"], mandatory = True),
        "deps": attr.label_list(providers = [CcInfo]),
        "copts": attr.string_list(),
        "clang": attr.bool(doc = "For clang, whose sources depend on what is in `deps`, too."),
        # clang reads it with each source.
        "_not_ours": attr.label(default = ":not_ours.txt", allow_single_file = True),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    fragments = ["cpp"],
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
