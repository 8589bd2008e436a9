using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Metrics.V3;
using Pilotfish.Proxy.Clusters;

namespace Pilotfish.Proxy.Config;

/// <summary>
/// Looks at the bootstrap's extensions, which have no room of their own yet. What is known but does nothing is remarked; what
/// is unknown is rejected by name.
/// </summary>
internal static class BootstrapChecks
{
    // Name of the config message -> what it does not do yet; empty when it does all it should.
    private static readonly Dictionary<string, string> s_known = new(StringComparer.Ordinal)
    {
        ["envoy.extensions.bootstrap.internal_listener.v3.InternalListener"] = "internal listeners are not served yet",
        ["istio.workload.BootstrapExtension"] = "workload discovery is not asked for yet",
        ["envoy.config.metrics.v3.StatsdSink"] = "statistics are not sent to statsd yet",
        ["envoy.config.metrics.v3.MetricsServiceConfig"] = "statistics are not sent to the metrics service yet",
        ["envoy.extensions.stat_sinks.graphite_statsd.v3.GraphiteStatsdSink"] = "statistics are not sent to statsd yet",
        ["envoy.config.trace.v3.ZipkinConfig"] = "traces are not sent yet",
        ["envoy.config.trace.v3.DatadogConfig"] = "traces are not sent yet",
        ["envoy.config.trace.v3.LightstepConfig"] = "traces are not sent yet",
        ["envoy.config.trace.v3.SkyWalkingConfig"] = "traces are not sent yet",
        ["envoy.config.trace.v3.OpenTelemetryConfig"] = "traces are not sent yet",
    };

    private const string Ads = "dynamic_resources.ads_config";

    public static void Check(Bootstrap bootstrap, CompileContext context)
    {
        UnheededFields.Check(UnheededFields.OfBootstrap, bootstrap, "", "bootstrap", context.Warnings);
        UnheededFields.Check(UnheededFields.OfAdmin, bootstrap.Admin, "admin", "bootstrap", context.Warnings);
        UnheededFields.Check(UnheededFields.OfClusterManager, bootstrap.ClusterManager, "cluster_manager", "bootstrap", context.Warnings);
        UnheededFields.Check(UnheededFields.OfDynamicResources, bootstrap.DynamicResources, "dynamic_resources", "bootstrap", context.Warnings);
        UnheededFields.Check(UnheededFields.OfApiConfigSource, bootstrap.DynamicResources?.AdsConfig, Ads, "bootstrap", context.Warnings);
        for (int i = 0; i < (bootstrap.DynamicResources?.AdsConfig?.GrpcServices.Count ?? 0); i++)
        {
            UnheededFields.Check(bootstrap.DynamicResources!.AdsConfig.GrpcServices[i], $"{Ads}.grpc_services[{i}]", "bootstrap", context.Warnings);
        }

        for (int i = 0; i < bootstrap.BootstrapExtensions.Count; i++)
        {
            Check(bootstrap.BootstrapExtensions[i], $"bootstrap_extensions[{i}]", context);
        }

        for (int i = 0; i < bootstrap.StatsSinks.Count; i++)
        {
            StatsSink sink = bootstrap.StatsSinks[i];
            Check(new TypedExtensionConfig { Name = sink.Name, TypedConfig = sink.TypedConfig }, $"stats_sinks[{i}]", context);
        }

        if (bootstrap.Tracing?.Http is { } tracing)
        {
            Check(
                new TypedExtensionConfig { Name = tracing.Name, TypedConfig = tracing.TypedConfig }, "tracing.http", context);
        }

        if (bootstrap.TypedDnsResolverConfig is { } resolver)
        {
            context.DnsResolver = DnsResolverCompiler.Compile(resolver, "typed_dns_resolver_config");
        }

        if (bootstrap.ClusterManager is { LocalClusterName.Length: > 0 } manager)
        {
            context.LocalCluster = context.Clusters.Reference(manager.LocalClusterName);
        }

        if (bootstrap.HdsConfig is not null)
        {
            context.Warnings.Add("hds_config: health discovery is not served; the setting has no effect");
        }

        if (bootstrap.ClusterManager?.LoadStatsConfig is not null)
        {
            context.Warnings.Add("cluster_manager.load_stats_config: load reports are not sent yet");
        }
    }

    private static void Check(TypedExtensionConfig extension, string field, CompileContext context)
    {
        string name = ExtensionRegistry.Unwrap(extension.TypedConfig ?? new(), field).MessageName;
        if (!s_known.TryGetValue(name, out string? missing))
        {
            throw new ConfigRejectedException(
                field, $"extension '{extension.Name}' has type '{name}', which Pilotfish does not have in this place");
        }

        if (missing.Length > 0)
        {
            context.Warnings.Add($"'{name}': {missing}");
        }
    }
}
