"""The HTTP API: every route and answer, and the server that speaks for them."""

from openusage.api.resource import api_resource
from openusage.api.routes import Api
from openusage.api.site import ApiSite

__all__ = ["Api", "ApiSite", "api_resource"]
