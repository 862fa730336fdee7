"""Which public labels Abseil's Bazel build has, and which pkg-config module and headers each means.

`package: {target: (pkg-config module without "absl_", headers relative to the package)}`, for the
LTS branch 20220623. A label whose module is not installed is left out.
"""

ABSL_TARGETS = {
    "algorithm": {
        "algorithm": ("algorithm", ["algorithm.h"]),
        "container": ("algorithm_container", ["container.h"]),
    },
    "base": {
        "base": ("base", ["call_once.h", "casts.h"]),
        "config": ("config", ["config.h", "options.h", "policy_checks.h"]),
        "core_headers": ("core_headers", [
            "attributes.h",
            "const_init.h",
            "macros.h",
            "optimization.h",
            "port.h",
            "thread_annotations.h",
        ]),
        "dynamic_annotations": ("dynamic_annotations", ["dynamic_annotations.h"]),
        "log_severity": ("log_severity", ["log_severity.h"]),
    },
    "cleanup": {
        "cleanup": ("cleanup", ["cleanup.h"]),
    },
    "container": {
        "btree": ("btree", ["btree_map.h", "btree_set.h"]),
        "fixed_array": ("fixed_array", ["fixed_array.h"]),
        "flat_hash_map": ("flat_hash_map", ["flat_hash_map.h"]),
        "flat_hash_set": ("flat_hash_set", ["flat_hash_set.h"]),
        "inlined_vector": ("inlined_vector", ["inlined_vector.h"]),
        "node_hash_map": ("node_hash_map", ["node_hash_map.h"]),
        "node_hash_set": ("node_hash_set", ["node_hash_set.h"]),
    },
    "debugging": {
        "failure_signal_handler": ("failure_signal_handler", ["failure_signal_handler.h"]),
        "leak_check": ("leak_check", ["leak_check.h"]),
        "stacktrace": ("stacktrace", ["stacktrace.h"]),
        "symbolize": ("symbolize", ["symbolize.h"]),
    },
    "flags": {
        "commandlineflag": ("flags_commandlineflag", ["commandlineflag.h"]),
        "config": ("flags_config", ["config.h", "usage_config.h"]),
        "flag": ("flags", ["declare.h", "flag.h"]),
        "marshalling": ("flags_marshalling", ["marshalling.h"]),
        "parse": ("flags_parse", ["parse.h"]),
        "reflection": ("flags_reflection", ["reflection.h"]),
        "usage": ("flags_usage", ["usage.h"]),
    },
    "functional": {
        "any_invocable": ("any_invocable", ["any_invocable.h"]),
        "bind_front": ("bind_front", ["bind_front.h"]),
        "function_ref": ("function_ref", ["function_ref.h"]),
    },
    "hash": {
        "hash": ("hash", ["hash.h"]),
    },
    "memory": {
        "memory": ("memory", ["memory.h"]),
    },
    "meta": {
        "type_traits": ("type_traits", ["type_traits.h"]),
    },
    "numeric": {
        "bits": ("bits", ["bits.h"]),
        "int128": ("int128", ["int128.h"]),
    },
    "random": {
        "bit_gen_ref": ("random_bit_gen_ref", ["bit_gen_ref.h"]),
        "distributions": ("random_distributions", [
            "bernoulli_distribution.h",
            "beta_distribution.h",
            "discrete_distribution.h",
            "distributions.h",
            "exponential_distribution.h",
            "gaussian_distribution.h",
            "log_uniform_int_distribution.h",
            "poisson_distribution.h",
            "uniform_int_distribution.h",
            "uniform_real_distribution.h",
            "zipf_distribution.h",
        ]),
        "random": ("random_random", ["random.h"]),
        "seed_gen_exception": ("random_seed_gen_exception", ["seed_gen_exception.h"]),
        "seed_sequences": ("random_seed_sequences", ["seed_sequences.h"]),
    },
    "status": {
        "status": ("status", ["status.h", "status_payload_printer.h"]),
        "statusor": ("statusor", ["statusor.h"]),
    },
    "strings": {
        "cord": ("cord", ["cord.h", "cord_analysis.h", "cord_buffer.h"]),
        "str_format": ("str_format", ["str_format.h"]),
        "strings": ("strings", [
            "ascii.h",
            "charconv.h",
            "escaping.h",
            "match.h",
            "numbers.h",
            "str_cat.h",
            "str_join.h",
            "str_replace.h",
            "str_split.h",
            "string_view.h",
            "strip.h",
            "substitute.h",
        ]),
    },
    "synchronization": {
        "synchronization": ("synchronization", [
            "barrier.h",
            "blocking_counter.h",
            "mutex.h",
            "notification.h",
        ]),
    },
    "time": {
        "time": ("time", ["civil_time.h", "clock.h", "time.h"]),
    },
    "types": {
        "any": ("any", ["any.h"]),
        "bad_any_cast": ("bad_any_cast", ["bad_any_cast.h"]),
        "bad_optional_access": ("bad_optional_access", ["bad_optional_access.h"]),
        "bad_variant_access": ("bad_variant_access", ["bad_variant_access.h"]),
        "compare": ("compare", ["compare.h"]),
        "optional": ("optional", ["optional.h"]),
        "span": ("span", ["span.h"]),
        "variant": ("variant", ["variant.h"]),
    },
    "utility": {
        "utility": ("utility", ["utility.h"]),
    },
}
