# The controller: Python, the locked packages, Stagewright, and nothing that can install or compile more.
#
#   docker build --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) .
#
# BASE is python:3.12-slim or any other Debian with python3 (3.11 to 3.13), its venv module and ca-certificates; a
# release names it by digest. With one base and one SOURCE_DATE_EPOCH, two builds make the same files.
ARG BASE=docker.io/library/python:3.12-slim

FROM ${BASE} AS dependencies
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1
RUN python3 -m venv /build && python3 -m venv --without-pip /opt/stagewright
# pip stays in /build: it installs into the other environment from outside, which never gets one
COPY requirements/build.txt requirements/image.txt /requirements/
# Bytecode that is checked by nothing but the image's digest: no time stamps in it, and none is written at run time. A
# half of the Kubernetes client that nobody imports does without.
RUN /build/bin/pip install --quiet --no-compile --require-hashes --only-binary :all: -r /requirements/build.txt \
 && /build/bin/pip --python /opt/stagewright/bin/python install --quiet --no-compile --require-hashes --only-binary :all: -r /requirements/image.txt \
 && /opt/stagewright/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash -x '/kubernetes/aio/' /opt/stagewright/lib

FROM dependencies AS build
ARG SOURCE_DATE_EPOCH=0
WORKDIR /source
COPY LICENSE README.md pyproject.toml ./
COPY controller controller
RUN /build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /build/bin/pip --python /opt/stagewright/bin/python install --quiet --no-compile --no-warn-script-location --no-deps --no-index --root /project /wheels/*.whl \
 && /opt/stagewright/bin/python -m compileall -q --invalidation-mode unchecked-hash -s /project /project/opt/stagewright/lib

FROM ${BASE}
# The engine fetches with libgit2 and checks SSH signatures itself: neither git nor OpenSSH is wanted. What the base
# could install more with goes, and one account comes, in whose home ssh keeps the hosts that it knows.
RUN rm -rf /usr/local/lib/python3*/site-packages/* /usr/local/lib/python3*/ensurepip /usr/local/bin/pip* /usr/local/bin/idle* /usr/local/bin/pydoc* \
      /usr/lib/python3*/ensurepip /usr/share/python-wheels "$HOME/.cache" \
 && echo 'stagewright:x:65532:65532::/home/stagewright:/usr/sbin/nologin' >> /etc/passwd \
 && echo 'stagewright:x:65532:' >> /etc/group \
 && mkdir -p /home/stagewright /var/lib/stagewright /var/cache/stagewright /run/stagewright \
 && chown 65532:65532 /home/stagewright /var/lib/stagewright /var/cache/stagewright /run/stagewright
COPY --from=dependencies /opt/stagewright /opt/stagewright
COPY --from=build /project /
ENV PATH=/opt/stagewright/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/home/stagewright \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GIT_PYTHON_REFRESH=quiet \
    MLFLOW_DISABLE_TELEMETRY=true
# a number, so that Kubernetes can see that it is not root's
USER 65532:65532
WORKDIR /var/lib/stagewright
ENTRYPOINT ["stagewright"]
CMD ["controller"]
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ENV STAGEWRIGHT_REVISION=${REVISION}
LABEL org.opencontainers.image.title="Stagewright" \
      org.opencontainers.image.description="GitOps promotion controller for MLflow" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
