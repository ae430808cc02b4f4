"""A list of 100,000 projects in a real browser: what the page holds and asks for does not grow with the list.

Nothing is said here about durations: they are the machine's. `-rA` prints those of the run; the ones in the
performance guide came from there.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from bench.growth_seed import Size, seed
from bench.machine import describe
from bench.seed import write
from playwright.sync_api import Page, Request, Response, expect

from support.console import PROJECTS, Console
from support.processes import ServerProcess

pytestmark = pytest.mark.slow
Visit = Callable[..., Page]

COUNT = 100_000
PAGE_SIZE, LARGEST = 25, 100
# Elements of the whole document: what surrounds the rows, and each row. Twice what the page needs today.
SHELL, PER_ROW = 600, 60
# Calls of a page that is opened: the session and its rights, the clusters' names, the rows, their number.
OPENING = 10
# The list reloads itself this often (seconds): on a slow machine that may happen while somebody waits.
REFRESH = 30
# Keeps the session; it is due when it is due.
SESSION = "/api/v1/session"

# In the page: when something was clicked, when the rows that were asked for were painted, the tasks that kept
# the page from answering in between, and the most the document ever held.
PROBE = """(() => {
  const probe = (window.probe = { rows: 0, nodes: 0, tasks: [], wanted: null, begun: null, drawn: null });
  const list = (selector) => document.querySelector(`section[aria-label="Projects"] ${selector}`);
  const there = ({ first, rows }) =>
    list('table')?.parentElement.ariaBusy === 'false' &&
    list('tbody [data-primary]')?.textContent === first &&
    list('[role="status"]')?.textContent.split(' of ')[0] === rows;
  const look = () => {
    probe.rows = Math.max(probe.rows, document.querySelectorAll('tbody tr').length);
    probe.nodes = Math.max(probe.nodes, document.getElementsByTagName('*').length);
    if (probe.wanted === null || probe.begun === null || !there(probe.wanted)) return;
    probe.wanted = null;
    // A timer set in the frame runs after it was painted.
    requestAnimationFrame(() => setTimeout(() => {
      probe.drawn = performance.now();
      document.documentElement.dataset.drawn = '';
    }));
  };
  const keep = (found) =>
    probe.tasks.push(...found.map((it) => ({ end: it.startTime + it.duration, took: it.duration })));
  const tasks = new PerformanceObserver((seen) => keep(seen.getEntries()));
  tasks.observe({ type: 'longtask', buffered: true });
  const begin = (event) => { if (probe.wanted) probe.begun ??= event.timeStamp; };
  for (const type of ['click', 'input', 'change']) addEventListener(type, begin, true);
  new MutationObserver(look).observe(document, {
    subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ['aria-busy'],
  });
  probe.arm = (wanted) => {
    Object.assign(probe, { rows: 0, nodes: 0, wanted, begun: null, drawn: null });
    delete document.documentElement.dataset.drawn;
    return there(wanted) ?? false;
  };
  probe.read = () => {
    keep(tasks.takeRecords());
    const during = probe.tasks.filter((it) => it.end > probe.begun).map((it) => it.took);
    return {
      rows: probe.rows, nodes: probe.nodes, milliseconds: probe.drawn - probe.begun,
      longest: Math.max(0, ...during),
    };
  };
  const opened = sessionStorage.getItem('probe');
  if (opened) Object.assign(probe, { wanted: JSON.parse(opened), begun: 0 });
})()"""


@dataclass(frozen=True)
class Step:
    """What one interaction did, as the page and the network saw it."""

    name: str
    size: int
    seconds: float
    # The most rows and elements there ever were; milliseconds from the event until the rows were painted, and
    # of the longest task meanwhile.
    seen: dict[str, float]
    calls: list[str]
    answers: list[Response]

    @property
    def pages(self) -> list[str]:
        """The calls for rows."""
        return [it for it in self.calls if is_list(it) and limit(it) == self.size]

    def check(self) -> None:
        """Nothing of it may depend on how long the list is."""
        assert self.seen["rows"] <= self.size, self.name
        assert self.seen["nodes"] <= SHELL + PER_ROW * self.size, self.name
        url, times = Counter(self.calls).most_common(1)[0]
        assert times <= 1 + self.seconds // REFRESH, f"{self.name}: {url}"
        for answer in self.answers:
            assert len(answer.json()["projects"]) <= min(limit(answer.url), self.size), answer.url


@dataclass
class Steps:
    """Does things to the list of projects, and looks at what each took."""

    page: Page
    done: list[Step] = field(default_factory=list[Step])
    _calls: list[str] = field(default_factory=list[str])
    _answers: list[Response] = field(default_factory=list[Response])

    def __post_init__(self) -> None:
        self.page.add_init_script(PROBE)
        self.page.on("request", self._asked)
        self.page.on("response", self._answered)

    def open(self, name: str, path: str, first: str, rows: str, size: int = PAGE_SIZE) -> None:
        """Load the page anew at an address: the session, and the names around the list, are loaded too."""
        wanted = {"first": first, "rows": rows}
        self.page.evaluate("wanted => sessionStorage.setItem('probe', JSON.stringify(wanted))", wanted)
        step = self._step(name, lambda: self.page.goto(path), rows, f"{COUNT:,}", size)
        assert len(step.calls) <= OPENING, step.calls
        asked = {it for it in step.calls if is_list(it)}
        counts = {it for it in asked if limit(it) == 1}
        assert len(counts) <= 1, step.calls
        assert len(asked - counts) == 1, step.calls

    def act(
        self,
        name: str,
        act: Callable[[], Any],
        first: str,
        rows: str,
        size: int = PAGE_SIZE,
        total: str = f"{COUNT:,}",
    ) -> None:
        """Do something, after which the page shows `rows` of the list, from the project `first` on."""
        wanted = {"first": first, "rows": rows}
        already = self.page.evaluate("wanted => probe.arm(wanted)", wanted)
        assert not already, f"{name}: the page shows {wanted} before anything was done"
        before = self.done[-1].pages
        step = self._step(name, act, rows, total, size)
        asked = {it for it in step.calls if it not in before and not urlsplit(it).path.startswith(SESSION)}
        counts = {it for it in asked if is_list(it) and limit(it) == 1}
        assert len(counts) <= 1, f"{name}: {step.calls}"
        assert len(asked - counts) == 1, f"{name}: {step.calls}"
        assert asked - counts <= {*step.pages}, f"{name}: {step.calls}"

    def _asked(self, request: Request) -> None:
        if request.is_navigation_request():
            # What came before was the page that is being left.
            self._calls.clear()
        elif "/api/" in request.url:
            self._calls.append(request.url)

    def _answered(self, response: Response) -> None:
        if is_list(response.url) and response.url in self._calls:
            self._answers.append(response)

    def _step(self, name: str, act: Callable[[], Any], rows: str, total: str, size: int) -> Step:
        self._calls.clear()
        self._answers.clear()
        began = time.monotonic()
        act()
        expect(self.page.locator("html[data-drawn]")).to_be_attached()
        self.page.evaluate("sessionStorage.removeItem('probe')")
        status = self.page.get_by_role("region", name="Projects").get_by_role("status")
        expect(status).to_have_text(f"{rows} of {total}")
        seen = self.page.evaluate("probe.read()")
        answers = list(self._answers)
        step = Step(name, size, time.monotonic() - began, seen, list(self._calls), answers)
        self.done.append(step)
        step.check()
        return step

    def figures(self) -> str:
        """What it took on this machine, for people."""
        here = describe()
        lines = [f"{here.cpu}, {here.cores} cores, load average {here.busy}, commit {here.commit}"]
        lines += ["| what | until drawn, ms | longest task, ms | calls | elements |", "|---|--:|--:|--:|--:|"]
        for it in self.done:
            seen = it.seen
            lines.append(
                f"| {it.name} | {seen['milliseconds']:.0f} | {seen['longest']:.0f}"
                f" | {len(it.calls)} | {seen['nodes']:,} |"
            )
        return "\n".join(lines)


def is_list(url: str) -> bool:
    """Whether a call asks for projects."""
    return urlsplit(url).path == PROJECTS


def limit(url: str) -> int:
    """How many rows a call asks for."""
    return int(parse_qs(urlsplit(url).query)["limit"][0])


@pytest.fixture(scope="module")
def console(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """In place of the folder's: a server whose only tenant is a large one."""
    server = ServerProcess(tmp_path_factory.mktemp("large"), public_url="")
    try:
        server.wait_until_ready()
        cluster = Console(server).post("/api/v1/clusters", {"name": "frankfurt"})["uuid"]
        # Stopped meanwhile: the database takes one writer at a time, and this one takes its time.
        server.terminate()
        database = server.data_dir / "runplane.db"
        write(database, lambda unit: seed(unit, cluster, Size(COUNT), None))
        server.start()
        yield Console(server)
    finally:
        server.close()


def test_a_list_of_a_hundred_thousand_asks_for_and_holds_one_page(visit: Visit) -> None:
    page = visit("/")
    steps = Steps(page)
    table = page.get_by_role("region", name="Projects")

    def click(name: str) -> Callable[[], None]:
        return lambda: table.get_by_role("button", name=name, exact=True).click()

    steps.open("open", "/projects", "project-001000", "1–25")
    steps.act("next page", click("Next page"), "project-001025", "26–50")
    steps.act("sort by name", click("Project"), "project-001000", "1–25")
    steps.act("the other way round", click("Project"), "project-100999", "1–25")
    steps.act("sort by department", click("Department"), "project-005000", "1–25")
    size = page.get_by_label("Rows on a page")
    # 20 projects in each department
    steps.act("100 rows", lambda: size.select_option("100"), "project-005000", "1–100", LARGEST)
    steps.open("open page 990", "/projects?page=990", "project-099900", "98,901–99,000", LARGEST)
    steps.act("next page, there", click("Next page"), "project-100000", "99,001–99,100", LARGEST)
    search = page.get_by_role("searchbox", name="Search projects")
    steps.act("search", lambda: search.fill("00777"), "project-007770", "1–11", LARGEST, "11")
    print(steps.figures())  # noqa: T201 - for -rA
