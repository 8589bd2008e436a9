using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Core.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Workers;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Loops;
using Cluster = Envoy.Config.Cluster.V3.Cluster;

namespace Pilotfish.Proxy.Config;

/// <summary>
/// Every place that resources come from: the ADS stream, files, sources in this process and clusters that are dialled for
/// one type of resources. Main loop.
/// </summary>
public sealed class ConfigSubscriptions : IDisposable
{
    private readonly ProxyInputs _inputs;
    private readonly StatsStore _stats;
    private readonly Func<Node> _node;
    private readonly FileSubscriptions _files;
    private readonly Dictionary<(SourceKey Source, ResourceType Type), ResourceTable> _dialled = [];
    private readonly List<IDisposable> _clients = [];
    private Func<IControlPlane, string, IXdsDialler>? _dialler;
    private Action? _startAds;

    internal ConfigSubscriptions(ProxyInputs inputs, StatsStore stats, LocalNode node)
    {
        _inputs = inputs;
        _stats = stats;
        _node = () => Node.Parser.ParseFrom(node.Message.Span);
        _files = new FileSubscriptions(inputs.MainLoop);
        Ads = new ResourceTable(inputs.MainLoop);
        bool? adsIsDelta = inputs.Bootstrap.DynamicResources?.AdsConfig is { } adsSource ? ControlPlanes.IsDelta(adsSource) : null;
        Hub = new Subscriptions(inputs.MainLoop, Ads, _files, adsIsDelta, ByCluster);
    }

    /// <summary>Sends each subscription where its config source says.</summary>
    public ISubscriptions Hub { get; }

    /// <summary>Subscribes to resources of the ADS stream that no proxy knows: the agent's name table and mesh config.</summary>
    public ISubscriptions AdsStream => Ads;

    internal ResourceTable Ads { get; }

    /// <summary>
    /// Subscribes over ADS to everything of a type that no part of the data plane wants, such as the agent's name table. Before
    /// <see cref="ProxyApp.Start"/>, so that it is asked for in the first requests.
    /// </summary>
    public void SubscribeAll(ResourceType type, IResourceCollection collection) =>
        Ads.SubscribeAll(type, collection, new SubscriptionStats(_stats.Scope($"agent.{type.ShortName.ToLowerInvariant()}")));

    internal IEnumerable<ResourceTable> Tables
    {
        get
        {
            yield return Ads;
            foreach (ResourceTable table in _files.Tables)
            {
                yield return table;
            }

            foreach (ResourceTable table in _dialled.Values)
            {
                yield return table;
            }
        }
    }

    public void Dispose()
    {
        _files.Dispose();
        foreach (IDisposable client in _clients)
        {
            client.Dispose();
        }
    }

    /// <summary>Says how clusters are called. Once, before anything is subscribed to or prepared.</summary>
    internal void CallThrough(ClusterDirectory clusters, ClusterReferences references, Worker main) =>
        _dialler = (controlPlane, cluster) => new ClusterDialler(main, clusters, references.Reference(cluster), controlPlane);

    /// <summary>Prepares the ADS client; rejects a control plane that cannot be dialled.</summary>
    internal void PrepareAds(ApiConfigSource? source)
    {
        if (source is null)
        {
            return;
        }

        UnheededFields.Refuse(source, "dynamic_resources.ads_config");
        string name = ControlPlanes.ClusterOf(source)
            ?? throw new ConfigRejectedException("dynamic_resources.ads_config", "it names no envoy_grpc cluster");
        if (StaticCluster(name) is null)
        {
            throw new ConfigRejectedException("dynamic_resources.ads_config", $"cluster '{name}' is not a static cluster");
        }

        GrpcService? service = ControlPlanes.ServiceOf(source);
        IControlPlane controlPlane = _inputs.ControlPlane ?? new BootstrapControlPlane(name, service);
        _startAds = Client(
            Ads, ControlPlanes.IsDelta(source), XdsService.Aggregated, _dialler!(controlPlane, name), ControlPlanes.BackOffOf(service)).Start;
    }

    internal void StartAds()
    {
        _startAds?.Invoke();
        _startAds = null;
    }

    /// <summary>The table of a config source of the bootstrap; null when it names none.</summary>
    internal ResourceTable TableOf(ConfigSource source) => source.ConfigSourceSpecifierCase switch
    {
        ConfigSource.ConfigSourceSpecifierOneofCase.Path => _files.At(source.Path),
        ConfigSource.ConfigSourceSpecifierOneofCase.PathConfigSource =>
            _files.At(source.PathConfigSource.Path, source.PathConfigSource.WatchedDirectory?.Path),
        ConfigSource.ConfigSourceSpecifierOneofCase.Ads => Ads,
        _ => throw new ConfigRejectedException(
            "dynamic_resources", "listeners and clusters come over ADS or from a file; other config sources are not supported"),
    };

    private Cluster? StaticCluster(string name)
    {
        foreach (Cluster cluster in _inputs.Bootstrap.StaticResources?.Clusters ?? [])
        {
            if (cluster.Name == name)
            {
                return cluster;
            }
        }

        return null;
    }

    private ISubscriptions? ByCluster(ApiConfigSource source, string name, ResourceType type)
    {
        if (_inputs.LocalSources.TryGetValue(name, out ISubscriptions? local))
        {
            return local;
        }

        // What SDS servers of agents answer is the state of the world; a source that wants the other dialect says so.
        bool isDelta = ControlPlanes.IsDelta(source);
        (SourceKey Source, ResourceType Type) key = (SourceKey.Of(source), type);
        if (_dialled.TryGetValue(key, out ResourceTable? table))
        {
            return table;
        }

        if (StaticCluster(name) is null || XdsService.Of(type) is not { } service)
        {
            return null;
        }

        table = new ResourceTable(_inputs.MainLoop);
        _dialled.Add(key, table);
        GrpcService? grpc = ControlPlanes.ServiceOf(source);
        BootstrapControlPlane controlPlane = new(name, grpc);
        XdsClient client = Client(table, isDelta, service, _dialler!(controlPlane, name), ControlPlanes.BackOffOf(grpc));
        if (type == ResourceType.Cluster)
        {
            client.StartWhenSubscribed();
        }
        else
        {
            client.Start();
        }

        return table;
    }

    private XdsClient Client(ResourceTable table, bool delta, XdsService service, IXdsDialler dialler, BackOff backOff)
    {
        EventLoop loop = _inputs.MainLoop;
        IXdsProtocol<IMessage> protocol = delta ? new DeltaProtocol(loop, table, _node) : new SotwProtocol(loop, table, _node);
        XdsClient client = new(loop, table, protocol, service, dialler, backOff, _stats);
        _clients.Add(client);
        return client;
    }
}
