import pytest

from windtunnel.job.machine import DefaultRoute, default_route

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
DOCKER = "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
OWN_NETWORK = "eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"


def test_the_gateway_of_a_bridge_is_read_in_the_byte_order_of_the_kernel() -> None:
    assert default_route(HEAD + DOCKER + OWN_NETWORK) == DefaultRoute(interface="eth0", gateway="172.17.0.1")


def test_of_several_default_routes_the_nearest_counts() -> None:
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
def test_a_table_without_a_way_out_has_no_gateway(table: str) -> None:
    assert default_route(table) is None
