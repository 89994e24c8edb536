"""`ip nat service sip …`: the commands of the settings of the SIP ALG."""

from doorman.algs.settings import SHARED, WHERE, Setting

_QUOTA = {"quota": "Limits that protect the gateway"}
_PROTECT = {"protect": "Protection of servers against floods of INVITEs"}

SETTINGS = (
    Setting(
        "inactive_media_timeout",
        "inactive-media-timeout",
        "SECONDS:10-2550",
        "Close the doors of an established call once no media came or went for so long; 120 seconds by default.",
        {"inactive-media-timeout": "Specify timeout for calls without media", "SECONDS": "Timeout in seconds"},
    ),
    Setting(
        "maximum_call_duration",
        "maximum-call-duration",
        "MINUTES:3-7200",
        "End a call after so long, whatever it does; 720 minutes by default.",
        {"maximum-call-duration": "Specify the absolute maximum length of a call", "MINUTES": "Time in minutes"},
    ),
    Setting(
        "t1_interval",
        "t1-interval",
        "MILLISECONDS:500-5000",
        "Estimate the round trip (RFC 3261, T1): a transaction takes at most 64 times as long; 500 ms by default.",
        {"t1-interval": "Specify the estimate of the round-trip time", "MILLISECONDS": "Time in milliseconds"},
    ),
    Setting(
        "t4_interval",
        "t4-interval",
        "SECONDS:5-10",
        "Say how long a message stays in the network (RFC 3261, T4), and doors after what ends them; 5 s by default.",
        {"t4-interval": "Specify the longest that a message remains in the network", "SECONDS": "Time in seconds"},
    ),
    Setting(
        "c_timeout",
        "c-timeout",
        "MINUTES:3-10",
        "Give up an INVITE that gets no final response for so long (RFC 3261, timer C); 3 minutes by default.",
        {"c-timeout": "Specify timeout for INVITE transactions", "MINUTES": "Time in minutes"},
    ),
    Setting(
        "hold",
        "hold",
        "MODE:release|retain",
        "Let the doors of a stream on hold close, and open anew when it is resumed, or stay; `release` by default.",
        {
            "hold": "What becomes of the media of calls on hold",
            "release": "Doors close, and open anew when the call is resumed",
            "retain": "Doors stay",
        },
    ),
    Setting(
        "max_streams",
        "max-streams",
        "NUMBER:1-64",
        "Drop messages that announce more media lines; 12 by default, 5 with the profile `ios`.",
        {"max-streams": "Specify the media streams that a call may have", "NUMBER": "Number of media lines"},
    ),
    *SHARED,
    Setting(
        "unknown_message",
        "unknown-message",
        "{ACTION:drop | ACTION:permit [WHERE:nat-applied|routed]}",
        "Drop a request of a method without an RFC, or let it pass as it came; `drop` by default.",
        {
            "unknown-message": "What becomes of requests of unknown methods",
            "drop": "They are dropped",
            "permit": "They pass as they came",
        }
        | WHERE,
    ),
    Setting(
        "calls",
        "quota calls",
        "NUMBER:1-1000000",
        "Refuse what would give an inside host more calls and other exchanges at once; 10000 by default.",
        _QUOTA | {"calls": "Calls and other exchanges of an inside host at once", "NUMBER": "Number of calls"},
    ),
    Setting(
        "incoming_calls",
        "quota incoming-calls",
        "NUMBER:1-1000000",
        "Refuse what would give it more of them that others began; 2000 by default.",
        _QUOTA | {"incoming-calls": "Those of them that others began", "NUMBER": "Number of calls"},
    ),
    Setting(
        "headers",
        "quota headers",
        "NUMBER:16-4096",
        "Drop a message with more header lines; 256 by default.",
        _QUOTA | {"headers": "Header lines of a message", "NUMBER": "Number of lines"},
    ),
    Setting(
        "header_length",
        "quota header-length",
        "BYTES:128-65535",
        "Drop a message with a longer header line; 65535 bytes by default, which no datagram has.",
        _QUOTA | {"header-length": "Length of a header line", "BYTES": "Length in bytes"},
    ),
    Setting(
        "values",
        "quota values",
        "NUMBER:16-65535",
        "Drop a message with more addresses in its headers and bodies, a media line being four; 768 by default.",
        _QUOTA | {"values": "Addresses of a message", "NUMBER": "Number of addresses"},
    ),
    Setting(
        "doors",
        "quota doors",
        "NUMBER:2-4096",
        "Drop what would give a call more doors for media; 256 by default.",
        _QUOTA | {"doors": "Doors for the media of a call", "NUMBER": "Number of doors"},
    ),
    Setting(
        "signalling_doors",
        "quota signalling-doors",
        "NUMBER:1-256",
        "Open no more doors for the signalling of a call; 16 by default.",
        _QUOTA | {"signalling-doors": "Doors for the signalling of a call", "NUMBER": "Number of doors"},
    ),
    Setting(
        "protect_deny_time",
        "protect deny-time",
        "SECONDS:0-3600",
        "Drop the INVITEs of a source for so long once too many of them failed, or never with 0; 60 s by default.",
        _PROTECT | {"deny-time": "Specify for how long a source is denied", "SECONDS": "Time in seconds, 0 for never"},
    ),
    Setting(
        "protect_threshold",
        "protect threshold",
        "NUMBER:1-10000",
        "Deny a source after so many failures in a row; 20 by default.",
        _PROTECT | {"threshold": "Specify the failures that deny a source", "NUMBER": "Number of failures"},
    ),
    Setting(
        "protect_period",
        "protect period",
        "SECONDS:1-3600",
        "Count failures of a source that are no further apart than this; 30 s by default.",
        _PROTECT | {"period": "Specify how far back failures count", "SECONDS": "Time in seconds"},
    ),
    Setting(
        "protect_rate",
        "protect rate",
        "NUMBER:0-100000",
        "Drop the INVITEs of a source beyond so many in a second, or none with 0; 0 by default.",
        _PROTECT
        | {"rate": "Specify the INVITEs of one source in a second", "NUMBER": "Number of INVITEs, 0 for no limit"},
    ),
    Setting(
        "protect_against",
        "protect against",
        "SOURCES:outside|everyone",
        "Deny and limit sources outside, or inside hosts as well; `outside` by default.",
        _PROTECT
        | {
            "against": "Who can be denied",
            "outside": "Sources on the outside",
            "everyone": "Inside hosts as well",
        },
    ),
    Setting(
        "protect_servers",
        "protect servers",
        "ACL:access-list",
        "Protect only the hosts that the access list permits, by the addresses they have themselves; all by default.",
        _PROTECT | {"servers": "Specify which servers are protected", "ACL": "Access list number or name"},
    ),
    Setting(
        "trusted_media",
        "trusted-media",
        "ACL:access-list",
        "Let the inside hosts that the access list permits announce others: exchanges, proxies; nobody by default.",
        {"trusted-media": "Specify the inside hosts that may announce others", "ACL": "Access list number or name"},
    ),
)
