"""What tools/conformance makes of the suite's list, of its reports, of results, and of an earlier summary."""

import argparse
import importlib.machinery
import importlib.util
import json
import os
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ET

TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/conformance")
sys.path.insert(0, TOOLS)
sys.dont_write_bytecode = True

import suite_data  # noqa: E402


def load(name):
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(TOOLS, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


report = load("report")
tests = load("tests")

PODS = "[k8s.io] Pods should run [NodeConformance] [Conformance]"
DNS = "[sig-network] DNS should resolve [Conformance]"
INGRESS = "[sig-network] Ingress API should support old versions [Conformance]"
SERIAL = "[sig-apps] Daemon set [Serial] should roll back [Conformance]"
NAMES = [PODS, DNS, INGRESS, SERIAL]

FAILURE = """/somewhere/test/e2e/framework/framework.go:629
Nov 21 13:57:53.616: failed to list
Unexpected error:
    <*errors.StatusError | 0xc004d9db80>: {
        ErrStatus: {
            Message: "the server is \\"busy\\"",
        },
    }
occurred
/somewhere/pods.go:103"""


def result(state, message="", version="abc1"):
    return {"result": state, "message": message, "seconds": 3, "version": version}


def known(text):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(text)
        file.flush()
        return suite_data.Known(file.name)


KNOWN = known(
    "# a comment\n"
    "removed | Ingress API | networking.k8s.io/v1beta1, removed in 1.22\n"
    "cause | DNS should | there is no DNS yet\n"
    "message | no route to host | the network is down\n"
)


def rows(results):
    return {row["name"]: row for row in report.gather(NAMES, results, KNOWN)}


class SuiteData(unittest.TestCase):
    def test_the_list_is_read_with_its_folds_and_quotes(self):
        listed = (
            "- testname: One\n  codename: '[k8s.io] Pods should\n    run it''s way [Conformance]'\n  release: v1.9\n"
            "- testname: Two\n  codename: plain words\n    over lines\n  file: a.go\n"
        )
        self.assertEqual(suite_data.parse_names(listed), ["[k8s.io] Pods should run it's way [Conformance]", "plain words over lines"])

    def test_files_of_different_tests_have_different_names(self):
        self.assertNotEqual(suite_data.slug("[a] x y"), suite_data.slug("[b] x y"))
        self.assertRegex(suite_data.slug(PODS), r"^Pods-should-run-[0-9a-f]{6}$")

    def test_a_bad_line_of_what_is_known_is_an_error(self):
        with self.assertRaises(ValueError):
            known("removed | only two\n")


JUNIT = """<testsuite tests="2" failures="1">
  <testcase name="%s" time="1"><failure type="Failure">it broke</failure></testcase>
  <testcase name="[sig-network] DNS  should resolve [Conformance]" time="1"></testcase>
  <testcase name="%s" time="0"><skipped>not enough nodes</skipped></testcase>
</testsuite>""" % (PODS, SERIAL)


class Runner(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.results = os.path.join(self.folder.name, "results")
        os.mkdir(self.results)

    def tearDown(self):
        self.folder.cleanup()

    def keep(self, name, state):
        with open(os.path.join(self.results, suite_data.slug(name) + ".json"), "w") as file:
            json.dump(dict(result(state), name=name), file)

    def chosen(self, focus="", failed=False):
        options = argparse.Namespace(cache=self.folder.name, focus=focus, failed=failed)
        return tests.chosen(options, self.results, NAMES)

    def test_the_suites_report_says_what_became_of_a_test(self):
        path = os.path.join(self.folder.name, "junit.xml")
        with open(path, "w") as file:
            file.write(JUNIT)
        self.assertEqual(tests.verdict(path, PODS), ("failed", "it broke"))
        self.assertEqual(tests.verdict(path, DNS), ("passed", ""))
        self.assertEqual(tests.verdict(path, SERIAL), ("skipped", "not enough nodes"))
        self.assertIsNone(tests.verdict(path, INGRESS))
        self.assertIsNone(tests.verdict(os.path.join(self.folder.name, "absent.xml"), PODS))

    def test_a_full_run_goes_on_where_it_stopped(self):
        self.keep(PODS, "passed")
        self.keep(DNS, "failed")
        self.assertEqual(self.chosen(), [INGRESS, SERIAL])

    def test_a_full_run_that_ended_begins_anew(self):
        self.keep(PODS, "passed")
        open(os.path.join(self.results, "ended"), "w").close()
        self.assertEqual(self.chosen(), NAMES)
        self.assertEqual(os.listdir(self.results), [])

    def test_a_part_is_run_again_and_forgets_nothing(self):
        self.keep(PODS, "passed")
        self.keep(DNS, "failed")
        self.assertEqual(self.chosen(focus="Pods|DNS"), [PODS, DNS])
        self.assertEqual(self.chosen(failed=True), [DNS, INGRESS, SERIAL])
        self.assertEqual(self.chosen(focus="Pods|DNS", failed=True), [DNS])
        self.assertEqual(set(suite_data.results(self.folder.name)), {PODS, DNS})


class Report(unittest.TestCase):
    def test_a_test_is_passed_failed_or_not_run(self):
        got = rows({PODS: result("passed"), DNS: result("failed", FAILURE), INGRESS: result("passed"), SERIAL: result("skipped", "needs 3 nodes")})
        self.assertEqual([got[name]["state"] for name in NAMES], ["passed", "failed", "not run", "not run"])
        self.assertEqual(got[DNS]["why"], "there is no DNS yet")
        self.assertEqual(got[INGRESS]["why"], "speaks networking.k8s.io/v1beta1, removed in 1.22")
        self.assertEqual(got[SERIAL]["why"], "needs 3 nodes")

    def test_what_was_not_reached_has_not_passed(self):
        self.assertEqual({row["state"] for row in rows({}).values()}, {"not run"})

    def test_a_failure_without_known_cause_says_so_with_its_message(self):
        self.assertEqual(rows({PODS: result("failed", FAILURE)})[PODS]["why"], 'not looked into: failed to list: the server is \\"busy\\"')
        self.assertEqual(rows({PODS: result("failed", "dial: no route to host")})[PODS]["why"], "the network is down")

    def test_the_table_counts_by_group(self):
        got = report.table(list(rows({PODS: result("passed"), DNS: result("failed")}).values()))
        self.assertIn("| network | 0 | 1 | 1 | 2 |", got)
        self.assertIn("| node | 1 | 0 | 0 | 1 |", got)
        self.assertEqual(got[-1], "| all | 1 | 1 | 2 | 4 |")

    def test_the_page_can_be_read_back(self):
        page = report.page(list(rows({PODS: result("passed"), DNS: result("failed"), SERIAL: result("passed", version="abc2")}).values()))
        self.assertEqual(report.read_page(page), {"DNS should resolve": "failed", "Ingress API should support old versions": "not run"})
        self.assertIn("2 tests at abc1, 1 tests at abc2", page)

    def test_what_broke_and_what_was_mended_shows(self):
        before = report.read_page(report.page(list(rows({PODS: result("passed"), DNS: result("failed"), SERIAL: result("passed")}).values())))
        now = list(rows({PODS: result("failed"), DNS: result("passed"), SERIAL: result("passed")}).values())
        self.assertEqual(report.changes(now, before), [f"passed, was failed: {DNS}", f"failed, was passed: {PODS}"])
        self.assertEqual(report.changes(list(rows({PODS: result("passed"), DNS: result("failed"), SERIAL: result("passed")}).values()), before), [])

    def test_junit_is_well_formed_whatever_a_message_holds(self):
        suite = ET.fromstring(report.junit(list(rows({PODS: result("failed", "bad \x00\x1b[31m <&>\ud800")}).values())))
        self.assertEqual((suite.get("tests"), suite.get("failures"), suite.get("skipped")), ("4", "1", "3"))
        self.assertIn("<&>", suite.find("testcase/failure").text)


if __name__ == "__main__":
    unittest.main()
