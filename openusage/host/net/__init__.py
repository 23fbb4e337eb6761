"""HTTP to the outside: one call with one whole answer, through proxies, to those we trust."""

from openusage.host.net.http import Http, HttpClient, Response, build_http

__all__ = ["Http", "HttpClient", "Response", "build_http"]
