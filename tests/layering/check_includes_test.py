#!/usr/bin/env python3
"""The rules of check_includes.py on planted files, then on the project itself."""

import os
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))
import check_includes  # noqa: E402

# The runfile is a link to the source tree, which holds the files that no BUILD file names, too.
ROOT = pathlib.Path(os.path.realpath("WORKSPACE")).parent


def complain(path, included):
    return check_includes.complaint(path, included)


class RulesTest(unittest.TestCase):
    def test_lower_rank_and_own_folder_are_fine(self):
        for path, included in [
            ("net/loop/event_loop.h", "net/types/buffer.h"),
            ("net/loop/event_loop.cc", "net/loop/internal/task_queue.h"),
            ("net/loop/internal/task_queue.cc", "net/loop/timer.h"),
            ("net/stream/connection.h", "absl/status/status.h"),
            ("bench/load/client.cc", "net/stream/connection.h"),
            ("bench/cli/main.cc", "bench/load/client.h"),
        ]:
            self.assertIsNone(complain(path, included), (path, included))

    def test_higher_rank_is_refused(self):
        self.assertIn("rank 3", complain("net/backend/io_slot.h", "net/loop/event_loop.h"))
        self.assertIn("rank 1", complain("base/check.h", "net/types/buffer.h"))
        self.assertIn("rank 9", complain("net/stream/connection.cc", "tests/testing/fixture.h"))

    def test_another_folder_of_the_same_rank_is_refused(self):
        self.assertIn("rank 4", complain("net/datagram/udp_socket.h", "net/stream/connection.h"))
        self.assertIn("rank 9", complain("examples/echo/main.cc", "tests/testing/fixture.h"))

    def test_internal_is_for_its_folder_its_tests_and_micro_benchmarks(self):
        header = "net/loop/internal/task_queue.h"
        self.assertIsNone(complain("tests/net/loop/task_queue_test.cc", header))
        self.assertIsNone(complain("bench/micro/task_queue_benchmark.cc", header))
        for path in ["net/stream/connection.cc", "tests/net/stream/x_test.cc", "examples/echo/x.cc"]:
            self.assertIn("internal folder of net/loop", complain(path, header))

    def test_relative_and_unranked_paths_are_refused(self):
        self.assertIn("neither", complain("net/loop/event_loop.cc", "event_loop.h"))
        self.assertIn("no rank", complain("net/surprise/x.h", "base/check.h"))

    def test_planted_files_are_found(self):
        with tempfile.TemporaryDirectory() as root:
            planted = pathlib.Path(root, "net/types/buffer.h")
            planted.parent.mkdir(parents=True)
            planted.write_text('#include <string>\n# include "net/loop/event_loop.h"\n')
            self.assertEqual(len(check_includes.check_tree(root)), 1)
            self.assertTrue(check_includes.check_tree(root)[0].startswith("net/types/buffer.h:2:"))
            pathlib.Path(root, "BUILD.bazel").write_text('"net/types/chunk.h",\n')
            self.assertEqual(
                check_includes.unlisted_headers(root, "BUILD.bazel"), ["net/types/buffer.h"]
            )


class ProjectTest(unittest.TestCase):
    def test_the_tree_was_found(self):
        self.assertGreater(len(list(check_includes.sources(ROOT))), 10)

    def test_every_include_keeps_to_the_layers(self):
        self.assertEqual(check_includes.check_tree(ROOT), [])

    def test_every_public_header_is_listed_to_compile_alone(self):
        self.assertEqual(
            check_includes.unlisted_headers(ROOT, "tests/layering/BUILD.bazel"),
            [],
            "add them to HEADERS",
        )


if __name__ == "__main__":
    unittest.main()
