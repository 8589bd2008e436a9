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
    ISubscriptions ads,
    FileSubscriptions files,
    Func<string, ISubscriptions?> byCluster) : ISubscriptions
{
    public IDisposable Subscribe(ResourceType type, string name, IResourceConsumer consumer) =>
        ads.Subscribe(type, name, consumer);

    public IDisposable Subscribe(ResourceType type, string name, IResourceConsumer consumer, ConfigSource? source)
    {
        ISubscriptions from = source?.ConfigSourceSpecifierCase switch
        {
            null or ConfigSource.ConfigSourceSpecifierOneofCase.None
                or ConfigSource.ConfigSourceSpecifierOneofCase.Ads
                or ConfigSource.ConfigSourceSpecifierOneofCase.Self => ads,
            ConfigSource.ConfigSourceSpecifierOneofCase.Path => files.At(source.Path),
            ConfigSource.ConfigSourceSpecifierOneofCase.PathConfigSource =>
                files.At(source.PathConfigSource.Path, source.PathConfigSource.WatchedDirectory?.Path),
            _ => FromCluster(source.ApiConfigSource, name),
        };
        return FetchTimer.Subscribe(loop, from, type, name, consumer, source);
    }

    private ISubscriptions FromCluster(ApiConfigSource source, string name)
    {
        string cluster = ControlPlanes.ClusterOf(source)
            ?? throw new ConfigRejectedException("api_config_source", $"resource '{name}' names no envoy_grpc cluster to ask");
        return byCluster(cluster)
            ?? throw new ConfigRejectedException("api_config_source", $"resource '{name}' is asked for from the unknown cluster '{cluster}'");
    }
}
