"""Every page and the table of rights: who is not signed in, or has not the right, gets nothing of it."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from werkzeug.routing import Rule

from agencies.rights import RIGHTS, has_right
from desk.access import FILES, table
from tests.support.field import WORDS, Field, with_field
from tests.support.served import Served, serving

OPEN = {
    "entry.start", "entry.sign_in", "leave.now", "leave.notes",
    "alerts.told", "verify.check",
    "enrolment.page", "enrolment.made",
    "setup.tasks", "setup.language", "setup.agency", "setup.administrators", "setup.second_factor", "setup.shares",
    "setup.share", "setup.broker", "setup.finish",
}  # fmt: skip
TAKES_A_CHOICE = {
    "exhibit_papers.labels", "handovers.offer", "handovers.offered", "handovers.document", "handovers.signed",
    "handovers.answered", "handovers.answer", "handovers.close",
}  # fmt: skip
ROLES = {
    "north": {
        "liaison-1": "liaison", "supervisor-1": "supervisor", "auditor-1": "auditor",
        "administrator-1": "administrator",
    },
    "shelter": {"case-worker-1": "case-worker"},
    "south": {"prosecutor-1": "prosecutor"},
}  # fmt: skip
NOTHING = "0" * 32


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with with_field(tmp_path_factory.mktemp("field")) as field:
        yield field


@pytest.fixture(scope="module", params=sorted(ROLES))
def served(request: pytest.FixtureRequest, field: Field) -> Iterator[Served]:
    with serving(field, getattr(field, request.param)) as served:
        yield served


def rules(served: Served) -> list[Rule]:
    return [rule for rule in served.app.url_map.iter_rules() if rule.endpoint not in FILES]


def address(served: Served, rule: Rule) -> str:
    """The page with an id of nothing in each place."""
    with served.app.test_request_context():
        built = served.app.url_map.bind("localhost").build(rule.endpoint, dict.fromkeys(rule.arguments, NOTHING))
    return served.url + built


def enter(client: httpx2.Client, served: Served, handle: str) -> None:
    page = client.get(f"{served.url}/sign-in").text
    answer = client.post(
        f"{served.url}/sign-in", data={"handle": handle, "passphrase": WORDS, "csrf_token": token_in(page)}
    )
    assert answer.status_code == 303


def token_in(page: str) -> str:
    return page.split('name="csrf_token" type="hidden" value="')[1].split('"')[0]


@pytest.fixture
def client(served: Served) -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, headers={"Origin": served.url}, timeout=30) as client:
        yield client


def test_the_open_pages_are_the_listed_few(served: Served) -> None:
    assert {endpoint for endpoint, access in table(served.app).items() if access.is_open} == OPEN


def test_without_a_sign_in_every_other_page_leads_to_it_and_every_form_is_refused(
    served: Served, client: httpx2.Client
) -> None:
    for rule in rules(served):
        for method in rule.methods & {"GET", "POST"}:
            answer = client.request(method, address(served, rule))
            if rule.endpoint in OPEN:
                assert method == "POST" or answer.status_code in (200, 302, 303)
                continue
            assert answer.status_code == 302, rule
            assert answer.headers["Location"] == "/sign-in"


def test_every_form_takes_the_token_of_its_own_page(served: Served, client: httpx2.Client) -> None:
    enter(client, served, next(iter(ROLES_OF[served.desk.agency])))
    for rule in rules(served):
        access = table(served.app)[rule.endpoint]
        may = access.right is None or has_right([next(iter(ROLES_OF[served.desk.agency].values()))], access.right)
        if "POST" in rule.methods and may and not access.is_step:
            answer = client.post(address(served, rule), data={})
            assert answer.status_code == 400, rule
            assert "stale-page" in answer.text


ROLES_OF: dict[str, dict[str, str]] = {
    "north-police": ROLES["north"], "shelter-ngo": ROLES["shelter"], "south-prosecutor": ROLES["south"],
}  # fmt: skip


def test_each_role_reaches_what_the_table_gives_it_and_nothing_else(served: Served) -> None:
    wrong, reached, refused = [], 0, 0
    for handle, role in ROLES_OF[served.desk.agency].items():
        with httpx2.Client(trust_env=False, headers={"Origin": served.url}, timeout=30) as client:
            enter(client, served, handle)
            for rule in rules(served):
                right = table(served.app)[rule.endpoint].right
                if right is None or "GET" not in rule.methods:
                    continue
                answer = client.get(address(served, rule))
                is_refused = answer.status_code == 403 and "This is not for your role" in answer.text
                if not has_right([role], right):
                    refused += 1
                    wrong += [] if is_refused else [(handle, rule, answer.status_code)]
                    continue
                reached += 1
                # A page of something takes an id, or a choice; nothing has the one that is tried here.
                is_of_something = rule.arguments or rule.endpoint in TAKES_A_CHOICE
                fine = {200} | ({302, 303, 403, 404} if is_of_something else set())
                if is_refused or answer.status_code not in fine:
                    wrong.append((handle, rule, answer.status_code))
    assert wrong == []
    assert reached
    assert refused


def test_an_administrator_and_an_auditor_have_no_right_that_reaches_evidence() -> None:
    from agencies.rights import EVIDENCE_RIGHTS

    for role in ("administrator", "auditor"):
        assert not [right for right in EVIDENCE_RIGHTS if has_right([role], right)]
    assert [right for right in EVIDENCE_RIGHTS if has_right(["liaison"], right)]
    assert set(RIGHTS) > EVIDENCE_RIGHTS


def test_a_page_that_says_nothing_of_who_may_use_it_stops_the_desk_from_starting(served: Served) -> None:
    found: dict[str, Any] = dict(served.app.view_functions)
    try:
        served.app.view_functions["planted.page"] = lambda: "open to all"
        with pytest.raises(RuntimeError, match=r"planted\.page"):
            table(served.app)
    finally:
        served.app.view_functions.clear()
        served.app.view_functions.update(found)
