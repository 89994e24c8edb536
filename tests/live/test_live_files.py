"""More connections than there are files for: the rest of the gateway goes on."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from doorman.lab.gateway import SOCKET, doorman
from doorman.lab.programs import running
from kit.lab import Lab, eventually

PEER = ("198.51.100.20", 5060)
FILES, CONNECTIONS, OF_A_HOST = 200, 36, 18


@contextmanager
def serving_with_few_files(lab: Lab) -> Iterator[None]:
    lab.configure()
    run = doorman("run", str(lab.config), "--socket", str(lab.directory / SOCKET))
    run += ["--state-dir", str(lab.directory / "state")]
    with running("gateway", lab.network.gateway, ["prlimit", f"--nofile=100:{FILES}", *run], lab.directory) as gateway:
        gateway.wait_for_text("ready\n")
        assert f"only {CONNECTIONS} TCP connections at once: {FILES} open files" in gateway.log.read_text()
        yield
        gateway.terminate_if_running()


def refused(lab: Lab, reason: str) -> object:
    return lab.ask("show ip nat statistics")["counters"]["TCP proxy"].get(f"refused-{reason}")


def test_who_connects_too_often_takes_no_files_from_others(lab: Lab) -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(lab.tcp(lab.network.outside, *PEER, listens=True))
        stack.enter_context(serving_with_few_files(lab))

        for phone, reason in enumerate(("too-many-connections-of-host", "too-many-connections")):
            for _ in range(FILES // 2):
                client = stack.enter_context(lab.tcp(lab.network.inside, lab.network.phone(phone)))
                client.settimeout(0)
                client.connect_ex(PEER)
            eventually(lambda: refused(lab, reason) == FILES // 2 - OF_A_HOST, "not refused")  # noqa: B023 - used at once
        lab.order("reload", "show ip nat translations")
        for _ in range(CONNECTIONS):
            stack.enter_context(listener.accept()[0])
