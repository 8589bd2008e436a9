using System.Text;
using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Http2;
using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.RuntimeLayers;
using Pilotfish.Proxy.Routing.Scopes;
using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Http;

/// <summary>Compiles a HttpConnectionManager message. Main loop.</summary>
public sealed class HcmCompiler(NetworkFilterContext context)
{
    private const string RejectFragmentKey = "envoy.reloadable_features.http_reject_path_with_fragment";

    public HcmModel Compile(HttpConnectionManager config)
    {
        RejectUnknown(config);
        CheckUnheeded(config);
        StatScope scope = context.Config.Stats.Scope($"http.{config.StatPrefix}");
        context.Owned.Add(scope);
        StatScope http2Scope = context.Config.Stats.Scope("http2");
        context.Owned.Add(http2Scope);
        HttpProtocolOptions? common = config.CommonHttpProtocolOptions;
        Http1ProtocolOptions? http1 = config.HttpProtocolOptions;
        bool packsTraceReason = RequestIdExtensions.PacksTraceReason(config.RequestIdExtension, "request_id_extension");
        StatScope http1Scope = context.Config.Stats.Scope("http1");
        context.Owned.Add(http1Scope);
        HttpConnectionManager.Types.HcmAccessLogOptions logs = LogOptions(config, out string logInterval);
        IReadOnlyList<HttpFilterSlot> filters = new HttpFilterChainCompiler(context, scope).Compile(config.HttpFilters);
        return new HcmModel
        {
            StatPrefix = config.StatPrefix,
            Stats = new HcmStats(scope),
            Routes = CompileRoutes(config),
            Scopes = CompileScopes(config),
            Filters = filters,
            Clusters = context.Config.Clusters,
            AccessLogs = context.Config.AccessLogs?.Compile(config.AccessLog, "access_log", context.Config) ?? AccessLogSet.Empty,
            AccessLogMilliseconds = AccessLogIntervals.Milliseconds(logs.AccessLogFlushInterval, logInterval),
            LogsNewRequests = logs.FlushAccessLogOnNewRequest,
            LogsTunnels = logs.FlushLogOnTunnelSuccessfullyEstablished,
            LocalReplies = LocalReplyRules.Compile(config.LocalReplyConfig, "local_reply_config"),
            Limits = CompileLimits(config, common, http1),
            Codec = config.CodecType switch
            {
                HttpConnectionManager.Types.CodecType.Http1 => CodecKind.Http1,
                HttpConnectionManager.Types.CodecType.Http2 => CodecKind.Http2,
                _ => CodecKind.Auto,
            },
            Http2 = Http2(config),
            Http2Stats = new Http2Stats(http2Scope),
            Upgrades = CompileUpgrades(config),
            UpgradeFilters = CompileUpgradeFilters(config, scope),
            EndsHttp1WithResponse = config.Http1SafeMaxConnectionDuration,
            IdleTimeoutMilliseconds = Durations.Milliseconds(common?.IdleTimeout) ?? HcmModel.DefaultIdleTimeoutMilliseconds,
            MaxConnectionDurationMilliseconds = Durations.Milliseconds(common?.MaxConnectionDuration) ?? 0,
            DelayedCloseMilliseconds = Durations.Milliseconds(config.DelayedCloseTimeout) ?? HcmModel.DefaultDelayedCloseMilliseconds,
            DrainTimeoutMilliseconds = Durations.Milliseconds(config.DrainTimeout) ?? HcmModel.DefaultDrainTimeoutMilliseconds,
            RequestsPerConnectionMax = common?.MaxRequestsPerConnection ?? 0,
            AcceptHttp10 = http1?.AcceptHttp10 ?? false,
            DefaultHostForHttp10 = Bytes(http1?.DefaultHostForHttp10),
            ProperCase = http1?.HeaderKeyFormat?.ProperCaseWords is not null,
            PreservedCase = PreservedCase.Compile(http1, "http_protocol_options"),
            EnableTrailers = http1?.EnableTrailers ?? false,
            StreamIdleTimeoutMilliseconds = Durations.Milliseconds(config.StreamIdleTimeout)
                ?? HcmModel.DefaultStreamIdleTimeoutMilliseconds,
            StreamFlushTimeoutMilliseconds = Durations.Milliseconds(config.StreamFlushTimeout),
            RequestTimeoutMilliseconds = Durations.Milliseconds(config.RequestTimeout) ?? 0,
            RequestHeadersTimeoutMilliseconds = Durations.Milliseconds(config.RequestHeadersTimeout) ?? 0,
            MaxStreamDurationMilliseconds = Durations.Milliseconds(common?.MaxStreamDuration) ?? 0,
            ServerName = Bytes(config.ServerName) ?? "envoy"u8.ToArray(),
            ServerHeader = (ServerHeaderRule)config.ServerHeaderTransformation,
            Via = Bytes(config.Via),
            UserAgent = config.AddUserAgent == true ? Bytes(context.Config.Node.Cluster) : null,
            ServiceNode = config.AddUserAgent == true ? Bytes(context.Config.Node.Id) : null,
            UseRemoteAddress = config.UseRemoteAddress ?? false,
            TrustedHops = config.XffNumTrustedHops,
            SkipForwardedForAppend = config.SkipXffAppend,
            MapsIPv4 = config.RepresentIpv4RemoteAddressAsIpv4MappedIpv6,
            MarksLocalOverload = config.AppendLocalOverload,
            AddressDetectors = ClientAddressDetector.Compile(
                config.OriginalIpDetectionExtensions, config.UseRemoteAddress ?? false, config.XffNumTrustedHops),
            IgnoredUpgrades = CompileIgnoredUpgrades(http1),
            EarlyMutations = EarlyHeaderMutations.Compile(config.EarlyHeaderMutationExtensions, "early_header_mutation_extensions"),
            ForwardedProtoPorts = ForwardedProtoPorts.Compile(config.ForwardProtoConfig, "forward_proto_config"),
            ProxyStatus = ProxyStatusRules.Compile(
                config.ProxyStatusConfig, config.ServerName.Length > 0 ? config.ServerName : "envoy", context.Config.Node.Id),
            TrustsUnixPeers = config.InternalAddressConfig?.UnixSockets ?? false,
            TellsProxyProtocol = config.AddProxyProtocolConnectionState ?? true,
            AppendForwardedPort = config.AppendXForwardedPort,
            InternalAddresses = AddressRanges.Compile(
                config.InternalAddressConfig?.CidrRanges ?? [], "internal_address_config.cidr_ranges"),
            GenerateRequestId = config.GenerateRequestId ?? true,
            PacksTraceReason = packsTraceReason,
            MetadataDropped = http1Scope.Counter("metadata_not_supported_error"),
            DroppedUnderscores = http1Scope.Counter("dropped_headers_with_underscores"),
            RejectedUnderscores = http1Scope.Counter("requests_rejected_with_underscores_in_headers"),
            PreserveExternalRequestId = config.PreserveExternalRequestId,
            AlwaysSetRequestIdInResponse = config.AlwaysSetRequestIdInResponse,
            Proxy100Continue = config.Proxy100Continue,
            SchemeOverwrite = Bytes(config.SchemeHeaderTransformation?.SchemeToOverwrite),
            SchemeMatchesUpstream = config.SchemeHeaderTransformation?.MatchUpstream ?? false,
            ClientCert = ClientCertRule.Of(config.ForwardClientCertDetails, config.SetCurrentClientCertDetails),
            ClientCertMatcher = ClientCertMatcher.Compile(config.ForwardClientCertMatcher),
            RejectFragment = new LiveFlag(true, context.Config.Runtime.Key(RejectFragmentKey)),
            NormalizePath = config.NormalizePath ?? false,
            TransformsPaths = config.PathNormalizationOptions is not null,
            ForwardedPath = config.PathNormalizationOptions?.ForwardingTransformation is { } forwarding
                ? PathTransformation.Compile(forwarding, "path_normalization_options.forwarding_transformation")
                : PathTransformation.Rfc3986,
            FilteredPath = PathTransformation.Compile(
                config.PathNormalizationOptions?.HttpFilterTransformation, "path_normalization_options.http_filter_transformation"),
            MergeSlashes = config.MergeSlashes,
            EscapedSlashes = CompileEscapedSlashes(config),
            StripAnyPort = config.StripAnyHostPort,
            StripMatchingPort = config.StripMatchingHostPort,
            StripTrailingHostDot = config.StripTrailingHostDot,
        };
    }

    // The deprecated fields, or the message that took their place.
    private static HttpConnectionManager.Types.HcmAccessLogOptions LogOptions(HttpConnectionManager config, out string intervalField)
    {
        bool hasOptions = config.AccessLogOptions is not null;
        AccessLogIntervals.RejectBoth(hasOptions, config.FlushAccessLogOnNewRequest, "flush_access_log_on_new_request");
        AccessLogIntervals.RejectBoth(hasOptions, config.AccessLogFlushInterval is not null, "access_log_flush_interval");
        intervalField = hasOptions ? "access_log_options.access_log_flush_interval" : "access_log_flush_interval";
        return config.AccessLogOptions ?? new HttpConnectionManager.Types.HcmAccessLogOptions
        {
            AccessLogFlushInterval = config.AccessLogFlushInterval,
            FlushAccessLogOnNewRequest = config.FlushAccessLogOnNewRequest,
        };
    }

    private RouteConfigSlot CompileRoutes(HttpConnectionManager config)
    {
        switch (config.RouteSpecifierCase)
        {
            case HttpConnectionManager.RouteSpecifierOneofCase.RouteConfig:
                try
                {
                    var inline = RouteConfigSlot.Inline(config.RouteConfig, context.Config, $"http.{config.StatPrefix}");
                    context.Owned.Add(inline);
                    if (!inline.IsReady)
                    {
                        inline.WhenReady(context.Warming.Add($"VHDS {inline.Name}").Ready);
                    }

                    return inline;
                }
                catch (ConfigRejectedException rejected)
                {
                    throw rejected.Within("route_config");
                }

            case HttpConnectionManager.RouteSpecifierOneofCase.Rds:
                RouteConfigSlot slot = Subscribe(config.Rds, $"http.{config.StatPrefix}");
                context.Owned.Add(slot);
                slot.WhenReady(context.Warming.Add($"RDS {config.Rds.RouteConfigName}").Ready);
                return slot;
            case HttpConnectionManager.RouteSpecifierOneofCase.ScopedRoutes:
                return RouteConfigSlot.None;
            default:
                throw new ConfigRejectedException("route_specifier", "none of rds, route_config and scoped_routes is set");
        }
    }

    private RouteConfigSlot Subscribe(Rds rds, string statPrefix)
    {
        try
        {
            return RouteConfigSlot.Subscribe(rds.RouteConfigName, context.Config, rds.ConfigSource, statPrefix);
        }
        catch (ConfigRejectedException rejected)
        {
            throw rejected.Within("rds.config_source");
        }
    }

    private ScopedRoutesSlot? CompileScopes(HttpConnectionManager config)
    {
        if (config.RouteSpecifierCase != HttpConnectionManager.RouteSpecifierOneofCase.ScopedRoutes)
        {
            return null;
        }

        try
        {
            return ScopedRoutesSlot.Compile(config.ScopedRoutes, config.StatPrefix, context);
        }
        catch (ConfigRejectedException rejected)
        {
            throw rejected.Within("scoped_routes");
        }
    }

    private static Http1Limits CompileLimits(HttpConnectionManager config, HttpProtocolOptions? common, Http1ProtocolOptions? http1)
    {
        uint kilobytes = config.MaxRequestHeadersKb ?? (Http1Limits.DefaultHeadBytes / 1024);
        if (kilobytes is 0 or > Http1Limits.HeadBytesCap / 1024)
        {
            throw new ConfigRejectedException("max_request_headers_kb", $"{kilobytes} is not between 1 and {Http1Limits.HeadBytesCap / 1024}");
        }

        return new Http1Limits
        {
            HeadBytes = (int)kilobytes * 1024,
            Headers = Http1Limits.HeadersOf(common?.MaxHeadersCount, "common_http_protocol_options.max_headers_count"),
            AllowChunkedLength = http1?.AllowChunkedLength ?? false,
            AllowCustomMethods = http1?.AllowCustomMethods ?? false,
            AllowAbsoluteUrl = http1?.AllowAbsoluteUrl ?? true,
            Underscores = (UnderscorePolicy)(common?.HeadersWithUnderscoresAction ?? 0),
        };
    }

    // The connection manager's word counts where HTTP/2's own options say nothing.
    private static Http2Options Http2(HttpConnectionManager config)
    {
        Http2Options options = Http2Options.Compile(config.Http2ProtocolOptions, "http2_protocol_options");
        return config.StreamErrorOnInvalidHttpMessage == true && config.Http2ProtocolOptions?.OverrideStreamErrorOnInvalidHttpMessage is null
            ? options with { StreamErrorOnInvalidMessage = true }
            : options;
    }

    private Dictionary<string, IReadOnlyList<HttpFilterSlot>> CompileUpgradeFilters(HttpConnectionManager config, StatScope scope)
    {
        var chains = new Dictionary<string, IReadOnlyList<HttpFilterSlot>>(StringComparer.OrdinalIgnoreCase);
        for (int i = 0; i < config.UpgradeConfigs.Count; i++)
        {
            HttpConnectionManager.Types.UpgradeConfig upgrade = config.UpgradeConfigs[i];
            if (upgrade.Filters.Count == 0)
            {
                continue;
            }

            try
            {
                chains[upgrade.UpgradeType] = new HttpFilterChainCompiler(context, scope).Compile(upgrade.Filters);
            }
            catch (ConfigRejectedException rejected)
            {
                throw rejected.Within($"upgrade_configs[{i}]");
            }
        }

        return chains;
    }

    private static UpgradePolicy CompileUpgrades(HttpConnectionManager config)
    {
        var entries = new List<(string, bool)>();
        foreach (HttpConnectionManager.Types.UpgradeConfig upgrade in config.UpgradeConfigs)
        {
            entries.Add((upgrade.UpgradeType, upgrade.Enabled ?? true));
        }

        return UpgradePolicy.Of(entries);
    }

    private static EscapedSlashesAction CompileEscapedSlashes(HttpConnectionManager config) => config.PathWithEscapedSlashesAction switch
    {
        HttpConnectionManager.Types.PathWithEscapedSlashesAction.RejectRequest => EscapedSlashesAction.Reject,
        HttpConnectionManager.Types.PathWithEscapedSlashesAction.UnescapeAndRedirect => EscapedSlashesAction.UnescapeAndRedirect,
        HttpConnectionManager.Types.PathWithEscapedSlashesAction.UnescapeAndForward => EscapedSlashesAction.UnescapeAndForward,
        _ => EscapedSlashesAction.Keep,
    };

    private static StringMatch[] CompileIgnoredUpgrades(Http1ProtocolOptions? http1)
    {
        var matchers = new StringMatch[http1?.IgnoreHttp11Upgrade.Count ?? 0];
        for (int i = 0; i < matchers.Length; i++)
        {
            matchers[i] = StringMatch.Compile(http1!.IgnoreHttp11Upgrade[i], $"http_protocol_options.ignore_http_11_upgrade[{i}]");
        }

        return matchers;
    }

    private void CheckUnheeded(HttpConnectionManager config)
    {
        string resource = $"listener '{context.ListenerName}'";
        ConfigProblems warnings = context.Config.Warnings;
        UnheededFields.Check(UnheededFields.OfConnectionManager, config, "", resource, warnings);
        UnheededFields.Check(UnheededFields.OfHttp, config.CommonHttpProtocolOptions, "common_http_protocol_options", resource, warnings);
        UnheededFields.Check(UnheededFields.OfHttp1, config.HttpProtocolOptions, "http_protocol_options", resource, warnings);
        UnheededFields.Check(UnheededFields.OfHttp2, config.Http2ProtocolOptions, "http2_protocol_options", resource, warnings);
    }

    private static void RejectUnknown(HttpConnectionManager config)
    {
        if (config.CodecType is HttpConnectionManager.Types.CodecType.Http3)
        {
            throw new ConfigRejectedException("codec_type", "HTTP/3 is not available in Pilotfish");
        }

        if (config.TypedHeaderValidationConfig is { } validation)
        {
            // Envoy's own builds refuse them, too (ENVOY_ENABLE_UHV); what is checked without them is checked here.
            throw new ConfigRejectedException("typed_header_validation_config", $"extension '{validation.Name}' does not exist in Pilotfish");
        }
    }

    private static byte[]? Bytes(string? text) => string.IsNullOrEmpty(text) ? null : Encoding.UTF8.GetBytes(text);
}
