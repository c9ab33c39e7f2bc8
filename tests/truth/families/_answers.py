"""What services and scripts answer, and what connection managers and routes then make of it."""

DENIED = {"status": 401, "headers": {"x-why": "nobody may", "www-authenticate": "Basic"}, "body": "denied"}
MAPPED = {
    "mappers": [
        {
            "filter": {
                "status_code_filter": {"comparison": {"op": "EQ", "value": {"default_value": 401, "runtime_key": "x"}}}
            },
            "status_code": 499,
            "headers_to_add": [{"header": {"key": "x-why", "value": "mapped"}}],
        }
    ],
    "body_format": {"text_format_source": {"inline_string": "%RESPONSE_CODE% %LOCAL_REPLY_BODY% %RESP(x-why)%"}},
}
MANAGERS = ({"local_reply_config": MAPPED}, {"server_header_transformation": "APPEND_IF_ABSENT"}, {"via": "here"})
DENIALS = (
    {"status": 403},
    {"status": 407, "headers": {"proxy-authenticate": "Basic", "content-type": "text/html"}, "body": "<p>no</p>"},
    {"status": 302, "headers": {"location": "/login?a=b", "set-cookie": ["a=1", "b=2"]}},
    {"status": 400, "body": "bad"},
    {"status": 204, "headers": {"x-why": "nothing"}},
    {"status": 304, "headers": {"etag": "x"}},
    {
        "status": 429,
        "headers": {"vary": ["a", "b"], "x-many": ["1", "2"], "grpc-status": "9", "keep-alive": "timeout=5"},
    },
)
FAILURES = ({"status": 500, "headers": {"x-why": "broken"}, "body": "broken"}, {"status": 503})
MUCH = {
    "status": 403,
    "headers": {
        "x-why": "much",
        "x-many": ["1", "2"],
        "server": "judge",
        "date": "Sun, 06 Nov 1994 08:49:37 GMT",
        "location": "/there",
        "www-authenticate": "Basic",
        "content-type": "application/json",
        "host": "other",
        "x-envoy-upstream-service-time": "7",
        "x-envoy-auth-headers-to-remove": "x-a",
        "upgrade": "x",
        "via": "b",
    },
    "body": "{}",
}
WRITES = {
    "response_headers_to_add": [
        {"header": {"key": "x-many", "value": "route"}},
        {"header": {"key": "via", "value": "route"}},
        {"header": {"key": "x-other", "value": "route"}},
        {"header": {"key": "content-type", "value": "text/route"}},
    ],
    "response_headers_to_remove": ["x-why", "location", "x-by"],
}
