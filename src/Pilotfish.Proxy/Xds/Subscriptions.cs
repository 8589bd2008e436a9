using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Stats;
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

    public void SubscribeAll(ResourceType type, IResourceCollection collection, ConfigSource source, StatScope scope, Action known)
    {
        UnheededFields.Refuse(source);
        ResourceTable from = source.ConfigSourceSpecifierCase switch
        {
            ConfigSource.ConfigSourceSpecifierOneofCase.Ads or ConfigSource.ConfigSourceSpecifierOneofCase.Self => ads,
            ConfigSource.ConfigSourceSpecifierOneofCase.Path => files.At(source.Path),
            ConfigSource.ConfigSourceSpecifierOneofCase.PathConfigSource =>
                files.At(source.PathConfigSource.Path, source.PathConfigSource.WatchedDirectory?.Path),
            ConfigSource.ConfigSourceSpecifierOneofCase.ApiConfigSource
                when FromCluster(source.ApiConfigSource, type, type.ShortName) is ResourceTable table => table,
            _ => throw new ConfigRejectedException("", $"{type.ShortName} comes over ADS, from a file or from a cluster"),
        };
        var stats = new SubscriptionStats(scope);
        from.SubscribeAll(type, new FirstArrival(loop, collection, FetchTimer.Limit(source), stats.TimedOut, known), stats);
    }

    public IDemandedNames SubscribeOnDemand(
        ResourceType type, IResourceCollection collection, ConfigSource source, ISubscriptionStats stats, Action? known)
    {
        ResourceTable from = source.ConfigSourceSpecifierCase switch
        {
            ConfigSource.ConfigSourceSpecifierOneofCase.Ads => DeltaAds(type),
            ConfigSource.ConfigSourceSpecifierOneofCase.ApiConfigSource when ControlPlanes.IsDelta(source.ApiConfigSource)
                && FromCluster(source.ApiConfigSource, type, type.ShortName) is ResourceTable table => table,
            _ => throw new ConfigRejectedException("", "only 'DELTA_GRPC' or 'ADS' (which uses Delta xDS) is supported as a config source"),
        };
        if (known is not null)
        {
            from.SubscribeAll(type, new FirstArrival(loop, collection, FetchTimer.Limit(source), stats.TimedOut, known), stats);
        }

        return from.Demand(type, collection, stats);
    }

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
