#!/usr/bin/env python3
"""The rules of check_names.py on planted files, then on the project itself."""

import os
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import check_names  # noqa: E402

# The runfile is a link to the source tree, which holds the files that no BUILD file names, too.
ROOT = pathlib.Path(os.path.realpath("WORKSPACE")).parent


def complaints(files):
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            planted = pathlib.Path(root, path)
            planted.parent.mkdir(parents=True, exist_ok=True)
            planted.write_text(text)
        return check_names.check_tree(root)


class RulesTest(unittest.TestCase):
    def test_a_name_needs_its_header(self):
        self.assertEqual(
            complaints({"base/a.cc": "std::vector<absl::Status> list;\n"}),
            ["base/a.cc: std::vector without <vector>",
             "base/a.cc: absl::Status without absl/status/status.h"],
        )

    def test_it_may_come_through_the_projects_headers(self):
        self.assertEqual(
            complaints({
                "base/a.cc": '#include "base/a.h"\nstd::vector<int> a;\n',
                "base/a.h": '#include "base/b.h"\n',
                "base/b.h": '#include <vector>\n#include "base/a.h"\n',
            }),
            [],
        )

    def test_comments_and_strings_name_nothing(self):
        self.assertEqual(complaints({"base/a.cc": '// std::map\nf("std::map");\n'}), [])

    def test_an_abseil_header_may_imply_another(self):
        text = '#include "absl/status/statusor.h"\nabsl::Status s = absl::NotFoundError("");\n'
        self.assertEqual(complaints({"base/a.cc": text}), [])


class ProjectTest(unittest.TestCase):
    def test_every_precompiled_header_is_known(self):
        self.assertEqual(check_names.unlisted(ROOT), set())

    def test_the_project_keeps_the_rule(self):
        self.assertEqual(check_names.check_tree(ROOT), [])


if __name__ == "__main__":
    unittest.main()
