#!/usr/bin/env python3
"""What the tools write against the JSON Schema of spindle.run/1, and that against wrong files."""

import copy
import json
import pathlib
import signal
import subprocess
import sys
import unittest

import jsonschema

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import report_testing as testing  # noqa: E402

with open(testing.SCHEMA, encoding="utf-8") as schema_file:
    VALIDATOR = jsonschema.Draft202012Validator(json.load(schema_file))


def parse(text):
    """Strict JSON: no NaN, no Infinity."""
    def refuse(name):
        raise ValueError(f"{name} is no JSON")
    return json.loads(text, parse_constant=refuse)


def errors(run):
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(run)]


class SchemaTest(unittest.TestCase):
    def test_the_schema_is_one(self):
        jsonschema.Draft202012Validator.check_schema(VALIDATOR.schema)

    def test_sample_records_are_valid(self):
        # "large" has nothing that "seqpar" has not, and takes the validator twenty seconds.
        for name in ("seqpar", "bench", "interrupted", "hostile"):
            with self.subTest(name):
                self.assertEqual(errors(parse(testing.sample(name))), [])

    def test_a_run_of_seqpar_is_valid(self):
        result = testing.spindle("seqpar", "-n", "1,2", "-m", "2", "--blocks", "2", "--quiet",
                                 "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(errors(parse(result.stdout)), [])

    def test_an_interrupted_run_is_valid(self):
        # An hour for each answer: it cannot have ended before the signal, nor wait for one after it.
        with subprocess.Popen(
                [testing.SPINDLE, "seqpar", "-n", "2", "-m", "2", "--think", "1h", "--json"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
            # The signal counts once the program watches for it; repeated, it would kill.
            self.wait_for_threads(program)
            program.send_signal(signal.SIGINT)
            out, _ = program.communicate(timeout=testing.PATIENCE)
        self.assertEqual(program.returncode, 130)
        run = parse(out)
        self.assertTrue(run["interrupted"])
        self.assertEqual(errors(run), [])

    def wait_for_threads(self, program):
        """Until the program's server runs, which it starts after its handler of signals."""
        while program.poll() is None:
            if len(list(pathlib.Path(f"/proc/{program.pid}/task").iterdir())) > 1:
                return
        self.fail("the program has ended")

    def test_wrong_runs_are_refused(self):
        good = parse(testing.sample("seqpar"))
        # One of each is enough, and read in a hundredth of the time.
        for place in ("arms", "points", "timeline", "compare"):
            del good[place][1:]
        for arm in good["arms"]:
            del arm["blocks"][1:]
        self.assertEqual(errors(good), [])

        def refused(change):
            run = copy.deepcopy(good)
            change(run)
            return errors(run) != []

        for member in good:
            self.assertTrue(refused(lambda run, m=member: run.pop(m)), f"without {member}")
        for place in ("arms", "points", "timeline", "compare"):
            for member in good[place][0]:
                if member == "accepted_per_loop":
                    continue
                self.assertTrue(refused(lambda run, p=place, m=member: run[p][0].pop(m)),
                                f"{place} without {member}")
        for member in good["arms"][0]["blocks"][0]:
            self.assertTrue(refused(lambda run, m=member: run["arms"][0]["blocks"][0].pop(m)),
                            f"a block without {member}")
        for what, change in {
                "name of the schema": lambda run: run.update(schema="spindle.run/2"),
                "verdict": lambda run: run["points"][0].update(verdict="great"),
                "phase": lambda run: run["timeline"][0].update(phase="sleep"),
                "text for a number": lambda run: run["points"][0].update(speedup="7"),
                "null for a number": lambda run: run["points"][0].update(speedup=None),
                "negative time": lambda run: run["arms"][0]["blocks"][0].update(wall_s=-1),
                "interval of one": lambda run: run["points"][0].update(speedup_ci95=[1]),
                "half a connection": lambda run: run["arms"][0].update(connections=1.5),
                "bucket of three": lambda run: run["arms"][0]["latency"]["hdr"]["buckets"].append(
                    [1, 2, 3]),
                "unit": lambda run: run["arms"][0]["latency"].update(unit="ms"),
                "server's time without switches": lambda run: run["arms"][0]["blocks"][0][
                    "server_cpu"].pop("ctxsw"),
                "kind of network": lambda run: run["net"].update(kind="wifi"),
                "errors as a list": lambda run: run.update(errors=[])}.items():
            self.assertTrue(refused(change), what)

    def test_later_members_are_allowed(self):
        run = parse(testing.sample("seqpar"))
        run["new"] = {"a": 1}
        run["points"][0]["new"] = 1
        run["arms"][0]["blocks"][0]["new"] = 1
        self.assertEqual(errors(run), [])


if __name__ == "__main__":
    testing.main()
