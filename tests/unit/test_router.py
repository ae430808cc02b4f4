"""The segment tree: fixed segments win, methods are told apart, nothing unexpected matches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runplane.server.authz.guard import public
from runplane.server.core.errors import MethodNotAllowed, NotFound
from runplane.server.http.operation import NotAudited, Operation
from runplane.server.http.router import Router


def operation(method: str, path: str) -> Operation:
    return Operation(
        id=f"{method} {path}",
        method=method,
        path=path,
        allow=public("a test"),
        handler=lambda _: None,
        tag="test",
        writes=method != "GET",
        audit=NotAudited("a test"),
    )


ROUTES = [
    ("GET", "/api/v1/users"),
    ("POST", "/api/v1/users"),
    ("GET", "/api/v1/users/count"),
    ("GET", "/api/v1/users/{userId}"),
    ("POST", "/api/v1/users/{userId}/password"),
    ("GET", "/api/v1/workloads/{workloadId}/pods"),
    ("GET", "/api/v1/workloads/inferences/{id}"),
    ("GET", "/api/v1/workloads/inferences/{id}/metrics"),
]
ROUTER = Router(operation(method, path) for method, path in ROUTES)


@pytest.mark.parametrize(
    ("method", "path", "found", "params"),
    [
        ("GET", "/api/v1/users", "GET /api/v1/users", {}),
        ("HEAD", "/api/v1/users", "GET /api/v1/users", {}),
        ("GET", "/api/v1/users/count", "GET /api/v1/users/count", {}),
        ("GET", "/api/v1/users/counter", "GET /api/v1/users/{userId}", {"userId": "counter"}),
        # `count` is fixed for GET only further up the path
        ("POST", "/api/v1/users/count/password", "POST /api/v1/users/{userId}/password", {"userId": "count"}),
        ("GET", "/api/v1/workloads/inferences/7", "GET /api/v1/workloads/inferences/{id}", {"id": "7"}),
        # the fixed branch has nothing here, so the parameter gets its chance
        (
            "GET",
            "/api/v1/workloads/inferences/pods",
            "GET /api/v1/workloads/inferences/{id}",
            {"id": "pods"},
        ),
    ],
)
def test_finds(method: str, path: str, found: str, params: dict[str, str]) -> None:
    operation_found, values = ROUTER.find(method, path)
    assert (operation_found.id, values) == (found, params)


@pytest.mark.parametrize(
    "path",
    ["", "/", "/api", "/api/v1/users/", "//api/v1/users", "/api/v1//users", "/API/v1/users", "/api/v1/u\0"],
)
def test_nothing_there(path: str) -> None:
    with pytest.raises(NotFound):
        ROUTER.find("GET", path)


def test_wrong_method_names_the_right_ones() -> None:
    with pytest.raises(MethodNotAllowed) as refusal:
        ROUTER.find("DELETE", "/api/v1/users")
    assert refusal.value.allowed == ("GET", "POST")


def test_two_operations_at_one_place_are_refused() -> None:
    with pytest.raises(ValueError, match="declared twice"):
        Router([operation("GET", "/a/{x}"), operation("GET", "/a/{y}")])


def test_a_change_without_audit_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="audit"):
        Operation("x", "POST", "/x", public("a test"), lambda _: None, "test", writes=True)


SEGMENTS = st.lists(st.sampled_from(["a", "b", "{x}", "c"]), min_size=1, max_size=4)


@given(st.lists(SEGMENTS, max_size=12), st.lists(st.sampled_from("abcd"), min_size=1, max_size=4))
def test_agrees_with_trying_every_route(routes: list[list[str]], asked: list[str]) -> None:
    """The model: among the routes that match, fixed segments from the left win."""
    shapes = {tuple("{x}" if part == "{x}" else part for part in route) for route in routes}
    router = Router(operation("GET", "/" + "/".join(shape)) for shape in shapes)
    matching = [
        shape
        for shape in shapes
        if len(shape) == len(asked)
        and all(part in ("{x}", given) for part, given in zip(shape, asked, strict=True))
    ]
    path = "/" + "/".join(asked)
    if not matching:
        with pytest.raises(NotFound):
            router.find("GET", path)
        return
    best = min(matching, key=lambda shape: [part == "{x}" for part in shape])
    assert router.find("GET", path)[0].path == "/" + "/".join(best)
