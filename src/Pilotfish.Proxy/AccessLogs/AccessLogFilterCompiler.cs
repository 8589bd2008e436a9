using Envoy.Config.Accesslog.V3;
using Envoy.Config.Core.V3;
using Google.Protobuf;
using Pilotfish.Proxy.AccessLogs.Expressions;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.RuntimeLayers;
using Pilotfish.Proxy.Streams;
using FilterMessage = Envoy.Config.Accesslog.V3.AccessLogFilter;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Compiles the filter of one access logger.</summary>
internal static class AccessLogFilterCompiler
{
    private const int AlternativesMin = 2;
    private const long NanosecondsPerMillisecond = 1_000_000;

    /// <param name="filter">The filter, its children included.</param>
    /// <param name="field">Its path.</param>
    /// <param name="runtime">What overrides defaults by key; null for none.</param>
    public static AccessLogFilter Compile(FilterMessage filter, string field, RuntimeValues? runtime = null) => filter.FilterSpecifierCase switch
    {
        FilterMessage.FilterSpecifierOneofCase.StatusCodeFilter =>
            Comparison(filter.StatusCodeFilter.Comparison, field, runtime, static (in FormatSource s) => s.Info.ResponseCode),
        FilterMessage.FilterSpecifierOneofCase.DurationFilter =>
            Comparison(filter.DurationFilter.Comparison, field, runtime, DurationMilliseconds),
        FilterMessage.FilterSpecifierOneofCase.NotHealthCheckFilter =>
            AccessLogFilter.When(static (in FormatSource s) => !s.Info.IsHealthCheck),
        FilterMessage.FilterSpecifierOneofCase.TraceableFilter =>
            AccessLogFilter.When(static (in FormatSource s) => s.Info.IsTraceSampled),
        FilterMessage.FilterSpecifierOneofCase.RuntimeFilter => Sample(filter.RuntimeFilter, runtime),
        FilterMessage.FilterSpecifierOneofCase.AndFilter =>
            AccessLogFilter.All(Children(filter.AndFilter.Filters, $"{field}.and_filter", runtime)),
        FilterMessage.FilterSpecifierOneofCase.OrFilter =>
            AccessLogFilter.Any(Children(filter.OrFilter.Filters, $"{field}.or_filter", runtime)),
        FilterMessage.FilterSpecifierOneofCase.HeaderFilter =>
            AccessLogHeaderFilter.Compile(filter.HeaderFilter.Header, $"{field}.header_filter.header"),
        FilterMessage.FilterSpecifierOneofCase.ResponseFlagFilter =>
            Flags(filter.ResponseFlagFilter, $"{field}.response_flag_filter"),
        FilterMessage.FilterSpecifierOneofCase.GrpcStatusFilter => Grpc(filter.GrpcStatusFilter),
        FilterMessage.FilterSpecifierOneofCase.LogTypeFilter => Types(filter.LogTypeFilter),
        FilterMessage.FilterSpecifierOneofCase.MetadataFilter =>
            MetadataFilters.Compile(filter.MetadataFilter, $"{field}.metadata_filter"),
        FilterMessage.FilterSpecifierOneofCase.ExtensionFilter => Extension(filter.ExtensionFilter, $"{field}.extension_filter"),
        FilterMessage.FilterSpecifierOneofCase.None => throw new ConfigRejectedException(field, "the filter is empty"),
        _ => throw new ConfigRejectedException(field, $"{filter.FilterSpecifierCase} is not supported yet"),
    };

    private static ExpressionFilter Extension(ExtensionFilter filter, string field)
    {
        ExtensionConfig config = Config.ExtensionRegistry.Unwrap(
            filter.TypedConfig ?? new Google.Protobuf.WellKnownTypes.Any(), $"{field}.typed_config");
        return config.MessageName == ExpressionFilter.MessageName
            ? ExpressionFilter.Compile(in config)
            : throw new ConfigRejectedException(
                $"{field}.typed_config", $"filter '{filter.Name}' of type '{config.MessageName}' is not known");
    }

    private static long DurationMilliseconds(in FormatSource source)
    {
        ref readonly TimingPoints times = ref source.Info.Times;
        long end = times.DownstreamSendEnd != 0
            ? times.DownstreamSendEnd
            : Runtime.Loops.EventLoop.CurrentOrNull?.NowNanoseconds ?? times.DownstreamReceiveBegin;
        return (end - times.DownstreamReceiveBegin) / NanosecondsPerMillisecond;
    }

    private static AccessLogFilter Comparison(ComparisonFilter? comparison, string field, RuntimeValues? runtime, Fact fact)
    {
        if (comparison?.Value is not { } value)
        {
            throw new ConfigRejectedException(field, "the comparison has no value");
        }

        var limit = LiveNumber.Of(value, runtime);
        return comparison.Op switch
        {
            ComparisonFilter.Types.Op.Eq => AccessLogFilter.When((in FormatSource s) => fact(in s) == (long)limit.Current),
            ComparisonFilter.Types.Op.Ge => AccessLogFilter.When((in FormatSource s) => fact(in s) >= (long)limit.Current),
            ComparisonFilter.Types.Op.Le => AccessLogFilter.When((in FormatSource s) => fact(in s) <= (long)limit.Current),
            ComparisonFilter.Types.Op.Ne => AccessLogFilter.When((in FormatSource s) => fact(in s) != (long)limit.Current),
            _ => throw new ConfigRejectedException($"{field}.comparison.op", $"'{comparison.Op}' is not known"),
        };
    }

    private static List<AccessLogFilter> Children(IReadOnlyList<FilterMessage> filters, string field, RuntimeValues? runtime)
    {
        if (filters.Count < AlternativesMin)
        {
            throw new ConfigRejectedException(field, $"it has {filters.Count} filters; at least {AlternativesMin} are needed");
        }

        List<AccessLogFilter> children = [];
        for (int i = 0; i < filters.Count; i++)
        {
            children.Add(Compile(filters[i], $"{field}.filters[{i}]", runtime));
        }

        return children;
    }

    private static AccessLogFilter Sample(RuntimeFilter filter, RuntimeValues? runtime)
    {
        var share = new LiveFraction(Fraction.Of(filter.PercentSampled), runtime?.Key(filter.RuntimeKey));
        bool independent = filter.UseIndependentRandomness;
        return AccessLogFilter.When((in FormatSource s) =>
        {
            // The request id decides where there is one, so that every hop of a request logs it or none does.
            if (!independent && s.Info.RequestHeaders is { } headers
                && headers.TryGet(WellKnownHeader.XRequestId, out ReadOnlySpan<byte> id) && !id.IsEmpty)
            {
                return share.Holds(System.IO.Hashing.XxHash64.HashToUInt64(id));
            }

            return share.Holds((ulong)Random.Shared.NextInt64());
        });
    }

    private static AccessLogFilter Flags(ResponseFlagFilter filter, string field)
    {
        ResponseFlags wanted = default;
        for (int i = 0; i < filter.Flags.Count; i++)
        {
            if (!ResponseFlagNames.TryParseShort(filter.Flags[i], out ResponseFlag flag))
            {
                throw new ConfigRejectedException($"{field}.flags[{i}]", $"'{filter.Flags[i]}' is not a response flag");
            }

            wanted = wanted.With(flag);
        }

        return wanted.IsEmpty
            ? AccessLogFilter.When(static (in FormatSource s) => !s.Info.Flags.IsEmpty)
            : AccessLogFilter.When((in FormatSource s) => (s.Info.Flags.Bits & wanted.Bits) != 0);
    }

    private static AccessLogFilter Grpc(GrpcStatusFilter filter)
    {
        HashSet<int> statuses = [];
        foreach (GrpcStatusFilter.Types.Status status in filter.Statuses)
        {
            statuses.Add((int)status);
        }

        bool exclude = filter.Exclude;
        return AccessLogFilter.When((in FormatSource s) =>
        {
            int status = GrpcStatus.Of(s.Info);
            return statuses.Contains(status < 0 ? GrpcStatus.FromHttp(s.Info.ResponseCode) : status) != exclude;
        });
    }

    private static AccessLogFilter Types(LogTypeFilter filter)
    {
        uint wanted = 0;
        foreach (Envoy.Data.Accesslog.V3.AccessLogType type in filter.Types_)
        {
            wanted |= 1u << (int)type;
        }

        bool exclude = filter.Exclude;
        return AccessLogFilter.When((in FormatSource s) => ((wanted & (1u << (int)s.Type)) != 0) != exclude);
    }

    private delegate long Fact(in FormatSource source);
}
