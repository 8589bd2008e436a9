using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Xds;

/// <summary>
/// Sends each subscription to the place that its config source names: ADS, a file, or a cluster whose answers are known in
/// this process (the agent's sds-grpc) or dialled. Main loop.
/// </summary>
internal sealed class Subscriptions(
    EventLoop loop,
    ResourceTable ads,
    FileSubscriptions files,
    bool? adsIsDelta,
    Func<ApiConfigSource, string, ResourceType, ISubscriptions?> byCluster) : ISubscriptions
{
    public IDisposable Subscribe(ResourceType type, string name, IResourceConsumer consumer) =>
        ads.Subscribe(type, name, consumer);

    public IDisposable Subscribe(ResourceType type, string name, IResourceConsumer consumer, ConfigSource? source)
    {
        if (source is not null)
        {
            UnheededFields.Refuse(source);
        }

        ISubscriptions from = source?.ConfigSourceSpecifierCase switch
        {
            null or ConfigSource.ConfigSourceSpecifierOneofCase.None
                or ConfigSource.ConfigSourceSpecifierOneofCase.Ads
                or ConfigSource.ConfigSourceSpecifierOneofCase.Self => ads,
            ConfigSource.ConfigSourceSpecifierOneofCase.Path => files.At(source.Path),
            ConfigSource.ConfigSourceSpecifierOneofCase.PathConfigSource =>
                files.At(source.PathConfigSource.Path, source.PathConfigSource.WatchedDirectory?.Path),
            _ => FromCluster(source.ApiConfigSource, type, $"resource '{name}'"),
        };
        return FetchTimer.Subscribe(loop, from, type, name, consumer, source);
    }

    public SourceKey Identify(ResourceType type, ConfigSource source)
    {
        TableOf(type, source);
        UnheededFields.Refuse(source);
        return SourceKey.Of(source);
    }

    public IDisposable SubscribeAll(
        ResourceType type, IResourceCollection collection, ConfigSource source, ISubscriptionStats stats, Action known)
    {
        ResourceTable from = TableOf(type, source);
        var arrival = new FirstArrival(loop, collection, FetchTimer.Limit(source), stats.TimedOut, known);
        arrival.Follow(from.SubscribeAll(type, arrival, stats));
        return arrival;
    }

    public IDemandedNames SubscribeOnDemand(
        ResourceType type, IResourceCollection collection, ConfigSource source, ISubscriptionStats stats) =>
        TableOf(type, source).Demand(type, collection, stats);

    // Of what is not asked for by names that are known beforehand.
    private ResourceTable TableOf(ResourceType type, ConfigSource source) =>
        type == ResourceType.VirtualHost || type == ResourceType.Cluster ? DeltaTableOf(type, source) : AnyTableOf(type, source);

    private ResourceTable AnyTableOf(ResourceType type, ConfigSource source)
    {
        UnheededFields.Refuse(source);
        return source.ConfigSourceSpecifierCase switch
        {
            ConfigSource.ConfigSourceSpecifierOneofCase.Ads or ConfigSource.ConfigSourceSpecifierOneofCase.Self => ads,
            ConfigSource.ConfigSourceSpecifierOneofCase.Path => files.At(source.Path),
            ConfigSource.ConfigSourceSpecifierOneofCase.PathConfigSource =>
                files.At(source.PathConfigSource.Path, source.PathConfigSource.WatchedDirectory?.Path),
            ConfigSource.ConfigSourceSpecifierOneofCase.ApiConfigSource
                when FromCluster(source.ApiConfigSource, type, type.ShortName) is ResourceTable table => table,
            _ => throw new ConfigRejectedException("", $"{type.ShortName} comes over ADS, from a file or from a cluster"),
        };
    }

    private ResourceTable DeltaTableOf(ResourceType type, ConfigSource source) => source.ConfigSourceSpecifierCase switch
    {
        ConfigSource.ConfigSourceSpecifierOneofCase.Ads => DeltaAds(type),
        ConfigSource.ConfigSourceSpecifierOneofCase.ApiConfigSource when ControlPlanes.IsDelta(source.ApiConfigSource)
            && FromCluster(source.ApiConfigSource, type, type.ShortName) is ResourceTable table => table,
        _ => throw new ConfigRejectedException("", "only 'DELTA_GRPC' or 'ADS' (which uses Delta xDS) is supported as a config source"),
    };

    private ResourceTable DeltaAds(ResourceType type) => adsIsDelta switch
    {
        true => ads,
        false => throw new ConfigRejectedException("ads", $"ADS must use DELTA_GRPC api_type when used as {type.ShortName} config source"),
        null => throw new ConfigRejectedException("ads", "ADS config source specified but no ADS configured in bootstrap"),
    };

    private ISubscriptions FromCluster(ApiConfigSource source, ResourceType type, string what)
    {
        string cluster = ControlPlanes.ClusterOf(source)
            ?? throw new ConfigRejectedException("api_config_source", $"{what} names no envoy_grpc cluster to ask");
        return byCluster(source, cluster, type)
            ?? throw new ConfigRejectedException("api_config_source", $"{what} is asked for from the unknown cluster '{cluster}'");
    }
}
