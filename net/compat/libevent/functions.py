#!/usr/bin/env python3
"""The public functions of the drop-in, from its export map, its headers and the library itself.

  functions.py stubs MAP              C++ that defines each exported name weakly: whoever calls one
                                      that is not built yet ends with a line that names it
  functions.py write MAP LIBRARY README
                                      puts the table of what works into README
  functions.py check MAP LIBRARY README HEADER...
                                      whether the table in README is current, every exported name is
                                      in a header, the library exports these names and no other,
                                      and one that is missing says so
"""

import os
import re
import subprocess
import sys

BEGIN, END = "<!-- functions: begin -->\n", "<!-- functions: end -->\n"

# Behaviour that a program can see to differ.
DIFFERENCES = {
    "bufferevent_add_to_rate_limit_group": "null removes, as documented; libevent crashes",
    "bufferevent_filter_new": "a filter whose full input is drained goes on at once",
    "bufferevent_set_max_single_read": "unset, a read takes up to 64 KiB",
    "bufferevent_set_max_single_write": "unset, a write takes all there is",
    "bufferevent_set_rate_limit": "no write callback comes of a change",
    "bufferevent_setfd": "keeps the priority",
    "evbuffer_add_buffer_reference": "takes parts that are shared already, and files",
    "evbuffer_add_cb": "null removes all, as documented",
    "evbuffer_add_file_segment": "a failure leaves the caller's reference alone",
    "evbuffer_add_iovec": "one call of the callbacks, not one for each piece",
    "evbuffer_file_segment_new": "-1 behind an offset is the rest of the file, not more",
    "evbuffer_pullup": "1 GiB at most",
    "evbuffer_read": "up to 64 KiB, where libevent takes 4 KiB",
    "evbuffer_readln": "one call of the callbacks, not two",
    "evconnlistener_set_loops": "SPINDLE_LISTENER_LOOPS as a call, which libevent lacks",
    "event_base_active_by_fd":
        "with EV_TIMEOUT among others all are reported; libevent reports the timeout only",
    "event_base_break": "an alias of event_base_loopbreak, which libevent lacks",
    "event_base_dump_events": "other spacing; no events of the library's own",
    "event_base_foreach_event": "no events of the library's own",
    "event_config_avoid_method": "poll and select are faces of epoll",
    "event_enable_debug_logging": "no debug log",
    "event_set_mem_functions": "the loop itself takes its memory from operator new",
    "evthread_set_id_callback": "threads are told apart by pthread_self",
    "evutil_inet_pton": "refuses spaces, signs and 0x",
    "evutil_parse_sockaddr_port": "refuses what follows the port or the bracket",
    "evutil_secure_rng_add_bytes": "the kernel needs no bytes",
    "evutil_secure_rng_set_urandom_device_file": "the bytes come from getrandom",
}


def exported(map_file):
    """Names of the export map, by header, in its order."""
    groups, header = {}, None
    for line in open(map_file, encoding="utf-8"):
        if match := re.match(r"\s+# (event2/\S+)", line):
            header = match.group(1)
            groups[header] = []
        elif (match := re.match(r"\s+(\w+);", line)) and header:
            groups[header].append(match.group(1))
    return groups


def symbols(library):
    """What the library exports: name -> type letter of nm."""
    listing = subprocess.run(["nm", "-D", "--defined-only", library], check=True,
                             capture_output=True, text=True).stdout
    return {line.split()[2]: line.split()[1] for line in listing.splitlines()}


def declared(headers):
    """Identifiers that the headers declare as functions."""
    names = set()
    for path in headers:
        text = open(path, encoding="utf-8").read()
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        text = "\n".join(line for line in text.split("\n") if not line.lstrip().startswith("#"))
        names.update(re.findall(r"\b(\w+)\(", text))
    return names


def stubs(groups):
    """A weak definition of each name, to be overridden by the real one."""
    print('#include <stdio.h>\n#include <unistd.h>\n')
    print("namespace {\n[[noreturn]] void NotBuilt(const char* name) {")
    print('  fprintf(stderr, "libevent on Spindle: %s is not built yet\\n", name);')
    print("  _exit(70);\n}\n}  // namespace\n")
    print('extern "C" {')
    for names in groups.values():
        for name in names:
            print(f'__attribute__((weak)) void {name}() {{ NotBuilt("{name}"); }}')
    print("}")


def table(groups, letters):
    """The lines of the table."""
    built = sum(letters.get(name) == "T" for names in groups.values() for name in names)
    total = sum(len(names) for names in groups.values())
    lines = [f"{built} of {total} work.\n", "\n", "| function | in | state |\n", "|---|---|---|\n"]
    for header, names in groups.items():
        for name in names:
            state = "works" if letters.get(name) == "T" else "missing"
            if state == "works" and name in DIFFERENCES:
                state = f"differs: {DIFFERENCES[name]}"
            lines.append(f"| `{name}` | {header.removeprefix('event2/')} | {state} |\n")
    return "".join(lines)


def write(readme, new_table):
    """Replaces the table in the file."""
    before, _, rest = open(readme, encoding="utf-8").read().partition(BEGIN)
    after = rest.partition(END)[2]
    with open(readme, "w", encoding="utf-8") as out:
        out.write(before + BEGIN + new_table + END + after)


def check(groups, letters, readme, headers):
    """Complaints, one a line."""
    names = {name for group in groups.values() for name in group}
    found = [f"{name}: exported, but not in the map" for name in sorted(set(letters) - names)]
    found += [f"{name}: in the map, but not exported" for name in sorted(names - set(letters))]
    found += [f"{name}: in no header" for name in sorted(names - declared(headers))]
    found += [f"{name}: differs, but is no function" for name in sorted(set(DIFFERENCES) - names)]
    text = open(readme, encoding="utf-8").read()
    if BEGIN not in text or END not in text:
        found.append(f"{readme}: no table")
    elif text.split(BEGIN)[1].split(END)[0].strip() != table(groups, letters).strip():
        found.append(f"{readme}: the table is not current; run net/compat/libevent/update_table")
    return found


def call_missing(library, letters):
    """Whether each missing function, when called, ends its program with a line that names it."""
    found = []
    for name in sorted(name for name, letter in letters.items() if letter == "W")[:3]:
        code = f"import ctypes; ctypes.CDLL({library!r}).{name}()"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                              check=False)
        if done.returncode != 70 or name not in done.stderr or done.stderr.count("\n") != 1:
            found.append(f"{name}: called, it ends with {done.returncode}: {done.stderr!r}")
    return found


def main(arguments):
    command, map_file, *rest = arguments
    groups = exported(map_file)
    if command == "stubs":
        stubs(groups)
    elif command == "write":
        write(rest[1], table(groups, symbols(rest[0])))
    elif command == "check":
        letters = symbols(rest[0])
        complaints = check(groups, letters, rest[1], rest[2:])
        complaints += call_missing(os.path.abspath(rest[0]), letters)
        print("\n".join(complaints))
        return 1 if complaints else 0
    else:
        sys.exit(__doc__)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
