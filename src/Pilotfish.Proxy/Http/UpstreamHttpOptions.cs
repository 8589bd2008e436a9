using Envoy.Extensions.Upstreams.Http.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Http2;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Http;

/// <summary>
/// What a cluster says about HTTP (envoy.extensions.upstreams.http.v3.HttpProtocolOptions), compiled with the cluster so that a value
/// out of range refuses it instead of meeting its first request. Immutable.
/// </summary>
public sealed record UpstreamHttpOptions
{
    public const long DefaultIdleMilliseconds = 3_600_000;

    private const string Key = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

    public static UpstreamHttpOptions Default { get; } = new();

    /// <summary>What the pools speak; with <see cref="UsesDownstreamProtocol"/>, what they speak for who has no protocol of its own (tunnels).</summary>
    public UpstreamProtocol Protocol { get; init; }

    /// <summary>use_downstream_protocol_config.</summary>
    public bool UsesDownstreamProtocol { get; init; }

    public Http2Options Http2 { get; init; } = Http2Options.Default;

    /// <summary>0 = none.</summary>
    public long IdleMilliseconds { get; init; } = DefaultIdleMilliseconds;

    /// <summary>common_http_protocol_options.max_requests_per_connection; null = not said here.</summary>
    public uint? RequestsPerConnectionMax { get; init; }

    /// <summary>Bound of one exchange; 0 = none.</summary>
    public long MaxStreamMilliseconds { get; init; }

    /// <summary>retry_policy: in place of the route's and the virtual host's; null = theirs.</summary>
    public RetryPolicyModel? Retry { get; init; }

    /// <summary>request_mirror_policies, in place of the route's; empty = the route's.</summary>
    public MirrorPolicyModel[] Mirrors { get; init; } = [];

    /// <summary>hash_policy, in place of the route's; null = the route's.</summary>
    public HashPolicyModel? Hash { get; init; }

    /// <summary>max_response_headers_kb and max_headers_count: what a response's head may have.</summary>
    public Http1Limits ResponseLimits { get; init; } = Http1Limits.Response;

    /// <summary>The same for HTTP/2, whose heads are smaller unless max_response_headers_kb speaks of both.</summary>
    public Http1Limits Http2ResponseLimits { get; init; } = Http1Limits.Request;

    /// <summary>upstream_http_protocol_options.auto_sni: TLS asks for the request's host.</summary>
    public bool AutoSni { get; init; }

    /// <summary>auto_san_validation: the upstream's certificate must be the request's host's.</summary>
    public bool AutoSanValidation { get; init; }

    /// <summary>override_auto_sni_header: the header that names the host, lower case; null = :authority.</summary>
    public byte[]? AutoSniHeader { get; init; }

    /// <summary>HTTP/1 requests carry header names like Content-Type.</summary>
    public bool ProperCase { get; init; }

    /// <summary>enable_trailers: HTTP/1 messages of this cluster have trailers, which are dropped otherwise.</summary>
    public bool EnableTrailers { get; init; }

    /// <summary>send_fully_qualified_url: HTTP/1 requests carry their target as an absolute URL, as other proxies want it.</summary>
    public bool AbsoluteTargets { get; init; }

    /// <summary>http_filters; null = none but the codec.</summary>
    public UpstreamHttpFilters? Filters { get; init; }

    /// <summary>Names of HTTP/1 responses keep their spelling; null = no.</summary>
    public PreservedCase? PreservedCase { get; init; }

    /// <summary>
    /// Finds and compiles the options among typed_extension_protocol_options, or else the cluster's own fields that they took the place of.
    /// Rejects by field.
    /// </summary>
    internal static UpstreamHttpOptions Compile(Envoy.Config.Cluster.V3.Cluster cluster, CompileContext context)
    {
        bool isTyped = cluster.TypedExtensionProtocolOptions.TryGetValue(Key, out Any? packed);
        HttpProtocolOptions? message = isTyped ? null : OfOldFields(cluster);
        string field = isTyped ? $"typed_extension_protocol_options[{Key}]" : "";
        if (isTyped)
        {
            try
            {
                message = HttpProtocolOptions.Parser.ParseFrom(packed!.Value);
            }
            catch (InvalidProtocolBufferException e)
            {
                throw new ConfigRejectedException(field, "the value is not a valid HttpProtocolOptions", e);
            }
        }

        if (message is null)
        {
            return Default;
        }

        ConfigProblems warnings = context.Warnings;
        string resource = $"cluster '{cluster.Name}'";
        UnheededFields.Check(UnheededFields.OfUpstreamHttp, message, field, resource, warnings);
        UnheededFields.Check(UnheededFields.OfHttp, message.CommonHttpProtocolOptions, $"{field}.common_http_protocol_options", resource, warnings);
        UnheededFields.Check(UnheededFields.OfHttp1, Http1(message), $"{field}.http_protocol_options", resource, warnings);
        UnheededFields.Check(UnheededFields.OfHttp2, Http2Of(message), $"{field}.http2_protocol_options", resource, warnings);
        UnheededFields.Check(UnheededFields.OfRetryPolicy, message.RetryPolicy, $"{field}.retry_policy", resource, warnings);
        UnheededFields.Check(UnheededFields.OfExplicitHttp, message.ExplicitHttpConfig, $"{field}.explicit_http_config", resource, warnings);
        UnheededFields.Check(UnheededFields.OfDownstreamsHttp, message.UseDownstreamProtocolConfig, $"{field}.use_downstream_protocol_config", resource, warnings);
        UnheededFields.Check(UnheededFields.OfAutoHttp, message.AutoConfig, $"{field}.auto_config", resource, warnings);
        return Compile(message, field) with
        {
            Mirrors = MirrorPolicyModel.CompileAll(message.RequestMirrorPolicies, $"{field}.request_mirror_policies", resource, context),
            Filters = UpstreamHttpFilters.Compile(message.HttpFilters, $"{field}.http_filters", context),
        };
    }

    // Null when the cluster has none of the fields that were there before HttpProtocolOptions.
    private static HttpProtocolOptions? OfOldFields(Envoy.Config.Cluster.V3.Cluster cluster)
    {
        bool follows = cluster.ProtocolSelection == Envoy.Config.Cluster.V3.Cluster.Types.ClusterProtocolSelection.UseDownstreamProtocol;
        if (!follows && cluster.HttpProtocolOptions is null && cluster.Http2ProtocolOptions is null && cluster.CommonHttpProtocolOptions is null
            && cluster.UpstreamHttpProtocolOptions is null)
        {
            return null;
        }

        var message = new HttpProtocolOptions
        {
            CommonHttpProtocolOptions = cluster.CommonHttpProtocolOptions,
            UpstreamHttpProtocolOptions = cluster.UpstreamHttpProtocolOptions,
        };
        if (follows)
        {
            message.UseDownstreamProtocolConfig = new HttpProtocolOptions.Types.UseDownstreamHttpConfig
            {
                HttpProtocolOptions = cluster.HttpProtocolOptions,
                Http2ProtocolOptions = cluster.Http2ProtocolOptions,
            };
        }
        else
        {
            message.ExplicitHttpConfig = new HttpProtocolOptions.Types.ExplicitHttpConfig();
            if (cluster.Http2ProtocolOptions is { } http2)
            {
                message.ExplicitHttpConfig.Http2ProtocolOptions = http2;
            }
            else
            {
                message.ExplicitHttpConfig.HttpProtocolOptions = cluster.HttpProtocolOptions ?? new();
            }
        }

        return message;
    }

    internal static UpstreamHttpOptions Compile(HttpProtocolOptions message, string field)
    {
        Envoy.Config.Core.V3.HttpProtocolOptions? common = message.CommonHttpProtocolOptions;
        UpstreamHttpOptions compiled = Default with
        {
            IdleMilliseconds = Durations.Milliseconds(common?.IdleTimeout) ?? DefaultIdleMilliseconds,
            RequestsPerConnectionMax = common?.MaxRequestsPerConnection,
            MaxStreamMilliseconds = Durations.Milliseconds(common?.MaxStreamDuration) ?? 0,
            ProperCase = Http1(message)?.HeaderKeyFormat?.ProperCaseWords is not null,
            EnableTrailers = Http1(message)?.EnableTrailers ?? false,
            AbsoluteTargets = Http1(message)?.SendFullyQualifiedUrl ?? false,
            PreservedCase = PreservedCase.Compile(Http1(message), field + ".http_protocol_options"),
            Retry = RetryPolicyModel.Compile(message.RetryPolicy, field + ".retry_policy"),
            Hash = HashPolicyModel.Compile(message.HashPolicy, field + ".hash_policy"),
            ResponseLimits = LimitsOf(common, Http1Limits.Response, field + ".common_http_protocol_options"),
            Http2ResponseLimits = LimitsOf(common, Http1Limits.Request, field + ".common_http_protocol_options"),
            AutoSni = message.UpstreamHttpProtocolOptions?.AutoSni ?? false,
            AutoSanValidation = message.UpstreamHttpProtocolOptions?.AutoSanValidation ?? false,
            AutoSniHeader = message.UpstreamHttpProtocolOptions is { OverrideAutoSniHeader.Length: > 0 } names
                ? System.Text.Encoding.ASCII.GetBytes(names.OverrideAutoSniHeader.ToLowerInvariant())
                : null,
        };
        if (message.ExplicitHttpConfig?.Http2ProtocolOptions is { } http2)
        {
            return compiled with
            {
                Protocol = UpstreamProtocol.Http2,
                Http2 = Http2Options.Compile(http2, field + ".explicit_http_config.http2_protocol_options"),
            };
        }

        if (message.UseDownstreamProtocolConfig is { } downstream)
        {
            return compiled with
            {
                UsesDownstreamProtocol = true,
                Protocol = downstream.Http2ProtocolOptions is null ? UpstreamProtocol.Http1 : UpstreamProtocol.Http2,
                Http2 = Http2Options.Compile(
                    downstream.Http2ProtocolOptions, field + ".use_downstream_protocol_config.http2_protocol_options"),
            };
        }

        return message.AutoConfig is { } auto
            ? compiled with
            {
                Protocol = UpstreamProtocol.Alpn,
                Http2 = Http2Options.Compile(auto.Http2ProtocolOptions, field + ".auto_config.http2_protocol_options"),
            }
            : compiled;
    }

    private static Http1Limits LimitsOf(Envoy.Config.Core.V3.HttpProtocolOptions? common, Http1Limits defaults, string field)
    {
        const uint most = Http1Limits.HeadBytesCap / 1024;
        if (common?.MaxResponseHeadersKb is { } kilobytes)
        {
            defaults = kilobytes is 0 or > most
                ? throw new ConfigRejectedException(field + ".max_response_headers_kb", $"{kilobytes} is not between 1 and {most}")
                : defaults with { HeadBytes = (int)kilobytes * 1024 };
        }

        return defaults with { Headers = Http1Limits.HeadersOf(common?.MaxHeadersCount, field + ".max_headers_count") };
    }

    private static Envoy.Config.Core.V3.Http1ProtocolOptions? Http1(HttpProtocolOptions message) =>
        message.ExplicitHttpConfig?.HttpProtocolOptions ?? message.UseDownstreamProtocolConfig?.HttpProtocolOptions
        ?? message.AutoConfig?.HttpProtocolOptions;

    private static Envoy.Config.Core.V3.Http2ProtocolOptions? Http2Of(HttpProtocolOptions message) =>
        message.ExplicitHttpConfig?.Http2ProtocolOptions ?? message.UseDownstreamProtocolConfig?.Http2ProtocolOptions
        ?? message.AutoConfig?.Http2ProtocolOptions;
}
