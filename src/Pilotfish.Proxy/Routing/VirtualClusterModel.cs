using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Routing;

/// <summary>
/// A compiled VirtualCluster: a name for the requests of a virtual host whose headers match (<c>%VIRTUAL_CLUSTER_NAME%</c>). Immutable.
/// </summary>
public sealed class VirtualClusterModel
{
    /// <summary>The name of requests that match none, where a virtual host has virtual clusters.</summary>
    public const string CatchAll = "other";

    private readonly HeaderMatch[] _headers;

    private VirtualClusterModel(string name, HeaderMatch[] headers)
    {
        Name = name;
        _headers = headers;
    }

    public string Name { get; }

    public bool Matches(HeaderMap headers) => HeaderMatch.AllMatch(_headers, headers);

    /// <summary>Throws <see cref="ConfigRejectedException"/> with a path below <paramref name="field"/>.</summary>
    public static VirtualClusterModel[] CompileAll(IReadOnlyList<VirtualCluster> clusters, string field)
    {
        var models = new VirtualClusterModel[clusters.Count];
        for (int i = 0; i < models.Length; i++)
        {
            string at = $"{field}[{i}]";
            if (clusters[i].Name.Length == 0)
            {
                throw new ConfigRejectedException($"{at}.name", "the virtual cluster has no name");
            }

            models[i] = new VirtualClusterModel(clusters[i].Name, HeaderMatch.CompileAll(clusters[i].Headers, $"{at}.headers"));
        }

        return models;
    }
}
