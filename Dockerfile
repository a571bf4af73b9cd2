# The image narwhal: `make image`. Nothing is installed in what is shipped, and nothing of the
# build but its result is in it.
FROM debian:bookworm-slim AS build
WORKDIR /build
# The same list of packages as on a developer's machine; a layer of its own, that stays in the
# cache until the list changes.
COPY deploy/bootstrap deploy/packages.table deploy/
RUN deploy/bootstrap build
COPY . .
RUN make -s -j"$(nproc)" install DESTDIR=/out PREFIX=/usr

FROM debian:bookworm-slim
COPY --from=build /out/ /
COPY examples/public /srv/www

# The environment is the lowest layer of settings: a config file and flags win over it.
# /dev/shm is writable in every container, with a read-only root file system and any uid too.
ENV NARWHAL_BIND=0.0.0.0:8080 \
	NARWHAL_WHEN_READY=/dev/shm/narwhal.ready

USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 CMD ["narwhal", "ready"]
ENTRYPOINT ["narwhal"]
CMD ["/srv/www"]

# Last, because they change with every commit and the layers above do not.
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="narwhal" \
	org.opencontainers.image.description="A container's PID 1 as the arbiter of a pre-fork HTTP server" \
	org.opencontainers.image.version="${VERSION}" \
	org.opencontainers.image.revision="${REVISION}" \
	org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"
