"""What can be configured of the RTSP ALG."""

from dataclasses import dataclass

from doorman.algs.settings import Setting, Settings


@dataclass(frozen=True, slots=True)
class RtspSettings(Settings):
    """The settings of the RTSP ALG.

    Attributes:
        session_timeout: seconds that a session lives without messages, where the server does not say.
        streams: of one session.
        sessions: of one inside host at once.
        requests: of one end, that may wait for their responses.
    """

    session_timeout: int = 60
    streams: int = 12
    sessions: int = 1_000
    requests: int = 256


_QUOTA = {"quota": "Limits that protect the gateway", "NUMBER": "Number"}

SETTINGS = (
    Setting(
        "session_timeout",
        "session-timeout",
        "SECONDS:10-86400",
        "End a session in which nothing is said and nothing flows for so long, where its server names no time; 60 "
        "seconds by default.",
        {"session-timeout": "Specify how long a session may be silent", "SECONDS": "Timeout in seconds"},
    ),
    Setting(
        "streams",
        "quota streams",
        "NUMBER:1-64",
        "Let a session have no more streams; 12 by default.",
        _QUOTA | {"streams": "Streams of a session"},
    ),
    Setting(
        "sessions",
        "quota sessions",
        "NUMBER:1-1000000",
        "Follow no more sessions of one inside host at once; 1000 by default.",
        _QUOTA | {"sessions": "Sessions of an inside host"},
    ),
    Setting(
        "requests",
        "quota requests",
        "NUMBER:16-4096",
        "Follow no more requests of one end of a connection that wait for their responses; 256 by default.",
        _QUOTA | {"requests": "Requests that wait for their responses"},
    ),
)
"""Their commands."""
