using Envoy.Config.Core.V3;

namespace Pilotfish.Proxy.Xds;

/// <summary>
/// The place that a config source names. Sources with equal keys are one stream, or one file, whatever else they say, such as how long a first
/// answer may take.
/// </summary>
public readonly record struct SourceKey
{
    private readonly Place _place;

    // Of the file or the cluster.
    private readonly string _name;

    // Its metadata and authority may make two control planes of one cluster.
    private readonly GrpcService? _service;

    private SourceKey(Place place, string name = "", GrpcService? service = null) => (_place, _name, _service) = (place, name, service);

    private enum Place : byte
    {
        Nowhere,
        Ads,
        File,
        Cluster,
        DeltaCluster,
    }

    /// <summary>The key of a config source; one that names nothing has a key of its own.</summary>
    public static SourceKey Of(ConfigSource source) => source.ConfigSourceSpecifierCase switch
    {
        // What came over ADS means ADS by self, and nothing else may say it.
        ConfigSource.ConfigSourceSpecifierOneofCase.Ads or ConfigSource.ConfigSourceSpecifierOneofCase.Self => new SourceKey(Place.Ads),
        ConfigSource.ConfigSourceSpecifierOneofCase.Path => new SourceKey(Place.File, source.Path),
        ConfigSource.ConfigSourceSpecifierOneofCase.PathConfigSource => new SourceKey(Place.File, source.PathConfigSource.Path),
        ConfigSource.ConfigSourceSpecifierOneofCase.ApiConfigSource => Of(source.ApiConfigSource),
        _ => default,
    };

    /// <summary>The key of a source that is a cluster.</summary>
    public static SourceKey Of(ApiConfigSource source) => new(
        ControlPlanes.IsDelta(source) ? Place.DeltaCluster : Place.Cluster,
        ControlPlanes.ClusterOf(source) ?? "",
        ControlPlanes.ServiceOf(source)?.Clone());
}
