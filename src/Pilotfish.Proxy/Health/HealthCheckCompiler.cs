using Envoy.Config.Core.V3;
using Envoy.Type.V3;
using Google.Protobuf.Collections;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Health;

/// <summary>Reads health_checks; what cannot be checked is rejected by its field rather than left unchecked. Main loop.</summary>
internal static class HealthCheckCompiler
{
    private const int ResponseBytesMax = 1024 * 1024;

    /// <param name="checks">health_checks.</param>
    /// <param name="http">What the cluster speaks.</param>
    /// <param name="context">For warnings and runtime keys.</param>
    public static HealthCheckPolicy? Compile(IList<HealthCheck> checks, UpstreamHttpOptions http, CompileContext context)
    {
        if (checks.Count == 0)
        {
            return null;
        }

        if (checks.Count > 1)
        {
            throw new ConfigRejectedException("health_checks", $"{checks.Count} health checks are given; a cluster has one at most");
        }

        const string Field = "health_checks[0]";
        HealthCheck check = checks[0];
        long interval = Required(check.Interval, Field + ".interval");
        long unhealthy = Optional(check.UnhealthyInterval, interval);
        long noTraffic = Optional(check.NoTrafficInterval, HealthCheckPolicy.DefaultNoTrafficMilliseconds);
        RefuseUnknown(check, Field, context);
        var policy = new HealthCheckPolicy
        {
            Kind = HealthCheckKind.Tcp,
            TimeoutMilliseconds = Required(check.Timeout, Field + ".timeout"),
            IntervalMilliseconds = interval,
            UnhealthyThreshold = Threshold(check.UnhealthyThreshold, Field + ".unhealthy_threshold"),
            HealthyThreshold = Threshold(check.HealthyThreshold, Field + ".healthy_threshold"),
            InitialJitterMilliseconds = ProtoValues.Milliseconds(check.InitialJitter, 0),
            IntervalJitterMilliseconds = ProtoValues.Milliseconds(check.IntervalJitter, 0),
            IntervalJitterPercent = check.IntervalJitterPercent,
            NoTrafficMilliseconds = noTraffic,
            NoTrafficHealthyMilliseconds = Optional(check.NoTrafficHealthyInterval, noTraffic),
            UnhealthyMilliseconds = unhealthy,
            UnhealthyEdgeMilliseconds = Optional(check.UnhealthyEdgeInterval, unhealthy),
            HealthyEdgeMilliseconds = Optional(check.HealthyEdgeInterval, interval),
            ReusesConnection = check.ReuseConnection ?? true,
            Port = check.AltPort is { } port
                ? port <= ushort.MaxValue ? (ushort)port : throw new ConfigRejectedException(Field + ".alt_port", $"{port} is no port")
                : (ushort)0,
            ApplicationProtocols = check.TlsOptions is { AlpnProtocols.Count: > 0 } tls ? string.Join(',', tls.AlpnProtocols) : null,
        };
        return check.HealthCheckerCase switch
        {
            HealthCheck.HealthCheckerOneofCase.HttpHealthCheck =>
                Http(policy, check.HttpHealthCheck, Field + ".http_health_check", context.Runtime),
            HealthCheck.HealthCheckerOneofCase.TcpHealthCheck => Tcp(policy, check.TcpHealthCheck, Field + ".tcp_health_check"),
            HealthCheck.HealthCheckerOneofCase.GrpcHealthCheck => Grpc(policy, check.GrpcHealthCheck, http, Field + ".grpc_health_check"),
            HealthCheck.HealthCheckerOneofCase.CustomHealthCheck => throw new ConfigRejectedException(
                Field + ".custom_health_check", $"health checker '{check.CustomHealthCheck.Name}' is not one that Pilotfish has"),
            _ => throw new ConfigRejectedException(Field, "the health check has no kind"),
        };
    }

    private static HealthCheckPolicy Http(HealthCheckPolicy policy, HealthCheck.Types.HttpHealthCheck http, string field, RuntimeValues runtime)
    {
        if (http.CodecClientType is not (CodecClientType.Http1 or CodecClientType.Http2))
        {
            throw new ConfigRejectedException(
                field + ".codec_client_type", $"{http.CodecClientType} health checks are not available; HTTP1 and HTTP2 are");
        }

        if (!http.Path.StartsWith('/') || !IsVisible(http.Path))
        {
            throw new ConfigRejectedException(field + ".path", $"'{http.Path}' is not a path");
        }

        if (!IsVisible(http.Host))
        {
            throw new ConfigRejectedException(field + ".host", $"'{http.Host}' is not a host name");
        }

        ReadOnlyMemory<byte> sent = http.Send is null ? default : Payload(http.Send, field + ".send");
        string method = http.Method == RequestMethod.MethodUnspecified ? "GET" : http.Method.ToString().ToUpperInvariant();
        if (http.Method == RequestMethod.Connect || (!sent.IsEmpty && method is not ("POST" or "PUT" or "PATCH" or "DELETE" or "OPTIONS")))
        {
            throw new ConfigRejectedException(field + ".method", $"{method} takes no part in a health check with this content");
        }

        return policy with
        {
            Kind = http.CodecClientType == CodecClientType.Http2 ? HealthCheckKind.Http2 : HealthCheckKind.Http,
            Method = method,
            Path = http.Path,
            Host = http.Host,
            Sent = sent,
            Expected = Payloads(http.Receive, field + ".receive"),
            Headers = HeaderMutations.Compile(
                http.RequestHeadersToAdd, http.RequestHeadersToRemove, field + ".request_headers_to_add", field + ".request_headers_to_remove"),
            ExpectedStatuses = http.ExpectedStatuses.Count > 0
                ? Ranges(http.ExpectedStatuses, field + ".expected_statuses")
                : policy.ExpectedStatuses,
            RetriableStatuses = Ranges(http.RetriableStatuses, field + ".retriable_statuses"),
            VerifyKey = http.ServiceNameMatcher is null ? null : runtime.Key("health_check.verify_cluster"),
            ServiceName = http.ServiceNameMatcher is { } matcher ? StringMatch.Compile(matcher, field + ".service_name_matcher") : null,
            ResponseBytes = (int)Math.Min(http.ResponseBufferSize ?? HealthCheckPolicy.DefaultResponseBytes, ResponseBytesMax),
        };
    }

    private static HealthCheckPolicy Grpc(HealthCheckPolicy policy, HealthCheck.Types.GrpcHealthCheck grpc, UpstreamHttpOptions http, string field)
    {
        if (http.Protocol != UpstreamProtocol.Http2 && http.Protocol != UpstreamProtocol.Alpn && !http.UsesDownstreamProtocol)
        {
            throw new ConfigRejectedException(field, "the cluster must support HTTP/2 for gRPC health checks");
        }

        if (!IsVisible(grpc.Authority))
        {
            throw new ConfigRejectedException(field + ".authority", $"'{grpc.Authority}' is not an authority");
        }

        return policy with
        {
            Kind = HealthCheckKind.Grpc,
            Method = "POST",
            Path = "/grpc.health.v1.Health/Check",
            Host = grpc.Authority,
            ServiceText = grpc.ServiceName,
            Headers = HeaderMutations.Compile(grpc.InitialMetadata, [], field + ".initial_metadata", field),
        };
    }

    private static bool IsVisible(string text) => !text.AsSpan().ContainsAnyExceptInRange('!', '~');

    private static HealthCheckPolicy Tcp(HealthCheckPolicy policy, HealthCheck.Types.TcpHealthCheck tcp, string field)
    {
        if (tcp.ProxyProtocolConfig is not null)
        {
            throw new ConfigRejectedException(field + ".proxy_protocol_config", "health checks send no PROXY header");
        }

        return policy with
        {
            Sent = tcp.Send is null ? default : Payload(tcp.Send, field + ".send"),
            Expected = Payloads(tcp.Receive, field + ".receive"),
        };
    }

    private static void RefuseUnknown(HealthCheck check, string field, CompileContext context)
    {
        if (check.TransportSocketMatchCriteria is not null)
        {
            throw new ConfigRejectedException(
                field + ".transport_socket_match_criteria", "checks use the transport of the host's traffic; other criteria are not available");
        }

        if (check.EventLogPath.Length > 0 || check.EventLogger.Count > 0 || check.EventService is not null)
        {
            context.Warnings.Add($"cluster '{context.ResourceName}': health check events are not logged");
        }
    }

    private static List<(int, int)> Ranges(RepeatedField<Int64Range> ranges, string field)
    {
        var compiled = new List<(int, int)>(ranges.Count);
        for (int i = 0; i < ranges.Count; i++)
        {
            (long from, long below) = (ranges[i].Start, ranges[i].End);
            if (from < 100 || below > 600 || from >= below)
            {
                throw new ConfigRejectedException($"{field}[{i}]", $"[{from}, {below}) is no range of statuses within [100, 600)");
            }

            compiled.Add(((int)from, (int)below));
        }

        return compiled;
    }

    private static List<byte[]> Payloads(RepeatedField<HealthCheck.Types.Payload> payloads, string field)
    {
        var compiled = new List<byte[]>(payloads.Count);
        for (int i = 0; i < payloads.Count; i++)
        {
            compiled.Add(Payload(payloads[i], $"{field}[{i}]"));
        }

        return compiled;
    }

    // Text is hexadecimal.
    private static byte[] Payload(HealthCheck.Types.Payload payload, string field)
    {
        if (payload.PayloadCase == HealthCheck.Types.Payload.PayloadOneofCase.Binary)
        {
            return payload.Binary.ToByteArray();
        }

        try
        {
            byte[] bytes = Convert.FromHexString(payload.Text);
            return bytes.Length > 0 ? bytes : throw new ConfigRejectedException(field, "the payload is empty");
        }
        catch (FormatException e)
        {
            throw new ConfigRejectedException(field + ".text", $"'{payload.Text}' is not hexadecimal", e);
        }
    }

    private static long Required(Google.Protobuf.WellKnownTypes.Duration? duration, string field)
    {
        long milliseconds = ProtoValues.Milliseconds(duration, 0);
        return milliseconds > 0 ? milliseconds : throw new ConfigRejectedException(field, "a time above zero is needed");
    }

    private static long Optional(Google.Protobuf.WellKnownTypes.Duration? duration, long whenAbsent) =>
        Math.Max(1, ProtoValues.Milliseconds(duration, whenAbsent));

    private static uint Threshold(uint? threshold, string field) =>
        threshold is { } count ? Math.Max(1, count) : throw new ConfigRejectedException(field, "the threshold is missing");
}
