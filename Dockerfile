# Windtunnel as an image: the GitHub Action runs it, and so does
#   docker run --rm -v "$PWD:/work" -w /work IMAGE run --sut sut.yaml --scenarios scenarios/

ARG BASE=docker.io/library/python:3.12-slim

FROM ${BASE} AS builder
# Two builds give the same layer, byte for byte: the same order of sets in the bytecode, and one time for all files.
ARG SOURCE_DATE_EPOCH=1577836800
ENV PYTHONHASHSEED=0
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

# Everything is installed below /install as it will lie in the image. The dependencies come first:
# their layer is built again only when the lock changes.
COPY requirements.lock requirements-build.lock /build/
RUN pip install --require-hashes --no-deps --requirement /build/requirements-build.lock \
 && pip install --require-hashes --no-deps --no-compile --no-warn-script-location --ignore-installed --root /install \
        --requirement /build/requirements.lock

# The bytecode is never checked against a source's time, so it stays valid on any file system, whoever runs it. What
# no run imports stays out: C sources, stubs and tests of packages, Pygments' 500 lexers but for the plain ones
# and its styles and formatters, `pydantic.v1`, and of lxml what compares pages, `objectify` and `isoschematron`.
COPY LICENSE README.md pyproject.toml /build/
COPY scenarios /build/scenarios
COPY schemas /build/schemas
COPY windtunnel /build/windtunnel
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /build/wheels /build \
 && pip install --no-deps --no-index --no-compile --no-warn-script-location --ignore-installed --root /install \
        /build/wheels/*.whl \
 && find /install -name '*.py[xi]' -delete -o -name '*.px[di]' -delete -o -name '*.[ch]' -delete \
 && find /install -type d -name tests -prune -exec rm -r {} + \
 && find /install -path '*/pygments/lexers/*.py' ! -name '__init__.py' ! -name '_mapping.py' ! -name special.py -delete \
 && find /install \( -path '*/pygments/styles/*.py' -o -path '*/pygments/formatters/*.py' \) ! -name '__init__.py' \
        ! -name '_mapping.py' ! -name default.py -delete \
 && find /install \( -path '*/lxml/objectify.*' -o -path '*/lxml/html/*diff.*' \) -delete \
 && find /install -type d \( -path '*/pydantic/v1' -o -path '*/lxml/isoschematron' \) -prune -exec rm -r {} + \
 && python -m compileall -q -j 0 -s /install -p / --invalidation-mode unchecked-hash /install \
 && find /install -exec touch --no-dereference --date "@${SOURCE_DATE_EPOCH}" {} +

FROM ${BASE}
LABEL org.opencontainers.image.title="Windtunnel" \
      org.opencontainers.image.description="Runs realistic user journeys against a service and answers with one honest pass or fail." \
      org.opencontainers.image.source="https://github.com/windtunnel/action" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="0.1.0"
COPY --from=builder /install/ /
# Lines reach the CI log as they are written, and no __pycache__ of root's is left in a mounted workspace.
# WINDTUNNEL_IMAGE: help for a forgotten mount names the image.
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 WINDTUNNEL_IMAGE=ghcr.io/windtunnel/action
# No USER (GitHub mounts its files for root), no WORKDIR (the workspace is mounted by whoever runs the image).
ENTRYPOINT ["windtunnel"]
