"""A program built as by `-c opt`, in a build of any other kind: for tests that count what it does."""

def _to_opt(_settings, _attr):
    return {"//command_line_option:compilation_mode": "opt"}

_opt = transition(
    implementation = _to_opt,
    inputs = [],
    outputs = ["//command_line_option:compilation_mode"],
)

def _optimised_program_impl(ctx):
    program = ctx.actions.declare_file(ctx.attr.path)
    ctx.actions.symlink(output = program, target_file = ctx.executable.program, is_executable = True)
    return DefaultInfo(executable = program, files = depset([program]))

optimised_program = rule(
    implementation = _optimised_program_impl,
    executable = True,
    attrs = {
        "path": attr.string(mandatory = True, doc = "what it is called in this package"),
        "program": attr.label(cfg = _opt, executable = True, mandatory = True),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
)
