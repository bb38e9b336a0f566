"""The report in a real browser, where one is installed: it renders at phone and desktop width without an error."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.report import make_report
from tests.pipeline.report.samples import sample

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

# Runs in the page: sideways scrolling, text outside its chart, and what the theme button does, written into the title.
PROBE = """
<script>
  window.addEventListener('load', function () {
    var wide = document.documentElement.scrollWidth > window.innerWidth;
    var before = getComputedStyle(document.body).backgroundColor;
    document.getElementById('theme').click();
    var after = getComputedStyle(document.body).backgroundColor;
    var visible = Array.from(document.querySelectorAll('.chart svg')).filter(function (e) { return e.clientHeight; });
    document.title = ['wide:' + wide, 'themes:' + (before !== after), 'charts:' + visible.length].join(' ');
  });
</script>
"""


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH; install it to check how the report renders")
@pytest.mark.parametrize("width", [390, 1280])
def test_renders_without_errors_and_without_sideways_scrolling(tmp_path: Path, width: int) -> None:
    page = make_report(*sample(channels=12, classes=["a", "b", "an unusually long name of a class " * 4]))
    path = tmp_path / "report.html"
    path.write_text(page.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    done = subprocess.run(
        [
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--window-size={width},900",
            "--dump-dom",
            path.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in done.stderr
    title = done.stdout.split("<title>")[1].split("</title>")[0]
    assert title == "wide:false themes:true charts:2"
