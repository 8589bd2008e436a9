using System.Text;
using Envoy.Config.Core.V3;
using Envoy.Extensions.AccessLoggers.Grpc.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Config;
using HeaderMap = Pilotfish.Proxy.Http.HeaderMap;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>Compiles the messages that say how a collector is called. Main loop.</summary>
internal static class CollectorConfig
{
    public static CollectorOptions Compile(CommonGrpcAccessLogConfig? config, string field, CompileContext context)
    {
        if (config is null)
        {
            throw new ConfigRejectedException(field, "it is missing");
        }

        if (config.LogName.Length == 0)
        {
            throw new ConfigRejectedException($"{field}.log_name", "the name is empty");
        }

        CheckVersion(config, field);
        return Compile(config.GrpcService, $"{field}.grpc_service", context, 0) with
        {
            FlushMilliseconds = FlushInterval(config.BufferFlushInterval, $"{field}.buffer_flush_interval"),
            BatchBytes = BatchBytes(config.BufferSizeBytes),
            RetryBaseMilliseconds = RetryBase(config.GrpcStreamRetryPolicy),
            RetryCapMilliseconds = RetryCap(config.GrpcStreamRetryPolicy),
        };
    }

    /// <summary>The part that says which cluster is called, and how.</summary>
    /// <param name="service">Of the config.</param>
    /// <param name="field">Its path.</param>
    /// <param name="context">Where clusters are found and warnings go.</param>
    /// <param name="defaultDeadlineMilliseconds">Without a timeout; 0 = none.</param>
    /// <param name="user">Who calls, for warnings.</param>
    public static CollectorOptions Compile(
        GrpcService? service, string field, CompileContext context, long defaultDeadlineMilliseconds, string user = "access log")
    {
        if (service?.TargetSpecifierCase != GrpcService.TargetSpecifierOneofCase.EnvoyGrpc)
        {
            throw new ConfigRejectedException(field, service?.TargetSpecifierCase == GrpcService.TargetSpecifierOneofCase.GoogleGrpc
                ? "google_grpc is not supported; name a cluster with envoy_grpc"
                : "it names no target");
        }

        GrpcService.Types.EnvoyGrpc target = service.EnvoyGrpc;
        if (target.ClusterName.Length == 0)
        {
            throw new ConfigRejectedException($"{field}.envoy_grpc.cluster_name", "the name is empty");
        }

        UnheededFields.Check(service, field, user, context.Warnings);
        return new CollectorOptions
        {
            Cluster = context.Clusters.Reference(target.ClusterName),
            Grpc = new AsyncGrpcOptions
            {
                Authority = target.Authority.Length > 0 ? target.Authority : null,
                DeadlineMilliseconds = ProtoValues.Milliseconds(service.Timeout, defaultDeadlineMilliseconds),
            },
            Metadata = Metadata(service.InitialMetadata, $"{field}.initial_metadata"),
        };
    }

    public static void CheckVersion(CommonGrpcAccessLogConfig config, string field)
    {
        if (config.TransportApiVersion is not (ApiVersion.Auto or ApiVersion.V3))
        {
            throw new ConfigRejectedException($"{field}.transport_api_version", $"'{config.TransportApiVersion}' is not supported; V3 is");
        }
    }

    public static long FlushInterval(Duration? interval, string field)
    {
        long milliseconds = ProtoValues.Milliseconds(interval, CollectorOptions.DefaultFlushMilliseconds);
        return milliseconds > 0 ? milliseconds : throw new ConfigRejectedException(field, "the interval must be above 0");
    }

    public static int BatchBytes(uint? bytes) => (int)Math.Min(bytes ?? CollectorOptions.DefaultBatchBytes, CollectorOptions.BatchBytesMax);

    public static long RetryBase(RetryPolicy? policy) =>
        Math.Max(1, ProtoValues.Milliseconds(policy?.RetryBackOff?.BaseInterval, CollectorOptions.DefaultRetryBaseMilliseconds));

    // As everywhere in Envoy: ten times the base unless it is given.
    public static long RetryCap(RetryPolicy? policy) => policy?.RetryBackOff?.BaseInterval is null
        ? CollectorOptions.DefaultRetryCapMilliseconds
        : Math.Max(RetryBase(policy), ProtoValues.Milliseconds(policy.RetryBackOff.MaxInterval, 10 * RetryBase(policy)));

    private static HeaderMap? Metadata(IReadOnlyList<HeaderValue> headers, string field)
    {
        if (headers.Count == 0)
        {
            return null;
        }

        HeaderMap map = new();
        for (int i = 0; i < headers.Count; i++)
        {
            HeaderValue header = headers[i];
            string name = header.Key.ToLowerInvariant();
            if (name.Length == 0 || name[0] == ':')
            {
                throw new ConfigRejectedException($"{field}[{i}].key", $"'{header.Key}' is no name of a header");
            }

            map.Add(
                Encoding.UTF8.GetBytes(name),
                header.RawValue.IsEmpty ? Encoding.UTF8.GetBytes(header.Value) : header.RawValue.Span);
        }

        return map;
    }
}
