"""The machine and the network, as a probe may touch them."""

from openusage.host.host import Host, State, Visit
from openusage.host.machine import Machine
from openusage.host.net import Http, Response

__all__ = ["Host", "Http", "Machine", "Response", "State", "Visit"]
