"""Violations of accessibility rules that axe-core finds on a page."""

import importlib.util
import json
from pathlib import Path

from playwright import sync_api

# A transition passes through colours of low contrast.
SETTLED = """
Promise.allSettled(document.getAnimations()
  .filter((animation) => animation.effect.getComputedTiming().endTime !== Infinity)
  .map((animation) => animation.finished))
"""
# WCAG 2.1 A and AA: contrast, roles, names and landmarks.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


def violations(page: sync_api.Page) -> list[tuple[str, str]]:
    """Returns the broken rules, each with the elements that break it."""
    page.evaluate(_script())
    page.evaluate(SETTLED)
    found = page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES
    )
    return [
        (each["id"], json.dumps([node["target"] for node in each["nodes"]])[:400])
        for each in found["violations"]
    ]


def _script() -> str:
    """Returns the script of axe-core, out of the wheel that carries it."""
    found = importlib.util.find_spec("axe_playwright_python")
    assert found is not None
    assert found.origin is not None
    return (Path(found.origin).parent / "axe.min.js").read_text()
