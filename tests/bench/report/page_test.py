#!/usr/bin/env python3
"""A report's page in a browser: at several widths, in both themes, with keyboard, without scripts.

Needs Chromium, its driver and Selenium (tools/setup --dev); skipped, and said so, without them.
"""

import json
import os
import pathlib
import shutil
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import report_testing as testing  # noqa: E402

try:
    from selenium import webdriver
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
except ImportError:
    webdriver = None

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
WIDTHS = (400, 800, 1280, 1600)
PAGES = ("seqpar", "bench", "interrupted", "hostile", "large", "two")

# The contrast of each text with the nearest opaque background behind it; those below 4.5.
CONTRAST = """
const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
const light = (c) => c.slice(0, 3).map((v) => v / 255).map(
    (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const color = rgb(getComputedStyle(at).backgroundColor);
    if (color.length === 3 || color[3] === 1) return color;
  }
  return [255, 255, 255];
};
const poor = [];
for (const element of document.querySelectorAll('body *')) {
  const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  if (!own || ['SCRIPT', 'STYLE', 'title', 'desc'].includes(element.tagName)) continue;
  const style = getComputedStyle(element);
  if (style.display === 'none' || style.visibility === 'hidden') continue;
  const color = rgb(element instanceof SVGElement ? style.fill : style.color);
  const a = light(color), b = light(behind(element));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) poor.push(`${element.tagName} ${element.className} ${ratio.toFixed(2)}`);
}
return poor.slice(0, 10);
"""


def start_browser():
    options = Options()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--user-data-dir=" + testing.scratch("profile")):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # Strict: the browser must not see the caller's home.
    os.environ["HOME"] = testing.scratch("home")
    os.makedirs(os.environ["HOME"], exist_ok=True)
    return webdriver.Chrome(service=Service(DRIVER), options=options)


class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = {}
        for name in PAGES:
            runs = ("seqpar", "hostile") if name == "two" else (name,)
            saved = [testing.write(f"{run}.json", testing.sample(run)) for run in runs]
            cls.files[name] = os.path.abspath(testing.scratch(f"{name}.html"))
            result = testing.spindle("report", *saved, "--html", cls.files[name])
            assert result.returncode == 0, result.stderr
        cls.browser = start_browser()
        cls.addClassCleanup(cls.browser.quit)

    def open(self, name, width=1280, fragment=""):
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False})
        self.browser.get("about:blank")
        self.browser.get(f"file://{self.files[name]}{fragment}")

    def script(self, text, *arguments):
        return self.browser.execute_script(text, *arguments)

    def test_no_message_no_request_no_alert(self):
        for name in PAGES:
            with self.subTest(name):
                self.open(name)
                self.assertEqual(self.browser.get_log("browser"), [])
                self.assertEqual(self.script(
                    "return performance.getEntriesByType('resource').map((e) => e.name)"), [])
                self.assertEqual(
                    self.script("return document.querySelectorAll('img, iframe').length"), 0)
                data = 2 if name == "two" else 1
                self.assertEqual(self.script("return document.scripts.length"), data + 1)
                self.assertLess(os.path.getsize(self.files[name]), 400_000)

    def test_no_page_is_wider_than_the_window(self):
        for name in PAGES:
            with self.subTest(name):
                for width in WIDTHS:
                    self.open(name, width)
                    self.assertLessEqual(self.script("return document.documentElement.scrollWidth"),
                                         width, f"at {width}")

    def test_nothing_of_a_chart_is_cut_off(self):
        for width in WIDTHS:
            self.open("seqpar", width)
            outside = self.script("""
                return [...document.querySelectorAll('.chart')].flatMap((chart) => {
                  const frame = chart.getBoundingClientRect();
                  return [...chart.querySelectorAll('svg text')].filter((text) => {
                    const box = text.getBoundingClientRect();
                    return box.width > 0 && (box.left < frame.left || box.right > frame.right ||
                                             box.bottom > frame.bottom);
                  }).map((text) => text.textContent);
                });""")
            self.assertEqual(outside, [], f"at {width}")

    def test_the_theme_can_be_chosen(self):
        background = "return getComputedStyle(document.body).backgroundColor"
        self.open("seqpar", fragment="#light")
        light = self.script(background)
        button = self.browser.find_element(By.ID, "theme")
        self.assertEqual(button.text, "Dark theme")
        button.click()
        dark = self.script(background)
        self.assertNotEqual(light, dark)
        self.assertEqual(button.text, "Light theme")
        button.click()
        self.assertEqual(self.script(background), light)
        for scheme, color in (("dark", dark), ("light", light)):
            self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {
                "features": [{"name": "prefers-color-scheme", "value": scheme}]})
            self.open("seqpar")
            self.assertEqual(self.script(background), color)
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    def test_text_has_contrast_in_both_themes(self):
        for name in PAGES:
            with self.subTest(name):
                for theme in ("#light", "#dark"):
                    self.open(name, fragment=theme)
                    self.assertEqual(self.script(CONTRAST), [], theme)

    def test_the_data_is_json(self):
        self.open("hostile")
        run = json.loads(self.script("return document.getElementById('run-json').textContent"))
        self.assertEqual(run["schema"], "spindle.run/1")
        self.assertIn("</script><script>alert(1)", run["cmd"][2])
        self.assertEqual(len(self.browser.find_elements(By.CSS_SELECTOR, ".download")), 1)
        self.assertTrue(self.browser.find_element(By.CSS_SELECTOR, ".download").is_displayed())

    def test_a_point_with_focus_shows_its_value(self):
        self.open("seqpar")
        point = self.browser.find_elements(By.CSS_SELECTOR, ".point")[4]
        value = point.find_element(By.CSS_SELECTOR, ".value")
        self.assertFalse(value.is_displayed())
        self.script("arguments[0].focus()", point)
        self.assertTrue(value.is_displayed())
        self.assertIn("16 connections", value.text)
        self.assertIn("15.5×", value.text)
        self.assertIn("15.5×", point.get_attribute("aria-label"))

    def test_values_at_every_point_stay_within_a_narrow_window(self):
        self.open("seqpar", 400)
        cut = self.script("""
            return [...document.querySelectorAll('.point')].filter((point) => {
              point.focus();
              const box = point.querySelector('.value').getBoundingClientRect();
              const frame = point.closest('.chart').getBoundingClientRect();
              return box.width === 0 || box.left < frame.left || box.right > frame.right;
            }).map((point) => point.getAttribute('aria-label'));""")
        self.assertEqual(cut, [])

    def test_arrow_keys_walk_the_timeline(self):
        self.open("seqpar")
        lanes = self.browser.find_element(By.CSS_SELECTOR, ".lanes")
        readout = self.browser.find_element(By.CSS_SELECTOR, ".readout")
        before = readout.text
        self.script("arguments[0].focus()", lanes)
        lanes.send_keys(Keys.ARROW_RIGHT)
        self.assertEqual(readout.text,
                         "Connection 0, write: from 10 µs to 130 µs, 120 µs long")
        lanes.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_DOWN)
        self.assertIn("Connection 1, in flight: from 11.25 ms", readout.text)
        lanes.send_keys(*[Keys.ARROW_DOWN] * 100, *[Keys.ARROW_RIGHT] * 100)
        self.assertIn("Connection 7, ack", readout.text)
        self.script("arguments[0].blur()", lanes)
        self.assertEqual(readout.text, before)

    def test_a_screen_reader_finds_its_way(self):
        for name in PAGES:
            with self.subTest(name):
                self.open(name)
                levels = self.script("return [...document.querySelectorAll('h1,h2,h3,h4')].map("
                                     "(h) => +h.tagName[1])")
                self.assertEqual(levels[0], 1)
                self.assertEqual(levels.count(1), 1)
                for above, below in zip(levels, levels[1:]):
                    self.assertLessEqual(below, above + 1, levels)
                self.assertEqual(self.script("""
                    return [...document.querySelectorAll('svg[role=img]')].filter((svg) =>
                      svg.getAttribute('aria-labelledby').split(' ').some(
                        (id) => !document.getElementById(id)?.textContent)).length"""), 0)
                self.assertEqual(self.script(
                    "return [...document.querySelectorAll('table')].filter("
                    "(t) => !t.caption?.textContent).length"), 0)
                self.assertEqual(self.script("return document.documentElement.lang"), "en")

    def test_without_scripts_all_is_there(self):
        self.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        try:
            self.open("seqpar")
            heading = self.browser.find_element(By.TAG_NAME, "h1")
            self.assertIn("15.5× as fast", heading.text)
            self.assertFalse(self.browser.find_element(By.ID, "theme").is_displayed())
            self.assertEqual(len(self.browser.find_elements(By.CSS_SELECTOR, ".chart")), 5)
            self.assertIn("Sequential with 8 connections was done after 89 ms",
                          self.browser.find_element(By.CSS_SELECTOR, ".readout").text)
        finally:
            self.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})

    def test_prints_on_white(self):
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        try:
            self.open("seqpar", fragment="#dark")
            self.assertEqual(self.script("return getComputedStyle(document.body).backgroundColor"),
                             "rgb(255, 255, 255)")
            self.assertEqual(self.script(CONTRAST), [])
        finally:
            self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


if __name__ == "__main__":
    missing = [name for name, found in (("chromium", CHROMIUM), ("chromium-driver", DRIVER),
                                        ("python3-selenium", webdriver)) if not found]
    if missing:
        print(f"skipped: {', '.join(missing)} not installed (tools/setup --dev)")
        sys.exit(0)
    testing.main()
