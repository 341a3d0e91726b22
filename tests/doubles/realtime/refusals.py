"""How real servers say no: before the upgrade by HTTP status, after it by an error and a close.

From the reference of the protocol's failures; a client must not come back soon to what is permanent.
"""

from __future__ import annotations

import json
from typing import Final

from tests.doubles.realtime.scenario import CloseFirst, ErrorFirst, HttpRefusal, Opening


def http(status: int, code: str, message: str, *, retry_after_s: int | None = None) -> HttpRefusal:
    """Refuse by HTTP status, with the body that the API gives its errors."""
    body = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}
    headers = {"Content-Type": "application/json"}
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    return HttpRefusal(status, json.dumps(body), headers)


NO_CREDENTIALS: Final = http(401, "invalid_api_key", "Incorrect API key provided.")
WRONG_REGION: Final = http(403, "unsupported_country_region_territory", "Country, region, or territory not supported")
NO_DEPLOYMENT: Final = http(404, "DeploymentNotFound", "The API deployment for this resource does not exist.")
NO_QUOTA_HTTP: Final = http(429, "insufficient_quota", "You exceeded your current quota, please check your plan.")
TOO_MANY: Final = http(429, "rate_limit_exceeded", "Too many connections.", retry_after_s=1)
BROKEN_HTTP: Final = http(500, "server_error", "The server had an error.")
OVERLOADED: Final = http(503, "server_error", "The engine is overloaded.", retry_after_s=1)

WRONG_KEY: Final = ErrorFirst("invalid_api_key", "Incorrect API key provided: sk-bad.", close_code=3000)
NO_SCOPE: Final = ErrorFirst("insufficient_permissions", "You have insufficient permissions.", close_code=3000)
WRONG_MODEL: Final = ErrorFirst("invalid_model", "The model does not exist.", close_code=4000)
MODEL_NOT_FOUND: Final = ErrorFirst("model_not_found", "The model does not exist.", close_code=4004)
RETIRED_MODEL: Final = ErrorFirst("invalid_model", "The model has been retired.", close_code=4000)
BETA_IS_OVER: Final = ErrorFirst("beta_api_shape_disabled", "The beta API is no longer supported.", close_code=4000)
NO_QUOTA: Final = ErrorFirst("insufficient_quota", "You exceeded your current quota.", "insufficient_quota", 1000)
SESSION_BROKEN: Final = ErrorFirst("server_error", "The server had an error.", "server_error", 1011)
MODEL_LOADING: Final = ErrorFirst("model_load_error", "The model could not be loaded.", "server_error")

PERMANENT: Final[dict[str, Opening]] = {
    "401": NO_CREDENTIALS,
    "403": WRONG_REGION,
    "404": NO_DEPLOYMENT,
    "429 without quota": NO_QUOTA_HTTP,
    "wrong key": WRONG_KEY,
    "no scope": NO_SCOPE,
    "wrong model": WRONG_MODEL,
    "model not found": MODEL_NOT_FOUND,
    "retired model": RETIRED_MODEL,
    "beta": BETA_IS_OVER,
    "no quota": NO_QUOTA,
    "policy": CloseFirst(1008, "policy violation"),
}
"""What only its owner can mend."""
PASSING: Final[dict[str, Opening]] = {
    "429": TOO_MANY,
    "500": BROKEN_HTTP,
    "503": OVERLOADED,
    "server error": SESSION_BROKEN,
    "normal close": CloseFirst(1000),
    "going away": CloseFirst(1001),
    "no close frame": CloseFirst(None),
    "internal error": CloseFirst(1011, "keepalive ping timeout"),
    "restart": CloseFirst(1012),
}
"""What passes by itself."""
