"""Making a failing script small: fewer steps, fewer lines, fewer bytes, as long as it fails in the same way."""

from collections.abc import Callable

from kit.fuzz.script import Kind, Script


def minimise(script: Script, fails: Callable[[Script], bool], attempts: int) -> Script:
    """A smaller script that fails too; what is small enough after so many attempts stays as it is."""
    left = attempts

    def still(candidate: Script) -> bool:
        nonlocal left
        left -= 1
        return left >= 0 and fails(candidate)

    number = 0
    while number < len(script.steps):
        fewer = script._replace(steps=script.steps[:number] + script.steps[number + 1 :])
        if still(fewer):
            script = fewer
        else:
            number += 1
    for number, step in enumerate(script.steps):
        if step.kind != Kind.WAIT:
            script = _shortened(script, number, still)
    return script


def _shortened(script: Script, number: int, fails: Callable[[Script], bool]) -> Script:
    """The script with less of one message."""

    def having(data: bytes) -> Script:
        step = script.steps[number]._replace(data=data)
        return script._replace(steps=(*script.steps[:number], step, *script.steps[number + 1 :]))

    data = _fewer(script.steps[number].data.splitlines(keepends=True), lambda data: fails(having(data)))
    data = _fewer([bytes([byte]) for byte in data], lambda data: fails(having(data)))
    return having(data)


def _fewer(pieces: list[bytes], fails: Callable[[bytes], bool]) -> bytes:
    """Leave out ever smaller runs of pieces (delta debugging)."""
    size = (len(pieces) + 1) // 2
    while size:
        at = 0
        while at < len(pieces):
            fewer = pieces[:at] + pieces[at + size :]
            if fails(b"".join(fewer)):
                pieces = fewer
            else:
                at += size
        size //= 2
    return b"".join(pieces)
