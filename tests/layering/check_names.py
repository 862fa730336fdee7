"""Checks that a source has an include for each name that a precompiled header would give it anyway.

The compiler cannot: it has read those headers (//third_party/precompiled) before the source.
"""

import pathlib
import re

import check_includes

# What `third_party/precompiled` includes, and names that stand for it.
NAMES = {
    "<algorithm>": r"std::(?:ranges::)?(?:min|max|clamp|sort|find|find_if|count|count_if|copy|copy_n"
    r"|fill|fill_n|equal|any_of|all_of|none_of|remove_if|unique|reverse|rotate|lower_bound"
    r"|upper_bound|binary_search|shuffle|transform|mismatch|search|min_element|max_element)\(",
    "<atomic>": r"std::(?:atomic\b|memory_order)",
    "<chrono>": r"std::chrono\b",
    "<deque>": r"std::deque\b",
    "<functional>": r"std::(?:function|less|greater|hash|ref|cref|bind|plus|invoke)\b",
    "<map>": r"std::(?:map|multimap)\b",
    "<memory>": r"std::(?:unique_ptr|shared_ptr|weak_ptr|make_unique|make_shared|addressof"
    r"|enable_shared_from_this|construct_at|destroy_at)\b",
    "<optional>": r"std::(?:optional|nullopt)\b",
    "<span>": r"std::span\b",
    "<string>": r"std::(?:string|to_string|getline|stoi)\b",
    "<string_view>": r"std::string_view\b",
    "<thread>": r"std::(?:thread|jthread|this_thread)\b",
    "<utility>": r"std::(?:move|forward|pair|exchange|make_pair|as_const|in_place|declval)\b",
    "<variant>": r"std::(?:variant|monostate|visit|get_if|holds_alternative)\b",
    "<vector>": r"std::vector\b",
    "CLI/CLI.hpp": r"\bCLI::\w*(?:Error|Validator|Range|IsMember)\b",
    "absl/functional/any_invocable.h": r"absl::AnyInvocable\b",
    "absl/functional/function_ref.h": r"absl::FunctionRef\b",
    "absl/status/status.h": r"absl::(?:Status|OkStatus|StatusCode|[A-Z]\w+Error)\b",
    "absl/status/statusor.h": r"absl::StatusOr\b",
    "absl/strings/str_cat.h": r"absl::(?:StrCat|StrAppend|AlphaNum|Hex|Dec)\b",
    "gtest/gtest.h": r"\b(?:TEST|TEST_F|EXPECT_EQ|ASSERT_EQ|EXPECT_TRUE|ASSERT_TRUE)\(",
    "nlohmann/json.hpp": r"\bnlohmann::",
}

# A header that includes another for good.
IMPLIED = {
    "absl/status/statusor.h": "absl/status/status.h",
    "gmock/gmock.h": "gtest/gtest.h",
}

PRECOMPILED = "third_party/precompiled"
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|(<[^>]+>))', re.MULTILINE)
NO_CODE = re.compile(r'//[^\n]*|"(?:\\.|[^"\\\n])*"')


def includes(text):
    """What `text` includes: a path without quotes or brackets, a header of C++ as <name>."""
    return {quoted or (angled.strip("<>") if "/" in angled else angled)
            for quoted, angled in INCLUDE.findall(text)}


class Tree:
    """A source tree whose files are read once."""

    def __init__(self, root):
        self._root = pathlib.Path(root)
        self._includes = {}

    def text(self, path):
        return (self._root / path).read_text(encoding="utf-8")

    def reached(self, path):
        """All that `path` includes, itself or through the project's own headers."""
        found, todo = set(), [path]
        while todo:
            path = todo.pop()
            if path not in self._includes:
                self._includes[path] = includes(self.text(path))
            for header in self._includes[path] - found:
                found.add(header)
                if header in IMPLIED:
                    found.add(IMPLIED[header])
                if header[0] != "<" and (self._root / header).is_file():
                    todo.append(header)
        return found


def check_tree(root):
    """One line per name without its header, below `root`."""
    tree, found = Tree(root), []
    names = {header: re.compile(pattern) for header, pattern in NAMES.items()}
    for path in check_includes.sources(root):
        if path.endswith(".c"):
            continue
        code = NO_CODE.sub("", tree.text(path))
        reached = tree.reached(path)
        for header, pattern in names.items():
            match = header not in reached and pattern.search(code)
            if match:
                found.append(f"{path}: {match.group(0).rstrip('(')} without {header}")
    return found


def unlisted(root):
    """Precompiled headers that NAMES does not know."""
    tree = Tree(root)
    return {
        header
        for path in pathlib.Path(root, PRECOMPILED).glob("*.h")
        for header in includes(tree.text(path))
    } - NAMES.keys()
