using Pilotfish.Api.Names;

namespace Pilotfish.ControlPlane.Xds;

/// <summary>The resource types on a stream, in the order in which a push sends them.</summary>
internal static class XdsTypes
{
    /// <summary>Clusters before their endpoints, listeners before their routes: what refers comes after what it refers to can warm.</summary>
    public static readonly IReadOnlyList<string> PushOrder =
    [
        TypeUrls.Cluster, TypeUrls.ClusterLoadAssignment, TypeUrls.Listener, TypeUrls.RouteConfiguration, TypeUrls.Secret,
        TypeUrls.ExtensionConfiguration, TypeUrls.NameTable, TypeUrls.ProxyConfig,
    ];

    /// <summary>Types whose whole set is subscribed without naming anything.</summary>
    public static bool IsWildcard(string typeUrl) => typeUrl is TypeUrls.Cluster or TypeUrls.Listener or TypeUrls.NameTable or TypeUrls.ProxyConfig;

    /// <summary>The abbreviation people know: CDS, EDS and so on.</summary>
    public static string ShortName(string typeUrl) => typeUrl switch
    {
        TypeUrls.Cluster => "CDS",
        TypeUrls.ClusterLoadAssignment => "EDS",
        TypeUrls.Listener => "LDS",
        TypeUrls.RouteConfiguration => "RDS",
        TypeUrls.Secret => "SDS",
        TypeUrls.ExtensionConfiguration => "ECDS",
        TypeUrls.NameTable => "NDS",
        TypeUrls.ProxyConfig => "PCDS",
        _ => typeUrl,
    };
}
