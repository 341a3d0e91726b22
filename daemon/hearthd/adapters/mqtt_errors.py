"""What the broker, TLS, DNS and the network have to complain about, as plain words."""

import os
import socket
import ssl
from typing import Final

from paho.mqtt.reasoncodes import ReasonCode

_CLOCK_CODES: Final = frozenset({9, 10})
"""OpenSSL's verify codes (`x509_vfy.h`) for a certificate that is not valid yet, or no longer."""

BAD_PASSWORD: Final = 134
NOT_AUTHORIZED: Final = 135
_UNSUPPORTED_PROTOCOL: Final = 132
_SHUTTING_DOWN: Final = 139
_SILENT: Final = 141
_TAKEN_OVER: Final = 142
_UNSPECIFIED: Final = 128
"""Reason codes of MQTT 5, section 2.4."""


def from_dialling(error: OSError, host: str, port: int) -> str:
    """Say why no connection came about."""
    match error:
        case ssl.SSLCertVerificationError():
            clock = "; is this machine's clock right? (timedatectl)" if error.verify_code in _CLOCK_CODES else ""
            return f"{host} cannot prove who it is: {error.verify_message}{clock}"
        case ssl.SSLError():
            return f"{host} does not speak TLS on port {port}; check mqtt.tls and mqtt.port"
        case socket.gaierror():
            return f"no address is known for {host}: is the network up? ({error.strerror})"
        case TimeoutError():
            return f"no answer from {host} on port {port}"
        case ConnectionRefusedError():
            return f"nobody listens on {host} port {port}; is the broker running?"
        case _:
            return f"no connection to {host}: {os.strerror(error.errno) if error.errno else error}"


def from_greeting(reason: ReasonCode, username: str) -> str:
    """Say why the broker did not let us in."""
    match reason.value:
        case 134 | 135 if username:
            return f'the broker does not accept the user "{username}" with this password; check mqtt.username'
        case 134 | 135:
            return "the broker wants a user name and a password; set mqtt.username"
        case 132:
            return "the broker does not speak MQTT 5"
        case 128:
            return "the broker hung up before it answered; check mqtt.tls and mqtt.port"
        case _:
            return f"the broker did not let us in: {reason}"


def from_farewell(reason: object, client_id: str) -> str:
    """Say why the connection ended; `reason` is MQTT's reason code if there is one."""
    match reason.value if isinstance(reason, ReasonCode) else None:
        case 142:
            return f"another client took over our name {client_id}: is there a second hearthd for this room?"
        case 139:
            return "the broker shut down"
        case 141:
            return "the broker answered no ping any more"
        case _:
            return "the connection broke off"


def from_refusal(reason: ReasonCode, topic: str, username: str) -> str:
    """Say why the broker took a message to `topic` and did not pass it on."""
    if reason.value == NOT_AUTHORIZED:
        who = f'the user "{username}"' if username else "us without a user name"
        return f"the broker does not let {who} publish to {topic}"
    return f"the broker refused the message to {topic}: {reason}"
