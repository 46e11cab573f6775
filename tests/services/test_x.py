import pytest, urllib.request, ssl
@pytest.mark.parametrize("n", ["django","httpbin","s3","graphql","json_server","nginx","caddy"])
def test_up(n, request):
    s = request.getfixturevalue(n)
    try:
        r = urllib.request.urlopen(s.url + "/", context=ssl._create_unverified_context() if s.url.startswith("https") else None)
        print(r.status, r.read(200))
    except Exception as e: print(repr(e))
