"""Asks a collector's admin server, as an operator would."""

import http.client
import json
import re
from dataclasses import dataclass
from urllib.parse import quote

TOKEN = "a-token-of-the-tests"
AT_ANY_PORT = ("--admin", "127.0.0.1:0", "--admin-token", TOKEN)


@dataclass
class Answer:
    status: int
    headers: dict  # names in small letters
    text: str

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """Of a problem (RFC 9457), whose form is checked here for all tests."""
        assert self.headers["content-type"] == "application/problem+json", self
        problem = self.json
        assert problem["status"] == self.status and problem["title"] and problem["detail"], self
        return problem["code"]


class Admin:
    def __init__(self, port: int, token: str = TOKEN):
        self.port = port
        self._token = token

    @classmethod
    def of(cls, collector) -> "Admin":
        """Waits for the line that says where it listens."""
        line = collector.says("admin at http://")
        return cls(int(re.search(r"admin at http://127\.0\.0\.1:(\d+)", line)[1]))

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: str = "", **headers: str) -> Answer:
        return self.ask("POST", path, body, Authorization=f"Bearer {self._token}", **headers)

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body.encode() or None, headers)
            response = connection.getresponse()
            text = response.read().decode()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, text)
        finally:
            connection.close()

    def group(self, group: str) -> Answer:
        return self.get("/groups/" + quote(group, safe=""))

    def metrics(self) -> dict[str, float]:
        """By name with labels, as in the text."""
        answer = self.get("/metrics")
        assert answer.status == 200, answer
        lines = [line for line in answer.text.splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    def all_groups(self, query: str = "") -> list[dict]:
        """Page by page to the end."""
        groups, cursor = [], ""
        while True:
            answer = self.get(f"/groups?{query}{'&cursor=' + cursor if cursor else ''}")
            assert answer.status == 200, answer
            groups += answer.json["groups"]
            cursor = answer.json["cursor"]
            if cursor is None:
                return groups
