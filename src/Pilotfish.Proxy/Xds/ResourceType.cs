using System.Text;

namespace Pilotfish.Proxy.Xds;

/// <summary>One kind of resource that a control plane serves, known on the wire by its type URL.</summary>
public sealed class ResourceType
{
    public const string UrlPrefix = "type.googleapis.com/";

    public static readonly ResourceType Cluster = new("CDS", "envoy.config.cluster.v3.Cluster");
    public static readonly ResourceType Endpoints = new("EDS", "envoy.config.endpoint.v3.ClusterLoadAssignment");
    public static readonly ResourceType Listener = new("LDS", "envoy.config.listener.v3.Listener");
    public static readonly ResourceType ScopedRoute = new("SRDS", "envoy.config.route.v3.ScopedRouteConfiguration");
    public static readonly ResourceType Route = new("RDS", "envoy.config.route.v3.RouteConfiguration");
    public static readonly ResourceType VirtualHost = new("VHDS", "envoy.config.route.v3.VirtualHost");
    public static readonly ResourceType Secret = new("SDS", "envoy.extensions.transport_sockets.tls.v3.Secret");
    public static readonly ResourceType Extension = new("ECDS", "envoy.config.core.v3.TypedExtensionConfig");
    public static readonly ResourceType Runtime = new("RTDS", "envoy.service.runtime.v3.Runtime");
    public static readonly ResourceType NameTable = new("NDS", "istio.networking.nds.v1.NameTable");
    public static readonly ResourceType ProxyConfig = new("PCDS", "istio.mesh.v1alpha1.ProxyConfig");

    // Longer than any URL above.
    private const int UrlLengthMax = 128;

    private ResourceType(string shortName, string messageName)
    {
        ShortName = shortName;
        TypeUrl = UrlPrefix + messageName;
    }

    /// <summary>In the order in which effects must be applied and requests are made: make before break.</summary>
    public static IReadOnlyList<ResourceType> All { get; } =
        [Cluster, Endpoints, Listener, ScopedRoute, Route, VirtualHost, Secret, Extension, Runtime, NameTable, ProxyConfig];

    /// <summary>The discovery service's usual name: LDS, CDS, ...</summary>
    public string ShortName { get; }

    public string TypeUrl { get; }

    public static ResourceType? FromTypeUrl(string typeUrl)
    {
        foreach (ResourceType type in All)
        {
            if (type.TypeUrl == typeUrl)
            {
                return type;
            }
        }

        return null;
    }

    /// <summary>The text of a type URL, without a copy for the known ones.</summary>
    internal static string InternedUrl(ReadOnlySpan<byte> utf8)
    {
        Span<char> text = stackalloc char[UrlLengthMax];
        if (utf8.Length <= UrlLengthMax && Ascii.ToUtf16(utf8, text, out int length) == System.Buffers.OperationStatus.Done)
        {
            foreach (ResourceType type in All)
            {
                if (text[..length].SequenceEqual(type.TypeUrl))
                {
                    return type.TypeUrl;
                }
            }
        }

        return Encoding.UTF8.GetString(utf8);
    }

    public override string ToString() => ShortName;
}
