"""The page as a person meets it, in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import TOKEN, Server, serving

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "microsoft-edge")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not any(map(shutil.which, BROWSERS)), reason="needs a browser"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """Return a page that fails the test when it complains, of its policy too."""
    opened = browser.new_page()
    said: list[str] = []
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("console", lambda one: said.append(one.text) if one.type == "error" else None)
    opened.set_default_timeout(60_000)
    yield opened
    # What the browser says of answers such as 401 and 422 is no complaint of the page's.
    assert not [one for one in said if "Failed to load resource" not in one]
    opened.close()


def at(server: Server) -> str:
    return f"http://localhost:{server.port}/"


def test_a_person_fills_the_form_and_sees_the_prediction(server: Server, page: Any) -> None:
    page.goto(at(server))
    page.wait_for_selector("#field-0")
    assert page.title() == "Predict tall"
    assert page.locator("#fields label").count() == 5
    page.get_by_label("size").fill("2.5")
    page.get_by_label("colour").select_option("green")
    page.get_by_role("button", name="Predict").click()
    assert page.locator("#prediction").text_content() == "yes"
    assert "92.4 %" in page.locator("#result").text_content()
    page.get_by_label("size").fill("-2.5")
    page.get_by_label("since").fill("")
    page.get_by_role("button", name="Predict").click()
    page.wait_for_function("document.querySelector('#prediction').textContent === 'no'")
    page.get_by_label("size").fill("99")
    page.get_by_role("button", name="Predict").click()
    page.wait_for_selector("text=size lies far outside the range of training")


def test_the_main_reasons_follow_the_prediction(server: Server, page: Any) -> None:
    page.goto(at(server))
    page.get_by_label("size").fill("2.5")
    page.get_by_role("button", name="Predict").click()
    page.wait_for_selector("#reasons")
    lines = page.locator("#reasons p").all_text_contents()
    assert page.locator("#reasons h2").text_content() == "Main reasons for yes"
    assert lines[0].startswith("on average")
    assert lines[1].startswith("size: 2.5+")
    # The lines add up to the probability, but for their rounding.
    parts = [
        float(one.replace("\u2212", "-").removesuffix(" %"))
        for one in page.locator("#reasons b").all_text_contents()
    ]
    assert sum(parts) == pytest.approx(92.4, abs=0.05 * len(parts) + 0.05)


def test_reasons_are_text_whatever_was_typed(server: Server, page: Any) -> None:
    page.goto(at(server))
    page.route(
        "**/predict?explain=true",
        lambda route: route.fulfill(
            json={
                "prediction": "<b>yes</b>",
                "probabilities": {"yes": 1.0},
                "explanation": {
                    "base": 0.5,
                    "contributions": {"<img src=x onerror=alert(1)>": 0.5},
                },
                "main_reasons": [{"field": "<img src=x onerror=alert(1)>", "contribution": 0.5}],
            }
        ),
    )
    page.get_by_role("button", name="Predict").click()
    page.wait_for_selector("#reasons")
    assert page.locator("#result img, #result b b").count() == 0
    assert "<b>yes</b>" in page.locator("#reasons h2").text_content()


def test_a_prediction_without_reasons_is_still_shown(server: Server, page: Any) -> None:
    page.goto(at(server))
    page.route("**/predict?explain=true", lambda route: route.fulfill(status=503, json={}))
    with page.expect_response("**/predict?explain=true"):
        page.get_by_role("button", name="Predict").click()
    assert page.locator("#prediction").count() == 1
    assert page.locator("#reasons").count() == 0


def test_what_is_wrong_is_shown_at_its_field(server: Server, page: Any) -> None:
    page.goto(at(server))
    page.get_by_label("since").fill("<img src=x onerror=alert(1)>")
    page.get_by_role("button", name="Predict").click()
    page.wait_for_selector("text=since: not of the field's kind")
    assert page.get_by_label("since").get_attribute("aria-invalid") == "true"
    assert page.locator("#result img").count() == 0


def test_the_form_can_be_used_with_the_keyboard_alone(server: Server, page: Any) -> None:
    page.goto(at(server))
    page.get_by_label("size").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("3")
    page.keyboard.press("Enter")
    page.wait_for_selector("#prediction")


def test_a_token_is_asked_for(models: dict[str, Path], tmp_path: Path, page: Any) -> None:
    with serving(models["first"], tmp_path, AUTOML_TOKEN=TOKEN) as server:
        page.goto(at(server))
        page.get_by_label("Token").fill("wrong")
        page.get_by_role("button", name="Open").click()
        page.wait_for_selector("text=This token is wrong.")
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Open").click()
        page.get_by_role("button", name="Predict").click()
        page.wait_for_selector("#prediction")
        assert TOKEN not in page.content()


def test_it_fits_a_narrow_window(server: Server, page: Any) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(at(server))
    page.wait_for_selector("#field-0")
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0
