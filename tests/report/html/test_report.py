"""The report as people use it: drawn, filtered, opened, turned, by mouse and by keys alone."""

from pathlib import Path

from testbed.chromium import Page
from tests.report import made_up

COLOURS = """(canvas => {
  const d = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const seen = new Set();
  for (let i = 0; i < d.length; i += 4) seen.add((d[i] << 16) | (d[i + 1] << 8) | d[i + 2]);
  return seen.size;
})"""
CLOUD = """(() => {
  const c = document.getElementById('cloud');
  const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  let sum = 0;
  for (let i = 0; i < d.length; i++) sum = (sum * 31 + d[i]) | 0;
  return sum;
})()"""


def focused(page: Page) -> str:
    return page.run("document.activeElement.id || document.activeElement.className")


def cards(page: Page) -> list[str]:
    return page.run("[...document.querySelectorAll('.card .name')].map(n => n.textContent)")


def choose(page: Page, select: str, value: str) -> None:
    page.run(
        f"(s => {{ s.value = {value!r}; s.dispatchEvent(new Event('change')); }})"
        f"(document.getElementById({select!r}))"
    )


def open_first(page: Page) -> None:
    page.run("document.querySelector('.card').click()")
    page.wait("document.querySelectorAll('#panels canvas').length === 6")
    page.settle()


def test_the_page_has_no_error_and_loads_nothing_but_itself(page: Page) -> None:
    open_first(page)
    assert page.problems == []
    page.run("document.querySelector('.zoom').click()")
    page.settle()
    assert [u for u in page.requests if not u.startswith(("data:", "blob:"))] == [
        page.run("location.href.split('#')[0]")
    ]


def test_tables_and_charts_show_the_results(page: Page) -> None:
    tiles = page.run("[...document.querySelectorAll('.tile b')].map(b => b.textContent)")
    assert tiles == ["0.750", "0.970", "0.900", "0.500"]
    assert page.run("document.querySelectorAll('#curve-charts .curve').length") == 10
    assert page.run("document.querySelectorAll('#histograms svg').length") == 2
    row = page.run("document.querySelector('#threshold-table tbody tr').innerText").split("\t")
    assert row == [
        "rope",
        "1.000",
        "8",
        "11 %",
        "31 %",
        "1 of 3",
        "33 %",
        "0.84 % to 91 %",
        "1 of 3",
    ]


def test_the_studies_best_stands_beside_its_metric(page: Page) -> None:
    texts = page.run("[...document.querySelectorAll('.tile .best')].map(b => b.textContent)")
    assert texts == [f"best of study votes: 0.875 ± 0.013 ({made_up.HOSTILE}, 3 seeds)"]
    assert page.run("document.querySelectorAll('.tile')[0].querySelectorAll('.best').length") == 1


def test_rivals_stand_below_ours_and_the_best_of_a_column_is_marked(page: Page) -> None:
    """Theirs is the higher I-AUROC (0.8 against 0.75) and AUPRO@1 (0.55 against 0.5)."""
    rows = page.run(
        "[...document.querySelectorAll('#rival-table tbody tr')].map(line =>"
        " [line.className, ...[...line.cells].map(c => (c.className ? '*' : '') + c.textContent)])"
    )
    name = "Nearest neighbours (PatchCore, M3DM)"
    assert rows == [
        ["ours", "Mentor3AD (ours)", "0.750", "*0.970", "*0.900", "0.500"],
        ["", name, "*0.800", "0.900", "0.850", "*0.550"],
        ["part", "RGB alone", "0.700", "0.500", "0.400", "0.100"],
    ]
    assert page.run("document.querySelectorAll('#rival-categories table').length") == 2


def test_without_rivals_their_tables_are_hidden(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "bare.html"
    file.write_text(made_up.page_without_views(), encoding="utf-8")
    page.open(file)
    assert page.run("document.getElementById('rivals').hidden") is True


def test_a_report_without_views_says_so(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "bare.html"
    file.write_text(made_up.page_without_views(), encoding="utf-8")
    page.open(file)
    assert "evaluate.views was false" in page.run("document.getElementById('scans').innerText")
    assert page.run("document.querySelectorAll('#curve-charts .curve').length") == 10
    assert page.problems == []


def test_a_hostile_name_is_text(page: Page) -> None:
    assert page.run("document.images.length") == 0
    assert any(made_up.HOSTILE in name for name in cards(page))


def test_the_worst_errors_come_first(page: Page) -> None:
    """A miss at a fifth of the threshold is worse than a false alarm at thrice it."""
    assert [name.split("/")[-1] for name in cards(page)[:4]] == ["003", "003", "001", "001"]
    assert page.run("document.querySelector('.card .badge').textContent") == "✕ missed defect"


def test_filters_keep_what_they_say(page: Page) -> None:
    choose(page, "filter-category", "1")
    choose(page, "filter-verdict", "alarm")
    assert cards(page) == ["tire test/good/001"]
    choose(page, "filter-verdict", "")
    choose(page, "filter-defect", "=cut")
    assert sorted(cards(page)) == ["tire test/cut/002", "tire test/cut/004"]
    choose(page, "order", "high")
    assert cards(page) == ["tire test/cut/002", "tire test/cut/004"]


def test_every_panel_draws(page: Page) -> None:
    open_first(page)
    counts = page.run(f"[...document.querySelectorAll('#panels canvas')].map({COLOURS})")
    assert len(counts) == 6
    assert min(counts) > 3


def test_cards_draw_when_they_are_seen(page: Page) -> None:
    page.run("document.querySelector('.card').scrollIntoView()")
    page.wait(f"{COLOURS}(document.querySelector('.card canvas')) > 3")


def test_every_colouring_of_the_cloud_is_another_picture(page: Page) -> None:
    open_first(page)
    pictures = []
    for layer in ("picture", "rgb", "xyz", "mtr", "anomaly", "truth"):
        page.run(f"document.querySelector('input[value={layer}]').click()")
        page.settle()
        pictures.append(page.run(CLOUD))
        assert page.run(f"{COLOURS}(document.getElementById('cloud'))") > 8, layer
    assert len(set(pictures)) == 6


def test_ground_truth_is_where_the_defect_is(page: Page) -> None:
    choose(page, "filter-defect", "=cut")
    open_first(page)
    page.run("document.querySelector('input[value=truth]').click()")
    page.settle()
    orange = """(c => {
      const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
      let n = 0;
      for (let i = 0; i < d.length; i += 4) if (d[i] > 1.8 * d[i + 1] && d[i + 2] < 40) n++;
      return n / (c.width * c.height);
    })(document.getElementById('cloud'))"""
    assert 0.002 < page.run(orange) < 0.1


def test_the_cloud_turns_by_mouse_and_by_keys(page: Page) -> None:
    open_first(page)
    box = page.run(
        "(r => [r.x, r.y, r.width])(document.getElementById('cloud').getBoundingClientRect())"
    )
    middle = (box[0] + box[2] / 2, box[1] + box[2] / 2)
    first = page.run(CLOUD)
    page.drag(middle, (middle[0] + 60, middle[1] + 20))
    page.settle()
    dragged = page.run(CLOUD)
    page.run("document.getElementById('cloud').focus()")
    page.key("ArrowRight")
    page.settle()
    turned = page.run(CLOUD)
    page.key("+")
    page.settle()
    zoomed = page.run(CLOUD)
    page.key("0")
    page.settle()
    assert len({first, dragged, turned, zoomed}) == 4
    assert page.run(CLOUD) == first


def test_touch_turns_the_cloud(page: Page) -> None:
    open_first(page)
    x, y = page.run(
        "(r => [r.x + r.width / 2, r.y + r.height / 2])"
        "(document.getElementById('cloud').getBoundingClientRect())"
    )
    first = page.run(CLOUD)
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        ("touchMove", [{"x": x + 50, "y": y + 10}]),
        ("touchEnd", []),
    ):
        page.send("Input.dispatchTouchEvent", type=kind, touchPoints=points)
    page.settle()
    assert page.run(CLOUD) != first


def test_keys_alone_open_leaf_and_close(page: Page) -> None:
    page.run("document.querySelector('.card').focus()")
    page.key("Tab")
    second = page.run("document.activeElement.querySelector('.name').textContent")
    page.key("Enter")
    page.wait("document.getElementById('viewer').open")
    assert page.run("document.getElementById('viewer-title').textContent") == second
    page.key("ArrowRight")
    page.settle()
    assert page.run("document.getElementById('viewer-title').textContent") == cards(page)[2]
    page.key("Escape")
    page.wait("!document.getElementById('viewer').open")
    # The dialog puts the focus where it was, and the close event then puts it on the last scan.
    page.wait("document.activeElement === document.querySelectorAll('.card')[2]")


def test_the_first_tab_stop_skips_to_the_scans(page: Page) -> None:
    page.key("Tab")
    assert focused(page) == "skip"


def test_what_can_be_used_has_a_name(page: Page) -> None:
    open_first(page)
    tree = page.send("Accessibility.getFullAXTree")["nodes"]
    used = {"button", "combobox", "radio", "link", "image", "dialog"}
    nameless = [
        node["role"]["value"]
        for node in tree
        if not node.get("ignored")
        and node["role"]["value"] in used
        and not node.get("name", {}).get("value")
    ]
    assert nameless == []


def test_a_phone_scrolls_one_way_only(page: Page) -> None:
    page.size(360, 740, mobile=True, scale=2)
    page.settle()
    assert page.run("document.documentElement.scrollWidth") == 360
    open_first(page)
    assert page.run("document.getElementById('viewer').scrollWidth") <= 360


def test_dark_follows_the_system_until_the_switch_is_used(page: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.run(ground)
    page.dark(True)
    dark = page.run(ground)
    assert light == "rgb(255, 255, 255)" != dark
    page.run("document.getElementById('theme').click()")
    assert page.run(ground) == light
    page.run("localStorage.clear()")
