FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=
RUN CGO_ENABLED=0 go build -trimpath -tags aws,mongodb -ldflags "-s -w -X main.version=${VERSION}" -o /out/gambolputty ./cmd/gambolputty \
    && mkdir -p /out/run

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/gambolputty /gambolputty
COPY --from=build --chown=65532:65532 /out/run /run/gambolputty
COPY examples/stdin.yml /etc/gambolputty/pipeline.yml
USER 65532:65532
EXPOSE 5151/tcp 5151/udp 5152/tcp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
    CMD ["/gambolputty", "healthcheck", "--pid-file", "/run/gambolputty/pid"]
ENTRYPOINT ["/gambolputty"]
CMD ["run", "-c", "/etc/gambolputty/pipeline.yml", "--pid-file", "/run/gambolputty/pid"]
