"""What a right collector answers, for one partition, in memory and in a single life: the checker
and the load are tried on it. It is as plain as it can be and promises nothing beyond that."""

import json

import raw_json
from records import rfc3339
from verdicts import CREATE, FAILURE, SUCCESS, parse, ttl_of

NO_BREAKS = (",", ":")


class StandIn:
    """`on_record` and `on_time` answer (group, value) pairs. Early records are kept for ever."""

    def __init__(self):
        self._open: dict[str, dict] = {}
        self._early: dict[str, list] = {}
        self._closed: set[str] = set()

    def on_record(self, sent) -> list:
        event = parse(sent)
        if event is None or event.group in self._closed:
            return []
        if event.type == CREATE:
            return self._create(event)
        if event.group not in self._open:
            self._early.setdefault(event.group, []).append(event)
            return []
        return self._done(event, sent.timestamp)

    def on_time(self, now: int) -> list:
        """The timeouts that are due."""
        due = sorted((group["deadline"], name) for name, group in self._open.items()
                     if group["deadline"] <= now)
        return [self._timeout(name) for _, name in due]

    def _create(self, event) -> list:
        if event.group in self._open:
            return []
        created = event.sent.timestamp
        self._open[event.group] = {
            "event": event, "created": created, "results": {},
            "expected": raw_json.value(event.members["expected"]),
            "deadline": created + round(float(ttl_of(event)) * 1000)}
        answer = self._if_complete(event.group, created)
        for done in self._early.pop(event.group, []):
            answer = answer or self._done(done, created)
        return answer

    def _done(self, event, time: int) -> list:
        group = self._open[event.group]
        entity, error = event.text("id"), event.text("error")
        if event.sent.timestamp > group["deadline"] or entity not in group["expected"]:
            return []
        if entity in group["results"]:
            return []
        if error:
            group["results"][entity] = "null"
            return [self._close(event.group, time, (entity, error, "error", {entity: error}))]
        group["results"][entity] = event.members.get("result", "null")
        return self._if_complete(event.group, time)

    def _if_complete(self, name: str, time: int) -> list:
        group = self._open[name]
        whole = len(group["results"]) == len(group["expected"])
        return [self._close(name, time, None)] if whole else []

    def _timeout(self, name: str) -> tuple:
        group = self._open[name]
        text = f"Operation timed out after {ttl_of(group['event'])} seconds"
        return self._close(name, group["deadline"], (name, text, "timeout", {}))

    def _close(self, name: str, time: int, failure) -> tuple:
        group = self._open.pop(name)
        self._closed.add(name)
        done = [one for one in group["expected"] if one in group["results"]]
        missing = [one for one in group["expected"] if one not in group["results"]]
        results = ",".join(f"{_text(one)}:{group['results'][one]}" for one in done)
        head = f'{{"type":"{FAILURE if failure else SUCCESS}","id":{_text(name)},'
        if failure:
            head += f'"entity":{_text(failure[0])},"error":{_text(failure[1])},'
        tail = ""
        if failure:
            tail = (f',"code":"{failure[2]}","missing":{_text(missing)},'
                    f'"errors":{_text(failure[3])}')
        payload = group["event"].members.get("payload", "null")
        resolved = rfc3339(max(time, group["created"]))
        value = (f'{head}"created":"{rfc3339(group["created"])}","resolved":"{resolved}",'
                 f'"results":{{{results}}},"payload":{payload}{tail}}}')
        return name, value.encode()


def _text(value) -> str:
    return json.dumps(value, ensure_ascii=False, separators=NO_BREAKS)
