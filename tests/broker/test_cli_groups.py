"""muster groups and muster partitions beside admin servers that are played here: what an operator
gets from several instances, of which one is recovering, away, or sends us on."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from operator_command import Muster


class Played:
    """An admin server with answers by path: (status, object), or a function of the request."""

    def __init__(self):
        self.answers = {}
        self.asked = []
        played = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self._answer("")

            def do_POST(self):
                self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

            def _answer(self, body):
                url = urlsplit(self.path)
                played.asked.append((self.command, self.path, body,
                                     self.headers.get("Authorization")))
                found = played.answers.get(unquote(url.path), (404, _problem(404, "no such thing")))
                status, answer = found(parse_qs(url.query)) if callable(found) else found
                data = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def play():
    all_played = []

    def one() -> Played:
        all_played.append(Played())
        return all_played[-1]

    yield one
    for played in all_played:
        played.close()


def _problem(status, detail, **more):
    return {"type": "about:blank", "title": "x", "status": status, "code": "x", "detail": detail,
            **more}


def _owner(partition, admin):
    return {"partition": partition, "admin": admin, "member": "somebody"}


def _group(name, partition, **more):
    return {"id": name, "state": "open", "deadline": "2030-01-01T00:00:00.000Z", "age": 1.5,
            "remaining": 60, "expected": 3, "done": 1, "failed": 0, "partition": partition, **more}


def _page(groups, cursor=None, elsewhere=(), recovering=()):
    return 200, {"groups": groups, "cursor": cursor, "examined": 1, "here": [0],
                 "recovering": list(recovering), "elsewhere": list(elsewhere)}


muster = Muster.anywhere()


def test_groups_of_all_instances_are_listed_page_by_page(play):
    one, two, three = play(), play(), play()
    pages = {"": _page([_group("a", 0), _group("b\x1b", 0)], "n/1",
                       [_owner(1, two.address), _owner(2, three.address)]),
             "n/1": _page([_group("c", 0)])}
    one.answers["/groups"] = lambda query: pages[query.get("cursor", [""])[0]]
    two.answers["/groups"] = _page([_group("d", 1)], None, [_owner(0, one.address)])
    # It has nothing itself, and says so.
    three.answers["/groups"] = (421, _problem(421, "no partition here",
                                              elsewhere=[_owner(0, one.address)]))
    answer = muster.json("groups list", "--admin", one.address, "--state", "any", "--prefix", "x y")
    assert [group["id"] for group in answer["groups"]] == ["a", "b\x1b", "c", "d"]
    assert answer["missing"] == []
    assert "state=any" in one.asked[0][1] and "prefix=x%20y" in one.asked[0][1]
    table = muster.run("groups list", "--admin", two.address)
    assert "1 of 3" in table.stdout and "\x1b" not in table.stdout and "4 groups" in table.stderr
    few = muster.run("groups list", "--admin", one.address, "--limit", 2)
    assert "2 groups, and more" in few.stderr


def test_what_is_not_listed_is_said(play):
    one, gone = play(), play()
    gone.close()
    one.answers["/groups"] = _page([_group("a", 0)], None,
                                   [_owner(1, gone.address), _owner(2, None)],
                                   [{"partition": 3, "state": "recovering"}])
    one.answers["/partitions"] = (200, {"here": [{"partition": 0, "state": "live", "open": 7}],
                                        "elsewhere": [_owner(2, None)], "elsewhereUnknown": "why"})
    answer = muster.json("groups list", "--admin", one.address, status=1)
    assert [group["id"] for group in answer["groups"]] == ["a"]
    said = "\n".join(answer["missing"])
    assert gone.address in said and "partition 2 is with somebody" in said
    assert "partition 3 is being recovered" in said
    there = muster.json("partitions", "--admin", one.address, status=1)
    assert there["partitions"] == [{"instance": one.address, "partition": 0, "state": "live",
                                    "open": 7}]
    assert any("why" in one for one in there["missing"])
    assert gone.address in muster.run("groups list", "--admin", gone.address, status=3).stderr


def test_the_owner_is_asked_and_a_recovering_one_is_waited_for(play):
    one, two = play(), play()
    path = "/groups/trip/1 é"
    one.answers[path] = (421, _problem(421, "elsewhere", owner=_owner(1, two.address)))
    answers = [(503, _problem(503, "being recovered")), (200, _group("trip/1 é", 1))]
    two.answers[path] = lambda _: answers.pop(0)
    shown = muster.run("groups get", "--admin", one.address, "--group", "trip/1 é")
    assert "trip/1 é" in shown.stdout and "being recovered" in shown.stderr
    assert one.asked[0][1] == "/groups/trip%2F1%20%C3%A9"

    one.answers[path] = (421, _problem(421, "elsewhere, at nobody's", owner=_owner(1, None)))
    assert "at nobody's" in muster.run("groups get", "--admin", one.address, "--group", "trip/1 é",
                                       status=3).stderr
    one.answers[path] = (421, _problem(421, "elsewhere", owner=_owner(1, one.address)))
    assert "moving" in muster.run("groups get", "--admin", one.address, "--group", "trip/1 é",
                                  status=3).stderr
    muster.run("groups get", "--admin", one.address, "--group", "unknown", status=1)
    one.answers["/groups/html"] = (200, "<html>")
    assert "no JSON" in muster.run("groups get", "--admin", one.address, "--group", "html",
                                   status=3).stderr


def test_changes_go_to_the_owner_with_the_token(play):
    one, two = play(), play()
    sent = (202, {"topic": "events", "partition": 1, "offset": 17})
    for action in ("cancel", "extend"):
        one.answers[f"/groups/g/{action}"] = (421, _problem(421, "there",
                                                            owner=_owner(1, two.address)))
        two.answers[f"/groups/g/{action}"] = sent
    token = ("--admin-token", "secret")
    done = muster.run("groups cancel", "--admin", one.address, "--group", "g", "--reason", 'a "b"',
                      *token)
    assert "events/1/17" in done.stdout
    assert muster.json("groups extend", "--admin", one.address, "--group", "g", "--ttl", "7.5",
                       *token)["offset"] == 17
    bodies = [(json.loads(body), authorization) for _, _, body, authorization in two.asked]
    assert bodies == [({"reason": 'a "b"'}, "Bearer secret"), ({"ttl": 7.5}, "Bearer secret")]

    two.answers["/groups/g/cancel"] = (503, _problem(503, "busy"))
    count = len(two.asked)
    muster.run("groups cancel", "--admin", one.address, "--group", "g", status=3)
    assert len(two.asked) == count + 1, "a change is not asked for twice"
    two.answers["/groups/g/cancel"] = (401, _problem(401, "wrong token"))
    assert "wrong token" in muster.run("groups cancel", "--admin", one.address, "--group", "g",
                                       status=3).stderr
    two.answers["/groups/g/cancel"] = (409, _problem(409, "it is closed"))
    assert "it is closed" in muster.run("groups cancel", "--admin", one.address, "--group", "g",
                                        status=1).stderr
    muster.run("groups extend", "--admin", one.address, "--group", "g", status=2)
    muster.run("groups get", "--admin", "nowhere", "--group", "g", status=2)
