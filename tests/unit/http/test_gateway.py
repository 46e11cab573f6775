import pytest

from windtunnel.http.gateway import DefaultRoute, default_route, is_loopback
from windtunnel.http.origin import Origin

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
DOCKER = "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
OWN_NETWORK = "eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"


def test_the_gateway_of_a_bridge_is_read_in_the_byte_order_of_the_kernel():
    assert default_route(HEAD + DOCKER + OWN_NETWORK) == DefaultRoute(interface="eth0", gateway="172.17.0.1")


def test_of_several_default_routes_the_nearest_counts():
    far = "eth1\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
    assert default_route(HEAD + far + DOCKER) == DefaultRoute(interface="eth0", gateway="172.17.0.1")


@pytest.mark.parametrize(
    "table",
    [
        "",
        HEAD,
        HEAD + OWN_NETWORK,
        HEAD + DOCKER.replace("0003", "0002"),
        HEAD + "eth0\t00000000\tzz\t0003\n",
        HEAD + "short\n\n",
    ],
)
def test_a_table_without_a_way_out_has_no_gateway(table: str):
    assert default_route(table) is None


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("shop.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("0.0.0.0", True),
        ("localhost.example.com", False),
        ("10.0.0.1", False),
        ("shop", False),
    ],
)
def test_loopback_is_this_machine_by_name_or_address(host: str, loopback: bool):
    assert is_loopback(Origin(scheme="http", host=host, port=80)) is loopback
