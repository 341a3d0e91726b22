"""What the broker, TLS, DNS and the network have to complain about, as plain words."""

import os
import socket
import ssl
from enum import IntEnum
from typing import Final

from paho.mqtt.reasoncodes import ReasonCode

_CLOCK_CODES: Final = frozenset({9, 10})
"""OpenSSL's verify codes (`x509_vfy.h`) for a certificate that is not valid yet, or no longer."""


class _Code(IntEnum):
    """Reason codes of MQTT 5, section 2.4."""

    UNSPECIFIED = 128
    UNSUPPORTED_PROTOCOL = 132
    BAD_PASSWORD = 134
    NOT_AUTHORIZED = 135
    SHUTTING_DOWN = 139
    KEEP_ALIVE_TIMEOUT = 141
    TAKEN_OVER = 142


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
        case _Code.BAD_PASSWORD | _Code.NOT_AUTHORIZED if username:
            return f'the broker does not accept the user "{username}" with this password; check mqtt.username'
        case _Code.BAD_PASSWORD | _Code.NOT_AUTHORIZED:
            return "the broker wants a user name and a password; set mqtt.username"
        case _Code.UNSUPPORTED_PROTOCOL:
            return "the broker does not speak MQTT 5"
        case _Code.UNSPECIFIED:
            return "the broker hung up before it answered; check mqtt.tls and mqtt.port"
        case _:
            return f"the broker did not let us in: {reason}"


def from_farewell(reason: object, client_id: str) -> str:
    """Say why the connection ended; `reason` is MQTT's reason code if there is one."""
    match reason.value if isinstance(reason, ReasonCode) else None:
        case _Code.TAKEN_OVER:
            return f"another client took over our name {client_id}: is there a second hearthd for this room?"
        case _Code.SHUTTING_DOWN:
            return "the broker shut down"
        case _Code.KEEP_ALIVE_TIMEOUT:
            return "the broker answered no ping any more"
        case _:
            return "the connection broke off"


def from_refusal(reason: ReasonCode, topic: str, username: str) -> str:
    """Say why the broker took a message to `topic` and did not pass it on."""
    if reason.value == _Code.NOT_AUTHORIZED:
        who = f'the user "{username}"' if username else "us without a user name"
        return f"the broker does not let {who} publish to {topic}"
    return f"the broker refused the message to {topic}: {reason}"
